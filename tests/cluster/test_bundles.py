"""Bundles, records and finalizers on a real API server: fences, answers, and who is told to have written what."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from certwright.cluster.client import ApiServer
from certwright.cluster.metadata_watch import MetadataWatch, scopes_of
from certwright.cluster.rendering import render_recipe
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.pki.certificate import Certificate
from certwright.pki.render import SecretRecipe
from certwright.pki.trust_bundle import BundleRecipe, holds_trust_store, render_bundle
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Version
from certwright.reconcile.plan import (
    ApplyBundle,
    ApplyClusterTrustBundle,
    Delete,
    KeepRecord,
    Record,
    Release,
    SetFinalizer,
)
from certwright.runtime.records import list_records
from tests.support.cluster_client import connected
from tests.support.control_plane import ControlPlane
from tests.support.pki import PKI
from tests.support.waiting import wait_until_async

CRDS = str(Path(__file__).parents[2] / "crds")
ROOTS = tuple(Certificate.from_der(PKI().root(name).der) for name in ("Corp Root", "Other Root"))
RECIPE = BundleRecipe(ROOTS[:1], "ca.crt")
LABELS = {"app.kubernetes.io/managed-by": "certwright"}
FINALIZER = "certwright.io/deployed"
SECONDS = 20

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


class NoEvents:
    def record(self, action: Record) -> None:
        raise AssertionError(f"no event was expected: {action}")


async def render(recipe: SecretRecipe | BundleRecipe, stored: Mapping[str, bytes]) -> dict[str, bytes]:
    return render_recipe(recipe, stored)


@pytest.fixture(scope="module", autouse=True)
def installed(control_plane: ControlPlane) -> None:
    """Install the definitions; they stay installed."""
    control_plane.kubectl("apply", "-k", CRDS)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")


@pytest.fixture
async def requests(control_plane: ControlPlane) -> AsyncIterator[Retrying]:
    async with connected(control_plane.kubeconfig_admin) as made:
        yield made


@pytest.fixture
def api(requests: Retrying) -> ApiServer:
    return ApiServer(requests, render=render, recorder=NoEvents())


@pytest.fixture
def key(namespace: str) -> ObjectKey:
    return ObjectKey(Kind.CONFIG_MAP, namespace, "corporate-ca")


def store_of(key: ObjectKey) -> ObjectKey:
    """Give the store that owns an object: each test has its own."""
    return ObjectKey(Kind.CLUSTER_TRUST_STORE, "", f"owner-{key.namespace or key.name.rpartition(':')[2]}")


def marks(key: ObjectKey) -> dict[str, str]:
    return {"certwright.io/owner": f"ClusterTrustStore/{store_of(key).name}"}


def apply(key: ObjectKey, *, replaces: Version | None = None, recipe: BundleRecipe = RECIPE) -> ApplyBundle:
    return ApplyBundle(key, replaces, recipe, LABELS, marks(key))


def path(key: ObjectKey) -> str:
    return f"/api/v1/namespaces/{key.namespace}/configmaps/{key.name}"


async def cause_of(attempt: Awaitable[object]) -> FailureCause:
    with pytest.raises(ClusterError) as caught:
        await attempt
    return caught.value.cause


# ---- ConfigMaps


async def test_bundle_is_created_and_changed_and_answered_with_metadata_only(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    first = await api.apply_bundle(apply(key))
    both = replace(RECIPE, certificates=ROOTS, data_key="bundle.pem")
    second = await api.apply_bundle(apply(key, replaces=first.version, recipe=both))

    assert first.data == {"ca.crt": render_bundle(ROOTS[:1], comments=True)}
    assert (first.manifest, first.intact, second.intact) == ({}, True, True)
    stored = control_plane.client.get(path(key))
    assert stored is not None
    assert stored["data"] == {"bundle.pem": render_bundle(ROOTS, comments=True).decode()}
    assert stored["metadata"]["resourceVersion"] == second.version.resource_version
    assert [entry["manager"] for entry in stored["metadata"]["managedFields"]] == ["certwright"]
    equal = await api.apply_bundle(apply(key, replaces=second.version, recipe=both))
    assert equal.version == second.version


async def test_bundle_becomes_a_key_store_and_a_text_again(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    keystore = BundleRecipe(ROOTS, "ca.p12", format="PKCS12", password=b"changeit")
    first = await api.apply_bundle(apply(key, recipe=keystore))
    read = await api.read(key)

    assert read is not None
    assert (read.data, read.intact) == (first.data, True)
    assert holds_trust_store(read.data["ca.p12"], ROOTS, b"changeit")
    await api.apply_bundle(apply(key, replaces=first.version))
    stored = control_plane.client.get(path(key))
    assert stored is not None
    assert ("binaryData" in stored, list(stored["data"])) == (False, ["ca.crt"])


async def test_bundle_leaves_what_is_somebody_elses_alone(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    before = control_plane.client.create(
        path(key).rpartition("/")[0], {"metadata": {"name": key.name}, "data": {"ca.crt": "theirs"}}
    )

    assert await cause_of(api.apply_bundle(apply(key))) is FailureCause.ALREADY_EXISTS
    assert control_plane.client.get(path(key)) == before


async def test_bundle_is_refused_when_its_object_changed_or_went(
    api: ApiServer, key: ObjectKey, kubectl: Kubectl
) -> None:
    first = await api.apply_bundle(apply(key))
    kubectl("annotate", "-n", key.namespace, "configmap", key.name, "by=somebody")

    assert await cause_of(api.apply_bundle(apply(key, replaces=first.version))) is FailureCause.CONFLICT
    assert await cause_of(api.delete(Delete(key, first.version))) is FailureCause.CONFLICT

    kubectl("delete", "-n", key.namespace, "configmap", key.name)
    assert await cause_of(api.apply_bundle(apply(key, replaces=first.version))) is FailureCause.CONFLICT
    assert await api.read(key) is None


async def test_released_bundle_keeps_its_data_and_nothing_of_ours(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    first = await api.apply_bundle(apply(key))
    released = await api.release(Release(key, first.version))

    assert not released.intact
    stored = control_plane.client.get(path(key))
    assert stored is not None
    assert "labels" not in stored["metadata"]
    assert "annotations" not in stored["metadata"]
    assert list(stored["data"]) == ["ca.crt"]


async def test_bundle_is_not_created_where_the_namespace_goes(
    control_plane: ControlPlane, api: ApiServer, namespace: str
) -> None:
    absent = ObjectKey(Kind.CONFIG_MAP, f"{namespace}-never", "ca")
    assert await cause_of(api.apply_bundle(apply(absent))) is FailureCause.NAMESPACE_TERMINATING

    held = {"metadata": {"name": "held", "finalizers": ["test.example/held"]}}
    control_plane.client.create(f"/api/v1/namespaces/{namespace}/configmaps", held)
    control_plane.client.delete(f"/api/v1/namespaces/{namespace}")
    late = ObjectKey(Kind.CONFIG_MAP, namespace, "ca")
    assert await cause_of(api.apply_bundle(apply(late))) is FailureCause.NAMESPACE_TERMINATING
    merge = {"Content-Type": "application/merge-patch+json"}
    mended = control_plane.client.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/configmaps/held",
        {"metadata": {"finalizers": None}},
        headers=merge,
    )
    assert mended.ok


# ---- whether content is as we wrote it


class Watching:
    """A running watch of ConfigMaps, ClusterTrustBundles and namespaces, and what it told."""

    def __init__(self, requests: Retrying) -> None:
        self.owners: list[tuple[ObjectKey, ObjectKey]] = []
        self.namespaces: list[str] = []
        self.watch = MetadataWatch(
            requests,
            scopes_of([Kind.CONFIG_MAP, Kind.CLUSTER_TRUST_BUNDLE, Kind.NAMESPACE]),
            on_change=lambda _: None,
            on_owned=lambda owner, key: self.owners.append((owner, key)),
            on_namespace=lambda key: self.namespaces.append(key.name),
        )

    def held(self, key: ObjectKey) -> Metadata:
        held = self.watch.cache.peek(key)
        assert held is not None
        return held

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async def seen() -> bool:
            return bool(condition())

        await wait_until_async(seen, deadline_seconds=SECONDS, what=what)

    async def until_told(self, key: ObjectKey, *, since: Version) -> None:
        """Wait until the owner of an object has heard of a change after a version of it."""

        def told() -> bool:
            held = self.watch.cache.peek(key)
            return (held is None or held.version != since) and (store_of(key), key) in self.owners

        await self.until(told, f"the owner to hear of {key}")

    def owned(self, key: ObjectKey) -> Mapping[ObjectKey, Metadata]:
        """Give what the owner of an object owns."""
        return self.watch.cache.owned(store_of(key))


@asynccontextmanager
async def watching(requests: Retrying) -> AsyncIterator[Watching]:
    made = Watching(requests)
    task = asyncio.create_task(made.watch.run())
    try:
        await made.until(lambda: made.watch.is_alive, "the watches to open")
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


Edit = Callable[[Kubectl, str], object]

HARMLESS: dict[str, Edit] = {
    "annotated": lambda kubectl, place: kubectl("annotate", "-n", place, "configmap", "corporate-ca", "by=somebody"),
    "another key": lambda kubectl, place: kubectl(
        "patch", "-n", place, "configmap", "corporate-ca", "--type=merge", "-p", '{"data": {"other": "x"}}'
    ),
}
HARMFUL: dict[str, Edit] = {
    "merged": lambda kubectl, place: kubectl(
        "patch", "-n", place, "configmap", "corporate-ca", "--type=merge", "-p", '{"data": {"ca.crt": "evil"}}'
    ),
    "removed": lambda kubectl, place: kubectl(
        "patch", "-n", place, "configmap", "corporate-ca", "--type=json", "-p", '[{"op": "remove", "path": "/data"}]'
    ),
    "edited": lambda kubectl, place: kubectl("edit", "-n", place, "configmap", "corporate-ca"),
    "emptied": lambda kubectl, place: kubectl(
        "patch", "-n", place, "configmap", "corporate-ca", "--type=merge", "-p", '{"data": null}'
    ),
}


@pytest.mark.parametrize("edit", [*HARMLESS, *HARMFUL])
async def test_owner_hears_of_an_edit_and_knows_whether_it_touched_the_bundle(
    requests: Retrying, api: ApiServer, key: ObjectKey, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/BEGIN/BEGUN/")
    async with watching(requests) as run:
        first = await api.apply_bundle(apply(key))
        run.watch.cache.wrote(first)
        assert run.owned(key)[key].intact

        ({**HARMLESS, **HARMFUL}[edit])(kubectl, key.namespace)

        await run.until_told(key, since=first.version)
        assert run.held(key).intact is (edit in HARMLESS)
        mended = await api.apply_bundle(apply(key, replaces=run.held(key).version))
        run.watch.cache.wrote(mended)
        assert run.held(key).intact

        kubectl("delete", "-n", key.namespace, "configmap", key.name)
        await run.until_told(key, since=mended.version)
        assert run.owned(key) == {}
        assert run.watch.cache.is_absent(key)


async def test_owner_hears_when_our_marks_are_taken_off(
    requests: Retrying, api: ApiServer, key: ObjectKey, kubectl: Kubectl
) -> None:
    async with watching(requests) as run:
        first = await api.apply_bundle(apply(key))
        run.watch.cache.wrote(first)

        kubectl("label", "-n", key.namespace, "configmap", key.name, "app.kubernetes.io/managed-by-")

        await run.until_told(key, since=first.version)
        assert run.owned(key) == {}


async def test_namespaces_are_known_with_labels_from_their_first_to_their_last_moment(
    control_plane: ControlPlane, requests: Retrying
) -> None:
    name = f"test-{uuid4().hex[:10]}"
    async with watching(requests) as run:

        def facts() -> Any:
            return next((each for each in run.watch.namespaces.all() if each.name == name), None)

        control_plane.client.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"team": "a"}}})
        await run.until(facts, "the namespace")
        assert facts().labels["team"] == "a"
        assert facts().labels["kubernetes.io/metadata.name"] == name

        control_plane.kubectl("label", "namespace", name, "team=b", "--overwrite")
        await run.until(lambda: facts().labels["team"] == "b", "the other label")
        told = run.namespaces.count(name)
        control_plane.kubectl("annotate", "namespace", name, "by=somebody")
        control_plane.client.delete(f"/api/v1/namespaces/{name}")
        await run.until(lambda: facts() is None or facts().terminating, "the namespace to terminate")
        await run.until(lambda: facts() is None, "the namespace to be gone")
        assert run.namespaces.count(name) == told + 2


# ---- ClusterTrustBundles


def cluster_bundle(name: str, *, replaces: Version | None = None, signer: str | None = None) -> ApplyClusterTrustBundle:
    recipe = BundleRecipe(ROOTS, "trustBundle", comments=False)
    key = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", name)
    return ApplyClusterTrustBundle(key, replaces, recipe, LABELS, marks(key), signer)


@pytest.mark.parametrize("signer", [None, "example.com/corp"])
async def test_cluster_trust_bundle_lives_in_the_version_that_is_served(
    requests: Retrying, api: ApiServer, kubectl: Kubectl, signer: str | None
) -> None:
    stem = f"{signer.replace('/', ':')}:" if signer else ""
    action = cluster_bundle(f"{stem}bundle-{uuid4().hex[:8]}", signer=signer)
    async with watching(requests) as run:
        first = await api.apply_cluster_trust_bundle(action)
        run.watch.cache.wrote(first)

        assert first.intact
        assert await cause_of(api.apply_cluster_trust_bundle(action)) is FailureCause.ALREADY_EXISTS
        read = await api.read(action.key)
        assert read is not None
        assert (read.version, read.data, read.manifest["spec"].get("signerName")) == (first.version, first.data, signer)
        assert list(run.owned(action.key)) == [action.key]

        one = render_bundle(ROOTS[:1], comments=False).decode()
        kubectl(
            "patch", "clustertrustbundle", action.key.name, "--type=json",
            "-p", f'[{{"op": "replace", "path": "/spec/trustBundle", "value": {one!r}}}]'.replace("'", '"'),
        )  # fmt: skip
        await run.until_told(action.key, since=first.version)
        assert not run.held(action.key).intact
        mended = await api.apply_cluster_trust_bundle(replace(action, replaces=run.held(action.key).version))
        assert mended.intact
        await api.delete(Delete(action.key, mended.version))
        assert await api.read(action.key) is None


# ---- records


async def test_records_of_all_owners_are_listed_and_those_of_others_are_not(
    requests: Retrying, api: ApiServer, namespace: str
) -> None:
    store = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", f"owner-{namespace}")
    owners = {
        "store-a": store,
        "store-b": ObjectKey(Kind.TRUST_STORE, "served", "x"),
        "store-c": ObjectKey(Kind.TRUST_STORE, "another", "x"),
    }
    for name, owner in owners.items():
        await api.keep_record(KeepRecord(ObjectKey(Kind.CONFIG_MAP, namespace, name), {"part": b"x"}, owner))
    record = KeepRecord(ObjectKey(Kind.CONFIG_MAP, namespace, "store-a"), {"part": b"y"}, store)
    assert await cause_of(api.keep_record(record)) is FailureCause.ALREADY_EXISTS

    assert {key.name for key in await list_records(requests, namespace, ())} == set(owners)
    assert {key.name for key in await list_records(requests, namespace, ("served",))} == {"store-a", "store-b"}
    async with watching(requests) as run:
        assert run.watch.cache.owned(store) == {}
        found = run.watch.cache.named(Kind.CONFIG_MAP, namespace, "store-")
        assert [key.name for key in found] == sorted(owners)


# ---- finalizers


async def test_finalizer_holds_a_decision_until_it_is_taken_away(
    control_plane: ControlPlane, api: ApiServer, namespace: str, kubectl: Kubectl
) -> None:
    place = f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/trustdecisions"
    wish = {"spec": {"certificate": PKI().root().pem}}
    head = {"apiVersion": "certwright.io/v1alpha1", "kind": "TrustDecision", "metadata": {"name": "root"}}
    control_plane.client.apply(f"{place}/root", {**head, **wish})
    key = ObjectKey(Kind.TRUST_DECISION, namespace, "root")
    subject = await api.read_subject(key)
    assert subject is not None
    assert (subject.finalizers, subject.modified) == ((), subject.created)

    held = await api.set_finalizer(SetFinalizer(key, subject.version, FINALIZER, present=True))
    assert (held.finalizers, held.generation, held.modified) == ((FINALIZER,), 1, subject.modified)
    stale = SetFinalizer(key, subject.version, FINALIZER, present=False)
    assert await cause_of(api.set_finalizer(stale)) is FailureCause.CONFLICT

    kubectl(
        "patch", "-n", namespace, "trustdecision", "root", "--type=json",
        "-p", '[{"op": "add", "path": "/metadata/finalizers/-", "value": "other.example/x"}]',
    )  # fmt: skip
    kubectl("delete", "-n", namespace, "trustdecision", "root", "--wait=false")
    going = await api.read_subject(key)
    assert going is not None
    assert (going.deleting, going.finalizers) == (True, (FINALIZER, "other.example/x"))
    left = await api.set_finalizer(SetFinalizer(key, going.version, FINALIZER, present=False))
    assert left.finalizers == ("other.example/x",)
    gone = await api.set_finalizer(SetFinalizer(key, left.version, "other.example/x", present=False))
    assert gone.finalizers == ()
    assert await api.read_subject(key) is None
    lost = SetFinalizer(key, gone.version, FINALIZER, present=False)
    assert await cause_of(api.set_finalizer(lost)) is FailureCause.NOT_FOUND
