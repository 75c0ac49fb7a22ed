import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from certwright.cluster.client import MOST_STATUS_WRITES, ApiServer
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.pki.render import SecretRecipe
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.plan import (
    AnnotateTemplate,
    ApplySecret,
    Delete,
    EventType,
    Record,
    Release,
    WriteStatus,
)
from tests.support.scripted_server import ScriptedServer, answer, partial, refusal

SECRET = ObjectKey(Kind.SECRET, "shop", "tls")
OURS = ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "site")
RECIPE = SecretRecipe(certificates=())
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
OWNER = {"apiVersion": "certwright.io/v1alpha1", "kind": "ImportedCertificate", "name": "site", "uid": "u"}


class Recorded:
    def __init__(self) -> None:
        self.actions: list[Record] = []

    def record(self, action: Record) -> None:
        self.actions.append(action)


async def render(recipe: SecretRecipe, stored: Mapping[str, bytes]) -> dict[str, bytes]:
    assert recipe is RECIPE
    return {"tls.crt": b"public", "tls.key": b"private", **stored}


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def api(requests: Retrying, recorded: Recorded) -> ApiServer:
    return ApiServer(requests, render=render, recorder=recorded)


def apply(*, replaces: Version | None = None, owner: Mapping[str, Any] | None = None) -> ApplySecret:
    return ApplySecret(
        SECRET,
        replaces,
        RECIPE,
        "kubernetes.io/tls",
        labels={"app.kubernetes.io/managed-by": "certwright"},
        annotations={"certwright.io/owner": "ImportedCertificate/site"},
        owner_reference=owner,
        stored={"kept": b"as it was"},
    )


def ours(version: int = 7, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "site",
            "namespace": "shop",
            "uid": "uid-site",
            "resourceVersion": str(version),
            "generation": 2,
            "labels": {"team": "a"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }
        | metadata,
        "spec": {"certificateRef": {"name": "up"}},
        "status": {"observedGeneration": 2},
    }


SUBJECT = Subject(
    OURS,
    Version("uid-site", "7"),
    generation=2,
    created=datetime(2026, 1, 1, tzinfo=UTC),
    spec={},
    labels={"team": "a"},
)
STATUS = WriteStatus(OURS, SUBJECT.version, {"observedGeneration": 2, "responseCode": 200}, SUBJECT)


async def cause_of(attempt: Any) -> FailureCause:
    with pytest.raises(ClusterError) as caught:
        await attempt
    return caught.value.cause


# ---- reads


async def test_read_gives_the_secret_when_it_exists(server: ScriptedServer, api: ApiServer) -> None:
    manifest = partial("tls", 5, labels={"l": "1"}, annotations={"a": "2"}) | {
        "type": "kubernetes.io/tls",
        "immutable": True,
        "data": {"tls.key": base64.b64encode(b"\x00key").decode(), "empty": ""},
    }
    server.script(answer(manifest))

    observed = await api.read(SECRET)

    assert observed is not None
    assert observed.version == Version("uid-tls", "5")
    assert observed.data == {"tls.key": b"\x00key", "empty": b""}
    assert (observed.type, observed.immutable, observed.deleting) == ("kubernetes.io/tls", True, False)
    assert (observed.labels, observed.annotations) == ({"l": "1"}, {"a": "2"})
    assert observed.changed == datetime(2026, 1, 1, tzinfo=UTC)
    assert "key" not in repr(observed.data.__class__)
    assert "\\x00key" not in repr(observed)


async def test_read_gives_nothing_when_it_does_not_exist(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(404, "NotFound", details={"name": "tls", "kind": "secrets"}))

    assert await api.read(SECRET) is None


async def test_read_asks_nothing_when_no_object_can_bear_the_name(server: ScriptedServer, api: ApiServer) -> None:
    assert await api.read(ObjectKey(Kind.SECRET, "shop", "")) is None
    assert await api.read(ObjectKey(Kind.SECRET, "shop", "../../nodes")) is None
    assert server.received == []


async def test_read_raises_when_it_is_refused(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(403, "Forbidden"))

    assert await cause_of(api.read(SECRET)) is FailureCause.FORBIDDEN


async def test_read_raises_when_the_kind_is_not_served(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(404))

    assert await cause_of(api.read_subject(OURS)) is FailureCause.UNAVAILABLE


async def test_read_subject_gives_spec_and_status_when_it_exists(server: ScriptedServer, api: ApiServer) -> None:
    server.script(answer(ours(deletionTimestamp="2026-01-02T00:00:00Z")))

    subject = await api.read_subject(OURS)

    assert subject is not None
    assert (subject.generation, subject.deleting) == (2, True)
    assert subject.spec == {"certificateRef": {"name": "up"}}
    assert subject.status == {"observedGeneration": 2}
    assert subject.created == datetime(2026, 1, 1, tzinfo=UTC)


async def test_read_subject_gives_nothing_when_it_does_not_exist(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(404, "NotFound", details={"name": "site"}))

    assert await api.read_subject(OURS) is None


