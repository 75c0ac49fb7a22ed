"""An intermediate: who vouches for it, who is waited for, and what lists say of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.trust.stance import Standing, read_stance
from certwright.reconcile.trustdecision.past import recall_revocation
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI, Entity
from tests.unit.reconcile.trustdecision.desk import BELOW, ISSUING, NAME, OTHER, ROOT, Desk, fingerprint_of

INTERMEDIATE: dict[str, Any] = {"certUse": "intermediateCA"}
HOUR = timedelta(hours=1)


async def decide(desk: Desk, entity: Entity = ISSUING, name: str = NAME, **spec: Any) -> Mapping[str, Any]:
    return await desk.decide(entity, name, **INTERMEDIATE, **spec)


def said(desk: Desk) -> tuple[str, int, str]:
    return desk.status["trustState"], desk.status["validation"], desk.conditions()["Ready"]


def standing(desk: Desk, name: str = NAME) -> Standing:
    return read_stance(desk.subject(name)).standing


GOOD = ("trusted", 0, "True Valid")


# ---- paths


async def test_intermediate_is_trusted_when_a_decision_trusts_its_root(desk: Desk) -> None:
    await decide(desk)
    assert said(desk) == ("untrusted", 2011, "False IssuerNotFound")
    assert 'names issuer "Corp Root"' in desk.message()
    assert "Make a decision in this namespace that trusts it." in desk.message()

    await desk.decide(ROOT, "root")
    assert said(desk) == GOOD
    assert desk.reasons() == []  # that there is no revocation list is nobody's fault

    await desk.decide(ROOT, "root", trustStateDesired="untrusted")
    assert said(desk) == ("untrusted", 2011, "False IssuerNotFound")
    assert standing(desk) is Standing.TROUBLED


async def test_path_leads_through_other_intermediates_when_decisions_trust_them(desk: Desk) -> None:
    await desk.decide(ROOT, "root")
    await decide(desk, BELOW)
    assert said(desk) == ("untrusted", 2011, "False IssuerNotFound")
    await decide(desk, ISSUING, "issuing")
    assert said(desk) == GOOD
    await decide(desk, ISSUING, "issuing", trustStateDesired="untrusted")
    assert said(desk) == ("untrusted", 2011, "False IssuerNotFound")


@pytest.mark.parametrize(
    ("entity", "validation", "text"),
    [
        (OTHER, 2012, "is self-signed: it is a root. Set `spec.certUse` to `rootCA`."),
        (ROOT.issue_leaf("shop.example.com"), 2012, "its basic constraints do not say CA"),
        (PKI().root("Other CA").issue_ca("Stranger CA"), 2011, 'names issuer "Other CA"'),
        (ROOT.issue_ca("Forged CA", sign_with=OTHER.key), 2013, "is not by the key"),
    ],
    ids=["root", "leaf", "stranger", "forged"],
)
async def test_intermediate_is_refused_when_it_is_none_or_has_no_path(
    desk: Desk, entity: Entity, validation: int, text: str
) -> None:
    await desk.decide(ROOT, "root")
    await decide(desk, entity)
    assert desk.status["validation"] == validation
    assert text in desk.message()


async def test_intermediate_waits_when_a_decision_that_may_vouch_is_not_judged_yet(desk: Desk) -> None:
    desk.wish("root", certificate=ROOT.pem)
    desk.wish(certificate=ISSUING.pem, **INTERMEDIATE)
    await desk.reconcile()
    assert desk.conditions()["Reconciling"] == "True NotChecked"
    assert desk.reasons() == ["NotChecked"]
    assert "`root` has not been judged yet" in desk.message()
    assert desk.cluster.events == []
    await desk.rest()
    assert said(desk) == GOOD


async def test_two_intermediates_do_not_wait_for_each_other_when_neither_has_a_root(desk: Desk) -> None:
    desk.wish("first", certificate=ISSUING.pem, **INTERMEDIATE)
    await decide(desk, BELOW)
    assert (desk.reasons("first"), desk.reasons()) == (["IssuerNotFound"], ["IssuerNotFound"])


async def test_root_is_read_where_its_decision_says_when_it_is_referred_to(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    reference: dict[str, Any] = {"certificateRef": {"name": "ca"}, "fingerprint": fingerprint_of(ROOT.der)}
    await desk.judge("root", **reference)
    await decide(desk)
    assert said(desk) == GOOD

    config_map = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "ca")
    desk.cluster.fail("read", config_map, FailureCause.UNAVAILABLE)
    result = await desk.reconcile(full=True)
    assert (desk.reasons(), result.retry) == (["NotChecked"], True)
    assert "`root` cannot be read" in desk.message()
    await desk.rest()
    assert said(desk) == GOOD


# ---- revocation


@pytest.fixture
async def trusted(desk: Desk) -> Desk:
    await desk.decide(ROOT, "root")
    await decide(desk)
    return desk


async def test_intermediate_is_withdrawn_when_a_list_names_it(trusted: Desk) -> None:
    crl = trusted.crl(ROOT, ISSUING, number=7)
    await trusted.list_revoked(crl, ROOT)
    assert said(trusted) == ("untrusted", 2005, "False Revoked")
    assert standing(trusted) is Standing.WITHDRAWN
    known = recall_revocation(trusted.status["record"]["revoked"])
    assert known is not None
    assert (known.fingerprint, known.number) == (fingerprint_of(ISSUING.der), 7)

    await trusted.decide(ROOT, "root", trustStateDesired="untrusted")  # nobody can look any more
    assert "Revoked" in trusted.reasons()
    assert standing(trusted) is Standing.WITHDRAWN


async def test_intermediate_stays_revoked_until_a_newer_list_says_otherwise_when_the_list_is_gone(
    trusted: Desk,
) -> None:
    await trusted.list_revoked(trusted.crl(ROOT, ISSUING), ROOT)
    trusted.cluster.delete_subject(ObjectKey(Kind.REVOCATION_SOURCE, NAMESPACE, "list"))
    trusted.restart()
    await trusted.rest()
    assert said(trusted) == ("untrusted", 2005, "False Revoked")

    await trusted.list_revoked(trusted.crl(ROOT, this_update=trusted.clock.now - 2 * HOUR), ROOT, "older")
    assert said(trusted)[1] == 2005
    trusted.cluster.delete_subject(ObjectKey(Kind.REVOCATION_SOURCE, NAMESPACE, "older"))

    await trusted.list_revoked(trusted.crl(ROOT, this_update=trusted.clock.now), ROOT, "newer")
    assert said(trusted) == GOOD
    assert "revoked" not in trusted.status["record"]


async def test_what_was_revoked_is_remembered_when_another_certificate_takes_its_place_for_a_while(
    trusted: Desk,
) -> None:
    await trusted.list_revoked(trusted.crl(ROOT, ISSUING), ROOT)
    trusted.cluster.delete_subject(ObjectKey(Kind.REVOCATION_SOURCE, NAMESPACE, "list"))
    await decide(trusted, ROOT.issue_ca("Corp Issuing CA 4"))
    assert said(trusted) == GOOD
    await decide(trusted, ISSUING)
    assert said(trusted) == ("untrusted", 2005, "False Revoked")


async def test_intermediate_is_in_trouble_and_not_withdrawn_when_a_list_has_expired(trusted: Desk) -> None:
    await trusted.list_revoked(trusted.crl(ROOT, next_update=trusted.clock.now + HOUR), ROOT)
    assert said(trusted) == GOOD
    trusted.clock.advance(hours=2)
    await trusted.rest()
    assert said(trusted) == ("untrusted", 2034, "False CRLExpired")
    assert standing(trusted) is Standing.TROUBLED


async def test_verdict_is_kept_when_a_list_is_not_at_hand(trusted: Desk) -> None:
    await trusted.list_revoked(trusted.crl(ROOT), ROOT)
    assert said(trusted) == GOOD
    for key in [key for key in trusted.cluster.objects if key.namespace == trusted.settings.namespace]:
        trusted.cluster.remove(key)
    trusted.restart()
    result = await trusted.reconcile(full=True)
    assert (trusted.cluster.writes, said(trusted)) == (0, GOOD)
    assert result.requeue_at == trusted.clock.now + timedelta(minutes=1)

    trusted.wish(certificate=BELOW.pem, **INTERMEDIATE)  # what is new waits
    await trusted.reconcile()
    assert (trusted.reasons(), trusted.conditions()["Trusted"]) == (["NotChecked"], "Unknown NotChecked")
    assert "the list of RevocationSource `list` is not at hand" in trusted.message()


async def test_list_is_waited_for_when_nobody_has_judged_it_yet(trusted: Desk) -> None:
    trusted.cluster.put_subject("list", {"crl": trusted.crl(ROOT).pem}, kind=Kind.REVOCATION_SOURCE)
    trusted.wish(certificate=BELOW.pem, **INTERMEDIATE)
    await trusted.reconcile()
    assert "`list` has not been judged yet" in trusted.message()


async def test_source_without_a_list_is_passed_over_when_it_was_judged(trusted: Desk) -> None:
    source = trusted.cluster.put_subject("list", {"crl": "nothing"}, kind=Kind.REVOCATION_SOURCE)
    await trusted.rest()
    assert isinstance(source, Subject)
    assert said(trusted) == GOOD


@pytest.mark.parametrize(
    "text", [None, "", "sha256:0 yesterday 1", "two words", "a b c d"], ids=["none", "empty", "date", "two", "four"]
)
def test_revocation_is_nothing_when_it_was_not_written_by_us(text: str | None) -> None:
    assert recall_revocation(text) is None
