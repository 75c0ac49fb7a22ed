"""What is asked of a validation: roles, names, strictness, and how much work it may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from certwright.pki.extensions import ANY_POLICY


class Role(StrEnum):
    """What a certificate is to be used for."""

    SERVER = "server"
    CLIENT = "client"
    BOTH = "both"
    CA = "ca"
    ANY = "any"


def expand_roles(role: Role | frozenset[Role]) -> frozenset[Role]:
    """Return the single roles that `role` demands, all of them: `BOTH` is two, `ANY` is none."""
    roles = {role} if isinstance(role, Role) else set(role)
    if Role.BOTH in roles:
        roles |= {Role.SERVER, Role.CLIENT}
    return frozenset(roles - {Role.BOTH, Role.ANY})


class Revocation(StrEnum):
    """Whether revocation is looked at, and whether a list must be there."""

    OFF = "Off"
    PREFER = "Prefer"
    REQUIRE = "Require"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much work one validation may be; beyond it the verdict is `ValidationError`, `LimitExceeded`.

    Attributes:
        intermediates: the most certificates between target and anchor.
        signature_checks: the most signatures verified, certificates and lists together.
        paths: the most complete paths judged.
        candidates: the most issuer candidates looked at.
        name_comparisons: the most pairs of name and constraint compared.
        rsa_bits_min: the smallest RSA modulus that is looked at, in bits.
        rsa_bits_max: the largest, in bits.
    """

    intermediates: int = 10
    signature_checks: int = 128
    paths: int = 64
    candidates: int = 1 << 14
    name_comparisons: int = 1 << 16
    rsa_bits_min: int = 1024
    rsa_bits_max: int = 8192


@dataclass(frozen=True, slots=True)
class KnownRevocation:
    """That an authentic list was seen to name a certificate; believed until a newer list no longer does.

    Attributes:
        fingerprint: of the certificate.
        this_update: of the list.
        number: of the list, None when it has none.
    """

    fingerprint: str
    this_update: datetime
    number: int | None = None

    @property
    def order(self) -> tuple[datetime, int]:
        """The place of the list among others of its issuer and scope."""
        return self.this_update, -1 if self.number is None else self.number


@dataclass(frozen=True, slots=True)
class Options:
    """What a validation demands beyond RFC 5280 6.1 with default inputs.

    Attributes:
        dns_names: names that the alternative names must cover.
        ip_addresses: addresses that the alternative names must hold.
        previous_had_intermediate: what is served now has an intermediate; without a trust store a certificate whose
            issuer is not given is then an outage and not a habit.
        revocation: whether lists are used.
        known_revocations: what lists said before, whether or not they are still at hand.
        distrusted: fingerprints of certificates that no path may lead through, whoever brings them.
        strict_algorithms: refuse SHA-1 and RSA keys below 2048 bits instead of warning of them.
        strict_names: refuse a server certificate without alternative names instead of warning of it.
        strict_crl: refuse a list without nextUpdate instead of warning of it (RFC 5280 §5.1.2.5).
        strict_crl_issuer: refuse lists of a CA without keyUsage instead of warning of it (RFC 10007).
        anchor_constraints: apply dates, usage and constraints of anchors too (RFC 5937).
        any_purpose: anyExtendedKeyUsage serves for every role (RFC 5280 §4.2.1.12).
        initial_policies: the policies that are acceptable to the user (RFC 5280 §6.1.1 (c)).
        require_explicit_policy: RFC 5280 §6.1.1 (f).
        inhibit_policy_mapping: RFC 5280 §6.1.1 (e).
        inhibit_any_policy: RFC 5280 §6.1.1 (g).
        limits: how much work it may be.
    """

    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    previous_had_intermediate: bool = False
    revocation: Revocation = Revocation.PREFER
    known_revocations: tuple[KnownRevocation, ...] = ()
    distrusted: frozenset[str] = frozenset()
    strict_algorithms: bool = False
    strict_names: bool = False
    strict_crl: bool = False
    strict_crl_issuer: bool = False
    anchor_constraints: bool = True
    any_purpose: bool = True
    initial_policies: frozenset[str] = frozenset({ANY_POLICY})
    require_explicit_policy: bool = False
    inhibit_policy_mapping: bool = False
    inhibit_any_policy: bool = False
    limits: Limits = field(default_factory=Limits)


DEFAULT_OPTIONS = Options()
"""What is asked where nothing is said."""
