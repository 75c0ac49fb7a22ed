"""The last deployments, the newest first."""

from __future__ import annotations

from datetime import datetime

from certwright.api.fields import TEXT_LIMIT
from certwright.api.model import timestamp
from certwright.api.truststore_status import HISTORY_LIMIT, HistoryEntry
from certwright.findings import printable
from certwright.reconcile.trust.deployment import Deployment


def extend_history(
    history: tuple[HistoryEntry, ...], deployment: Deployment, *, now: datetime, approved_by: str | None
) -> tuple[HistoryEntry, ...]:
    """Add a deployment that has just been made."""
    entry = HistoryEntry(
        revision=deployment.record.revision,
        time=timestamp(now),
        added=len(deployment.difference.added),
        removed=len(deployment.difference.removed),
        approved_by=printable(approved_by, limit=TEXT_LIMIT) if approved_by is not None else None,
    )
    return (entry, *history)[:HISTORY_LIMIT]
