"""The ground floor: what can be wrong, in one vocabulary.

Every judgement yields findings with exactly one reason each. The reasons are the field's words for a defect; the
numbers of the documented sources are translations of them and live in `certwright.dialects`, nowhere else.
This module imports nothing of ours.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

MESSAGE_LIMIT = 400
"""The longest message of a finding, in characters: a status must stay below 64 KiB."""


class Severity(StrEnum):
    """Whether a finding refuses the material or only informs."""

    ERROR = "Error"
    WARNING = "Warning"


class Reason(StrEnum):
    """Why a judgement came out as it did; one per problem (`certwright explain REASON` describes each)."""

    NOT_CHECKED = "NotChecked"
    VALID = "Valid"
    # the certificate itself
    UNPARSABLE = "Unparsable"
    UNDECODABLE = "Undecodable"
    EXPIRED = "Expired"
    NOT_YET_VALID = "NotYetValid"
    REVOKED = "Revoked"
    VALIDATION_ERROR = "ValidationError"
    ISSUER_NOT_FOUND = "IssuerNotFound"
    USAGE_MISMATCH = "UsageMismatch"
    NAME_MISSING = "NameMissing"
    CHAIN_INVALID = "ChainInvalid"
    INVALID_SELF_SIGNED = "InvalidSelfSigned"
    FINGERPRINT_MISMATCH = "FingerprintMismatch"
    # decisions and stores
    TRUST_ENDED = "TrustEnded"
    APPROVAL_PENDING = "ApprovalPending"
    EMPTY_BUNDLE = "EmptyBundle"
    BUNDLE_NOT_SERVED = "BundleNotServed"
    # revocation lists
    CRL_INVALID = "CRLInvalid"
    CRL_ERROR = "CRLError"
    CRL_ISSUER_NOT_FOUND = "CRLIssuerNotFound"
    CRL_ISSUER_NOT_AUTHORIZED = "CRLIssuerNotAuthorized"
    CRL_NOT_VALID = "CRLNotValid"
    CRL_EXPIRED = "CRLExpired"
    HOST_NOT_ALLOWED = "HostNotAllowed"
    FETCH_FAILED = "FetchFailed"
    # the private key
    KEY_INVALID = "KeyInvalid"
    KEY_LOST = "KeyLost"
    KEY_MISMATCH = "KeyMismatch"
    # the wish and its references
    REFERENCE_NOT_FOUND = "ReferenceNotFound"
    INVALID_REQUEST = "InvalidRequest"
    SOURCE_REMOVED = "SourceRemoved"
    # names within a set
    UNKNOWN_NAME = "UnknownName"
    REQUIRED_CERTIFICATE = "RequiredCertificate"
    # storing and what follows it
    STORE_FAILED = "StoreFailed"
    TARGET_NOT_OWNED = "TargetNotOwned"
    TARGET_IMMUTABLE = "TargetImmutable"
    TARGET_MISSING = "TargetMissing"
    NOT_REFRESHED = "NotRefreshed"
    LAST_GOOD_LOST = "LastGoodLost"
    JOURNAL_LOST = "JournalLost"
    INTERNAL_ERROR = "InternalError"
    # warnings: the material is used, and something deserves a look
    ALGORITHM_WEAK = "AlgorithmWeak"
    ANCHORS_DISTRUSTED = "AnchorsDistrusted"
    CERTIFICATE_LEFT_OUT = "CertificateLeftOut"
    DUPLICATE_CERTIFICATE = "DuplicateCertificate"
    EXPIRED_ALTERNATIVE = "ExpiredAlternative"
    EXPIRING_SOON = "ExpiringSoon"
    ISSUER_MISSING = "IssuerMissing"
    KEY_IN_CERTIFICATE = "KeyInCertificate"
    NOT_PERSISTED = "NotPersisted"
    NO_SUBJECT_ALT_NAME = "NoSubjectAltName"
    NORMALIZED = "Normalized"
    REORDERED = "Reordered"
    ROOT_REMOVED = "RootRemoved"
    SERIAL_UNUSUAL = "SerialUnusual"
    SUBJECT_DIFFERS = "SubjectDiffers"
    UNUSED_CERTIFICATE = "UnusedCertificate"
    UNUSUAL_KEY_TYPE = "UnusualKeyType"
    WEAK_KEY = "WeakKey"


class Detail(StrEnum):
    """The precise defect behind a reason, where one reason covers several; listed alphabetically."""

    ADDRESS = "Address"
    ALGORITHM_NOT_ALLOWED = "AlgorithmNotAllowed"
    BASE64_DAMAGED = "Base64Damaged"
    BUSY = "Busy"
    CA_FLAG_MISSING = "CAFlagMissing"
    CERTIFICATE_HOLD = "CertificateHold"
    CERTIFICATE_MISSING = "CertificateMissing"
    CLOCK_DOUBTED = "ClockDoubted"
    CONFLICTING_FIELDS = "ConflictingFields"
    CONSENT_MISSING = "ConsentMissing"
    CONTENT_ENCODING = "ContentEncoding"
    CRITICAL_EXTENSION_UNKNOWN = "CriticalExtensionUnknown"
    CRL_MISSING = "CRLMissing"
    CRL_NOT_YET_VALID = "CRLNotYetValid"
    CRL_SIGN_MISSING = "CRLSignMissing"
    DELTA_WITHOUT_BASE = "DeltaWithoutBase"
    DER_DAMAGED = "DERDamaged"
    DUPLICATE_EXTENSION = "DuplicateExtension"
    ENCRYPTED = "Encrypted"
    ENTITY_TYPE_UNKNOWN = "EntityTypeUnknown"
    FORBIDDEN = "Forbidden"
    INCONSISTENT = "Inconsistent"
    INTERRUPTED = "Interrupted"
    ISSUER_DISTRUSTED = "IssuerDistrusted"
    ISSUER_EXPIRED = "IssuerExpired"
    ISSUER_NOT_YET_VALID = "IssuerNotYetValid"
    ISSUER_PATH = "IssuerPath"
    ISSUER_REVOKED = "IssuerRevoked"
    KEY_CERT_SIGN_MISSING = "KeyCertSignMissing"
    KEY_TYPE_UNSUPPORTED = "KeyTypeUnsupported"
    LIMIT_EXCEEDED = "LimitExceeded"
    MEDIA_TYPE = "MediaType"
    NAME_CONSTRAINTS = "NameConstraints"
    NAME_RESOLUTION = "NameResolution"
    NAMESPACE_MISSING = "NamespaceMissing"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    NO_CERTIFICATE = "NoCertificate"
    NO_KEY = "NoKey"
    OLDER = "Older"
    PASSWORD_MISSING = "PasswordMissing"
    PATH_LENGTH_EXCEEDED = "PathLengthExceeded"
    POLICY = "Policy"
    PROTOCOL = "Protocol"
    QUOTA_EXCEEDED = "QuotaExceeded"
    READ_FAILED = "ReadFailed"
    REASONS = "Reasons"
    REDIRECT = "Redirect"
    REFUSED = "Refused"
    ROLLED_BACK = "RolledBack"
    ROLLOUT_BLOCKED = "RolloutBlocked"
    ROLLOUT_PENDING = "RolloutPending"
    SCOPE = "Scope"
    SECRET_KEY_MISSING = "SecretKeyMissing"
    SECRET_TYPE_NOT_READ = "SecretTypeNotRead"
    SETTLING = "Settling"
    SEVERAL_CERTIFICATES = "SeveralCertificates"
    SEVERAL_KEYS = "SeveralKeys"
    SEVERAL_LEAVES = "SeveralLeaves"
    SIGNATURE = "Signature"
    SOURCE_MISSING = "SourceMissing"
    STATUS = "Status"
    TARGET_CYCLE = "TargetCycle"
    TARGET_IS_INPUT = "TargetIsInput"
    TIMEOUT = "Timeout"
    TLS = "TLS"
    TOO_LARGE = "TooLarge"
    TRAILING_DATA = "TrailingData"
    TRUNCATED = "Truncated"
    TYPE_DIFFERS = "TypeDiffers"
    UNTRUSTED_ROOT = "UntrustedRoot"
    URL = "URL"
    UTF16 = "UTF16"
    VERSION = "Version"
    WORKLOAD_MISSING = "WorkloadMissing"
    WRITE_FAILED = "WriteFailed"
    WRONG_PASSWORD = "WrongPassword"
    WRONG_TYPE = "WrongType"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth a look, about one object.

    Attributes:
        reason: what kind of problem it is.
        message: one to three sentences for a person: what was found, about what, and what to do next. Never PEM,
            key bytes or Secret data. Build it with `finding`, which makes foreign text printable and cuts it.
        detail: the precise defect, where `reason` covers several.
        severity: `ERROR` refuses the material, `WARNING` informs.
        fingerprint: SHA-256 of the DER of the certificate it is about, as `sha256:` and 64 hexadecimal digits.
    """

    reason: Reason
    message: str
    detail: Detail | None = None
    severity: Severity = Severity.ERROR
    fingerprint: str | None = None


