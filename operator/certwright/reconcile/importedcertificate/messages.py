"""The sentences of conditions: what was found, what to do, and what is still served."""

from __future__ import annotations

from certwright.api.importedcertificate_status import Served
from certwright.findings import Reason, printable
from certwright.pki.certificate import Certificate
from certwright.reconcile.importedcertificate.judgement import Judgement, errors_of
from certwright.reconcile.importedcertificate.verdict import Standing

_DATE = 10  # characters of `2026-12-02T08:00:00Z` that are the date
_NAME_LIMIT = 100
_COMMAND = ": kubectl "

_NOT_REFUSALS = frozenset(
    {Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED, Reason.SOURCE_REMOVED, Reason.INTERNAL_ERROR}
)


def describe_standing(standing: Standing, judgement: Judgement, served: Served | None, *, stored: int) -> str:
    """Say how the object stands, as in "Refused: … . Still served: serial 01ab, until 2026-12-02."."""
    worst = standing.worst
    if worst is None:
        made = judgement.papers is not None and judgement.papers.made is not None
        return _describe_success(judgement.leaf, stored, made=made) if judgement.leaf is not None else ""
    errors = errors_of(standing.findings)
    refused = worst in errors_of(judgement.findings) and worst.reason not in _NOT_REFUSALS and not standing.waiting
    text = ("Refused: " if refused else "Waiting: " if standing.waiting else "") + sentence(worst.message)
    notes = [f"{len(errors) - 1} more in `status.findings`."] if len(errors) > 1 else []
    if not judgement.accepted:
        lost = not stored and any(each.reason is Reason.LAST_GOOD_LOST for each in errors)
        notes.append("Nothing is served any more." if lost else describe_served_line(served))
    # A command to copy stays at the end.
    return " ".join((*notes, text) if _COMMAND in text else (text, *notes))


def describe_served_line(served: Served | None) -> str:
    """Say what consumers have while new material is refused."""
    if served is None:
        return "Nothing is served yet."
    return f"Still served: serial {served.serial_number}, until {served.valid_thru[:_DATE]}."


def _describe_success(leaf: Certificate, stored: int, *, made: bool) -> str:
    how = "self-signed and valid" if made else "valid"
    text = f"{printable(leaf.label, limit=_NAME_LIMIT)}, serial {leaf.serial_hex[:_NAME_LIMIT]}, is {how} until "
    text += f"{leaf.not_after.date().isoformat()}"
    if stored:
        text += f", stored in {stored} Secret{'s' if stored > 1 else ''}"
    return text + "."


def sentence(text: str) -> str:
    """End a text with a full stop, unless it ends, was cut, or ends with a command to copy."""
    return text if text.endswith((".", "?", "…")) or _COMMAND in text else text + "."