# ---- targets


async def test_apply_secret_creates_only_when_nothing_is_replaced(server: ScriptedServer, api: ApiServer) -> None:
    server.script(answer(partial("tls", 9), status=201))

    observed = await api.apply_secret(apply())

    sent = server.received[0]
    assert (sent.method, sent.query) == ("PATCH", {"fieldManager": "certwright", "force": "true"})
    assert sent.headers["Content-Type"] == "application/apply-patch+yaml"
    assert sent.headers["Accept"] == METADATA_ONLY
    assert sent.json() == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "tls",
            "namespace": "shop",
            "resourceVersion": "1",
            "labels": {"app.kubernetes.io/managed-by": "certwright"},
            "annotations": {"certwright.io/owner": "ImportedCertificate/site"},
        },
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": "cHVibGlj", "tls.key": "cHJpdmF0ZQ==", "kept": "YXMgaXQgd2Fz"},
    }
    assert observed.version == Version("uid-tls", "9")
    assert observed.data == {"tls.crt": b"public", "tls.key": b"private", "kept": b"as it was"}
    assert observed.type == "kubernetes.io/tls"


async def test_apply_secret_is_fenced_when_it_replaces(server: ScriptedServer, api: ApiServer) -> None:
    server.script(answer(partial("tls", 10)))

    await api.apply_secret(apply(replaces=Version("uid-tls", "9"), owner=OWNER))

    metadata = server.received[0].json()["metadata"]
    assert (metadata["uid"], metadata["resourceVersion"]) == ("uid-tls", "9")
    assert metadata["ownerReferences"] == [OWNER]


async def test_apply_secret_says_that_it_exists_when_a_create_conflicts(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(409, "Conflict", "secret words", details={"name": "tls", "kind": "secrets"}))

    with pytest.raises(ClusterError) as caught:
        await api.apply_secret(apply())

    assert caught.value.cause is FailureCause.ALREADY_EXISTS
    assert caught.value.message == "Secret shop/tls exists already and was left alone"


async def test_apply_secret_says_conflict_when_an_update_conflicts(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(409, "Conflict", details={"name": "tls", "kind": "secrets"}))

    assert await cause_of(api.apply_secret(apply(replaces=Version("u", "9")))) is FailureCause.CONFLICT


async def test_apply_secret_keeps_other_causes_when_a_create_is_refused(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(403, "Forbidden", "exceeded quota: q"))

    assert await cause_of(api.apply_secret(apply())) is FailureCause.QUOTA_EXCEEDED


async def test_release_removes_what_is_ours_and_nothing_else(server: ScriptedServer, api: ApiServer) -> None:
    held = partial("tls", 9)
    held["metadata"]["ownerReferences"] = [OWNER, {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}]
    held["metadata"]["managedFields"] = [
        {"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:annotations": {"f:certwright.io/allow-write": {}}}}},
        {"manager": "certwright", "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, "f:certwright.io/x": {}}}}},
        {"manager": "certwright", "subresource": "status"},
    ]
    server.script(answer(held), answer(partial("tls", 10)))

    observed = await api.release(Release(SECRET, Version("uid-tls", "9")))

    read, sent = server.received
    assert read.headers["Accept"] == METADATA_ONLY
    assert sent.headers["Content-Type"] == "application/merge-patch+json"
    assert sent.headers["Accept"] == METADATA_ONLY
    assert sent.query == {"fieldManager": "certwright"}
    assert sent.json() == {
        "metadata": {
            "uid": "uid-tls",
            "resourceVersion": "9",
            "labels": {"app.kubernetes.io/managed-by": None},
            "annotations": {"certwright.io/owner": None, "certwright.io/epoch": None, "certwright.io/x": None},
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}],
        }
    }
    assert observed.version == Version("uid-tls", "10")


async def test_release_leaves_owner_references_alone_when_none_is_ours(server: ScriptedServer, api: ApiServer) -> None:
    server.script(answer(partial("tls", 9)), answer(partial("tls", 10)))

    await api.release(Release(SECRET, Version("uid-tls", "9")))

    assert "ownerReferences" not in server.received[1].json()["metadata"]


async def test_release_raises_when_the_target_went(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(404, "NotFound", details={"name": "tls"}))

    assert await cause_of(api.release(Release(SECRET, Version("u", "9")))) is FailureCause.NOT_FOUND


async def test_delete_carries_preconditions(server: ScriptedServer, api: ApiServer) -> None:
    server.script(answer({"kind": "Status", "status": "Success"}))

    await api.delete(Delete(SECRET, Version("uid-tls", "9")))

    sent = server.received[0]
    assert sent.method == "DELETE"
    assert sent.json() == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "uid-tls", "resourceVersion": "9"},
        "propagationPolicy": "Background",
    }


async def test_delete_succeeds_when_the_target_is_gone(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(404, "NotFound", details={"name": "tls"}))

    await api.delete(Delete(SECRET, Version("u", "9")))


