"""Whose lists a RevocationSource takes: those of the CAs that its namespace trusts, or that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.revocationsource import RevocationSources
from certwright.reconcile.trust.stance import decisions_of
from tests.support.memory_cluster import NAMESPACE, START
from tests.support.pki import PKI, Entity
from tests.unit.reconcile.conftest import ISSUING, ROOT
from tests.unit.reconcile.trusting import TrustingWorld

OTHER = PKI().root("Other Root")
WEEK = timedelta(days=7)
NAMED = {"issuerRef": {"kind": "TrustDecision", "name": "root"}}


@dataclass
class ListWorld(TrustingWorld):
    """A world with one RevocationSource called `corp`, and decisions as their own passes leave them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reconciler = RevocationSources(self.settings)  # type: ignore[assignment]

    @property
    def subject(self) -> Subject:
        return self.cluster.subjects[ObjectKey(Kind.REVOCATION_SOURCE, NAMESPACE, "corp")]

    def wish(self, spec: Mapping[str, Any]) -> Subject:
        return self.cluster.put_subject("corp", spec, kind=Kind.REVOCATION_SOURCE)

    def decide(self, name: str, ca: Entity, *, judged: bool = True, state: str = "trusted", **spec: Any) -> Subject:
        """Make a decision that was judged."""
        wish = {"certificate": ca.pem, **spec}
        decision = self.cluster.put_subject(name, wish, kind=Kind.TRUST_DECISION)
        status = {
            "observedGeneration": decision.generation if judged else 0,
            "trustState": state,
            "fingerprint": ca.certificate.fingerprint,
        }
        decision = self.cluster.subjects[decision.key] = replace(decision, status=status)
        return decision

    @property
    def code(self) -> int:
        return int(self.status["validation"])


@pytest.fixture
def world() -> ListWorld:
    return ListWorld()


def listed(issuer: Entity = ISSUING, **wishes: Any) -> dict[str, Any]:
    """Give a wish with the list of a CA."""
    dates = {"this_update": START - WEEK, "next_update": START + WEEK}
    return {"crl": issuer.crl(**{**dates, **wishes}).pem}


async def is_settled(world: ListWorld) -> bool:
    world.restart()
    result = await world.reconcile()
    return result.settled and world.cluster.writes == 0


# ---- without an issuer: those that the namespace trusts


async def test_list_is_used_when_a_decision_trusts_its_issuer_and_none_is_named(world: ListWorld) -> None:
    await world.judge(listed())
    assert (world.code, world.reasons) == (2031, ["CRLIssuerNotFound"])
    assert "Trust it with a TrustDecision, or name it in `spec.issuerRef`." in world.message()
    assert world.reconciler.asks(world.subject) == {decisions_of(NAMESPACE)}
    assert await is_settled(world)

    world.decide("root", ROOT)
    world.decide("issuing", ISSUING, certUse="intermediateCA")
    await world.reconcile()
    assert (world.code, world.condition("Ready")) == (0, ("True", "Valid"))
    assert world.status["record"]["decisions"].startswith("sha256:")
    assert await is_settled(world)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "untrusted"},
        {"trustStateDesired": "untrusted"},
        {"judged": False},
        {"state": "expired"},
    ],
    ids=["troubled", "withdrawn", "pending", "expired"],
)
async def test_decision_does_not_vouch_for_lists_when_it_is_not_trusted(
    world: ListWorld, changes: dict[str, Any]
) -> None:
    world.decide("root", ROOT, **changes)
    world.decide("other", OTHER)
    await world.judge(listed(ROOT))
    assert (world.code, world.reasons) == (2031, ["CRLIssuerNotFound"])

    world.decide("root", ROOT)
    await world.reconcile()
    assert world.code == 0


async def test_list_in_use_stays_when_its_issuer_is_no_longer_trusted(world: ListWorld) -> None:
    world.decide("root", ROOT)
    await world.judge(listed(ROOT, number=7))
    assert world.status["crlNumber"] == "7"

    world.decide("root", ROOT, trustStateDesired="untrusted")
    await world.reconcile()
    assert (world.code, world.status["crlNumber"]) == (2031, "7")
    assert world.message().endswith("until 2026-06-08 12:00:00 UTC.")


async def test_decisions_are_nobodys_business_when_the_issuer_is_named_otherwise(world: ListWorld) -> None:
    world.decide("root", ROOT)
    world.cluster.put_secret("issuers", {"ca.crt": OTHER.pem}, kind=Kind.CONFIG_MAP)
    await world.judge({**listed(ROOT), "issuerRef": {"kind": "ConfigMap", "name": "issuers"}})
    assert world.code == 2031
    assert world.message().startswith("Refused: ")
    assert "Add it to what `spec.issuerRef` names." in world.message()
    assert "decisions" not in world.status["record"]
    assert world.reconciler.asks(world.subject) == frozenset()


