"""The judge: from a snapshot to a verdict on the list that a source offers, and to the list that is used.

A list is used once its signature was verified with the issuer that the wish names, and until a newer one was. That it
has expired does not take it out of use: verdicts that need it say so themselves, and what it revokes stays revoked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from certwright.api.model import parse
from certwright.api.revocationsource import RevocationSourceSpec
from certwright.api.revocationsource_status import REFUSALS_LIMIT, KeptList
from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.reconcile.objects import Failure, Kind, Snapshot
from certwright.reconcile.offers import kept_list
from certwright.reconcile.questions import Recalled
from certwright.reconcile.revocationsource.candidate import Candidate, find_candidate
from certwright.reconcile.revocationsource.conflicts import find_conflicts
from certwright.reconcile.revocationsource.expiry import warn_of_expiry, warning_instant
from certwright.reconcile.revocationsource.fetching import Fetching, decide_fetch
from certwright.reconcile.revocationsource.issuers import Issuers, read_issuers
from certwright.reconcile.revocationsource.judgement import InUse, Judgement, errors_of
from certwright.reconcile.revocationsource.order import find_misplaced, scope_of
from certwright.reconcile.revocationsource.past import Past, read_past
from certwright.reconcile.revocationsource.references import find_origin
from certwright.validation import Verdict, validate_crl

logger = logging.getLogger(__name__)

_DOUBT = finding(
    Reason.NOT_CHECKED,
    "the clocks of the operator and of the API server are too far apart to judge lists. It is judged as soon as they "
    "agree.",
    detail=Detail.CLOCK_DOUBTED,
)


@dataclass(frozen=True, slots=True)
class _Held:
    """The list of the status.

    Attributes:
        in_use: what is recorded, with the list when it is at hand.
        is_kept: what it is kept in is as recorded.
        failure: why it could not be read.
    """

    in_use: InUse | None = None
    is_kept: bool = True
    failure: Failure | None = None

    @property
    def crl(self) -> RevocationList | None:
        return self.in_use.crl if self.in_use is not None else None


def judge(snapshot: Snapshot, *, operator_namespace: str) -> Judgement:
    """Judge the wish and what came of it at `snapshot.now`; the operator's namespace is where lists are kept."""
    past = read_past(snapshot.subject)
    held = _recall(past, snapshot, operator_namespace)
    try:
        spec = parse(RevocationSourceSpec, snapshot.subject.spec)
    except MaterialError as error:
        return Judgement(None, (error.finding,), in_use=held.in_use)
    conflicts = tuple(find_conflicts(spec))
    if conflicts:
        return Judgement(spec, conflicts, in_use=held.in_use)
    if snapshot.clock_doubted:
        known = past.status.observed_generation == snapshot.subject.generation
        return Judgement(spec, () if known else (_DOUBT,), in_use=held.in_use, standing=known)
    try:
        return _judge(spec, snapshot, past, held)
    except Exception as error:
        # Strangers choose the bytes. What nobody foresaw must be said in the status, not tried again for ever.
        logger.exception("judging %s failed", snapshot.subject.key)
        message = f"the list could not be judged: unexpected {type(error).__name__}. This is a defect of certwright; "
        problem = finding(Reason.CRL_ERROR, message + "its log says more.")
        return Judgement(spec, (problem,), in_use=held.in_use, is_judged=True)


def refuse(snapshot: Snapshot, problem: Finding) -> Judgement:
    """Give the judgement that stands when there is no other; the list in use stays."""
    return Judgement(None, (problem,), in_use=_held_in_use(read_past(snapshot.subject), None))


def _judge(spec: RevocationSourceSpec, snapshot: Snapshot, past: Past, held: _Held) -> Judgement:
    issuers, candidate = read_issuers(spec, snapshot), find_candidate(spec, snapshot)
    verify = _Verifier(issuers.certificates, snapshot.now) if issuers.problem is None else None
    offered = candidate.reading.read.crl if candidate.reading is not None else None
    verdict = verify(offered) if verify is not None and offered is not None else None
    accepted, misplaced = None, None
    if verdict is not None and offered is not None and is_authentic(verdict):
        accepted = _describe(offered, verdict, candidate, spec=spec, past=past)
        misplaced = find_misplaced(offered, accepted.kept, past, fetched=spec.url is not None)
    if misplaced is not None:
        accepted = None
    in_use = accepted or held.in_use
    present = verdict if accepted else verify(held.crl) if verify is not None and held.crl is not None else None
    offences = _about_offer(spec, candidate, verdict if accepted is None else None, misplaced)
    refused = _find_refused(spec, candidate, offences, past, snapshot)
    fetching = decide_fetch(spec, snapshot, past, has_body=held.crl is not None and held.is_kept)
    found = (
        *(each for each in (issuers.problem, fetching.problem) if each is not None),
        *_find_unread(issuers, verdict, present),
        *(refused if spec.url is not None else offences),
        *(_name_field(each, spec) for each in (present.findings if present is not None else ())),
        *candidate.notes,
        *_find_absence(spec, held, in_use, fetching, refused=refused),
        *warn_of_expiry(in_use.crl if in_use is not None else None, snapshot.now, fetched=spec.url is not None),
    )
    return Judgement(
        spec=spec,
        findings=tuple(dict.fromkeys(found)),
        in_use=in_use,
        storing=candidate.reading if accepted is not None else None,
        is_kept=held.crl is not None and held.is_kept,
        refused=refused,
        is_judged=issuers.problem is None and (verdict is not None or present is not None),
        next_change=_next_change(spec, in_use, snapshot.now, verdict, present),
        fetch=fetching.start,
        fetch_due=fetching.due,
    )


