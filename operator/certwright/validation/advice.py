"""Warnings about a certificate that is used all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding, warning
from certwright.validation.options import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from certwright.pki.certificate import Certificate
    from certwright.validation.options import Options

SAFE_RSA_BITS = 2048
"""The smallest RSA modulus that is not called weak, in bits (NIST SP 800-131A)."""
_SERIAL_OCTETS = 20
_USUAL_KEYS = frozenset({"RSA", "ECDSA"})


def advise_on_target(target: Certificate, roles: frozenset[Role], options: Options) -> Iterator[Finding]:
    """Find what deserves a look in `target`, or refuses it where `options` are strict."""
    if Role.SERVER in roles and not (target.dns_names or target.ip_addresses):
        message = (
            "the certificate has no DNS name or IP address among its alternative names; clients ignore the common name"
        )
        make = finding if options.strict_names else warning
        reason = Reason.USAGE_MISMATCH if options.strict_names else Reason.NO_SUBJECT_ALT_NAME
        yield make(reason, f"{message}. Ask its issuer to add them.", fingerprint=target.fingerprint)
    if target.serial_number <= 0 or target.serial_number.bit_length() >= 8 * _SERIAL_OCTETS:
        # RFC 5280 §4.1.2.2
        message = f"the serial number {target.serial_hex[:48]} is not positive or longer than {_SERIAL_OCTETS} octets"
        yield warning(Reason.SERIAL_UNUSUAL, f"{message}; some consumers refuse it.", fingerprint=target.fingerprint)
    if target.subject.is_empty:  # RFC 5280 §4.1.2.6
        if target.subject_alt_names.is_empty:
            message = "the certificate names nobody: subject and alternative names are empty. Ask its issuer for names."
            yield finding(Reason.NAME_MISSING, message, fingerprint=target.fingerprint)
        elif not target.extensions.subject_alt_names_critical:
            message = "the subject is empty and the alternative names are not critical; some consumers refuse that."
            yield warning(Reason.NAME_MISSING, message, fingerprint=target.fingerprint)
    if target.public_key.algorithm not in _USUAL_KEYS:
        message = f"the key is {target.public_key.description}; not every consumer can use it."
        yield warning(Reason.UNUSUAL_KEY_TYPE, message, fingerprint=target.fingerprint)


def advise_on_algorithms(path: tuple[Certificate, ...], *, trusted_top: bool, options: Options) -> Iterator[Finding]:
    """Find weak keys in `path` and weak signatures below its top: warnings, or `ChainInvalid` where strict.

    The signature of a trusted top, and one that a certificate makes over itself, protects nothing.
    """
    for place, certificate in enumerate(path):
        key = certificate.public_key
        if key.algorithm.startswith("RSA") and key.size < SAFE_RSA_BITS:
            yield _weak(Reason.WEAK_KEY, certificate, f"has a key of only {key.size} bits", options)
        is_top = place == len(path) - 1
        if certificate.signature_algorithm.is_broken and not (is_top and (trusted_top or certificate.is_self_issued)):
            algorithm = certificate.signature_algorithm.name
            yield _weak(Reason.ALGORITHM_WEAK, certificate, f"is signed with {algorithm}, which can be forged", options)


def _weak(reason: Reason, certificate: Certificate, what: str, options: Options) -> Finding:
    message = f'the certificate "{certificate.label}" {what}. Ask its issuer for a stronger one.'
    if options.strict_algorithms:
        return finding(
            Reason.CHAIN_INVALID, message, detail=Detail.ALGORITHM_NOT_ALLOWED, fingerprint=certificate.fingerprint
        )
    return warning(reason, message, fingerprint=certificate.fingerprint)


def advise_on_alternatives(
    path: tuple[Certificate, ...], intermediates: Iterable[Certificate], at: datetime
) -> Iterator[Finding]:
    """Find expired certificates given beside those of a good path that could stand in their place (AddTrust, 2020)."""
    used = {certificate.subject for certificate in path[1:]}
    for certificate in intermediates:
        if certificate.subject in used and certificate not in path and certificate.not_after < at:
            message = (
                f'the certificate "{certificate.label}" (serial {certificate.serial_hex[:40]}) expired on '
                f"{certificate.not_after:%Y-%m-%d}; a good path exists beside it. Remove it: older clients stumble."
            )
            yield warning(Reason.EXPIRED_ALTERNATIVE, message, fingerprint=certificate.fingerprint)
