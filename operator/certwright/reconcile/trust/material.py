"""The certificate that a TrustDecision is about: where it stands, and the one certificate that is read from there.

The decision itself reads it to judge it, and stores read it to deploy it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from certwright.api.model import parse
from certwright.api.trustdecision import TrustDecisionSpec
from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.intake import read_material
from certwright.pki.pem import decode_base64
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.places import Place, fetch
from certwright.reconcile.remembering import remember_as_long_as_it_lives


@dataclass(frozen=True, slots=True)
class Authority:
    """What a decision is about.

    Attributes:
        certificate: the one certificate; `None` when it cannot be had.
        problem: why not.
        warnings: what was overlooked in its form.
    """

    certificate: Certificate | None = None
    problem: Finding | None = None
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """The certificate stands in another object."""

    spec: TrustDecisionSpec
    place: Place


@remember_as_long_as_it_lives
def read_wish(decision: Subject) -> TrustDecisionSpec | None:
    """Read the spec; `None` when it does not fit the schema (an object of another version, or of a file)."""
    try:
        return parse(TrustDecisionSpec, decision.spec)
    except MaterialError:
        return None


def find_place(spec: TrustDecisionSpec | None, namespace: str) -> Place | None:
    """Give the place that a wish refers to; `None` when the certificate stands in the wish itself, or nowhere."""
    reference = spec.certificate_ref if spec is not None else None
    if reference is None:
        return None
    return Place(ObjectKey(Kind(reference.kind), namespace, reference.name), reference.key, "spec.certificateRef")


def find_objects(decision: Subject) -> frozenset[ObjectKey]:
    """Give the objects that the certificate of a decision is read from: one, or none."""
    place = find_place(read_wish(decision), decision.key.namespace)
    return frozenset({place.object} if place is not None else ())


def read_authority(decision: Subject, snapshot: Snapshot) -> Certificate | Finding:
    """Read the certificate of a decision.

    What it is, a CA or not, good or expired, is not looked at here. An object that could not be read is `NotChecked`,
    an absent one `ReferenceNotFound`, anything but one certificate is refused with its own reason, and another
    certificate than `fingerprint` names is a `FingerprintMismatch`.
    """
    authority = examine_authority(decision, snapshot)
    if authority.certificate is not None:
        return authority.certificate
    return authority.problem or _no_source()


def examine_authority(decision: Subject, snapshot: Snapshot) -> Authority:
    """Read the certificate of a decision, with what is remarkable about its form; see `read_authority`."""
    found = _look_into(decision)
    if isinstance(found, Authority):
        return found
    data = fetch(found.place, snapshot)
    if isinstance(data, Finding):
        return Authority(problem=data)
    return _read(found.spec, data, str(found.place), inline=False)


@remember_as_long_as_it_lives
def _look_into(decision: Subject) -> Authority | _Elsewhere:
    """Read what stands in the wish itself, or say where else to look."""
    try:
        spec = parse(TrustDecisionSpec, decision.spec)
    except MaterialError as error:
        return Authority(problem=error.finding)
    conflict = _find_conflict(spec)
    if conflict is not None:
        return Authority(problem=conflict)
    place = find_place(spec, decision.key.namespace)
    if place is not None:
        return _Elsewhere(spec, place)
    data = _inline(spec)
    if isinstance(data, Finding):
        return Authority(problem=data)
    return _read(spec, data, f"`spec.{'cert' if spec.certificate is None else 'certificate'}`", inline=True)


def _inline(spec: TrustDecisionSpec) -> bytes | Finding:
    if spec.certificate is not None:
        return spec.certificate.encode()
    if spec.cert is None:
        return _no_source()
    decoded = decode_base64(spec.cert.encode())
    if decoded is not None:
        return decoded
    text = "`spec.cert` is not base64. Give the PEM text in base64, or as it is in `spec.certificate`."
    return finding(Reason.UNPARSABLE, text, detail=Detail.BASE64_DAMAGED)


def _find_conflict(spec: TrustDecisionSpec) -> Finding | None:
    # The API server refuses these; files and older definitions may hold them.
    sources = {"certificate": spec.certificate, "cert": spec.cert, "certificateRef": spec.certificate_ref}
    for one, other in combinations([name for name, value in sources.items() if value is not None], 2):
        text = f"`spec.{one}` and `spec.{other}` must not both be set. Remove one of them."
        return finding(Reason.INVALID_REQUEST, text, detail=Detail.CONFLICTING_FIELDS)
    if spec.certificate_ref is not None and spec.fingerprint is None:
        text = (
            "`spec.fingerprint` must be set together with `spec.certificateRef`: it says which certificate is meant, "
            "whatever the object comes to hold."
        )
        return finding(Reason.INVALID_REQUEST, text)
    return None


def _no_source() -> Finding:
    text = "the spec names no certificate. Set one of `spec.certificate`, `spec.cert` and `spec.certificateRef`."
    return finding(Reason.INVALID_REQUEST, text, detail=Detail.SOURCE_MISSING)


def _read(spec: TrustDecisionSpec, data: bytes, what: str, *, inline: bool) -> Authority:
    try:
        material = read_material(data, what=what)
    except MaterialError as error:
        return Authority(problem=_without_password(error.finding, what))
    if inline and any(each.reason is Reason.KEY_IN_CERTIFICATE for each in material.warnings):
        text = f"{what} holds a private key. Take it out, and treat the key as disclosed: who reads this object has it."
        return Authority(problem=finding(Reason.INVALID_REQUEST, text, detail=Detail.WRONG_TYPE))
    if len(material.certificates) > 1:
        text = (
            f"{what} holds {len(material.certificates)} certificates, and a decision is about exactly one. Make one "
            "decision for each."
        )
        return Authority(problem=finding(Reason.INVALID_REQUEST, text, detail=Detail.SEVERAL_CERTIFICATES))
    (certificate,) = material.certificates
    if spec.fingerprint not in {None, certificate.fingerprint}:
        text = (
            f'{what} holds "{certificate.label}" with the fingerprint {certificate.fingerprint}, and '
            f"`spec.fingerprint` names another one. Correct the content, or the fingerprint if that is meant."
        )
        mismatch = finding(Reason.FINGERPRINT_MISMATCH, text, fingerprint=certificate.fingerprint)
        return Authority(problem=mismatch, warnings=material.warnings)
    return Authority(certificate, warnings=material.warnings)


def _without_password(problem: Finding, what: str) -> Finding:
    if problem.detail is not Detail.PASSWORD_MISSING:
        return problem
    text = f"{what} holds a PKCS#12 file. Give the certificate of the CA as PEM or DER: that needs no password."
    return finding(Reason.UNPARSABLE, text, detail=Detail.WRONG_TYPE)
