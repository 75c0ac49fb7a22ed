"""What is known of Secrets, ConfigMaps and bundles without reading one: the state behind the metadata-only watch.

Metadata is kept of objects that somebody refers to and of those that are ours; of all others only that their name is
taken. Here are the rules of what counts as a change; `certwright.cluster.metadata_watch` feeds them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from certwright.cluster.decode import metadata_of, metadata_of_observed
from certwright.cluster.name_set import NameSet, hash_name
from certwright.cluster.owner_index import OwnerIndex, owner_of
from certwright.cluster.resources import RESOURCES, can_exist
from certwright.cluster.versions import as_number, is_newer, supersedes
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Version


@dataclass(frozen=True, slots=True)
class Scope:
    """What one list and one watch cover: a kind, everywhere or in one namespace."""

    kind: Kind
    namespace: str = ""


@dataclass(slots=True)
class Listing:
    """A list that is being read, page by page."""

    version: str
    hashes: array[int] = field(default_factory=lambda: array("q"))
    kept: set[ObjectKey] = field(default_factory=set)


@dataclass(slots=True)
class _Shelf:
    """What is known of one scope.

    Attributes:
        listed: the names are complete, as of the list and what the watch said since.
        alive: the watch is open: what it did not say did not happen.
        dropped: what was held when the history turned out to be another; a change until it is seen again.
    """

    names: NameSet = field(default_factory=NameSet)
    listed: bool = False
    alive: bool = False
    dropped: dict[ObjectKey, Metadata] = field(default_factory=dict)


class MetadataCache:
    """Implement `certwright.cluster.ports.MetadataCache`.

    Versions are compared as the integers they are documented to be (KEP-5504), within one kind: an event that is not
    newer than what is held of its name is an echo of our own write, or of a read that overtook it.

    Args:
        scopes: what is watched.
        on_change: called once with the key of each kept object that was created, changed or deleted, by whomever.
        on_owned: called with owner and key when an object that names an owner was created, changed or deleted, unless
            our own write did it; what was taken from an owner is told to that one in any case.
    """

    def __init__(
        self,
        scopes: Iterable[Scope],
        *,
        on_change: Callable[[ObjectKey], None],
        on_owned: Callable[[ObjectKey, ObjectKey], None] = lambda _owner, _key: None,
    ) -> None:
        self._shelves = {scope: _Shelf() for scope in scopes}
        self._on_change = on_change
        self._on_owned = on_owned
        self._owners = OwnerIndex()
        self._held: dict[ObjectKey, Metadata] = {}
        self._referred: set[ObjectKey] = set()
        self._highest: dict[Kind, int] = {}

    # ---- the port

    def peek(self, key: ObjectKey) -> Metadata | None:
        """Give the metadata held, or `None` when the object is absent or nothing is known of it."""
        return self._held.get(key)

    def owned(self, owner: ObjectKey) -> dict[ObjectKey, Metadata]:
        """Give what is held of the objects of an owner, if its kind is one that spreads targets."""
        return {key: self._owners.judge(key, self._held[key]) for key in self._owners.owned(owner)}

    def named(self, kind: Kind, namespace: str, stem: str) -> tuple[ObjectKey, ...]:
        """Give the held objects whose names begin with a stem, sorted; goes through all that is held."""
        found = (key for key in self._held if key.kind is kind and key.namespace == namespace)
        return tuple(sorted(key for key in found if key.name.startswith(stem)))

    def is_absent(self, key: ObjectKey) -> bool:
        """Say whether the object surely did not exist when the watch last spoke; `False` when in doubt."""
        if not can_exist(key):
            return True
        shelf = self._shelf(key)
        if shelf is None or not (shelf.listed and shelf.alive):
            return False
        return (key.namespace, key.name) not in shelf.names

    def wrote(self, observed: Observed) -> None:
        """Hold the version that our own write was answered with, so that its echo is no change.

        The write itself is one, to whoever else uses the object, and is told here unless its echo has overtaken the
        answer and was told already: each change is told once, whoever made it.
        """
        shelf = self._shelf(observed.key)
        if shelf is None:
            return
        key, before = observed.key, self._held.get(observed.key)
        shelf.names.add(key.namespace, key.name)
        if self._hold(key, metadata_of_observed(observed)):
            self._on_change(key)
        self._tell_owners(key, before, self._held.get(key), written=True)
        self.vouch(key, observed.version)

    def saw(self, observed: Observed) -> None:
        """Hold the version of an object just read, unless something newer of it is held.

        When the read overtook the watch, its event would later look like an echo; so others are told of it now.
        """
        key, shelf = observed.key, self._shelf(observed.key)
        if shelf is None:
            return
        known = key in self._held or (key.namespace, key.name) in shelf.names
        if not known and not (shelf.listed and shelf.alive):
            return  # the list will bring it, as the news that it may be
        before = self._held.get(key)
        overtook = before is not None or not known
        shelf.names.add(key.namespace, key.name)
        if self._hold(key, metadata_of_observed(observed)) and overtook:
            self._on_change(key)
        self._tell_owners(key, before, self._held.get(key))

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        """Keep metadata of these objects from now on; register first, then read."""
        self._referred |= keys

    def unrefer(self, keys: frozenset[ObjectKey]) -> None:
        """Stop keeping metadata of objects nobody refers to any more."""
        self._referred -= keys
        for key in keys:
            held = self._held.get(key)
            if held is not None and not held.managed:
                self._drop(key)

    def vouch(self, key: ObjectKey, version: Version) -> None:
        """Believe the managed fields of an object in this version: its content was seen, or is our own."""
        self._owners.vouch(key, version)
        if (held := self._held.get(key)) is not None and held.intact and held.version == version:
            self._held[key] = replace(held, seen=True)

    # ---- for the watch

    def highest(self, kind: Kind) -> int:
        """Give the newest version of any object of this kind that was ever seen, 0 before the first."""
        return self._highest.get(kind, 0)

    def heard_version(self, kind: Kind, version: str) -> None:
        """Take note of a version that a list or a bookmark bears."""
        number = as_number(version)
        if number is not None and number > self._highest.get(kind, 0):
            self._highest[kind] = number

    def page(self, scope: Scope, listing: Listing, items: Iterable[Mapping[str, Any]]) -> None:
        """Take in a page of a list: what is kept at once, the names when the list is complete."""
        for item in items:
            metadata = item["metadata"]
            key = ObjectKey(scope.kind, metadata.get("namespace", ""), metadata["name"])
            listing.hashes.append(hash_name(key.namespace, key.name))
            if self._take(key, metadata_of(metadata)):
                listing.kept.add(key)

    def complete(self, scope: Scope, listing: Listing) -> None:
        """End a list: what is held and was not in it is gone, unless it is younger than the list."""
        shelf = self._shelves[scope]
        shelf.names.replace(listing.hashes)
        self.heard_version(scope.kind, listing.version)
        for key in [key for key in self._held if self._shelf(key) is shelf and key not in listing.kept]:
            if is_newer(self._held[key].version.resource_version, listing.version):
                shelf.names.add(key.namespace, key.name)
            else:
                shelf.dropped[key] = self._drop(key)
        gone, shelf.dropped = shelf.dropped, {}
        shelf.listed = True
        for key, before in gone.items():
            if key not in listing.kept:
                self._on_change(key)
                self._tell_owners(key, before, None)

    def put(self, scope: Scope, metadata: Mapping[str, Any]) -> None:
        """Take in that an object was created or changed."""
        key = ObjectKey(scope.kind, metadata.get("namespace", ""), metadata["name"])
        self._shelves[scope].names.add(key.namespace, key.name)
        self._take(key, metadata_of(metadata))
        self.heard_version(scope.kind, metadata["resourceVersion"])

    def remove(self, scope: Scope, metadata: Mapping[str, Any]) -> None:
        """Take in that an object was deleted; its version is that of the deletion."""
        key = ObjectKey(scope.kind, metadata.get("namespace", ""), metadata["name"])
        self.heard_version(scope.kind, metadata["resourceVersion"])
        held = self._held.get(key)
        if held is not None and is_newer(held.version.resource_version, metadata["resourceVersion"]):
            return  # it has been created again since, and we know already
        self._shelves[scope].names.discard(key.namespace, key.name)
        if held is not None:
            self._drop(key)
        if held is not None or key in self._referred:
            self._on_change(key)
        self._tell_owners(key, held, None)

    def set_alive(self, scope: Scope, *, alive: bool) -> None:
        """Say whether the watch is open."""
        self._shelves[scope].alive = alive

    def drop(self, kind: Kind) -> None:
        """Forget everything of a kind: the API server's history is not the one we know (etcd was restored)."""
        self._highest.pop(kind, None)
        for scope, shelf in self._shelves.items():
            if scope.kind is kind:
                shelf.listed = shelf.alive = False
                shelf.names = NameSet()
                for key in [key for key in self._held if self._shelf(key) is shelf]:
                    shelf.dropped[key] = self._drop(key)

    def is_listed(self, scope: Scope) -> bool:
        """Say whether the names of a scope are complete."""
        return self._shelves[scope].listed

    def is_alive(self, scope: Scope) -> bool:
        """Say whether the watch of a scope is open."""
        return self._shelves[scope].alive

    @property
    def held_count(self) -> int:
        """Give how many objects metadata is kept of."""
        return len(self._held)

    @property
    def name_count(self) -> int:
        """Give how many names are known to be taken."""
        return sum(len(shelf.names) for shelf in self._shelves.values())

    # ---- inside

    def _shelf(self, key: ObjectKey) -> _Shelf | None:
        if not RESOURCES[key.kind].namespaced:
            return self._shelves.get(Scope(key.kind))
        return self._shelves.get(Scope(key.kind)) or self._shelves.get(Scope(key.kind, key.namespace))

    def _take(self, key: ObjectKey, metadata: Metadata) -> bool:
        """Hold what a list or an event says and tell a change; say whether the object is kept."""
        before = self._held.get(key)
        if self._hold(key, metadata):
            self._on_change(key)
        elif before is not None and key not in self._held:
            self._on_change(key)  # it was ours, and is no more
        after = self._held.get(key)
        self._tell_owners(key, before, after)
        return after is not None

    def _hold(self, key: ObjectKey, metadata: Metadata) -> bool:
        """Hold metadata that is newer than what is held, if it is to be kept; say whether it was put in."""
        self.heard_version(key.kind, metadata.version.resource_version)
        held = self._held.get(key)
        if held is not None and not supersedes(metadata.version, held.version):
            return False
        if held is not None:
            self._drop(key)
        if metadata.managed or key in self._referred:
            self._held[key] = metadata
            self._owners.put(key, metadata)
            return True
        return False

    def _drop(self, key: ObjectKey) -> Metadata:
        metadata = self._held.pop(key)
        self._owners.discard(key, metadata)
        return metadata

    def _tell_owners(
        self, key: ObjectKey, before: Metadata | None, after: Metadata | None, *, written: bool = False
    ) -> None:
        """Tell who owns an object, and who did, unless nothing changed, or it was the owner's own write."""
        if before is after:
            return
        if before is not None and after is not None and not written:
            self._owners.doubt(key, after)
        owners = {owner_of(key, each) for each in (before, after) if each is not None}
        if written and after is not None:
            owners.discard(owner_of(key, after))
        for owner in owners:
            if owner is not None:
                self._on_owned(owner, key)
