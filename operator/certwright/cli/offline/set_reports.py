"""What ClusterCertificateSets of manifests have come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from certwright.api.certificateset import ClusterCertificateSetStatus
from certwright.api.certificateset_status import CertificateRow
from certwright.api.model import parse_leniently
from certwright.cli.offline.manifests import Document
from certwright.cli.offline.objects import identify
from certwright.cli.offline.report import CertificateSet, Located, Report, SlotReport, Spot, locate_all
from certwright.cli.offline.schema_rules import find_refusals
from certwright.cli.offline.set_wishes import Places, read_set
from certwright.cli.offline.spots import find_in_documents
from certwright.cli.offline.standings import note_withheld, read_findings
from certwright.cli.offline.world import Done
from certwright.dialects.cluster_certificates import INVALID, worst_code
from certwright.findings import MESSAGE_LIMIT, Finding, Reason, printable
from certwright.pki.certificate import Certificate
from certwright.pki.render import read_stored
from certwright.reconcile.certificateset.judgement import Judgement
from certwright.reconcile.certificateset.material import SlotVerdict
from certwright.reconcile.certificateset.wish import find_inputs, find_sources
from certwright.reconcile.objects import ObjectKey, Subject
from certwright.reconcile.places import Place

_LESS_PRECISE = frozenset({Reason.UNPARSABLE, Reason.UNDECODABLE, Reason.KEY_IN_CERTIFICATE})
"""What the judge says of a field that holds a private key."""


def report_set(done: Done, holders: Mapping[ObjectKey, Document]) -> Report:
    """Say what was found about a set, slot by slot.

    Args:
        done: what its pass left.
        holders: the documents of Secrets and ConfigMaps, to say where a certificate stands.
    """
    document, places, spec = done.document, done.walked.places, read_set(done.subject)
    refusals = list(find_refusals(document.body))
    findings = read_findings(done)
    if any(each.reason is Reason.KEY_IN_CERTIFICATE for each in refusals):
        findings = [each for each in findings if each.reason not in _LESS_PRECISE]
    inputs = sorted(find_inputs(spec)) if spec is not None else []
    spot = Spot(document.file, document.line)
    spots = find_in_documents((document, *(holders[key] for key in inputs if key in holders)))
    located = locate_all([*findings, *refusals], spots, spot)
    return Report(
        identity=identify(document),
        spot=spot,
        findings=tuple(_point_at_slots(located, done.judgement, document)),
        notes=(
            *done.walked.notes,
            *note_withheld(done, _list_places(done.subject)),
            *(places.notes() if places is not None else ()),
        ),
        lacks_key=bool(done.withheld),
        next_change=done.judgement.next_change,
        certificate_set=_describe(done, places or Places(), refused=bool(refusals)),
    )


def _list_places(subject: Subject) -> Iterator[Place | None]:
    spec = read_set(subject)
    for each in spec.certificates if spec is not None else ():
        sources = find_sources(each)
        yield sources.certificate
        yield sources.private_key
        yield sources.chain
        yield sources.certificate_password
        yield sources.private_key_password


def _point_at_slots(located: tuple[Located, ...], judgement: Judgement, document: Document) -> Iterator[Located]:
    """Name the slots that a finding is about; without a certificate it is looked at where the first of them stands."""
    about: dict[Finding, list[str]] = {}
    for slot in judgement.slots:
        for each in slot.findings:
            shown = replace(each, message=printable(each.message, limit=MESSAGE_LIMIT))
            about.setdefault(shown, []).append(slot.name)
    lines = {piece.name: piece.line for piece in document.pieces}
    beginning = Spot(document.file, document.line)
    for found in located:
        names = tuple(about.get(found.finding, ()))
        fields = [f"spec.{field}[{name}]" for name in names[:1] for field in ("certificates", "slots")]
        line = next((lines[field] for field in fields if field in lines), None)
        spot = Spot(document.file, line) if line is not None and found.spot == beginning else found.spot
        yield replace(found, slots=names, spot=spot)


def _describe(done: Done, places: Places, *, refused: bool) -> CertificateSet:
    status = parse_leniently(ClusterCertificateSetStatus, done.subject.status)
    codes = [*((status.response_code,) if status.response_code is not None else ()), *((INVALID,) if refused else ())]
    rows = {each.name: each for each in status.certificates}
    spec = read_set(done.subject)
    slots = {each.name: each for each in spec.slots} if spec is not None else {}
    absent = frozenset(spec.absent) if spec is not None else frozenset()
    given = frozenset(each.name for each in spec.certificates) if spec is not None else frozenset()
    return CertificateSet(
        code=worst_code(codes) if codes else None,
        revision=done.judgement.revision,
        namespaces=places.namespaces,
        slots=tuple(
            SlotReport(
                name=each.name,
                secret=slots[each.name].secret_name if each.name in slots else None,
                required=each.required,
                given=each.name in given,
                absent=each.name in absent,
                code=row.response_code,
                reason=row.reason,
                validation=row.validation,
                path=_find_path(each),
            )
            for each in done.judgement.slots
            for row in (rows.get(each.name) or CertificateRow(name=each.name),)
        ),
    )


def _find_path(verdict: SlotVerdict) -> tuple[Certificate, ...]:
    stored = read_stored(verdict.part.data) if verdict.part is not None else None
    if stored is not None:
        return (stored.leaf, *stored.chain)
    return (verdict.leaf,) if verdict.leaf is not None else ()
