"""Facts of certificates as people read them: dates, names, usages, serial numbers, all printable."""

from __future__ import annotations

from datetime import datetime

from certwright.api.model import timestamp
from certwright.cli.offline.report import TRUSTED, UNTRUSTED, Bundle, Decision, SlotReport
from certwright.findings import Reason, printable
from certwright.pki.certificate import Certificate
from certwright.reconcile.trust.record import TrustedCertificate

_NAME_LIMIT = 512
_LABEL_LIMIT = 128
_SERIAL_LIMIT = 64
_NAMESPACES_SHOWN = 8
_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}


def label(certificate: Certificate) -> str:
    """Give what to call a certificate in a line of text."""
    return printable(certificate.label, limit=_LABEL_LIMIT)


def subject(certificate: Certificate) -> str:
    """Give the subject as RFC 4514 writes it."""
    return printable(certificate.subject.rfc4514, limit=_NAME_LIMIT)


def issuer(certificate: Certificate) -> str:
    """Give the issuer as RFC 4514 writes it."""
    return printable(certificate.issuer.rfc4514, limit=_NAME_LIMIT)


def serial(certificate: Certificate) -> str:
    """Give the serial number in hexadecimal."""
    return printable(certificate.serial_hex, limit=_SERIAL_LIMIT)


def names(certificate: Certificate) -> tuple[str, ...]:
    """Give the DNS names and IP addresses."""
    texts = (*certificate.dns_names, *map(str, certificate.ip_addresses))
    return tuple(printable(each, limit=_LABEL_LIMIT * 2) for each in texts)


def purposes(certificate: Certificate) -> tuple[str, ...]:
    """Give key usages and extended key usages by name, unknown ones as dotted identifiers, sorted."""
    extended = certificate.extended_key_usage or ()
    return tuple(sorted({*(certificate.key_usage or ()), *(_PURPOSES.get(each, each) for each in extended)}))


def day(instant: datetime) -> str:
    """Give the date."""
    return instant.date().isoformat()


def describe_decision(decision: Decision) -> str:
    """Say in a few words what a decision comes to."""
    until = f" until {timestamp(decision.until)}" if decision.until is not None else ""
    if decision.state == TRUSTED:
        return f"{decision.use}, trusted{until}"
    if decision.desired == UNTRUSTED:
        return f"{decision.use}, not trusted, as wished"
    return f"{decision.use}, to be trusted{until}"


def describe_bundle(bundle: Bundle) -> str:
    """Say how many CAs a store would deploy."""
    roots = sum(each.role == "rootCA" for each in bundle.entries)
    public = sum(each.public for each in bundle.entries)
    parts = [_count(roots, "root")]
    if roots < len(bundle.entries):
        parts.append(_count(len(bundle.entries) - roots, "intermediate"))
    if bundle.public_roots is not None:
        parts.append(f"{public} of them public ({printable(bundle.public_roots, limit=_LABEL_LIMIT)})")
    return ", ".join(parts)


def describe_slot(slot: SlotReport) -> str:
    """Say what a certificate of a set is, or why there is none."""
    parts = [] if slot.reason == Reason.VALID else [slot.reason]
    if slot.path:
        leaf = slot.path[0]
        dates = f"{day(leaf.not_before)} to {day(leaf.not_after)}"
        parts.append(f"{label(leaf)}  {dates}, {leaf.public_key.description}, serial {serial(leaf)}")
    elif slot.absent and slot.secret is not None:
        parts.append("to be removed")
    elif not slot.given and slot.secret is not None:
        parts.append("not listed" if slot.required else "not listed, and not required")
    return "".join(f"  {each}" for each in parts)


def describe_places(namespaces: tuple[str, ...]) -> str:
    """Say for which namespaces a set is."""
    shown = ", ".join(namespaces[:_NAMESPACES_SHOWN])
    more = f" and {len(namespaces) - _NAMESPACES_SHOWN} more" if len(namespaces) > _NAMESPACES_SHOWN else ""
    return f"{_count(len(namespaces), 'namespace')}" + (f": {shown}{more}" if namespaces else "")


def describe_trust(entry: TrustedCertificate) -> str:
    """Say as what a CA of a bundle is trusted, until when, and by whom."""
    until = [f"trusted until {timestamp(entry.trust_until)}"] if entry.trust_until is not None else []
    sources = [f"TrustDecision {each}" for each in entry.decisions] + (["public roots"] if entry.public else [])
    return ", ".join([entry.role, *until, *sources])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def describe(certificate: Certificate, role: str) -> dict[str, object]:
    """Give a certificate of a path as JSON has it."""
    return {
        "role": role,
        "subject": subject(certificate),
        "issuer": issuer(certificate),
        "serialNumber": serial(certificate),
        "notBefore": timestamp(certificate.not_before),
        "notAfter": timestamp(certificate.not_after),
        "names": list(names(certificate)),
        "keyAlgorithm": certificate.public_key.description,
        "keyFingerprint": certificate.public_key.fingerprint,
        "fingerprint": certificate.fingerprint,
    }
