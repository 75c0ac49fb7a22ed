"""From a documented code back to our reasons: what a number or word of a source says, and when it is given.

The sources are numbered as in `docs/parity.md`. The meanings are ours: where a source has one line or none, it is said
what certwright gives the code for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from certwright.dialects import cluster_certificates
from certwright.dialects.root_certificates import CODES, UNIQUE_CODES
from certwright.dialects.store_status import ANSWERS, NO_STATUS, StoreAnswer, StoreStatus
from certwright.dialects.trust_state import (
    INVALID,
    NOT_FOUND,
    NOT_READY,
    PROBLEMS,
    STATES,
    UNEXPECTED_STATE,
    TrustState,
)
from certwright.findings import Reason


@dataclass(frozen=True, slots=True)
class Source:
    """A documented vocabulary.

    Attributes:
        number: its number in `docs/parity.md`.
        title: what it is about.
        fields: where its codes stand in our resources.
    """

    number: int
    title: str
    fields: str

    def __str__(self) -> str:
        """Read as headings call it: `source 1, store status of a certificate`."""
        return f"source {self.number}, {self.title}"


@dataclass(frozen=True, slots=True)
class Code:
    """One code of one source.

    Attributes:
        number: as people type it: `522`, `2013`, `-1`; empty where there is only a word.
        word: the documented word, empty where there is none.
        http: the HTTP status code that the source documents beside `number`, empty where there is none.
        meaning: when it is given; one sentence.
        reasons: our reasons that it is given for, in their order.
    """

    source: Source
    number: str
    meaning: str
    reasons: tuple[Reason, ...] = ()
    word: str = ""
    http: str = ""

    @property
    def title(self) -> str:
        """What a heading calls it: `522 CERTIFICATE_CHAIN_IS_INVALID`, `1002 (HTTP 404)`."""
        return f"{self.number} {self.word}".strip() + (f" (HTTP {self.http})" if self.http else "")

    def is_called(self, word: str) -> bool:
        """Say whether a person who writes `word` may mean this code."""
        return word.casefold() in {self.number, self.word.casefold(), self.http} - {""}


STORE_STATUS = Source(
    1, "store status of a certificate", "`status.certificateStoreStatus` and `status.responseCode`, also of targets"
)
TRUST_STATE = Source(2, "trust state of a CA", "`status.trustState` and `status.trustStateDetails[].type`")
ROOT_CERTIFICATES = Source(3, "staged root certificates", "`status.validation` and `status.findings[].code`")

CLUSTER_CERTIFICATES = Source(
    4, "certificates of a cluster", "`status.responseCode` and `status.certificates[].responseCode` of a set"
)

_STORE_MEANINGS: Mapping[StoreStatus, str] = MappingProxyType(
    {
        StoreStatus.OK: "Nothing is wrong: good, and stored everywhere.",
        StoreStatus.IN_PROGRESS: "There is no verdict yet, or a write is tried again.",
        StoreStatus.BAD_REQUEST: "The wish contradicts itself, or asks for what may not be.",
        StoreStatus.NOT_FOUND: "What the wish names does not exist.",
        StoreStatus.PUBLIC_KEY_CERTIFICATE_IS_INVALID: "The certificate is unreadable, not yet valid, or not for this "
        "use or name.",
        StoreStatus.CERTIFICATE_IS_EXPIRED: "The certificate has ended. The source gives no number; 525 fits.",
        StoreStatus.PRIVATE_KEY_IS_INVALID: "The private key is unreadable, locked, or lost.",
        StoreStatus.PRIVATE_KEY_DOES_NOT_MATCH: "The private key is that of another certificate.",
        StoreStatus.CERTIFICATE_CHAIN_IS_INVALID: "An issuer is missing, the path does not hold, or it was revoked.",
        StoreStatus.GENERAL_ERROR_WHILE_STORING: "A target cannot be written.",
        StoreStatus.STORED_BUT_NOT_REFRESHED: "Stored; a workload does not run it yet.",
        StoreStatus.ERROR: "An error of certwright.",
    }
)
_STATE_MEANINGS: Mapping[TrustState, str] = MappingProxyType(
    {
        TrustState.TRUSTED: "Trusted as wished: good, and stores may hold it.",
        TrustState.UNTRUSTED: "Not trusted: as wished, or because of what `trustStateDetails` say.",
        TrustState.EXPIRED: "The certificate has ended, whatever is wished.",
    }
)
_PROBLEM_MEANINGS = {
    NOT_FOUND: "The object that the decision names, or the key in it, does not exist.",
    INVALID: "The wish contradicts itself, or names what may not be.",
    NOT_READY: "There is no verdict yet, or an input cannot be read.",
    UNEXPECTED_STATE: "A transition is refused: what has expired, or is being deleted, cannot become trusted.",
}
_NO_STATUS = "The judgement was made, and a status that says so could not be stored."
_VALIDATION_MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        -1: "Not validated: there is no verdict on the present inputs.",
        0: "Valid. (The source says: or not checked; that is -1 here.)",
        2001: "No certificate can be parsed.",
        2002: "A part of the certificate cannot be decoded.",
        2003: "The certificate is expired.",
        2004: "The certificate is not yet valid.",
        2005: "The certificate is revoked.",
        2010: "An unexpected error, or more work than one object may cost.",
        2011: "An issuer certificate is not found.",
        2012: "The usage, or the names, do not suit the purpose.",
        2013: "The issuers are there, and the path does not hold.",
        2014: "An invalid self-signed certificate.",
        2020: "The revocation list is invalid.",
        2030: "An unexpected error while processing a revocation list.",
        2031: "The issuer of a revocation list is not found.",
        2032: "The issuer of a revocation list may not sign lists.",
        2033: "A revocation list does not hold for this certificate, or is missing.",
        2034: "A revocation list is expired.",
    }
)
_UNIQUE_MEANINGS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        1002: ("404", "What is named does not exist; the unique code of a finding."),
        1020: ("500", "An error of certwright; the unique code of a finding."),
    }
)

_CLUSTER_MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        cluster_certificates.OK: "Every certificate is good, and every namespace holds it; or it was removed.",
        cluster_certificates.INVALID: "A certificate, its key or the wish for it is invalid; nothing is replaced.",
        cluster_certificates.FORBIDDEN: "A certificate is unknown, or a required one is missing or to be removed.",
        cluster_certificates.NOT_FOUND: "An object that is named, or a certificate that is to be removed, is unknown.",
        cluster_certificates.EXPIRED: "A certificate is expired; nothing is replaced.",
        cluster_certificates.NOT_ALL_NODES: "A namespace could not follow; all hold what they held before.",
        cluster_certificates.ERROR: "An error of certwright, or of the removal of a certificate; it is tried again.",
    }
)


def _store_codes() -> Iterator[Code]:
    reasons: dict[StoreAnswer, list[Reason]] = {}
    for reason, answer in ANSWERS.items():
        reasons.setdefault(answer, []).append(reason)
    for answer in sorted(reasons, key=lambda each: (each.response_code, each.severity)):
        status, number = answer.status, str(answer.response_code)
        yield Code(STORE_STATUS, number, _STORE_MEANINGS[status], tuple(reasons[answer]), word=status.value)
    yield Code(STORE_STATUS, str(NO_STATUS.response_code), _NO_STATUS, word=NO_STATUS.status.value)


def _trust_codes() -> Iterator[Code]:
    for state, meaning in _STATE_MEANINGS.items():
        reasons = tuple(reason for reason, given in STATES.items() if given is state)
        yield Code(TRUST_STATE, "", meaning, reasons, word=state.value)
    for problem, meaning in _PROBLEM_MEANINGS.items():
        reasons = tuple(reason for reason, given in PROBLEMS.items() if given is problem)
        yield Code(TRUST_STATE, str(problem.number), meaning, reasons, http=problem.http)


def _validation_codes() -> Iterator[Code]:
    for number, meaning in _VALIDATION_MEANINGS.items():
        yield Code(
            ROOT_CERTIFICATES, str(number), meaning, tuple(reason for reason, code in CODES.items() if code == number)
        )
    for reason, number in UNIQUE_CODES.items():
        http, meaning = _UNIQUE_MEANINGS[number]
        yield Code(ROOT_CERTIFICATES, str(number), meaning, (reason,), http=http)


def _cluster_codes() -> Iterator[Code]:
    extra = {cluster_certificates.NOT_FOUND: (Reason.UNKNOWN_NAME,)}
    for number, meaning in _CLUSTER_MEANINGS.items():
        reasons = tuple(reason for reason, code in cluster_certificates.CODES.items() if code == number)
        yield Code(CLUSTER_CERTIFICATES, str(number), meaning, (*reasons, *extra.get(number, ())))


CODE_BOOK: tuple[Code, ...] = (*_store_codes(), *_trust_codes(), *_validation_codes(), *_cluster_codes())
"""Every code that certwright gives, source by source."""


def find_codes(word: str) -> tuple[Code, ...]:
    """Give the codes that a person who writes `word` may mean; the same number can stand in several sources."""
    return tuple(code for code in CODE_BOOK if code.is_called(word))


def codes_of(reason: Reason) -> tuple[Code, ...]:
    """Give the codes that a reason is translated into."""
    return tuple(code for code in CODE_BOOK if reason in code.reasons)
