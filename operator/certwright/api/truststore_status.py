"""The state of a TrustStore or a ClusterTrustStore: what is staged, what is deployed, and where it has arrived.

Every field of the status has a default, so that one of another version can be read whatever it lacks
(`certwright.api.model.parse_leniently`). Counts and flags of its parts have none: where a default stood, the API server
would write in what we leave out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from certwright.api.conditions import CONDITIONS_LIMIT, Condition
from certwright.api.fields import (
    FINDINGS_LIMIT,
    Count,
    Fingerprint,
    Generation,
    Parts,
    Text,
    Timestamp,
    Uid,
    Word,
    atomic_list,
    map_list,
)
from certwright.api.model import WireModel
from certwright.api.status_parts import FindingEntry, Input
from certwright.api.trustdecision_status import UserName

CHANGE_LIMIT = 32
"""Most certificates that each list of a change names."""

AUTHORS_LIMIT = 16
"""Most authors of a change that are named."""

HISTORY_LIMIT = 10
"""Most deployments that are remembered."""

ROWS_LIMIT = 100
"""Most targets that are listed, those that are not up to date first."""

STORE_INPUTS_LIMIT = 128
"""Most versions of objects that a store remembers to have read."""

Marks = Annotated[str, Field(max_length=1024, pattern=r"^[0-9a-f]*$")]
"""A bit for each item of a list of at most 4,096, which is kept elsewhere, in hexadecimal digits, the first highest."""


class ChangedCertificate(WireModel):
    """One certificate that a change is about."""

    fingerprint: Fingerprint
    """fingerprint is the SHA-256 digest of the certificate."""

    name: Text = ""
    """name is the name of the CA."""

    decision: Annotated[str, Field(max_length=253)] | None = None
    """decision is the name of the TrustDecision; absent for public roots."""

    effect: Text = ""
    """effect is what becomes of it: its role and until when it is trusted; of a changed one, from what to what."""


class PendingChange(WireModel):
    """A change that waits for approval."""

    id: Fingerprint
    """id identifies the change; `spec.deployment.approved` must be equal to it."""

    added: Annotated[tuple[ChangedCertificate, ...], atomic_list(CHANGE_LIMIT)] = ()
    """added are the certificates that it adds."""

    added_count: Count | None = None
    """addedCount is how many it adds, also those that the list has no room for."""

    removed: Annotated[tuple[ChangedCertificate, ...], atomic_list(CHANGE_LIMIT)] = ()
    """removed are the certificates that it removes."""

    removed_count: Count | None = None
    """removedCount is how many it removes, also those that the list has no room for."""

    changed: Annotated[tuple[ChangedCertificate, ...], atomic_list(CHANGE_LIMIT)] = ()
    """changed are the certificates whose role or `trustUntil` it changes."""

    changed_count: Count | None = None
    """changedCount is how many it changes, also those that the list has no room for."""

    authors: Annotated[tuple[UserName, ...], atomic_list(AUTHORS_LIMIT)] = ()
    """authors are the users who last changed the decisions that it is about; empty without the component `audit`."""

    public_roots: Text | None = None
    """publicRoots is the version of the public roots that it brings, when those change."""


class Rollout(WireModel):
    """How far the deployed revision has got."""

    state: Literal["Pending", "Running", "Complete", "Failed"]
    """state is `Pending` (nothing was deployed yet), `Running`, `Complete` or `Failed`."""

    targets: Count
    """targets is how many objects are to hold the bundle. Default: 0."""

    updated_targets: Count
    """updatedTargets is how many of them do. Default: 0."""

    percent_complete: Annotated[int, Field(ge=0, le=100, json_schema_extra={"format": "int32"})]
    """percentComplete is the same in per cent, rounded down. Default: 0."""

    failed: Count
    """failed is how many could not be written. Default: 0."""

    message: Annotated[str, Field(max_length=400)] = ""
    """message says what keeps the first of those."""


class HistoryEntry(WireModel):
    """One deployment."""

    revision: Fingerprint
    """revision is what was deployed."""

    time: Timestamp
    """time is when."""

    added: Count
    """added is how many certificates it added. Default: 0."""

    removed: Count
    """removed is how many certificates it removed. Default: 0."""

    approved_by: UserName | None = None
    """approvedBy is who approved it; absent when nobody had to, or without the component `audit`."""


class TargetRow(WireModel):
    """How one target stands."""

    kind: Word
    """kind is `ConfigMap`, `Secret` or `ClusterTrustBundle`."""

    namespace: Annotated[str, Field(max_length=63)] = ""
    """namespace is its namespace; empty for a ClusterTrustBundle."""

    name: Annotated[str, Field(max_length=253)]
    """name is its name."""

    updated: bool
    """updated says whether it holds the deployed revision. Default: false."""

    digest: Fingerprint | None = None
    """digest identifies what it holds; absent when that is not the deployed revision."""

    uid: Uid | None = None
    """uid is the UID of the object that stands in the way; absent when none does."""

    resource_version: Uid | None = None
    """resourceVersion is the version in which that object was seen first."""

    message: Annotated[str, Field(max_length=400)] = ""
    """message says what keeps it from being up to date."""


class DeployedRecord(WireModel):
    """The record that holds what is deployed: immutable ConfigMaps in the operator's namespace."""

    revision: Fingerprint
    """revision is what it holds."""

    number: Count
    """number counts the deployments of this store, from 1."""

    parts: Parts
    """parts is how many ConfigMaps hold it."""

    digest: Fingerprint
    """digest is the SHA-256 digest of the whole record, also of what the revision does not cover."""


