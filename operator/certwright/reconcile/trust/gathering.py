"""What the decisions and the public roots make now: the CAs that are wanted, and the decisions that are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from certwright.api.selector import LabelSelector
from certwright.api.trustdecision_spec import CertUse
from certwright.findings import Finding, Reason, Severity, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.questions import PublicRootsAnswer
from certwright.reconcile.trust.record import TrustedCertificate, TrustRecord, first_expired
from certwright.reconcile.trust.stance import Stance, Standing

_EXPIRED = "its certificate has expired. Remove it, or give its successor"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A decision of the namespace, and the certificate that it is about.

    Attributes:
        material: the certificate as it was read now, or why it could not be; `None` when it was not read. It is needed
            of decisions that are selected and `TRUSTED`; one of another fingerprint than was judged counts as unread.
    """

    stance: Stance
    material: Certificate | Finding | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """What a store gathers from.

    Attributes:
        candidates: all decisions of the namespace that it looks at, selected or not, in any order.
        selector: `spec.selector`; `None` selects nothing.
        public: the public roots; `None` when they are not wished for.
        closed: why the namespace may say nothing about trust now (see `certwright.reconcile.trust.source`): nothing is
            gathered then, and what is deployed stays.
        deployed: what is deployed; `None` before the first deployment.
        now: judgement time.
        clock_doubted: nothing is taken out by time alone.
    """

    candidates: tuple[Candidate, ...]
    selector: LabelSelector | None
    public: PublicRootsAnswer | None
    closed: Finding | None
    deployed: TrustRecord | None
    now: datetime
    clock_doubted: bool = False


