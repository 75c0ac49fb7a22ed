"""Seeded choices, and what was chosen out of the ordinary."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
CALM, WILD = 0.0, 1.0


class Dice:
    """The same seed throws the same.

    Attributes:
        random: for what needs more than the throws below.
        mischief: how likely faults are: none in half of the worlds, so that enough stay valid.
        traits: what was thrown that a known disagreement may hang on.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.mischief = self.random.choice((CALM, CALM, 0.4, WILD))
        self.traits: set[str] = set()

    def likely(self, chance: float, trait: str = "") -> bool:
        """Throw for something that is allowed."""
        hit = self.random.random() < chance
        if hit and trait:
            self.traits.add(trait)
        return hit

    def fault(self, chance: float, trait: str = "") -> bool:
        """Throw for something that is wrong."""
        return self.likely(chance * self.mischief, trait)

    def one_of(self, values: Sequence[T]) -> T:
        return self.random.choice(values)

    def some_of(self, values: Sequence[T], least: int = 0) -> list[T]:
        return self.random.sample(values, self.random.randint(least, len(values)))

    def shuffled(self, values: Sequence[T]) -> list[T]:
        return self.random.sample(values, len(values))
