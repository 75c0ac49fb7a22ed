"""The material of one slot: read, judged, and made into what its Secrets are to hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from certwright.api.certificateset_spec import SetCertificate, Slot
from certwright.findings import Detail, Finding, MaterialError, Reason, Severity, finding
from certwright.pki.certificate import Certificate
from certwright.pki.intake import Material, read_material
from certwright.pki.keys import matches, read_private_key
from certwright.pki.private_key import PrivateKey
from certwright.pki.render import SecretRecipe, render
from certwright.reconcile.certificateset.basis import Basis
from certwright.reconcile.certificateset.kept import Part
from certwright.reconcile.certificateset.wish import Sources, find_sources
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot
from certwright.reconcile.passwords import fetch_password
from certwright.reconcile.places import Place, fetch
from certwright.reconcile.set_actions import ALLOW_READ_ANNOTATION
from certwright.validation import KnownRevocation, Role, arrange

_NOTHING = Material(())


@dataclass(frozen=True, slots=True)
class SlotVerdict:
    """The verdict on one certificate of a set.

    Attributes:
        name: of the slot, or the name that there is no slot for.
        findings: about this certificate.
        leaf: as far as one could be read.
        part: what the Secrets of the slot are to hold; `None` when it is not to be served, or may not.
        next_change: when the verdict changes by time alone.
        deleting: the findings are about its removal.
        path: fingerprints of the certificates that the verdict is about.
        revocations: what lists say of them.
    """

    name: str
    required: bool = False
    findings: tuple[Finding, ...] = ()
    leaf: Certificate | None = None
    part: Part | None = field(default=None, repr=False)
    next_change: datetime | None = None
    deleting: bool = False
    path: tuple[str, ...] = ()
    revocations: tuple[KnownRevocation, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What refuses it."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What reading the material of one certificate needs."""

    slot: Slot
    certificate: SetCertificate
    sources: Sources
    snapshot: Snapshot
    basis: Basis
    findings: list[Finding]

    @property
    def field(self) -> str:
        return f"`spec.certificates[{self.slot.name}]`"


def judge_slot(slot: Slot, certificate: SetCertificate, snapshot: Snapshot, basis: Basis) -> SlotVerdict:
    """Judge what was handed in for a slot; all defects are collected."""
    desk = _Desk(slot, certificate, find_sources(certificate), snapshot, basis, [])
    desk.findings.extend(_find_missing_consent(desk))
    if desk.findings:
        return SlotVerdict(slot.name, slot.required, tuple(desk.findings))
    material = _read_certificates(desk)
    chain = _read_chain(desk)
    key = _read_key(desk, material) if slot.private_key == "Required" else None
    if not material.certificates:
        return SlotVerdict(slot.name, slot.required, tuple(desk.findings))
    return _validate(desk, (*material.certificates, *chain.certificates), key)


def name_certificate(verdict: SlotVerdict, *, of_all: Finding | None) -> SlotVerdict:
    """Have every finding name the certificate within the set: what is said of certificates does not know of sets.

    Args:
        verdict: on one certificate.
        of_all: what is said of every one of them, and once of all.
    """
    marks = (f"`{verdict.name}`", f"[{verdict.name}]")
    findings = (
        each
        if each == of_all or any(mark in each.message for mark in marks)
        else replace(each, message=f"`{verdict.name}`: {each.message}")
        for each in verdict.findings
    )
    return replace(verdict, findings=tuple(findings))


def find_role(slot: Slot) -> Role:
    """Give the role that the usages of a slot ask for; a certificate without key and usages is that of a CA."""
    server, client = "ServerAuth" in slot.usages, "ClientAuth" in slot.usages
    if server and client:
        return Role.BOTH
    return Role.SERVER if server else Role.CLIENT if client else Role.ANY


def _validate(desk: _Desk, certificates: tuple[Certificate, ...], key: PrivateKey | None) -> SlotVerdict:
    slot = desk.slot
    try:
        arranged = arrange(certificates, key_matches=None if key is None else lambda each: matches(key, each))
    except MaterialError as error:
        return SlotVerdict(slot.name, slot.required, (*desk.findings, error.finding))
    leaf = arranged.leaf
    verdict = desk.basis.validate(
        leaf, arranged.others, at=desk.snapshot.now, role=find_role(slot), dns_names=slot.dns_names
    )
    found = (*desk.findings, *arranged.warnings, *verdict.findings, *_find_mismatch(key, leaf))
    refused = any(each.severity is Severity.ERROR for each in found)
    certificates = (leaf, *verdict.intermediates)
    return SlotVerdict(
        slot.name,
        slot.required,
        found,
        leaf,
        part=None if refused else make_part(slot.name, slot.secret_name, certificates, key, verdict.anchor),
        next_change=verdict.next_change,
        path=tuple(each.fingerprint for each in verdict.path),
        revocations=verdict.revocations,
    )


