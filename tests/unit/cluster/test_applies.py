"""Bundles, records and finalizers, as they are sent."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from certwright.cluster.applies import MOST_RENDERED
from certwright.cluster.client import ApiServer
from certwright.cluster.rendering import is_heavy, render_recipe
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.pki.certificate import Certificate
from certwright.pki.render import Pkcs12Recipe, SecretRecipe
from certwright.pki.trust_bundle import BundleRecipe, holds_trust_store, render_bundle
from certwright.reconcile.objects import Kind, ObjectKey, Version
from certwright.reconcile.plan import (
    ApplyBundle,
    ApplyClusterTrustBundle,
    ApplySecret,
    Delete,
    KeepRecord,
    Record,
    Release,
    SetFinalizer,
)
from tests.support.pki import PKI
from tests.support.scripted_server import Answer, ScriptedServer, answer, partial, refusal

METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
ROOT = Certificate.from_der(PKI().root().der)
PEM = render_bundle([ROOT], comments=True).decode()
RECIPE = BundleRecipe((ROOT,), "ca.crt")
KEYSTORE = BundleRecipe((ROOT,), "ca.p12", format="PKCS12", password=b"changeit")
MAP = ObjectKey(Kind.CONFIG_MAP, "shop", "ca")
BUNDLE = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", "example.com:corp:x")
DECISION = ObjectKey(Kind.TRUST_DECISION, "trust", "root")
STORE = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", "corporate")
LABELS = {"app.kubernetes.io/managed-by": "certwright"}
MARKS = {"certwright.io/owner": "ClusterTrustStore/corporate", "certwright.io/epoch": "3"}
OWNER = {"apiVersion": "certwright.io/v1alpha1", "kind": "ClusterTrustStore", "name": "corporate", "uid": "u"}
OURS = {"manager": "certwright", "operation": "Apply", "fieldsV1": {"f:data": {"f:ca.crt": {}}}}
SERVED = answer({"resources": [{"name": "clustertrustbundles", "kind": "ClusterTrustBundle"}]})
UNSERVED = (refusal(404), refusal(404))


@dataclass
class Rendering:
    """Render, and count."""

    rendered: list[object] = field(default_factory=list)

    async def __call__(self, recipe: SecretRecipe | BundleRecipe, stored: Mapping[str, bytes]) -> dict[str, bytes]:
        self.rendered.append(recipe)
        return render_recipe(recipe, stored)


class NoEvents:
    def record(self, action: Record) -> None:
        raise AssertionError(f"no event was expected: {action}")


@pytest.fixture
def rendering() -> Rendering:
    return Rendering()


@pytest.fixture
def api(requests: Retrying, rendering: Rendering) -> ApiServer:
    return ApiServer(requests, render=rendering, recorder=NoEvents())


def written(name: str = "ca", version: int = 9, **more: Any) -> Answer:
    manifest = partial(name, version, labels=LABELS, annotations=MARKS, **more)
    manifest["metadata"]["managedFields"] = [OURS]
    return answer(manifest)


def bundle(namespace: str = "shop", *, recipe: BundleRecipe = RECIPE, replaces: Version | None = None) -> ApplyBundle:
    return ApplyBundle(ObjectKey(Kind.CONFIG_MAP, namespace, "ca"), replaces, recipe, LABELS, MARKS, OWNER)


async def cause_of(attempt: Any) -> FailureCause:
    with pytest.raises(ClusterError) as caught:
        await attempt
    return caught.value.cause


# ---- ConfigMaps


async def test_bundle_is_created_only_where_nothing_is(server: ScriptedServer, api: ApiServer) -> None:
    server.script(written())

    observed = await api.apply_bundle(bundle())

    (sent,) = server.received
    assert (sent.method, sent.path) == ("PATCH", "/api/v1/namespaces/shop/configmaps/ca")
    assert sent.query == {"fieldManager": "certwright", "force": "true"}
    assert sent.headers["Content-Type"] == "application/apply-patch+yaml"
    assert sent.headers["Accept"] == METADATA_ONLY
    assert sent.json() == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "ca",
            "namespace": "shop",
            "resourceVersion": "1",
            "labels": LABELS,
            "annotations": MARKS,
            "ownerReferences": [OWNER],
        },
        "data": {"ca.crt": PEM},
    }
    assert (observed.version, observed.data, observed.intact) == (
        Version("uid-ca", "9"),
        {"ca.crt": PEM.encode()},
        True,
    )


async def test_bundle_is_fenced_when_it_replaces(server: ScriptedServer, api: ApiServer) -> None:
    server.script(written())

    await api.apply_bundle(replace(bundle(replaces=Version("uid-ca", "8")), owner_reference=None))

    metadata = server.received[0].json()["metadata"]
    assert (metadata["uid"], metadata["resourceVersion"], "ownerReferences" in metadata) == ("uid-ca", "8", False)


@pytest.mark.parametrize(
    ("replaces", "cause"), [(None, FailureCause.ALREADY_EXISTS), (Version("u", "8"), FailureCause.CONFLICT)]
)
async def test_bundle_tells_what_a_conflict_means(
    server: ScriptedServer, api: ApiServer, replaces: Version | None, cause: FailureCause
) -> None:
    server.script(refusal(409, "Conflict", details={"name": "ca", "kind": "configmaps"}))

    assert await cause_of(api.apply_bundle(bundle(replaces=replaces))) is cause


async def test_bundle_keeps_other_causes_when_it_is_refused(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(403, "Forbidden", details={"causes": [{"reason": "NamespaceTerminating"}]}))

    assert await cause_of(api.apply_bundle(bundle())) is FailureCause.NAMESPACE_TERMINATING


async def test_bundle_is_rendered_once_for_all_that_share_it(
    server: ScriptedServer, api: ApiServer, rendering: Rendering
) -> None:
    server.script(*(written() for _ in range(5)))
    for namespace in ("a", "b", "c"):
        await api.apply_bundle(bundle(namespace))
    await api.apply_bundle(bundle(recipe=replace(RECIPE, comments=False)))
    await api.apply_bundle(bundle("d"))

    assert len(rendering.rendered) == 2
    assert [sent.json()["data"]["ca.crt"].startswith("# ") for sent in server.received] == [True] * 3 + [False, True]


async def test_rendered_bundles_are_forgotten_when_there_are_many(
    server: ScriptedServer, api: ApiServer, rendering: Rendering
) -> None:
    recipes = [replace(RECIPE, data_key=f"{number}.crt") for number in range(MOST_RENDERED + 1)]
    server.script(*(written() for _ in range(MOST_RENDERED + 2)))
    for recipe in [*recipes, recipes[0]]:
        await api.apply_bundle(bundle(recipe=recipe))

    assert rendering.rendered == [*recipes, recipes[0]]


async def test_key_store_is_binary_and_keeps_what_is_stored_when_that_fits(
    server: ScriptedServer, api: ApiServer
) -> None:
    server.script(written(), written())

    first = await api.apply_bundle(bundle(recipe=KEYSTORE))
    again = await api.apply_bundle(replace(bundle(recipe=KEYSTORE), stored=first.data))

    assert holds_trust_store(first.data["ca.p12"], [ROOT], b"changeit")
    assert again.data == first.data
    assert server.received[1].json()["binaryData"] == {"ca.p12": base64.b64encode(first.data["ca.p12"]).decode()}


async def test_secret_may_hold_a_bundle(server: ScriptedServer, api: ApiServer) -> None:
    server.script(written())

    await api.apply_secret(ApplySecret(ObjectKey(Kind.SECRET, "shop", "ca"), None, RECIPE, "Opaque", LABELS, MARKS))

    assert server.received[0].json()["data"] == {"ca.crt": base64.b64encode(PEM.encode()).decode()}


def test_only_key_stores_are_heavy() -> None:
    file = Pkcs12Recipe("x.p12", "x", b"changeit")
    assert [is_heavy(each) for each in (RECIPE, KEYSTORE)] == [False, True]
    assert [is_heavy(SecretRecipe((ROOT,), formats=formats)) for formats in ((), (file,))] == [False, True]


# ---- ClusterTrustBundles


def cluster_bundle(signer: str | None = "example.com/corp") -> ApplyClusterTrustBundle:
    return ApplyClusterTrustBundle(
        BUNDLE, None, replace(RECIPE, data_key="trustBundle", comments=False), LABELS, MARKS, signer
    )


@pytest.mark.parametrize("signer", ["example.com/corp", None])
async def test_cluster_trust_bundle_is_written_where_it_is_served(
    server: ScriptedServer, api: ApiServer, signer: str | None
) -> None:
    text = render_bundle([ROOT], comments=False).decode()
    server.script(UNSERVED[0], SERVED, written(BUNDLE.name, namespace=""))

    observed = await api.apply_cluster_trust_bundle(cluster_bundle(signer))

    sent = server.received[-1]
    assert sent.path == "/apis/certificates.k8s.io/v1beta1/clustertrustbundles/example.com:corp:x"
    assert (sent.json()["apiVersion"], sent.json()["kind"]) == ("certificates.k8s.io/v1beta1", "ClusterTrustBundle")
    assert "namespace" not in sent.json()["metadata"]
    assert sent.json()["spec"] == {"trustBundle": text} | ({"signerName": signer} if signer else {})
    assert observed.data == {"trustBundle": text.encode()}


async def test_cluster_trust_bundle_is_refused_when_it_is_not_served(server: ScriptedServer, api: ApiServer) -> None:
    server.script(*UNSERVED, *UNSERVED, *UNSERVED, *UNSERVED)
    version = Version("u", "1")

    assert await cause_of(api.apply_cluster_trust_bundle(cluster_bundle())) is FailureCause.NOT_SERVED
    assert await cause_of(api.delete(Delete(BUNDLE, version))) is FailureCause.NOT_SERVED
    assert await cause_of(api.release(Release(BUNDLE, version))) is FailureCause.NOT_SERVED
    assert await api.read(BUNDLE) is None


async def test_cluster_trust_bundle_is_read_released_and_deleted_in_its_version(
    server: ScriptedServer, api: ApiServer
) -> None:
    held = partial(BUNDLE.name, 9, namespace="") | {"spec": {"trustBundle": "text"}}
    server.script(UNSERVED[0], SERVED, answer(held), answer(held), answer(held), answer({}))

    observed = await api.read(BUNDLE)
    assert observed is not None
    assert observed.data == {"trustBundle": b"text"}
    await api.release(Release(BUNDLE, observed.version))
    await api.delete(Delete(BUNDLE, observed.version))

    assert {sent.path for sent in server.received[2:]} == {
        "/apis/certificates.k8s.io/v1beta1/clustertrustbundles/example.com:corp:x"
    }


# ---- records


@pytest.mark.parametrize(
    ("owner", "namespace", "annotation"),
    [
        (STORE, "", "ClusterTrustStore//corporate"),
        (ObjectKey(Kind.TRUST_STORE, "shop", "local"), "shop", "TrustStore/shop/local"),
    ],
)
async def test_record_names_its_owner_and_where_that_is(
    server: ScriptedServer, api: ApiServer, owner: ObjectKey, namespace: str, annotation: str
) -> None:
    server.script(written("store-x"))
    key = ObjectKey(Kind.CONFIG_MAP, "certwright-system", "store-x")

    await api.keep_record(KeepRecord(key, {"part": b"x"}, owner))

    sent = server.received[0].json()
    assert sent["metadata"]["labels"] == {**LABELS, "certwright.io/namespace": namespace}
    assert sent["metadata"]["annotations"] == {"certwright.io/owner": annotation}
    assert (sent["immutable"], sent["binaryData"]) == (True, {"part": "eA=="})


# ---- finalizers


@pytest.mark.parametrize(
    ("present", "before", "after"),
    [
        (True, None, ["certwright.io/deployed"]),
        (True, ["other/x"], ["other/x", "certwright.io/deployed"]),
        (True, ["certwright.io/deployed", "other/x"], ["other/x", "certwright.io/deployed"]),
        (False, ["other/x", "certwright.io/deployed"], ["other/x"]),
        (False, ["certwright.io/deployed"], None),
    ],
)
async def test_finalizer_is_set_and_taken_away_and_others_stay(
    server: ScriptedServer,
    api: ApiServer,
    present: bool,  # noqa: FBT001
    before: list[str] | None,
    after: list[str] | None,
) -> None:
    manifest = partial("root", 7, namespace="trust")
    if before is not None:
        manifest["metadata"]["finalizers"] = before
    server.script(answer(manifest), answer(partial("root", 8, namespace="trust")))

    subject = await api.set_finalizer(
        SetFinalizer(DECISION, Version("uid-root", "7"), "certwright.io/deployed", present=present)
    )

    read, sent = server.received
    assert read.headers["Accept"] == METADATA_ONLY
    assert sent.headers["Content-Type"] == "application/merge-patch+json"
    assert sent.json() == {"metadata": {"uid": "uid-root", "resourceVersion": "7", "finalizers": after}}
    assert subject.version == Version("uid-root", "8")


async def test_finalizer_is_not_touched_when_the_object_moved_on(server: ScriptedServer, api: ApiServer) -> None:
    server.script(answer(partial("root", 8, namespace="trust")))
    action = SetFinalizer(DECISION, Version("uid-root", "7"), "certwright.io/deployed", present=True)

    assert await cause_of(api.set_finalizer(action)) is FailureCause.CONFLICT
    assert server.verbs() == ["GET"]