class StoreRecord(WireModel):
    """What the state rests on; for the operator, not for people."""

    inputs: Annotated[tuple[Input, ...], atomic_list(STORE_INPUTS_LIMIT)] = ()
    """inputs are the objects that were read, each in the version that was read."""

    judged_by: Annotated[str, Field(max_length=512)] | None = None
    """judgedBy identifies the rules and settings that were applied."""

    others: Fingerprint | None = None
    """others digests what was seen of decisions and namespaces."""

    deployed: DeployedRecord | None = None
    """deployed is the record of what is deployed."""

    previous: DeployedRecord | None = None
    """previous is the record of what was deployed before."""

    leaving: Marks = ""
    """leaving marks the deployed certificates that are due to go, a bit for each in the order of that record."""

    horizon: Annotated[str, Field(max_length=128)] | None = None
    """horizon is the newest version of the targets that were in order, by kind; what is younger is looked into."""

    void: Annotated[tuple[Fingerprint, ...], atomic_list(CHANGE_LIMIT)] = ()
    """void are the ids of changes that a withdrawal ended while they waited: no approval of them counts any more."""


class TrustStoreStatus(WireModel):
    """It says what is staged, what is deployed, and where it has arrived."""

    staged_revision: Fingerprint | None = None
    """stagedRevision identifies what the decisions make now: certificates, roles and `trustUntil`."""

    deployed_revision: Fingerprint | None = None
    """deployedRevision identifies what is deployed: what verdicts rest on, and what the targets get."""

    certificates: Count | None = None
    """certificates is how many certificates are deployed."""

    public_roots: Text | None = None
    """publicRoots is the version of the public roots that are deployed."""

    pending: PendingChange | None = None
    """pending is the change that waits for approval; absent when there is none."""

    rollout: Rollout | None = None
    """rollout says how far the deployed revision has got."""

    targets: Annotated[tuple[TargetRow, ...], atomic_list(ROWS_LIMIT)] = ()
    """targets are the objects that hold the bundle, those that are not up to date first, at most 100; of targets in
    many namespaces only those that are not up to date.
    """

    targets_count: Count | None = None
    """targetsCount is how many targets there are, also those that the list has no room for."""

    history: Annotated[tuple[HistoryEntry, ...], atomic_list(HISTORY_LIMIT)] = ()
    """history are the last ten deployments, the newest first."""

    findings: Annotated[tuple[FindingEntry, ...], atomic_list(FINDINGS_LIMIT)] = ()
    """findings are all the errors and warnings, the worst first."""

    findings_count: Count | None = None
    """findingsCount is how many findings there are, also those that the list has no room for."""

    next_check_time: Timestamp | None = None
    """nextCheckTime is the first instant at which the state changes if nothing else does."""

    observed_generation: Generation | None = None
    """observedGeneration is the `metadata.generation` that this status is about."""

    record: StoreRecord | None = None
    """record is what the state rests on; for the operator, not for people."""

    conditions: Annotated[tuple[Condition, ...], map_list(CONDITIONS_LIMIT, "type")] = ()
    """conditions say whether the object is `Ready`, the deployed revision `Deployed` everywhere, and the staged one
    `Approved`, and while they are true `Reconciling` (wait) and `Stalled` (act).
    """
