"""Revocation of the certificates of a path (RFC 5280 §6.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, Severity, finding
from certwright.pki.crl_entries import CERTIFICATE_HOLD, REMOVE_FROM_CRL
from certwright.pki.distribution_points import ALL_REASONS
from certwright.validation.crl_scope import describe_scope, is_applicable, names_of_issuers, reasons_covered
from certwright.validation.crl_signers import Authenticity, SignerSearch, SignerState
from certwright.validation.crl_state import (
    find_defects,
    find_expired,
    find_not_yet_valid,
    find_oddities,
    find_unknown,
    most_advanced,
    name_crl,
)
from certwright.validation.options import Revocation
from certwright.validation.path_building import Pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from certwright.pki.certificate import Certificate
    from certwright.pki.crl import RevocationList
    from certwright.pki.crl_entries import RevokedEntry
    from certwright.pki.names import Name
    from certwright.validation.options import Options
    from certwright.validation.path_building import Path
    from certwright.validation.work import Work


class State(Enum):
    """What is known about the revocation of one certificate."""

    GOOD = "a usable list covers it"
    REVOKED = "an authentic list names it"
    UNKNOWN = "no usable list covers it"


@dataclass(frozen=True, slots=True)
class Standing:
    """The outcome for one certificate.

    Attributes:
        state: what is known.
        findings: why, and what is odd about the lists.
        used: the lists that were about it.
        decisive: the lists that the state rests on; none when it is unknown.
    """

    state: State
    findings: tuple[Finding, ...] = ()
    used: tuple[RevocationList, ...] = ()
    decisive: tuple[RevocationList, ...] = ()


@dataclass(slots=True)
class _Usable:
    """The authentic lists about one certificate, and why the others are of no use.

    Lists that have expired, or whose signer is in doubt, are no evidence of good, and can still accuse.
    """

    complete: list[RevocationList] = field(default_factory=list)
    accusing: list[RevocationList] = field(default_factory=list)
    deltas: list[RevocationList] = field(default_factory=list)
    failures: list[Finding] = field(default_factory=list)
    oddities: list[Finding] = field(default_factory=list)
    seen: list[RevocationList] = field(default_factory=list)
    reasons: dict[RevocationList, frozenset[str]] = field(default_factory=dict)


class RevocationCheck:
    """Checks the certificates of one path; signers of lists have paths of their own, checked the same way."""

    def __init__(
        self,
        path: Path,
        crls: Iterable[RevocationList],
        intermediates: Sequence[Certificate],
        *,
        options: Options,
        work: Work,
    ) -> None:
        """Prepare for `path`, the top of which is believed; order and repetition of `crls` make no difference."""
        self._path = path
        self._crls: dict[Name, list[RevocationList]] = {}
        for crl in sorted(set(crls), key=lambda crl: crl.fingerprint):
            self._crls.setdefault(crl.issuer, []).append(crl)
        self._options = options
        self._work = work
        self._under_way: set[Certificate] = set()
        self._standings: dict[tuple[Certificate, Certificate], Standing] = {}
        pool = Pool(intermediates, [path[-1]])
        self._signers = SignerSearch(pool, options=options, work=work, judge=self._judge_signer)

    def check(self, place: int) -> Standing:
        """Check the certificate at `place` of the path."""
        return self._check(self._path[place], self._path[place + 1 :])

    def _judge_signer(self, path: Path) -> SignerState:
        # The path of a separate signer. Where the only list about the signer is its own (PKITS 4.14.30), that list
        # is believed: it can still say that the signer is revoked.
        found = SignerState.GOOD
        for place in range(len(path) - 2, -1, -1):
            if path[place] in self._under_way:
                continue
            state = self._check(path[place], path[place + 1 :]).state
            if state is State.REVOKED:
                return SignerState.REVOKED
            if state is State.UNKNOWN and self._options.revocation is Revocation.REQUIRE:
                found = SignerState.UNKNOWN
        return found

    def _check(self, certificate: Certificate, issuers: Path) -> Standing:
        key = (certificate, issuers[0])
        if key not in self._standings:
            self._under_way.add(certificate)
            try:
                self._standings[key] = self._judge(certificate, self._sort(certificate, issuers))
            finally:
                self._under_way.discard(certificate)
        return self._standings[key]

    def _sort(self, certificate: Certificate, issuers: Path) -> _Usable:
        """Look at every list that speaks for `certificate`: (a), (b), (f), (g), in the order of the checks."""
        usable = _Usable()
        for crl in (crl for name in names_of_issuers(certificate) for crl in self._crls.get(name, ())):
            self._work.spend("candidates")
            if not is_applicable(crl, certificate):
                continue
            usable.seen.append(crl)
            usable.reasons[crl] = reasons_covered(crl, certificate)
            failure = next(find_defects(crl, self._options), None)
            failure = failure or (None if usable.reasons[crl] else _scope_fault(crl, certificate))
            failure = failure or next(find_unknown(crl), None) or next(find_not_yet_valid(crl, self._work.at), None)
            if failure is not None:
                usable.failures.append(failure)
                continue
            authenticity = self._signers.authenticate(crl, issuers)
            if not authenticity.path:
                usable.failures += authenticity.findings
                if authenticity.is_doubtful:
                    usable.accusing.append(crl)
                continue
            self._admit(crl, authenticity, usable)
        return usable

    def _admit(self, crl: RevocationList, authenticity: Authenticity, usable: _Usable) -> None:
        expiry = next(find_expired(crl, self._work.at), None)
        if expiry is None:
            (usable.deltas if crl.is_delta else usable.complete).append(crl)
        else:
            usable.accusing.append(crl)
            if not crl.is_delta:  # a stale delta is ignored
                usable.failures.append(expiry)
        usable.oddities += (*authenticity.findings, *find_oddities(crl, self._options))

    def _judge(self, certificate: Certificate, usable: _Usable) -> Standing:
        used = tuple(usable.seen)
        for crl in (*usable.complete, *usable.deltas, *usable.accusing):
            entry = crl.find(certificate.serial_number, certificate.issuer)
            if entry is not None and entry.reason not in (CERTIFICATE_HOLD, REMOVE_FROM_CRL):
                return Standing(State.REVOKED, (_revoked(certificate, entry, crl), *usable.oddities), used, (crl,))
        covered: set[str] = set()
        decisive: list[RevocationList] = []
        for crl in _newest(usable.complete):
            delta = _find_delta(crl, certificate, usable.deltas)
            held = _find_hold(certificate, crl, delta)
            if held is not None:
                return Standing(State.REVOKED, (_revoked(certificate, held, crl), *usable.oddities), used, (crl,))
            covered |= usable.reasons[crl]
            decisive += [crl] if delta is None else [crl, delta]
        if covered >= ALL_REASONS:
            return Standing(State.GOOD, tuple(usable.oddities), used, tuple(decisive))
        failures = [*usable.failures, *_uncovered(certificate, usable, covered)]
        return Standing(State.UNKNOWN, (most_advanced(failures), *usable.oddities), used)


def _scope_fault(crl: RevocationList, certificate: Certificate) -> Finding:
    message = (
        f'{name_crl(crl)} does not cover the certificate "{certificate.label}": {describe_scope(crl, certificate)}.'
    )
    return finding(Reason.CRL_NOT_VALID, message, detail=Detail.SCOPE, fingerprint=certificate.fingerprint)


def _newest(crls: list[RevocationList]) -> list[RevocationList]:
    """Of the complete lists with one issuer and scope keep the newest."""
    newest: dict[object, RevocationList] = {}
    for crl in sorted(crls, key=lambda each: (each.this_update, each.number or 0, each.fingerprint)):
        newest[crl.issuer, crl.issuing_point, crl.authority_key_id] = crl
    return list(newest.values())


def _find_delta(base: RevocationList, certificate: Certificate, deltas: list[RevocationList]) -> RevocationList | None:
    # §5.2.4, §6.3.3 (c); a delta is used where certificate or base announce it
    if base.number is None or (certificate.freshest_crl is None and base.freshest_crl is None):
        return None
    fitting = [
        delta
        for delta in deltas
        if delta.issuer == base.issuer
        and delta.issuing_point == base.issuing_point
        and delta.authority_key_id == base.authority_key_id
        and delta.delta_base is not None
        and delta.number is not None
        and delta.delta_base <= base.number < delta.number
    ]
    return max(fitting, key=lambda each: (each.number or 0, each.fingerprint), default=None)


def _find_hold(certificate: Certificate, base: RevocationList, delta: RevocationList | None) -> RevokedEntry | None:
    # (i), (j), (k): the delta first; removeFromCRL there ends a hold
    for crl in (delta, base):
        entry = crl.find(certificate.serial_number, certificate.issuer) if crl is not None else None
        if entry is not None:
            return entry if entry.reason == CERTIFICATE_HOLD else None
    return None


def _uncovered(certificate: Certificate, usable: _Usable, covered: set[str]) -> list[Finding]:
    about, detail = f'"{certificate.label}", issued by "{certificate.issuer.label}"', None
    if covered:
        missing = ", ".join(sorted(ALL_REASONS - covered))
        message, detail = f"the revocation lists for {about}, do not cover the reasons {missing}.", Detail.REASONS
    elif any(crl.is_delta for crl in usable.seen) and not usable.complete and not usable.failures:
        message = f"for {about}, there is only a delta list and not the complete one it builds on."
        detail = Detail.DELTA_WITHOUT_BASE
    elif not usable.failures:
        message = f'there is no revocation list for {about}. Add the list of "{certificate.issuer.label}".'
        detail = Detail.CRL_MISSING
    else:
        return []
    return [finding(Reason.CRL_NOT_VALID, message, detail=detail, fingerprint=certificate.fingerprint)]


def _revoked(certificate: Certificate, entry: RevokedEntry, crl: RevocationList) -> Finding:
    date = f" on {entry.date:%Y-%m-%d %H:%M:%S} UTC" if entry.date else ""
    held = entry.reason == CERTIFICATE_HOLD
    message = (
        f'the certificate "{certificate.label}" (serial {certificate.serial_hex[:40]}) was revoked{date}'
        f"{f' ({entry.reason})' if entry.reason else ''}, says {name_crl(crl)}. "
        + ("A hold can be lifted by a newer list." if held else "Replace it.")
    )
    return finding(
        Reason.REVOKED,
        message,
        detail=Detail.CERTIFICATE_HOLD if held else None,
        fingerprint=certificate.fingerprint,
    )


def is_mere_absence(item: Finding) -> bool:
    """Tell whether a finding only says that lists are missing, which `PREFER` turns into a warning."""
    return item.severity is Severity.ERROR and item.detail in (
        Detail.CRL_MISSING,
        Detail.SCOPE,
        Detail.REASONS,
        Detail.DELTA_WITHOUT_BASE,
    )
