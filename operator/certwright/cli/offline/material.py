"""Judging certificates as such: a file, or a Secret that no ImportedCertificate speaks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from certwright.cli.offline.demands import Demands
from certwright.findings import Finding, MaterialError
from certwright.pki.certificate import Certificate
from certwright.pki.intake import Material, read_material
from certwright.pki.keys import PrivateKey, matches, read_private_key
from certwright.pki.limits import DEFAULT_LIMITS, IntakeLimits
from certwright.pki.names import Name
from certwright.reconcile.expiry import find_expiry, first_after, warning_instant
from certwright.reconcile.importedcertificate.judge import find_key_defects
from certwright.validation import arrange, validate


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found about one certificate.

    Attributes:
        part: which certificate of a bundle it is; empty where a file is about one.
    """

    findings: tuple[Finding, ...]
    path: tuple[Certificate, ...] = ()
    anchor: Certificate | None = None
    next_change: datetime | None = None
    part: str = ""


def judge_material(
    data: bytes,
    *,
    what: str,
    demands: Demands,
    key: tuple[bytes, str] | None = None,
    limits: IntakeLimits = DEFAULT_LIMITS,
) -> tuple[Judged, ...]:
    """Judge the certificates of a file: one with its chain, or each of a bundle of CA certificates.

    Args:
        data: the file.
        what: what messages call it.
        demands: what is asked of it.
        key: the bytes of its private key, and what messages call those.
        limits: how much is read.
    """
    try:
        material = read_material(data, what=what, password=demands.password, limits=limits)
    except MaterialError as error:
        return (Judged((error.finding,)),)
    private, about_key = _find_key(material, key, demands)
    if private is None and is_bundle(material.certificates):
        return tuple(_judge_bundle(material, demands))
    findings = (*material.warnings, *about_key)
    try:
        arranged = arrange(
            material.certificates, key_matches=None if private is None else lambda each: matches(private, each)
        )
    except MaterialError as error:
        return (Judged((*findings, error.finding)),)
    judged = _judge_leaf(arranged.leaf, arranged.others, demands)
    findings = (*findings, *arranged.warnings, *judged.findings, *find_key_defects(private, arranged.leaf))
    return (Judged(findings, judged.path, judged.anchor, judged.next_change),)


def is_bundle(certificates: tuple[Certificate, ...]) -> bool:
    """Say whether these are CA certificates that stand side by side, rather than a certificate and its chain."""
    return len(certificates) > 1 and all(each.is_ca or _is_old_root(each) for each in certificates)


def _is_old_root(certificate: Certificate) -> bool:
    return certificate.version == 1 and certificate.is_self_issued


def _find_key(
    material: Material, key: tuple[bytes, str] | None, demands: Demands
) -> tuple[PrivateKey | None, tuple[Finding, ...]]:
    if key is None:
        return next(iter(material.private_keys), None), ()
    data, what = key
    try:
        read = read_private_key(data, what=what, password=demands.password)
    except MaterialError as error:
        return None, (error.finding,)
    return read.key, read.warnings


def _judge_leaf(leaf: Certificate, others: Iterable[Certificate], demands: Demands) -> Judged:
    verdict = validate(
        leaf,
        intermediates=tuple(others),
        anchors=demands.anchors,
        crls=demands.crls,
        at=demands.at,
        role=demands.role,
        options=demands.options,
    )
    warns_at = warning_instant(leaf.not_before, leaf.not_after, demands.warn_before)
    findings = (*verdict.findings, *find_expiry(leaf, warns_at, demands.at))
    return Judged(findings, verdict.path, verdict.anchor, first_after(demands.at, (verdict.next_change, warns_at)))


def _judge_bundle(material: Material, demands: Demands) -> Iterator[Judged]:
    by_name: dict[Name, list[Certificate]] = {}
    for each in material.certificates:
        by_name.setdefault(each.subject, []).append(each)
    names: dict[str, int] = {}
    for certificate in material.certificates:
        judged = _judge_leaf(certificate, _issuers(certificate, by_name), demands)
        number = names[certificate.label] = names.get(certificate.label, 0) + 1
        part = certificate.label if number == 1 else f"{certificate.label} ({number})"
        notes = material.warnings if certificate is material.certificates[0] else ()
        yield Judged((*notes, *judged.findings), judged.path, judged.anchor, judged.next_change, part)


def _issuers(certificate: Certificate, by_name: dict[Name, list[Certificate]]) -> list[Certificate]:
    """Give what stands above a certificate by name, so that its neighbours of other CAs are not its chain."""
    found = {certificate: None}
    waiting = [certificate]
    while waiting:
        above = [each for each in by_name.get(waiting.pop().issuer, ()) if each not in found]
        found.update(dict.fromkeys(above))
        waiting += above
    return [each for each in found if each != certificate]
