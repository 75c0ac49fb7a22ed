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
from certwright.runtime import records
from certwright.runtime.assembly import COLLECTED_KINDS
from certwright.runtime.leadership import AlwaysLeader
from certwright.runtime.mirror import Mirror
from certwright.runtime.records import Kept, Records, list_records
from tests.support.memory_cluster import START

OURS = "certwright-system"
CORP = ObjectKey(Kind.REVOCATION_SOURCE, "shop", "corp")
STORE = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", "corporate")
SET = ObjectKey(Kind.CLUSTER_CERTIFICATE_SET, "", "gateway")
UID = "0b8c5a3e-9d0f-4a39-8b52-3c0a6d3b0f11"
OLD, NEW = (f"sha256:{digit * 64}" for digit in "ab")


def owner_of(name: str) -> ObjectKey:
    """Say for whom a record of this name is kept."""
    if name.startswith("set-"):
        return SET
    return STORE if name.startswith("store-") else CORP


class Scene:
    """A cluster with records in it."""

    def __init__(self, *names: str) -> None:
        self.records = {
            ObjectKey(Kind.CONFIG_MAP, OURS, name): Kept(Version("r", "1"), owner_of(name)) for name in names
        }
        self.alive: dict[ObjectKey, Subject] = {}
        """What the API server holds, where that differs from the mirror."""
        self.error: ClusterError | None = None
        self.deleted: list[str] = []
        self.mirror = Mirror(COLLECTED_KINDS)
        self.tidier = Records(self.listed, self.mirror, cast("Cluster", self), gate=AlwaysLeader(), namespace=OURS)

    async def listed(self) -> Mapping[ObjectKey, Kept]:
        if self.error is not None:
            raise self.error
        return dict(self.records)

    async def delete(self, action: Delete) -> None:
        assert action.replaces == self.records.pop(action.key).version
        self.deleted.append(action.key.name)

    async def read_subject(self, key: ObjectKey) -> Subject | None:
        if self.error is not None:
            raise self.error
        return self.alive.get(key) or self.mirror.subject(key)

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
    store = ObjectKey(kind, "shop" if kind is Kind.TRUST_STORE else "", "corporate")
    scene.records = {key: Kept(each.version, store) for key, each in scene.records.items()}
    scene.deploy("1", 4, 3, store=store)
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
        owner = "RevocationSource/shop/corp" if name == "crl-x" else "ClusterCertificateSet/gateway"
        annotations = {"certwright.io/owner": owner}
        item = {"metadata": {"name": name, "uid": "u", "resourceVersion": "7", "annotations": annotations}}
        return cast("Answer", _Page({"metadata": {"resourceVersion": "9"}, "items": [item]}))


class _Page:
    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._manifest = manifest

    def manifest(self) -> Mapping[str, Any]:
        return self._manifest


@pytest.mark.parametrize("owner", ["", "TrustStore", "TrustStore/", "Secret/shop/x", "TrustStore/a/b/c"])
def test_owner_of_a_record_is_unknown_when_its_annotation_names_none(owner: str) -> None:
    assert records._owner_of({"annotations": {"certwright.io/owner": owner}}) is None
    assert records._owner_of({}) is None


@pytest.mark.parametrize(
    ("served", "among"),
    [((), "certwright.io%2Fnamespace"), (("a", "b"), "certwright.io%2Fnamespace%20in%20%28a%2Cb%2C%29")],
)
async def test_records_of_others_are_not_listed_when_only_some_namespaces_are_served(
    served: tuple[str, ...], among: str
) -> None:
    lister = Lister()
    found = await list_records(cast("Retrying", lister), OURS, served)
    kept = {
        ObjectKey(kind, OURS, f"set-{UID}"): Kept(Version("u", "7"), SET) for kind in (Kind.CONFIG_MAP, Kind.SECRET)
    }
    assert found == {ObjectKey(Kind.CONFIG_MAP, OURS, "crl-x"): Kept(Version("u", "7"), CORP), **kept}
    assert lister.targets[0].endswith(among)


KEPT = (*(key.name for key in part_keys(OURS, "uid", NEW, 2)), deployment(1), f"set-{UID}", f"set-{UID}-{'a' * 32}")


def alive(key: ObjectKey, uid: str, **record: Any) -> Subject:
    return Subject(key, Version(uid, "9"), 1, START, {}, {"record": record} if record else {})


async def test_nothing_goes_when_the_mirror_is_empty_and_the_owners_are_there() -> None:
    """As after a restore of etcd, or when a watch shows nothing."""
    scene = Scene(*KEPT)
    scene.alive = {
        CORP: alive(CORP, "uid", kept={"digest": NEW, "parts": 2}),
        STORE: alive(STORE, UID, deployed={"revision": NEW, "number": 1, "parts": 1, "digest": NEW}),
        SET: alive(SET, UID),
    }
    for _ in range(3):
        await scene.tidier.tidy()
        await scene.tidier._tidy_sets()
    assert scene.deleted == []


async def test_everything_goes_when_the_owners_were_made_anew() -> None:
    scene = Scene(*KEPT)
    scene.alive = {key: alive(key, "another") for key in (CORP, STORE, SET)}
    await scene.tidier.tidy()
    await scene.tidier.tidy()
    assert scene.deleted == sorted(KEPT)


async def test_nothing_goes_when_the_owners_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(*KEPT)
    await scene.tidier.tidy()
    listed = scene.listed

    async def lists_and_then_fails() -> Mapping[ObjectKey, Kept]:
        found = await listed()
        scene.error = ClusterError(FailureCause.UNAVAILABLE, "no answer")
        return found

    scene.tidier._list = lists_and_then_fails
    await scene.tidier.tidy()
    assert (scene.deleted, "could not be tidied: no answer" in caplog.text) == ([], True)


async def test_record_stays_when_it_does_not_say_whose_it_is() -> None:
    scene = Scene(*KEPT)
    scene.records = {key: Kept(each.version, None) for key, each in scene.records.items()}
    for _ in range(3):
        await scene.tidier.tidy()
    assert scene.deleted == []


async def test_what_is_kept_for_a_set_goes_when_the_set_is_gone() -> None:
    """The journal, and a Secret with a key."""
    other = UID.replace("0b8c5a3e", "1b8c5a3e")
    scene = Scene(f"set-{UID}", f"set-{UID}-{'a' * 32}", f"set-{other}", "set-of-somebody")
    scene.mirror.put(Subject(SET, Version(other, "1"), 1, START, {}))
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
    scene.tidier.gone(SET)
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    assert scene.deleted == [f"set-{UID}"]
