"""What a change means, as people read it before they approve."""

from datetime import timedelta

from certwright.reconcile.trust.change import compare
from certwright.reconcile.trust.description import describe_difference, describe_staging
from certwright.reconcile.trust.record import TrustedCertificate
from certwright.reconcile.trust.stance import Standing
from tests.support.pki import NOW, PKI
from tests.support.staging import PUBLIC, ROOTS, Shop, decide, mozilla

A, B, C, D, _ = ROOTS
DAY = timedelta(days=1)


def test_change_that_waits_is_described_with_the_id_to_approve() -> None:
    shop = Shop(manual=True)
    shop.approve(decide("a", A), decide("b", B), decide("c", C), decide("d", D))

    staged = shop.look(
        decide("a", A, until=NOW + DAY, role="intermediateCA"),
        decide("b", B, Standing.WITHDRAWN),
        decide("c", C),
        decide("new", ROOTS[4], author="ada"),
    )

    until = "trusted until its own end→2026-06-16T00:00:00Z"
    assert staged.pending is not None
    assert describe_staging(staged) == (
        f'withdraws "Root 1" ({B.fingerprint}), at once: TrustDecision b distrusts it',
        f'adds "Root 4" ({ROOTS[4].fingerprint}), rootCA, until 2035-01-01T00:00:00Z, TrustDecision new',
        f'removes "Root 3" ({D.fingerprint}), rootCA, TrustDecision d',
        f'changes "Root 0" ({A.fingerprint}), rootCA→intermediateCA, {until}, TrustDecision a',
        "decided by ada",
        f"to approve: {staged.pending.id}",
    )


def test_what_an_automatic_store_deploys_is_described_without_an_id() -> None:
    shop = Shop()
    shop.deploy(decide("a", A), decide("b", B))

    staged = shop.look(decide("b", B, Standing.WITHDRAWN), decide("c", C, until=NOW + DAY))

    assert describe_staging(staged) == (
        f'withdraws "Root 1" ({B.fingerprint}), at once: TrustDecision b distrusts it',
        f'adds "Root 2" ({C.fingerprint}), rootCA, trusted until 2026-06-16T00:00:00Z, TrustDecision c',
        f'removes "Root 0" ({A.fingerprint}), rootCA, TrustDecision a',
    )


def test_public_roots_are_described_with_their_version() -> None:
    lines = describe_staging(Shop(manual=True, public=mozilla(PUBLIC[0])).look(decide("p", PUBLIC[0])))

    assert lines[0].endswith("TrustDecision p, public roots")
    assert lines[1] == "brings the public roots 2026.05.01"


def test_blocked_change_shows_no_id_to_approve() -> None:
    shop = Shop(manual=True)
    shop.approve(decide("a", A))

    lines = describe_staging(shop.look())

    assert [each.split(":")[0].split()[0] for each in lines] == ["removes", "not"]


def test_nothing_is_said_when_nothing_changes() -> None:
    shop = Shop()
    shop.deploy(decide("a", A))

    assert describe_staging(shop.look(decide("a", A))) == ()


def test_ca_that_nobody_speaks_for_is_described_as_such() -> None:
    evil = PKI().root("Evil\u202e\n").certificate

    (line,) = describe_difference(compare((TrustedCertificate(evil),), ()))

    assert line.endswith("rootCA, no decision any more")
    assert line.isprintable()


def test_change_of_the_role_alone_says_nothing_of_time() -> None:
    before, after = TrustedCertificate(A, "rootCA"), TrustedCertificate(A, "intermediateCA")

    (line,) = describe_difference(compare((before,), (after,)))

    assert "rootCA→intermediateCA" in line
    assert "until" not in line


def test_change_of_the_end_alone_says_nothing_of_the_role() -> None:
    before, after = TrustedCertificate(A, trust_until=NOW), TrustedCertificate(A, trust_until=NOW + DAY)

    (line,) = describe_difference(compare((before,), (after,)))

    assert "trusted until 2026-06-15T00:00:00Z→2026-06-16T00:00:00Z" in line
    assert "rootCA" not in line
