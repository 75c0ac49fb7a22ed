"""A cluster in memory that can do what sets of certificates need, and can be hard on them.

It refuses writes by namespace (rights, quotas), stops the process before or after any request, and lets a hand reach in
before one. Where an API server adds up, as quotas do, a dry run does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Subject
from certwright.reconcile.plan import Delete, Release, SetFinalizer, WriteStatus
from certwright.reconcile.set_actions import Annotate, ApplyContent, Rehearse, RemoveSecret, RestoreSecret
from tests.support.memory_cluster import MemoryCluster, _Applied

R = TypeVar("R")


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Mishaps:
    """What happens to requests.

    Attributes:
        forbidden: namespaces in which Secrets may not be written.
        quotas: how many Secrets a namespace may hold.
        kept: Secrets that their finalizers keep when they are deleted.
        crash_at: the number of the write at which the process goes, from 0, and whether before or after it.
        dead: the process is gone: nothing that it was about to send arrives.
        before: called before each write with its number; may take its time.
        writes: how many writes there were.
    """

    forbidden: set[str] = field(default_factory=set)
    quotas: dict[str, int] = field(default_factory=dict)
    kept: set[ObjectKey] = field(default_factory=set)
    crash_at: tuple[int, str] | None = None
    dead: bool = False
    before: Callable[[int, str, ObjectKey], Awaitable[None] | None] | None = None
    writes: int = 0
    log: list[tuple[str, ObjectKey]] = field(default_factory=list)


class SetCluster(MemoryCluster):
    """Implement the ports, with mishaps."""

    mishaps: Mishaps

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.mishaps = Mishaps()

    async def apply_content(self, action: ApplyContent) -> Observed:
        return await self._write("content", action.key, lambda: self._put(action))

    async def restore_secret(self, action: RestoreSecret) -> Observed:
        return await self._write("restore", action.key, lambda: self._restore(action))

    async def annotate(self, action: Annotate) -> Observed:
        return await self._write("fence", action.key, lambda: self._annotate(action))

    async def rehearse(self, action: Rehearse) -> None:
        self._count("rehearse", action.key)
        self._refuse(action.key)
        if isinstance(action.write, RemoveSecret):
            self._demand(action.key, action.write.replaces)
            return
        self._check(action.write)

    async def delete(self, action: Delete) -> None:
        await self._write("delete", action.key, lambda: self._delete(action))

    async def set_finalizer(self, action: SetFinalizer) -> Subject:
        return await self._write("finalize", action.key, lambda: super(SetCluster, self).set_finalizer(action))

    async def write_status(self, action: WriteStatus) -> Subject:
        return await self._write("status", action.key, lambda: super(SetCluster, self).write_status(action))

    async def release(self, action: Release) -> Observed:
        return await self._write("release", action.key, lambda: super(SetCluster, self).release(action))

    # ---- inside

    async def _write(self, verb: str, key: ObjectKey, do: Callable[[], Awaitable[R]]) -> R:
        number, mishaps = self.mishaps.writes, self.mishaps
        if mishaps.dead:
            raise Crash
        mishaps.writes += 1
        if mishaps.before is not None:
            waited = mishaps.before(number, verb, key)
            if waited is not None:
                await waited
        if mishaps.crash_at == (number, "before"):
            mishaps.dead = True
            raise Crash
        mishaps.log.append((verb, key))
        try:
            if key.kind is Kind.SECRET:
                self._refuse(key)
            return await do()
        finally:
            if mishaps.crash_at == (number, "after"):
                mishaps.dead = True
                raise Crash

    def _refuse(self, key: ObjectKey) -> None:
        if key.namespace in self.mishaps.forbidden:
            raise ClusterError(FailureCause.FORBIDDEN, f"patch {key}: forbidden", status=403)

    async def _delete(self, action: Delete) -> None:
        self._count("delete", action.key)
        if action.key in self.objects:
            self._demand(action.key, action.replaces)
            if action.key in self.mishaps.kept:
                self.change(action.key, deleting=True)
            else:
                self.remove(action.key)

    def _check(self, action: ApplyContent) -> Observed | None:
        before, place = self.objects.get(action.key), self.namespaces.get(action.key.namespace)
        if place is None:
            raise ClusterError(FailureCause.NAMESPACE_TERMINATING, f"{action.key}: there is no namespace", status=404)
        if action.replaces is None and before is not None:
            raise ClusterError(FailureCause.ALREADY_EXISTS, f"{action.key} exists already", status=409)
        if action.replaces is None and place.terminating:
            raise ClusterError(FailureCause.NAMESPACE_TERMINATING, f"{action.key}: its namespace goes", status=403)
        if action.replaces is not None:
            before = self._demand(action.key, action.replaces)
        if before is not None and before.type != action.type:
            raise ClusterError(FailureCause.IMMUTABLE, f"patch {action.key}: field is immutable", status=422)
        return before

    async def _put(self, action: ApplyContent) -> Observed:
        self._count("content", action.key)
        before = self._check(action)
        if before is None and action.key.kind is Kind.SECRET:
            count = sum(key.namespace == action.key.namespace for key in self.objects if key.kind is Kind.SECRET)
            if count >= self.mishaps.quotas.get(action.key.namespace, 1 << 30):
                raise ClusterError(FailureCause.QUOTA_EXCEEDED, f"patch {action.key}: exceeded quota", status=403)
        now = self._merge(action, before, dict(action.data), action.type)  # type: ignore[arg-type]
        now = replace(now, immutable=action.immutable or now.immutable)
        if before is not None and replace(now, version=before.version, changed=before.changed) == before:
            return before
        if before is not None and before.immutable and now.data != before.data:
            raise ClusterError(FailureCause.IMMUTABLE, f"patch {action.key}: field is immutable", status=422)
        self._applied[action.key] = _Applied(set(action.labels), set(action.annotations), set(action.data))
        self.objects[action.key] = now
        return now

    async def _restore(self, action: RestoreSecret) -> Observed:
        self._count("restore", action.key)
        before = self._demand(action.key, action.replaces)
        self._applied.pop(action.key, None)
        self.objects[action.key] = replace(
            before,
            version=self._next(before.version.uid),
            data=dict(action.data),
            labels=dict(action.labels),
            annotations=dict(action.annotations),
            owner_references=action.owner_references,
            changed=self.clock.now,
            intact=False,
        )
        return self.objects[action.key]

    async def _annotate(self, action: Annotate) -> Observed:
        self._count("fence", action.key)
        before = self._demand(action.key, action.replaces)
        annotations: Mapping[str, str] = {**before.annotations, **action.annotations}
        self.objects[action.key] = replace(before, version=self._next(before.version.uid), annotations=annotations)
        return replace(self.objects[action.key], data={}, type="")
