"""Judging one certificate: the procedure, step by step, all findings collected."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding
from certwright.validation.advice import advise_on_algorithms, advise_on_alternatives, advise_on_target
from certwright.validation.demanded_names import find_missing_names
from certwright.validation.issuer_search import (
    advise_on_missing_issuer,
    describe_dead_end,
    describe_lost_intermediate,
    describe_missing_issuer,
)
from certwright.validation.options import DEFAULT_OPTIONS, KnownRevocation, Options, Role, expand_roles
from certwright.validation.path_building import Ending, Pool, build_paths
from certwright.validation.path_checks import find_path_faults
from certwright.validation.path_revocation import check_revocation
from certwright.validation.usage import find_usage_mismatches
from certwright.validation.verdict import Verdict, rank_findings, worst_reason
from certwright.validation.work import BudgetError, Instants, Work

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from certwright.pki.certificate import Certificate
    from certwright.pki.crl import RevocationList
    from certwright.validation.path_building import Path, Trail

_log = logging.getLogger(__name__)


def validate(  # noqa: PLR0913 - the inputs of a pure function
    target: Certificate,
    *,
    intermediates: Sequence[Certificate],
    anchors: Collection[Certificate] | None,
    crls: Sequence[RevocationList] = (),
    at: datetime,
    role: Role | frozenset[Role],
    options: Options = DEFAULT_OPTIONS,
) -> Verdict:
    """Judge `target` at the instant `at`: a pure function of its arguments that never raises.

    Steps, each a function below: (1) limits, (4) dates, (5, 7, 8, 9) self-signature, path building and path
    validation of RFC 5280 §6.1, (6) usage and names, (10) revocation of RFC 5280 §6.3. Parsing and decoding came
    before: they made the certificates.

    Args:
        target: the certificate in question.
        intermediates: every other certificate that may help; order and repetition make no difference.
        anchors: the trusted certificates; None where no trust store is demanded: then the path is followed as far
            as `intermediates` go, everything on it is checked, and its end need not be trusted.
        crls: revocation lists, complete and delta, in any order.
        at: aware UTC; fractions of a second are cut off, as certificates know none.
        role: what it is to be used for; of several roles all are demanded.
        options: names, strictness, revocation, limits.
    """
    at = at.replace(microsecond=0)
    judgement = _Judgement(
        target, tuple(dict.fromkeys(intermediates)), anchors, tuple(crls), at, expand_roles(role), options
    )
    try:
        judgement.run()
    except BudgetError as error:
        message = f"the certificate cannot be judged: {error} would be needed. Give fewer certificates or names."
        judgement.note(finding(Reason.VALIDATION_ERROR, message, detail=Detail.LIMIT_EXCEEDED))
    except Exception as error:  # noqa: BLE001 - a defect of ours must become a verdict, and be seen
        _log.exception("validation of %s failed", target.fingerprint)
        message = f"the certificate cannot be judged: unexpected {type(error).__name__}. This is a defect: report it."
        judgement.note(finding(Reason.VALIDATION_ERROR, message, fingerprint=target.fingerprint))
    return judgement.verdict()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A path that was judged and failed: the further it got, and the more it says, the better a report it makes."""

    path: Path
    findings: tuple[Finding, ...]
    rank: tuple[int, ...]


