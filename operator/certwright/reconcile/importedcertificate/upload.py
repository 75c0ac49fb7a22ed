"""What a person handed in: certificates, the rest of the chain, and the key, each from where the wish says."""

from __future__ import annotations

from dataclasses import dataclass, field

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.intake import Material, read_material
from certwright.pki.keys import matches, read_private_key
from certwright.pki.private_key import PrivateKey
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.private_key import hangs_under_key, read_offered_key
from certwright.reconcile.importedcertificate.references import References, find_references
from certwright.reconcile.importedcertificate.self_signed import Papers, make_papers, wants_self_signed
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.passwords import fetch_password
from certwright.reconcile.places import Place, fetch

_NOTHING = Material(())
_NO_PAPERS = Papers()


@dataclass(frozen=True, slots=True)
class Upload:
    """The material of one generation, as far as it could be read.

    Attributes:
        certificates: those of the certificate field, in the order given; none when they could not be read.
        others: those of the chain field.
        key: the private key, when one was asked for or found.
        findings: what was wrong or remarkable.
        papers: what was made of the key of a PrivateKey.
    """

    certificates: tuple[Certificate, ...]
    others: tuple[Certificate, ...]
    key: PrivateKey | None = field(repr=False)
    findings: tuple[Finding, ...]
    papers: Papers = _NO_PAPERS

    @property
    def is_made(self) -> bool:
        """Say whether the certificate is one of ours, self-signed: nobody handed it in."""
        return self.papers.made is not None


def read_upload(spec: ImportedCertificateSpec, snapshot: Snapshot, past: Past) -> Upload:
    """Read everything that the wish names; all defects are collected, for a person mends them in one go."""
    references = find_references(spec, snapshot.subject.key.namespace)
    findings: list[Finding] = list(_find_conflicts(spec))
    if wants_self_signed(spec, snapshot, past):
        return _make_self_signed(spec, snapshot, past, findings)
    material = _read_certificates(spec, references, snapshot, past=past, findings=findings)
    chain = _read_chain(spec, references, snapshot, findings=findings)
    key = _read_key(spec, references, snapshot, material=material, findings=findings)
    papers = _NO_PAPERS
    if hangs_under_key(spec):
        papers = make_papers(spec, key, snapshot, past=past, self_signed=False)
    return Upload(material.certificates, chain.certificates, key, (*findings, *papers.findings), papers)


def _make_self_signed(spec: ImportedCertificateSpec, snapshot: Snapshot, past: Past, findings: list[Finding]) -> Upload:
    """Make the certificate; the chain of the wish is that of the one which is still to come."""
    if not hangs_under_key(spec):
        findings.append(
            finding(
                Reason.INVALID_REQUEST,
                "`spec.selfSigned` needs a key that is made for it: name a PrivateKey in `spec.privateKeyRef`.",
                detail=Detail.NO_KEY,
            )
        )
        return Upload((), (), None, tuple(findings))
    key = _take_offered(spec, snapshot, findings)
    papers = make_papers(spec, key, snapshot, past=past, self_signed=True)
    certificates = (papers.made,) if papers.made is not None else ()
    return Upload(certificates, (), key, (*findings, *papers.findings), papers)


def _take_offered(spec: ImportedCertificateSpec, snapshot: Snapshot, findings: list[Finding]) -> PrivateKey | None:
    read = read_offered_key(spec, snapshot)
    if isinstance(read, Finding):
        findings.append(read)
        return None
    findings.extend(read.warnings)
    return read.key


def _find_conflicts(spec: ImportedCertificateSpec) -> tuple[Finding, ...]:
    # The API server refuses these; files and older definitions may hold them.
    pairs = (
        ("certificate", spec.certificate, "certificateRef", spec.certificate_ref),
        ("certificate", spec.certificate, "selfSigned", spec.self_signed),
        ("certificateRef", spec.certificate_ref, "selfSigned", spec.self_signed),
        ("chain", spec.chain, "chainRef", spec.chain_ref),
    )
    return tuple(
        finding(
            Reason.INVALID_REQUEST,
            f"`spec.{one}` and `spec.{other}` must not both be set. Remove one of them.",
            detail=Detail.CONFLICTING_FIELDS,
        )
        for one, first, other, second in pairs
        if first is not None and second is not None
    )


