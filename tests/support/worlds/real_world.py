"""A namespace of a real API server, with the whole operator at work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

from certwright.cluster.decode import observed_of, subject_of
from certwright.cluster.resources import EVENTS, OLDER_VERSIONS, RESOURCES
from certwright.reconcile.objects import Kind, ObjectKey, Observed
from tests.support.control_plane import ApiClient, ControlPlane, Response
from tests.support.waiting import wait_until_async
from tests.support.worlds.manifests import Manifest, imported, secret
from tests.support.worlds.material import Corp
from tests.support.worlds.operator_thread import OperatorThread
from tests.support.worlds.report import Event, Report
from tests.support.worlds.world import Until, anything

T = TypeVar("T")

DEADLINE_SECONDS = 20.0
SERVED = RESOURCES | {
    kind: replace(RESOURCES[kind], api_version=versions[0]) for kind, versions in OLDER_VERSIONS.items()
}
"""Each kind in the version that the control plane of tests serves."""
MANAGER = "kubectl"
MERGE = {"Content-Type": "application/merge-patch+json"}
OPERATOR_USER = "system:serviceaccount:certwright-system:certwright"
REFRESH_BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/certwright-refresh"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


class RealWorld:
    """Implement `tests.support.worlds.World` in a fresh namespace."""

    def __init__(self, control_plane: ControlPlane, operator: OperatorThread, namespace: str) -> None:
        self.namespace = namespace
        self._client: ApiClient = control_plane.client
        self._operator = operator
        self.corp = Corp(self.now)
        self._canaries = 0
        self._outside: list[str] = []

    @property
    def now(self) -> datetime:
        return self._operator.clock.judgement()

    def own(self, name: str) -> str:
        return f"{self.namespace}-{name}"

    def close(self) -> None:
        """Delete all that the story made outside its namespace, and that; what takes its time is not waited for."""
        for path in reversed(self._outside):
            self._client.delete(path)
        self._client.delete(self._path(Kind.NAMESPACE, self.namespace))

    # ---- what people do

    async def make_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> str:
        await self.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": self.own(name), "labels": dict(labels or {})},
            }
        )
        return self.own(name)

    async def apply(self, *manifests: Manifest) -> None:
        for manifest in manifests:
            kind, metadata = manifest["kind"], manifest["metadata"]
            path = self._path(kind, metadata["name"], namespace=metadata.get("namespace"))
            if not RESOURCES[Kind(kind)].namespaced and path not in self._outside:
                assert metadata["name"].startswith(self.namespace), "name it with `World.own`"
                self._outside.append(path)
            self._client.apply(path, manifest, manager=MANAGER)

    async def patch(self, kind: str, name: str, patch: Mapping[str, Any], *, namespace: str | None = None) -> None:
        parts = {"status": {"status": patch["status"]}} if "status" in patch else {}
        if rest := {part: value for part, value in patch.items() if part != "status"}:
            parts[""] = rest
        for subresource, body in parts.items():
            path = self._path(kind, name, subresource=subresource, namespace=namespace)
            _demand(self._client.request("PATCH", path, body, headers=MERGE))

    async def delete(self, kind: str, name: str, *, namespace: str | None = None) -> None:
        self._client.delete(self._path(kind, name, namespace=namespace))

    # ---- what people see

    async def read(self, kind: str, name: str, *, namespace: str | None = None) -> Observed | None:
        manifest = self._client.get(self._path(kind, name, namespace=namespace))
        return observed_of(self._key(kind, name, namespace), manifest) if manifest is not None else None

    async def find(self, name: str, *, kind: str, namespace: str | None = None) -> Report | None:
        manifest = self._client.get(self._path(kind, name, namespace=namespace))
        return Report(subject_of(self._key(kind, name, namespace), manifest)) if manifest is not None else None

    async def status(self, name: str, *, kind: str = Kind.IMPORTED_CERTIFICATE, namespace: str | None = None) -> Report:
        report = await self.find(name, kind=kind, namespace=namespace)
        assert report is not None, f"there is no {kind} {name}"
        return report

    async def events(
        self, name: str, *, kind: str = Kind.IMPORTED_CERTIFICATE, namespace: str | None = None
    ) -> list[Event]:
        # Those about cluster-scoped objects are in the namespace `default`.
        place = (namespace or self.namespace) if RESOURCES[Kind(kind)].namespaced else "default"
        found = self._client.get(EVENTS.collection(place)) or {"items": []}
        return [
            Event(each["type"], each["reason"], each["action"], each["note"])
            for each in sorted(found["items"], key=lambda each: each["eventTime"])
            if each["regarding"]["name"] == name and each["regarding"]["kind"] == kind
        ]

    # ---- waiting

    async def settle(
        self,
        name: str,
        until: Until = anything,
        *,
        kind: str = Kind.IMPORTED_CERTIFICATE,
        namespace: str | None = None,
    ) -> Report:
        last: list[Report] = []

        async def reached() -> Report | None:
            last[:] = [await self.status(name, kind=kind, namespace=namespace)]
            return last[0] if last[0].is_current and until(last[0]) else None

        try:
            report = await self.wait(reached, f"the verdict on {name}")
        except AssertionError as error:
            raise AssertionError(f"{error}; last seen: {last!r}") from None
        assert report is not None
        return report

    async def wait(self, reached: Callable[[], Awaitable[T]], what: str) -> T:
        self._operator.check()
        return await wait_until_async(reached, deadline_seconds=DEADLINE_SECONDS, what=what)

    async def rest(self) -> None:
        """Follow something through the same watches: each of them tells what happened in its order."""
        self._canaries += 1
        turn = str(self._canaries)
        await self.apply(
            secret("canary", {"tls.crt": self.corp.leaf().pem}, annotations={"turn": turn}),
            imported("canary", certificateRef={"name": "canary"}, warnBeforePercentage=self._canaries),
        )
        canary = await self.read(Kind.SECRET, "canary")
        assert canary is not None
        version = canary.version.resource_version
        await self.settle("canary", lambda report: report.input_version("canary") == version)
        await self.wait(self._is_idle, "the operator to be idle")

    async def _is_idle(self) -> bool:
        return self._operator.is_idle

    # ---- time

    async def travel(self, delta: timedelta) -> None:
        self._operator.clock.travel(delta)
        self._operator.wake()

    async def stand_at(self, instant: datetime) -> None:
        self._operator.clock.stand_at(instant)
        self._operator.wake()

    # ---- troubles

    @asynccontextmanager
    async def doubting_the_clock(self) -> AsyncIterator[None]:
        self._operator.clock.is_doubted = True
        yield
        self._operator.clock.is_doubted = False

    @asynccontextmanager
    async def without_right_to_refresh(self) -> AsyncIterator[None]:
        binding = self._client.get(REFRESH_BINDING)
        assert binding is not None
        self._client.delete(REFRESH_BINDING)
        del binding["metadata"]["resourceVersion"], binding["metadata"]["uid"]
        try:
            await self.wait(lambda: self._may_refresh(wanted=False), "the right to be gone")
            yield
        finally:
            self._client.create(REFRESH_BINDING.rpartition("/")[0], binding)
        await self.wait(lambda: self._may_refresh(wanted=True), "the right to be back")

    async def _may_refresh(self, *, wanted: bool) -> bool:
        attributes = {"namespace": self.namespace, "verb": "patch", "group": "apps", "resource": "deployments"}
        review = self._client.create(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            {"spec": {"user": OPERATOR_USER, "resourceAttributes": attributes}},
        )
        return bool(review["status"]["allowed"]) is wanted

    @asynccontextmanager
    async def without_room_for_secrets(self, name: str) -> AsyncIterator[None]:
        """Play the quota controller, which the control plane does without."""
        path = f"/api/v1/namespaces/{self.namespace}/resourcequotas"
        hard = {"count/secrets": "0"}
        self._client.create(path, {"metadata": {"name": "full"}, "spec": {"hard": hard}})
        self._client.request("PATCH", f"{path}/full/status", {"status": {"hard": hard, "used": hard}}, headers=MERGE)
        await self.wait(lambda: self._can_create(name, wanted=False), "the quota to be enforced")
        yield
        self._client.delete(f"{path}/full")
        await self.wait(lambda: self._can_create(name, wanted=True), "the quota to be gone")

    async def _can_create(self, name: str, *, wanted: bool) -> bool:
        path = f"{RESOURCES[Kind.SECRET].collection(self.namespace)}?dryRun=All"
        return self._client.request("POST", path, secret(f"{name}-trial", {})).ok is wanted

    @asynccontextmanager
    async def refusing_full_statuses(self, name: str) -> AsyncIterator[None]:
        with self._policy("!has(object.status) || !has(object.status.validation)"):
            await self.wait(lambda: self._is_refused(name), "the policy to be enforced")
            yield

    @contextmanager
    def _policy(self, expression: str) -> Iterator[None]:
        policy = f"story-{uuid4().hex[:8]}"
        rule = {"apiGroups": ["certwright.io"], "apiVersions": ["*"], "operations": ["UPDATE"]}
        where: dict[str, Any] = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}},
            "resourceRules": [{**rule, "resources": ["importedcertificates/status"]}],
        }
        self._client.create(
            POLICIES,
            {
                "metadata": {"name": policy},
                "spec": {"matchConstraints": where, "validations": [{"expression": expression}]},
            },
        )
        binding = {"policyName": policy, "validationActions": ["Deny"]}
        self._client.create(
            f"{POLICIES[: -len('policies')]}policybindings", {"metadata": {"name": policy}, "spec": binding}
        )
        try:
            yield
        finally:
            self._client.delete(f"{POLICIES[: -len('policies')]}policybindings/{policy}")
            self._client.delete(f"{POLICIES}/{policy}")

    async def _is_refused(self, name: str) -> bool:
        path = self._path(Kind.IMPORTED_CERTIFICATE, name, subresource="status") + "?dryRun=All"
        answer = self._client.request("PATCH", path, {"status": {"validation": 0}}, headers=MERGE)
        return answer.code == HTTPStatus.UNPROCESSABLE_ENTITY

    # ---- paths

    def _path(self, kind: str, name: str, *, subresource: str = "", namespace: str | None = None) -> str:
        return SERVED[Kind(kind)].single(namespace or self.namespace, name, subresource=subresource)

    def _key(self, kind: str, name: str, namespace: str | None = None) -> ObjectKey:
        place = (namespace or self.namespace) if RESOURCES[Kind(kind)].namespaced else ""
        return ObjectKey(Kind(kind), place, name)


def _demand(answer: Response) -> None:
    assert answer.ok, f"{answer.code} {answer.body[:2000].decode(errors='replace')}"
