"""Source 1: the storage status of a certificate, twelve words and the response codes beside them.

The source gives CERTIFICATE_IS_EXPIRED no number; 525, "public key certificate is invalid", is the one that fits.
Its 500 is for answers in which no status could be made at all, and stands in `NO_STATUS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from certwright.findings import Reason


class StoreStatus(StrEnum):
    """The values of `certificateStoreStatus`, the worst first: the order in which several findings compete."""

    ERROR = "ERROR"
    BAD_REQUEST = "BAD_REQUEST"
    NOT_FOUND = "NOT_FOUND"
    PUBLIC_KEY_CERTIFICATE_IS_INVALID = "PUBLIC_KEY_CERTIFICATE_IS_INVALID"
    PRIVATE_KEY_IS_INVALID = "PRIVATE_KEY_IS_INVALID"
    PRIVATE_KEY_DOES_NOT_MATCH = "PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE"
    CERTIFICATE_IS_EXPIRED = "CERTIFICATE_IS_EXPIRED"
    CERTIFICATE_CHAIN_IS_INVALID = "CERTIFICATE_CHAIN_IS_INVALID"
    GENERAL_ERROR_WHILE_STORING = "GENERAL_ERROR_WHILE_STORING_CERTIFICATE"
    STORED_BUT_NOT_REFRESHED = "CERTIFICATE_STORED_BUT_NOT_REFRESHED"
    IN_PROGRESS = "IN_PROGRESS"
    OK = "OK"


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What the source would answer: the word and the number."""

    status: StoreStatus
    response_code: int

    @property
    def severity(self) -> int:
        """The place in the source's order; 0 is the worst."""
        return _PLACES[self.status]


_PLACES = {status: place for place, status in enumerate(StoreStatus)}

_ERROR = StoreAnswer(StoreStatus.ERROR, 529)
_BAD_REQUEST = StoreAnswer(StoreStatus.BAD_REQUEST, 400)
_NOT_FOUND = StoreAnswer(StoreStatus.NOT_FOUND, 404)
_CERTIFICATE = StoreAnswer(StoreStatus.PUBLIC_KEY_CERTIFICATE_IS_INVALID, 525)
_KEY = StoreAnswer(StoreStatus.PRIVATE_KEY_IS_INVALID, 526)
_MISMATCH = StoreAnswer(StoreStatus.PRIVATE_KEY_DOES_NOT_MATCH, 523)
_EXPIRED = StoreAnswer(StoreStatus.CERTIFICATE_IS_EXPIRED, 525)
_CHAIN = StoreAnswer(StoreStatus.CERTIFICATE_CHAIN_IS_INVALID, 522)
_STORING = StoreAnswer(StoreStatus.GENERAL_ERROR_WHILE_STORING, 527)
_NOT_REFRESHED = StoreAnswer(StoreStatus.STORED_BUT_NOT_REFRESHED, 528)
_IN_PROGRESS = StoreAnswer(StoreStatus.IN_PROGRESS, 200)

OK = StoreAnswer(StoreStatus.OK, 200)
"""Nothing is wrong."""

NO_STATUS = StoreAnswer(StoreStatus.ERROR, 500)
"""The judgement was made, and a status that says so could not be stored."""

ANSWERS: Mapping[Reason, StoreAnswer] = MappingProxyType(
    {
        Reason.NOT_CHECKED: _IN_PROGRESS,
        Reason.VALID: OK,
        Reason.UNPARSABLE: _CERTIFICATE,
        Reason.UNDECODABLE: _CERTIFICATE,
        Reason.EXPIRED: _EXPIRED,
        Reason.NOT_YET_VALID: _CERTIFICATE,
        Reason.REVOKED: _CHAIN,
        Reason.VALIDATION_ERROR: _ERROR,
        Reason.ISSUER_NOT_FOUND: _CHAIN,
        Reason.USAGE_MISMATCH: _CERTIFICATE,
        Reason.NAME_MISSING: _CERTIFICATE,
        Reason.CHAIN_INVALID: _CHAIN,
        Reason.INVALID_SELF_SIGNED: _CHAIN,
        Reason.FINGERPRINT_MISMATCH: _CHAIN,
        Reason.CRL_INVALID: _CHAIN,
        Reason.CRL_ERROR: _CHAIN,
        Reason.CRL_ISSUER_NOT_FOUND: _CHAIN,
        Reason.CRL_ISSUER_NOT_AUTHORIZED: _CHAIN,
        Reason.CRL_NOT_VALID: _CHAIN,
        Reason.CRL_EXPIRED: _CHAIN,
        Reason.KEY_INVALID: _KEY,
        Reason.KEY_LOST: _KEY,
        Reason.KEY_MISMATCH: _MISMATCH,
        Reason.REFERENCE_NOT_FOUND: _NOT_FOUND,
        Reason.INVALID_REQUEST: _BAD_REQUEST,
        Reason.SOURCE_REMOVED: _BAD_REQUEST,
        Reason.STORE_FAILED: _STORING,
        Reason.TARGET_NOT_OWNED: _STORING,
        Reason.TARGET_IMMUTABLE: _STORING,
        Reason.TARGET_MISSING: _STORING,
        Reason.NOT_REFRESHED: _NOT_REFRESHED,
        Reason.LAST_GOOD_LOST: _STORING,
        Reason.INTERNAL_ERROR: _ERROR,
        Reason.ALGORITHM_WEAK: OK,
        Reason.ANCHORS_DISTRUSTED: OK,
        Reason.CERTIFICATE_LEFT_OUT: OK,
        Reason.DUPLICATE_CERTIFICATE: OK,
        Reason.EXPIRED_ALTERNATIVE: OK,
        Reason.EXPIRING_SOON: OK,
        Reason.ISSUER_MISSING: OK,
        Reason.KEY_IN_CERTIFICATE: OK,
        Reason.NOT_PERSISTED: OK,
        Reason.NO_SUBJECT_ALT_NAME: OK,
        Reason.NORMALIZED: OK,
        Reason.REORDERED: OK,
        Reason.ROOT_REMOVED: OK,
        Reason.SERIAL_UNUSUAL: OK,
        Reason.SUBJECT_DIFFERS: OK,
        Reason.UNUSED_CERTIFICATE: OK,
        Reason.UNUSUAL_KEY_TYPE: OK,
        Reason.WEAK_KEY: OK,
    }
)
"""The source's answer for every reason about a certificate, its key or its storing; that of an error, where a reason
comes in both severities.
"""

NOT_ABOUT_STORING = frozenset(
    {
        Reason.TRUST_ENDED,
        Reason.APPROVAL_PENDING,
        Reason.EMPTY_BUNDLE,
        Reason.BUNDLE_NOT_SERVED,
        Reason.HOST_NOT_ALLOWED,
        Reason.FETCH_FAILED,
        Reason.UNKNOWN_NAME,
        Reason.REQUIRED_CERTIFICATE,
        Reason.JOURNAL_LOST,
    }
)
"""Reasons about the fetching of revocation lists, and about decisions and their stores, for which the source has no
word.
"""


def worst_answer(reasons: Iterable[Reason]) -> StoreAnswer:
    """Give the answer that stands when several errors do; `OK` when there is none.

    The order is 529, 400, 404, 525, 526, 523, expired, 522, 527, 528, in progress, OK.
    """
    return min((ANSWERS[reason] for reason in reasons), key=lambda answer: answer.severity, default=OK)
