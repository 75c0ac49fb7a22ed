"""The verdict on an ImportedCertificate: what was found, what is served, and where it is stored.

Every field has a default, so that a status of another version can be read whatever it lacks
(`certwright.api.model.parse_leniently`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from certwright.api.conditions import CONDITIONS_LIMIT, Condition
from certwright.api.fields import (
    CHAIN_LIMIT,
    DETAIL_LIMIT,
    DNS_NAMES_LIMIT,
    FINDINGS_LIMIT,
    INPUTS_LIMIT,
    TARGETS_LIMIT,
    Count,
    DistinguishedName,
    Fingerprint,
    Generation,
    ObjectName,
    PublicPem,
    SerialNumber,
    Text,
    Timestamp,
    Uid,
    Word,
    atomic_list,
    map_list,
)
from certwright.api.model import WireModel
from certwright.api.status_parts import FindingEntry, Input

StoreStatus = Literal[
    "BAD_REQUEST",
    "CERTIFICATE_CHAIN_IS_INVALID",
    "CERTIFICATE_IS_EXPIRED",
    "CERTIFICATE_STORED_BUT_NOT_REFRESHED",
    "ERROR",
    "GENERAL_ERROR_WHILE_STORING_CERTIFICATE",
    "IN_PROGRESS",
    "NOT_FOUND",
    "OK",
    "PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE",
    "PRIVATE_KEY_IS_INVALID",
    "PUBLIC_KEY_CERTIFICATE_IS_INVALID",
]
"""The twelve values that source 1 documents."""

ResponseCode = Literal[200, 400, 404, 500, 522, 523, 525, 526, 527, 528, 529]
"""The response codes that source 1 documents."""

ValidationCode = Literal[
    -1, 0, 2001, 2002, 2003, 2004, 2005, 2010, 2011, 2012, 2013, 2014, 2020, 2030, 2031, 2032, 2033, 2034
]
"""The validation codes that source 3 documents."""

DetailedError = Annotated[str, Field(max_length=DETAIL_LIMIT)]


class ChainEntry(WireModel):
    """One certificate of a path."""

    common_name: Text | None = None
    """commonName is the common name of the certificate, else the last part of its name that says most."""

    fingerprint: Fingerprint
    """fingerprint is the SHA-256 digest of the certificate."""

    valid_thru: Timestamp
    """validThru is the last instant at which the certificate is valid."""


class Served(WireModel):
    """What consumers have now; when only watching, the watched certificate."""

    fingerprint: Fingerprint
    """fingerprint is the SHA-256 digest of the certificate that is served."""

    common_name: Text | None = None
    """commonName is the common name of the certificate that is served."""

    serial_number: SerialNumber
    """serialNumber is the serial number of the certificate that is served, in hexadecimal digits."""

    valid_from: Timestamp
    """validFrom is the first instant at which the served certificate is valid."""

    valid_thru: Timestamp
    """validThru is the last instant at which the served certificate is valid: what consumers will notice."""

    key_fingerprint: Fingerprint
    """keyFingerprint is the SHA-256 digest of the public key (SubjectPublicKeyInfo) of the served certificate."""

    chain: Annotated[tuple[ChainEntry, ...], atomic_list(CHAIN_LIMIT)] = ()
    """chain lists the intermediate certificates that are served with it, the issuer of the leaf first."""

    anchor: ChainEntry | None = None
    """anchor is the trusted CA that its path ended at, which `ca.crt` holds; absent without a trust store."""

    since: Timestamp
    """since is when this certificate took the place of the one before."""


class TargetStatus(WireModel):
    """How one target stands."""

    secret_name: ObjectName
    """secretName is the name of the target's Secret."""

    entity_type: Annotated[str, Field(max_length=64)] | None = None
    """entityType repeats the wish."""

    entity_id: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """entityId repeats the wish."""

    certificate_store_status: StoreStatus | None = None
    """certificateStoreStatus is how this target stands, in the same twelve words as the whole."""

    response_code: ResponseCode | None = None
    """responseCode is the number for certificateStoreStatus."""

    detailed_error: DetailedError | None = None
    """detailedError says what keeps this target from OK, and is absent when nothing does."""

    digest: Fingerprint | None = None
    """digest is the SHA-256 digest of the public content that was stored: certificates, public key and options."""

    uid: Uid | None = None
    """uid is the UID of the Secret as it was last written or found equal."""

    resource_version: Uid | None = None
    """resourceVersion is the version of the Secret as it was last written or found equal."""

    stored_time: Timestamp | None = None
    """storedTime is when the content of the Secret last changed."""

    refreshed_time: Timestamp | None = None
    """refreshedTime is when all workloads had taken up that content."""


class Revocation(WireModel):
    """A certificate that a list was seen to name; believed until a newer list no longer does."""

    fingerprint: Fingerprint
    """fingerprint is the SHA-256 digest of the revoked certificate."""

    this_update: Timestamp
    """thisUpdate is when the list was made."""

    crl_number: Annotated[str, Field(max_length=128)] | None = None
    """crlNumber is the number of the list, in decimal digits."""


