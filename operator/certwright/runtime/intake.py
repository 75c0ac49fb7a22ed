"""Where news arrives: from the watch of our own objects, from the sweep, and about what those refer to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from certwright.cluster.decode import subject_of
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.questions import Namespaces, Owned
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.dependencies import Asked, Dependencies, Reference
from certwright.runtime.mirror import NEWS, Change, Mirror
from certwright.runtime.queue import Priority

logger = logging.getLogger(__name__)

DELETED = "DELETED"


class Desk(Protocol):
    """Who works on what has changed; in practice `certwright.runtime.workers.Workers`."""

    def add(self, key: ObjectKey, priority: Priority = Priority.CHANGE) -> None:
        """Ask for work on a key."""
        ...

    def forget(self, key: ObjectKey) -> None:
        """Drop everything that is planned for a key."""
        ...


class Intake:
    """Take news in: keep mirror and dependencies true and ask for the work that follows.

    Args:
        mirror: our own objects.
        dependencies: who refers to whom.
        reconcilers: say what an object refers to.
        desk: takes the work.
        count: told kind and meaning of each event.

    Attributes:
        on_edited: called with the key of an object whose status was written by somebody else: it is no evidence.
        on_list: called when the watch delivers from a list, that is, after a gap.
        on_new_history: called with everything that was held, when etcd was restored from a backup.
        on_gone: called with the key of an object that is gone.
        on_swept: called now and then, when lists were compared with what the watch said.
    """

    def __init__(
        self,
        mirror: Mirror,
        dependencies: Dependencies,
        reconcilers: Mapping[Kind, Reconciler[Any]],
        *,
        desk: Desk,
        count: Callable[[str, str], None],
    ) -> None:
        self._mirror = mirror
        self._dependencies = dependencies
        self._reconcilers = reconcilers
        self._desk = desk
        self._count = count
        self._touched: dict[ObjectKey, set[ObjectKey]] = {}
        self.on_edited: Callable[[ObjectKey], None] = _ignore
        self.on_list: Callable[[], None] = _nothing
        self.on_new_history: Callable[[list[ObjectKey]], None] = _ignore
        self.on_swept: Callable[[], None] = _nothing
        self.on_gone: Callable[[ObjectKey], None] = _ignore

    def deliver(self, kind: Kind, type_: str | None, manifest: Mapping[str, Any]) -> None:
        """Take in an event of the watch; `type_` is `None` when it comes from a list."""
        if type_ is None:
            self.on_list()
        if type_ == DELETED:
            self._deliver_deletion(kind, manifest["metadata"])
            return
        key, change = self._mirror.observe(kind, manifest)
        self._count(kind, change.value)
        if change is Change.EDITED:
            self.on_edited(key)
        if change in NEWS:
            # What a list brings at the start is thousands of objects; a change that somebody makes goes before them.
            self._ask(subject_of(key, manifest), Priority.ROUTINE if type_ is None else Priority.CHANGE)

    def found(self, key: ObjectKey, change: Change = Change.CHANGED) -> None:
        """Take note that there is news in the mirror."""
        if change is Change.EDITED:
            self.on_edited(key)
        subject = self._mirror.subject(key)
        if subject is not None:
            self._ask(subject, Priority.CHANGE)

    def _ask(self, subject: Subject, priority: Priority) -> None:
        dependents = self._dependencies.on(subject.key)
        # Before anything is read: a change of what it refers to must not fall between the read and the registration.
        self._dependencies.update(subject.key, self.references(subject))
        self._desk.add(subject.key, priority)
        # Another replica may have written what others see of it, and who is named by it now may not be the one before.
        self._tell(dependents | self._dependencies.on(subject.key), subject.key)

    def gone(self, key: ObjectKey) -> None:
        """Take note that an object is gone."""
        dependents = self._dependencies.on(key)
        self._desk.forget(key)
        self._dependencies.forget(key)
        self._tell(dependents, key)
        self.on_gone(key)

    def changed(self, key: ObjectKey) -> None:
        """Take note that something changed which is not one of our own objects, but may be referred to by them."""
        self._tell_dependents(key)

    def owned_changed(self, owner: ObjectKey, key: ObjectKey) -> None:
        """Take note that somebody changed an object which names an owner."""
        self._tell(self._dependencies.asking(Owned(owner)), key)

    def namespace_changed(self, key: ObjectKey) -> None:
        """Take note that a namespace appeared, went, began to terminate, or got other labels."""
        self._tell(self._dependencies.asking(Namespaces()), key)

    def written(self, before: Subject, after: Subject) -> None:
        """Take note that a pass has written a status: who refers to all of its kind may see the difference."""
        self._dependencies.update(after.key, self.references(after))
        reconciler = self._reconcilers[after.key.kind]
        if reconciler.face(before) != reconciler.face(after):
            self._tell_dependents(after.key)

    def fetched(self, key: ObjectKey, brought: bool) -> None:  # noqa: FBT001 - a callback
        """Take note that a fetch for an object has ended; what it brought may be what others were waiting for."""
        self._desk.add(key)
        if brought:
            self._tell_dependents(key)

    def begin(self, key: ObjectKey) -> None:
        """Say that a pass over an object begins; it owes an `end`."""
        self._touched[key] = set()

    def end(self, key: ObjectKey) -> set[ObjectKey]:
        """Say that the pass ended, and give what changed meanwhile of what the object refers to.

        Most of that is the pass's own doing: the event of a write often overtakes its answer. So the pass compares
        what it has seen, instead of being run again for each.
        """
        return self._touched.pop(key, set())

    def new_history(self) -> None:
        """Forget everything: it is read anew."""
        keys = [key for key, _ in self._mirror.items()]
        for key in keys:
            self._desk.forget(key)
            self._dependencies.forget(key)
        self._mirror.clear()
        self.on_new_history(keys)

    def swept(self) -> None:
        """Take note that lists were compared with what the watch said."""
        self.on_swept()

    def references(self, subject: Subject) -> frozenset[Reference]:
        """Say what an object refers to; nothing when its spec cannot be read."""
        reconciler = self._reconcilers[subject.key.kind]
        try:
            asked = (each for each in reconciler.asks(subject) if isinstance(each, Asked))
            return reconciler.references(subject).union(asked)
        except Exception:
            logger.exception("the references of an object cannot be told", extra={"about": subject.key})
            return frozenset()

    def _deliver_deletion(self, kind: Kind, metadata: Mapping[str, Any]) -> None:
        key = ObjectKey(kind, metadata.get("namespace") or "", metadata["name"])
        self._count(kind, "deleted")
        if self._mirror.remove(key, metadata["uid"]):
            self.gone(key)

    def _tell_dependents(self, key: ObjectKey) -> None:
        self._tell(self._dependencies.on(key), key)

    def _tell(self, dependents: Iterable[ObjectKey], key: ObjectKey) -> None:
        for dependent in dependents:
            touched = self._touched.get(dependent)
            if touched is None:
                self._desk.add(dependent)
            else:
                touched.add(key)


def _nothing() -> None:
    """Do nothing."""


def _ignore(_: object) -> None:
    """Do nothing."""
