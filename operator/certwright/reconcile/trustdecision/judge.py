"""The judge: from a snapshot to a verdict on one CA certificate, and on the wish to trust it.

A root vouches for itself: it must be self-signed, a CA, and in time. An intermediate must have a path to a root that
another decision of the namespace trusts, and no list of its issuer may name it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime

from certwright.api.trustdecision import TrustDecisionSpec
from certwright.findings import Detail, Finding, Reason, Severity, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.trust.material import Authority, examine_authority, read_wish
from certwright.reconcile.trustdecision.issuers import Issuers, read_issuers, read_lists
from certwright.reconcile.trustdecision.judgement import Judgement
from certwright.reconcile.trustdecision.past import Past, has_changed, read_past
from certwright.validation import KnownRevocation, Options, Revocation, Role, Verdict, validate

logger = logging.getLogger(__name__)

_DOUBT = finding(
    Reason.NOT_CHECKED,
    "the clocks of the operator and of the API server are too far apart to judge validity. It is judged as soon as "
    "they agree.",
    detail=Detail.CLOCK_DOUBTED,
)
_ABOUT_THE_PATH = frozenset({Reason.ISSUER_NOT_FOUND, Reason.CHAIN_INVALID})
"""What another issuer may mend."""
_CHAIN_REMEDY = "Add it to `spec.chain`."
_REMEDY = "Make a decision in this namespace that trusts it."


def judge(snapshot: Snapshot, *, operator_namespace: str) -> Judgement:
    """Judge the wish and its material at `snapshot.now`; the operator's namespace is where revocation lists are."""
    past = read_past(snapshot.subject)
    try:
        return _judge(snapshot, past, operator_namespace)
    except Exception as error:
        # Strangers choose the bytes. What nobody foresaw must be said in the status, not tried again for ever.
        logger.exception("judging %s failed", snapshot.subject.key)
        text = (
            f"the certificate could not be judged: unexpected {type(error).__name__}. This is a defect of certwright; "
        )
        return refuse(snapshot, finding(Reason.INTERNAL_ERROR, text + "its log says more."))


def refuse(snapshot: Snapshot, problem: Finding) -> Judgement:
    """Give the judgement that stands when there is no other; what stores hold stays."""
    return Judgement(read_wish(snapshot.subject), (problem,), revoked=read_past(snapshot.subject).revoked)


def _judge(snapshot: Snapshot, past: Past, operator_namespace: str) -> Judgement:
    spec, authority = read_wish(snapshot.subject), examine_authority(snapshot.subject, snapshot)
    certificate = authority.certificate
    if spec is None or certificate is None:
        return _refuse(spec, authority, snapshot, past)
    if snapshot.clock_doubted:
        return _hold(spec, certificate, _DOUBT, snapshot, past)
    if spec.cert_use == "rootCA":
        verdict = _validate_root(certificate, snapshot.now)
        errors: tuple[Finding, ...] = tuple(_find_root_defects(certificate, verdict))
        return _conclude(spec, authority, (*errors, *verdict.findings), verdict, snapshot, past)
    lists = read_lists(snapshot, operator_namespace)
    if isinstance(lists, Finding):
        return _hold(spec, certificate, lists, snapshot, past)
    issuers = read_issuers(snapshot)
    options = Options(revocation=Revocation.PREFER, known_revocations=(past.revoked,) if past.revoked else ())
    verdict = validate(
        certificate,
        intermediates=issuers.intermediates,
        anchors=issuers.roots,
        crls=lists,
        at=snapshot.now,
        role=Role.CA,
        options=options,
    )
    found = tuple(_find_intermediate_defects(certificate, verdict, issuers, past))
    return _conclude(spec, authority, found, verdict, snapshot, past)


def _refuse(spec: TrustDecisionSpec | None, authority: Authority, snapshot: Snapshot, past: Past) -> Judgement:
    problems = (authority.problem,) if authority.problem is not None else ()
    ends = (*_find_end(spec, snapshot),) if not snapshot.clock_doubted else ()
    until = read_instant(spec.trust_until) if spec is not None else None
    return Judgement(
        spec,
        (*problems, *ends, *authority.warnings),
        revoked=past.revoked,
        next_change=until if until is not None and until > snapshot.now else None,
    )


def _hold(
    spec: TrustDecisionSpec, certificate: Certificate, problem: Finding, snapshot: Snapshot, past: Past
) -> Judgement:
    """Keep the verdict there is; what is new cannot be judged while time, or a revocation list, is missing."""
    held = not has_changed(past, snapshot)
    return Judgement(
        spec,
        past.findings if held else (problem,),
        certificate,
        past.revoked,
        read_instant(past.status.next_check_time) if held else None,
        held,
    )