def make_part(
    slot: str,
    secret: str,
    certificates: tuple[Certificate, ...],
    key: PrivateKey | None,
    anchor: Certificate | None = None,
) -> Part:
    """Render what the Secrets of a slot are to hold."""
    return Part(
        slot=slot,
        secret=secret,
        certificates=tuple(each.fingerprint for each in certificates),
        key=key.public.fingerprint if key is not None else None,
        data=render(SecretRecipe(certificates, key, (anchor,) if anchor is not None else ())),
        anchor=anchor.fingerprint if anchor is not None else None,
    )


def _find_missing_consent(desk: _Desk) -> Iterator[Finding]:
    owner = desk.snapshot.subject.owner
    for key in sorted(desk.sources.objects()):
        observed = desk.snapshot.get(key)
        if key.kind is not Kind.SECRET or observed is None:
            continue  # what is public needs no consent, and what is absent says so itself
        if observed.annotations.get(ALLOW_READ_ANNOTATION) != owner:
            yield refuse_reading(key, owner, desk.field)


def refuse_reading(key: ObjectKey, owner: str, field: str) -> Finding:
    """Say that a Secret does not allow a set to read it, and how it would."""
    command = f"kubectl annotate secret -n {key.namespace} {key.name} {ALLOW_READ_ANNOTATION}={owner}"
    text = f"{field}: the Secret does not allow this set to read it. To allow it: {command}"
    return finding(Reason.INVALID_REQUEST, text, detail=Detail.CONSENT_MISSING)


def _find_mismatch(key: PrivateKey | None, leaf: Certificate) -> Iterator[Finding]:
    if key is not None and not matches(key, leaf):
        yield finding(
            Reason.KEY_MISMATCH,
            f'the private key ({key.public.description}) does not belong to the certificate "{leaf.label}" '
            f"(serial {leaf.serial_hex[:40]}, {leaf.public_key.description}). Hand in the key it was issued for.",
            fingerprint=leaf.fingerprint,
        )


def _read_certificates(desk: _Desk) -> Material:
    if desk.certificate.certificate is not None:
        return _read(desk, desk.certificate.certificate.encode(), f"{desk.field}.certificate", None)
    place = desk.sources.certificate
    if place is None:
        text = f"{desk.field} names no certificate. Set `certificate` or `certificateRef`."
        desk.findings.append(finding(Reason.INVALID_REQUEST, text, detail=Detail.SOURCE_MISSING))
        return _NOTHING
    return _read_place(desk, place, desk.sources.certificate_password)


def _read_chain(desk: _Desk) -> Material:
    if desk.certificate.chain is not None:
        return _read(desk, desk.certificate.chain.encode(), f"{desk.field}.chain", None)
    return _read_place(desk, desk.sources.chain, None) if desk.sources.chain is not None else _NOTHING


def _read_place(desk: _Desk, place: Place, password_place: Place | None) -> Material:
    data = fetch(place, desk.snapshot)
    password = fetch_password(password_place, desk.snapshot) if password_place is not None else None
    problems = [each for each in (data, password) if isinstance(each, Finding)]
    desk.findings.extend(problems)
    if isinstance(data, Finding) or isinstance(password, Finding):
        return _NOTHING
    return _read(desk, data, str(place), password)


def _read(desk: _Desk, data: bytes, what: str, password: bytes | None) -> Material:
    try:
        material = read_material(data, what=what, password=password)
    except MaterialError as error:
        desk.findings.append(error.finding)
        return _NOTHING
    desk.findings.extend(material.warnings)
    return material


def _read_key(desk: _Desk, material: Material) -> PrivateKey | None:
    place = desk.sources.private_key
    if not desk.sources.private_key_named:
        observed = desk.snapshot.get(place.object) if place is not None else None
        beside = place is not None and observed is not None and place.data_key in observed.data
        if not beside and material.private_keys:
            return next(
                (key for key in material.private_keys if any(matches(key, each) for each in material.certificates)),
                material.private_keys[0],
            )
        if not beside or place is None:
            if material.certificates:
                text = (
                    f"{desk.field}: the private key is missing, and this slot requires one. Name it in `privateKeyRef`."
                )
                desk.findings.append(finding(Reason.INVALID_REQUEST, text, detail=Detail.NO_KEY))
            return None
    assert place is not None  # noqa: S101 - a named key has a place
    return _read_key_place(desk, place)


def _read_key_place(desk: _Desk, place: Place) -> PrivateKey | None:
    password_place = desk.sources.private_key_password
    data = fetch(place, desk.snapshot)
    password = fetch_password(password_place, desk.snapshot) if password_place is not None else None
    desk.findings.extend(each for each in (data, password) if isinstance(each, Finding))
    if isinstance(data, Finding) or isinstance(password, Finding):
        return None
    try:
        material = read_private_key(data, what=str(place), password=password)
    except MaterialError as error:
        desk.findings.append(error.finding)
        return None
    desk.findings.extend(material.warnings)
    return material.key
