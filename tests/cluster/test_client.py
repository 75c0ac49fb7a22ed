"""The fences of our writes, and what refusals look like, on a real API server."""

import base64
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from certwright.cluster.client import ApiServer
from certwright.cluster.clock import SystemClock
from certwright.cluster.retries import Retrying
from certwright.cluster.survey import served_kinds
from certwright.findings import ClusterError, FailureCause
from certwright.pki.render import SecretRecipe
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import (
    MANAGED_BY_LABEL,
    OWNER_ANNOTATION,
    AnnotateTemplate,
    ApplySecret,
    Delete,
    Record,
    Release,
    WriteStatus,
)
from tests.support.cluster_client import connected
from tests.support.control_plane import ControlPlane
from tests.support.running_operator import create_wish
from tests.support.waiting import wait_until

CRDS = str(Path(__file__).parents[2] / "crds")
RECIPE = SecretRecipe(certificates=())
OWNER = "ImportedCertificate/site"
VALUE = "dGhpcyBpcyBzZWNyZXQh"
"""A Secret's value; no error may hold it."""


class NoEvents:
    def record(self, action: Record) -> None:
        raise AssertionError(f"no event was expected: {action}")


class Rendered:
    """In the place of `pki.render`: what the next apply stores."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {"a": b"1"}

    async def __call__(self, recipe: SecretRecipe, stored: Mapping[str, bytes]) -> dict[str, bytes]:
        assert recipe is RECIPE
        assert stored == {}
        return self.data


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
def rendered() -> Rendered:
    return Rendered()


@pytest.fixture
def api(requests: Retrying, rendered: Rendered) -> ApiServer:
    return ApiServer(requests, render=rendered, recorder=NoEvents())


@pytest.fixture
def key(namespace: str) -> ObjectKey:
    return ObjectKey(Kind.SECRET, namespace, "target")


def apply(
    key: ObjectKey,
    *,
    replaces: Version | None = None,
    stored_type: str = "Opaque",
    owner_reference: Mapping[str, Any] | None = None,
) -> ApplySecret:
    return ApplySecret(
        key,
        replaces,
        RECIPE,
        stored_type,
        labels={MANAGED_BY_LABEL: "certwright"},
        annotations={OWNER_ANNOTATION: OWNER, "certwright.io/epoch": "1"},
        owner_reference=owner_reference,
    )


def path(key: ObjectKey) -> str:
    return f"/api/v1/namespaces/{key.namespace}/secrets/{key.name}"


def foreign(control_plane: ControlPlane, key: ObjectKey, **more: Any) -> dict[str, Any]:
    """Make a Secret that is somebody else's."""
    manifest = {"metadata": {"name": key.name}, "data": {"theirs": VALUE}} | more
    return control_plane.client.create(path(key).rpartition("/")[0], manifest)


async def refused(attempt: Awaitable[object]) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        await attempt
    assert VALUE not in str(caught.value)
    assert VALUE not in caught.value.message
    return caught.value


# ---- targets


