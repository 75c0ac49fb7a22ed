"""The state of a TrustDecision, in the words of sources 2 and 3.

Every field has a default, so that a status of another version can be read whatever it lacks
(`certwright.api.model.parse_leniently`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from certwright.api.conditions import CONDITIONS_LIMIT, Condition
from certwright.api.fields import (
    DETAIL_LIMIT,
    FINDINGS_LIMIT,
    TEXT_LIMIT,
    Count,
    Fingerprint,
    Generation,
    Text,
    Timestamp,
    Uid,
    Word,
    atomic_list,
    map_list,
)
from certwright.api.importedcertificate_status import ValidationCode
from certwright.api.model import WireModel
from certwright.api.status_parts import FindingEntry, Input

ATTRIBUTES_LIMIT = 32
"""Most attributes of a name that a status lists."""

STORES_LIMIT = 64
"""Most stores that a status lists."""

LABELS_LIMIT = 64
"""Most labels that a status repeats."""

DETAILS_LIMIT = 8
"""Most details of a trust state."""

TrustState = Literal["trusted", "untrusted", "expired"]
"""The values that source 2 documents."""

DeployStatus = Literal["DEPLOY_PENDING", "DEPLOYED", "DELETE_PENDING"]
"""The values that source 3 documents."""

CommonName = Annotated[str, Field(max_length=511)]
"""A name of 1 to 511 characters, as source 2 has it."""

Milliseconds = Annotated[int, Field(json_schema_extra={"format": "int64"})]
"""Milliseconds since 1970-01-01T00:00:00Z, as source 3 writes instants."""

KeyId = Annotated[str, Field(max_length=128)]
"""A key identifier in lower-case hexadecimal digits."""

UserName = Annotated[str, Field(max_length=TEXT_LIMIT)]
"""The name of a user as the API server knows it."""


class Transition(WireModel):
    """The states that may follow a state, as source 2 has it."""

    from_: Annotated[TrustState, Field(alias="from")]
    """from is the state."""

    to: Annotated[tuple[TrustState, ...], atomic_list(4)] = ()
    """to are the states that may follow."""


class TrustStateDetail(WireModel):
    """Why the trust state is what it is, as source 2 has it."""

    type: Annotated[str, Field(max_length=256)]
    """type is a URI that identifies the problem: the documented one where one is documented."""

    title: Annotated[str, Field(max_length=256)]
    """title is the problem in a few words."""

    detail: Annotated[str, Field(max_length=DETAIL_LIMIT)]
    """detail says what was found and what to do."""

    additional_details: Annotated[tuple[FindingEntry, ...], atomic_list(DETAILS_LIMIT)] = ()
    """additionalDetails are the findings behind it."""


class Label(WireModel):
    """One label."""

    name: Annotated[str, Field(max_length=317)]
    """name is the key of the label."""

    value: Annotated[str, Field(max_length=63)] = ""
    """value is the value of the label."""


class DecisionMetadata(WireModel):
    """Who decided, and when, as source 2 has it."""

    labels: Annotated[tuple[Label, ...], atomic_list(LABELS_LIMIT)] = ()
    """labels are the labels of the object."""

    creation_timestamp: Timestamp | None = None
    """creationTimestamp is when the object was created."""

    modification_timestamp: Timestamp | None = None
    """modificationTimestamp is when somebody last changed the wish."""

    created_by: UserName | None = None
    """createdBy is who created the object; absent without the component `audit`, which stamps it."""

    modified_by: UserName | None = None
    """modifiedBy is who last changed wish or labels; absent without the component `audit`."""


class NameAttribute(WireModel):
    """One attribute of a name, as source 3 has it."""

    field_name: Annotated[str, Field(max_length=128)]
    """fieldName is the short name of the attribute: `CN`, `O`, `DC`, or its object identifier."""

    value: Text
    """value is the text of the attribute."""


class StoreEntry(WireModel):
    """How the CA stands in one store."""

    kind: Word
    """kind is `TrustStore` or `ClusterTrustStore`."""

    namespace: Annotated[str, Field(max_length=63)] = ""
    """namespace is that of the store, empty when it is cluster-scoped."""

    name: Annotated[str, Field(max_length=253)]
    """name is the name of the store."""

    deploy_status: DeployStatus
    """deployStatus is what the CA is in that store."""


class DecisionRecord(WireModel):
    """What the state rests on; for the operator, not for people."""

    inputs: Annotated[tuple[Input, ...], atomic_list(4)] = ()
    """inputs are the objects that were read, each in the version that was read."""

    judged_by: Annotated[str, Field(max_length=512)] | None = None
    """judgedBy identifies the rules that were applied."""

    others: Fingerprint | None = None
    """others digests what was seen of decisions, stores and revocation lists."""

    revoked: Annotated[str, Field(max_length=256)] | None = None
    """revoked is the list that last named the certificate: its date and number."""

    fingerprint: Fingerprint | None = None
    """fingerprint is the SHA-256 digest of the last certificate that was found good under this object."""


class TrustDecisionStatus(WireModel):
    """It says what the certificate is, whether it is trusted now, and in which stores it is deployed."""

    id: Uid | None = None
    """id is the UID of the object (a UUID of version 4)."""

    cn: CommonName | None = None
    """cn is the common name of the CA, else its last organizational unit, else its organization, else its subject."""

    expiry_timestamp: Timestamp | None = None
    """expiryTimestamp is when the certificate expires."""

    is_self_signed: Literal["true", "false"] | None = None
    """isSelfSigned is `"true"` or `"false"`: a fact, so a wish about it is not asked for."""

    trust_state: TrustState | None = None
    """trustState is `trusted`, `untrusted`, or `expired`, whatever was wished."""

    trust_state_transitions: Annotated[tuple[Transition, ...], atomic_list(4)] = ()
    """trustStateTransitions are the changes that a person may make."""

    trust_state_details: Annotated[tuple[TrustStateDetail, ...], atomic_list(DETAILS_LIMIT)] = ()
    """trustStateDetails say why the state is not the one that was wished for; empty when it is."""

    metadata: DecisionMetadata | None = None
    """metadata says who decided, and when."""

    root_certificate_id: KeyId | None = None
    """rootCertificateId identifies the CA: its subject key identifier, else the SHA-1 digest of its key
    (RFC 5280 section 4.2.1.2).
    """

    subject_key_id: KeyId | None = None
    """subjectKeyId is the subject key identifier of the certificate, absent when it has none."""

    authority_key_id: KeyId | None = None
    """authorityKeyId is the authority key identifier of the certificate, absent when it has none."""

    subject: Annotated[tuple[NameAttribute, ...], atomic_list(ATTRIBUTES_LIMIT)] = ()
    """subject is the name of the CA, attribute by attribute."""

    issuer: Annotated[tuple[NameAttribute, ...], atomic_list(ATTRIBUTES_LIMIT)] = ()
    """issuer is the name of who signed the certificate, attribute by attribute."""

    not_before: Milliseconds | None = None
    """notBefore is the start of the validity, in milliseconds since 1970."""

    expiry: Milliseconds | None = None
    """expiry is the end of the validity, in milliseconds since 1970."""

    fingerprint: Fingerprint | None = None
    """fingerprint is the SHA-256 digest of the certificate."""

    validation: ValidationCode | None = None
    """validation is the result of validating the certificate: 0 valid, -1 not validated, else 2001 to 2034."""

    deploy_status: DeployStatus | None = None
    """deployStatus is `DEPLOY_PENDING` (trusted, and in no deployed revision of a store that selects it),
    `DEPLOYED`, or `DELETE_PENDING` (deployed, and due to go); absent when it never was deployed and is not trusted.
    """

    stores: Annotated[tuple[StoreEntry, ...], atomic_list(STORES_LIMIT)] = ()
    """stores are the stores that select or carry the certificate, and how it stands in each."""

    stores_count: Count | None = None
    """storesCount is how many those are, also those that the list has no room for."""

    findings: Annotated[tuple[FindingEntry, ...], atomic_list(FINDINGS_LIMIT)] = ()
    """findings are all the errors and warnings, the worst first."""

    findings_count: Count | None = None
    """findingsCount is how many findings there are, also those that the list has no room for."""

    next_check_time: Timestamp | None = None
    """nextCheckTime is the first instant at which the state changes if nothing else does."""

    observed_generation: Generation | None = None
    """observedGeneration is the `metadata.generation` that this status is about."""

    record: DecisionRecord | None = None
    """record is what the state rests on; for the operator, not for people."""

    conditions: Annotated[tuple[Condition, ...], map_list(CONDITIONS_LIMIT, "type")] = ()
    """conditions say whether the object is `Ready`, the certificate `Valid`, the CA `Trusted` and `Deployed`, and while
    they are true `Reconciling` (wait) and `Stalled` (act).
    """
