"""`kubectl certwright status`: every object of certwright and what it says of itself, what is not ready first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from certwright.api.crd import KINDS
from certwright.api.kind import Kind as ServedKind
from certwright.cli.kubectl.session import DONE_EXIT, REFUSED_EXIT, complain, open_session, session_options
from certwright.cli.terminal import ERROR_STYLE, GOOD_STYLE, HEADING_STYLE, WARNING_STYLE, open_console, say
from certwright.cluster.by_hand import ByHand
from certwright.findings import ClusterError, printable
from certwright.reconcile.objects import Kind, ObjectKey

HEADS = ("OBJECT", "READY", "REASON", "MESSAGE")
MESSAGE_LIMIT = 200
_WORD_LIMIT = 253
_ORDER = {"False": 0, "Unknown": 1, "True": 2}
_STYLES = {"False": ERROR_STYLE, "Unknown": WARNING_STYLE, "True": GOOD_STYLE}


@dataclass(frozen=True, slots=True)
class Row:
    """One object."""

    key: ObjectKey
    ready: str
    reason: str
    message: str


@click.command(epilog="Exit status: 0 listed; 1 something could not be; 2 the API server cannot be asked.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@session_options
def status(*, all_namespaces: bool, **where: Any) -> None:
    """List all objects of certwright in the namespace, and ClusterTrustStores: whether they are ready, and why not."""
    session = open_session(**where)
    session.run(lambda objects: _list(objects, "" if all_namespaces else session.namespace))


async def _list(objects: ByHand, namespace: str) -> int:
    rows: list[Row] = []
    code = DONE_EXIT
    for kind in KINDS:
        try:
            rows += await _rows(objects, kind, namespace)
        except ClusterError as error:
            if error.status == 0 or kind.scope == "Namespaced":
                raise
            complain(error.message)  # to list what the whole cluster has is a right of its own
            code = REFUSED_EXIT
    _write(sorted(rows, key=lambda row: (_ORDER[row.ready], row.key)))
    return code


async def _rows(objects: ByHand, kind: ServedKind, namespace: str) -> list[Row]:
    place = namespace if kind.scope == "Namespaced" else ""
    return [_row(Kind(kind.name), found) for found in await objects.read_all(Kind(kind.name), place)]


def _row(kind: Kind, found: Mapping[str, Any]) -> Row:
    key = ObjectKey(kind, found["metadata"].get("namespace", ""), found["metadata"]["name"])
    conditions = (found.get("status") or {}).get("conditions") or ()
    ready = next((each for each in conditions if each["type"] == "Ready"), None)
    if ready is None:
        return Row(key, "Unknown", "", "certwright has not looked at it yet")
    message = printable(ready["message"], limit=MESSAGE_LIMIT)
    return Row(key, ready["status"], printable(ready["reason"], limit=_WORD_LIMIT), message)


def _write(rows: Iterable[Row]) -> None:
    console = open_console()
    lines = [(str(row.key), row.ready, row.reason, row.message) for row in rows]
    if not lines:
        say(console, "There are no objects of certwright here.")
        return
    widths = [max(len(line[column]) for line in (HEADS, *lines)) for column in range(len(HEADS) - 1)]
    say(console, (_aligned(HEADS, widths), HEADING_STYLE))
    for name, ready, reason, message in lines:
        say(
            console,
            f"{name:<{widths[0]}}  ",
            (f"{ready:<{widths[1]}}", _STYLES[ready]),
            f"  {reason:<{widths[2]}}  {message}".rstrip(),
        )


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    *others, last = cells
    return "  ".join([*(f"{cell:<{width}}" for cell, width in zip(others, widths, strict=True)), last])
