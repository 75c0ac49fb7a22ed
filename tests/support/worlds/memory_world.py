"""A world in memory: the cluster of `tests.support.memory_cluster`, and passes that are made when they are due.

A pass is due exactly when the real operator would make one: the object or something it refers to changed, or the
instant came that the last pass named. Time stands still while a story acts and goes on, to the next such instant, while
it waits.
"""

from __future__ import annotations

import copy
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from certwright.fetch.ports import Fetcher
from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Subject, Version
from certwright.reconcile.questions import Collection
from certwright.runtime.engine import make_engine
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings
from tests.support.memory_cluster import NAMESPACE, MemoryClock, MemoryCluster
from tests.support.memory_library import MemoryLibrary
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
    versions: Mapping[ObjectKey, Version | str | None] = field(default_factory=dict)
    verified: Mapping[ObjectKey, Version] = field(default_factory=dict)
    due: datetime | None = None
    failures: int = 0


class MemoryWorld:
    """Implement `tests.support.worlds.World` without anything real but the code under test."""

    def __init__(self) -> None:
        self.namespace = NAMESPACE
        self.cluster = MemoryCluster(MemoryClock())
        self.corp = Corp(self.now)
        self._settings = Settings()
        self._engine = make_engine(self._settings)
        self._told: set[ObjectKey] = set()
        self.library = self._begin()
        self._memos: dict[ObjectKey, _Memo] = {}
        self._finalized: set[ObjectKey] = set()
        self._stands = False

    @property
    def now(self) -> datetime:
        return self.cluster.clock.now

    # ---- what people do

    async def apply(self, *manifests: Manifest) -> None:
        for manifest in manifests:
            self._apply(manifest)

    def _apply(self, manifest: Manifest) -> None:
        kind, metadata = Kind(manifest["kind"]), manifest["metadata"]
        if kind in self._engine.reconcilers:
            self.cluster.put_subject(metadata["name"], copy.deepcopy(manifest["spec"]), kind=kind)
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
            )
            if metadata.get("finalizers"):
                self._finalized.add(key)

    async def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        key = self._key(kind, name)
        if key.kind in WORKLOADS:
            parts = {part: _merge(self.cluster.objects[key].manifest.get(part, {}), patch[part]) for part in patch}
            self.cluster.put_workload(key.kind, name, **parts)
            return
        metadata, before = patch.get("metadata", {}), self.cluster.objects[key]
        if "finalizers" in metadata:
            self._finalized.discard(key)
            if before.deleting:
                self.cluster.remove(key)
                return
        data = {name: None if value is None else b64decode(value) for name, value in patch.get("data", {}).items()}
        self.cluster.change(
            key,
            labels=_merge(before.labels, metadata.get("labels", {})),
            annotations=_merge(before.annotations, metadata.get("annotations", {})),
            data=_merge(before.data, data),
        )

    async def delete(self, kind: str, name: str) -> None:
        key = self._key(kind, name)
        if key.kind in self._engine.reconcilers:
            uid = self.cluster.subjects.pop(key).version.uid
            self._memos.pop(key, None)
            for other, observed in list(self.cluster.objects.items()):
                if any(each["uid"] == uid for each in observed.owner_references):
                    self.cluster.remove(other)
        elif key in self._finalized:
            self.cluster.change(key, deleting=True)
        elif key in self.cluster.objects:
            self.cluster.remove(key)

    # ---- what people see

    async def read(self, kind: str, name: str) -> Observed | None:
        return self.cluster.objects.get(self._key(kind, name))

    async def status(self, name: str, *, kind: str = Kind.IMPORTED_CERTIFICATE) -> Report:
        return Report(self.cluster.subjects[self._key(kind, name)])

    async def events(self, name: str, *, kind: str = Kind.IMPORTED_CERTIFICATE) -> list[Event]:
        return [
            Event(each.type.value, each.reason, each.action, each.note)
            for each in self.cluster.events
            if each.subject.key == self._key(kind, name)
        ]

    # ---- waiting

    async def settle(self, name: str, until: Until = anything, *, kind: str = Kind.IMPORTED_CERTIFICATE) -> Report:
        async def reached() -> Report | None:
            report = await self.status(name, kind=kind)
            return report if report.is_current and until(report) else None

        try:
            report = await self.wait(reached, f"the verdict on {name}")
        except DeadlineError as error:
            raise DeadlineError(f"{error}; last seen: {await self.status(name, kind=kind)!r}") from None
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
                await self._pass(subject)
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
        after = self.cluster.subjects[subject.key]
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

    def _versions(self, subject: Subject) -> dict[ObjectKey, Version | str | None]:
        """Give what a change of would be told to the object: versions of what it refers to, faces of what it asks."""
        reconciler = self._engine.reconcilers[subject.key.kind]
        # Workloads are not watched.
        keys = (key for key in reconciler.references(subject) if key.kind not in WORKLOADS)
        found = {key: self.cluster.objects.get(key) for key in keys}
        collections = [each for each in reconciler.asks(subject) if isinstance(each, Collection)]
        faces = {
            key: self._engine.reconcilers[key.kind].face(other)
            for key, other in self.cluster.subjects.items()
            if any(key in collection for collection in collections)
        }
        return {**faces, **{key: observed.version if observed else None for key, observed in found.items()}}

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
            asked = self._engine.reconcilers[subject.key.kind].asks(subject)
            if any(isinstance(each, Collection) and key in each for each in asked):
                self._told.add(subject.key)

    def _key(self, kind: str, name: str) -> ObjectKey:
        return ObjectKey(Kind(kind), self.namespace, name)


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