async def test_delete_raises_when_the_target_is_another(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(409, "Conflict", details={"name": "tls"}))

    assert await cause_of(api.delete(Delete(SECRET, Version("u", "9")))) is FailureCause.CONFLICT


async def test_annotate_template_patches_one_annotation(server: ScriptedServer, api: ApiServer) -> None:
    workload = partial("web", 12) | {"spec": {"replicas": 1}, "status": {"replicas": 1}}
    workload["metadata"]["generation"] = 4
    server.script(answer(workload))
    key = ObjectKey(Kind.DEPLOYMENT, "shop", "web")

    observed = await api.annotate_template(
        AnnotateTemplate(key, Version("uid-web", "11"), "refresh.certwright.io/abc", "d1")
    )

    assert server.received[0].path == "/apis/apps/v1/namespaces/shop/deployments/web"
    assert server.received[0].json() == {
        "metadata": {"uid": "uid-web", "resourceVersion": "11"},
        "spec": {"template": {"metadata": {"annotations": {"refresh.certwright.io/abc": "d1"}}}},
    }
    assert observed.manifest == {"metadata": {"generation": 4}, "spec": {"replicas": 1}, "status": {"replicas": 1}}


# ---- status


async def test_write_status_applies_all_of_it(server: ScriptedServer, api: ApiServer) -> None:
    server.script(answer(ours(8)))

    subject = await api.write_status(STATUS)

    sent = server.received[0]
    assert sent.path.endswith("/importedcertificates/site/status")
    assert sent.json() == {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "metadata": {"name": "site", "namespace": "shop", "uid": "uid-site", "resourceVersion": "7"},
        "status": {"observedGeneration": 2, "responseCode": 200},
    }
    assert subject.version == Version("uid-site", "8")


async def test_write_status_sends_it_again_when_the_conflict_is_about_something_else(
    server: ScriptedServer, api: ApiServer
) -> None:
    conflict = refusal(409, "Conflict", details={"name": "site"})
    server.script(conflict, answer(ours(8, annotations={"a": "b"})), conflict, answer(ours(9)), answer(ours(10)))

    subject = await api.write_status(STATUS)

    assert subject.version.resource_version == "10"
    assert server.verbs() == ["PATCH", "GET", "PATCH", "GET", "PATCH"]
    versions = [sent.json()["metadata"]["resourceVersion"] for sent in server.received if sent.method == "PATCH"]
    assert versions == ["7", "8", "9"]


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "another"},
        {"generation": 3},
        {"labels": {"team": "b"}},
        {"deletionTimestamp": "2026-01-02T00:00:00Z"},
    ],
)
async def test_write_status_raises_conflict_when_what_was_judged_changed(
    change: dict[str, Any], server: ScriptedServer, api: ApiServer
) -> None:
    server.script(refusal(409, "Conflict", details={"name": "site"}), answer(ours(8, **change)))

    assert await cause_of(api.write_status(STATUS)) is FailureCause.CONFLICT


async def test_write_status_raises_conflict_when_nobody_says_what_was_judged(
    server: ScriptedServer, api: ApiServer
) -> None:
    server.script(refusal(409, "Conflict", details={"name": "site"}), answer(ours(8)))

    assert await cause_of(api.write_status(WriteStatus(OURS, SUBJECT.version, {}))) is FailureCause.CONFLICT


async def test_write_status_raises_conflict_when_the_object_went(server: ScriptedServer, api: ApiServer) -> None:
    server.script(refusal(409, "Conflict"), refusal(404, "NotFound", details={"name": "site"}))

    assert await cause_of(api.write_status(STATUS)) is FailureCause.CONFLICT


async def test_write_status_raises_conflict_when_it_never_ends(server: ScriptedServer, api: ApiServer) -> None:
    for version in range(8, 8 + MOST_STATUS_WRITES):
        server.script(refusal(409, "Conflict", details={"name": "site"}), answer(ours(version)))

    assert await cause_of(api.write_status(STATUS)) is FailureCause.CONFLICT
    assert server.verbs().count("PATCH") == MOST_STATUS_WRITES


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (refusal(413, "RequestEntityTooLarge"), FailureCause.TOO_LARGE),
        (refusal(422, "Invalid"), FailureCause.INVALID),
        (refusal(500, "", "etcdserver: request is too large"), FailureCause.TOO_LARGE),
        (refusal(404, "NotFound", details={"name": "site"}), FailureCause.NOT_FOUND),
    ],
)
async def test_write_status_raises_when_the_server_will_not_take_it(
    trouble: Any, cause: FailureCause, server: ScriptedServer, api: ApiServer
) -> None:
    server.script(trouble)

    assert await cause_of(api.write_status(STATUS)) is cause


async def test_record_hands_the_event_on(api: ApiServer, recorded: Recorded) -> None:
    action = Record(SUBJECT, EventType.NORMAL, "Stored", "Store", "stored")

    await api.record(action)

    assert recorded.actions == [action]
