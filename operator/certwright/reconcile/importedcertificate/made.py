"""What is said of a self-signed certificate of ours: it has no issuer that anybody could ask for a better one."""

from __future__ import annotations

from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.trust.reliance import Trusted


def speak_of_made(found: Finding, leaf: Certificate, trusted: Trusted | Finding | None) -> Finding:
    """Say of a finding what is to be done about a certificate that we made ourselves."""
    message = _find_words(found, leaf, trusted)
    if message is None:
        return found
    return finding(found.reason, message, detail=found.detail, severity=found.severity, fingerprint=found.fingerprint)


def _find_words(found: Finding, leaf: Certificate, trusted: Trusted | Finding | None) -> str | None:
    if found.detail is Detail.UNTRUSTED_ROOT and isinstance(trusted, Trusted):
        return (
            f"`spec.trust` asks for a certificate that {trusted.name} trusts, and a self-signed one is none. Have the "
            "request in `status.certificateSigningRequest` signed below one of its CAs, and hand in the certificate."
        )
    if found.reason is Reason.WEAK_KEY:
        return (
            f"the key has only {leaf.public_key.size} bits, which many CAs and clients refuse. Name a PrivateKey with "
            "a longer one in `spec.privateKeyRef`."
        )
    if found.reason is Reason.NO_SUBJECT_ALT_NAME:
        return "clients ignore the common name, and nothing else is named. Set `spec.dnsNames` or `spec.ipAddresses`."
    return None
