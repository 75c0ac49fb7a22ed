"""What PrivateKeys, RevocationSources, TrustDecisions and stores of manifests have come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from certwright.api.model import parse_leniently
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.cli.offline.manifests import Document
from certwright.cli.offline.objects import identify
from certwright.cli.offline.report import Bundle, Decision, Report, Spot, locate_all
from certwright.cli.offline.schema_rules import find_refusals
from certwright.cli.offline.spots import find_in_documents
from certwright.cli.offline.standings import note_withheld, read_findings, read_findings_as_wished
from certwright.cli.offline.wishes import find_unknown
from certwright.cli.offline.world import Done, World
from certwright.findings import Finding, Reason
from certwright.pki.certificate import Certificate
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.places import Place
from certwright.reconcile.private_keys import KEY_DATA_KEY, find_made, find_secret
from certwright.reconcile.revocationsource.issuers import read_issuers
from certwright.reconcile.revocationsource.references import find_references
from certwright.reconcile.trust.deployed import decision_namespace_of
from certwright.reconcile.trust.material import find_place, read_wish
from certwright.reconcile.trust.stance import read_stance
from certwright.reconcile.truststore.judgement import Judgement as StoreJudgement

_LESS_PRECISE = frozenset({Reason.INVALID_REQUEST, Reason.UNPARSABLE, Reason.UNDECODABLE})
"""What the judge says of a field that holds a private key."""


def report_key(done: Done) -> Report:
    """Say what was found about a PrivateKey; the key itself is hardly ever among the files."""
    spec, secret = done.judgement.spec, find_secret(done.subject)
    field = "spec.secretName" if spec is not None and spec.secret_name is not None else "spec.existingSecretName"
    places = (Place(secret, KEY_DATA_KEY, field),) if secret is not None else ()
    report = _report(done, read_findings(done))
    return replace(
        report, notes=tuple(note_withheld(done, places, made=find_made(done.subject))), lacks_key=bool(done.withheld)
    )


def report_source(done: Done) -> Report:
    """Say what was found about a RevocationSource."""
    spec, findings, notes = done.judgement.spec, read_findings(done), []
    if spec is not None:
        places = find_references(spec, done.subject.key.namespace)
        notes = [*note_withheld(done, (places.crl, places.ca, places.issuer))]
        if spec.url is not None:
            notes.insert(0, "the list is fetched in a cluster and was not checked.")
    return replace(
        _report(done, findings),
        notes=tuple(notes),
        path=tuple(_find_signer(done)),
        next_change=done.judgement.next_change,
    )


def _find_signer(done: Done) -> Iterator[Certificate]:
    in_use, spec = done.judgement.in_use, done.judgement.spec
    if in_use is not None and spec is not None:
        issuers = read_issuers(spec, done.snapshot).certificates
        yield from [each for each in issuers if each.public_key.fingerprint == in_use.kept.signer][:1]


def report_decision(done: Done, holders: Mapping[ObjectKey, Document]) -> Report:
    """Say what was found about a TrustDecision, and what it comes to."""
    status = parse_leniently(TrustDecisionStatus, done.subject.status)
    certificate, stance = done.judgement.certificate, read_stance(done.subject)
    wish = read_wish(done.subject)
    place = find_place(wish, done.subject.key.namespace)
    documents = [done.document, *([holders[place.object]] if place is not None and place.object in holders else [])]
    report = _report(done, read_findings_as_wished(done), *documents)
    return replace(
        report,
        notes=tuple(note_withheld(done, (place,))),
        lacks_key=bool(done.withheld),
        path=(certificate,) if certificate is not None else (),
        next_change=done.judgement.next_change,
        decision=Decision(
            state=status.trust_state or "",
            desired=wish.trust_state_desired if wish is not None else "",
            use=stance.role,
            until=read_instant(wish.trust_until) if wish is not None else None,
        ),
    )


async def report_store(done: Done, world: World) -> Report:
    """Say what was found about a store, and what it would deploy."""
    unknown = tuple(find_unknown(done.subject, world.files))
    findings = read_findings_as_wished(done)
    if unknown:
        findings = [each for each in findings if each.reason is not Reason.EMPTY_BUNDLE]
    namespace = decision_namespace_of(done.subject)
    notes = [*unknown, *note_withheld(done, ())]
    if done.subject.key.kind is Kind.CLUSTER_TRUST_STORE and namespace and namespace not in world.namespaces:
        notes.append(
            f"Namespace `{namespace}` is not among the files, so whether it is a source of trust was not checked."
        )
    return replace(
        _report(done, findings),
        notes=tuple(notes),
        lacks_key=bool(done.withheld),
        next_change=done.judgement.staged.next_change if done.judgement.staged is not None else None,
        bundle=await _find_bundle(done, world),
    )


async def _find_bundle(done: Done, world: World) -> Bundle | None:
    key = done.subject.key
    record, spec = await world.recall(key), done.judgement.spec
    if record is None or spec is None:
        return None
    wished: StoreJudgement = await world.stage(key, None, ())
    pending = wished.staged.pending if wished.staged is not None else None
    return Bundle(
        mode="Manual" if pending is not None else "Automatic",
        entries=record.entries,
        revision=record.revision,
        public_roots=record.public_roots,
        first_approval=pending.id if pending is not None else None,
    )


def _report(done: Done, findings: list[Finding], *documents: Document) -> Report:
    document = done.document
    refusals = list(find_refusals(document.body))
    if any(each.reason is Reason.KEY_IN_CERTIFICATE for each in refusals):
        findings = [each for each in findings if each.reason not in _LESS_PRECISE]
    found = [*findings, *refusals]
    spot = Spot(document.file, document.line)
    spots = find_in_documents(documents or (document,)) if found else {}
    return Report(identity=identify(document), spot=spot, findings=locate_all(found, spots, spot))
