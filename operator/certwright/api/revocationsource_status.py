"""The verdict on a RevocationSource: which list is in use, and what is wrong with it or with its successor.

Every field has a default, so that a status of another version can be read whatever it lacks
(`certwright.api.model.parse_leniently`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from certwright.api.conditions import CONDITIONS_LIMIT, Condition
from certwright.api.fields import (
    FINDINGS_LIMIT,
    Count,
    DistinguishedName,
    Fingerprint,
    Generation,
    Parts,
    Timestamp,
    atomic_list,
    map_list,
)
from certwright.api.model import WireModel
from certwright.api.status_parts import FindingEntry, Input

REFUSALS_LIMIT = 8
"""Most findings that are kept about what was fetched last."""

SOURCE_INPUTS_LIMIT = 4
"""Most references that one RevocationSource can have."""

ListValidationCode = Literal[-1, 0, 2020, 2030, 2031, 2032, 2033, 2034]
"""The documented validation codes that a revocation list can have."""

BigNumber = Annotated[str, Field(max_length=128)]
"""An integer of any size in decimal digits, cut when it is absurd."""

Validator = Annotated[str, Field(max_length=300)]
"""An opaque text of a server, to be sent back to it."""


class KeptList(WireModel):
    """The list in use, as the operator finds it again."""

    digest: Fingerprint
    """digest is the SHA-256 digest of the list."""

    parts: Parts | None = None
    """parts is how many ConfigMaps in the operator's namespace hold it; absent when it could not be kept there."""

    signer: Fingerprint | None = None
    """signer is the SHA-256 digest of the public key that signed it."""

    scope: Fingerprint | None = None
    """scope identifies issuer, distribution point and kind of the list: what its order among others holds for."""

    origin: Fingerprint | None = None
    """origin identifies the wish that it was accepted under."""


class SourceRecord(WireModel):
    """What the verdict rests on; for the operator, not for people."""

    inputs: Annotated[tuple[Input, ...], atomic_list(SOURCE_INPUTS_LIMIT)] = ()
    """inputs are the objects that were read, each in the version that was read."""

    judged_by: Annotated[str, Field(max_length=512)] | None = None
    """judgedBy identifies the rules and settings that were applied."""

    decisions: Fingerprint | None = None
    """decisions is a digest of what was seen of TrustDecisions; absent when the issuer is named otherwise."""

    kept: KeptList | None = None
    """kept is the list in use."""

    refused: Annotated[tuple[FindingEntry, ...], atomic_list(REFUSALS_LIMIT)] = ()
    """refused says what was wrong with the last fetch, or with what it brought."""

    etag: Validator | None = None
    """etag is what the server calls the content that is in use."""

    last_modified: Validator | None = None
    """lastModified is when the server last changed the content that is in use, in its own words."""


class RevocationSourceStatus(WireModel):
    """It says which list verdicts use now, until when it holds, and why a newer one is not used."""

    issuer: DistinguishedName | None = None
    """issuer is the name of the CA that signed the list in use, as RFC 4514 writes it."""

    this_update: Timestamp | None = None
    """thisUpdate is when the list in use was made."""

    next_update: Timestamp | None = None
    """nextUpdate is the last instant at which the list in use holds; absent when it does not say."""

    crl_number: BigNumber | None = None
    """crlNumber is the number of the list in use, in decimal digits: it can be larger than JSON can hold."""

    entries: Count | None = None
    """entries is how many certificates the list in use names."""

    delta_base: BigNumber | None = None
    """deltaBase is the number of the list that this one adds to, when it is a delta."""

    fetched_time: Timestamp | None = None
    """fetchedTime is when the list in use was fetched; absent without `url`."""

    validation: ListValidationCode | None = None
    """validation is the result of validating the list that the source offers now: 0 valid, -1 not validated yet, else
    2020 or 2030 to 2034.
    """

    findings: Annotated[tuple[FindingEntry, ...], atomic_list(FINDINGS_LIMIT)] = ()
    """findings are all the errors and warnings about the list and its fetching, the worst first."""

    findings_count: Count | None = None
    """findingsCount is how many findings there are, also those that the list has no room for."""

    next_check_time: Timestamp | None = None
    """nextCheckTime is the first instant at which the verdict changes if nothing else does."""

    observed_generation: Generation | None = None
    """observedGeneration is the `metadata.generation` that this status is about."""

    record: SourceRecord | None = None
    """record is what the verdict rests on; for the operator, not for people."""

    conditions: Annotated[tuple[Condition, ...], map_list(CONDITIONS_LIMIT, "type")] = ()
    """conditions say whether the object is `Ready`, whether the list that it offers is `Valid`, whether the one in use
    is `Fresh`, and while they are true `Reconciling` (wait) and `Stalled` (act).
    """
