"""What is deployed, as it is kept: by the status, or, when that is lost, by the records themselves."""

from __future__ import annotations

import hashlib
from collections import defaultdict
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
    numbered: dict[int, list[tuple[int, ObjectKey]]] = defaultdict(list)
    keys: tuple[ObjectKey, ...] = snapshot.answers.get(records_of(snapshot.subject), ())
    for key in keys:
        named, part = read_record_name(key.name), key.name.rpartition("-")[2]
        if key.kind is Kind.CONFIG_MAP and named is not None and part.isdecimal():
            numbered[named[1]].append((int(part), key))
    newest = sorted(numbered, reverse=True)[:NEWEST]
    return tuple(tuple(key for _, key in sorted(numbered[number])) for number in newest)


def _search(snapshot: Snapshot) -> Recalled:
    """Find the newest record that is whole; its digest is no proof of anything, but it must be what it says it is."""
    failure = None
    for keys in list_candidates(snapshot):
        read = [snapshot.get(key) for key in keys]
        failure = failure or next((snapshot.failures[key] for key in keys if key in snapshot.failures), None)
        parts = [observed.data.get(DATA_KEY, b"") for observed in read if observed is not None]
        digest = "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest()
        record = unpack_record(parts, digest) if len(parts) == len(keys) else None
        if record is not None:
            return Recalled(
                DeployedRecord(revision=record.revision, number=record.number, parts=len(parts), digest=digest), record
            )
        if failure is not None:
            break  # the newest may be whole: an older one must not come before it
    return Recalled(failure=failure)
