"""What ImportedCertificates of manifests have come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.model import parse_leniently
from certwright.cli.offline.demands import Demands
from certwright.cli.offline.manifests import Document
from certwright.cli.offline.objects import identify
from certwright.cli.offline.report import Report, Spot, locate_all
from certwright.cli.offline.schema_rules import find_refusals
from certwright.cli.offline.spots import find_in_documents
from certwright.cli.offline.standings import note_withheld, read_findings
from certwright.cli.offline.world import ENGINE, SETTINGS, Done, World
from certwright.findings import Reason, Severity
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.reconcile.importedcertificate.judge import find_role
from certwright.reconcile.importedcertificate.past import read_past
from certwright.reconcile.importedcertificate.private_key import FIELD, find_key_question
from certwright.reconcile.importedcertificate.references import all_inputs, find_references
from certwright.reconcile.importedcertificate.upload import read_upload
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.places import Place
from certwright.reconcile.private_keys import KEY_DATA_KEY, find_made
from certwright.reconcile.trust.deployed import decision_namespace_of
from certwright.reconcile.trust.reliance import Trusted, find_store, read_trust
from certwright.validation import Options, Revocation, Verdict, validate


def report_import(
    done: Done, lists: Iterable[RevocationList], holders: Mapping[ObjectKey, Document], demands: Demands
) -> Report:
    """Say what was found about an ImportedCertificate.

    Args:
        done: what its pass left.
        lists: the good revocation lists among the files that its wish may look at.
        holders: the documents of Secrets and ConfigMaps, to say where a certificate stands.
        demands: anchors and revocation lists that were given; the rest is the object's own to say.
    """
    judgement, document = done.judgement, done.document
    findings = [*read_findings(done), *find_refusals(document.body)]
    path, anchor, next_change = judgement.path, judgement.anchor, judgement.next_change
    verdict = _judge_apart(done, tuple(lists), demands)
    if verdict is not None:
        path, anchor, next_change = verdict.path, verdict.anchor, verdict.next_change
        findings = [each for each in findings if each.reason is not Reason.ISSUER_MISSING]
        findings += [each for each in verdict.findings if each not in findings]
    if any(each.reason is Reason.KEY_IN_CERTIFICATE and each.severity is Severity.ERROR for each in findings):
        findings = [
            each for each in findings if each.reason is not Reason.KEY_IN_CERTIFICATE or each.severity is Severity.ERROR
        ]
    referenced = ENGINE.reconcilers[Kind.IMPORTED_CERTIFICATE].references(done.walked.subject)
    documents = (document, *(holders[key] for key in sorted(referenced) if key in holders))
    spot = Spot(document.file, document.line)
    return Report(
        identity=identify(document),
        spot=spot,
        findings=locate_all(findings, find_in_documents(documents) if findings else {}, spot),
        notes=(*done.walked.notes, *_note_withheld(done)),
        lacks_key=bool(done.withheld),
        path=path,
        anchor=anchor,
        next_change=next_change,
        made=_is_made(done, path),
    )


def find_lists(done: Done, world: World) -> Iterator[RevocationList]:
    """Give the good lists among the files that the wish of an ImportedCertificate asks for."""
    if done.walked.revocation is Revocation.OFF or done.judgement.spec is None:
        return
    store = find_store(done.judgement.spec, done.snapshot)
    places = {done.subject.key.namespace, decision_namespace_of(store) if store is not None else None}
    for each in world.done:
        key = each.subject.key
        in_use = each.judgement.in_use if key.kind is Kind.REVOCATION_SOURCE and key.namespace in places else None
        if in_use is not None and in_use.crl is not None:
            yield in_use.crl


def _judge_apart(done: Done, lists: tuple[RevocationList, ...], demands: Demands) -> Verdict | None:
    """Judge the certificate by what was given on the command line, which no wish speaks of."""
    judgement, spec = done.judgement, done.judgement.spec
    if judgement.leaf is None or spec is None or (demands.anchors is None and not demands.crls):
        return None
    trusted = read_trust(spec, done.snapshot, SETTINGS.namespace)
    given = (judgement.leaf, *_others(done))
    helpers: tuple[Certificate, ...] = ()
    anchors = demands.anchors
    if isinstance(trusted, Trusted):
        anchors = demands.anchors if demands.anchors is not None else trusted.anchors
        helpers = trusted.intermediates_above(given)
    mode, known = _find_mode(done), (*demands.crls, *lists) if demands.crls else ()
    return validate(
        judgement.leaf,
        intermediates=(*given[1:], *helpers),
        anchors=anchors,
        crls=known,
        at=demands.at,
        role=find_role(spec),
        options=Options(
            dns_names=spec.dns_names, ip_addresses=spec.ip_addresses, revocation=mode if known else Revocation.OFF
        ),
    )


def _find_mode(done: Done) -> Revocation:
    """Give the mode that the wish asks for; lists that were given are looked at in any case."""
    mode = done.walked.revocation
    return Revocation.PREFER if mode is Revocation.OFF else mode


def _others(done: Done) -> tuple[Certificate, ...]:
    upload = read_upload(done.judgement.spec, done.snapshot, read_past(done.walked.subject))
    return tuple(each for each in (*upload.certificates, *upload.others) if each != done.judgement.leaf)


def _note_withheld(done: Done) -> Iterator[str]:
    spec = done.judgement.spec
    if spec is None:
        return
    namespace = done.subject.key.namespace
    places, inputs = find_references(spec, namespace), all_inputs(spec, namespace)
    yield from note_withheld(
        done,
        (
            places.certificate,
            places.private_key,
            places.chain,
            places.certificate_password,
            places.private_key_password,
            *(Place(key, KEY_DATA_KEY, FIELD) for key in done.withheld if key not in inputs),
        ),
        made=_find_made(done),
    )


def _find_made(done: Done) -> ObjectKey | None:
    """Give the Secret that the PrivateKey of the wish makes its key in."""
    question = find_key_question(done.judgement.spec, done.subject.key.namespace)
    owner = done.snapshot.answers.get(question) if question is not None else None
    return find_made(owner) if owner is not None else None


def _is_made(done: Done, path: tuple[Certificate, ...]) -> bool:
    """Say whether the operator makes the certificate, and has not made it before."""
    record = parse_leniently(ImportedCertificateStatus, done.subject.status).record
    made = record.self_signed if record is not None else None
    return any(each.fingerprint == made and each.not_before == done.snapshot.now for each in path[:1])
