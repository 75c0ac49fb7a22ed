"""One of our objects, packed: what is compared and counted stands open, the rest is compressed JSON."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any

from certwright.cluster.decode import modified_at
from certwright.dialects.trust_state import TrustState
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version

FINALIZED_KINDS = frozenset({Kind.TRUST_DECISION, Kind.CLUSTER_CERTIFICATE_SET})
"""Kinds of which finalizers, and when somebody last wrote the spec, are looked at; of others they are not kept."""

_WANTED = frozenset({TrustState.TRUSTED, TrustState.EXPIRED})
"""Nobody need be woken for the end of a CA that is distrusted."""

DIGEST_SIZE = 12
COMPRESSION = 3
WINDOW_BITS, MEMORY_LEVEL = 13, 6
"""8 KiB of history are more than an object has; by default zlib clears 256 KiB, five times the work of compressing."""


@dataclass(slots=True, eq=False)
class Entry:
    """What the mirror holds of an object.

    Attributes:
        version: `metadata.resourceVersion`, which Kubernetes orders as an integer.
        traits: digest of generation, deletion and labels: with the uid, what makes an event news.
        status_digest: digest of the status.
        reason: reason of the condition `Ready`, empty before the first verdict.
        not_before: start of validity of what the object is about, seconds since the epoch: of what is served, of a CA
            that somebody wants to trust.
        not_after: its end; of a set the end of its first certificate to end.
        next_update: of a revocation list in use, when it ends.
        packed: compressed: three lines of JSON, the traits, the status, and spec and the rest.
    """

    uid: str
    version: int
    traits: bytes
    status_digest: bytes
    reason: str
    not_before: float | None
    not_after: float | None
    packed: bytes
    next_update: float | None = None

    def entry(self) -> Entry:
        """Give itself: it is packed already."""
        return self

    def subject(self, key: ObjectKey) -> Subject:
        """Unpack the object."""
        traits, status, rest = map(json.loads, zlib.decompress(self.packed).split(b"\n"))
        return Subject(
            key=key,
            version=Version(self.uid, str(self.version)),
            generation=traits["generation"],
            created=datetime.fromisoformat(rest["created"]),
            spec=rest["spec"],
            status=status,
            labels=traits["labels"],
            annotations=rest["annotations"],
            deleting=traits["deleting"],
            finalizers=tuple(rest.get("finalizers", ())),
            modified=datetime.fromisoformat(rest["modified"]) if "modified" in rest else None,
        )


class Arrival:
    """An object as the API server sent it, looked into only as far as it takes to see that it is no news."""

    def __init__(self, kind: Kind, manifest: Mapping[str, Any]) -> None:
        self._kind = kind
        self._manifest = manifest
        metadata = manifest["metadata"]
        self.uid: str = metadata["uid"]
        self.version = int(metadata["resourceVersion"])
        self._traits = _json(
            {
                "generation": metadata.get("generation", 0),
                "deleting": "deletionTimestamp" in metadata,
                "labels": metadata.get("labels") or {},
            }
        )
        self.traits = _digest(self._traits)

    @cached_property
    def _status(self) -> bytes:
        return _json(self._manifest.get("status") or {})

    @cached_property
    def status_digest(self) -> bytes:
        """Give the digest of the status."""
        return _digest(self._status)

    def entry(self) -> Entry:
        """Pack the object."""
        metadata = self._manifest["metadata"]
        rest = {
            "created": metadata["creationTimestamp"],
            "annotations": metadata.get("annotations") or {},
            "spec": self._manifest.get("spec") or {},
        }
        if self._kind in FINALIZED_KINDS:
            rest |= _more(metadata.get("finalizers"), modified_at(metadata))
        version = Version(self.uid, metadata["resourceVersion"])
        parts = (self._traits, self._status, _json(rest))
        return _pack(self._kind, version, self._manifest.get("status") or {}, parts)


def entry_of_subject(subject: Subject) -> Entry:
    """Pack an object as our own request left it."""
    traits = {"generation": subject.generation, "deleting": subject.deleting, "labels": dict(subject.labels)}
    rest = {
        "created": subject.created.isoformat(),
        "annotations": dict(subject.annotations),
        "spec": subject.spec,
    }
    if subject.key.kind in FINALIZED_KINDS:
        rest |= _more(subject.finalizers, subject.modified)
    parts = (_json(traits), _json(subject.status), _json(rest))
    return _pack(subject.key.kind, subject.version, subject.status, parts)


def _more(finalizers: Sequence[str] | None, modified: datetime | None) -> dict[str, Any]:
    more: dict[str, Any] = {"finalizers": list(finalizers)} if finalizers else {}
    return more if modified is None else {**more, "modified": modified.isoformat()}


def _pack(kind: Kind, version: Version, status: Mapping[str, Any], parts: tuple[bytes, bytes, bytes]) -> Entry:
    not_before, not_after = _read_validity(kind, status)
    return Entry(
        uid=version.uid,
        version=int(version.resource_version),
        traits=_digest(parts[0]),
        status_digest=_digest(parts[1]),
        reason=sys.intern(ready_reason(status)),
        not_before=not_before,
        not_after=not_after,
        packed=_compress(b"\n".join(parts)),
        next_update=_epoch(status.get("nextUpdate")),
    )


def _read_validity(kind: Kind, status: Mapping[str, Any]) -> tuple[float | None, float | None]:
    if kind is Kind.CLUSTER_CERTIFICATE_SET:
        ends = (_epoch(each.get("validThru")) for each in status.get("certificates") or ())
        return None, min((each for each in ends if each is not None), default=None)
    if kind is Kind.TRUST_DECISION:
        counts = status.get("trustState") in _WANTED
        return (_seconds(status.get("notBefore")), _seconds(status.get("expiry"))) if counts else (None, None)
    served = status.get("served") or {}
    return _epoch(served.get("validFrom")), _epoch(served.get("validThru"))


def ready_reason(status: Mapping[str, Any]) -> str:
    """Give the reason of the condition `Ready`, empty when there is none."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Ready":
            return str(condition.get("reason", ""))
    return ""


def _compress(data: bytes) -> bytes:
    compressor = zlib.compressobj(COMPRESSION, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL)
    return compressor.compress(data) + compressor.flush()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=DIGEST_SIZE).digest()


def _epoch(stamp: Any) -> float | None:
    try:
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() if isinstance(stamp, str) else None
    except ValueError:
        return None


def _seconds(milliseconds: Any) -> float | None:
    return milliseconds / 1000 if isinstance(milliseconds, int) else None
