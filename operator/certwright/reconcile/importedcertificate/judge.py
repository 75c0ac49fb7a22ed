"""The judge: from a snapshot to a verdict on the material, and to what every target is to hold.

Gathers all findings and lets the worst name the verdict; bad material is a verdict and never an exception.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from certwright.api.conditions import ConditionType
from certwright.api.fields import CHAIN_LIMIT
from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.model import parse
from certwright.findings import Detail, Finding, MaterialError, Reason, finding, warning
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.pki.keys import matches
from certwright.pki.names import prepare
from certwright.pki.private_key import PrivateKey
from certwright.reconcile.expiry import find_expiry, first_after, warning_instant
from certwright.reconcile.importedcertificate.contents import Pair, find_contents
from certwright.reconcile.importedcertificate.judgement import Content, Judgement, errors_of
from certwright.reconcile.importedcertificate.made import speak_of_made
from certwright.reconcile.importedcertificate.needs import has_changed, read_spec
from certwright.reconcile.importedcertificate.past import Past, read_past
from certwright.reconcile.importedcertificate.references import find_references
from certwright.reconcile.importedcertificate.self_signed import Papers, renewal_instant
from certwright.reconcile.importedcertificate.upload import Upload, read_upload
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.trust.lists import (
    find_unchecked,
    read_lists,
    remember,
    revocation_of,
)
from certwright.reconcile.trust.reliance import Trusted, find_authorities, read_trust, speak_of_store
from certwright.validation import Arrangement, KnownRevocation, Options, Revocation, Role, Verdict, arrange, validate

logger = logging.getLogger(__name__)

_DOUBT = finding(
    Reason.NOT_CHECKED,
    "the clocks of the operator and of the API server are too far apart to judge validity. It is judged as soon "
    "as they agree.",
    detail=Detail.CLOCK_DOUBTED,
)


def judge(snapshot: Snapshot, *, operator_namespace: str) -> Judgement:
    """Judge the wish and its material at `snapshot.now`; the operator's namespace is where revocation lists are."""
    try:
        spec = parse(ImportedCertificateSpec, snapshot.subject.spec)
    except MaterialError as error:
        return Judgement(None, (error.finding,))
    past = read_past(snapshot.subject)
    try:
        return _judge(spec, snapshot, past, operator_namespace)
    except Exception as error:
        # Strangers choose the bytes. What nobody foresaw must be said in the status, not tried again for ever.
        logger.exception("judging %s failed", snapshot.subject.key)
        problem = finding(
            Reason.INTERNAL_ERROR,
            f"the material could not be judged: unexpected {type(error).__name__}. This is a defect of certwright; "
            "its log says more.",
        )
        return refuse(snapshot, problem)


def refuse(snapshot: Snapshot, problem: Finding) -> Judgement:
    """Give the judgement that stands when there is no other; every target is left as it is."""
    spec = read_spec(snapshot.subject)
    return Judgement(spec, (problem,), contents=tuple(Content(target) for target in spec.targets) if spec else ())


def _judge(spec: ImportedCertificateSpec, snapshot: Snapshot, past: Past, operator_namespace: str) -> Judgement:
    upload = read_upload(spec, snapshot, past)
    authorities = find_authorities(spec, snapshot, operator_namespace)

    def find(accepted: Pair | None) -> tuple[Content, ...]:
        return find_contents(spec, snapshot, past, accepted=accepted, upload=upload, authorities=authorities)

    if snapshot.clock_doubted:
        return _hold(spec, snapshot, past, _DOUBT, find(None))
    trusted = read_trust(spec, snapshot, operator_namespace)
    if isinstance(trusted, Finding) and trusted.reason is Reason.NOT_CHECKED:
        return _hold(spec, snapshot, past, trusted, find(None))
    lists = read_lists(spec, snapshot, operator_namespace)
    if isinstance(lists, Finding):
        return _hold(spec, snapshot, past, lists, find(None))
    arranged = _arrange(upload)
    distrust = trusted if isinstance(trusted, Finding) else None
    papers = _settle_papers(upload)
    if arranged is None or isinstance(arranged, Finding):
        findings = tuple(each for each in (*upload.findings, arranged, distrust) if each is not None)
        return Judgement(spec, findings, distrust=distrust, contents=find(None), papers=papers)
    leaf = arranged.leaf
    mode = Revocation.OFF if upload.is_made else revocation_of(spec, snapshot)  # nobody but its holder could revoke it
    verdict = _validate(spec, arranged, trusted, lists, mode=mode, snapshot=snapshot)
    if upload.is_made:
        verdict = replace(verdict, findings=tuple(speak_of_made(each, leaf, trusted) for each in verdict.findings))
    renewed_at = renewal_instant(leaf, spec.warn_before_percentage) if upload.is_made else None
    warns_at = warning_instant(leaf.not_before, leaf.not_after, spec.warn_before_percentage)
    findings = (
        *upload.findings,
        *arranged.warnings,
        *verdict.findings,
        *find_unchecked(spec, mode, lists),
        *find_key_defects(upload.key, leaf),
        *_find_subject_differences(spec, leaf),
        *(() if upload.is_made else find_expiry(leaf, warns_at, snapshot.now)),
    )
    pair = Pair(leaf, verdict.intermediates, upload.key, verdict.anchor)
    mismatched = any(each.reason is Reason.KEY_MISMATCH for each in findings)
    return Judgement(
        spec=spec,
        findings=findings,
        leaf=leaf,
        path=verdict.path,
        chain=verdict.intermediates,
        anchor=verdict.anchor,
        distrust=distrust,
        revocations=_remember(past, verdict),
        next_change=first_after(snapshot.now, (verdict.next_change, warns_at, renewed_at)),
        papers=papers,
        pair_changed=_pair_changed(spec, snapshot, past) if mismatched else None,
        contents=find(None if errors_of(findings) else pair),
    )


