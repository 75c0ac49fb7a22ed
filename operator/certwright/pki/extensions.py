"""Extensions of certificates, read one by one from the DER (RFC 5280 §4.2).

The library decodes all extensions or none; a certificate with one odd extension that nobody needs is still a good
certificate. Here an extension is decoded when a rule needs it, and one that is damaged and needed is an error at
once, never later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from certwright.pki import der
from certwright.pki.distribution_points import DistributionPoint, read_distribution_points
from certwright.pki.general_names import GeneralNames, Subtrees, read_general_names, read_subtrees

if TYPE_CHECKING:
    from collections.abc import Callable

ANY_POLICY = "2.5.29.32.0"
ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0"
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"

KEY_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
_CONTEXT_0, _CONTEXT_1, _CONTEXT_2 = 0x80, 0x81, 0x82
_CONSTRUCTED_0, _CONSTRUCTED_1 = 0xA0, 0xA1
_PAIR, _TRIPLE = 2, 3


class DuplicateExtensionError(der.DerError):
    """The same extension stands there twice (RFC 5280 §4.2)."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension as it stands: dotted identifier, criticality, DER of the value."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class BasicConstraints:
    """RFC 5280 §4.2.1.9; `path_length` counts the intermediates that may follow, None is no limit."""

    ca: bool = False
    path_length: int | None = None


@dataclass(frozen=True, slots=True)
class AuthorityKeyId:
    """RFC 5280 §4.2.1.1: the issuer's key identifier, or its issuer and serial number."""

    key_id: bytes | None = None
    issuer: GeneralNames | None = None
    serial_number: int | None = None


@dataclass(frozen=True, slots=True)
class NameConstraints:
    """RFC 5280 §4.2.1.10."""

    permitted: Subtrees = field(default_factory=Subtrees)
    excluded: Subtrees = field(default_factory=Subtrees)


