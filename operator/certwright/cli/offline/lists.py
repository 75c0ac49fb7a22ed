"""Judging RevocationSources of manifests, as far as files go: a list that is fetched in a cluster is none here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from certwright.api.model import parse
from certwright.api.revocationsource_spec import CertificatesReference, ListReference, RevocationSourceSpec
from certwright.cli.offline.demands import Demands
from certwright.cli.offline.manifests import Document
from certwright.cli.offline.report import Identity, Report, Spot, locate_all
from certwright.findings import Detail, Finding, MaterialError, Reason, Severity, finding
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.pki.intake import read_material
from certwright.pki.list_intake import read_list
from certwright.reconcile.objects import Kind, ObjectKey, Observed
from certwright.reconcile.revocationsource.conflicts import find_conflicts
from certwright.validation.crl_object import validate_crl

SOURCE = "RevocationSource"


@dataclass
class _Judging:
    """One source under way."""

    document: Document
    objects: Mapping[ObjectKey, Observed]
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fetch(self, reference: ListReference | CertificatesReference, name: str) -> bytes | None:
        """Give what a reference names; a Secret that is not among the files is a note, as everywhere."""
        observed = self.objects.get(ObjectKey(Kind(reference.kind), self.document.namespace, reference.name))
        if observed is not None and reference.key in observed.data:
            return observed.data[reference.key]
        what = f"{reference.kind} `{reference.name}` (`{name}`)"
        if observed is None and reference.kind == Kind.SECRET.value:
            self.notes.append(f"{what} is not among the files, so what it holds was not checked.")
        else:
            detail = None if observed is None else Detail.SECRET_KEY_MISSING
            message = f"{what} does not exist." if observed is None else f"{what} has no key `{reference.key}`."
            self.findings.append(finding(Reason.REFERENCE_NOT_FOUND, message, detail=detail))
        return None

    def read(self, spec: RevocationSourceSpec) -> RevocationList | None:
        """Read the list, if there is one in files."""
        if spec.url is not None:
            self.notes.append("the list is fetched in a cluster and was not checked.")
            return None
        data, what = spec.crl.encode() if spec.crl is not None else None, "`spec.crl`"
        if spec.crl_ref is not None:
            data, what = self.fetch(spec.crl_ref, "spec.crlRef"), "`spec.crlRef`"
        elif data is None:
            message = "the spec names no list. Set `spec.crl`, `spec.crlRef` or `spec.url`."
            self.findings.append(finding(Reason.INVALID_REQUEST, message, detail=Detail.SOURCE_MISSING))
        if data is None:
            return None
        read = read_list(data, what=what)
        self.findings += read.warnings
        return read.crl

    def read_issuers(self, spec: RevocationSourceSpec) -> tuple[Certificate, ...] | None:
        """Read who may have signed it; `None` when that is not among the files."""
        if spec.issuer_ref is None:
            return ()
        data = self.fetch(spec.issuer_ref, "spec.issuerRef")
        return read_material(data, what="`spec.issuerRef`").certificates if data is not None else None


def judge_list_source(
    document: Document, objects: Mapping[ObjectKey, Observed], demands: Demands
) -> tuple[Report, RevocationList | None]:
    """Judge a RevocationSource, and give its list when verdicts are to use it."""
    judging = _Judging(document, objects)
    path: tuple[Certificate, ...] = ()
    crl: RevocationList | None = None
    try:
        spec = parse(RevocationSourceSpec, document.body.get("spec") or {})
        judging.findings += find_conflicts(spec)
        crl = judging.read(spec)
        issuers = judging.read_issuers(spec) if crl is not None else None
        if crl is not None and issuers is not None:
            verdict = validate_crl(crl, intermediates=issuers, anchors=issuers, at=demands.at)
            judging.findings += verdict.findings
            path = verdict.path
    except MaterialError as error:
        judging.findings.append(error.finding)
    spot = Spot(document.file, document.line)
    report = Report(
        identity=Identity(document.kind, document.namespace, document.name),
        spot=spot,
        findings=locate_all(judging.findings, {}, spot),
        notes=tuple(judging.notes),
        lacks_key=any("is not among the files" in note for note in judging.notes),
        path=path,
    )
    # An expired list is used as the operator uses it: it vouches for nothing and still revokes.
    reasons = {each.reason for each in judging.findings if each.severity is Severity.ERROR}
    return report, crl if reasons <= {Reason.CRL_EXPIRED} else None


def find_list_inputs(documents: list[Document]) -> frozenset[ObjectKey]:
    """Give the objects that RevocationSources read: they are judged there, and not on their own."""
    keys = set()
    for document in documents:
        try:
            spec = parse(RevocationSourceSpec, document.body.get("spec") or {})
        except MaterialError:
            continue
        for reference in (spec.crl_ref, spec.issuer_ref, spec.ca_ref):
            if reference is not None:
                keys.add(ObjectKey(Kind(reference.kind), document.namespace, reference.name))
    return frozenset(keys)
