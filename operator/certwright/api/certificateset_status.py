"""The state of a ClusterCertificateSet: the verdict on each certificate, and which namespaces hold which revision.

Every field has a default, so that a status of another version can be read whatever it lacks
(`certwright.api.model.parse_leniently`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from certwright.api.certificateset_spec import FILLED_LIMIT, SLOTS_LIMIT
from certwright.api.conditions import CONDITIONS_LIMIT, Condition
from certwright.api.fields import (
    DETAIL_LIMIT,
    FINDINGS_LIMIT,
    Count,
    Fingerprint,
    Generation,
    Text,
    Timestamp,
    Word,
    atomic_list,
    map_list,
)
from certwright.api.importedcertificate_status import Revocation
from certwright.api.model import WireModel
from certwright.api.status_parts import FindingEntry
from certwright.findings import MESSAGE_LIMIT

NODE_ROWS_LIMIT = 100
"""Most namespaces that are listed, those that are not up to date first."""

CERTIFICATE_ROWS_LIMIT = 3 * SLOTS_LIMIT + FILLED_LIMIT
"""Most verdicts: on slots, on unknown names that are listed or to be removed, and on what is kept."""

SET_REVOCATIONS_LIMIT = 64
"""Most revoked certificates that a set remembers."""


class CertificateRow(WireModel):
    """The verdict on one certificate."""

    name: Annotated[str, Field(max_length=63)]
    """name is the name of the certificate within the set."""

    required: bool = False
    """required says that its slot is. Default: false."""

    response_code: int | None = None
    """responseCode is 200, 400 (invalid), 403 (unknown, or required and missing), 404 (an unknown one is to be removed,
    or an object is missing), 406 (expired), 409 (not in all namespaces) or 500.
    """

    reason: Word = ""
    """reason is one word for it."""

    validation: int | None = None
    """validation is the validation code of the certificate; 0 is valid, -1 not judged."""

    common_name: Text | None = None
    """commonName is the common name of the certificate's subject."""

    fingerprint: Fingerprint | None = None
    """fingerprint is the SHA-256 digest of the certificate."""

    valid_thru: Timestamp | None = None
    """validThru is the last instant at which the certificate is valid."""


class NodeRow(WireModel):
    """How one namespace stands."""

    name: Annotated[str, Field(max_length=63)]
    """name is the name of the namespace."""

    revision: Fingerprint | None = None
    """revision is what it holds; absent while it holds none, or parts of several."""

    updated: bool = False
    """updated says whether it holds the revision wished for. Default: false."""

    message: Annotated[str, Field(max_length=MESSAGE_LIMIT)] = ""
    """message says what keeps it from being up to date."""


class SetRecord(WireModel):
    """What the state rests on; for the operator, not for people."""

    sources: Fingerprint | None = None
    """sources digests the objects that the spec names, each in the version that was read."""

    kept: Fingerprint | None = None
    """kept digests the journal and the content of what is deployed, each in the version that was read."""

    judged_by: Annotated[str, Field(max_length=512)] | None = None
    """judgedBy identifies the rules and settings that were applied."""

    trust: Fingerprint | None = None
    """trust is a digest of what was seen of the trust store; absent when none is named."""

    decision_namespace: Annotated[str, Field(max_length=63)] | None = None
    """decisionNamespace is where that store has its decisions: the revocation lists there are looked at."""

    lists: Fingerprint | None = None
    """lists is a digest of the revocation lists that were at hand; absent when none were asked for."""

    revocations: Annotated[tuple[Revocation, ...], atomic_list(SET_REVOCATIONS_LIMIT)] = ()
    """revocations are the certificates of the paths that a list was seen to name."""

    targets: Fingerprint | None = None
    """targets digests which Secrets there are in which versions, and which namespaces."""

    horizon: Annotated[str, Field(max_length=128)] | None = None
    """horizon is the newest version of the Secrets that were in order, by kind; what is younger is looked into."""

    pending_since: Timestamp | None = None
    """pendingSince is when a change of the inputs was first seen that has not settled yet."""


class ClusterCertificateSetStatus(WireModel):
    """It says which certificates are good, and which namespaces hold which revision of them."""

    response_code: int | None = None
    """responseCode is 200, 400, 403, 404, 406, 409 or 500: the worst over certificates and namespaces; absent until
    there is a verdict.
    """

    detailed_error: Annotated[str, Field(max_length=DETAIL_LIMIT)] | None = None
    """detailedError says what is wrong and what to do; absent when nothing is."""

    revision: Fingerprint | None = None
    """revision identifies what the spec and its sources make now: slots, Secrets, certificates and public keys."""

    deployed_revision: Fingerprint | None = None
    """deployedRevision identifies what was deployed last, in all namespaces."""

    failed_revision: Fingerprint | None = None
    """failedRevision is the revision that could not be deployed in all namespaces and was rolled back."""

    certificates: Annotated[tuple[CertificateRow, ...], map_list(CERTIFICATE_ROWS_LIMIT, "name")] = ()
    """certificates are the verdicts, one for each slot and each unknown name."""

    certificates_count: Count | None = None
    """certificatesCount is how many there are, also those that the list has no room for."""

    namespaces: Annotated[tuple[NodeRow, ...], map_list(NODE_ROWS_LIMIT, "name")] = ()
    """namespaces are those that get the Secrets, those that are not up to date first, at most 100."""

    namespaces_count: Count | None = None
    """namespacesCount is how many there are, also those that the list has no room for."""

    updated_namespaces: Annotated[str, Field(max_length=16)] | None = None
    """updatedNamespaces is how many hold the revision wished for, and how many there are: `3/3`."""

    findings: Annotated[tuple[FindingEntry, ...], atomic_list(FINDINGS_LIMIT)] = ()
    """findings are all the errors and warnings, the worst first."""

    findings_count: Count | None = None
    """findingsCount is how many findings there are, also those that the list has no room for."""

    next_check_time: Timestamp | None = None
    """nextCheckTime is the first instant at which the verdict differs if nothing else changes."""

    observed_generation: Generation | None = None
    """observedGeneration is the `metadata.generation` that this status is about."""

    record: SetRecord | None = None
    """record is what the state rests on; for the operator, not for people."""

    conditions: Annotated[tuple[Condition, ...], map_list(CONDITIONS_LIMIT, "type")] = ()
    """conditions say whether the set is `Ready`, its certificates `Valid`, and one revision `Deployed` everywhere, and
    while they are true `Reconciling` (wait) and `Stalled` (act).
    """