async def test_certificate_of_a_decision_is_read_from_where_it_stands_when_it_is_referred_to(world: ListWorld) -> None:
    key = world.cluster.put_secret("root", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    reference = {
        "certificate": None,
        "certificateRef": {"name": "root"},
        "fingerprint": ROOT.certificate.fingerprint,
    }
    world.decide("root", ROOT, **reference)
    world.cluster.fail("read", key, FailureCause.UNAVAILABLE)
    world.wish(listed(ROOT))
    result = await world.reconcile()
    assert (result.retry, sorted(world.reasons)) == (True, ["CRLIssuerNotFound", "NotChecked"])
    assert any(each["message"].startswith("TrustDecision `root`, ") for each in world.status["findings"])

    await world.reconcile()
    assert (world.code, world.reasons) == (0, [])

    world.cluster.put_secret("root", {"ca.crt": OTHER.pem}, kind=Kind.CONFIG_MAP)
    await world.reconcile(full=True)
    assert sorted(world.reasons) == ["CRLIssuerNotFound", "ReferenceNotFound"]


async def test_unread_certificates_do_not_matter_when_another_one_fits(world: ListWorld) -> None:
    world.decide(
        "lost", OTHER, certificate=None, certificateRef={"name": "x"}, fingerprint=OTHER.certificate.fingerprint
    )
    world.decide("root", ROOT)
    await world.judge(listed(ROOT))
    assert (world.code, world.reasons) == (0, [])


async def test_certificate_that_nobody_judged_is_not_taken_when_a_status_says_another(world: ListWorld) -> None:
    decision = world.decide("root", ROOT)
    status = {**decision.status, "fingerprint": OTHER.certificate.fingerprint}
    world.cluster.subjects[decision.key] = replace(decision, status=status)
    await world.judge(listed(ROOT))
    assert sorted(world.reasons) == ["CRLIssuerNotFound", "ReferenceNotFound"]
    assert any(
        "another certificate than the one that was judged" in each["message"] for each in world.status["findings"]
    )


# ---- with a decision as the issuer


async def test_list_is_used_when_the_decision_that_is_named_is_trusted(world: ListWorld) -> None:
    world.decide("other", ISSUING)
    await world.judge({**listed(ROOT), **NAMED})
    assert (world.code, world.reasons) == (-1, ["ReferenceNotFound"])
    assert world.condition("Reconciling") == ("True", "ReferenceNotFound")
    assert "there is no TrustDecision `root` in namespace `shop`" in world.message()

    world.decide("root", ROOT)
    await world.reconcile()
    assert (world.code, world.condition("Ready")) == (0, ("True", "Valid"))
    assert await is_settled(world)

    world.decide("other", OTHER)
    result = await world.reconcile()
    assert result.settled


async def test_list_is_refused_when_another_ca_than_the_one_that_is_named_signed_it(world: ListWorld) -> None:
    world.decide("root", OTHER)
    await world.judge({**listed(ROOT), **NAMED})
    assert (world.code, world.reasons) == (2031, ["CRLIssuerNotFound"])
    assert "Name the TrustDecision about it in `spec.issuerRef`." in world.message()


@pytest.mark.parametrize(
    ("changes", "code", "reason", "words"),
    [
        ({"trustStateDesired": "untrusted"}, 2032, "CRLIssuerNotAuthorized", "is not trusted, so no list is taken"),
        ({"state": "untrusted"}, 2031, "CRLIssuerNotFound", "has no certificate that was found good"),
        ({"judged": False}, -1, "ReferenceNotFound", "has not been judged yet"),
    ],
    ids=["withdrawn", "troubled", "pending"],
)
async def test_source_says_why_when_the_decision_that_is_named_is_not_trusted(
    world: ListWorld, changes: dict[str, Any], code: int, reason: str, words: str
) -> None:
    world.decide("root", ROOT, **changes)
    await world.judge({**listed(ROOT), **NAMED})
    assert (world.code, world.reasons) == (code, [reason])
    assert f"`spec.issuerRef`: TrustDecision `root` {words}" in world.message()
    assert world.status.get("crlNumber") is None


async def test_source_says_so_when_the_decision_that_is_named_goes(world: ListWorld) -> None:
    decision = world.decide("root", ROOT)
    world.cluster.subjects[decision.key] = replace(decision, deleting=True)
    await world.judge({**listed(ROOT), **NAMED})
    assert (world.code, world.reasons) == (-1, ["ReferenceNotFound"])
    assert "TrustDecision `root` is being deleted" in world.message()


async def test_source_waits_when_the_certificate_of_the_decision_that_is_named_cannot_be_read(world: ListWorld) -> None:
    key = world.cluster.put_secret("root", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    world.decide(
        "root", ROOT, certificate=None, certificateRef={"name": "root"}, fingerprint=ROOT.certificate.fingerprint
    )
    world.cluster.fail("read", key, FailureCause.UNAVAILABLE)
    await world.judge({**listed(ROOT), **NAMED})
    assert (world.code, world.reasons) == (-1, ["NotChecked"])
    assert world.message().startswith(
        "Waiting: TrustDecision `root`, `spec.certificateRef`: ConfigMap `root` could not"
    )

    await world.reconcile()
    assert world.code == 0
