"""Keep a status small: it is copied into every watch, and the API server refuses a large one as a whole.

Lists have fixed limits in `certwright.api.fields`; what remains is the sum. A list that was cut stands beside a
`…Count`, which says how long it would be.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from certwright.api.fields import DNS_NAMES_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUS_LIMIT = 60 * 1024
"""The size in bytes of JSON beyond which lists are cut; 64 KiB is the promise."""

DNS_NAMES_BYTES = 8 * 1024
"""The bytes that all listed host names may take together."""

_CUT_IN_ORDER = ("dnsNames", "chain", "findings")
"""What a reader misses least comes first."""


def first_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a status has room for: the first 100 that take 8 KiB together."""
    room = DNS_NAMES_BYTES
    chosen: list[str] = []
    for name in names:
        room -= len(name.encode())
        if room < 0 or len(chosen) == DNS_NAMES_LIMIT:
            break
        chosen.append(name)
    return tuple(chosen)


def fit_status(status: dict[str, Any]) -> dict[str, Any]:
    """Return a dumped status cut to `STATUS_LIMIT`, lists halved in turn; one that fits is returned as it is."""
    for name in _CUT_IN_ORDER:
        while _size(status) > STATUS_LIMIT and status.get(name):
            items = status[name]
            status = {**status, name: items[: len(items) // 2]}
    return status


def _size(status: dict[str, Any]) -> int:
    return len(json.dumps(status, ensure_ascii=False, separators=(",", ":")).encode())
