"""What the judge of a PrivateKey hands to the planner; values only, and no key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from certwright.api.privatekey import PrivateKeySpec
from certwright.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a wish.

    Attributes:
        spec: the wish; `None` when it cannot be read.
        findings: what is wrong with it.
        algorithm: what a new key is made for.
        size: how large, in bits.
    """

    spec: PrivateKeySpec | None
    findings: tuple[Finding, ...] = ()
    algorithm: str = ""
    size: int = 0


def errors_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Give the findings that refuse something."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)
