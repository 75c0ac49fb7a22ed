"""Records go when nobody needs them, and not a moment too early."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from certwright.cluster.answers import Answer
from certwright.cluster.ports import Cluster
from certwright.cluster.requests import Request
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.offers import part_keys
from certwright.reconcile.plan import Delete
from certwright.reconcile.trust.record import read_record_name, record_stem
from certwright.runtime.assembly import COLLECTED_KINDS
from certwright.runtime.leadership import AlwaysLeader
from certwright.runtime.mirror import Mirror
from certwright.runtime.records import Records, list_records
from tests.support.memory_cluster import START

OURS = "certwright-system"
CORP = ObjectKey(Kind.REVOCATION_SOURCE, "shop", "corp")
STORE = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", "corporate")
UID = "0b8c5a3e-9d0f-4a39-8b52-3c0a6d3b0f11"
OLD, NEW = (f"sha256:{digit * 64}" for digit in "ab")


class Scene:
    """A cluster with records in it."""

    def __init__(self, *names: str) -> None:
        self.records = {ObjectKey(Kind.CONFIG_MAP, OURS, name): Version("r", "1") for name in names}
        self.error: ClusterError | None = None
        self.deleted: list[str] = []
        self.mirror = Mirror(COLLECTED_KINDS)
        self.tidier = Records(self.listed, self.mirror, cast("Cluster", self), gate=AlwaysLeader(), namespace=OURS)

    async def listed(self) -> Mapping[ObjectKey, Version]:
        if self.error is not None:
            raise self.error
        return dict(self.records)

    async def delete(self, action: Delete) -> None:
        assert action.replaces == self.records.pop(action.key)
        self.deleted.append(action.key.name)

    def use(self, digest: str, version: str) -> None:
        kept = {"digest": digest, "parts": 2}
        self.mirror.put(Subject(CORP, Version("uid", version), 1, START, {}, {"record": {"kept": kept}}))

    def deploy(self, version: str, *deployments: int, store: ObjectKey = STORE) -> None:
        """Let the status of a store name what is deployed, and what was before."""
        entries = [{"revision": NEW, "number": each, "parts": 1, "digest": NEW} for each in deployments]
        record = dict(zip(("deployed", "previous"), entries, strict=False))
        self.mirror.put(Subject(store, Version(UID, version), 1, START, {}, {"record": record}))


def names(digest: str) -> list[str]:
    return [key.name for key in part_keys(OURS, "uid", digest, 2)]


async def test_record_stays_when_a_source_has_it_in_use() -> None:
    scene = Scene(*names(NEW))
    scene.use(NEW, "1")
    for _ in range(3):
        await scene.tidier.tidy()
    assert scene.deleted == []


async def test_record_goes_in_the_second_round_when_its_list_is_no_longer_in_use() -> None:
    scene = Scene(*names(OLD), *names(NEW), "somebody-elses")
    scene.use(NEW, "1")
    await scene.tidier.tidy()
    assert scene.deleted == []
    await scene.tidier.tidy()
    assert scene.deleted == names(OLD)


async def test_record_stays_when_its_status_was_still_to_come() -> None:
    scene = Scene(*names(NEW))
    scene.use(OLD, "1")
    await scene.tidier.tidy()
    scene.use(NEW, "2")
    await scene.tidier.tidy()
    assert scene.deleted == []


async def test_record_goes_when_its_source_is_gone() -> None:
    scene = Scene(*names(NEW))
    scene.use(NEW, "1")
    await scene.tidier.tidy()
    scene.mirror.remove(CORP)
    await scene.tidier.tidy()
    await scene.tidier.tidy()
    assert scene.deleted == names(NEW)


def deployment(number: int, revision: str = NEW) -> str:
    return record_stem(UID, number, revision) + "0"


@pytest.mark.parametrize("kind", [Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE])
async def test_deployments_go_when_they_are_older_than_what_the_status_names(kind: Kind) -> None:
    scene = Scene(*(deployment(number) for number in (2, 3, 4, 5)), "store-front", "store-front-1-x-y")
    scene.deploy("1", 4, 3, store=ObjectKey(kind, "shop" if kind is Kind.TRUST_STORE else "", "corporate"))
    for _ in range(3):
        await scene.tidier.tidy()
    # The name of the other could be that of a record of a store that is gone.
    assert scene.deleted == [deployment(2), "store-front-1-x-y"]


async def test_deployments_stay_when_the_status_that_names_them_was_lost() -> None:
    scene = Scene(deployment(1), deployment(2))
    scene.deploy("1")
    for _ in range(3):
        await scene.tidier.tidy()
    assert scene.deleted == []


async def test_deployments_go_with_their_store() -> None:
    scene = Scene(deployment(1), deployment(2))
    scene.deploy("1", 2, 1)
    await scene.tidier.tidy()
    scene.mirror.remove(STORE)
    await scene.tidier.tidy()
    assert scene.deleted == []
    await scene.tidier.tidy()
    assert scene.deleted == [deployment(1), deployment(2)]


@pytest.mark.parametrize("name", ["store-x", "store-x-1-a", "store-x-one-a-0", "other-x-1-a-0", "crl-x-1-a-0"])
def test_name_is_none_of_a_record_when_it_has_another_form(name: str) -> None:
    assert read_record_name(name) is None
    assert read_record_name(deployment(12)) == (UID, 12)


async def test_round_is_skipped_when_the_records_cannot_be_listed(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(*names(OLD))
    await scene.tidier.tidy()
    scene.error = ClusterError(FailureCause.UNAVAILABLE, "no answer")
    await scene.tidier.tidy()
    assert (scene.deleted, "could not be tidied: no answer" in caplog.text) == ([], True)


class Lister:
    """An API server that lists."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    async def send(self, request: Request, **_: Any) -> Answer:
        self.targets.append(request.target)
        name = "crl-x" if "namespace" in request.target.partition("?")[2] else f"set-{UID}"
        item = {"metadata": {"name": name, "uid": "u", "resourceVersion": "7"}}
        return cast("Answer", _Page({"metadata": {"resourceVersion": "9"}, "items": [item]}))


