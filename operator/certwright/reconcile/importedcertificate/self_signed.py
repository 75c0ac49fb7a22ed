"""What certwright makes itself of a key and a wish: a request for a CA to sign, and until then a certificate.

A certificate is made once and kept: what the status, a target or its own dates tell of the last one is looked for
first, and it is made anew only when its time is nearly up, or when key or wish are others. The builder is
deterministic, so equal wishes at equal instants are equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.importedcertificate_wish import SelfSigned
from certwright.findings import Finding, MaterialError, Severity, finding
from certwright.pki.certificate import Certificate
from certwright.pki.certificate_wish import CertificateWish, SubjectWish, find_wish_faults
from certwright.pki.intake import read_material
from certwright.pki.private_key import PrivateKey
from certwright.pki.render import read_stored
from certwright.pki.request import build_request
from certwright.pki.self_signed import build_self_signed, is_made_of
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.expiry import warning_instant
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.private_key import hangs_under_key
from certwright.reconcile.importedcertificate.references import secret_key
from certwright.reconcile.marks import is_owned
from certwright.reconcile.objects import Snapshot

RENEWED_AT_LEAST = 20
"""The per cent of its lifetime that are left when a certificate is made anew of which nobody is to be warned."""

RENEWED_AT_MOST = 50
"""The same where the warning begins earlier: or with 100 it would be made anew all the time."""

_DEFAULT = SelfSigned()


@dataclass(frozen=True, slots=True)
class Papers:
    """What was made of the key.

    Attributes:
        request: what a CA is to sign, as PEM; `None` when nobody is named, or it cannot be made.
        made: the self-signed certificate; `None` when another one was handed in.
        findings: what keeps them from being made.
    """

    request: bytes | None = None
    made: Certificate | None = None
    findings: tuple[Finding, ...] = ()


def find_wish(spec: ImportedCertificateSpec) -> CertificateWish:
    """Give what a certificate is wished to say."""
    subject = spec.subject.model_dump() if spec.subject is not None else {}
    return CertificateWish(SubjectWish(**subject), spec.dns_names, spec.ip_addresses, spec.usages)


def wants_self_signed(spec: ImportedCertificateSpec, snapshot: Snapshot, past: Past) -> bool:
    """Say whether a self-signed certificate is wished for: said, or nothing said and nothing to lose by it.

    What was handed in once stays when it is no longer named: an omission must not destroy a certificate.
    """
    if spec.self_signed is not None:
        return True
    if spec.certificate is not None or spec.certificate_ref is not None or not hangs_under_key(spec):
        return False
    record, served = past.status.record, past.status.served
    if served is not None:
        return record is not None and record.self_signed == served.fingerprint
    # Without a status the targets remember.
    return all(each.is_self_issued and each.signed_by(each) for each in _list_stored(spec, snapshot))


def make_papers(
    spec: ImportedCertificateSpec, key: PrivateKey | None, snapshot: Snapshot, *, past: Past, self_signed: bool
) -> Papers:
    """Make the request, and the certificate where one is wished for."""
    wish = find_wish(spec)
    is_silent = wish.subject.is_empty and not wish.dns_names and not wish.ip_addresses
    faults = () if is_silent and not self_signed else find_wish_faults(wish)
    if faults:
        return Papers(findings=faults if self_signed else tuple(map(_soften, faults)))
    if key is None or (is_silent and not self_signed):
        return Papers()
    try:
        request = build_request(wish, key)
        made = _make(spec, wish, key, snapshot=snapshot, past=past) if self_signed else None
    except MaterialError as error:
        return Papers(findings=(error.finding if self_signed else _soften(error.finding),))
    return Papers(request, made)


def renewal_instant(certificate: Certificate, percentage: int) -> datetime:
    """Give the instant at which a self-signed certificate is made anew: when the warning of its end begins."""
    bounded = min(percentage, RENEWED_AT_MOST) or RENEWED_AT_LEAST
    instant = warning_instant(certificate.not_before, certificate.not_after, bounded)
    assert instant is not None  # noqa: S101 - there is none only for nought per cent
    return instant


def _make(
    spec: ImportedCertificateSpec, wish: CertificateWish, key: PrivateKey, *, snapshot: Snapshot, past: Past
) -> Certificate:
    days, now = (spec.self_signed or _DEFAULT).validity_days, snapshot.now
    for each in _list_candidates(spec, wish, key, days=days, snapshot=snapshot, past=past):
        fresh = each.not_before <= now < renewal_instant(each, spec.warn_before_percentage)
        if fresh and is_made_of(each, wish, key, days=days):
            return each
    return build_self_signed(wish, key, not_before=now, days=days)


def _list_candidates(
    spec: ImportedCertificateSpec,
    wish: CertificateWish,
    key: PrivateKey,
    *,
    days: int,
    snapshot: Snapshot,
    past: Past,
) -> Iterator[Certificate]:
    """List what may be the certificate that was made last: the recorded one first."""
    status = past.status
    if status.ssl_certificate is not None:
        with suppress(MaterialError):  # somebody wrote into the status; what else there is will do
            yield from read_material(status.ssl_certificate.encode(), what="`status.sslCertificate`").certificates
    recorded, begin = status.record.self_signed if status.record is not None else None, read_instant(status.valid_from)
    if status.ssl_certificate is None and recorded is not None and begin is not None:
        # It was too large for a status, which knows when it began all the same.
        again = build_self_signed(wish, key, not_before=begin, days=days)
        yield from (each for each in (again,) if each.fingerprint == recorded)
    yield from _list_stored(spec, snapshot)


def _list_stored(spec: ImportedCertificateSpec, snapshot: Snapshot) -> Iterator[Certificate]:
    for target in spec.targets:
        observed = snapshot.get(secret_key(snapshot.subject.key.namespace, target.secret_name))
        ours = observed is not None and is_owned(observed, snapshot.subject)
        stored = read_stored(observed.data) if observed is not None and ours else None
        if stored is not None:
            yield stored.leaf


def _soften(fault: Finding) -> Finding:
    """Say of an upload that no request can be made for its wish, which is no reason to refuse it."""
    return finding(
        fault.reason, f"No request can be made: {fault.message}", detail=fault.detail, severity=Severity.WARNING
    )