def is_authentic(verdict: Verdict) -> bool:
    """Say whether a list is worth using: nothing is wrong with it but that it has expired."""
    return {each.reason for each in verdict.errors} <= {Reason.CRL_EXPIRED}


@dataclass(frozen=True, slots=True)
class _Verifier:
    """Validates lists against the issuers that the wish names; each of those is trusted by being named."""

    issuers: tuple[Certificate, ...]
    at: datetime

    def __call__(self, crl: RevocationList) -> Verdict:
        return validate_crl(crl, intermediates=(), anchors=self.issuers, at=self.at)


def _recall(past: Past, snapshot: Snapshot, operator_namespace: str) -> _Held:
    question = kept_list(snapshot.subject, operator_namespace)
    if question is None:
        return _Held()
    answer = snapshot.answers.get(question)
    if isinstance(answer, Recalled):
        return _Held(_held_in_use(past, answer.crl), answer.is_kept)
    return _Held(_held_in_use(past, None), failure=answer if isinstance(answer, Failure) else None)


def _held_in_use(past: Past, crl: RevocationList | None) -> InUse | None:
    if past.kept is None:
        return None
    return InUse(crl, past.kept, past.fetched_at, past.record.etag, past.record.last_modified)


def _describe(
    crl: RevocationList, verdict: Verdict, candidate: Candidate, *, spec: RevocationSourceSpec, past: Past
) -> InUse:
    kept = KeptList(
        digest=crl.fingerprint,
        signer=verdict.path[0].public_key.fingerprint,
        scope=scope_of(crl),
        origin=find_origin(spec),
    )
    delivery = candidate.delivery
    if delivery is None:
        return InUse(crl, kept)
    if past.kept is not None and (past.kept.digest, past.kept.origin) == (kept.digest, kept.origin):
        # The same once more: that it was looked at again is no news, and not worth a write.
        return InUse(crl, kept, past.fetched_at, past.record.etag, past.record.last_modified)
    return InUse(crl, kept, delivery.at, delivery.etag, delivery.last_modified)


def _about_offer(
    spec: RevocationSourceSpec, candidate: Candidate, verdict: Verdict | None, misplaced: Finding | None
) -> tuple[Finding, ...]:
    """Say what is wrong with what the source offers; a list that takes its place is spoken of as the one in use."""
    problems = tuple(each for each in (candidate.problem, misplaced) if each is not None)
    return (*problems, *(_name_field(found, spec) for found in (verdict.findings if verdict is not None else ())))


def _name_field(found: Finding, spec: RevocationSourceSpec) -> Finding:
    if found.reason is not Reason.CRL_ISSUER_NOT_FOUND:
        return found
    # The engine speaks of certificates in general; here there is one field for them.
    if spec.issuer_ref is None:
        remedy = "Trust it with a TrustDecision, or name it in `spec.issuerRef`."
    elif spec.issuer_ref.kind == Kind.TRUST_DECISION.value:
        remedy = "Name the TrustDecision about it in `spec.issuerRef`."
    else:
        remedy = "Add it to what `spec.issuerRef` names."
    message = found.message.removesuffix("Add it.") + remedy
    return finding(found.reason, message, detail=found.detail, fingerprint=found.fingerprint)


def _find_unread(issuers: Issuers, *verdicts: Verdict | None) -> tuple[Finding, ...]:
    """Say which trusted certificates could not be read, when the issuer may be one of them."""
    missing = any(
        each.reason is Reason.CRL_ISSUER_NOT_FOUND for verdict in verdicts if verdict for each in verdict.errors
    )
    return issuers.unread if missing else ()


def _find_refused(
    spec: RevocationSourceSpec, candidate: Candidate, offences: tuple[Finding, ...], past: Past, snapshot: Snapshot
) -> tuple[Finding, ...]:
    """Say what is wrong with the last fetch: what came now, else what the status remembers of it."""
    if spec.url is None:
        return ()
    if candidate.delivery is not None:
        return errors_of(offences)[:REFUSALS_LIMIT]
    return past.refused if past.status.observed_generation == snapshot.subject.generation else ()


def _find_absence(
    spec: RevocationSourceSpec,
    held: _Held,
    in_use: InUse | None,
    fetching: Fetching,
    *,
    refused: tuple[Finding, ...],
) -> Iterator[Finding]:
    """Say that there is no list, or that the one in use is not at hand."""
    if held.failure is not None and in_use is held.in_use:
        text = f"the list in use could not be read: {held.failure.message}. It is tried again."
        yield finding(Reason.NOT_CHECKED, text, detail=Detail.READ_FAILED)
    elif in_use is not None and in_use.crl is None:
        if spec.url is None:
            text = "the list in use is lost, and what the source offers cannot replace it. Hand in the present list."
            yield finding(Reason.LAST_GOOD_LOST, text)
        elif not refused:
            text = "the list in use is not at hand. It is fetched again; until then verdicts stay as they are."
            yield finding(Reason.NOT_CHECKED, text)
    elif fetching.awaited and not refused and (in_use is None or in_use.kept.origin != find_origin(spec)):
        yield finding(Reason.NOT_CHECKED, "the list is being fetched.")


def _next_change(
    spec: RevocationSourceSpec, in_use: InUse | None, now: datetime, *verdicts: Verdict | None
) -> datetime | None:
    instants = [verdict.next_change for verdict in verdicts if verdict is not None]
    instants.append(warning_instant(in_use.crl if in_use is not None else None, fetched=spec.url is not None))
    return min((each for each in instants if each is not None and each > now), default=None)
