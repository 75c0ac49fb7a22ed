"""What was hard to make and is asked for often, kept at hand within a bound; least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Values by name, with a size each.

    Args:
        most_bytes: how much all of them may weigh together; one that weighs more alone is not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._weight = 0
        self._held: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def __len__(self) -> int:
        """Count what is held."""
        return len(self._held)

    @property
    def weight(self) -> int:
        """Give the bytes that are held."""
        return self._weight

    def get(self, name: str) -> T | None:
        """Give what is held under a name."""
        held = self._held.get(name)
        if held is None:
            return None
        self._held.move_to_end(name)
        return held[0]

    def put(self, name: str, value: T, weight: int) -> None:
        """Hold a value, in place of what was held under its name."""
        _, before = self._held.pop(name, (None, 0))
        self._weight -= before
        if weight > self._most:
            return
        self._held[name] = (value, weight)
        self._weight += weight
        while self._weight > self._most:
            _, (_, gone) = self._held.popitem(last=False)
            self._weight -= gone
