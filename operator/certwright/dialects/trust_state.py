"""Source 2: the trust state of a CA, the transitions that a person may make, and the problems behind a state.

The source has three states and no word for why one is not as wished; its problem documents, which belong to the answers
of its own server, have. Where one of them says what our reason says, its address is given, else one of ours. A state is
computed: what has expired is `expired` whatever is wished.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from certwright.findings import Reason

_DOCUMENTED = "https://astra.netapp.io/problems/"
_OURS = "https://certwright.io/reasons/"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*")


class TrustState(StrEnum):
    """The values of `trustState`."""

    UNTRUSTED = "untrusted"
    TRUSTED = "trusted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as the source identifies it.

    Attributes:
        number: that of the source; `None` where it has none.
        type: the address that identifies it.
        title: a few words.
        http: the status code that the source documents beside it, empty where it has none.
    """

    number: int | None
    type: str
    title: str
    http: str = ""


def _documented(number: int, http: str, title: str) -> Problem:
    return Problem(number, f"{_DOCUMENTED}{number}", title, http)


NOT_FOUND = _documented(2, "404", "Collection not found")
INVALID = _documented(5, "400", "Invalid query parameters")
NOT_READY = _documented(41, "503", "Service not ready")
UNEXPECTED_STATE = _documented(164, "409", "Requested resource in unexpected state")
"""A transition that is refused: to `trusted` of what has expired, and any of a decision that is being deleted."""

PROBLEMS: Mapping[Reason, Problem] = MappingProxyType(
    {
        Reason.NOT_CHECKED: NOT_READY,
        Reason.REFERENCE_NOT_FOUND: NOT_FOUND,
        Reason.INVALID_REQUEST: INVALID,
        Reason.SOURCE_REMOVED: INVALID,
        Reason.EXPIRED: UNEXPECTED_STATE,
    }
)
"""The reasons that the source documents a problem for."""

TRANSITIONS: tuple[tuple[TrustState, tuple[TrustState, ...]], ...] = (
    (TrustState.UNTRUSTED, (TrustState.TRUSTED,)),
    (TrustState.TRUSTED, (TrustState.UNTRUSTED,)),
)
"""What may follow each state by a person's will; to and from `expired` only time leads, or another certificate."""

STATES: Mapping[Reason, TrustState] = MappingProxyType(
    {
        Reason.NOT_CHECKED: TrustState.UNTRUSTED,
        Reason.VALID: TrustState.TRUSTED,
        Reason.UNPARSABLE: TrustState.UNTRUSTED,
        Reason.UNDECODABLE: TrustState.UNTRUSTED,
        Reason.EXPIRED: TrustState.EXPIRED,
        Reason.NOT_YET_VALID: TrustState.UNTRUSTED,
        Reason.REVOKED: TrustState.UNTRUSTED,
        Reason.VALIDATION_ERROR: TrustState.UNTRUSTED,
        Reason.ISSUER_NOT_FOUND: TrustState.UNTRUSTED,
        Reason.USAGE_MISMATCH: TrustState.UNTRUSTED,
        Reason.NAME_MISSING: TrustState.UNTRUSTED,
        Reason.CHAIN_INVALID: TrustState.UNTRUSTED,
        Reason.INVALID_SELF_SIGNED: TrustState.UNTRUSTED,
        Reason.FINGERPRINT_MISMATCH: TrustState.UNTRUSTED,
        Reason.TRUST_ENDED: TrustState.UNTRUSTED,
        Reason.CRL_INVALID: TrustState.UNTRUSTED,
        Reason.CRL_ERROR: TrustState.UNTRUSTED,
        Reason.CRL_ISSUER_NOT_FOUND: TrustState.UNTRUSTED,
        Reason.CRL_ISSUER_NOT_AUTHORIZED: TrustState.UNTRUSTED,
        Reason.CRL_NOT_VALID: TrustState.UNTRUSTED,
        Reason.CRL_EXPIRED: TrustState.UNTRUSTED,
        Reason.REFERENCE_NOT_FOUND: TrustState.UNTRUSTED,
        Reason.INVALID_REQUEST: TrustState.UNTRUSTED,
        Reason.SOURCE_REMOVED: TrustState.UNTRUSTED,
        Reason.INTERNAL_ERROR: TrustState.UNTRUSTED,
        Reason.ALGORITHM_WEAK: TrustState.TRUSTED,
        Reason.ANCHORS_DISTRUSTED: TrustState.TRUSTED,
        Reason.CERTIFICATE_LEFT_OUT: TrustState.TRUSTED,
        Reason.DUPLICATE_CERTIFICATE: TrustState.TRUSTED,
        Reason.EXPIRED_ALTERNATIVE: TrustState.TRUSTED,
        Reason.EXPIRING_SOON: TrustState.TRUSTED,
        Reason.ISSUER_MISSING: TrustState.TRUSTED,
        Reason.KEY_IN_CERTIFICATE: TrustState.TRUSTED,
        Reason.NOT_PERSISTED: TrustState.TRUSTED,
        Reason.NO_SUBJECT_ALT_NAME: TrustState.TRUSTED,
        Reason.NORMALIZED: TrustState.TRUSTED,
        Reason.REORDERED: TrustState.TRUSTED,
        Reason.ROOT_REMOVED: TrustState.TRUSTED,
        Reason.SERIAL_UNUSUAL: TrustState.TRUSTED,
        Reason.SUBJECT_DIFFERS: TrustState.TRUSTED,
        Reason.UNUSED_CERTIFICATE: TrustState.TRUSTED,
        Reason.UNUSUAL_KEY_TYPE: TrustState.TRUSTED,
        Reason.WEAK_KEY: TrustState.TRUSTED,
    }
)
"""The state of a CA that is wished to be trusted, for every reason that a verdict on it can have; that of an error,
where a reason comes in both severities.
"""

NOT_ABOUT_TRUST = frozenset(
    {
        Reason.APPROVAL_PENDING,
        Reason.EMPTY_BUNDLE,
        Reason.BUNDLE_NOT_SERVED,
        Reason.HOST_NOT_ALLOWED,
        Reason.FETCH_FAILED,
        Reason.KEY_INVALID,
        Reason.KEY_LOST,
        Reason.KEY_MISMATCH,
        Reason.STORE_FAILED,
        Reason.TARGET_NOT_OWNED,
        Reason.TARGET_IMMUTABLE,
        Reason.TARGET_MISSING,
        Reason.NOT_REFRESHED,
        Reason.LAST_GOOD_LOST,
        Reason.UNKNOWN_NAME,
        Reason.REQUIRED_CERTIFICATE,
        Reason.JOURNAL_LOST,
    }
)
"""Reasons about keys, storing, fetching and bundles, for which the source has no word."""


def trust_state(errors: Iterable[Reason], *, trusted: bool) -> TrustState:
    """Give the state of a CA.

    Args:
        errors: the reasons that refuse it.
        trusted: the wish.
    """
    states = {STATES[reason] for reason in errors if reason not in NOT_ABOUT_TRUST}
    if TrustState.EXPIRED in states:
        return TrustState.EXPIRED
    return TrustState.TRUSTED if trusted and states <= {TrustState.TRUSTED} else TrustState.UNTRUSTED


def problem_of(reason: Reason) -> Problem:
    """Give the documented problem where there is one, else one of ours: `ChainInvalid` is titled "Chain invalid"."""
    if reason in PROBLEMS:
        return PROBLEMS[reason]
    first, *rest = _WORDS.findall(reason.value)
    title = " ".join([first, *(word if word.isupper() else word.lower() for word in rest)])
    return Problem(None, f"{_OURS}{reason.value}", title)
