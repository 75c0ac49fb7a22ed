"""The shape of an explanation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reason means.

    Attributes:
        meaning: what is so; one or two sentences.
        causes: what usually lies behind it, the commonest first; empty where there is nothing to look for.
        fix: what to do.
    """

    meaning: str
    causes: tuple[str, ...]
    fix: str


DEFECT = "It is a defect of certwright, or a deliberately odd certificate that nobody has met before."
