"""All namespaces with their labels: who is selected by a store that spreads bundles.

Fed by the same reader as `certwright.cluster.metadata_cache`; there are few of them and everybody may look at any, so
each is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from certwright.cluster.metadata_cache import Listing, Scope
from certwright.cluster.versions import as_number
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey


class NamespaceCache:
    """What the watch of namespaces says.

    Args:
        on_change: called with the key of a namespace that appeared, went, began to terminate, or got other labels.
        served: the names of those that count; empty means all.
    """

    def __init__(self, *, on_change: Callable[[ObjectKey], None], served: Iterable[str] = ()) -> None:
        self._on_change = on_change
        self._served = frozenset(served)
        self._held: dict[str, NamespaceFacts] = {}
        self._sorted: tuple[NamespaceFacts, ...] | None = None
        self._highest = 0
        self._listed = self._alive = False

    def all(self) -> tuple[NamespaceFacts, ...]:
        """Give the namespaces that are served, sorted by name."""
        if self._sorted is None:
            self._sorted = tuple(facts for _, facts in sorted(self._held.items()))
        return self._sorted

    # ---- for the watch

    def highest(self, _kind: Kind) -> int:
        """Give the newest version that was ever seen, 0 before the first."""
        return self._highest

    def heard_version(self, _kind: Kind, version: str) -> None:
        """Take note of a version that a list or a bookmark bears."""
        self._highest = max(self._highest, as_number(version) or 0)

    def page(self, scope: Scope, listing: Listing, items: Iterable[Mapping[str, Any]]) -> None:
        """Take in a page of a list."""
        for item in items:
            listing.kept.add(ObjectKey(Kind.NAMESPACE, "", item["metadata"]["name"]))
            self.put(scope, item["metadata"])

    def complete(self, scope: Scope, listing: Listing) -> None:
        """End a list: what is held and was not in it is gone."""
        self.heard_version(scope.kind, listing.version)
        for key in [ObjectKey(Kind.NAMESPACE, "", name) for name in self._held]:
            if key not in listing.kept:
                self._set(key, None)
        self._listed = True

    def put(self, _scope: Scope, metadata: Mapping[str, Any]) -> None:
        """Take in that a namespace was created or changed."""
        self.heard_version(Kind.NAMESPACE, metadata["resourceVersion"])
        name = metadata["name"]
        if self._served and name not in self._served:
            return
        labels = {sys.intern(label): sys.intern(text) for label, text in (metadata.get("labels") or {}).items()}
        terminating = "deletionTimestamp" in metadata
        self._set(ObjectKey(Kind.NAMESPACE, "", name), NamespaceFacts(name, metadata["uid"], labels, terminating))

    def remove(self, _scope: Scope, metadata: Mapping[str, Any]) -> None:
        """Take in that a namespace is gone."""
        self.heard_version(Kind.NAMESPACE, metadata["resourceVersion"])
        self._set(ObjectKey(Kind.NAMESPACE, "", metadata["name"]), None)

    def set_alive(self, _scope: Scope, *, alive: bool) -> None:
        """Say whether the watch is open."""
        self._alive = alive

    def drop(self, _kind: Kind) -> None:
        """Believe no version: the API server's history is another. What there is, the next list says."""
        self._highest = 0
        self._listed = self._alive = False

    def is_listed(self, _scope: Scope) -> bool:
        """Say whether a list was read to its end."""
        return self._listed

    def is_alive(self, _scope: Scope) -> bool:
        """Say whether the watch is open."""
        return self._alive

    def _set(self, key: ObjectKey, facts: NamespaceFacts | None) -> None:
        if self._held.get(key.name) == facts:
            return
        if facts is None:
            del self._held[key.name]
        else:
            self._held[key.name] = facts
        self._sorted = None
        self._on_change(key)
