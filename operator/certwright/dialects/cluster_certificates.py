"""Source 4: the response codes of a cluster's certificates, of one, of a node, and of all of them together.

The source answers requests to update all, to update one (deprecated) and to delete one; a set has one wish, so its code
is the worst of them. The source's 404 of the deprecated request, "invalid certificate", says the same as its 400 and is
400 here; 404 is what is not there: an object that is named, or an unknown certificate that is to be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from certwright.findings import Reason

OK = 200
INVALID = 400
FORBIDDEN = 403
NOT_FOUND = 404
EXPIRED = 406
NOT_ALL_NODES = 409
ERROR = 500

CODES: Mapping[Reason, int] = MappingProxyType(
    {
        Reason.VALID: OK,
        Reason.UNPARSABLE: INVALID,
        Reason.UNDECODABLE: INVALID,
        Reason.EXPIRED: EXPIRED,
        Reason.NOT_YET_VALID: INVALID,
        Reason.REVOKED: INVALID,
        Reason.VALIDATION_ERROR: ERROR,
        Reason.ISSUER_NOT_FOUND: INVALID,
        Reason.USAGE_MISMATCH: INVALID,
        Reason.NAME_MISSING: INVALID,
        Reason.CHAIN_INVALID: INVALID,
        Reason.INVALID_SELF_SIGNED: INVALID,
        Reason.FINGERPRINT_MISMATCH: INVALID,
        Reason.CRL_INVALID: INVALID,
        Reason.CRL_ERROR: INVALID,
        Reason.CRL_ISSUER_NOT_FOUND: INVALID,
        Reason.CRL_ISSUER_NOT_AUTHORIZED: INVALID,
        Reason.CRL_NOT_VALID: INVALID,
        Reason.CRL_EXPIRED: INVALID,
        Reason.KEY_INVALID: INVALID,
        Reason.KEY_LOST: INVALID,
        Reason.KEY_MISMATCH: INVALID,
        Reason.REFERENCE_NOT_FOUND: NOT_FOUND,
        Reason.INVALID_REQUEST: INVALID,
        Reason.SOURCE_REMOVED: INVALID,
        Reason.UNKNOWN_NAME: FORBIDDEN,
        Reason.REQUIRED_CERTIFICATE: FORBIDDEN,
        Reason.STORE_FAILED: NOT_ALL_NODES,
        Reason.TARGET_NOT_OWNED: NOT_ALL_NODES,
        Reason.TARGET_IMMUTABLE: NOT_ALL_NODES,
        Reason.TARGET_MISSING: NOT_ALL_NODES,
        Reason.LAST_GOOD_LOST: NOT_ALL_NODES,
        Reason.JOURNAL_LOST: NOT_ALL_NODES,
        Reason.INTERNAL_ERROR: ERROR,
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
"""The code of every reason about a certificate of a set, or a node; that of an error, where a reason comes in both
severities. An unknown name that is to be deleted (404) and a deletion that fails (500) are told by their place, and
have functions of their own.
"""

NOT_ABOUT_SETS = frozenset(
    {
        Reason.NOT_CHECKED,
        Reason.TRUST_ENDED,
        Reason.APPROVAL_PENDING,
        Reason.EMPTY_BUNDLE,
        Reason.BUNDLE_NOT_SERVED,
        Reason.HOST_NOT_ALLOWED,
        Reason.FETCH_FAILED,
        Reason.NOT_REFRESHED,
    }
)
"""Reasons about decisions, stores, fetching and workloads, and that there is no verdict yet: the source knows none."""

ORDER = (ERROR, FORBIDDEN, NOT_FOUND, INVALID, EXPIRED, NOT_ALL_NODES, OK)
"""The worst first: the order in which several codes compete for that of the set."""


def code_of(reason: Reason, *, deleting: bool = False) -> int | None:
    """Give the code of one finding.

    Args:
        reason: what it is about.
        deleting: it is about the deletion of a certificate, not about its update.

    Returns:
        The code; `None` where the source has none, for there is no verdict yet.
    """
    if deleting and reason is Reason.UNKNOWN_NAME:
        return NOT_FOUND
    code = CODES.get(reason)
    return ERROR if deleting and code == NOT_ALL_NODES else code


def worst_code(codes: Iterable[int]) -> int:
    """Give the code that stands when several do; 200 when there is none."""
    return min(codes, key=ORDER.index, default=OK)