def _read_certificates(
    spec: ImportedCertificateSpec, references: References, snapshot: Snapshot, *, past: Past, findings: list[Finding]
) -> Material:
    if spec.certificate is not None:
        return _read(spec.certificate.encode(), "`spec.certificate`", None, findings=findings)
    if references.certificate is None:
        findings.append(_no_source(spec, past))
        return _NOTHING
    return _read_place(references.certificate, references.certificate_password, snapshot, findings=findings)


def _no_source(spec: ImportedCertificateSpec, past: Past) -> Finding:
    if past.status.served is not None or hangs_under_key(spec):
        instead = " To have a self-signed one in its place, set `spec.selfSigned`." if hangs_under_key(spec) else ""
        return finding(
            Reason.SOURCE_REMOVED,
            "the spec names no certificate any more. What was served stays served. Set `spec.certificate` or "
            f"`spec.certificateRef` again, or delete this object.{instead}",
        )
    return finding(
        Reason.INVALID_REQUEST,
        "the spec names no certificate. Set `spec.certificate` or `spec.certificateRef`, or name a PrivateKey in "
        "`spec.privateKeyRef` for a self-signed one.",
        detail=Detail.SOURCE_MISSING,
    )


def _read_chain(
    spec: ImportedCertificateSpec, references: References, snapshot: Snapshot, *, findings: list[Finding]
) -> Material:
    if spec.chain is not None:
        return _read(spec.chain.encode(), "`spec.chain`", None, findings=findings)
    if references.chain is not None:
        return _read_place(references.chain, None, snapshot, findings=findings)
    return _NOTHING


def _read_place(place: Place, password_place: Place | None, snapshot: Snapshot, *, findings: list[Finding]) -> Material:
    data = fetch(place, snapshot)
    if isinstance(data, Finding):
        findings.append(data)
        return _NOTHING
    password = fetch_password(password_place, snapshot) if password_place is not None else None
    if isinstance(password, Finding):
        findings.append(password)
        return _NOTHING
    return _read(data, str(place), password, findings=findings)


def _read(data: bytes, what: str, password: bytes | None, *, findings: list[Finding]) -> Material:
    try:
        material = read_material(data, what=what, password=password)
    except MaterialError as error:
        findings.append(error.finding)
        return _NOTHING
    findings.extend(material.warnings)
    return material


def _read_key(
    spec: ImportedCertificateSpec,
    references: References,
    snapshot: Snapshot,
    *,
    material: Material,
    findings: list[Finding],
) -> PrivateKey | None:
    if hangs_under_key(spec):
        return _take_offered(spec, snapshot, findings)
    place = references.private_key
    if not references.private_key_named:
        if references.certificate_password is not None and material.private_keys:
            return _fitting(material)
        observed = snapshot.get(place.object) if place is not None else None
        if place is None or observed is None or place.data_key not in observed.data:
            if material.private_keys:
                return _fitting(material)
            if spec.targets and material.certificates:
                findings.append(_no_key(references))
            return None
    assert place is not None  # noqa: S101 - a named key has a place
    return _read_key_place(place, references.private_key_password, snapshot, findings=findings)


def _fitting(material: Material) -> PrivateKey:
    """Choose among the keys of a file the one that fits one of its certificates."""
    for key in material.private_keys:
        if any(matches(key, certificate) for certificate in material.certificates):
            return key
    return material.private_keys[0]


def _no_key(references: References) -> Finding:
    certificate = references.certificate
    if references.private_key is not None:
        return finding(
            Reason.REFERENCE_NOT_FOUND,
            f"{references.private_key}: the Secret has no such key, and targets need the private key. Add it, or name "
            "another Secret in `spec.privateKeyRef`.",
            detail=Detail.SECRET_KEY_MISSING,
        )
    where = (
        f"{certificate.object.kind} `{certificate.object.name}`" if certificate is not None else "`spec.certificate`"
    )
    return finding(
        Reason.INVALID_REQUEST,
        f"targets need the private key, and {where} gives the certificate alone. Name the key in `spec.privateKeyRef`.",
        detail=Detail.NO_KEY,
    )


def _read_key_place(
    place: Place, password_place: Place | None, snapshot: Snapshot, *, findings: list[Finding]
) -> PrivateKey | None:
    data = fetch(place, snapshot)
    password = fetch_password(password_place, snapshot) if password_place is not None else None
    findings.extend(each for each in (data, password) if isinstance(each, Finding))
    if isinstance(data, Finding) or isinstance(password, Finding):
        return None
    try:
        material = read_private_key(data, what=str(place), password=password)
    except MaterialError as error:
        findings.append(error.finding)
        return None
    findings.extend(material.warnings)
    return material.key
