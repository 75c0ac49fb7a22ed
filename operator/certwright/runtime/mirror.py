"""Our own objects as last delivered: what came as an event is told from the echo of our own write.

Ten thousand objects must not cost more than 40 MB, and between two passes nobody looks at them: each is held as one
compressed string, with beside it only what is asked often.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from typing import Any

from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.questions import Collection as Collected
from certwright.runtime.entry import Arrival, Entry, entry_of_subject

TOMBSTONES = 4096
"""How many deleted uids are remembered, so that a slow read or list does not bring the object back."""


class Change(Enum):
    """What an event meant; `EDITED`: somebody else wrote the status, and nothing but the status."""

    NEW = "new"
    REPLACED = "replaced"
    CHANGED = "changed"
    EDITED = "edited"
    UNCHANGED = "unchanged"
    POSTPONED = "postponed"
    OLD = "old"


NEWS = frozenset({Change.NEW, Change.REPLACED, Change.CHANGED, Change.EDITED})
"""The meanings that ask for work."""


class Mirror:
    """The custom resources of one operator, by key.

    An event whose uid, generation, deletion, labels and status are those held is no change, whatever its
    resourceVersion, which is held from then on. While a pass works on an object, a status that differs is most likely
    the one that this very pass has written: it is put aside until `end` knows.

    Args:
        collected: the kinds of which all objects of a namespace are asked for.
    """

    def __init__(self, collected: Collection[Kind] = ()) -> None:
        self._collected = frozenset(collected)
        self._members: dict[Collected, set[ObjectKey]] = {}
        self._entries: dict[ObjectKey, Entry] = {}
        self._busy: dict[ObjectKey, Arrival | Entry | None] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._changes = 0
        self._editions: dict[Collected, int] = {}
        self.highest = 0

    def __len__(self) -> int:
        """Count the objects held."""
        return len(self._entries)

    def __contains__(self, key: ObjectKey) -> bool:
        """Say whether the object is held."""
        return key in self._entries

    def observe(self, kind: Kind, manifest: Mapping[str, Any]) -> tuple[ObjectKey, Change]:
        """Take in an object as the API server sent it, and say what it means.

        Only what is in `NEWS` asks for work.
        """
        metadata = manifest["metadata"]
        key = ObjectKey(kind, sys.intern(metadata.get("namespace") or ""), metadata["name"])
        version = int(metadata["resourceVersion"])
        self.highest = max(self.highest, version)
        held = self._entries.get(key)
        if held is not None and version == held.version:
            return key, Change.UNCHANGED
        return key, self._take(key, held, Arrival(kind, manifest))

    def remove(self, key: ObjectKey, uid: str | None = None) -> bool:
        """Forget a deleted object and say whether it was held; a younger namesake stays."""
        held = self._entries.get(key)
        uid = uid or (held.uid if held is not None else None)
        if uid is not None:
            self._gone[uid] = None
            while len(self._gone) > TOMBSTONES:
                self._gone.popitem(last=False)
        if held is None or held.uid != uid:
            return False
        del self._entries[key]
        for collection in self._collections(key):
            self._members[collection].discard(key)
        self._touch(key)
        return True

    def is_gone(self, uid: str) -> bool:
        """Say whether the object of this uid was seen to be deleted."""
        return uid in self._gone

    def clear(self) -> None:
        """Forget everything: the cluster's history is not the one we knew."""
        for key in self._entries:
            self._touch(key)
        self._entries.clear()
        self._members.clear()
        self._gone.clear()
        self.highest = 0

    def begin(self, key: ObjectKey) -> Subject | None:
        """Give the object to a pass, which owes an `end`; `None` when there is none."""
        held = self._entries.get(key)
        if held is None:
            return None
        self._busy[key] = None
        return held.subject(key)

    def end(self, key: ObjectKey, subject: Subject | None = None) -> bool:
        """Hold what a pass left, and say whether something that it did not write came meanwhile.

        Args:
            key: the object the pass was about.
            subject: the object as its last write left it; `None` when the pass failed and nothing is known.
        """
        aside = self._busy.pop(key, None)
        held = self._entries.get(key)
        if held is None:
            return False
        if subject is not None and subject.version.uid == held.uid:
            written = int(subject.version.resource_version)
            self.highest = max(self.highest, written)
            if written > held.version:
                held = self._hold(key, entry_of_subject(subject))
        if aside is None or aside.uid != held.uid or aside.version <= held.version:
            return False
        self._hold(key, aside.entry())
        return aside.status_digest != held.status_digest

    def put(self, subject: Subject) -> Change:
        """Take in an object that was read by name."""
        self.highest = max(self.highest, int(subject.version.resource_version))
        return self._take(subject.key, self._entries.get(subject.key), entry_of_subject(subject))

    def get(self, key: ObjectKey) -> Entry | None:
        """Give what is held of an object, packed."""
        return self._entries.get(key)

    def subject(self, key: ObjectKey) -> Subject | None:
        """Give an object as last delivered or as our own write left it."""
        held = self._entries.get(key)
        return None if held is None else held.subject(key)

    def items(self) -> Iterator[tuple[ObjectKey, Entry]]:
        """Go through everything held; nothing may be taken in meanwhile."""
        return iter(self._entries.items())

    def keys(self, kind: Kind) -> list[ObjectKey]:
        """List the objects of one kind."""
        return [key for key in self._entries if key.kind is kind]

    def members(self, collection: Collected) -> frozenset[ObjectKey]:
        """Give the objects of a collection of a kind that is collected."""
        return frozenset(self._members.get(collection, ()))

    def edition(self, collection: Collected) -> int:
        """Give a number that is another one as soon as an object of the collection comes, changes or goes."""
        return self._editions.get(collection, 0)

    def _hold(self, key: ObjectKey, entry: Entry) -> Entry:
        self._entries[key] = entry
        self._touch(key)
        return entry

    def _touch(self, key: ObjectKey) -> None:
        for collection in self._collections(key):
            self._changes += 1
            self._editions[collection] = self._changes

    def _collections(self, key: ObjectKey) -> tuple[Collected, ...]:
        if key.kind not in self._collected:
            return ()
        return Collected(key.kind, key.namespace), Collected(key.kind, "")

    def _take(self, key: ObjectKey, held: Entry | None, new: Arrival | Entry) -> Change:
        if new.uid in self._gone or (held is not None and new.version <= held.version):
            return Change.OLD
        change = self._compare(key, held, new)
        if change is Change.POSTPONED:
            aside = self._busy[key]
            self._busy[key] = new if aside is None or aside.version < new.version else aside
        else:
            self._hold(key, new.entry())
            for collection in self._collections(key):
                self._members.setdefault(collection, set()).add(key)
        return change

    def _compare(self, key: ObjectKey, held: Entry | None, new: Arrival | Entry) -> Change:
        if held is None:
            return Change.NEW
        if new.uid != held.uid:
            return Change.REPLACED
        if new.traits != held.traits:
            return Change.CHANGED
        if key in self._busy:
            return Change.POSTPONED
        return Change.UNCHANGED if new.status_digest == held.status_digest else Change.EDITED
