"""Validating one path, from its top down to the target (RFC 5280 §6.1.2 to §6.1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.certificate_parts import V1
from certwright.validation.name_constraints import ConstraintState
from certwright.validation.policies import PolicyState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certwright.pki.certificate import Certificate
    from certwright.validation.options import Options
    from certwright.validation.path_building import Path
    from certwright.validation.work import Work


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a path.

    Attributes:
        distance: how far from the target the certificate is that the walk was at: 0 is the target.
        finding: what is wrong.
    """

    distance: int
    finding: Finding


def find_path_faults(path: Path, *, trusted_top: bool, options: Options, work: Work) -> list[Fault]:
    """Find everything wrong with `path`, whose signatures and name chaining were checked when it was built.

    The dates of the target are its own business; the top gives the first key and name, and where
    `anchor_constraints` are on (or nobody vouches for the top) it is judged like the others (RFC 5937).

    Raises:
        BudgetError: too many names were compared with constraints.
    """
    top = path[-1]
    length = len(path) - 1
    judge_top = options.anchor_constraints or not trusted_top
    state = _State(length, options, work)  # 6.1.2
    faults: list[Fault] = []

    def note(distance: int, found: Iterator[Finding]) -> None:
        faults.extend(Fault(distance, item) for item in found)

    if judge_top and length:
        note(length, _find_date_faults(top, work))
        note(length, _find_top_faults(top, trusted=trusted_top))
        note(length, state.start_from(top))
    for distance in range(length - 1, -1, -1):
        certificate = path[distance]
        is_target = distance == 0
        if certificate.fingerprint in options.distrusted:
            note(distance, iter((_invalid(certificate, Detail.ISSUER_DISTRUSTED, "is distrusted"),)))
        if not is_target:
            note(distance, _find_date_faults(certificate, work))  # 6.1.3 (a)(2)
        note(distance, state.enter(certificate, is_target=is_target))  # 6.1.3 (b) to (f)
        note(distance, _find_unknown_extensions(certificate))  # 6.1.4 (o), 6.1.5 (f)
        if not is_target:
            note(distance, _find_issuer_faults(certificate))  # 6.1.4 (k), (n)
            note(distance, state.leave(certificate))  # 6.1.4 (a) to (m)
    if not length:
        note(0, _find_unknown_extensions(top))
    else:
        note(0, state.wrap_up(path[0]))  # 6.1.5
    note(0, _find_size_faults(path, work))
    return faults


class _State:
    """The variables of RFC 5280 §6.1.2."""

    def __init__(self, length: int, options: Options, work: Work) -> None:
        self._max_path_length = length
        self._constraints = ConstraintState(work)
        self._policies = PolicyState(length, options)

    def start_from(self, top: Certificate) -> Iterator[Finding]:
        # RFC 5937 §3: the top's own constraints are where the variables begin.
        yield from self._constraints.add(top)
        self._policies.start_from(top)
        if top.path_length is not None:
            self._max_path_length = min(self._max_path_length, top.path_length)

    def enter(self, certificate: Certificate, *, is_target: bool) -> Iterator[Finding]:
        if is_target or not certificate.is_self_issued:
            yield from self._constraints.check(certificate)  # 6.1.3 (b), (c)
        yield from self._policies.enter(certificate, is_target=is_target)  # 6.1.3 (d), (e), (f)

    def leave(self, certificate: Certificate) -> Iterator[Finding]:
        yield from self._policies.leave(certificate)  # 6.1.4 (a), (b), (h), (i), (j)
        yield from self._constraints.add(certificate)  # 6.1.4 (g)
        if not certificate.is_self_issued:  # 6.1.4 (l)
            if self._max_path_length <= 0:
                yield _invalid(
                    certificate,
                    Detail.PATH_LENGTH_EXCEEDED,
                    "stands below a CA whose path length does not allow another CA",
                )
            self._max_path_length -= 1
        if certificate.path_length is not None:  # 6.1.4 (m)
            self._max_path_length = min(self._max_path_length, certificate.path_length)

    def wrap_up(self, target: Certificate) -> Iterator[Finding]:
        yield from self._policies.wrap_up(target)  # 6.1.5 (a), (b), (g)


def _find_date_faults(certificate: Certificate, work: Work) -> Iterator[Finding]:
    if work.at > certificate.not_after:
        yield _invalid(certificate, Detail.ISSUER_EXPIRED, f"expired on {certificate.not_after:%Y-%m-%d %H:%M:%S} UTC")
    elif work.at < certificate.not_before:
        what = f"is not valid before {certificate.not_before:%Y-%m-%d %H:%M:%S} UTC"
        yield _invalid(certificate, Detail.ISSUER_NOT_YET_VALID, what)


def _find_top_faults(top: Certificate, *, trusted: bool) -> Iterator[Finding]:
    # A certificate of version 1 cannot say CA; as an anchor somebody else said so.
    if top.version == V1 and (trusted or top.is_self_issued):
        return
    yield from _find_issuer_faults(top)
    yield from _find_unknown_extensions(top)


def _find_issuer_faults(certificate: Certificate) -> Iterator[Finding]:
    if not certificate.is_ca:  # 6.1.4 (k); a certificate of version 1 or 2 says nothing
        yield _invalid(
            certificate, Detail.CA_FLAG_MISSING, "issues certificates, and its basic constraints do not say CA"
        )
    if certificate.key_usage is not None and "keyCertSign" not in certificate.key_usage:  # 6.1.4 (n)
        yield _invalid(
            certificate,
            Detail.KEY_CERT_SIGN_MISSING,
            "issues certificates, and its key usage does not have keyCertSign",
        )


def _find_unknown_extensions(certificate: Certificate) -> Iterator[Finding]:
    for oid in certificate.critical_unknown:
        yield _invalid(
            certificate, Detail.CRITICAL_EXTENSION_UNKNOWN, f"has the critical extension {oid}, which is not known"
        )


def _find_size_faults(path: Path, work: Work) -> Iterator[Finding]:
    limits = work.limits
    for certificate in path[1:]:
        key = certificate.public_key
        if key.algorithm.startswith("RSA") and not limits.rsa_bits_min <= key.size <= limits.rsa_bits_max:
            what = (
                f"has an RSA key of {key.size} bits; from {limits.rsa_bits_min} to {limits.rsa_bits_max} are accepted"
            )
            yield _invalid(certificate, Detail.LIMIT_EXCEEDED, what)


def _invalid(certificate: Certificate, detail: Detail, what: str) -> Finding:
    message = f'the path is invalid: the certificate "{certificate.label}" {what}.'
    return finding(Reason.CHAIN_INVALID, message, detail=detail, fingerprint=certificate.fingerprint)
