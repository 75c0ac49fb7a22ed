"""Whether a status is worth a write: facts moved, and not merely the version of a Secret that somebody else touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.importedcertificate_status import TargetStatus
from certwright.api.model import dump
from certwright.reconcile.importedcertificate.outcome import Outcome
from certwright.reconcile.importedcertificate.past import Past


def find_news(new: ImportedCertificateStatus, past: Past, outcomes: tuple[Outcome, ...]) -> Mapping[str, Any] | None:
    """Give the new status as it is written; `None` when it tells nothing that the stored one does not.

    A target's resourceVersion counts only when we wrote the target ourselves: what a foreign change of metadata did to
    it is read once and remembered by the process.
    """
    written = {each.key.name for each in outcomes if each.observed is not None and each.observed.written}
    rows = tuple(_as_recorded(row, past.targets.get(row.secret_name), written) for row in new.targets)
    wire = dump(new)
    comparable = {**wire, "targets": [dump(row) for row in rows]} if rows else wire
    return wire if comparable != _wire(past.status, past) else None


def _as_recorded(row: TargetStatus, before: TargetStatus | None, written: set[str]) -> TargetStatus:
    if before is None or row.uid != before.uid or row.secret_name in written:
        return row
    return row.model_copy(update={"resource_version": before.resource_version})


def _wire(status: ImportedCertificateStatus, past: Past) -> Mapping[str, Any]:
    # Conditions of others stand in the same list and are theirs to write.
    ours = tuple(each for each in status.conditions if each.type in past.conditions)
    return dump(status.model_copy(update={"conditions": ours}))
