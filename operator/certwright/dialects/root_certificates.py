"""Source 3: the `validation` codes of a certificate, and the unique codes of its two error answers.

The source's 0 means "valid or not checked"; ours means valid, and -1 not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from certwright.findings import Reason

NOT_VALIDATED = -1
VALID = 0

CODES: Mapping[Reason, int] = MappingProxyType(
    {
        Reason.NOT_CHECKED: NOT_VALIDATED,
        Reason.REFERENCE_NOT_FOUND: NOT_VALIDATED,
        Reason.INVALID_REQUEST: NOT_VALIDATED,
        Reason.SOURCE_REMOVED: NOT_VALIDATED,
        Reason.VALID: VALID,
        Reason.UNPARSABLE: 2001,
        Reason.UNDECODABLE: 2002,
        Reason.EXPIRED: 2003,
        Reason.NOT_YET_VALID: 2004,
        Reason.REVOKED: 2005,
        Reason.VALIDATION_ERROR: 2010,
        Reason.INTERNAL_ERROR: 2010,
        Reason.ISSUER_NOT_FOUND: 2011,
        Reason.USAGE_MISMATCH: 2012,
        Reason.NAME_MISSING: 2012,
        Reason.CHAIN_INVALID: 2013,
        Reason.FINGERPRINT_MISMATCH: 2013,
        Reason.INVALID_SELF_SIGNED: 2014,
        Reason.CRL_INVALID: 2020,
        Reason.CRL_ERROR: 2030,
        Reason.CRL_ISSUER_NOT_FOUND: 2031,
        Reason.CRL_ISSUER_NOT_AUTHORIZED: 2032,
        Reason.CRL_NOT_VALID: 2033,
        Reason.CRL_EXPIRED: 2034,
        Reason.ALGORITHM_WEAK: VALID,
        Reason.ANCHORS_DISTRUSTED: VALID,
        Reason.CERTIFICATE_LEFT_OUT: VALID,
        Reason.DUPLICATE_CERTIFICATE: VALID,
        Reason.EXPIRED_ALTERNATIVE: VALID,
        Reason.EXPIRING_SOON: VALID,
        Reason.ISSUER_MISSING: VALID,
        Reason.KEY_IN_CERTIFICATE: VALID,
        Reason.NOT_PERSISTED: VALID,
        Reason.NO_SUBJECT_ALT_NAME: VALID,
        Reason.NORMALIZED: VALID,
        Reason.REORDERED: VALID,
        Reason.ROOT_REMOVED: VALID,
        Reason.SERIAL_UNUSUAL: VALID,
        Reason.SUBJECT_DIFFERS: VALID,
        Reason.UNUSED_CERTIFICATE: VALID,
        Reason.UNUSUAL_KEY_TYPE: VALID,
        Reason.WEAK_KEY: VALID,
    }
)
"""The code of every reason that says something about a certificate or a revocation list."""

ABOUT_SOMETHING_ELSE = frozenset(
    {
        Reason.TRUST_ENDED,
        Reason.APPROVAL_PENDING,
        Reason.EMPTY_BUNDLE,
        Reason.BUNDLE_NOT_SERVED,
        Reason.KEY_INVALID,
        Reason.KEY_LOST,
        Reason.KEY_MISMATCH,
        Reason.STORE_FAILED,
        Reason.TARGET_NOT_OWNED,
        Reason.TARGET_IMMUTABLE,
        Reason.TARGET_MISSING,
        Reason.NOT_REFRESHED,
        Reason.LAST_GOOD_LOST,
        Reason.HOST_NOT_ALLOWED,
        Reason.FETCH_FAILED,
        Reason.UNKNOWN_NAME,
        Reason.REQUIRED_CERTIFICATE,
        Reason.JOURNAL_LOST,
    }
)
"""Reasons about a key, storing, fetching, a decision or a bundle: the certificate, or the list, keeps the code it has
of its own.
"""

UNIQUE_CODES: Mapping[Reason, int] = MappingProxyType({Reason.REFERENCE_NOT_FOUND: 1002, Reason.INTERNAL_ERROR: 1020})
"""The unique codes that the source documents beside 404 and 500."""

# Parse, decode, dates, self-signature, usage, issuer, chain, revocation. An unexpected error comes first, for nothing
# after it can be believed; of revocation lists the failure that got furthest is the best informed.
_ORDER = (2010, 2001, 2002, 2003, 2004, 2014, 2012, 2011, 2013, 2005, 2034, 2033, 2032, 2031, 2020, 2030, -1, 0)
_PLACES = {code: place for place, code in enumerate(_ORDER)}


def validation_code(reasons: Iterable[Reason]) -> int:
    """Give the code that stands when several errors do; 0 when none of them is about the certificate."""
    codes = (CODES[reason] for reason in reasons if reason not in ABOUT_SOMETHING_ELSE)
    return min(codes, key=_PLACES.__getitem__, default=VALID)


_LIST_ORDER = (2030, 2020, 2031, 2032, 2033, 2034, NOT_VALIDATED, VALID)
"""The codes that a revocation list itself can have. Of it the first check that fails gives the code; of a certificate
it is the list that got furthest.
"""


def list_code(reasons: Iterable[Reason]) -> int:
    """Give the code of a revocation list; what only a certificate can have means that processing the list failed."""
    codes = {CODES[reason] for reason in reasons if reason not in ABOUT_SOMETHING_ELSE}
    known = [code if code in _LIST_ORDER else CODES[Reason.CRL_ERROR] for code in codes]
    return min(known, key=_LIST_ORDER.index, default=VALID)


def finding_code(reason: Reason) -> int | None:
    """Give the number of one finding: the unique code where one is documented, else the validation code, if any."""
    return UNIQUE_CODES.get(reason, CODES.get(reason))


def place(reason: Reason) -> int:
    """Give the place of a reason in the source's order; 0 is the worst, and what it does not know comes last."""
    return _PLACES[CODES[reason]] if reason in CODES else len(_ORDER)
