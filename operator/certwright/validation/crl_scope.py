"""Whether a revocation list is about a certificate, and for which reasons (RFC 5280 §6.3.3 (b), (d))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certwright.pki.distribution_points import ALL_REASONS, DistributionPoint, IssuingPoint
from certwright.pki.general_names import GeneralNames

if TYPE_CHECKING:
    from certwright.pki.certificate import Certificate
    from certwright.pki.crl import RevocationList
    from certwright.pki.names import Name

_EVERYTHING = IssuingPoint()


def points_of(certificate: Certificate) -> tuple[DistributionPoint, ...]:
    """Return the distribution points to look at, the one that is assumed for the issuer's name last (§6.3.3)."""
    assumed = DistributionPoint(names=GeneralNames(directories=(certificate.issuer,)))
    return (*(certificate.crl_distribution_points or ()), assumed)


def names_of_issuers(certificate: Certificate) -> tuple[Name, ...]:
    """Return whose lists may speak for `certificate`, each once: its issuer, and those that it names itself."""
    named = (point.crl_issuer for point in certificate.crl_distribution_points or ())
    others = (name for names in named if names is not None for name in names.directories)
    return tuple(dict.fromkeys((certificate.issuer, *others)))


def is_applicable(crl: RevocationList, certificate: Certificate) -> bool:
    """Tell whether the issuer of `crl` speaks for `certificate` at all, scope aside ((a), (b)(1))."""
    return any(_is_by_issuer_of(crl, certificate, point) for point in points_of(certificate))


def reasons_covered(crl: RevocationList, certificate: Certificate) -> frozenset[str]:
    """Return the revocation reasons for which `crl` tells the state of `certificate`; none when out of scope."""
    scope = crl.issuing_point or _EVERYTHING
    if scope.only_attributes or (scope.only_users and certificate.is_ca) or (scope.only_cas and not certificate.is_ca):
        return frozenset()  # (b)(2)(ii) to (iv)
    covered: set[str] = set()
    for point in points_of(certificate):
        if _is_by_issuer_of(crl, certificate, point) and _names_overlap(crl, certificate, point):
            covered |= _reasons(scope) & _reasons(point)  # (d)
    return frozenset(covered)


def _reasons(part: DistributionPoint | IssuingPoint) -> frozenset[str]:
    return ALL_REASONS if part.reasons is None else part.reasons


def describe_scope(crl: RevocationList, certificate: Certificate) -> str:
    """Say which scope the list has and which the certificate asks for."""
    scope = crl.issuing_point or _EVERYTHING
    for said, what in (
        (scope.only_attributes, "attribute certificates only"),
        (scope.only_users and certificate.is_ca, "certificates of end entities only"),
        (scope.only_cas and not certificate.is_ca, "certificates of CAs only"),
    ):
        if said:
            return f"it is for {what}"
    names = scope.names_under(crl.issuer)
    asked = [text for point in points_of(certificate)[:-1] for text in (point.names or GeneralNames()).texts]
    shown = ", ".join(names.texts[:2]) if names else "everything of its issuer"
    return f"it is for {shown}, the certificate names {', '.join(asked[:2]) or 'no distribution point'}"


def _is_by_issuer_of(crl: RevocationList, certificate: Certificate, point: DistributionPoint) -> bool:
    # (b)(1): a distribution point with a list issuer of its own needs an indirect list of that issuer
    if point.crl_issuer is not None:
        return crl.is_indirect and crl.issuer in point.crl_issuer.directories
    return crl.issuer == certificate.issuer


def _names_overlap(crl: RevocationList, certificate: Certificate, point: DistributionPoint) -> bool:
    # RFC 5280 §6.3.3, step (b)(2)(i)
    scope = crl.issuing_point or _EVERYTHING
    names = scope.names_under(crl.issuer)
    if names is None:
        return True
    asked = point.names_under(crl.issuer if point.crl_issuer is not None else certificate.issuer) or point.crl_issuer
    return asked is not None and names.overlaps(asked)
