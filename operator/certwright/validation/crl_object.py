"""Judging a revocation list on its own, for whoever holds it (RFC 5280 §5, §6.3.3 without the scope)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding
from certwright.validation.crl_signers import SignerSearch
from certwright.validation.crl_state import (
    find_defects,
    find_expired,
    find_not_yet_valid,
    find_oddities,
    find_unknown,
    name_crl,
)
from certwright.validation.options import DEFAULT_OPTIONS, Options
from certwright.validation.path_building import Pool
from certwright.validation.verdict import Verdict, rank_findings, worst_reason
from certwright.validation.work import BudgetError, Instants, Work

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from certwright.pki.certificate import Certificate
    from certwright.pki.crl import RevocationList
    from certwright.validation.path_building import Path

_log = logging.getLogger(__name__)


def validate_crl(
    crl: RevocationList,
    *,
    intermediates: Sequence[Certificate],
    anchors: Collection[Certificate],
    at: datetime,
    options: Options = DEFAULT_OPTIONS,
) -> Verdict:
    """Judge a revocation list by itself; pure, and never raises.

    The checks and their order: structure (`CRLInvalid`), issuer (`CRLIssuerNotFound`), its right to sign lists
    (`CRLIssuerNotAuthorized`), signature, path, critical extensions, thisUpdate (`CRLNotValid`), nextUpdate
    (`CRLExpired`). The path of the verdict is that of the signer.

    Args:
        crl: the list.
        intermediates: certificates that may be the signer or lead to an anchor.
        anchors: the trusted certificates; a signer may be one of them.
        at: aware UTC; fractions of a second are cut off.
        options: strictness and limits.
    """
    at = at.replace(microsecond=0)
    work, instants = Work(options.limits, at), Instants(at)
    findings: list[Finding] = []
    path: Path = ()
    try:
        findings += [*find_defects(crl, options), *find_unknown(crl), *find_not_yet_valid(crl, at)]
        findings += [*find_expired(crl, at), *find_oddities(crl, options)]
        signers = SignerSearch(Pool(intermediates, anchors), options=options, work=work)
        authenticity = signers.authenticate(crl, ())
        path = authenticity.path
        findings += authenticity.findings
    except BudgetError as error:
        message = f"{name_crl(crl)} cannot be judged: {error} would be needed. Give fewer certificates."
        findings.append(finding(Reason.CRL_ERROR, message, detail=Detail.LIMIT_EXCEEDED))
    except Exception as error:  # noqa: BLE001 - a defect of ours must become a verdict, and be seen
        _log.exception("validation of the revocation list %s failed", crl.fingerprint)
        message = f"{name_crl(crl)} cannot be judged: unexpected {type(error).__name__}. This is a defect: report it."
        findings.append(finding(Reason.CRL_ERROR, message, fingerprint=crl.fingerprint))
    instants.begins(crl.this_update)
    if crl.next_update is not None:
        instants.ends(crl.next_update)
    for certificate in path:
        instants.covers(certificate)
    ranked = rank_findings(findings)
    return Verdict(worst_reason(ranked), ranked, path, instants.next, path[-1] if path else None)
