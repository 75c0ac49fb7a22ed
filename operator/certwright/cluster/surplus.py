"""What a status holds beside what was applied: an apply leaves alone what another field manager wrote.

Somebody edited it by hand, or stripped the managed fields. The status of our kinds is ours alone, but for conditions of
types that we do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from certwright.api.conditions import ConditionType

CONDITIONS = "conditions"
OURS = frozenset(each.value for each in ConditionType)


def find_surplus(found: Mapping[str, Any], wished: Mapping[str, Any]) -> dict[str, Any]:
    """Give the merge patch that takes away what was not wished for; it changes nothing else, and is empty when all is.

    Args:
        found: the status as the API server holds it after the apply.
        wished: what was applied.
    """
    patch: dict[str, Any] = {}
    for name, value in found.items():
        if name not in wished:
            patch[name] = None
        elif name == CONDITIONS:
            kept = _find_kept(value, wished[name])
            if len(kept) < len(value):
                patch[name] = kept
        elif isinstance(value, Mapping):
            if inner := find_surplus(value, wished[name]):
                patch[name] = inner
        elif _exceeds(value, wished[name]):
            patch[name] = wished[name]
    return patch


def _find_kept(conditions: list[Mapping[str, Any]], wished: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    stand = {each["type"] for each in wished}
    return [each for each in conditions if each["type"] in stand or each["type"] not in OURS]


def _exceeds(found: Any, wished: Any) -> bool:
    """Say whether there is anything in it that was not wished for; the order of a list is nobody's business."""
    if found == wished:
        return False
    if isinstance(found, Mapping) and isinstance(wished, Mapping):
        return any(name not in wished or _exceeds(value, wished[name]) for name, value in found.items())
    if isinstance(found, list) and isinstance(wished, list):
        return len(found) > len(wished) or any(all(_exceeds(each, other) for other in wished) for each in found)
    return True
