"""Revocation of a whole path: issuers first, and what missing lists mean in each mode."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, Severity, finding
from certwright.validation.options import KnownRevocation, Revocation
from certwright.validation.revocation import RevocationCheck, Standing, State, is_mere_absence
from certwright.validation.work import BudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from certwright.pki.certificate import Certificate
    from certwright.pki.crl import RevocationList
    from certwright.validation.options import Options
    from certwright.validation.path_building import Path
    from certwright.validation.work import Work

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PathStanding:
    """What the lists say about a path.

    Attributes:
        findings: all of them.
        used: the lists that were about a certificate of the path.
        revocations: which certificates of the path are revoked, and by which list.
    """

    findings: tuple[Finding, ...] = ()
    used: tuple[RevocationList, ...] = ()
    revocations: tuple[KnownRevocation, ...] = ()

    @property
    def has_errors(self) -> bool:
        """Tell whether the path must not be used."""
        return any(item.severity is Severity.ERROR for item in self.findings)

    @property
    def is_target_revoked(self) -> bool:
        """Tell whether the target itself is listed: no other path can make up for that."""
        return any(item.reason is Reason.REVOKED for item in self.findings)


def check_revocation(
    path: Path,
    crls: Sequence[RevocationList],
    intermediates: Sequence[Certificate],
    *,
    trusted_top: bool,
    options: Options,
    work: Work,
) -> PathStanding:
    """Check every certificate of `path` below its top (RFC 5280 §6.3); `OFF` checks nothing."""
    if options.revocation is Revocation.OFF:
        return PathStanding()
    findings: list[Finding] = []
    used: dict[RevocationList, None] = {}
    known = {each.fingerprint: each for each in sorted(options.known_revocations, key=lambda each: each.order)}
    revocations: list[KnownRevocation] = []
    try:
        check = RevocationCheck(path, crls, intermediates, options=options, work=work)
        for place in range(len(path) - 2, -1, -1):
            standing = check.check(place)
            standing = _remember(standing, path[place], known.get(path[place].fingerprint), revocations)
            findings += _place_blame(standing.state, standing.findings, is_target=place == 0)
            used.update(dict.fromkeys(standing.used))
    except BudgetError as error:
        message = f"revocation cannot be judged: {error} would be needed. Give fewer lists or certificates."
        findings.append(finding(Reason.CRL_ERROR, message, detail=Detail.LIMIT_EXCEEDED))
    except Exception as error:  # noqa: BLE001 - a defect of ours must become a verdict, and be seen
        _log.exception("revocation of %s failed", path[0].fingerprint)
        message = f"revocation cannot be judged: unexpected {type(error).__name__}. This is a defect: report it."
        findings.append(finding(Reason.CRL_ERROR, message, fingerprint=path[0].fingerprint))
    if not trusted_top:
        findings += _find_unsupplied(path[-1])
        top = _remember(Standing(State.UNKNOWN), path[-1], known.get(path[-1].fingerprint), revocations)
        findings += _place_blame(top.state, top.findings, is_target=len(path) == 1)
    if options.revocation is Revocation.PREFER:
        findings = [_soften(item) for item in findings]
        if not trusted_top and not crls:  # nobody asked for revocation, and nobody uses it
            findings = [item for item in findings if item.severity is Severity.ERROR]
    return PathStanding(tuple(findings), tuple(used), tuple(revocations))


def _remember(
    standing: Standing, certificate: Certificate, known: KnownRevocation | None, revocations: list[KnownRevocation]
) -> Standing:
    """Let what was once revoked stay so until a newer list says otherwise, and note what is revoked.

    A list that was taken away, or an older one in its place, must not bring a certificate back.
    """
    told = [KnownRevocation(certificate.fingerprint, crl.this_update, crl.number) for crl in standing.decisive]
    if standing.state is State.REVOKED:
        revocations.append(max([*told, *([known] if known else [])], key=lambda each: each.order))
        return standing
    if known is None or any(each.order > known.order for each in told):
        return standing
    revocations.append(known)
    message = (
        f'the certificate "{certificate.label}" (serial {certificate.serial_hex[:40]}) was revoked, said a list of its '
        f"issuer of {known.this_update:%Y-%m-%d}, and no newer list says otherwise. Replace it, or give a newer list."
    )
    return Standing(
        State.REVOKED, (finding(Reason.REVOKED, message, fingerprint=certificate.fingerprint),), standing.used
    )


def _place_blame(state: State, findings: tuple[Finding, ...], *, is_target: bool) -> Iterator[Finding]:
    for item in findings:
        if state is State.REVOKED and item.reason is Reason.REVOKED and not is_target:
            yield finding(
                Reason.CHAIN_INVALID,
                f"the path is invalid: {item.message}",
                detail=Detail.ISSUER_REVOKED,
                fingerprint=item.fingerprint,
            )
        else:
            yield item


def _find_unsupplied(top: Certificate) -> Iterator[Finding]:
    if not top.is_self_issued:
        message = (
            f'revocation of "{top.label}" cannot be judged: its issuer "{top.issuer.label}" is not given. Add it to '
            "`spec.chain`."
        )
        yield finding(
            Reason.CRL_ISSUER_NOT_FOUND, message, detail=Detail.CERTIFICATE_MISSING, fingerprint=top.fingerprint
        )


def _soften(item: Finding) -> Finding:
    if is_mere_absence(item) or item.detail is Detail.CERTIFICATE_MISSING:
        return replace(item, severity=Severity.WARNING)
    return item
