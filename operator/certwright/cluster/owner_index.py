"""Which of the objects that we wrote belong to whom, for owners whose targets are too many to be named anywhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from certwright.cluster.resources import RESOURCES
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Version
from certwright.reconcile.plan import OWNER_ANNOTATION

NOBODYS: frozenset[ObjectKey] = frozenset()

SPREADING_KINDS = frozenset({Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE})
"""Kinds that ask for what they own; the targets of other kinds stand in their specs, and need no index."""


def owner_of(key: ObjectKey, metadata: Metadata) -> ObjectKey | None:
    """Give the owner that an object of ours names: `<Kind>/<name>`, in its own namespace unless cluster-scoped.

    `None` when it names none of the kinds that spread targets. Records are in the operator's namespace and name their
    owner in another form: they are no targets.
    """
    kind, _, name = metadata.annotations.get(OWNER_ANNOTATION, "").partition("/")
    if not metadata.managed or kind not in SPREADING_KINDS or not name or "/" in name:
        return None
    owner = Kind(kind)
    return ObjectKey(owner, key.namespace if RESOURCES[owner].namespaced else "", name)


class OwnerIndex:
    """Objects by owner, and which of them somebody else has changed since they were looked into.

    Managed fields tell who wrote what, and anybody who may write an object may call himself what he likes in them. So
    what was changed by a request that was not ours is believed to be intact only when its content was seen.
    """

    def __init__(self) -> None:
        self._owned: dict[ObjectKey, set[ObjectKey]] = {}
        self._doubted: dict[ObjectKey, Version] = {}

    def put(self, key: ObjectKey, metadata: Metadata) -> ObjectKey | None:
        """Take an object in, and give its owner."""
        owner = owner_of(key, metadata)
        if owner is not None:
            self._owned.setdefault(owner, set()).add(key)
        return owner

    def discard(self, key: ObjectKey, metadata: Metadata) -> ObjectKey | None:
        """Take an object out that was put in with this metadata, and give its owner."""
        self._doubted.pop(key, None)
        owner = owner_of(key, metadata)
        if owner is not None and (owned := self._owned.get(owner)) is not None:
            owned.discard(key)
            if not owned:
                del self._owned[owner]
        return owner

    def owned(self, owner: ObjectKey) -> Collection[ObjectKey]:
        """Give what belongs to an owner."""
        return self._owned.get(owner, NOBODYS)

    def doubt(self, key: ObjectKey, metadata: Metadata) -> None:
        """Take note that a request of somebody else has changed an object."""
        if metadata.intact and owner_of(key, metadata) is not None:
            self._doubted[key] = metadata.version

    def vouch(self, key: ObjectKey, version: Version) -> None:
        """Take note that the content of an object is as it should be in this version."""
        if self._doubted.get(key) == version:
            del self._doubted[key]

    def judge(self, key: ObjectKey, metadata: Metadata) -> Metadata:
        """Give what is to be believed of an object."""
        return replace(metadata, intact=False) if key in self._doubted else metadata
