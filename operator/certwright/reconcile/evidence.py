"""What proves, without reading anything, that the last verdict still stands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from certwright.api.conditions import ConditionType
from certwright.findings import Reason
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.objects import ObjectKey, Snapshot, Version
from certwright.reconcile.past import AnyStatus, StatusPast
from certwright.reconcile.reconciler import Held

DOUBT = timedelta(seconds=60)
"""How long to wait before asking again whether the clock is right."""


def is_conclusive(past: StatusPast[AnyStatus], snapshot: Snapshot, *, unfinished: Collection[Reason]) -> bool:
    """Say whether the last pass ended with a verdict on the wish as it is.

    Args:
        past: what it left.
        snapshot: of now.
        unfinished: reasons that time may mend, or that hang on what nobody watches: no evidence can call them settled.
    """
    status = past.status
    return (
        status.observed_generation == snapshot.subject.generation
        and past.holds(ConditionType.READY) is not None
        and ConditionType.RECONCILING.value not in past.conditions
        and (status.findings_count or 0) <= len(status.findings)
        and not any(each.reason in unfinished for each in status.findings)
    )


def is_as_recorded(key: ObjectKey, recorded: Version | None, held: Held, verified: Version | None = None) -> bool:
    """Say whether an object is as it was recorded, absence included, or as a pass has verified it since."""
    metadata = held.peek(key)
    if metadata is None:
        return recorded is None and held.is_absent(key)
    return metadata.version == recorded or (verified is not None and metadata.version == verified)


def next_look(next_check_time: str | None, snapshot: Snapshot) -> datetime | Literal[False] | None:
    """Say `False` when the recorded instant of the next check has come, else give it.

    No verdict changes by time alone while time is in doubt; it is looked at again when it may not be.
    """
    check = read_instant(next_check_time)
    if check is None or check > snapshot.now:
        return check
    return snapshot.now + DOUBT if snapshot.clock_doubted else False
