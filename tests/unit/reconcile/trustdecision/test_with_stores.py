"""Decisions and stores together, each by its own passes: the same CA in two stores, and every way to let go of it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.truststore import TrustStores
from tests.support.memory_cluster import NAMESPACE
from tests.unit.reconcile.trustdecision.desk import NAME, OTHER, ROOT, Desk

STORES = ("automatic", "manual")


class Shared(Desk):
    """A desk beside real stores, one that deploys at once and one that waits for approval."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._reconcilers[Kind.TRUST_STORE] = TrustStores(self.settings)
        self.wish_for("automatic", mode="Automatic")
        self.wish_for("manual", mode="Manual")

    def wish_for(self, name: str, **deployment: Any) -> None:
        self.put_store(name, deployment=deployment, targets=[{"name": f"{name}-ca"}])

    def store(self, name: str) -> Subject:
        return self.cluster.subjects[self.store_key(name)]

    @staticmethod
    def store_key(name: str) -> ObjectKey:
        return ObjectKey(Kind.TRUST_STORE, NAMESPACE, name)

    async def approve(self) -> None:
        pending = self.store("manual").status["pending"]["id"]
        self.wish_for("manual", mode="Manual", approved=pending)
        await self.rest()

    def words(self, name: str = NAME) -> tuple[str | None, dict[str, str]]:
        status = self.status_of(name)
        return status.get("deployStatus"), {row["name"]: row["deployStatus"] for row in status.get("stores", ())}

    def bundle(self, name: str) -> set[str]:
        """Say which of the two CAs stand in the target of a store."""
        observed = self.cluster.objects.get(ObjectKey(Kind.CONFIG_MAP, NAMESPACE, f"{name}-ca"))
        text = observed.data["ca.crt"].decode() if observed is not None else ""
        return {label for label, entity in (("root", ROOT), ("other", OTHER)) if _body(entity.pem) in text}


def _body(pem: str) -> str:
    return "".join(pem.splitlines(keepends=True)[1:-1])


@pytest.fixture
async def desk() -> Shared:
    desk = Shared()
    await desk.decide(OTHER, "other")
    await desk.approve()
    return desk


async def test_words_over_two_stores_are_right_at_every_step_of_a_ca(desk: Shared) -> None:
    await desk.decide(ROOT)
    assert desk.words() == ("DEPLOY_PENDING", {"automatic": "DEPLOYED", "manual": "DEPLOY_PENDING"})
    await desk.approve()
    assert desk.words() == ("DEPLOYED", {"automatic": "DEPLOYED", "manual": "DEPLOYED"})
    assert (desk.bundle("automatic"), desk.bundle("manual")) == ({"root", "other"}, {"root", "other"})

    await desk.judge(certificate="a typing error")  # trouble takes nothing out
    assert desk.words() == ("DEPLOYED", {"automatic": "DEPLOYED", "manual": "DEPLOYED"})
    assert (desk.bundle("automatic"), desk.bundle("manual")) == ({"root", "other"}, {"root", "other"})

    await desk.decide(ROOT, trustStateDesired="untrusted")  # a withdrawal waits for nobody
    assert desk.words() == (None, {})
    assert (desk.bundle("automatic"), desk.bundle("manual")) == ({"other"}, {"other"})
    assert [each.reason for each in desk.cluster.events if each.subject.key == desk.key()] == [
        *("Trusted", "Deployed", "Unparsable", "Untrusted", "DeletePending", "Removed"),
    ]


async def test_deleted_decision_is_let_go_and_stays_deployed_until_somebody_approves(desk: Shared) -> None:
    await desk.decide(ROOT)
    await desk.approve()
    desk.delete()
    await desk.rest()
    assert desk.key() not in desk.cluster.subjects
    assert (desk.bundle("automatic"), desk.bundle("manual")) == ({"other"}, {"root", "other"})
    await desk.approve()
    assert desk.bundle("manual") == {"other"}


async def test_last_decision_is_let_go_when_its_bundles_must_not_be_empty(desk: Shared) -> None:
    desk.delete("other")
    await desk.rest()
    assert desk.key("other") not in desk.cluster.subjects
    assert (desk.bundle("automatic"), desk.bundle("manual")) == ({"other"}, {"other"})


@pytest.mark.parametrize("order", list(permutations((NAME, "other", *STORES))), ids="-".join)
@pytest.mark.parametrize("resting", [True, False], ids=["one-by-one", "at-once"])
async def test_nothing_is_stuck_when_everything_is_deleted_in_any_order(
    desk: Shared, order: tuple[str, ...], *, resting: bool
) -> None:
    await desk.decide(ROOT)
    await desk.approve()
    for name in order:
        desk.cluster.delete_subject(desk.store_key(name) if name in STORES else desk.key(name))
        if resting:
            await desk.rest()
    await desk.rest()
    assert desk.cluster.subjects == {}
