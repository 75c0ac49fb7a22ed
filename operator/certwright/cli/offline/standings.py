"""What a pass has said about an object: read back from its status, in the operator's own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from certwright.api.conditions import Condition, ConditionStatus, ConditionType
from certwright.api.status_parts import FindingEntry
from certwright.cli.offline.world import Done
from certwright.findings import Finding, Reason, Severity
from certwright.reconcile.bookkeeping import recall_finding
from certwright.reconcile.objects import ObjectKey
from certwright.reconcile.places import Place

_NOT_FOR_FILES = frozenset({Reason.NOT_CHECKED, Reason.NOT_REFRESHED, Reason.HOST_NOT_ALLOWED})
"""What is said in notes instead, and what only a cluster can answer."""


def read_findings(done: Done) -> list[Finding]:
    """Give what was found."""
    entries = (FindingEntry.model_validate(each) for each in done.subject.status.get("findings", ()))
    found = (recall_finding(each) for each in entries)
    return [each for each in found if each is not None and each.reason not in _NOT_FOR_FILES]


def read_findings_as_wished(done: Done) -> list[Finding]:
    """Give what was found; of an object that is ready, for it stands as it is wished, nothing of that is an error."""
    found = read_findings(done)
    return [replace(each, severity=Severity.WARNING) for each in found] if is_ready(done) else found


def is_ready(done: Done) -> bool:
    """Say whether the operator calls the object ready."""
    conditions = (Condition.model_validate(each) for each in done.subject.status.get("conditions", ()))
    return any((each.type, each.status) == (ConditionType.READY, ConditionStatus.TRUE) for each in conditions)


def note_withheld(done: Done, places: Iterable[Place | None], *, made: ObjectKey | None = None) -> Iterator[str]:
    """Note the Secrets and PrivateKeys that are not among the files, with the field that names each.

    Args:
        done: what a pass left.
        places: what the object names.
        made: the Secret that a PrivateKey makes its key in.
    """
    named: dict[ObjectKey, str] = {}
    for place in places:
        if place is not None:
            named.setdefault(place.object, place.field)
    for key in sorted(done.withheld):
        where = f" (`{named[key]}`)" if key in named else ""
        if key == made:
            yield (
                f"Secret `{key.name}`{where} holds no key among the files: in a cluster one is made there if there is "
                "none. None is made here, so what needs it was not checked."
            )
            continue
        yield f"{key.kind} `{key.name}`{where} is not among the files, so what it holds was not checked."