@dataclass
class _Judgement:
    """One validation under way."""

    target: Certificate
    intermediates: tuple[Certificate, ...]
    anchors: Collection[Certificate] | None
    crls: tuple[RevocationList, ...]
    at: datetime
    roles: frozenset[Role]
    options: Options
    findings: list[Finding] = field(default_factory=list)
    path: Path = ()
    anchor: Certificate | None = None

    def __post_init__(self) -> None:
        self.path = (self.target,)
        self._work = Work(self.options.limits, self.at)
        self._pool = Pool((c for c in self.intermediates if c != self.target), self.anchors)
        self._seen = {self.target}
        self._instants = Instants(self.at)
        self._revocations: dict[KnownRevocation, None] = {}

    def note(self, *found: Finding) -> None:
        self.findings.extend(found)

    def run(self) -> None:
        self.note(*self._find_oversize())  # 1
        self.note(*self._find_wrong_dates())  # 4
        is_anchor = self._pool.is_anchor_target(self.target)
        self.note(*find_usage_mismatches(self.target, self.roles, is_anchor=is_anchor, options=self.options))  # 6
        self.note(*find_missing_names(self.target, self.options))
        self.note(*advise_on_target(self.target, self.roles, self.options))
        self._follow_paths()  # 5, 7 to 11

    def verdict(self) -> Verdict:
        findings = rank_findings(self.findings)
        reason = worst_reason(findings)
        # A good path stays good as long as what it is made of; a bad one may be mended by anything that was looked at.
        took_part = self.path if reason is Reason.VALID else {*self._seen, *self.path}
        for certificate in took_part:
            self._instants.covers(certificate)
        return Verdict(reason, findings, self.path, self._instants.next, self.anchor, tuple(self._revocations))

    def _find_oversize(self) -> Iterator[Finding]:
        key, limits = self.target.public_key, self.options.limits
        if key.algorithm.startswith("RSA") and not limits.rsa_bits_min <= key.size <= limits.rsa_bits_max:
            message = (
                f"the certificate has an RSA key of {key.size} bits; from {limits.rsa_bits_min} to "
                f"{limits.rsa_bits_max} are accepted."
            )
            yield finding(Reason.UNPARSABLE, message, detail=Detail.LIMIT_EXCEEDED, fingerprint=self.target.fingerprint)

    def _find_wrong_dates(self) -> Iterator[Finding]:
        # RFC 5280 §4.1.2.5: both ends are inclusive.
        target = self.target
        if self.at < target.not_before:
            message = f"the certificate is not valid before {target.not_before:%Y-%m-%d %H:%M:%S} UTC"
            message += f"; now is {self.at:%Y-%m-%d %H:%M:%S} UTC. It will be looked at again then."
            yield finding(Reason.NOT_YET_VALID, message, fingerprint=target.fingerprint)
        if self.at > target.not_after:
            message = f"the certificate expired on {target.not_after:%Y-%m-%d %H:%M:%S} UTC. Give a newer one."
            yield finding(Reason.EXPIRED, message, fingerprint=target.fingerprint)

    def _follow_paths(self) -> None:
        best: _Attempt | None = None
        for trail in build_paths(self.target, self._pool, self._work):
            self._seen.update(trail.path)
            attempt = self._judge(trail)
            if attempt is None:
                return
            if best is None or attempt.rank > best.rank:
                best = attempt
        if best is not None:
            self.path = best.path
            self.note(*best.findings)

    def _judge(self, trail: Trail) -> _Attempt | None:
        """Judge one path; None means that it is accepted and all is noted."""
        if not trail.is_complete:
            rank = {Ending.UNTRUSTED_ROOT: 3, Ending.TOO_LONG: 2, Ending.ISSUER_UNKNOWN: 1}.get(trail.ending, 0)
            described = describe_dead_end(trail, given=self._given, anchors=self.anchors)
            return _Attempt(trail.path, (described,), (0, rank, len(trail.path)))
        self._work.spend("paths")
        trusted = trail.ending is Ending.ANCHOR
        faults = find_path_faults(trail.path, trusted_top=trusted, options=self.options, work=self._work)
        weak = tuple(advise_on_algorithms(trail.path, trusted_top=trusted, options=self.options))
        errors = tuple(fault.finding for fault in faults)
        errors += tuple(item for item in weak if item.reason is Reason.CHAIN_INVALID)
        if errors:
            distance = max((fault.distance for fault in faults), default=0)
            return _Attempt(trail.path, errors, (1, -distance, -len(errors)))
        standing = check_revocation(
            trail.path, self.crls, self.intermediates, trusted_top=trusted, options=self.options, work=self._work
        )
        self._revocations.update(dict.fromkeys(standing.revocations))
        for crl in standing.used:
            self._instants.begins(crl.this_update)
            if crl.next_update is not None:
                self._instants.ends(crl.next_update)
        if standing.has_errors and not standing.is_target_revoked:
            return _Attempt(trail.path, weak + standing.findings, (2, -len(standing.findings), 0))
        self._accept(trail, weak + standing.findings)
        return None

    def _accept(self, trail: Trail, advice: Sequence[Finding]) -> None:
        self.path = trail.path
        self.anchor = trail.path[-1] if trail.ending is Ending.ANCHOR else None
        self.note(*advice, *advise_on_alternatives(trail.path, self.intermediates, self.at))
        if self.anchors is None and len(trail.path) == 1 and trail.ending is Ending.TOP:
            self.note(*self._judge_lone_target())

    def _judge_lone_target(self) -> Iterator[Finding]:
        # Without a trust store: an incomplete chain is an outage, a chain that never was is a habit.
        target = self.target
        if target.is_self_issued and self._work.is_signed_by(target, target):
            return
        if self._given:
            yield describe_missing_issuer(target, is_target=True, given=self._given, anchors=None)
        elif self.options.previous_had_intermediate:
            yield describe_lost_intermediate(target)
        else:
            yield advise_on_missing_issuer(target)

    @property
    def _given(self) -> tuple[Certificate, ...]:
        return tuple(certificate for certificate in self.intermediates if certificate != self.target)
