"""A change of a store, as the people read it who approve it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from certwright.api.model import timestamp
from certwright.cli.diff.comparison import Change
from certwright.cli.diff.stores import StoreDifference, count_changes
from certwright.cli.diff.text import write_errors, write_head
from certwright.cli.offline import facts
from certwright.cli.terminal import GOOD_STYLE, QUIET_STYLE, say
from certwright.reconcile.trust.description import describe_staging
from certwright.reconcile.trust.record import TrustedCertificate

APPROVAL = "to approve: "
ONCE = (
    "An id approves a change once. Of a change that was approved before, or withdrawn while it waited, "
    "`status.pending.id` of the store has another."
)
_MOST_LINES = 40


def write_stores(differences: Iterable[StoreDifference], console: Console) -> None:
    """Write a line for each store, and below it one for each CA, and what approves the change."""
    approvals = False
    for each in differences:
        write_head(console, each.report, describe_store(each), each.change, each.flags)
        lines = describe_lines(each)
        for line in lines[:_MOST_LINES]:
            say(console, "  ", line)
        if len(lines) > _MOST_LINES:
            say(console, ("  ", QUIET_STYLE), f"and {len(lines) - _MOST_LINES} more: `--output json` has all of them")
        if each.approval is not None:
            said = "approved, the new side names it: " if each.approved else APPROVAL
            say(console, "  ", (f"{said}{each.approval}", GOOD_STYLE if each.approved else ""))
            approvals = True
        for note in (*each.remarks, *(each.new.notes if each.new is not None else ())):
            say(console, ("  note ", QUIET_STYLE), note)
        blocked = each.staging.blocked if each.staging is not None else None
        write_errors(console, each.new, told=blocked.reason if blocked is not None else None)
    if approvals:
        say(console, ("note", QUIET_STYLE), f"  {ONCE}")


def describe_store(found: StoreDifference) -> str:
    """Say what changed, in one line without the name."""
    parts = [] if found.change is Change.CHANGED else [found.change.value]
    parts += found.wish
    if found.old is not None and found.new is not None and found.old.reason != found.new.reason:
        parts.append(f"verdict {found.old.reason.value}→{found.new.reason.value}")
    if found.change is Change.REMOVED and found.report.bundle is not None:
        parts.append(facts.describe_bundle(found.report.bundle))
    counts = list(count_changes(found))
    if found.change is Change.ADDED:
        counts = [f"{found.report.bundle.mode}", *counts] if found.report.bundle is not None else counts
    return ", ".join((*parts, *counts))


def describe_lines(found: StoreDifference) -> list[str]:
    """Say what becomes of each CA, a line for each."""
    if found.staging is None:
        return []
    return [each for each in describe_staging(found.staging) if not each.startswith(APPROVAL)]


def list_changes(found: StoreDifference) -> dict[str, Any]:
    """Give the change of a store as JSON has it."""
    staging, difference = found.staging, found.difference
    blocked = staging.blocked if staging is not None else None
    return {
        "deployedRevision": found.deployed_revision,
        "stagedRevision": staging.revision if staging is not None else None,
        "withdrawn": [{**_describe(each.entry), "why": each.why} for each in found.withdrawals],
        "added": list(map(_describe, difference.added)),
        "removed": list(map(_describe, difference.removed)),
        "changed": [{**_describe(after), "was": _describe_role(before)} for before, after in difference.changed],
        "blocked": blocked.message if blocked is not None else None,
        "approval": found.approval,
        "approved": found.approved,
        "remarks": list(found.remarks),
    }


def _describe(entry: TrustedCertificate) -> dict[str, Any]:
    return {
        "fingerprint": entry.fingerprint,
        "name": facts.label(entry.certificate),
        **_describe_role(entry),
        "notAfter": timestamp(entry.certificate.not_after),
        "decisions": list(entry.decisions),
        "public": entry.public,
    }


def _describe_role(entry: TrustedCertificate) -> dict[str, Any]:
    until = entry.trust_until
    return {"certUse": entry.role, "trustUntil": timestamp(until) if until is not None else None}
