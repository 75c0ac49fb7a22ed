"""Who else manages a field of an object, for what a person sets by hand may be put back by what syncs from Git."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CLIENT_SIDE = "kubectl apply"
"""How its manager is called here: it notes what it applied in an annotation, and does not speak for a default."""


def who_writes(found: Mapping[str, Any], *path: str, besides: str) -> tuple[str, ...]:
    """Name the managers that write a field of the wish of their own will, and so would write it again.

    Only appliers count: what creates or updates an object owns its defaults as well, without having said them.

    Args:
        found: the object, with its `managedFields`.
        path: names of the fields below `spec`.
        besides: the manager that does not count.
    """
    names = [
        entry["manager"]
        for entry in found["metadata"].get("managedFields") or ()
        if entry.get("operation") == "Apply" and entry.get("manager") != besides and _holds(entry, path)
    ]
    if _was_applied(found, path):
        names.append(CLIENT_SIDE)
    return tuple(dict.fromkeys(names))


def _holds(entry: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    fields: Any = entry.get("fieldsV1") or {}
    for name in ("spec", *path):
        if f"f:{name}" not in fields:
            return False
        fields = fields[f"f:{name}"]
    return True


def _was_applied(found: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    noted = (found["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if noted is None:
        return False
    try:
        held: Any = json.loads(noted)
        for name in ("spec", *path):
            held = held[name]
    except (ValueError, KeyError, TypeError):
        return False  # it does not speak of the field
    return True
