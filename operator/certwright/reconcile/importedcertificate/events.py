"""Events: what happened, told once, on transitions only."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.conditions import Condition, ConditionStatus, ConditionType, find_condition
from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.dialects.store_status import StoreStatus
from certwright.findings import Reason
from certwright.reconcile.importedcertificate.conditions import Scene
from certwright.reconcile.importedcertificate.messages import sentence
from certwright.reconcile.objects import Subject
from certwright.reconcile.plan import EventType, Record

NOTE_BYTES = 1000
"""The API server takes notes of up to 1 kB."""

_REFUSED_TARGETS = frozenset(
    {StoreStatus.BAD_REQUEST.value, StoreStatus.NOT_FOUND.value, StoreStatus.GENERAL_ERROR_WHILE_STORING.value}
)


def find_events(scene: Scene, new: ImportedCertificateStatus) -> tuple[Record, ...]:
    """Give the events that the step from the stored status to the new one is worth."""
    return (*_about_material(scene, new), *_about_targets(scene, new), *_about_time(scene, new))


def _about_material(scene: Scene, new: ImportedCertificateStatus) -> Iterator[Record]:
    subject, past = scene.snapshot.subject, scene.past
    before, valid = past.conditions.get(ConditionType.VALID.value), find_condition(new.conditions, ConditionType.VALID)
    ready = find_condition(new.conditions, ConditionType.READY)
    if valid is None or ready is None:
        return
    same = _same(before, valid) and past.status.fingerprint == new.fingerprint
    if valid.status == ConditionStatus.TRUE and not same:
        if _newly_stored(scene, new):
            return  # one event for one upload: `Stored` says this too
        note = f"Serial {new.serial_number}, valid until {new.valid_thru}."
        yield _record(subject, EventType.NORMAL, "Validated", action="Validate", note=note)
    elif valid.status == ConditionStatus.FALSE and not same and not _ran_out(new, valid):
        yield _record(subject, EventType.WARNING, "Refused", action="Validate", note=ready.message)
    elif valid.status == ConditionStatus.UNKNOWN and not same and valid.reason != Reason.NOT_CHECKED.value:
        # `ReferenceNotFound`, `InvalidRequest`, `SourceRemoved`: the reason is the event.
        yield _record(subject, EventType.WARNING, valid.reason, action="Validate", note=ready.message)


def _ran_out(new: ImportedCertificateStatus, valid: Condition) -> bool:
    """Say whether what is served expired, which is another event than handing in what is expired already."""
    is_served = new.served is not None and new.served.fingerprint == new.fingerprint
    return valid.reason == Reason.EXPIRED.value and is_served


def _about_targets(scene: Scene, new: ImportedCertificateStatus) -> Iterator[Record]:
    subject, past = scene.snapshot.subject, scene.past
    stored = _newly_stored(scene, new)
    if stored:
        note = f"Serial {new.serial_number}, valid until {new.valid_thru}, is stored in {', '.join(stored)}."
        yield _record(subject, EventType.NORMAL, "Stored", action="Store", note=note)
    judged = scene.standing.worst is not None and not scene.judgement.accepted
    for row in new.targets:
        before = past.targets.get(row.secret_name)
        if (
            not judged
            and row.certificate_store_status in _REFUSED_TARGETS
            and (before is None or before.certificate_store_status != row.certificate_store_status)
        ):
            note = row.detailed_error or ""
            yield _record(subject, EventType.WARNING, "TargetRefused", action="Store", note=note)
    refreshed = find_condition(new.conditions, ConditionType.REFRESHED)
    if refreshed is not None and past.holds(ConditionType.REFRESHED) != (refreshed.status == ConditionStatus.TRUE):
        if refreshed.status == ConditionStatus.FALSE:
            yield _record(subject, EventType.NORMAL, "Refreshing", action="Refresh", note=refreshed.message)
        elif past.holds(ConditionType.REFRESHED) is False:
            yield _record(subject, EventType.NORMAL, "Refreshed", action="Refresh", note=refreshed.message)


def _newly_stored(scene: Scene, new: ImportedCertificateStatus) -> list[str]:
    return [
        row.secret_name
        for row in new.targets
        if row.digest is not None and _digest_before(scene, row.secret_name) != row.digest
    ]


def _digest_before(scene: Scene, name: str) -> str | None:
    row = scene.past.targets.get(name)
    return row.digest if row is not None else None


def _about_time(scene: Scene, new: ImportedCertificateStatus) -> Iterator[Record]:
    before = scene.past.conditions.get(ConditionType.EXPIRING_SOON.value)
    expiring = find_condition(new.conditions, ConditionType.EXPIRING_SOON)
    if expiring is None or expiring.status != ConditionStatus.TRUE or _same(before, expiring):
        return
    reason = "Expired" if expiring.reason == Reason.EXPIRED.value else "ExpiringSoon"
    yield _record(scene.snapshot.subject, EventType.WARNING, reason, action="Validate", note=expiring.message)


def _same(before: Condition | None, now: Condition) -> bool:
    return before is not None and (before.status, before.reason) == (now.status, now.reason)


def _record(subject: Subject, kind: EventType, reason: str, *, action: str, note: str) -> Record:
    return Record(subject, kind, reason, action, sentence(note).encode()[:NOTE_BYTES].decode(errors="ignore"))
