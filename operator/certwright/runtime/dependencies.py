"""Who refers to whom: the index that turns a change of a Secret into work on the objects that use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from certwright.reconcile.objects import ObjectKey

NOTHING: frozenset[ObjectKey] = frozenset()


class Keeper(Protocol):
    """Who must know what is referred to; in practice the metadata cache."""

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        """Keep metadata of these objects from now on."""
        ...

    def unrefer(self, keys: frozenset[ObjectKey]) -> None:
        """Stop keeping metadata of objects nobody refers to any more."""
        ...


class Dependencies:
    """References of each object, forward and back.

    Args:
        keeper: is told of every key that gets its first reference, or loses its last.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._references: dict[ObjectKey, frozenset[ObjectKey]] = {}
        # A key that one object refers to, the usual case, needs no set: ten thousand of them would weigh 2 MB.
        self._dependents: dict[ObjectKey, ObjectKey | set[ObjectKey]] = {}

    def update(self, dependent: ObjectKey, references: Iterable[ObjectKey]) -> None:
        """Say what an object refers to now."""
        before = self._references.get(dependent, NOTHING)
        after = frozenset(references)
        if after == before:
            return
        if after:
            self._references[dependent] = after
        else:
            self._references.pop(dependent, None)
        first = frozenset(key for key in after - before if self._link(key, dependent))
        last = frozenset(key for key in before - after if self._unlink(key, dependent))
        if first:
            self._keeper.refer(first)
        if last:
            self._keeper.unrefer(last)

    def forget(self, dependent: ObjectKey) -> None:
        """Say that an object is gone, and what it referred to with it."""
        self.update(dependent, NOTHING)

    def of(self, dependent: ObjectKey) -> frozenset[ObjectKey]:
        """Give what an object refers to."""
        return self._references.get(dependent, NOTHING)

    def on(self, key: ObjectKey) -> frozenset[ObjectKey]:
        """Give the objects that refer to `key`: those to look at again when it changes."""
        held = self._dependents.get(key)
        if held is None:
            return NOTHING
        return frozenset(held) if isinstance(held, set) else frozenset((held,))

    def _link(self, key: ObjectKey, dependent: ObjectKey) -> bool:
        held = self._dependents.get(key)
        if held is None:
            self._dependents[key] = dependent
            return True
        if isinstance(held, set):
            held.add(dependent)
        else:
            self._dependents[key] = {held, dependent}
        return False

    def _unlink(self, key: ObjectKey, dependent: ObjectKey) -> bool:
        held = self._dependents[key]
        if isinstance(held, set):
            held.discard(dependent)
            if len(held) == 1:
                self._dependents[key] = held.pop()
            return False
        del self._dependents[key]
        return True
