"""Which of the objects that we wrote belong to whom, for owners whose targets are too many to be named anywhere."""

from __future__ import annotations

from collections.abc import Collection

from certwright.cluster.resources import RESOURCES
from certwright.reconcile.objects import Kind, Metadata, ObjectKey
from certwright.reconcile.plan import OWNER_ANNOTATION

NOBODYS: frozenset[ObjectKey] = frozenset()

SPREADING_KINDS = frozenset({Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE, Kind.CLUSTER_CERTIFICATE_SET})
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
    """Objects by owner."""

    def __init__(self) -> None:
        self._owned: dict[ObjectKey, set[ObjectKey]] = {}

    def put(self, key: ObjectKey, metadata: Metadata) -> ObjectKey | None:
        """Take an object in, and give its owner."""
        owner = owner_of(key, metadata)
        if owner is not None:
            self._owned.setdefault(owner, set()).add(key)
        return owner

    def discard(self, key: ObjectKey, metadata: Metadata) -> ObjectKey | None:
        """Take an object out that was put in with this metadata, and give its owner."""
        owner = owner_of(key, metadata)
        if owner is not None and (owned := self._owned.get(owner)) is not None:
            owned.discard(key)
            if not owned:
                del self._owned[owner]
        return owner

    def owned(self, owner: ObjectKey) -> Collection[ObjectKey]:
        """Give what belongs to an owner."""
        return self._owned.get(owner, NOBODYS)
