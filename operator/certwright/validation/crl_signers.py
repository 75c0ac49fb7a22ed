"""Who signed a revocation list, and whether they may (RFC 5280 §6.3.3 (f), (g); RFC 10007)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding, warning
from certwright.pki.certificate_parts import V1
from certwright.validation.crl_state import most_advanced, name_crl
from certwright.validation.path_building import build_paths
from certwright.validation.path_checks import find_path_faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from certwright.pki.certificate import Certificate
    from certwright.pki.crl import RevocationList
    from certwright.validation.options import Options
    from certwright.validation.path_building import Path, Pool
    from certwright.validation.work import Work


@dataclass(frozen=True, slots=True)
class Authenticity:
    """Whether a list is authentic.

    Attributes:
        path: from the certificate whose key signed it, and that may, up; empty when there is none.
        findings: why not, or what is odd about the signer.
        is_doubtful: there is a signer, and nobody knows whether it is revoked: what the list revokes is revoked, and
            what it does not name is not good for that.
    """

    path: Path
    findings: tuple[Finding, ...]
    is_doubtful: bool = False


class SignerState(Enum):
    """Whether a separate signer may be believed."""

    GOOD = "it is not revoked"
    REVOKED = "it is revoked"
    UNKNOWN = "that is not known, and must be"


class SignerSearch:
    """Finds the signers of lists.

    The issuer of a certificate on a path that is valid already may sign; a separate signer needs a path of its own
    to the same anchor (§6.3.3 (f)), none of it revoked.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        options: Options,
        work: Work,
        judge: Callable[[Path], SignerState] = lambda _: SignerState.GOOD,
    ) -> None:
        """Search in `pool`; `judge` looks at revocation in the path of a separate signer."""
        self._pool = pool
        self._options = options
        self._work = work
        self._judge = judge

    def authenticate(self, crl: RevocationList, issuers: Path) -> Authenticity:
        """Find who signed `crl`; `issuers` is the path above the certificate in question, its issuer first.

        Raises:
            BudgetError: too many signatures or candidates.
        """
        candidates = self._candidates(crl, issuers)
        if not candidates:
            message = f"{name_crl(crl)} cannot be checked: no certificate of its issuer is given. Add it."
            return Authenticity((), (finding(Reason.CRL_ISSUER_NOT_FOUND, message, fingerprint=crl.fingerprint),))
        failures: list[Finding] = []
        doubtful = False
        for candidate in candidates:
            self._work.spend("candidates")
            failure = self._find_unfitness(crl, candidate)
            if failure is None:
                path, state = self._path_of(candidate, issuers)
                if state is SignerState.GOOD:
                    return Authenticity(path, self._advise(crl, candidate))
                doubtful = doubtful or state is SignerState.UNKNOWN
                failure = _describe_no_path(crl, candidate)
            failures.append(failure)
        return Authenticity((), (most_advanced(failures),), doubtful)

    def _candidates(self, crl: RevocationList, issuers: Path) -> list[Certificate]:
        wanted = crl.authority_key_id.key_id if crl.authority_key_id else None
        found = dict.fromkeys((*issuers, *sorted(self._pool.named(crl.issuer), key=lambda c: c.fingerprint)))
        return [
            certificate
            for certificate in found
            if certificate.subject == crl.issuer and (wanted is None or certificate.subject_key_id in (None, wanted))
        ]

    def _find_unfitness(self, crl: RevocationList, signer: Certificate) -> Finding | None:
        if not self._may_sign(signer):
            what = "does not have cRLSign" if signer.key_usage is not None else "is absent"
            message = f'{name_crl(crl)} is not by an authorised issuer: the key usage of "{signer.label}" {what}.'
            return finding(
                Reason.CRL_ISSUER_NOT_AUTHORIZED,
                message,
                detail=Detail.CRL_SIGN_MISSING,
                fingerprint=signer.fingerprint,
            )
        if not self._work.is_list_signed_by(crl, signer.public_key):  # (g)
            message = f'{name_crl(crl)} cannot be used: its signature is not by the key of "{signer.label}".'
            return finding(Reason.CRL_NOT_VALID, message, detail=Detail.SIGNATURE, fingerprint=crl.fingerprint)
        return None

    def _may_sign(self, signer: Certificate) -> bool:
        # RFC 10007: key usage must be there. Roots made by common tools have none, and a CA may be forgiven; a
        # certificate that is no CA and says nothing must never sign lists.
        if signer.key_usage is not None:
            return "cRLSign" in signer.key_usage
        is_ca = signer.is_ca or (signer.version == V1 and signer in self._pool.anchors)
        return is_ca and not self._options.strict_crl_issuer

    def _advise(self, crl: RevocationList, signer: Certificate) -> tuple[Finding, ...]:
        if signer.key_usage is not None:
            return ()
        message = f'{name_crl(crl)} is signed by "{signer.label}", a CA without key usage (RFC 10007); it is used.'
        return (
            warning(
                Reason.CRL_ISSUER_NOT_AUTHORIZED,
                message,
                detail=Detail.CRL_SIGN_MISSING,
                fingerprint=signer.fingerprint,
            ),
        )

    def _path_of(self, signer: Certificate, issuers: Path) -> tuple[Path, SignerState]:
        if signer in issuers:
            return issuers[issuers.index(signer) :], SignerState.GOOD
        best: tuple[Path, SignerState] = ((), SignerState.REVOKED)
        if not signer.not_before <= self._work.at <= signer.not_after:
            return best
        for trail in build_paths(signer, self._pool, self._work):
            self._work.spend("paths")
            if not trail.is_complete or find_path_faults(
                trail.path, trusted_top=True, options=self._options, work=self._work
            ):
                continue
            state = self._judge(trail.path)
            if state is SignerState.GOOD:
                return trail.path, state
            if state is SignerState.UNKNOWN:
                best = (trail.path, state)
        return best


def _describe_no_path(crl: RevocationList, signer: Certificate) -> Finding:
    message = (
        f'{name_crl(crl)} cannot be used: its issuer "{signer.label}" has no valid and unrevoked path to an anchor.'
    )
    return finding(Reason.CRL_NOT_VALID, message, detail=Detail.ISSUER_PATH, fingerprint=signer.fingerprint)
