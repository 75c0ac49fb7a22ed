"""Distribution points: where the revocation lists of a certificate are, and what each covers (RFC 5280 §4.2.1.13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from certwright.pki import der
from certwright.pki.general_names import GeneralNames, read_general_names
from certwright.pki.names import Name

REVOCATION_REASONS = (
    "unused",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "aACompromise",
)
ALL_REASONS = frozenset(REVOCATION_REASONS[1:])
"""The reasons that the lists for a certificate must cover together (RFC 5280 §6.3.2)."""

_EMPTY_NAME = b"\x30\x00"
_NAME, _REASONS, _CRL_ISSUER = 0xA0, 0x81, 0xA2
_FULL_NAME, _RELATIVE_NAME = 0xA0, 0xA1


@dataclass(frozen=True, slots=True)
class DistributionPoint:
    """RFC 5280 §4.2.1.13: where lists of a certificate are, which reasons they cover, who signs them.

    Attributes:
        names: the full name, None when absent.
        relative_name: contents of the one relative name to add to the list issuer's name, None when absent.
        reasons: None is all.
        crl_issuer: None is the certificate's issuer.
    """

    names: GeneralNames | None = None
    relative_name: bytes | None = None
    reasons: frozenset[str] | None = None
    crl_issuer: GeneralNames | None = None

    def names_under(self, issuer: Name) -> GeneralNames | None:
        """Return the names, a relative one completed with the name of the list's `issuer`; None when there is none."""
        if self.relative_name is None:
            return self.names
        return GeneralNames(directories=(issuer.extended_by(self.relative_name),))


def read_distribution_points(value: bytes) -> tuple[DistributionPoint, ...]:
    """Decode cRLDistributionPoints or freshestCRL.

    Raises:
        DerError: it is damaged or empty.
    """
    points = tuple(
        _distribution_point(value, node) for node in der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE)
    )
    if not points:
        raise der.DerError("no distribution point")
    return points


def read_point_name(value: bytes, node: der.Node) -> dict[str, Any]:
    """Decode the choice DistributionPointName inside `node` into fields of `DistributionPoint`.

    Raises:
        DerError: it is neither form.
    """
    choice = der.inside(value, node, node[0])
    if len(choice) != 1 or choice[0][0] not in (_FULL_NAME, _RELATIVE_NAME):
        raise der.DerError("not the name of a distribution point")
    tag, start, stop = choice[0]
    if tag == _RELATIVE_NAME:
        Name.from_der(_EMPTY_NAME).extended_by(value[start:stop])  # damage is found now
        return {"relative_name": value[start:stop]}
    return {"names": read_general_names(value, der.children(value, start, stop))}


def _distribution_point(value: bytes, point: der.Node) -> DistributionPoint:
    facts: dict[str, Any] = {}
    for node in der.inside(value, point, der.SEQUENCE):
        tag, start, stop = node
        if tag == _NAME:
            facts.update(read_point_name(value, node))
        elif tag == _REASONS:
            facts["reasons"] = der.named_bits(value, node, REVOCATION_REASONS)
        elif tag == _CRL_ISSUER:
            facts["crl_issuer"] = read_general_names(value, der.children(value, start, stop))
        else:
            raise der.DerError("an unknown field")
    return DistributionPoint(**facts)


@dataclass(frozen=True, slots=True)
class IssuingPoint:
    """RFC 5280 §5.2.5: which certificates and reasons a revocation list is about.

    Attributes:
        names: the full name of the distribution point, None when absent.
        relative_name: contents of the one relative name to add to the list issuer's name, None when absent.
        only_users: no certificate of a CA.
        only_cas: no certificate of an end entity.
        only_attributes: no public key certificate at all.
        reasons: None is all.
        indirect: entries may be about certificates of other issuers.
    """

    names: GeneralNames | None = None
    relative_name: bytes | None = None
    only_users: bool = False
    only_cas: bool = False
    only_attributes: bool = False
    reasons: frozenset[str] | None = None
    indirect: bool = False

    def names_under(self, issuer: Name) -> GeneralNames | None:
        """Return the names, a relative one completed with the name of the list's `issuer`; None when there is none."""
        if self.relative_name is None:
            return self.names
        return GeneralNames(directories=(issuer.extended_by(self.relative_name),))


_FLAGS = {0x81: "only_users", 0x82: "only_cas", 0x84: "indirect", 0x85: "only_attributes"}
_SOME_REASONS = 0x83


def read_issuing_point(value: bytes) -> IssuingPoint:
    """Decode issuingDistributionPoint.

    Raises:
        DerError: it is damaged.
    """
    facts: dict[str, Any] = {}
    for node in der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE):
        if node[0] == _NAME:
            facts.update(read_point_name(value, node))
        elif node[0] == _SOME_REASONS:
            facts["reasons"] = der.named_bits(value, node, REVOCATION_REASONS)
        elif node[0] in _FLAGS:
            facts[_FLAGS[node[0]]] = der.boolean(value, node)
        else:
            raise der.DerError("an unknown field")
    return IssuingPoint(**facts)
