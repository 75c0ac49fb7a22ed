"""How long a kind waits for what comes by itself before it says that a person has to act."""

from __future__ import annotations

from datetime import datetime, timedelta

from certwright.api.conditions import ConditionType
from certwright.dialects.state_words import StateWord
from certwright.findings import Finding
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.past import AnyStatus, StatusPast
from certwright.settings import Settings


def patience_end(past: StatusPast[AnyStatus], snapshot: Snapshot, settings: Settings) -> datetime:
    """Give the instant at which waiting turns into stalling."""
    since = past.since(ConditionType.RECONCILING)
    # A person who changed the wish gets the whole time again.
    if since is None or past.status.observed_generation != snapshot.subject.generation:
        since = snapshot.now
    return since + timedelta(seconds=settings.stalled_after_seconds)


def is_overdue(worst: Finding, past: StatusPast[AnyStatus], snapshot: Snapshot, settings: Settings) -> bool:
    """Say whether the same has been waited for too long: now for the first time, or since an earlier pass said so."""
    said = (
        past.reason(ConditionType.STALLED) == StateWord.WAITED_TOO_LONG
        and past.reason(ConditionType.READY) == worst.reason.value
        and past.status.observed_generation == snapshot.subject.generation
    )
    return said or snapshot.now >= patience_end(past, snapshot, settings)
