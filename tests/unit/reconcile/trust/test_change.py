"""Differences, ids, authors, and what a status shows of a change."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from certwright.api.model import timestamp
from certwright.api.truststore_status import AUTHORS_LIMIT, PendingChange
from certwright.reconcile.trust.change import Change, Difference, change_id, compare, describe_pending, find_authors
from certwright.reconcile.trust.record import TrustedCertificate, revision_of
from tests.support.pki import NOW, PKI
from tests.support.staging import ROOTS, decide

A, B, C = (TrustedCertificate(each, decisions=(f"d{place}",)) for place, each in enumerate(ROOTS[:3]))
REVISIONS = st.integers(0, 9).map(lambda number: f"sha256:{number:064x}")

ENTRIES = st.lists(
    st.builds(
        TrustedCertificate,
        certificate=st.sampled_from(ROOTS),
        role=st.sampled_from(["rootCA", "intermediateCA"]),
        trust_until=st.sampled_from([None, NOW, NOW + timedelta(days=1)]),
        decisions=st.sampled_from([(), ("a",), ("a", "b")]),
        distrusted=st.booleans(),
    ),
    unique_by=lambda each: each.fingerprint,
)


@given(before=ENTRIES, after=ENTRIES)
def test_there_is_a_difference_exactly_when_revisions_differ(
    before: list[TrustedCertificate], after: list[TrustedCertificate]
) -> None:
    assert bool(compare(before, after)) == (revision_of(before) != revision_of(after))


@given(before=ENTRIES, after=ENTRIES, seed=st.randoms())
def test_difference_depends_on_no_order(
    before: list[TrustedCertificate], after: list[TrustedCertificate], seed: object
) -> None:
    expected = compare(before, after)
    seed.shuffle(before)  # type: ignore[attr-defined]
    seed.shuffle(after)  # type: ignore[attr-defined]

    assert compare(before, after) == expected


@given(deployed=st.none() | REVISIONS, staged=REVISIONS, times=st.integers(1, 5))
def test_id_never_comes_twice(deployed: str | None, staged: str, times: int) -> None:
    used: list[str] = []

    for _ in range(times):
        used.append(change_id(deployed, staged, used))

    assert len(set(used)) == times
    assert used[0] == change_id(deployed, staged)


@given(one=st.tuples(st.none() | REVISIONS, REVISIONS), other=st.tuples(st.none() | REVISIONS, REVISIONS))
def test_ids_of_different_changes_differ(one: tuple[str | None, str], other: tuple[str | None, str]) -> None:
    assert (change_id(*one) == change_id(*other)) == (one == other)


def test_id_is_the_documented_digest() -> None:
    # printf 'none\nsha256:00…00' | sha256sum
    assert change_id(None, "sha256:" + "0" * 64) == (
        "sha256:86ffe84fc3171f15162288a5fc32d0c99e86ac42797af94aadb61ab1abeee1a0"
    )


def test_authors_are_sorted_and_named_once() -> None:
    stances = {name: decide(name, author=author).stance for name, author in {"d0": "zoe", "d1": "ada"}.items()}
    difference = Difference(added=(A,), removed=(B,), changed=((A, A),))

    assert find_authors(difference, stances, ("old",), is_same=False) == ("ada", "zoe")
    assert find_authors(difference, stances, ("old",), is_same=True) == ("ada", "old", "zoe")


def test_authors_of_former_change_stay_when_a_decision_is_gone() -> None:
    assert find_authors(Difference(removed=(C,)), {}, ("old",), is_same=False) == ("old",)


def test_decisions_without_author_name_nobody() -> None:
    assert find_authors(Difference(added=(A,)), {"d0": decide("d0").stance}, (), is_same=False) == ()


def test_status_counts_what_its_lists_have_no_room_for() -> None:
    many = tuple(TrustedCertificate(ROOTS[0]) for _ in range(40))
    authors = tuple(f"user-{number:02}" for number in range(20))

    shown = describe_pending(Change("sha256:" + "a" * 64, Difference(added=many, changed=((A, B),)), authors))

    assert (len(shown.added), shown.added_count, shown.removed_count, shown.changed_count) == (32, 40, None, 1)
    assert shown.authors == authors[:AUTHORS_LIMIT]
    assert (shown.changed[0].decision, shown.added[0].decision) == ("d1", None)


def test_status_says_what_becomes_of_each_ca() -> None:
    later = NOW + timedelta(days=365)
    ended, lasting = replace(A, trust_until=NOW), replace(A, trust_until=later)

    def shown(difference: Difference) -> PendingChange:
        return describe_pending(Change("sha256:" + "a" * 64, difference))

    end = timestamp(A.certificate.not_after)
    (change,) = shown(Difference(changed=((ended, lasting),))).changed
    assert change.effect == f"trusted until {timestamp(NOW)}→{timestamp(later)}"
    (change,) = shown(Difference(changed=((A, ended),))).changed
    assert change.effect == f"trusted until its own end→{timestamp(NOW)}"
    (change,) = shown(Difference(changed=((A, replace(A, role="intermediateCA")),))).changed
    assert change.effect == "rootCA→intermediateCA"
    added, limited = shown(Difference(added=(A, lasting))).added
    assert (added.effect, limited.effect) == (f"rootCA, until {end}", f"rootCA, trusted until {timestamp(later)}")
    (change,) = shown(Difference(removed=(lasting,))).removed
    assert change.effect == "rootCA"


def test_author_stands_whole_for_the_policy_that_compares_it() -> None:
    account = f"system:serviceaccount:{'n' * 63}:{'a' * 253}"

    shown = describe_pending(Change("sha256:" + "a" * 64, Difference(added=(A,)), (account,)))

    assert shown.authors == (account,)


def test_status_stays_small_whatever_cas_are_called() -> None:
    loud = PKI().root("\N{GRINNING FACE}" * 64).certificate
    many = tuple(TrustedCertificate(loud, decisions=("d" * 253,)) for _ in range(40))

    shown = describe_pending(Change("sha256:" + "a" * 64, Difference(many, many, tuple(zip(many, many, strict=True)))))

    assert 10 < len(shown.added) < 32
    assert (shown.added_count, shown.removed_count, shown.changed_count) == (40, 40, 40)
    assert len(shown.model_dump_json().encode()) < 25 * 1024
