"""A world in memory: the cluster of `tests.support.memory_cluster`, and passes that are made when they are due.

A pass is due exactly when the real operator would make one: the object or something it refers to changed, or the
instant came that the last pass named. Time stands still while a story acts and goes on, to the next such instant, while
it waits.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from certwright.api.kind import API_VERSION
from certwright.cluster.resources import RESOURCES
from certwright.fetch.ports import Fetcher
from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Observed, Subject, Version
from certwright.reconcile.questions import Collection, Named, Namespaces, Naming, Owned
from certwright.runtime.engine import make_engine
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings
from tests.support.memory_cluster import NAMESPACE, MemoryClock
from tests.support.memory_library import MemoryLibrary
from tests.support.set_cluster import SetCluster
from tests.support.waiting import DeadlineError
from tests.support.worlds.manifests import Manifest
from tests.support.worlds.material import Corp
from tests.support.worlds.report import Event, Report
from tests.support.worlds.world import Until, anything

T = TypeVar("T")

PATIENCE = timedelta(seconds=20)
"""How long, on the clock of the story, something may take that nobody has to do anything for."""

MOST_PASSES = 60
"""Passes in a row after which two objects are writing against each other, or one against itself."""

WORKLOADS = frozenset({Kind.DEPLOYMENT, Kind.STATEFUL_SET, Kind.DAEMON_SET})
MANY = 50


@dataclass
class _Memo:
    """What the runtime would remember of an object between two passes."""

    traits: tuple[Any, ...] = ()
    versions: Mapping[ObjectKey, Version | NamespaceFacts | str | None] = field(default_factory=dict)
    verified: Mapping[ObjectKey, Version] = field(default_factory=dict)
    due: datetime | None = None
    failures: int = 0


class MemoryWorld:
    """Implement `tests.support.worlds.World` without anything real but the code under test."""

    def __init__(self) -> None:
        self.namespace = NAMESPACE
        self.cluster = SetCluster(MemoryClock())
        self.corp = Corp(self.now)
        self._settings = Settings()
        for namespace in ("kube-system", self._settings.namespace):
            self.cluster.put_namespace(namespace)
        self._engine = make_engine(self._settings)
        self._told: set[ObjectKey] = set()
        self.library = self._begin()
        self._memos: dict[ObjectKey, _Memo] = {}
        self._finalized: set[ObjectKey] = set()
        self._stands = False

    @property
    def now(self) -> datetime:
        return self.cluster.clock.now

    def own(self, name: str) -> str:
        return name

    # ---- what people do

    async def make_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> str:
        self.cluster.put_namespace(name, labels)
        return name

    async def apply(self, *manifests: Manifest) -> None:
        for manifest in manifests:
            self._apply(manifest)

    def _apply(self, manifest: Manifest) -> None:
        kind, metadata = Kind(manifest["kind"]), manifest["metadata"]
        namespace = metadata.get("namespace", self.namespace)
        if kind is Kind.NAMESPACE:
            self.cluster.put_namespace(metadata["name"], metadata.get("labels"))
        elif _is_ours(kind):
            self.cluster.put_subject(
                metadata["name"],
                manifest["spec"],
                kind=kind,
                namespace=namespace,
                labels=metadata.get("labels", {}),
                annotations=metadata.get("annotations", {}),
            )
        elif kind in WORKLOADS:
            self.cluster.put_workload(kind, metadata["name"], spec=manifest["spec"])
        else:
            key = self.cluster.put_secret(
                metadata["name"],
                _values(kind, manifest),
                kind=kind,
                type=manifest.get("type", "Opaque"),
                annotations=metadata.get("annotations"),
                labels=metadata.get("labels"),
                immutable=manifest.get("immutable", False),
                namespace=namespace,
            )
            if metadata.get("finalizers"):
                self._finalized.add(key)

    async def patch(self, kind: str, name: str, patch: Mapping[str, Any], *, namespace: str | None = None) -> None:
        key, metadata = self._key(kind, name, namespace), patch.get("metadata", {})
        if key.kind is Kind.NAMESPACE:
            self.cluster.put_namespace(name, _merge(self.cluster.namespaces[name].labels, metadata.get("labels", {})))
        elif _is_ours(key.kind):
            self._patch_subject(self.cluster.subjects[key], patch)
        elif key.kind in WORKLOADS:
            parts = {part: _merge(self.cluster.objects[key].manifest.get(part, {}), patch[part]) for part in patch}
            self.cluster.put_workload(key.kind, name, **parts)
        else:
            self._patch_object(self.cluster.objects[key], patch)

    def _patch_subject(self, before: Subject, patch: Mapping[str, Any]) -> None:
        metadata = patch.get("metadata", {})
        self.cluster.put_subject(
            before.key.name,
            _merge(before.spec, patch.get("spec", {})),
            kind=before.key.kind,
            namespace=before.key.namespace,
            labels=_merge(before.labels, metadata.get("labels", {})),
            annotations=_merge(before.annotations, metadata.get("annotations", {})),
        )
        if "status" in patch:
            self.cluster.put_status(before.key, _merge(before.status, patch["status"]) if patch["status"] else {})
            self._told.add(before.key)

    def _patch_object(self, before: Observed, patch: Mapping[str, Any]) -> None:
        key, metadata = before.key, patch.get("metadata", {})
        if "finalizers" in metadata:
            self._finalized.discard(key)
            if before.deleting:
                self.cluster.remove(key)
                return
        changes: dict[str, Any] = {}
        if "data" in patch:
            coded = key.kind is Kind.SECRET
            data = {
                each: value if value is None else b64decode(value) if coded else value.encode()
                for each, value in patch["data"].items()
            }
            changes["data"] = _merge(before.data, data)
        self.cluster.change(
            key,
            labels=_merge(before.labels, metadata.get("labels", {})),
            annotations=_merge(before.annotations, metadata.get("annotations", {})),
            **changes,
        )

    async def delete(self, kind: str, name: str, *, namespace: str | None = None) -> None:
        key = self._key(kind, name, namespace)
        if key.kind is Kind.NAMESPACE:
            self.cluster.delete_namespace(name)
        elif _is_ours(key.kind):
            self.cluster.delete_subject(key)
        elif key in self._finalized:
            self.cluster.change(key, deleting=True)
        elif key in self.cluster.objects:
            self.cluster.remove(key)

    # ---- what people see

    async def read(self, kind: str, name: str, *, namespace: str | None = None) -> Observed | None:
        return self.cluster.objects.get(self._key(kind, name, namespace))

    async def find(self, name: str, *, kind: str, namespace: str | None = None) -> Report | None:
        subject = self.cluster.subjects.get(self._key(kind, name, namespace))
        return None if subject is None else Report(subject)

    async def status(self, name: str, *, kind: str = Kind.IMPORTED_CERTIFICATE, namespace: str | None = None) -> Report:
        return Report(self.cluster.subjects[self._key(kind, name, namespace)])

    async def events(
        self, name: str, *, kind: str = Kind.IMPORTED_CERTIFICATE, namespace: str | None = None
    ) -> list[Event]:
        return [
            Event(each.type.value, each.reason, each.action, each.note)
            for each in self.cluster.events
            if each.subject.key == self._key(kind, name, namespace)
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
        async def reached() -> Report | None:
            report = await self.status(name, kind=kind, namespace=namespace)
            return report if report.is_current and until(report) else None

        try:
            report = await self.wait(reached, f"the verdict on {name}")
        except DeadlineError as error:
            raise DeadlineError(
                f"{error}; last seen: {await self.status(name, kind=kind, namespace=namespace)!r}"
            ) from None
        assert report is not None
        return report

    async def wait(self, reached: Callable[[], Awaitable[T]], what: str) -> T:
        deadline = self.now + PATIENCE
        while True:
            await self.rest()
            if answer := await reached():
                return answer
            instants = [memo.due for memo in self._memos.values() if memo.due is not None]
            due = min(instants, default=None)
            if self._stands or due is None or due > deadline:
                raise DeadlineError(f"nothing is left to happen until {deadline}, and there is no {what}")
            self.cluster.clock.now = max(due, self.now)

    async def rest(self) -> None:
        for _ in range(MOST_PASSES):
            due = [subject for subject in self.cluster.subjects.values() if self._is_due(subject)]
            if not due and not await self.library.fetched():
                return
            for subject in due:
                # What an earlier one did may have changed it, or have let go of it.
                if (now := self.cluster.subjects.get(subject.key)) is not None:
                    await self._pass(now)
        raise AssertionError(f"{[str(each.key) for each in due]} never come to rest")

    # ---- time

    async def travel(self, delta: timedelta) -> None:
        self._stands = False
        self.cluster.clock.now += delta

    async def stand_at(self, instant: datetime) -> None:
        self._stands = True
        self.cluster.clock.now = instant

    # ---- troubles

    @asynccontextmanager
    async def doubting_the_clock(self) -> AsyncIterator[None]:
        self.cluster.clock.is_doubted = True
        yield
        self.cluster.clock.is_doubted = False

    @asynccontextmanager
    async def without_right_to_refresh(self) -> AsyncIterator[None]:
        names = [key for key in self.cluster.objects if key.kind in WORKLOADS]
        async with self._failing("read", FailureCause.FORBIDDEN, *names):
            yield

    @asynccontextmanager
    async def without_room_for_secrets(self, name: str) -> AsyncIterator[None]:
        async with self._failing("apply", FailureCause.QUOTA_EXCEEDED, self._key(Kind.SECRET, name)):
            yield

    @asynccontextmanager
    async def refusing_full_statuses(self, name: str) -> AsyncIterator[None]:
        key = self._key(Kind.IMPORTED_CERTIFICATE, name)
        self.cluster.fail("status", key, FailureCause.INVALID)
        yield
        self.cluster.fail("status", key)

    @asynccontextmanager
    async def _failing(self, verb: str, cause: FailureCause, *keys: ObjectKey) -> AsyncIterator[None]:
        for key in keys:
            self.cluster.fail(verb, key, *[cause] * MANY)
        yield
        for key in keys:
            self.cluster.fail(verb, key)

    # ---- the runtime

    def _is_due(self, subject: Subject) -> bool:
        memo = self._memos.get(subject.key)
        if subject.key.kind not in self._engine.reconcilers:
            return False
        if subject.key in self._told:
            return True
        if memo is None or memo.traits != _traits(subject):
            return True
        if memo.due is not None and memo.due <= self.now:
            return True
        return memo.versions != self._versions(subject)

    async def _pass(self, subject: Subject) -> None:
        memo = self._memos.setdefault(subject.key, _Memo())
        self._told.discard(subject.key)
        around = Surroundings(
            self.cluster,
            self.cluster,
            self.cluster.clock,
            judge_inline,
            self._engine.judged_by,
            library=self.library,
        )
        reconciler = self._engine.reconcilers[subject.key.kind]
        result = await run_pass(reconciler, subject, around=around, verified=memo.verified)
        after = self.cluster.subjects.get(subject.key)
        if after is None:
            del self._memos[subject.key]
            return
        memo.traits, memo.versions = _traits(after), self._versions(after)
        memo.verified = result.verified or memo.verified
        memo.due = self._next(memo, result)

    def _next(self, memo: _Memo, result: PassResult) -> datetime | None:
        if result.conflict:
            return self.now
        if not result.retry:
            memo.failures = 0
            return result.requeue_at
        memo.failures += 1
        retry = self.now + timedelta(seconds=2 ** (memo.failures - 1))
        return min(retry, result.requeue_at or retry)

    def _versions(self, subject: Subject) -> dict[ObjectKey, Version | NamespaceFacts | str | None]:
        """Give what a change of would be told to the object: versions of what it refers to, faces of what it asks."""
        reconciler = self._engine.reconcilers[subject.key.kind]
        # Workloads are not watched.
        keys = (key for key in reconciler.references(subject) if key.kind not in WORKLOADS)
        found = {key: self.cluster.objects.get(key) for key in keys}
        seen: dict[ObjectKey, Version | NamespaceFacts | str | None] = {}
        for question in reconciler.asks(subject):
            if isinstance(question, Collection):
                seen |= {
                    key: self._engine.reconcilers[key.kind].face(other)
                    for key, other in self.cluster.subjects.items()
                    if key in question and key.kind in self._engine.reconcilers
                }
            elif isinstance(question, Named):
                other = self.cluster.subjects.get(question.key)
                seen[question.key] = self._face(other) if other is not None else None
            elif isinstance(question, Naming):
                seen |= {other.key: self._face(other) for other in self.library.ask(question)}
            elif isinstance(question, Namespaces):
                seen |= {ObjectKey(Kind.NAMESPACE, "", name): each for name, each in self.cluster.namespaces.items()}
            elif isinstance(question, Owned):
                seen |= {key: each.version for key, each in self.cluster.owned(question.owner).items()}
        return {**seen, **{key: observed.version if observed else None for key, observed in found.items()}}

    def _face(self, subject: Subject) -> str:
        return f"{subject.version.uid} {self._engine.reconcilers[subject.key.kind].face(subject)}"

    async def restart(self) -> None:
        """End the process and begin another: what only the former remembered is gone."""
        await self.library.downloads.close()
        self.library = self._begin()
        self._memos.clear()

    def _begin(self, fetcher: Fetcher | None = None) -> MemoryLibrary:
        return MemoryLibrary(self.cluster, self._settings, fetcher=fetcher, on_end=self._fetched)

    def _fetched(self, key: ObjectKey, brought: bool) -> None:  # noqa: FBT001 - a callback
        self._told.add(key)
        for subject in self.cluster.subjects.values() if brought else ():
            if subject.key.kind not in self._engine.reconcilers:
                continue
            asked = self._engine.reconcilers[subject.key.kind].asks(subject)
            if any(isinstance(each, Collection) and key in each for each in asked):
                self._told.add(subject.key)

    def _key(self, kind: str, name: str, namespace: str | None = None) -> ObjectKey:
        place = (namespace or self.namespace) if RESOURCES[Kind(kind)].namespaced else ""
        return ObjectKey(Kind(kind), place, name)


def _is_ours(kind: Kind) -> bool:
    return RESOURCES[kind].api_version == API_VERSION


def _traits(subject: Subject) -> tuple[Any, ...]:
    return subject.version.uid, subject.generation, subject.deleting, dict(subject.labels)


def _values(kind: Kind, manifest: Manifest) -> dict[str, bytes]:
    binary = manifest.get("data" if kind is Kind.SECRET else "binaryData", {})
    text = {} if kind is Kind.SECRET else manifest.get("data", {})
    return {name: value.encode() for name, value in text.items()} | {
        name: b64decode(value) for name, value in binary.items()
    }


def _merge(before: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch (RFC 7386)."""
    merged = dict(before)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _merge(merged.get(name) or {}, value)
        else:
            merged[name] = value
    return merged