@dataclass(frozen=True, slots=True)
class PolicyConstraints:
    """RFC 5280 §4.2.1.11: after how many more certificates a rule starts to hold; None is never."""

    require_explicit_policy: int | None = None
    inhibit_policy_mapping: int | None = None


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a certificate's extensions say; None where one is absent.

    Attributes:
        present: dotted identifier → critical.
        critical_unknown: critical extensions that nothing here processes: they refuse the path (RFC 5280 §4.2).
        certificate_policies: dotted identifiers.
        policy_mappings: (issuer's policy, subject's policy).
        inhibit_any_policy: after how many more certificates anyPolicy stops to count.
    """

    present: dict[str, bool] = field(default_factory=dict)
    critical_unknown: tuple[str, ...] = ()
    basic_constraints: BasicConstraints | None = None
    key_usage: frozenset[str] | None = None
    extended_key_usage: tuple[str, ...] | None = None
    subject_alt_names: GeneralNames | None = None
    subject_key_id: bytes | None = None
    authority_key_id: AuthorityKeyId | None = None
    name_constraints: NameConstraints | None = None
    certificate_policies: tuple[str, ...] | None = None
    policy_mappings: tuple[tuple[str, str], ...] | None = None
    policy_constraints: PolicyConstraints | None = None
    inhibit_any_policy: int | None = None
    crl_distribution_points: tuple[DistributionPoint, ...] | None = None
    freshest_crl: tuple[DistributionPoint, ...] | None = None

    @property
    def subject_alt_names_critical(self) -> bool:
        """Tell whether the alternative names are marked critical."""
        return self.present.get("2.5.29.17", False)


def split_extensions(data: bytes, node: der.Node) -> tuple[Extension, ...]:
    """Read the SEQUENCE OF Extension at `node` without decoding the values.

    Raises:
        DuplicateExtensionError: one stands there twice.
        DerError: it is damaged or empty.
    """
    found: dict[str, Extension] = {}
    for item in der.inside(data, node, der.SEQUENCE):
        parts = der.inside(data, item, der.SEQUENCE)
        if len(parts) not in (_PAIR, _TRIPLE) or parts[-1][0] != der.OCTET_STRING:
            raise der.DerError("not an extension")
        oid = der.identifier(data, parts[0])
        critical = False
        if len(parts) == _TRIPLE:
            if parts[1][0] != der.BOOLEAN:
                raise der.DerError("not an extension")
            # an explicit FALSE is not DER (X.690 §11.5) and yet common; it is signed and says nothing else
            critical = der.boolean(data, parts[1])
        if oid in found:
            raise DuplicateExtensionError(f"extension {oid} stands there twice")
        found[oid] = Extension(oid, critical, data[parts[-1][1] : parts[-1][2]])
    if not found:
        raise der.DerError("an empty list of extensions")
    return tuple(found.values())


def read_extensions(extensions: tuple[Extension, ...]) -> Extensions:
    """Decode the extensions of a certificate that a rule needs.

    Raises:
        DerError: one of them is damaged; the message names it.
    """
    facts: dict[str, Any] = {}
    unknown: list[str] = []
    for extension in extensions:
        decoder = _DECODERS.get(extension.oid)
        if decoder is None:
            if extension.critical:
                unknown.append(extension.oid)
            continue
        attribute, decode = decoder
        try:
            facts[attribute] = decode(extension.value)
        except (ValueError, IndexError) as error:
            raise der.DerError(f"extension {attribute.replace('_', ' ')} ({extension.oid}): {error}") from None
    return Extensions(
        present={extension.oid: extension.critical for extension in extensions},
        critical_unknown=tuple(unknown),
        **facts,
    )


def read_names(value: bytes) -> GeneralNames:
    """Decode GeneralNames: alternative names, certificateIssuer of an entry.

    Raises:
        DerError: it is damaged or empty.
    """
    nodes = der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE)
    if not nodes:
        raise der.DerError("no names")
    return read_general_names(value, nodes)


def read_integer(value: bytes) -> int:
    """Decode an INTEGER that counts: cRLNumber, deltaCRLIndicator, inhibitAnyPolicy.

    Raises:
        DerError: it is damaged or negative.
    """
    number = der.integer(value, der.whole(value, der.INTEGER))
    if number < 0:
        raise der.DerError("a negative number")
    return number


def read_octets(value: bytes) -> bytes:
    """Decode an OCTET STRING.

    Raises:
        DerError: it is none.
    """
    _, start, stop = der.whole(value, der.OCTET_STRING)
    return value[start:stop]


def read_authority_key_id(value: bytes) -> AuthorityKeyId:
    """Decode an authority key identifier.

    Raises:
        DerError: it is damaged.
    """
    facts: dict[str, Any] = {}
    for node in der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE):
        tag, start, stop = node
        if tag == _CONTEXT_0:
            facts["key_id"] = value[start:stop]
        elif tag == _CONSTRUCTED_1:
            facts["issuer"] = read_general_names(value, der.children(value, start, stop))
        elif tag == _CONTEXT_2:
            facts["serial_number"] = der.integer(value, node)
        else:
            raise der.DerError("an unknown field")
    return AuthorityKeyId(**facts)


def _basic_constraints(value: bytes) -> BasicConstraints:
    nodes = der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE)
    facts: dict[int, int] = {}
    for node in nodes:
        if node[0] not in (der.BOOLEAN, der.INTEGER) or node[0] in facts:
            raise der.DerError("an unknown field")
        facts[node[0]] = der.boolean(value, node) if node[0] == der.BOOLEAN else der.integer(value, node)
    if facts.get(der.INTEGER, 0) < 0 or list(facts) == [der.INTEGER, der.BOOLEAN]:
        raise der.DerError("fields out of order or range")
    return BasicConstraints(bool(facts.get(der.BOOLEAN)), facts.get(der.INTEGER))


def _key_usage(value: bytes) -> frozenset[str]:
    return der.named_bits(value, der.whole(value, der.BIT_STRING), KEY_USAGES)


def _identifiers(value: bytes) -> tuple[str, ...]:
    nodes = der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE)
    if not nodes:
        raise der.DerError("an empty list")
    return tuple(der.identifier(value, node) for node in nodes)


def _name_constraints(value: bytes) -> NameConstraints:
    halves = {_CONSTRUCTED_0: Subtrees(), _CONSTRUCTED_1: Subtrees()}
    for tag, start, stop in der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE):
        if tag not in halves:
            raise der.DerError("an unknown field")
        halves[tag] = read_subtrees(value, der.children(value, start, stop))
    return NameConstraints(halves[_CONSTRUCTED_0], halves[_CONSTRUCTED_1])


def _policies(value: bytes) -> tuple[str, ...]:
    nodes = der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE)
    if not nodes:
        raise der.DerError("an empty list")
    return tuple(der.identifier(value, der.inside(value, node, der.SEQUENCE)[0]) for node in nodes)


def _policy_mappings(value: bytes) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for node in der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE):
        issuer, subject = der.inside(value, node, der.SEQUENCE)
        pairs.append((der.identifier(value, issuer), der.identifier(value, subject)))
    return tuple(pairs)


def _policy_constraints(value: bytes) -> PolicyConstraints:
    skips: dict[int, int] = {}
    for node in der.inside(value, der.whole(value, der.SEQUENCE), der.SEQUENCE):
        if node[0] not in (_CONTEXT_0, _CONTEXT_1) or der.integer(value, node) < 0:
            raise der.DerError("an unknown field")
        skips[node[0]] = der.integer(value, node)
    return PolicyConstraints(skips.get(_CONTEXT_0), skips.get(_CONTEXT_1))


_DECODERS: dict[str, tuple[str, Callable[[bytes], object]]] = {
    "2.5.29.14": ("subject_key_id", read_octets),
    "2.5.29.15": ("key_usage", _key_usage),
    "2.5.29.17": ("subject_alt_names", read_names),
    "2.5.29.19": ("basic_constraints", _basic_constraints),
    "2.5.29.30": ("name_constraints", _name_constraints),
    "2.5.29.31": ("crl_distribution_points", read_distribution_points),
    "2.5.29.32": ("certificate_policies", _policies),
    "2.5.29.33": ("policy_mappings", _policy_mappings),
    "2.5.29.35": ("authority_key_id", read_authority_key_id),
    "2.5.29.36": ("policy_constraints", _policy_constraints),
    "2.5.29.37": ("extended_key_usage", _identifiers),
    "2.5.29.46": ("freshest_crl", read_distribution_points),
    "2.5.29.54": ("inhibit_any_policy", read_integer),
}
"""Every extension that a rule needs: identifier → (fact, decoder)."""