async def test_create_stores_what_was_rendered_when_the_name_is_free(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    written = await api.apply_secret(apply(key))

    assert written.data == {"a": b"1"}
    assert written.labels == {MANAGED_BY_LABEL: "certwright"}
    read = await api.read(key)
    assert read is not None
    assert (read.version, read.data, read.type) == (written.version, {"a": b"1"}, "Opaque")
    assert read.changed == written.changed
    stored = control_plane.client.get(path(key))
    assert stored is not None
    assert [entry["manager"] for entry in stored["metadata"]["managedFields"]] == ["certwright"]


async def test_create_merges_nothing_when_somebody_elses_object_is_there(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    before = foreign(control_plane, key)

    error = await refused(api.apply_secret(apply(key)))

    assert error.cause is FailureCause.ALREADY_EXISTS
    assert control_plane.client.get(path(key)) == before


async def test_update_changes_what_it_was_planned_from_and_removes_what_is_left_out(
    api: ApiServer, key: ObjectKey, rendered: Rendered
) -> None:
    first = await api.apply_secret(apply(key))
    rendered.data = {"b": b"2"}
    second = await api.apply_secret(apply(key, replaces=first.version))

    assert second.version.uid == first.version.uid
    assert second.version != first.version
    read = await api.read(key)
    assert read is not None
    assert read.data == {"b": b"2"}


async def test_update_keeps_the_version_when_nothing_differs(api: ApiServer, key: ObjectKey) -> None:
    first = await api.apply_secret(apply(key))

    assert (await api.apply_secret(apply(key, replaces=first.version))).version == first.version


async def test_update_is_refused_when_the_object_has_changed(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    first = await api.apply_secret(apply(key))
    control_plane.kubectl("annotate", "-n", key.namespace, "secret", key.name, "by=somebody")

    assert (await refused(api.apply_secret(apply(key, replaces=first.version)))).cause is FailureCause.CONFLICT


async def test_update_brings_no_ghost_back_when_the_object_was_deleted(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    first = await api.apply_secret(apply(key))
    control_plane.client.delete(path(key))

    error = await refused(api.apply_secret(apply(key, replaces=first.version)))

    assert error.cause is FailureCause.CONFLICT
    assert control_plane.client.get(path(key)) is None


async def test_update_spares_the_successor_when_the_object_was_made_again(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    first = await api.apply_secret(apply(key))
    control_plane.client.delete(path(key))
    successor = foreign(control_plane, key)

    error = await refused(api.apply_secret(apply(key, replaces=first.version)))

    assert error.cause is FailureCause.CONFLICT
    assert control_plane.client.get(path(key)) == successor


@pytest.mark.parametrize(
    ("existing", "stored_type"),
    [({"type": "Opaque"}, "example.com/other"), ({"type": "Opaque", "immutable": True}, "Opaque")],
)
async def test_update_says_immutable_when_the_object_cannot_become_what_is_wanted(
    existing: dict[str, Any], stored_type: str, control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    made = foreign(control_plane, key, **existing)["metadata"]
    version = Version(made["uid"], made["resourceVersion"])

    error = await refused(api.apply_secret(apply(key, replaces=version, stored_type=stored_type)))

    assert error.cause is FailureCause.IMMUTABLE


async def test_create_says_invalid_when_the_type_demands_more(api: ApiServer, key: ObjectKey) -> None:
    error = await refused(api.apply_secret(apply(key, stored_type="kubernetes.io/tls")))

    assert error.cause is FailureCause.INVALID
    assert error.message == (
        f"patch Secret {key.namespace}/target: 422 Invalid "
        "(FieldValueRequired at `data[tls.crt]`, FieldValueRequired at `data[tls.key]`)"
    )


@pytest.mark.parametrize("size", [1_100_000, 3_000_000])
async def test_create_says_too_large_when_it_is(size: int, api: ApiServer, key: ObjectKey, rendered: Rendered) -> None:
    rendered.data = {"a": base64.b64decode(VALUE) + b"x" * size}

    assert (await refused(api.apply_secret(apply(key)))).cause is FailureCause.TOO_LARGE


async def test_release_keeps_the_data_and_gives_the_rest_up(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    # One that is there, for the garbage collector takes away what names an owner that is not.
    owner = create_wish(control_plane, key.namespace, "site")
    reference = {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "name": "site",
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    await api.apply_secret(apply(key, owner_reference=reference))
    control_plane.kubectl(
        "annotate", "-n", key.namespace, "secret", key.name, "theirs=stays", f"certwright.io/allow-write={OWNER}"
    )
    control_plane.kubectl("label", "-n", key.namespace, "secret", key.name, "theirs=stays")
    now = await api.read(key)
    assert now is not None

    released = await api.release(Release(key, now.version))

    read = await api.read(key)
    assert read is not None
    assert read.version == released.version
    assert read.data == {"a": b"1"}
    assert read.labels == {"theirs": "stays"}
    assert read.annotations == {"theirs": "stays", "certwright.io/allow-write": OWNER}
    assert read.owner_references == ()


async def test_release_is_refused_when_the_object_has_changed(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    first = await api.apply_secret(apply(key))
    control_plane.kubectl("annotate", "-n", key.namespace, "secret", key.name, "by=somebody")

    assert (await refused(api.release(Release(key, first.version)))).cause is FailureCause.CONFLICT


async def test_delete_takes_only_what_it_was_planned_from(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    first = await api.apply_secret(apply(key))
    control_plane.kubectl("annotate", "-n", key.namespace, "secret", key.name, "by=somebody")

    assert (await refused(api.delete(Delete(key, first.version)))).cause is FailureCause.CONFLICT
    other_uid = Version(str(uuid4()), first.version.resource_version)
    assert (await refused(api.delete(Delete(key, other_uid)))).cause is FailureCause.CONFLICT

    now = await api.read(key)
    assert now is not None
    await api.delete(Delete(key, now.version))
    assert await api.read(key) is None
    await api.delete(Delete(key, now.version))


async def test_read_gives_text_and_binary_values_of_a_config_map(
    control_plane: ControlPlane, api: ApiServer, namespace: str
) -> None:
    manifest = {"metadata": {"name": "ca"}, "data": {"ca.crt": "gültig"}, "binaryData": {"ca.der": "AP8="}}
    control_plane.client.create(f"/api/v1/namespaces/{namespace}/configmaps", manifest)

    observed = await api.read(ObjectKey(Kind.CONFIG_MAP, namespace, "ca"))

    assert observed is not None
    assert observed.data == {"ca.crt": "gültig".encode(), "ca.der": b"\x00\xff"}


# ---- workloads


async def test_annotate_template_starts_a_new_generation_and_touches_nothing_else(
    control_plane: ControlPlane, api: ApiServer, namespace: str
) -> None:
    key = ObjectKey(Kind.DEPLOYMENT, namespace, "web")
    control_plane.kubectl("create", "-n", namespace, "deployment", "web", "--image=example.com/web")
    before = await api.read(key)
    assert before is not None

    action = AnnotateTemplate(key, before.version, "refresh.certwright.io/0123456789ab", "digest")
    after = await api.annotate_template(action)

    template = before.manifest["spec"]["template"]
    template["metadata"]["annotations"] = {"refresh.certwright.io/0123456789ab": "digest"}
    assert after.manifest["spec"]["template"] == template
    assert after.manifest["metadata"]["generation"] == before.manifest["metadata"]["generation"] + 1
    assert (await refused(api.annotate_template(action))).cause is FailureCause.CONFLICT


# ---- status


@pytest.fixture
async def subject(control_plane: ControlPlane, api: ApiServer, namespace: str) -> Subject:
    manifest = {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "metadata": {"name": "site", "labels": {"team": "a"}, "finalizers": ["example.com/test"]},
        "spec": {"certificateRef": {"name": "upload"}},
    }
    collection = f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/importedcertificates"
    control_plane.client.create(collection, manifest)
    made = await api.read_subject(ObjectKey(Kind.IMPORTED_CERTIFICATE, namespace, "site"))
    assert made is not None
    return made


def status(subject: Subject, **more: Any) -> WriteStatus:
    return WriteStatus(subject.key, subject.version, {"observedGeneration": subject.generation} | more, subject)


async def test_write_status_takes_hold_and_gives_the_object_back(api: ApiServer, subject: Subject) -> None:
    written = await api.write_status(status(subject))

    assert written.status == {"observedGeneration": subject.generation}
    assert written.spec == subject.spec
    assert written.generation == subject.generation
    assert await api.read_subject(subject.key) == written


async def test_write_status_removes_what_is_left_out(api: ApiServer, subject: Subject) -> None:
    first = await api.write_status(status(subject, nextCheckTime="2027-01-01T00:00:00Z"))
    second = await api.write_status(status(first))

    assert "nextCheckTime" in first.status
    assert "nextCheckTime" not in second.status


async def test_write_status_is_sent_again_when_only_an_annotation_has_changed(
    control_plane: ControlPlane, api: ApiServer, subject: Subject
) -> None:
    control_plane.kubectl("annotate", "-n", subject.key.namespace, "importedcertificate", "site", "by=somebody")

    written = await api.write_status(status(subject))

    assert written.status == {"observedGeneration": subject.generation}
    assert written.annotations["by"] == "somebody"


@pytest.mark.parametrize(
    "change",
    [
        ("label", "importedcertificate", "site", "team=b", "--overwrite"),
        ("patch", "importedcertificate", "site", "--type=merge", '-p={"spec":{"certificateRef":{"name":"x"}}}'),
        ("delete", "importedcertificate", "site", "--wait=false"),
    ],
)
async def test_write_status_is_refused_when_what_was_judged_has_changed(
    change: tuple[str, ...], control_plane: ControlPlane, api: ApiServer, subject: Subject
) -> None:
    control_plane.kubectl(*change, "-n", subject.key.namespace)

    assert (await refused(api.write_status(status(subject)))).cause is FailureCause.CONFLICT
    now = await api.read_subject(subject.key)
    assert now is not None
    assert now.status == {}


async def test_write_status_says_why_when_the_server_will_not_take_it(api: ApiServer, subject: Subject) -> None:
    wrong = await refused(api.write_status(status(subject, conditions=[{"type": "Ready"}])))
    large = await refused(api.write_status(status(subject, detailedError="x" * 4_000_000)))

    assert wrong.cause is FailureCause.INVALID
    assert "status.conditions[0].status" in wrong.message
    assert large.cause is FailureCause.TOO_LARGE


async def test_write_status_brings_no_ghost_back_when_the_object_was_deleted(
    control_plane: ControlPlane, api: ApiServer, subject: Subject
) -> None:
    namespace = subject.key.namespace
    control_plane.kubectl(
        "patch", "-n", namespace, "importedcertificate", "site", "--type=merge", '-p={"metadata":{"finalizers":null}}'
    )
    control_plane.kubectl("delete", "-n", namespace, "importedcertificate", "site")

    error = await refused(api.write_status(status(subject)))

    assert error.cause in {FailureCause.CONFLICT, FailureCause.NOT_FOUND}
    assert await api.read_subject(subject.key) is None


async def test_served_kinds_names_ours(requests: Retrying) -> None:
    assert "ImportedCertificate" in await served_kinds(requests)


# ---- refusals


@pytest.fixture
async def stranger(control_plane: ControlPlane, namespace: str, rendered: Rendered) -> AsyncIterator[ApiServer]:
    """Be a ServiceAccount without any right."""
    control_plane.kubectl("create", "-n", namespace, "serviceaccount", "stranger")
    async with connected(control_plane.kubeconfig_for(namespace, "stranger")) as requests:
        yield ApiServer(requests, render=rendered, recorder=NoEvents())


async def test_reads_and_writes_say_forbidden_when_rights_are_missing(
    control_plane: ControlPlane, stranger: ApiServer, key: ObjectKey
) -> None:
    foreign(control_plane, key)

    read = await refused(stranger.read(key))
    write = await refused(stranger.apply_secret(apply(key)))

    assert (read.cause, read.status) == (FailureCause.FORBIDDEN, 403)
    assert read.message == (
        f"get Secret {key.namespace}/target: 403 Forbidden; certwright must be allowed to get secrets there"
    )
    assert write.cause is FailureCause.FORBIDDEN


async def test_create_says_quota_when_one_is_used_up(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    quotas = f"/api/v1/namespaces/{key.namespace}/resourcequotas"
    hard = {"count/secrets": "0"}
    control_plane.client.create(quotas, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    # No controller of quotas runs here; what it would do:
    used = '{"status":{"hard":{"count/secrets":"0"},"used":{"count/secrets":"0"}}}'
    control_plane.kubectl(
        "patch", "-n", key.namespace, "resourcequota", "none", "--subresource=status", "--type=merge", f"-p={used}"
    )

    async def attempt() -> ClusterError | Observed:
        try:
            return await api.apply_secret(apply(key))
        except ClusterError as error:
            return error

    # The admission plugin reads quotas from a cache of its own.
    for _ in range(100):
        outcome = await attempt()
        if isinstance(outcome, ClusterError):
            break
        await api.delete(Delete(key, outcome.version))
    assert isinstance(outcome, ClusterError)
    assert outcome.cause is FailureCause.QUOTA_EXCEEDED
    assert await api.read(key) is None


async def test_create_says_terminating_when_the_namespace_is_going(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    held = f"/api/v1/namespaces/{key.namespace}/configmaps"
    control_plane.client.create(held, {"metadata": {"name": "held", "finalizers": ["example.com/test"]}})
    control_plane.client.delete(f"/api/v1/namespaces/{key.namespace}")

    error = await refused(api.apply_secret(apply(key)))

    assert error.cause is FailureCause.NAMESPACE_TERMINATING
    control_plane.kubectl(
        "patch", "-n", key.namespace, "configmap", "held", "--type=merge", '-p={"metadata":{"finalizers":null}}'
    )


async def test_create_says_terminating_when_the_namespace_is_gone(api: ApiServer) -> None:
    error = await refused(api.apply_secret(apply(ObjectKey(Kind.SECRET, f"no-{uuid4().hex[:8]}", "target"))))

    assert error.cause is FailureCause.NAMESPACE_TERMINATING


@pytest.fixture
def rotated(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> tuple[Path, Callable[[], object]]:
    """Give a kubeconfig whose token is of no use, and a function that replaces it with a good one."""
    account = f"{namespace}:reader"
    control_plane.kubectl("create", "-n", namespace, "serviceaccount", "reader")
    control_plane.kubectl("create", "-n", namespace, "role", "reader", "--verb=get,list", "--resource=configmaps")
    control_plane.kubectl(
        "create", "-n", namespace, "rolebinding", "reader", "--role=reader", f"--serviceaccount={account}"
    )
    good = control_plane.kubeconfig_for(namespace, "reader")
    wait_until(
        lambda: not control_plane.kubectl("get", "-n", namespace, "cm", kubeconfig=good, check=False).returncode,
        deadline_seconds=10,
        what="the role to take effect",
    )
    used = Path(shutil.copy(good, tmp_path / "kubeconfig"))
    content = used.read_text()
    used.write_text(re.sub(r'(token"?: *"?)[^"\s]+', r"\1worthless", content))
    assert used.read_text() != content
    return used, partial(used.write_text, content)


async def test_reads_go_on_when_the_token_was_replaced(
    namespace: str, rendered: Rendered, rotated: tuple[Path, Callable[[], object]]
) -> None:
    kubeconfig, replace_token = rotated
    key = ObjectKey(Kind.CONFIG_MAP, namespace, "nothing")
    async with connected(kubeconfig) as requests:
        api = ApiServer(requests, render=rendered, recorder=NoEvents())
        assert (await refused(api.read(key))).cause is FailureCause.UNAUTHORIZED
        replace_token()
        requests.connection._loaded_at -= 30

        assert await api.read(key) is None


# ---- an API server in trouble


async def test_reads_say_timeout_when_the_server_hangs(control_plane: ControlPlane, rendered: Rendered) -> None:
    key = ObjectKey(Kind.SECRET, "default", "nothing")
    async with connected(control_plane.kubeconfig_admin, request_seconds=0.5) as requests:
        api = ApiServer(requests, render=rendered, recorder=NoEvents())
        await api.read(key)
        control_plane.pause_apiserver()
        try:
            error = await refused(api.read(key))
        finally:
            control_plane.resume_apiserver()

    assert error.cause is FailureCause.TIMEOUT


async def test_reads_and_writes_say_unavailable_when_the_server_is_down(
    control_plane: ControlPlane, api: ApiServer, key: ObjectKey
) -> None:
    await api.read(key)
    control_plane.stop_apiserver()
    try:
        read = await refused(api.read(key))
        write = await refused(api.apply_secret(apply(key)))
    finally:
        control_plane.start_apiserver()

    assert read.cause is FailureCause.UNAVAILABLE
    assert write.cause is FailureCause.UNAVAILABLE
    assert await api.read(key) is None


async def test_the_clock_is_compared_when_the_server_answers(control_plane: ControlPlane, rendered: Rendered) -> None:
    clock = SystemClock(skew_limit_seconds=60)
    async with connected(control_plane.kubeconfig_admin, clock=clock) as requests:
        await ApiServer(requests, render=rendered, recorder=NoEvents()).read(ObjectKey(Kind.SECRET, "default", "x"))

    assert clock.skew_seconds is not None
    assert abs(clock.skew_seconds) < 5
    assert not clock.doubted()
