"""Whether a certificate suits its role (RFC 5280 §4.2.1.3, §4.2.1.9, §4.2.1.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.certificate_parts import V1
from certwright.pki.extensions import ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, SERVER_AUTH
from certwright.validation.options import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certwright.pki.certificate import Certificate
    from certwright.validation.options import Options

_PURPOSES = {
    Role.SERVER: (SERVER_AUTH, "serverAuth", frozenset({"digitalSignature", "keyEncipherment", "keyAgreement"})),
    Role.CLIENT: (CLIENT_AUTH, "clientAuth", frozenset({"digitalSignature", "keyAgreement"})),
}


def find_usage_mismatches(
    target: Certificate, roles: frozenset[Role], *, is_anchor: bool, options: Options
) -> Iterator[Finding]:
    """Find what keeps `target` from serving in each of `roles`.

    A certificate of version 1 has no basic constraints: it is a CA only where it is an anchor itself.
    """
    for role in sorted(roles):
        if role is Role.CA:
            yield from find_ca_mismatches(target, is_anchor=is_anchor)
            continue
        purpose, name, usages = _PURPOSES[role]
        purposes = target.extended_key_usage
        accepted = {purpose, ANY_EXTENDED_KEY_USAGE} if options.any_purpose else {purpose}
        if purposes is not None and not accepted & set(purposes):
            yield _mismatch(target, f"its extended key usage does not name {name}; a {role} needs it")
        if target.key_usage is not None and not usages & target.key_usage:
            yield _mismatch(target, f"its key usage has none of {', '.join(sorted(usages))}; a {role} needs one")


def find_ca_mismatches(target: Certificate, *, is_anchor: bool) -> Iterator[Finding]:
    """Find what keeps `target` from being a CA."""
    if not target.is_ca and not (is_anchor and target.version == V1):
        yield _mismatch(target, "its basic constraints do not say CA", Detail.CA_FLAG_MISSING)
    if target.key_usage is not None and "keyCertSign" not in target.key_usage:
        yield _mismatch(target, "its key usage does not have keyCertSign", Detail.KEY_CERT_SIGN_MISSING)


def _mismatch(target: Certificate, what: str, detail: Detail | None = None) -> Finding:
    message = f'the certificate "{target.label}" does not suit its role: {what}. Ask its issuer for one that does.'
    return finding(Reason.USAGE_MISMATCH, message, detail=detail, fingerprint=target.fingerprint)
