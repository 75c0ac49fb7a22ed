"""One occurrence of an event: what makes it the same as another, and how the API writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from certwright.cluster.resources import EVENTS, LONGEST_NAME, RESOURCES
from certwright.findings import printable
from certwright.reconcile.objects import ObjectKey, Version
from certwright.reconcile.plan import EventType, Record

CONTROLLER = "certwright.io/certwright"

LONGEST_NOTE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two occurrences the same event.

    The note belongs to it: the API lets nobody change the note of an event, and a count beside the words of an
    earlier problem would mislead.
    """

    uid: str
    type: EventType
    reason: str
    action: str
    note: int


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event that happened, as it waits to be written."""

    identity: Identity
    at: datetime
    key: ObjectKey
    version: Version
    note: str


def manifest_of(occurrence: Occurrence, namespace: str, name: str, *, instance: str) -> dict[str, Any]:
    """Write an event that did not happen before."""
    identity = occurrence.identity
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": name, "namespace": namespace},
        "eventTime": micro_time(occurrence.at),
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "type": identity.type.value,
        "reason": identity.reason,
        "action": identity.action,
        "regarding": _regarding(occurrence),
        "note": occurrence.note,
    }


def micro_time(at: datetime) -> str:
    """Write an instant as the API's `MicroTime`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def occurrence_of(action: Record, at: datetime) -> Occurrence:
    """Say that an event happened."""
    key, version = action.subject.key, action.subject.version
    note = _cut(printable(action.note, limit=LONGEST_NOTE_BYTES), LONGEST_NOTE_BYTES)
    identity = Identity(version.uid, action.type, action.reason, action.action, hash(note))
    return Occurrence(identity, at, key, version, note)


def _regarding(occurrence: Occurrence) -> dict[str, str]:
    key, version = occurrence.key, occurrence.version
    fields = {
        "apiVersion": RESOURCES[key.kind].api_version,
        "kind": key.kind.value,
        "namespace": key.namespace,
        "name": key.name,
        "uid": version.uid,
        "resourceVersion": version.resource_version,
    }
    return {field: text for field, text in fields.items() if text}


def _cut(text: str, size: int) -> str:
    encoded = text.encode()
    return text if len(encoded) <= size else encoded[: size - 3].decode(errors="ignore") + "…"


def make_name(subject: str) -> str:
    """Make the name of a new event about an object."""
    suffix = uuid4().hex[:16]
    return f"{subject[: LONGEST_NAME - len(suffix) - 1].rstrip('.-')}.{suffix}"
