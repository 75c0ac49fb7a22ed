"""Rest: nothing changed costs nothing, and whatever did change is noticed from metadata alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.memory_cluster import NAMESPACE
from tests.unit.reconcile.truststore.yard import (
    CLUSTER_STORE,
    MAP,
    NEXT,
    OPERATOR,
    ROOT,
    SOURCE,
    STORE,
    TARGET,
    Yard,
)

KEYSTORE = {
    "kind": "Secret",
    "name": "java-ca",
    "format": "PKCS12",
    "passwordRef": {"name": "password"},
}
PASSWORD = ObjectKey(Kind.SECRET, NAMESPACE, "password")
EVERYWHERE = {"targets": [TARGET], "namespaceSelector": {}}
LAST = ObjectKey(Kind.CONFIG_MAP, SOURCE, "corporate-ca")
IN_SHOP = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "corporate-ca")


async def at_rest() -> Yard:
    """A store of a namespace with every kind of target."""
    yard = Yard()
    yard.cluster.put_secret("password", {"password": "changeit"})
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET, KEYSTORE])
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")
    return yard


async def all_over() -> Yard:
    """A store of the cluster."""
    yard = Yard(main=CLUSTER_STORE)
    yard.decide("corp", ROOT)
    yard.wish(**EVERYWHERE)
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")
    return yard


async def is_settled(yard: Yard) -> bool:
    return (await yard.pass_over(yard.main)).settled


@pytest.mark.parametrize("make", [at_rest, all_over])
async def test_restart_reads_and_writes_nothing(make: Callable[[], Any]) -> None:
    yard = await make()
    yard.restart()
    assert await is_settled(yard)
    assert yard.cluster.calls.total() == 0


@pytest.mark.parametrize("make", [at_rest, all_over])
async def test_pass_ends_with_evidence_for_the_next_start(make: Callable[[], Any]) -> None:
    yard = await make()
    yard.decide("next", NEXT)
    await yard.pass_over(yard.decision("next"))
    assert (await yard.pass_over(yard.main)).recorded
    yard.rewish(targets=[])
    assert (await yard.pass_over(yard.main)).recorded


CHANGES: dict[str, Callable[[Yard], object]] = {
    "wish": lambda yard: yard.rewish(revocation="Require"),
    "decision": lambda yard: yard.decide("next", NEXT),
    "distrust": lambda yard: yard.distrust("corp"),
    "decision gone": lambda yard: yard.cluster.subjects.pop(yard.decision("corp")),
    "labels": lambda yard: yard.decide("corp", ROOT, labels={"team": "a"}),
    "target edited": lambda yard: yard.cluster.change(MAP, data={"ca.crt": b"theirs"}),
    "target gone": lambda yard: yard.cluster.remove(MAP),
    "digest edited": lambda yard: yard.cluster.change(
        MAP, annotations={**yard.target().annotations, "certwright.io/digest": "sha256:0"}
    ),
    "owner taken": lambda yard: yard.cluster.change(MAP, annotations={}),
    "password": lambda yard: yard.cluster.change(PASSWORD, data={"password": b"other"}),
    "password gone": lambda yard: yard.cluster.remove(PASSWORD),
    "record gone": lambda yard: yard.cluster.remove(yard.records[0]),
    "time": lambda yard: yard.advance(days=36500),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_is_noticed(change: str) -> None:
    yard = await at_rest()
    CHANGES[change](yard)
    yard.restart()
    assert not await is_settled(yard)


SPREAD_CHANGES: dict[str, Callable[[Yard], object]] = {
    "namespace": lambda yard: yard.cluster.put_namespace("new"),
    "namespace gone": lambda yard: yard.cluster.delete_namespace(NAMESPACE),
    "label of the source": lambda yard: yard.cluster.put_namespace(SOURCE),
    "last target edited": lambda yard: yard.cluster.change(LAST, data={"ca.crt": b"theirs"}),
    "surplus": lambda yard: yard.cluster.objects.update(
        {
            ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "old"): replace(
                yard.target(IN_SHOP), key=ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "old")
            )
        }
    ),
}


@pytest.mark.parametrize("change", SPREAD_CHANGES)
async def test_every_change_among_many_targets_is_noticed(change: str) -> None:
    yard = await all_over()
    SPREAD_CHANGES[change](yard)
    yard.restart()
    assert not await is_settled(yard)
    await yard.rest()
    yard.restart()
    assert await is_settled(yard)


def forge(yard: Yard, key: ObjectKey) -> None:
    """Write a target as certwright would: in its name, with the marks and the digest that stand there."""
    yard.cluster.change(key, data={"ca.crt": b"forged"})
    yard.cluster.change(key, intact=True)


@pytest.mark.parametrize(("make", "key"), [(at_rest, MAP), (all_over, LAST)])
async def test_bundle_that_was_forged_while_nobody_ran_is_put_back_after_the_start(
    make: Callable[[], Any], key: ObjectKey
) -> None:
    yard = await make()
    forge(yard, key)
    yard.restart()
    await yard.rest()
    assert yard.bundle(key) == {"Corp Root"}
    assert yard.calls["read"] <= 4  # the forged one, and what every pass over a keystore reads
    yard.restart()
    assert await is_settled(yard)
    assert yard.cluster.calls.total() == 0


async def test_label_that_came_while_nobody_ran_is_looked_into_and_never_written_about() -> None:
    yard = await all_over()
    before = yard.status
    for _ in range(2):
        yard.cluster.change(LAST, labels={**yard.target(LAST).labels, "team": "shop"})
        yard.restart()
        assert not await is_settled(yard)
        assert (yard.cluster.calls["read"], yard.cluster.writes) == (2, 0)  # the record, and that target
        assert await is_settled(yard)
        yard.decide("corp", ROOT, labels={"team": "a"})
        await yard.rest()
        assert yard.calls["read"] == 0
    assert yard.status["record"]["horizon"] >= before["record"]["horizon"]


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize(("make", "key"), [(at_rest, MAP), (all_over, LAST)])
async def test_owner_reference_that_was_taken_is_put_back(
    make: Callable[[], Any], key: ObjectKey, *, restarted: bool
) -> None:
    yard = await make()
    references = yard.target(key).owner_references
    assert [each["uid"] for each in references] == [yard.store.version.uid]
    yard.cluster.change(key, owner_references=())
    if restarted:
        yard.restart()
    assert not await is_settled(yard)
    assert yard.target(key).owner_references == references


@pytest.mark.parametrize("horizon", [None, "", "ConfigMap", "ConfigMap=", "ConfigMap=-1,Thing=9", "Secret=9999999"])
async def test_targets_are_looked_into_once_when_the_status_does_not_say_which_were_in_order(
    horizon: str | None,
) -> None:
    yard = await all_over()
    record = {name: value for name, value in yard.status["record"].items() if name != "horizon"}
    said = record if horizon is None else {**record, "horizon": horizon}
    yard.cluster.put_status(yard.main, {**yard.status, "record": said})
    yard.restart()
    assert not await is_settled(yard)
    assert yard.cluster.calls["read"] == 1 + yard.rollout["targets"]  # the record, and each of them
    assert yard.cluster.calls["apply"] == 0


async def test_other_rules_or_settings_ask_for_a_pass() -> None:
    yard = await all_over()
    other = Yard(main=CLUSTER_STORE)
    settings = other.settings.model_copy(update={"bundle_namespaces": (OPERATOR,)})
    yard.reconcilers = Yard(settings=settings).reconcilers
    assert not await is_settled(yard)


async def test_namespace_that_does_not_match_is_no_news() -> None:
    yard = Yard(main=CLUSTER_STORE)
    yard.cluster.put_namespace("team", {"team": "a"})
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET], namespaceSelector={"matchLabels": {"team": "a"}})
    await yard.rest()
    yard.cluster.put_namespace("other")
    assert await is_settled(yard)


async def test_clock_in_doubt_puts_the_check_off() -> None:
    yard = await at_rest()
    yard.advance(days=36500)
    yard.clock.is_doubted = True
    result = await yard.pass_over(STORE)
    assert result.settled
    assert result.requeue_at is not None


async def test_store_that_is_not_finished_is_not_settled() -> None:
    yard = Yard()
    yard.wish(targets=[TARGET])
    await yard.rest()
    assert yard.conditions["Reconciling"] == ("True", "EmptyBundle")
    assert not await is_settled(yard)


async def test_wish_that_cannot_be_read_is_settled_once_it_is_said() -> None:
    yard = await at_rest()
    yard.rewish(deployment={"mode": "Sometimes"})
    await yard.rest()
    yard.restart()
    assert await is_settled(yard)
    assert yard.reconcilers[Kind.TRUST_STORE].asks(yard.store) == frozenset()
    assert not yard.reconcilers[Kind.TRUST_STORE].is_heavy(yard.snapshot())


async def test_pending_change_is_settled() -> None:
    yard = Yard()
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET], **yard.manual())
    await yard.rest()
    yard.restart()
    assert await is_settled(yard)


async def test_target_that_others_share_is_verified_once() -> None:
    yard = await at_rest()
    yard.cluster.change(MAP, intact=False)
    await yard.rest()
    assert await is_settled(yard)
    yard.restart()
    assert not await is_settled(yard)
    assert yard.cluster.writes == 0


async def test_status_of_another_version_is_read_as_far_as_it_can() -> None:
    yard = await at_rest()
    rows = [*yard.status["targets"], {"kind": "Deployment", "name": "x"}]
    yard.cluster.subjects[STORE] = replace(yard.store, status={**yard.status, "targets": rows, "certificates": "many"})
    await yard.rest(full=True)
    assert len(yard.status["targets"]) == 2
    assert yard.status["certificates"] == 1


async def test_target_that_was_refused_is_looked_at_when_it_is_gone() -> None:
    yard = await at_rest()
    yard.cluster.change(MAP, immutable=True)
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.conditions["Ready"] == ("False", "TargetImmutable")
    assert await is_settled(yard)
    yard.cluster.remove(MAP)
    assert not await is_settled(yard)
    await yard.rest()
    assert yard.bundle() == {"Corp Root", "Next Root"}


async def test_target_that_could_not_be_created_is_looked_at_when_it_appears() -> None:
    yard = Yard()
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET])
    await yard.pass_over(yard.decision("corp"))
    yard.cluster.fail("apply", MAP, FailureCause.INVALID)
    await yard.pass_over(STORE)
    assert yard.conditions["Ready"] == ("False", "StoreFailed")
    assert not await is_settled(yard)


async def test_others_see_what_is_deployed() -> None:
    yard = await at_rest()
    reconciler = yard.reconcilers[Kind.TRUST_STORE]
    before = reconciler.face(yard.store)
    yard.rewish(targets=[])
    await yard.rest()
    assert reconciler.face(yard.store) == before
    yard.decide("next", NEXT)
    await yard.rest()
    assert reconciler.face(yard.store) != before
