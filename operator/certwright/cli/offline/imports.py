"""Judging ImportedCertificates of manifests: the operator's own pass over a cluster made of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.model import parse_leniently
from certwright.cli.offline.demands import Demands
from certwright.cli.offline.manifests import Document
from certwright.cli.offline.objects import read_subject
from certwright.cli.offline.report import Identity, Report, Spot, locate_all
from certwright.cli.offline.schema_rules import find_refusals
from certwright.cli.offline.spots import find_in_documents
from certwright.cluster.files import FileCluster, FixedClock
from certwright.findings import Detail, Finding, Reason, Severity
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.reconcile.importedcertificate import ImportedCertificates, judged_by
from certwright.reconcile.importedcertificate.judge import find_role
from certwright.reconcile.importedcertificate.judgement import Judgement
from certwright.reconcile.importedcertificate.needs import read_spec
from certwright.reconcile.importedcertificate.past import Past, read_past
from certwright.reconcile.importedcertificate.references import all_inputs, find_references
from certwright.reconcile.importedcertificate.upload import read_upload
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings
from certwright.validation import Options, Revocation, Verdict, validate

_SETTINGS = Settings.model_construct()
"""The defaults: a setting of some cluster must not change what files are found to be."""

_RECONCILER = ImportedCertificates(_SETTINGS)
_NOT_FOR_FILES = frozenset({Reason.NOT_CHECKED, Reason.NOT_REFRESHED})
"""What is said in notes instead, and what only a cluster can answer."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What ImportedCertificates are judged with.

    Attributes:
        documents: those of Secrets and ConfigMaps, to say where a certificate stands.
        cluster: the same objects; targets are added to it.
        lists: good revocation lists by namespace.
    """

    documents: Mapping[ObjectKey, Document]
    cluster: FileCluster
    lists: Mapping[str, Sequence[RevocationList]]


@dataclass(frozen=True, slots=True)
class _Pass:
    """What a pass over one object left."""

    document: Document
    subject: Subject
    snapshot: Snapshot
    judgement: Judgement
    result: PassResult
    withheld: frozenset[ObjectKey]


def find_referenced(documents: Iterable[Document], demands: Demands) -> frozenset[ObjectKey]:
    """Give every object that an ImportedCertificate reads or writes: it is judged there, and not on its own."""
    subjects = [read_subject(document, demands.at) for document in documents]
    return frozenset().union(*(_RECONCILER.references(subject) for subject in subjects))


async def judge_imports(documents: Iterable[Document], neighbours: Neighbours, demands: Demands) -> list[Report]:
    """Judge ImportedCertificates in their order; one that reads what another writes is judged again after it.

    Args:
        documents: the ImportedCertificates.
        neighbours: what else there is.
        demands: instant, anchors and revocation lists; the rest is the objects' own to say.
    """
    cluster = neighbours.cluster
    passes = [await _pass(document, cluster, demands) for document in documents]
    for _ in passes:
        late = [place for place, each in enumerate(passes) if each.withheld & cluster.objects.keys()]
        for place in late:
            passes[place] = await _pass(passes[place].document, cluster, demands)
        if not late:
            break
    return [_report(each, neighbours, demands) for each in passes]


async def _pass(document: Document, cluster: FileCluster, demands: Demands) -> _Pass:
    subject = _without_trust(read_subject(document, demands.at))
    cluster.withheld = _find_withheld(subject, cluster)
    judged: list[tuple[Snapshot, Judgement]] = []

    async def judge_in(reconciler: Reconciler[Any], snapshot: Snapshot) -> Judgement:
        judgement: Judgement = await judge_inline(reconciler, snapshot)
        judged.append((snapshot, judgement))
        return judgement

    around = Surroundings(cluster, cluster, FixedClock(demands.at), judge_in, judged_by(_SETTINGS))
    result = await run_pass(_RECONCILER, subject, around=around, verified={}, full=True)
    snapshot, judgement = judged[0]
    return _Pass(document, subject, snapshot, judgement, result, cluster.withheld)


def _without_trust(subject: Subject) -> Subject:
    # What a cluster would look up, files hold otherwise or not at all: trust is judged apart, see `_judge_trust`.
    return replace(subject, spec={name: value for name, value in subject.spec.items() if name != "trust"})


def _find_withheld(subject: Subject, cluster: FileCluster) -> frozenset[ObjectKey]:
    # Keys are rarely in Git: the absence of a Secret is no verdict. A ConfigMap holds nothing secret.
    spec = read_spec(subject)
    inputs = all_inputs(spec, subject.key.namespace) if spec is not None else frozenset()
    return frozenset(key for key in inputs if key.kind is Kind.SECRET and key not in cluster.objects)


def _report(done: _Pass, neighbours: Neighbours, demands: Demands) -> Report:
    judgement, document, holders = done.judgement, done.document, neighbours.documents
    mode, lists = _find_revocation(done, neighbours, demands)
    findings = [*_read_findings(done.result.subject), *find_refusals(document.body)]
    path, anchor, next_change = judgement.path, None, judgement.next_change
    verdict = _judge_trust(done, mode, lists, demands)
    if verdict is not None:
        path, anchor, next_change = verdict.path, verdict.anchor, verdict.next_change
        findings = [each for each in findings if each.reason is not Reason.ISSUER_MISSING]
        findings += [each for each in verdict.findings if each not in findings]
    if any(each.reason is Reason.KEY_IN_CERTIFICATE and each.severity is Severity.ERROR for each in findings):
        findings = [
            each for each in findings if each.reason is not Reason.KEY_IN_CERTIFICATE or each.severity is Severity.ERROR
        ]
    referenced = [holders[key] for key in sorted(_RECONCILER.references(done.subject)) if key in holders]
    spot = Spot(document.file, document.line)
    notes = tuple(_notes(done, unchecked=mode is not Revocation.OFF and not lists))
    return Report(
        identity=Identity(document.kind, document.namespace, document.name),
        spot=spot,
        findings=locate_all(findings, find_in_documents((document, *referenced)) if findings else {}, spot),
        notes=notes,
        lacks_key=bool(done.withheld),
        path=path,
        anchor=anchor,
        next_change=next_change,
    )


def _read_findings(subject: Subject) -> list[Finding]:
    """Read back what the status says, in its own words."""
    status = parse_leniently(ImportedCertificateStatus, subject.status)
    found = [
        Finding(
            Reason(each.reason),
            each.message,
            Detail(each.detail) if each.detail else None,
            Severity(each.severity),
            each.fingerprint,
        )
        for each in status.findings
    ]
    return [each for each in found if each.reason not in _NOT_FOR_FILES]


def _find_revocation(
    done: _Pass, neighbours: Neighbours, demands: Demands
) -> tuple[Revocation, tuple[RevocationList, ...]]:
    """Give the mode that the wish asks for, and the lists: those of its namespace when it does, and those given."""
    wished = read_spec(read_subject(done.document, demands.at))
    trust = wished.trust if wished is not None else None
    mode = Revocation(trust.revocation) if trust is not None and trust.revocation else Revocation.OFF
    if mode is Revocation.OFF:
        return (Revocation.PREFER if demands.crls else mode), demands.crls
    return mode, (*demands.crls, *neighbours.lists.get(done.document.namespace, ()))


def _judge_trust(done: _Pass, mode: Revocation, lists: tuple[RevocationList, ...], demands: Demands) -> Verdict | None:
    """Judge the certificate against anchors and revocation lists, as its wish asks otherwise."""
    judgement = done.judgement
    if judgement.leaf is None or judgement.spec is None or (demands.anchors is None and not lists):
        return None
    spec = judgement.spec
    options = Options(
        dns_names=spec.dns_names, ip_addresses=spec.ip_addresses, revocation=mode if lists else Revocation.OFF
    )
    return validate(
        judgement.leaf,
        intermediates=_others(done, read_past(done.subject)),
        anchors=demands.anchors,
        crls=lists,
        at=demands.at,
        role=find_role(spec),
        options=options,
    )


def _others(done: _Pass, past: Past) -> tuple[Certificate, ...]:
    assert done.judgement.spec is not None  # noqa: S101 - asked before
    upload = read_upload(done.judgement.spec, done.snapshot, past)
    return tuple(each for each in (*upload.certificates, *upload.others) if each != done.judgement.leaf)


def _notes(done: _Pass, *, unchecked: bool) -> Iterable[str]:
    spec, namespace = done.judgement.spec, done.subject.key.namespace
    if spec is None:
        return
    places = find_references(spec, namespace)
    named: dict[ObjectKey, str] = {}
    for place in (
        places.certificate,
        places.private_key,
        places.chain,
        places.certificate_password,
        places.private_key_password,
    ):
        if place is not None:
            named.setdefault(place.object, place.field)
    if unchecked:
        yield "revocation is asked for and was not checked: no list is among the files. Give lists with `--crl`."
    for key in sorted(done.withheld):
        where = f" (`{named[key]}`)" if key in named else ""
        yield f"Secret `{key.name}`{where} is not among the files, so what it holds was not checked."
