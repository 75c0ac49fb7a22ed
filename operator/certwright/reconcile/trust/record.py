"""What a store has deployed, as it is kept: the home of trust, which no tenant and no live decision can change.

Verdicts, namespaces that join, and targets that were edited are all served from it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from certwright.api.model import timestamp
from certwright.api.trustdecision_spec import CertUse
from certwright.api.truststore_status import DeployedRecord
from certwright.findings import MaterialError
from certwright.pki.certificate import Certificate
from certwright.reconcile.objects import Kind, ObjectKey

NAME_PREFIX = "store-"
DATA_KEY = "part"
NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_DIGEST_DIGITS = 12
_HEAD = len("sha256:")


@dataclass(frozen=True, slots=True)
class TrustedCertificate:
    """One CA of a revision.

    Attributes:
        role: `rootCA`, an anchor, or `intermediateCA`, which helps to build paths.
        trust_until: after it, nothing rests on the CA; `None` when only the certificate's own end counts.
        decisions: names of the TrustDecisions that it comes from; none for one that is only among the public roots.
        public: it is among the public roots that were asked for.
        distrusted: it was withdrawn and stands in the bundle only because that would be empty without it; nothing rests
            on it.
    """

    certificate: Certificate
    role: CertUse = "rootCA"
    trust_until: datetime | None = None
    decisions: tuple[str, ...] = ()
    public: bool = False
    distrusted: bool = False

    @property
    def fingerprint(self) -> str:
        """The SHA-256 digest of the certificate."""
        return self.certificate.fingerprint

    @property
    def ends(self) -> datetime:
        """The first instant at which the CA counts no more: `trustUntil`, or the second after the certificate's end."""
        expiry = first_expired(self.certificate)
        return expiry if self.trust_until is None else min(expiry, self.trust_until)


def first_expired(certificate: Certificate) -> datetime:
    """Give the first second after the validity of a certificate (RFC 5280 §4.1.2.5: its end is inclusive)."""
    # The year 9999 has no later second; such a certificate has no end (RFC 5280 §4.1.2.5).
    end = certificate.not_after
    return end + timedelta(seconds=1) if end < NO_END else NO_END


@dataclass(frozen=True, slots=True)
class Distrust:
    """A certificate that no path may lead through, also when somebody hands it in.

    Attributes:
        fingerprint: its SHA-256 digest.
        decision: the name of the TrustDecision that withdrew it, or whose `trustUntil` has passed.
    """

    fingerprint: str
    decision: str


@dataclass(frozen=True, slots=True)
class TrustRecord:
    """One deployment of a store.

    Attributes:
        number: counts the deployments of the store, from 1.
        entries: the CAs, sorted by fingerprint, each once.
        public_roots: the version of the public roots among them; `None` when there are none.
        consumed: the ids of the changes whose approval was used, this one's included: none of them counts again.
        distrusts: what no path may lead through, sorted by fingerprint; none of the trusted CAs is among them.
    """

    number: int
    entries: tuple[TrustedCertificate, ...]
    public_roots: str | None = None
    consumed: tuple[str, ...] = ()
    distrusts: tuple[Distrust, ...] = ()

    @property
    def revision(self) -> str:
        """What identifies the CAs that are trusted: equal sets in equal roles until equal instants are the same."""
        return revision_of(self.entries)


def revision_of(entries: Iterable[TrustedCertificate]) -> str:
    """Digest certificates, roles and `trustUntil`, whatever their order; those that are distrusted do not count."""
    lines = sorted(
        f"{each.certificate.fingerprint} {each.role} {timestamp(each.trust_until) if each.trust_until else '-'}"
        for each in entries
        if not each.distrusted
    )
    return _digest("\n".join(lines).encode())


def pack_record(record: TrustRecord, part_bytes: int) -> tuple[tuple[bytes, ...], str]:
    """Write a record as the parts that are kept, and give the digest of the whole.

    Args:
        record: what is deployed.
        part_bytes: the most that one part holds.
    """
    whole = json.dumps(
        {
            "number": record.number,
            "revision": record.revision,
            "publicRoots": record.public_roots,
            "consumed": list(record.consumed),
            "certificates": [_describe(each) for each in record.entries],
            "distrusts": [[each.fingerprint, each.decision] for each in record.distrusts],
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    parts = tuple(whole[start : start + part_bytes] for start in range(0, len(whole), part_bytes))
    return parts, _digest(whole)


def unpack_record(parts: Iterable[bytes], digest: str) -> TrustRecord | None:
    """Read a record that was kept; `None` when it is not, byte for byte, the one of this digest."""
    whole = b"".join(parts)
    if _digest(whole) != digest:
        return None
    try:
        stored = json.loads(whole)
        entries = tuple(_read(each) for each in stored["certificates"])
        distrusts = tuple(Distrust(fingerprint, decision) for fingerprint, decision in stored.get("distrusts", ()))
        consumed = tuple(stored["consumed"])
        record = TrustRecord(stored["number"], entries, stored["publicRoots"], consumed, distrusts)
        return record if record.revision == stored["revision"] else None
    except (ValueError, KeyError, TypeError, MaterialError):
        return None  # another version wrote it in another form


def record_stem(uid: str, number: int, revision: str) -> str:
    """Give what the names of all parts of a record begin with.

    The number of the deployment is part of it: a store that returns to an earlier revision has used more approvals.
    """
    return f"{NAME_PREFIX}{uid}-{number}-{revision[_HEAD:][:_DIGEST_DIGITS]}-"


def read_record_name(name: str) -> tuple[str, int] | None:
    """Give the uid of the store and the number of the deployment that a record is of; `None` for any other object."""
    stem, *rest = name.rsplit("-", 3)
    if not stem.startswith(NAME_PREFIX) or len(rest) != 3 or not rest[0].isdecimal():  # noqa: PLR2004 - as it is written
        return None
    return stem.removeprefix(NAME_PREFIX), int(rest[0])


def record_keys(uid: str, deployed: DeployedRecord, operator_namespace: str) -> tuple[ObjectKey, ...]:
    """Name the ConfigMaps that hold a record, in the order of their parts."""
    stem = record_stem(uid, deployed.number, deployed.revision)
    return tuple(ObjectKey(Kind.CONFIG_MAP, operator_namespace, f"{stem}{part}") for part in range(deployed.parts))


def _describe(entry: TrustedCertificate) -> dict[str, Any]:
    return {
        "certificate": base64.b64encode(entry.certificate.der).decode(),
        "role": entry.role,
        "trustUntil": timestamp(entry.trust_until) if entry.trust_until is not None else None,
        "decisions": list(entry.decisions),
        "public": entry.public,
        "distrusted": entry.distrusted,
    }


def _read(stored: Mapping[str, Any]) -> TrustedCertificate:
    until = stored["trustUntil"]
    return TrustedCertificate(
        Certificate.from_der(base64.b64decode(stored["certificate"])),
        stored["role"],
        datetime.fromisoformat(until) if until is not None else None,
        tuple(stored["decisions"]),
        stored["public"],
        stored["distrusted"],
    )


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