@dataclass(frozen=True, slots=True)
class Voices:
    """Who says what about which certificate.

    Attributes:
        selected: the candidates that are selected, by name.
        distrusted: fingerprints that somebody withdrew, with the name of the decision that did.
        ended: names of the decisions whose say has ended.
        ended_fingerprints: the certificates that those were about.
        withdrawing: names of the decisions that withdraw, whatever certificate they are about now.
        leaving: names of the decisions that are being deleted.
    """

    selected: Mapping[str, Candidate]
    distrusted: Mapping[str, str]
    ended: frozenset[str]
    ended_fingerprints: frozenset[str]
    withdrawing: frozenset[str]
    leaving: frozenset[str]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is wanted.

    Attributes:
        entries: sorted by fingerprint, none of them distrusted.
        public_roots: the version of the public roots among them.
        findings: the decisions that are left out, and why.
    """

    entries: tuple[TrustedCertificate, ...]
    public_roots: str | None
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Votes:
    """What speaks for one certificate."""

    certificate: Certificate
    roles: set[CertUse] = field(default_factory=set)
    ends: list[datetime | None] = field(default_factory=list)
    decisions: set[str] = field(default_factory=set)
    public: bool = False

    def merge(self) -> TrustedCertificate:
        # A decision about a public root speaks in its place: a wished end is not lost to the root's having none.
        ends = [each for each in self.ends if each is not None]
        return TrustedCertificate(
            self.certificate,
            "rootCA" if self.public or "rootCA" in self.roles else "intermediateCA",
            max(ends) if ends and len(ends) == len(self.ends) else None,
            tuple(sorted(self.decisions)),
            self.public,
        )


def hear(sources: Sources) -> Voices:
    """Sort the decisions that have a say: those selected, and those that something is deployed under."""
    selected = {
        each.stance.name: each
        for each in sources.candidates
        if sources.closed is None and sources.selector is not None and sources.selector.matches(each.stance.labels)
    }
    carried = _carried_by(sources.deployed)
    heard = [each.stance for each in sources.candidates if each.stance.name in selected or each.stance.name in carried]
    heard.sort(key=lambda stance: stance.name)
    distrusted: dict[str, str] = {}
    for stance in heard:
        if stance.standing is Standing.WITHDRAWN:
            # One that is not known to be about any certificate speaks of what is deployed under it.
            about = [stance.fingerprint] if stance.fingerprint else carried.get(stance.name, [])
            distrusted.update((fingerprint, stance.name) for fingerprint in about)
    ended = [each for each in heard if _has_ended(each, sources)]
    return Voices(
        selected,
        distrusted,
        frozenset(each.name for each in ended),
        frozenset(each.fingerprint for each in ended if each.fingerprint),
        frozenset(each.name for each in heard if each.standing is Standing.WITHDRAWN),
        frozenset(each.name for each in heard if each.standing is Standing.LEAVING),
    )


def gather(sources: Sources, voices: Voices) -> Gathered:
    """Put together what is wanted now."""
    votes: dict[str, _Votes] = {}
    findings: list[Finding] = []
    _keep_troubled(sources, voices, votes)
    for name in sorted(voices.selected):
        candidate = voices.selected[name]
        problem = _find_problem(candidate, sources, voices)
        if problem is None and isinstance(candidate.material, Certificate):
            _vote(votes, candidate.material, candidate.stance)
        elif problem:
            findings.append(_leave_out(candidate, problem, sources, voices))
    version = _add_public_roots(sources, voices, votes)
    return Gathered(tuple(votes[each].merge() for each in sorted(votes)), version, tuple(findings))


def is_over(entry: TrustedCertificate, sources: Sources) -> bool:
    """Say whether time has ended a CA of a record."""
    return not sources.clock_doubted and entry.ends <= sources.now


def end_of(stance: Stance) -> datetime | None:
    """Give `trustUntil` in whole seconds, as records and revisions have it."""
    return stance.until.replace(microsecond=0) if stance.until is not None else None


def _carried_by(deployed: TrustRecord | None) -> Mapping[str, list[str]]:
    carried: defaultdict[str, list[str]] = defaultdict(list)
    for entry in deployed.entries if deployed is not None else ():
        for decision in entry.decisions:
            carried[decision].append(entry.fingerprint)
    return carried


def _has_ended(stance: Stance, sources: Sources) -> bool:
    if stance.standing is not Standing.TRUSTED:
        return stance.standing is Standing.ENDED
    # The decision has not been judged since, but the instant has come.
    until = end_of(stance)
    return until is not None and until <= sources.now and not sources.clock_doubted


def _keep_troubled(sources: Sources, voices: Voices, votes: dict[str, _Votes]) -> None:
    """Let what is deployed under decisions in trouble stay, exactly as it is deployed."""
    for entry in sources.deployed.entries if sources.deployed is not None else ():
        if entry.distrusted or entry.fingerprint in voices.distrusted or is_over(entry, sources):
            continue
        if sources.closed is None:
            keepers = {name for name in entry.decisions if _is_troubled(name, voices)}
            stays = bool(keepers)
        else:
            gone = voices.ended | voices.withdrawing
            keepers = set(entry.decisions) - gone - voices.leaving
            stays = bool(keepers) or entry.public or gone.isdisjoint(entry.decisions)
        if stays:
            vote = votes.setdefault(entry.fingerprint, _Votes(entry.certificate))
            vote.roles.add(entry.role)
            vote.ends.append(entry.trust_until)
            vote.decisions |= keepers
            vote.public = sources.closed is not None and entry.public


def _is_troubled(name: str, voices: Voices) -> bool:
    candidate = voices.selected.get(name)
    if candidate is None or name in voices.ended:
        return False
    standing = candidate.stance.standing
    return standing in {Standing.PENDING, Standing.TROUBLED} or (
        standing is Standing.TRUSTED and not _is_as_judged(candidate)
    )


def _is_as_judged(candidate: Candidate) -> bool:
    material = candidate.material
    return isinstance(material, Certificate) and material.fingerprint == candidate.stance.fingerprint


def _find_problem(candidate: Candidate, sources: Sources, voices: Voices) -> str | None:
    """Say why a selected decision adds nothing; empty when that needs no word, `None` when it does."""
    stance = candidate.stance
    if stance.standing is Standing.TROUBLED:
        return "it is not in order. See its status"
    if stance.standing is Standing.ENDED and (stance.until is None or sources.now < stance.until):
        return _EXPIRED
    if stance.standing is not Standing.TRUSTED or stance.name in voices.ended:
        return ""  # as wished, or about to be judged
    return _find_problem_of_material(candidate, sources, voices)


def _find_problem_of_material(candidate: Candidate, sources: Sources, voices: Voices) -> str | None:
    material = candidate.material
    if isinstance(material, Finding):
        return f"its certificate cannot be had: {material.message.rstrip('.')}"
    if material is None or not _is_as_judged(candidate):
        return "its certificate is not the one that was judged. Wait until it is judged anew"
    if material.fingerprint in voices.distrusted:
        other = voices.distrusted[material.fingerprint]
        return f"TrustDecision {other} distrusts the same certificate. Remove one of the two"
    return _find_problem_with_time(material, sources)


def _find_problem_with_time(certificate: Certificate, sources: Sources) -> str | None:
    if _is_deployed(certificate, sources) and (sources.clock_doubted or sources.now < certificate.not_before):
        return None  # what was good enough to be deployed is not taken out by a clock that went back
    if first_expired(certificate) <= sources.now:
        return _EXPIRED
    if sources.now < certificate.not_before:
        return "its certificate is not yet valid. It is added when it is"
    return None


def _is_deployed(certificate: Certificate, sources: Sources) -> bool:
    entries = sources.deployed.entries if sources.deployed is not None else ()
    return any(each.fingerprint == certificate.fingerprint and not each.distrusted for each in entries)


def _vote(votes: dict[str, _Votes], certificate: Certificate, stance: Stance) -> None:
    vote = votes.setdefault(certificate.fingerprint, _Votes(certificate))
    vote.roles.add(stance.role)
    vote.ends.append(end_of(stance))
    vote.decisions.add(stance.name)


def _leave_out(candidate: Candidate, problem: str, sources: Sources, voices: Voices) -> Finding:
    stance = candidate.stance
    stays = stance.name in _carried_by(sources.deployed) and _is_troubled(stance.name, voices)
    effect = "What is deployed under it stays as it is" if stays else "It is left out"
    return finding(
        Reason.CERTIFICATE_LEFT_OUT,
        f"{effect}: TrustDecision {stance.name}, for {problem}.",
        severity=Severity.WARNING,
        fingerprint=stance.fingerprint,
    )


def _add_public_roots(sources: Sources, voices: Voices, votes: dict[str, _Votes]) -> str | None:
    if sources.closed is not None:
        return sources.deployed.public_roots if sources.deployed is not None else None
    if sources.public is None:
        return None
    for root in _wanted_public_roots(sources, voices, votes):
        votes.setdefault(root.fingerprint, _Votes(root)).public = True
    return sources.public.version


def _wanted_public_roots(sources: Sources, voices: Voices, votes: Mapping[str, _Votes]) -> Iterator[Certificate]:
    for root in sources.public.certificates if sources.public is not None else ():
        over = voices.ended_fingerprints if root.fingerprint not in votes else frozenset()
        if root.fingerprint in voices.distrusted or root.fingerprint in over:
            continue
        if _find_problem_with_time(root, sources) is None:
            yield root