def _conclude(
    spec: TrustDecisionSpec,
    authority: Authority,
    found: Iterable[Finding],
    verdict: Verdict,
    snapshot: Snapshot,
    past: Past,
) -> Judgement:
    until = read_instant(spec.trust_until)
    changes = (verdict.next_change, until if until is not None and until > snapshot.now else None)
    return Judgement(
        spec,
        tuple(dict.fromkeys((*found, *_find_end(spec, snapshot), *authority.warnings))),
        authority.certificate,
        _remember(authority.certificate, verdict, past),
        min((each for each in changes if each is not None), default=None),
    )


def _validate_root(certificate: Certificate, at: datetime) -> Verdict:
    """Judge it as its own anchor: nobody else can vouch for a root, and no list can revoke it."""
    options = Options(revocation=Revocation.OFF)
    return validate(certificate, intermediates=(), anchors=(certificate,), at=at, role=Role.CA, options=options)


def _find_root_defects(certificate: Certificate, verdict: Verdict) -> Iterator[Finding]:
    if not certificate.is_self_issued:
        if not any(each.detail is Detail.CA_FLAG_MISSING for each in verdict.errors):
            text = (
                f'the certificate "{certificate.label}" is no root: "{certificate.issuer.label}" issued it. Give the '
                "root, or set `spec.certUse` to `intermediateCA`."
            )
            yield finding(Reason.USAGE_MISMATCH, text, fingerprint=certificate.fingerprint)
    elif not certificate.signed_by(certificate):
        text = "the certificate calls itself self-signed, and its signature is not by its own key. Get it anew."
        yield finding(Reason.INVALID_SELF_SIGNED, text, detail=Detail.SIGNATURE, fingerprint=certificate.fingerprint)


def _find_intermediate_defects(
    certificate: Certificate, verdict: Verdict, issuers: Issuers, past: Past
) -> Iterator[Finding]:
    is_root = certificate.is_self_issued and certificate.signed_by(certificate)
    if is_root:
        text = f'the certificate "{certificate.label}" is self-signed: it is a root. Set `spec.certUse` to `rootCA`.'
        yield finding(Reason.USAGE_MISMATCH, text, fingerprint=certificate.fingerprint)
    known = past.revoked
    told = any(each.reason is Reason.REVOKED for each in verdict.findings)
    if known is not None and known.fingerprint == certificate.fingerprint and verdict.errors and not told:
        # Without a path nobody can look, and what was revoked must not come back by taking its issuer away.
        text = (
            f'the certificate "{certificate.label}" was revoked, said a list of its issuer of '
            f"{known.this_update:%Y-%m-%d}, and no newer list says otherwise. Have a new one issued."
        )
        yield finding(Reason.REVOKED, text, fingerprint=certificate.fingerprint)
    awaits = issuers.awaited is not None and any(each.reason in _ABOUT_THE_PATH for each in verdict.errors)
    if awaits and issuers.awaited is not None:
        yield issuers.awaited
    for each in verdict.findings:
        if (awaits and each.reason in _ABOUT_THE_PATH) or (is_root and each.detail is Detail.UNTRUSTED_ROOT):
            continue
        # Nobody demanded lists: those that there are count, and that others are missing is nobody's fault.
        if each.severity is Severity.ERROR or each.reason is not Reason.CRL_NOT_VALID:
            yield _reword(each)


def _reword(found: Finding) -> Finding:
    # The engine speaks of certificates that were handed in; here other decisions vouch for them.
    if not found.message.endswith(_CHAIN_REMEDY):
        return found
    text = found.message.removesuffix(_CHAIN_REMEDY) + _REMEDY
    return finding(found.reason, text, detail=found.detail, severity=found.severity, fingerprint=found.fingerprint)


def _find_end(spec: TrustDecisionSpec | None, snapshot: Snapshot) -> Iterator[Finding]:
    """Say that the time is over for which the CA was to be trusted; from that very instant on it is not."""
    if spec is None or spec.trust_until is None:
        return
    until = read_instant(spec.trust_until)
    if until is None:
        text = "`spec.trustUntil` is no instant with a time zone. Write date, `T`, time, and `Z` or an offset."
        yield finding(Reason.INVALID_REQUEST, text, detail=Detail.WRONG_TYPE)
    elif snapshot.now >= until:
        text = f"`spec.trustUntil` has passed: the CA counts as untrusted since {until:%Y-%m-%d %H:%M:%S} UTC."
        yield finding(Reason.TRUST_ENDED, text)


def _remember(certificate: Certificate | None, verdict: Verdict, past: Past) -> KnownRevocation | None:
    """Give what is to be remembered: what was told now, else what was told before and nothing newer took back."""
    known = past.revoked
    told = next(
        (each for each in verdict.revocations if certificate and each.fingerprint == certificate.fingerprint), None
    )
    if told is not None or known is None:
        return told
    is_taken_back = certificate is not None and known.fingerprint == certificate.fingerprint and verdict.is_valid
    return None if is_taken_back else known