class _Page:
    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._manifest = manifest

    def manifest(self) -> Mapping[str, Any]:
        return self._manifest


@pytest.mark.parametrize(
    ("served", "among"),
    [((), "certwright.io%2Fnamespace"), (("a", "b"), "certwright.io%2Fnamespace%20in%20%28a%2Cb%2C%29")],
)
async def test_records_of_others_are_not_listed_when_only_some_namespaces_are_served(
    served: tuple[str, ...], among: str
) -> None:
    lister = Lister()
    found = await list_records(cast("Retrying", lister), OURS, served)
    kept = {ObjectKey(kind, OURS, f"set-{UID}"): Version("u", "7") for kind in (Kind.CONFIG_MAP, Kind.SECRET)}
    assert found == {ObjectKey(Kind.CONFIG_MAP, OURS, "crl-x"): Version("u", "7"), **kept}
    assert lister.targets[0].endswith(among)


async def test_what_is_kept_for_a_set_goes_when_the_set_is_gone() -> None:
    """The journal, and a Secret with a key."""
    other = UID.replace("0b8c5a3e", "1b8c5a3e")
    scene = Scene(f"set-{UID}", f"set-{UID}-{'a' * 32}", f"set-{other}", "set-of-somebody")
    wish = ObjectKey(Kind.CLUSTER_CERTIFICATE_SET, "", "gateway")
    scene.mirror.put(Subject(wish, Version(other, "1"), 1, START, {}))
    await scene.tidier.tidy()
    assert scene.deleted == []
    await scene.tidier.tidy()
    assert scene.deleted == [f"set-{UID}", f"set-{UID}-{'a' * 32}"]


async def test_round_begins_at_once_when_a_set_is_gone() -> None:
    """A source that is gone can wait: what is kept for it is public."""
    scene = Scene(f"set-{UID}")
    running = asyncio.create_task(scene.tidier.run(3600))
    scene.tidier.gone(CORP)
    await asyncio.sleep(0)
    assert scene.deleted == []
    scene.tidier.gone(ObjectKey(Kind.CLUSTER_CERTIFICATE_SET, "", "gateway"))
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    assert scene.deleted == [f"set-{UID}"]