def finding(
    reason: Reason,
    message: str,
    *,
    detail: Detail | None = None,
    severity: Severity = Severity.ERROR,
    fingerprint: str | None = None,
) -> Finding:
    """Make a finding whose message is printable and at most `MESSAGE_LIMIT` characters long."""
    return Finding(reason, printable(message, limit=MESSAGE_LIMIT), detail, severity, fingerprint)


def warning(reason: Reason, message: str, *, detail: Detail | None = None, fingerprint: str | None = None) -> Finding:
    """Make a finding that informs and refuses nothing."""
    return finding(reason, message, detail=detail, severity=Severity.WARNING, fingerprint=fingerprint)


def printable(text: str, *, limit: int) -> str:
    r"""Escape control, bidirectional and unassigned characters of `text` and cut it to `limit` characters.

    Names inside certificates are written by strangers and end in terminals, logs and web pages: a right-to-left
    override or an escape sequence must not survive. Escapes look like `\x1b` and `\u202e`.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_escape(char) for char in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _escape(char: str) -> str:
    # "C*" are control, format (bidirectional marks among them), surrogate, private-use and unassigned characters;
    # Zl and Zp break lines in logs.
    category = unicodedata.category(char)
    if category[0] == "C" or category in {"Zl", "Zp"}:
        return char.encode("unicode_escape").decode("ascii")
    return char


class MaterialError(Exception):
    """The bytes a person handed in are not usable; becomes a finding, is never retried.

    Attributes:
        finding: what is wrong, ready for a status.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding

    def __reduce__(self) -> tuple[type[MaterialError], tuple[Finding]]:
        """Survive the trip back from a worker process."""
        return (MaterialError, (self.finding,))


class FailureCause(StrEnum):
    """Why a request to the API server, or to another server, did not do what was asked."""

    CONFLICT = "Conflict"
    ALREADY_EXISTS = "AlreadyExists"
    NOT_FOUND = "NotFound"
    FORBIDDEN = "Forbidden"
    QUOTA_EXCEEDED = "QuotaExceeded"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    INVALID = "Invalid"
    IMMUTABLE = "Immutable"
    TOO_LARGE = "TooLarge"
    THROTTLED = "Throttled"
    UNAVAILABLE = "Unavailable"
    TIMEOUT = "Timeout"
    GONE = "Gone"
    NOT_SERVED = "NotServed"
    UNAUTHORIZED = "Unauthorized"
    INTERNAL = "Internal"


class ClusterError(Exception):
    """The API server could not be asked, or would not do it; retried with back-off.

    Attributes:
        cause: the kind of failure, decided from status code and reason, never from prose alone.
        status: the HTTP status code, 0 when no answer came.
        message: a sentence safe for a status: verb and object, code and reason; never the body of a Secret request.
        retry_after: seconds the server asked us to wait, when it did.
    """

    def __init__(self, cause: FailureCause, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.status = status
        self.message = message
        self.retry_after = retry_after
