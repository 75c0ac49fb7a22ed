"""What a PrivateKey is: the public facts of the key, and the certificates that hang under it.

Every field has a default, so that a status of another version can be read whatever it lacks
(`certwright.api.model.parse_leniently`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from certwright.api.conditions import CONDITIONS_LIMIT, Condition
from certwright.api.fields import (
    FINDINGS_LIMIT,
    Count,
    Fingerprint,
    Generation,
    ObjectName,
    Text,
    Timestamp,
    Uid,
    Word,
    atomic_list,
    map_list,
)
from certwright.api.model import WireModel
from certwright.api.status_parts import FindingEntry, Input

CERTIFICATES_LIMIT = 100
"""Most certificates that the status of a key lists."""

KEY_INPUTS_LIMIT = 1
"""Most Secrets that one PrivateKey looks at."""


class HangingCertificate(WireModel):
    """One certificate that hangs under the key, in the words of source 5."""

    id: Uid
    """id is the UID of the ImportedCertificate."""

    name: ObjectName
    """name is the name of the ImportedCertificate."""

    common_name: Text | None = None
    """commonName is the common name of what it serves; absent while that is nothing, or is for another key."""

    valid_from: Timestamp | None = None
    """validFrom is the first instant at which the served certificate is valid."""

    valid_thru: Timestamp | None = None
    """validThru is the last instant at which the served certificate is valid."""


class KeyRecord(WireModel):
    """What the verdict rests on; for the operator, not for people."""

    inputs: Annotated[tuple[Input, ...], atomic_list(KEY_INPUTS_LIMIT)] = ()
    """inputs are the objects that were read, each in the version that was read."""

    secret_uid: Uid | None = None
    """secretUid is the UID of the Secret that the key was last found in."""

    judged_by: Annotated[str, Field(max_length=512)] | None = None
    """judgedBy identifies the rules and settings that were applied."""

    certificates: Fingerprint | None = None
    """certificates is a digest of what was seen of the certificates, also of those that the list has no room for."""


class PrivateKeyStatus(WireModel):
    """It says which key this is, never what it is, and which certificates hang under it."""

    fingerprint: Fingerprint | None = None
    """fingerprint is the SHA-256 digest of the public half (SubjectPublicKeyInfo). Once it is set it never changes."""

    algorithm: Word | None = None
    """algorithm is the algorithm of the key: `ECDSA`, `RSA`, `Ed25519`, …."""

    size: Count | None = None
    """size is the size of the key in bits."""

    secret_name: ObjectName | None = None
    """secretName is the Secret that holds the key."""

    certificates: Annotated[tuple[HangingCertificate, ...], atomic_list(CERTIFICATES_LIMIT)] = ()
    """certificates are the ImportedCertificates that name this key in `spec.privateKeyRef`, sorted by name."""

    certificates_count: Count | None = None
    """certificatesCount is how many there are, also those that the list has no room for."""

    findings: Annotated[tuple[FindingEntry, ...], atomic_list(FINDINGS_LIMIT)] = ()
    """findings are all the errors and warnings about the key and its Secret, the worst first."""

    findings_count: Count | None = None
    """findingsCount is how many findings there are, also those that the list has no room for."""

    observed_generation: Generation | None = None
    """observedGeneration is the `metadata.generation` that this status is about."""

    record: KeyRecord | None = None
    """record is what the verdict rests on; for the operator, not for people."""

    conditions: Annotated[tuple[Condition, ...], map_list(CONDITIONS_LIMIT, "type")] = ()
    """conditions say whether the key is `Ready`, and while they are true `Reconciling` (wait) and `Stalled` (act)."""
