"""What waits for a worker: de-duplicated keys, fair between namespaces, a person's change before a routine check.

Pure data: no clock, no loop. `certwright.runtime.workers` drives it.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum

from certwright.reconcile.objects import ObjectKey

ROUTINE_SHARE = 8
"""One take in so many goes to a routine check first: a flood of changes must not starve the expiry checks."""


class Priority(IntEnum):
    """How soon a key is worked on."""

    CHANGE = 0
    ROUTINE = 1


class WorkQueue:
    """Keys that wait and keys that are worked on; each key at most once in either.

    A key added while it is worked on waits until that ends and is then worked on again. Namespaces take turns, so that
    one namespace with thousands of changes delays another by one object, not by thousands.
    """

    def __init__(self) -> None:
        self._lanes = {priority: _Lane() for priority in Priority}
        self._waiting: dict[ObjectKey, Priority] = {}
        self._running: set[ObjectKey] = set()
        self._again: dict[ObjectKey, Priority] = {}
        self._taken = 0

    def __len__(self) -> int:
        """Count the keys that wait, those that will wait again once their work ends included."""
        return len(self._waiting) + len(self._again)

    @property
    def running(self) -> int:
        """Count the keys that are worked on."""
        return len(self._running)

    def is_running(self, key: ObjectKey) -> bool:
        """Say whether the key is worked on right now."""
        return key in self._running

    def add(self, key: ObjectKey, priority: Priority, *, now: float) -> None:
        """Let the key wait; one that waits already keeps its turn, and rises when `priority` is higher."""
        if key in self._running:
            self._again[key] = min(priority, self._again.get(key, priority))
            return
        held = self._waiting.get(key)
        if held is None:
            self._enter(key, priority, since=now)
        elif priority < held:
            self._enter(key, priority, since=self._lanes[held].remove(key))

    def take(self) -> ObjectKey | None:
        """Hand out the next key to work on; `None` when nothing waits. The caller owes a `done`."""
        first, second = self._lanes[Priority.CHANGE], self._lanes[Priority.ROUTINE]
        self._taken += 1
        if self._taken % ROUTINE_SHARE == 0:
            first, second = second, first
        key = first.take() or second.take()
        if key is not None:
            del self._waiting[key]
            self._running.add(key)
        return key

    def done(self, key: ObjectKey, *, now: float) -> None:
        """Say that the work on the key ended; what happened to it meanwhile makes it wait again."""
        self._running.discard(key)
        again = self._again.pop(key, None)
        if again is not None:
            self._enter(key, again, since=now)

    def discard(self, key: ObjectKey) -> None:
        """Forget that the key waits, or should be worked on again; work under way goes on."""
        self._again.pop(key, None)
        held = self._waiting.pop(key, None)
        if held is not None:
            self._lanes[held].remove(key)

    def oldest(self) -> float | None:
        """Give the `now` at which the longest-waiting key was added; `None` when nothing waits."""
        return min((since for lane in self._lanes.values() for since in lane.heads()), default=None)

    def _enter(self, key: ObjectKey, priority: Priority, *, since: float) -> None:
        self._waiting[key] = priority
        self._lanes[priority].append(key, since)


class _Lane:
    """The waiting keys of one priority: first in, first out within a namespace, namespaces in turn."""

    def __init__(self) -> None:
        self._namespaces: OrderedDict[str, dict[ObjectKey, float]] = OrderedDict()

    def append(self, key: ObjectKey, since: float) -> None:
        self._namespaces.setdefault(key.namespace, {})[key] = since

    def remove(self, key: ObjectKey) -> float:
        keys = self._namespaces[key.namespace]
        since = keys.pop(key)
        if not keys:
            del self._namespaces[key.namespace]
        return since

    def take(self) -> ObjectKey | None:
        if not self._namespaces:
            return None
        namespace, keys = self._namespaces.popitem(last=False)
        key = next(iter(keys))
        del keys[key]
        if keys:
            self._namespaces[namespace] = keys  # its next turn comes after everybody else's
        return key

    def heads(self) -> list[float]:
        return [next(iter(keys.values())) for keys in self._namespaces.values()]
