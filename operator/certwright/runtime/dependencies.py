"""Who refers to whom: the index that turns a change of a Secret into work on the objects that use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from certwright.reconcile.objects import ObjectKey
from certwright.reconcile.questions import Collection, Named, Namespaces, Naming, Owned

Asked = Collection | Named | Naming | Namespaces | Owned
"""Questions whose answers change by what happens in the cluster."""

Reference = ObjectKey | Asked
"""What an object can refer to: another one, all of a kind, one of ours and those that name it, all namespaces, or all
that it owns.
"""

NOTHING: frozenset[Reference] = frozenset()
NOBODY: frozenset[ObjectKey] = frozenset()


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
        self._references: dict[ObjectKey, frozenset[Reference]] = {}
        # A key that one object refers to, the usual case, needs no set: ten thousand of them would weigh 2 MB.
        self._dependents: dict[Reference, ObjectKey | set[ObjectKey]] = {}

    def update(self, dependent: ObjectKey, references: Iterable[Reference]) -> None:
        """Say what an object refers to now."""
        before = self._references.get(dependent, NOTHING)
        after = frozenset(references)
        if after == before:
            return
        if after:
            self._references[dependent] = after
        else:
            self._references.pop(dependent, None)
        first = [each for each in after - before if self._link(each, dependent)]
        last = [each for each in before - after if self._unlink(each, dependent)]
        if first := [each for each in first if isinstance(each, ObjectKey)]:
            self._keeper.refer(frozenset(first))
        if last := [each for each in last if isinstance(each, ObjectKey)]:
            self._keeper.unrefer(frozenset(last))

    def forget(self, dependent: ObjectKey) -> None:
        """Say that an object is gone, and what it referred to with it."""
        self.update(dependent, NOTHING)

    def of(self, dependent: ObjectKey) -> frozenset[Reference]:
        """Give what an object refers to."""
        return self._references.get(dependent, NOTHING)

    def on(self, key: ObjectKey) -> frozenset[ObjectKey]:
        """Give the objects to look at again when `key` changes.

        Those that refer to it or to all of its kind, and those that ask who names them, when it does.
        """
        found = self.asking(key) | self.asking(Named(key))
        for each in self.of(key):
            if isinstance(each, Named):
                found |= self.asking(Naming(each.key))
        for collection in (Collection(key.kind, key.namespace), Collection(key.kind, "")):
            found |= self.asking(collection)
        return found

    def asking(self, reference: Reference) -> frozenset[ObjectKey]:
        """Give the objects that refer to this, and not to something that it is part of."""
        held = self._dependents.get(reference)
        if held is None:
            return NOBODY
        return frozenset(held) if isinstance(held, set) else frozenset((held,))

    def _link(self, key: Reference, dependent: ObjectKey) -> bool:
        held = self._dependents.get(key)
        if held is None:
            self._dependents[key] = dependent
            return True
        if isinstance(held, set):
            held.add(dependent)
        else:
            self._dependents[key] = {held, dependent}
        return False

    def _unlink(self, key: Reference, dependent: ObjectKey) -> bool:
        held = self._dependents[key]
        if isinstance(held, set):
            held.discard(dependent)
            if len(held) == 1:
                self._dependents[key] = held.pop()
            return False
        del self._dependents[key]
        return True
