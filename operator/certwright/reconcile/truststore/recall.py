"""What is deployed, as it is kept: by the status, or, when that is lost, by the records themselves."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from certwright.api.truststore_status import DeployedRecord
from certwright.reconcile.objects import Failure, Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.questions import RecordsOf
from certwright.reconcile.trust.deployed import kept_trust
from certwright.reconcile.trust.record import DATA_KEY, NAME_PREFIX, TrustRecord, read_record_name, unpack_record
from certwright.reconcile.truststore.past import read_past

NEWEST = 2
"""How many of the newest records are looked at: of the last one some parts may never have been written."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is deployed.

    Attributes:
        pointer: what names the record; `None` when nothing is deployed.
        record: `None` when nothing is deployed, or it is not at hand.
        failure: why it could not be read just now; it may be there.
    """

    pointer: DeployedRecord | None = None
    record: TrustRecord | None = None
    failure: Failure | None = None


def records_of(subject: Subject) -> RecordsOf:
    """Ask for the records of a store whose status names none."""
    return RecordsOf(f"{NAME_PREFIX}{subject.version.uid}-")


def recall_deployed(snapshot: Snapshot, operator_namespace: str) -> Recalled:
    """Find what is deployed."""
    pointer = read_past(snapshot.subject).deployed
    if pointer is None:
        return _search(snapshot)
    question = kept_trust(snapshot.subject, operator_namespace)
    answer = snapshot.answers.get(question)
    if isinstance(answer, TrustRecord):
        return Recalled(pointer, answer)
    return Recalled(pointer, failure=answer if isinstance(answer, Failure) else None)


def list_candidates(snapshot: Snapshot) -> tuple[tuple[ObjectKey, ...], ...]:
    """Give the parts of the newest records of a store whose status names none, the newest first."""
    stems: dict[tuple[int, str], list[tuple[int, ObjectKey]]] = defaultdict(list)
    keys: tuple[ObjectKey, ...] = snapshot.answers.get(records_of(snapshot.subject), ())
    for key in keys:
        named, (stem, _, part) = read_record_name(key.name), key.name.rpartition("-")
        if key.kind is Kind.CONFIG_MAP and named is not None and part.isdecimal():
            stems[named[1], stem].append((int(part), key))
    newest = sorted({number for number, _ in stems}, reverse=True)[:NEWEST]
    # A deployment that was never finished leaves its number to the next one: of two that bear it, the younger counts.
    chosen = sorted(
        (number, _written(parts, snapshot), tuple(key for _, key in sorted(parts)))
        for (number, _), parts in stems.items()
        if number in newest
    )
    return tuple(keys for _, _, keys in reversed(chosen))


def _written(parts: Iterable[tuple[int, ObjectKey]], snapshot: Snapshot) -> int:
    """Give the version of a record, which is that of its creation and an ascending number; 0 before it is read."""
    observed = [snapshot.get(key) for _, key in parts]
    versions = [each.version.resource_version for each in observed if each is not None]
    return max((int(each) for each in versions if each.isdecimal()), default=0)


def _search(snapshot: Snapshot) -> Recalled:
    """Find the newest record that is whole; its digest is no proof of anything, but it must be what it says it is."""
    candidates = list_candidates(snapshot)
    failure = next((snapshot.failures[key] for keys in candidates for key in keys if key in snapshot.failures), None)
    if failure is not None:
        return Recalled(failure=failure)  # it may be the newest: an older one must not come before it
    for keys in candidates:
        parts = [observed.data.get(DATA_KEY, b"") for key in keys if (observed := snapshot.get(key)) is not None]
        digest = "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest()
        record = unpack_record(parts, digest) if len(parts) == len(keys) else None
        if record is not None:
            return Recalled(
                DeployedRecord(revision=record.revision, number=record.number, parts=len(parts), digest=digest), record
            )
    return Recalled()