class Record(WireModel):
    """What the verdict rests on; for the operator, not for people."""

    inputs: Annotated[tuple[Input, ...], atomic_list(INPUTS_LIMIT)] = ()
    """inputs are the objects that were read, each in the version that was read."""

    judged_by: Annotated[str, Field(max_length=512)] | None = None
    """judgedBy identifies the rules and settings that were applied."""

    lists: Fingerprint | None = None
    """lists is a digest of the revocation lists that were at hand; absent when none were asked for."""

    trust: Fingerprint | None = None
    """trust is a digest of what was seen of the trust store; absent when none is named."""

    decision_namespace: Annotated[str, Field(max_length=63)] | None = None
    """decisionNamespace is where that store has its decisions: the revocation lists there are looked at too."""

    self_signed: Fingerprint | None = None
    """selfSigned is the SHA-256 digest of the self-signed certificate that certwright made last, while it is served."""

    private_key: Fingerprint | None = None
    """privateKey is a digest of what was seen of the PrivateKey; absent when none is named."""

    revocations: Annotated[tuple[Revocation, ...], atomic_list(CHAIN_LIMIT)] = ()
    """revocations are the certificates of the path that a list was seen to name."""

    rollout_time: Timestamp | None = None
    """rolloutTime is when a roll-out of a workload was last started: the next waits at least a minute."""


class ImportedCertificateStatus(WireModel):
    """It says what was found, what is served to consumers now, and how each target stands."""

    certificate_store_status: StoreStatus | None = None
    """certificateStoreStatus is the state in one word, the worst over the judgement and all targets."""

    response_code: ResponseCode | None = None
    """responseCode is the number for certificateStoreStatus: 200 when all is well or in progress."""

    detailed_error: DetailedError | None = None
    """detailedError says what keeps the state from OK, and is absent when nothing does."""

    validation: ValidationCode | None = None
    """validation is the result of validating the certificate: 0 valid, -1 not validated yet, else the code of the
    worst error.
    """

    findings: Annotated[tuple[FindingEntry, ...], atomic_list(FINDINGS_LIMIT)] = ()
    """findings are all the errors and warnings about the material of this generation, the worst first."""

    findings_count: Count | None = None
    """findingsCount is how many findings there are, also those that the list has no room for."""

    common_name: Text | None = None
    """commonName is the common name (CN) of the certificate."""

    organization_name: Text | None = None
    """organizationName is the organization (O) of the certificate."""

    organization_unit: Text | None = None
    """organizationUnit is the organizational unit (OU) of the certificate."""

    locality: Text | None = None
    """locality is the city (L) of the certificate."""

    state_province: Text | None = None
    """stateProvince is the state or province (ST) of the certificate."""

    country_code: Text | None = None
    """countryCode is the country (C) of the certificate."""

    email: Text | None = None
    """email is the e-mail address in the subject of the certificate."""

    valid_from: Timestamp | None = None
    """validFrom is the first instant at which the certificate is valid (notBefore)."""

    valid_thru: Timestamp | None = None
    """validThru is the last instant at which the certificate is valid (notAfter)."""

    serial_number: SerialNumber | None = None
    """serialNumber is the serial number of the certificate, in hexadecimal digits."""

    fingerprint: Fingerprint | None = None
    """fingerprint is the SHA-256 digest of the certificate."""

    issuer: DistinguishedName | None = None
    """issuer is the name of the issuer as RFC 4514 writes it: `CN=Corp Issuing CA 3,O=Corp`."""

    dns_names: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], atomic_list(DNS_NAMES_LIMIT)] = ()
    """dnsNames are the host names that the certificate is valid for."""

    dns_names_count: Count | None = None
    """dnsNamesCount is how many host names there are, also those that the list has no room for."""

    key_algorithm: Word | None = None
    """keyAlgorithm is the kind and size of the public key: `RSA 2048`, `ECDSA P-256`, `Ed25519`."""

    is_self_signed: Literal["true", "false"] | None = None
    """isSelfSigned says whether the certificate is signed with its own key."""

    chain: Annotated[tuple[ChainEntry, ...], atomic_list(CHAIN_LIMIT)] = ()
    """chain lists the certificates above this one on its path, the issuer of the leaf first."""

    chain_count: Count | None = None
    """chainCount is how many certificates the path has above this one, also those that the list has no room for."""

    ssl_certificate: PublicPem | None = None
    """sslCertificate is the self-signed certificate that certwright made, as PEM; absent when one was handed in that
    has taken its place.
    """

    certificate_signing_request: PublicPem | None = None
    """certificateSigningRequest is what a CA is to sign, as PEM (PKCS#10); absent without a PrivateKey, and when the
    wish names nobody.
    """

    served: Served | None = None
    """served is what consumers have now: the last certificate that was found good. When nothing is written because
    there are no targets, it is the watched certificate.
    """

    targets: Annotated[tuple[TargetStatus, ...], map_list(TARGETS_LIMIT, "secretName")] = ()
    """targets says how each target stands."""

    next_check_time: Timestamp | None = None
    """nextCheckTime is the first instant at which the verdict changes if nothing else does."""

    observed_generation: Generation | None = None
    """observedGeneration is the `metadata.generation` that this status is about."""

    record: Record | None = None
    """record is what the verdict rests on; for the operator, not for people."""

    conditions: Annotated[tuple[Condition, ...], map_list(CONDITIONS_LIMIT, "type")] = ()
    """conditions say whether the object is `Ready`, `Valid`, `Trusted`, `Stored`, `Refreshed`, `ExpiringSoon`, and
    while they are true `Reconciling` (wait) and `Stalled` (act).
    """
