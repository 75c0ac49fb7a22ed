"""Certificates: every fact that a rule or a status needs, read once and never failing later (RFC 5280 §4.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from certwright.pki.certificate_parts import read_parts
from certwright.pki.general_names import GeneralNames

if TYPE_CHECKING:
    from datetime import datetime

    from certwright.pki.algorithms import SignatureAlgorithm
    from certwright.pki.distribution_points import DistributionPoint
    from certwright.pki.extensions import (
        AuthorityKeyId,
        BasicConstraints,
        Extensions,
        NameConstraints,
        PolicyConstraints,
    )
    from certwright.pki.general_names import IPAddress
    from certwright.pki.names import Name
    from certwright.pki.public_key import PublicKey

_NO_NAMES = GeneralNames()

MOST_REMEMBERED = 256
"""How many certificates are kept as they were read, and as many signatures as they were checked."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Certificate:
    """An X.509 certificate; equal to another when the encodings are.

    Attributes:
        der: the whole encoding.
        fingerprint: SHA-256 of `der`, as `sha256:` and 64 hexadecimal digits.
        version: 1, 2 or 3.
        serial_number: any integer; zero and negative ones exist (RFC 5280 §4.1.2.2 asks users to cope).
        signature_algorithm: how it was signed.
        issuer: the name of the signer.
        not_before: first instant of validity, aware UTC, inclusive.
        not_after: last instant of validity, aware UTC, inclusive to the end of the second.
        subject: the name of the holder; may be empty.
        public_key: the holder's key.
        extensions: what the extensions say.
        tbs: the bytes that were signed.
        signature: the signature over them.
    """

    der: bytes
    fingerprint: str
    version: int
    serial_number: int
    signature_algorithm: SignatureAlgorithm
    issuer: Name
    not_before: datetime
    not_after: datetime
    subject: Name
    public_key: PublicKey
    extensions: Extensions
    tbs: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @staticmethod
    def from_der(data: bytes) -> Certificate:
        """Read a certificate; everything that is used is decoded now and cannot fail later.

        Raises:
            MaterialError: `Unparsable` when it is no whole certificate, `Undecodable` when a part of it cannot be
                understood or breaks a rule of RFC 5280 §4.1 and §4.2 that makes it ambiguous.
        """
        return _read(bytes(data))

    def __eq__(self, other: object) -> bool:
        return self.der == other.der if isinstance(other, Certificate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"Certificate({self.label!r}, serial {self.serial_hex})"

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return (Certificate.from_der, (self.der,))

    def signed_by(self, issuer: Certificate) -> bool:
        """Tell whether the key in `issuer` verifies this signature; names and rights are other rules' business."""
        return _verifies(self, issuer)

    @property
    def label(self) -> str:
        """What to call it in a sentence: the subject's common name or what comes closest, else a DNS name."""
        if self.subject.is_empty and self.subject_alt_names.texts:
            return self.subject_alt_names.texts[0]
        return self.subject.label

    @property
    def serial_hex(self) -> str:
        """The serial number in hexadecimal, whole octets, lower case; a leading `-` when it is negative."""
        digits = f"{abs(self.serial_number):x}"
        return ("-" if self.serial_number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)

    @property
    def is_self_issued(self) -> bool:
        """Tell whether subject and issuer are the same name (RFC 5280 §3.2)."""
        return self.subject == self.issuer

    @property
    def is_ca(self) -> bool:
        """Tell whether the basic constraints say CA."""
        basic = self.extensions.basic_constraints
        return basic is not None and basic.ca

    @property
    def path_length(self) -> int | None:
        """How many intermediates may follow; None is no limit."""
        basic = self.extensions.basic_constraints
        return basic.path_length if basic is not None and basic.ca else None

    @property
    def basic_constraints(self) -> BasicConstraints | None:
        """RFC 5280 §4.2.1.9."""
        return self.extensions.basic_constraints

    @property
    def key_usage(self) -> frozenset[str] | None:
        """The usages named in RFC 5280 §4.2.1.3, spelled as there; None when absent."""
        return self.extensions.key_usage

    @property
    def extended_key_usage(self) -> tuple[str, ...] | None:
        """The purposes as dotted identifiers (RFC 5280 §4.2.1.12); None when absent."""
        return self.extensions.extended_key_usage

    @property
    def subject_alt_names(self) -> GeneralNames:
        """The alternative names (RFC 5280 §4.2.1.6), empty when absent."""
        return self.extensions.subject_alt_names or _NO_NAMES

    @property
    def dns_names(self) -> tuple[str, ...]:
        """The DNS names among the alternative names, as they stand."""
        return self.subject_alt_names.dns

    @property
    def ip_addresses(self) -> tuple[IPAddress, ...]:
        """The IP addresses among the alternative names."""
        return self.subject_alt_names.ips

    @property
    def subject_key_id(self) -> bytes | None:
        """RFC 5280 §4.2.1.2."""
        return self.extensions.subject_key_id

    @property
    def authority_key_id(self) -> AuthorityKeyId | None:
        """RFC 5280 §4.2.1.1."""
        return self.extensions.authority_key_id

    @property
    def name_constraints(self) -> NameConstraints | None:
        """RFC 5280 §4.2.1.10."""
        return self.extensions.name_constraints

    @property
    def certificate_policies(self) -> tuple[str, ...] | None:
        """RFC 5280 §4.2.1.4, as dotted identifiers."""
        return self.extensions.certificate_policies

    @property
    def policy_mappings(self) -> tuple[tuple[str, str], ...] | None:
        """RFC 5280 §4.2.1.5."""
        return self.extensions.policy_mappings

    @property
    def policy_constraints(self) -> PolicyConstraints | None:
        """RFC 5280 §4.2.1.11."""
        return self.extensions.policy_constraints

    @property
    def inhibit_any_policy(self) -> int | None:
        """RFC 5280 §4.2.1.14."""
        return self.extensions.inhibit_any_policy

    @property
    def crl_distribution_points(self) -> tuple[DistributionPoint, ...] | None:
        """RFC 5280 §4.2.1.13."""
        return self.extensions.crl_distribution_points

    @property
    def freshest_crl(self) -> tuple[DistributionPoint, ...] | None:
        """RFC 5280 §4.2.1.15."""
        return self.extensions.freshest_crl

    @property
    def critical_unknown(self) -> tuple[str, ...]:
        """Critical extensions that nothing here processes, as dotted identifiers."""
        return self.extensions.critical_unknown


# The same intermediates come with thousands of leaves.


@lru_cache(maxsize=MOST_REMEMBERED)
def _read(data: bytes) -> Certificate:
    return Certificate(*read_parts(data))


@lru_cache(maxsize=MOST_REMEMBERED)
def _verifies(certificate: Certificate, issuer: Certificate) -> bool:
    return issuer.public_key.verifies(certificate.signature, certificate.tbs, certificate.signature_algorithm)


def key_id_text(key_id: bytes | None) -> str:
    """Write a key identifier as people compare it: `4F:A0:…`; empty when there is none."""
    return key_id.hex(":").upper() if key_id else ""