def _validate(
    spec: ImportedCertificateSpec,
    arranged: Arrangement,
    trusted: Trusted | Finding | None,
    lists: tuple[RevocationList, ...],
    *,
    mode: Revocation,
    snapshot: Snapshot,
) -> Verdict:
    """Validate the leaf, up to a CA that the store trusts where the wish names one."""
    if isinstance(trusted, Finding):
        return Verdict(Reason.NOT_CHECKED, (trusted,), (), None)
    past, given = read_past(snapshot.subject), (arranged.leaf, *arranged.others)
    verdict = validate(
        arranged.leaf,
        intermediates=(*arranged.others, *(trusted.intermediates_above(given) if trusted is not None else ())),
        anchors=trusted.anchors if trusted is not None else None,
        crls=lists,
        at=snapshot.now,
        role=find_role(spec),
        options=Options(
            dns_names=spec.dns_names,
            ip_addresses=spec.ip_addresses,
            revocation=mode,
            known_revocations=past.known_revocations,
            distrusted=frozenset(trusted.distrusted) if trusted is not None else frozenset(),
            previous_had_intermediate=past.status.served is not None and bool(past.status.served.chain),
        ),
    )
    if trusted is None:
        return verdict
    return replace(
        verdict,
        findings=tuple(speak_of_store(each, trusted) for each in verdict.findings),
        next_change=first_after(snapshot.now, (verdict.next_change, trusted.end_of(verdict.path))),
    )


def _settle_papers(upload: Upload) -> Papers | None:
    """Give what was made of the key; `None` when the key could not be seen this time, which takes nothing away."""
    unseen = upload.key is None and any(each.reason is Reason.NOT_CHECKED for each in upload.findings)
    return None if unseen else upload.papers


def _arrange(upload: Upload) -> Arrangement | Finding | None:
    """Tell the leaf from its chain; `None` when there is no certificate."""
    if not upload.certificates:
        return None
    key = upload.key
    try:
        return arrange(
            (*upload.certificates, *upload.others),
            key_matches=None if key is None else lambda certificate: matches(key, certificate),
        )
    except MaterialError as error:
        return error.finding


def _remember(past: Past, verdict: Verdict) -> tuple[KnownRevocation, ...]:
    looked_at = (certificate.fingerprint for certificate in verdict.path)
    return remember(past.known_revocations, verdict.revocations, looked_at, limit=CHAIN_LIMIT)


def _hold(
    spec: ImportedCertificateSpec, snapshot: Snapshot, past: Past, problem: Finding, contents: tuple[Content, ...]
) -> Judgement:
    """Keep the verdict there is; what is new cannot be judged while time, a list, or what is trusted is missing."""
    if not has_changed(past, snapshot) and past.holds(ConditionType.READY) is not None:
        return Judgement(spec, contents=contents, held=True)
    return Judgement(spec, (problem,), contents=contents)


def find_role(spec: ImportedCertificateSpec) -> Role:
    """Give the role that the usages of a wish ask for."""
    server, client = "ServerAuth" in spec.usages, "ClientAuth" in spec.usages
    if server and client:
        return Role.BOTH
    return Role.SERVER if server else Role.CLIENT if client else Role.ANY


def find_key_defects(key: PrivateKey | None, leaf: Certificate) -> Iterator[Finding]:
    """Say that a private key is not that of the certificate."""
    if key is not None and not matches(key, leaf):
        yield finding(
            Reason.KEY_MISMATCH,
            f'the private key ({key.public.description}) does not belong to the certificate "{leaf.label}" '
            f"(serial {leaf.serial_hex[:40]}, {leaf.public_key.description}). Hand in the key it was issued for.",
            fingerprint=leaf.fingerprint,
        )


def _find_subject_differences(spec: ImportedCertificateSpec, leaf: Certificate) -> Iterator[Finding]:
    """Compare the subject with the wish, attribute by attribute (source 5); an upload may differ, and it is said."""
    if spec.subject is None:
        return
    wished = spec.subject
    pairs = (
        ("commonName", "CN", wished.common_name),
        ("organizationName", "O", wished.organization_name),
        ("organizationUnit", "OU", wished.organization_unit),
        ("locality", "L", wished.locality),
        ("stateProvince", "ST", wished.state_province),
        ("countryCode", "C", wished.country_code),
        ("email", "emailAddress", wished.email),
    )
    for field, attribute, value in pairs:
        found = [text for name, text in leaf.subject.attributes if name == attribute]
        if value and not any(text == value or prepare(text) == prepare(value) for text in found):
            shown = ", ".join(f'"{text}"' for text in found) or "nothing"
            yield warning(
                Reason.SUBJECT_DIFFERS,
                f'`spec.subject.{field}` is "{value}", and the subject of the certificate says {shown}.',
                fingerprint=leaf.fingerprint,
            )


def _pair_changed(spec: ImportedCertificateSpec, snapshot: Snapshot, past: Past) -> datetime | None:
    """Give the time at which one half of the pair was last changed: the other may be on its way."""
    references = find_references(spec, snapshot.subject.key.namespace)
    changes = [
        observed.changed
        for place in (references.certificate, references.private_key)
        if place is not None and (observed := snapshot.get(place.object)) is not None and observed.changed is not None
    ]
    if past.status.observed_generation != snapshot.subject.generation:
        changes.append(snapshot.now)
    elif past.reason(ConditionType.READY) == Reason.KEY_MISMATCH.value and (
        since := past.since(ConditionType.RECONCILING)
    ):
        changes.append(since)
    return max((min(each, snapshot.now) for each in changes), default=None)
