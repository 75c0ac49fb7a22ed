"""Which of two states of an object is newer: resourceVersions are integers that grow within a kind (KEP-5504)."""

from __future__ import annotations

from certwright.reconcile.objects import Version


def as_number(version: str) -> int | None:
    """Give a resourceVersion as the integer it is, `None` when it is none."""
    return int(version) if version.isascii() and version.isdigit() else None


def is_newer(version: str, other: str) -> bool:
    """Say whether one resourceVersion of a kind surely comes after another."""
    left, right = as_number(version), as_number(other)
    return left is not None and right is not None and left > right


def supersedes(version: Version, held: Version) -> bool:
    """Say whether a state of an object may be a newer one than what is held of it."""
    # Versions that are no integers cannot be compared: whatever differs is then taken for newer.
    return version != held and not is_newer(held.resource_version, version.resource_version)
