"""Which of our errors an oracle's error means, where that is certain."""

from __future__ import annotations

_PATHS = (
    *("IssuerNotFound", "InvalidSelfSigned", "InvalidSelfSigned/Signature", "Expired", "NotYetValid", "UsageMismatch"),
    *("ChainInvalid/Signature", "ChainInvalid/IssuerExpired", "ChainInvalid/IssuerNotYetValid", "ChainInvalid/Policy"),
    *("ChainInvalid/UntrustedRoot", "ChainInvalid/CAFlagMissing", "ChainInvalid/KeyCertSignMissing"),
    *("ChainInvalid/PathLengthExceeded", "ChainInvalid/CriticalExtensionUnknown", "ChainInvalid/NameConstraints"),
)
_LISTS = ("CRLInvalid", "CRLIssuerNotFound", "CRLIssuerNotAuthorized", "CRLNotValid", "CRLExpired")

OPENSSL: dict[str, tuple[str, ...]] = {
    "2": ("IssuerNotFound",),
    "3": ("CRLNotValid", "CRLIssuerNotFound"),
    "7": ("ChainInvalid/Signature", "InvalidSelfSigned/Signature"),
    "8": ("CRLNotValid/Signature",),
    "9": ("NotYetValid", "ChainInvalid/IssuerNotYetValid"),
    "10": ("Expired", "ChainInvalid/IssuerExpired"),
    "11": ("CRLNotValid/CRLNotYetValid",),
    "12": ("CRLExpired",),
    "18": ("InvalidSelfSigned",),
    "19": ("ChainInvalid/UntrustedRoot",),
    "20": ("IssuerNotFound",),
    "23": ("Revoked", "ChainInvalid/IssuerRevoked"),
    "24": ("ChainInvalid/CAFlagMissing", "ChainInvalid/KeyCertSignMissing"),
    "25": ("ChainInvalid/PathLengthExceeded",),
    "26": ("UsageMismatch", "ChainInvalid/CAFlagMissing", "ChainInvalid/KeyCertSignMissing"),
    "32": ("ChainInvalid/KeyCertSignMissing",),
    "33": ("CRLIssuerNotFound", "CRLIssuerNotAuthorized"),
    "34": ("ChainInvalid/CriticalExtensionUnknown",),
    "35": ("CRLIssuerNotAuthorized",),
    "36": ("CRLNotValid/CriticalExtensionUnknown",),
    "42": ("ChainInvalid/Policy",),
    "43": ("ChainInvalid/Policy",),
    "44": ("CRLNotValid/Scope", "CRLNotValid/Reasons"),
    "47": ("ChainInvalid/NameConstraints",),
    "48": ("ChainInvalid/NameConstraints",),
    "54": ("CRLNotValid/IssuerPath", "CRLIssuerNotFound"),
    "79": ("ChainInvalid/CAFlagMissing", "ChainInvalid/KeyCertSignMissing"),
}
"""By the number that `openssl verify` prints; a reason alone stands for all its details."""

PYHANKO: dict[str, tuple[str, ...]] = {
    "ExpiredError": OPENSSL["10"],
    "NotYetValidError": OPENSSL["9"],
    "RevokedError": OPENSSL["23"],
    "InsufficientRevinfoError": _LISTS,
    "StaleRevinfoError": _LISTS,
}
"""By the class of the exception; the others are raised for many reasons."""


def is_same_kind(theirs: tuple[str, ...], ours: set[str]) -> bool | None:
    """Tell whether one of their errors means one of ours (`Reason/Detail`); None where that cannot be told.

    Where a certificate has several defects, both name the first they meet: OpenSSL looks at lists before signatures,
    names and policies, we look at lists last; a path of ours goes no further up than a wrong signature.
    """
    wanted: set[str] = set()
    for kind in theirs:
        meant = OPENSSL.get(kind.partition("@")[0]) or PYHANKO.get(kind)
        if meant is None:
            return None
        wanted.update(meant)
    if wanted.isdisjoint(_PATHS) and not any(_is_about_lists(error) for error in ours):
        return None
    same = any(error in wanted or error.partition("/")[0] in wanted for error in ours)
    if not same and any(error.endswith("/Signature") for error in ours):
        return None
    return same


def _is_about_lists(error: str) -> bool:
    return error.startswith("CRL") or error in OPENSSL["23"]
