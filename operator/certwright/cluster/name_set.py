"""Which names exist, in eight bytes each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class NameSet:
    """A set of names that remembers one 64-bit hash of each, in a sorted array.

    A set of Python integers takes 85 bytes a name, this one 8: a cluster may have many thousand Secrets that are
    nothing to us but for the question "does it exist?". Two names share a hash once in 10¹¹ clusters of 20,000 names;
    the hash is keyed with a secret of the process, so nobody can choose names that do.
    """

    __slots__ = ("_hashes",)

    def __init__(self) -> None:
        self._hashes = array("q")

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, name: tuple[str, str]) -> bool:
        hashed = hash_name(*name)
        place = bisect_left(self._hashes, hashed)
        return place < len(self._hashes) and self._hashes[place] == hashed

    def add(self, namespace: str, name: str) -> None:
        """Put a name in; one that is there already changes nothing."""
        hashed = hash_name(namespace, name)
        place = bisect_left(self._hashes, hashed)
        if place == len(self._hashes) or self._hashes[place] != hashed:
            self._hashes.insert(place, hashed)

    def discard(self, namespace: str, name: str) -> None:
        """Take a name out, if it is there."""
        hashed = hash_name(namespace, name)
        place = bisect_left(self._hashes, hashed)
        if place < len(self._hashes) and self._hashes[place] == hashed:
            del self._hashes[place]

    def replace(self, hashes: Iterable[int]) -> None:
        """Become the set of these hashes, made by `hash_name`."""
        self._hashes = array("q", sorted(set(hashes)))


def hash_name(namespace: str, name: str) -> int:
    """Give the hash of a name; it differs from process to process."""
    # A slash stands in no name, so no two names are written alike.
    return hash(f"{namespace}/{name}")
