"""The planner: from a judgement to what is left to be done.

A list that was accepted is stored first, then the status says that it is in use; so no status ever names a list that a
restart would lose. A fetch is started on the way and ends in a pass of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from certwright.api.model import dump
from certwright.api.revocationsource import RevocationSourceStatus
from certwright.findings import FailureCause, Finding, Reason, warning
from certwright.reconcile.evidence import DOUBT
from certwright.reconcile.objects import ObjectKey, Snapshot
from certwright.reconcile.offers import part_keys
from certwright.reconcile.plan import Action, KeepRecord, Plan, WriteStatus
from certwright.reconcile.questions import FetchState, fetch_state
from certwright.reconcile.revocationsource.events import find_events
from certwright.reconcile.revocationsource.judgement import Judgement
from certwright.reconcile.revocationsource.past import Past, read_past
from certwright.reconcile.revocationsource.standing import find_standing
from certwright.reconcile.revocationsource.status import build_minimal_status, build_status
from certwright.settings import Settings

REFUSALS = frozenset({FailureCause.TOO_LARGE, FailureCause.INVALID})
"""What the API server answers to a status that it does not take; a smaller one may pass."""

DATA_KEY = "part"


@dataclass(frozen=True, slots=True)
class _Keeping:
    """How the list in use is kept.

    Attributes:
        missing: records that are still to be created.
        parts: how many records hold the list; `None` when it is not kept.
        problem: why not.
        retry: time may mend that.
    """

    missing: tuple[KeepRecord, ...] = ()
    parts: int | None = None
    problem: Finding | None = None
    retry: bool = False


def plan(judgement: Judgement, snapshot: Snapshot, *, settings: Settings, judged_by: str) -> Plan:
    """Say what is left to be done; planned again after success, nothing is."""
    if snapshot.subject.deleting:
        return Plan()
    past = read_past(snapshot.subject)
    if judgement.standing:
        # What a server delivered meanwhile is dealt with when time is no longer in doubt.
        return Plan((), snapshot.now + DOUBT, retry=_is_delivered(snapshot))
    keeping = _decide_keeping(judgement, snapshot, past, settings.namespace)
    if keeping.missing:
        return Plan((keeping.missing,))
    start = judgement.fetch
    if start is not None and not fetch_state(snapshot, start.contact).running:
        return Plan(((start,),))
    found = (*judgement.findings, *((keeping.problem,) if keeping.problem is not None else ()))
    standing = find_standing(found, snapshot, past, settings)
    status = build_status(judgement, standing, parts=keeping.parts, judged_by=judged_by, snapshot=snapshot, past=past)
    # What was delivered decides when the next fetch is due: that is asked anew once this one is dealt with.
    due = snapshot.now if _is_delivered(snapshot) else judgement.fetch_due
    doubt = snapshot.now + DOUBT if snapshot.clock_doubted else None
    requeue_at = earliest(standing.requeue_at, judgement.next_change, due, doubt)
    stage = tuple(_report(status, snapshot, past))
    return Plan((stage,) if stage else (), requeue_at, standing.retry or keeping.retry)


def _is_delivered(snapshot: Snapshot) -> bool:
    return any(isinstance(each, FetchState) and each.delivery is not None for each in snapshot.answers.values())


def _decide_keeping(judgement: Judgement, snapshot: Snapshot, past: Past, namespace: str) -> _Keeping:
    """Decide what must be stored so that a restart does not lose the list in use."""
    in_use, storing = judgement.in_use, judgement.storing
    if in_use is None:
        return _Keeping()
    recorded = past.kept.parts if past.kept is not None and past.kept.digest == in_use.kept.digest else None
    if recorded is not None and (storing is None or judgement.is_kept):
        return _Keeping(parts=recorded)
    if storing is None or not storing.parts:
        return _Keeping(problem=_not_kept("it is too large"))
    keys = part_keys(namespace, snapshot.subject.version.uid, in_use.kept.digest, len(storing.parts))
    return _store(dict(zip(keys, storing.parts, strict=True)), snapshot)


def _store(parts: Mapping[ObjectKey, bytes], snapshot: Snapshot) -> _Keeping:
    missing = []
    for key, part in parts.items():
        observed, data = snapshot.get(key), {DATA_KEY: part}
        if key in snapshot.failures:
            return _Keeping(problem=_not_kept(snapshot.failures[key].message), retry=True)
        if observed is None:
            missing.append(KeepRecord(key, data, snapshot.subject.key))
        elif dict(observed.data) != data:
            return _Keeping(problem=_not_kept(f"{key} holds something else; delete it"))
    return _Keeping(tuple(missing), parts=len(parts))


def _not_kept(why: str) -> Finding:
    return warning(
        Reason.NOT_PERSISTED,
        f"the list in use is not kept over a restart: {why}. After one it is fetched again, and until then verdicts "
        "that use it stay as they are.",
    )


def _report(full: RevocationSourceStatus, snapshot: Snapshot, past: Past) -> Iterator[Action]:
    """Write the status, with the events that it is worth, unless it says what the stored one says."""
    subject, status = snapshot.subject, full
    failure = snapshot.failures.get(subject.key)
    if failure is not None:
        if failure.cause not in REFUSALS:
            return
        status = build_minimal_status(full, failure, snapshot=snapshot, past=past)
    # Conditions of others stand in the same list and are theirs to write.
    ours = tuple(each for each in past.status.conditions if each.type in past.conditions)
    if dump(status) == dump(past.status.model_copy(update={"conditions": ours})):
        return
    yield WriteStatus(subject.key, subject.version, dump(status), subject)
    if failure is None:
        yield from find_events(subject, past, full)


def earliest(*instants: datetime | None) -> datetime | None:
    """Give the earliest of the instants."""
    return min((each for each in instants if each is not None), default=None)
