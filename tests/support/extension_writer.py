"""Writing extensions of certificates, revocation lists and their entries (RFC 5280 §4.2, §5.2, §5.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from certwright.pki.distribution_points import REVOCATION_REASONS
from certwright.pki.extensions import KEY_USAGES
from tests.support import der_writer as der

if TYPE_CHECKING:
    from collections.abc import Iterable

OIDS = {
    "subjectKeyIdentifier": "2.5.29.14",
    "keyUsage": "2.5.29.15",
    "subjectAltName": "2.5.29.17",
    "basicConstraints": "2.5.29.19",
    "crlNumber": "2.5.29.20",
    "reasonCode": "2.5.29.21",
    "invalidityDate": "2.5.29.24",
    "deltaCRLIndicator": "2.5.29.27",
    "issuingDistributionPoint": "2.5.29.28",
    "certificateIssuer": "2.5.29.29",
    "nameConstraints": "2.5.29.30",
    "crlDistributionPoints": "2.5.29.31",
    "certificatePolicies": "2.5.29.32",
    "policyMappings": "2.5.29.33",
    "authorityKeyIdentifier": "2.5.29.35",
    "policyConstraints": "2.5.29.36",
    "extendedKeyUsage": "2.5.29.37",
    "freshestCRL": "2.5.29.46",
    "inhibitAnyPolicy": "2.5.29.54",
}
PURPOSES = {
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "anyExtendedKeyUsage": "2.5.29.37.0",
}
UNKNOWN = "1.3.6.1.4.1.99999.1"


@dataclass(frozen=True)
class Ext:
    """An extension: identifier, DER of the value, criticality."""

    oid: str
    value: bytes
    critical: bool = False

    @property
    def der(self) -> bytes:
        return der.sequence(
            der.oid(self.oid), der.boolean(value=True) if self.critical else b"", der.octets(self.value)
        )

    def marked(self, *, critical: bool) -> Ext:
        return replace(self, critical=critical)


def unknown(*, critical: bool = True, oid: str = UNKNOWN) -> Ext:
    return Ext(oid, der.NULL, critical)


def basic_constraints(*, ca: bool, path_length: int | None = None) -> Ext:
    parts = [der.boolean(value=True)] if ca else []
    if path_length is not None:
        parts.append(der.integer(path_length))
    return Ext(OIDS["basicConstraints"], der.sequence(*parts), critical=True)


def key_usage(*usages: str) -> Ext:
    return Ext(OIDS["keyUsage"], der.named_bits(KEY_USAGES.index(usage) for usage in usages), critical=True)


def extended_key_usage(*purposes: str) -> Ext:
    return Ext(OIDS["extendedKeyUsage"], der.sequence(*(der.oid(PURPOSES.get(p, p)) for p in purposes)))


def subject_alt_names(*names: bytes) -> Ext:
    return Ext(OIDS["subjectAltName"], der.sequence(*names))


def subject_key_id(identifier: bytes) -> Ext:
    return Ext(OIDS["subjectKeyIdentifier"], der.octets(identifier))


def authority_key_id(identifier: bytes) -> Ext:
    return Ext(OIDS["authorityKeyIdentifier"], der.sequence(der.implicit(0, identifier)))


def name_constraints(*, permitted: Iterable[bytes] = (), excluded: Iterable[bytes] = ()) -> Ext:
    halves = [(0, [der.sequence(base) for base in permitted]), (1, [der.sequence(base) for base in excluded])]
    return Ext(
        OIDS["nameConstraints"], der.sequence(*(der.explicit(n, *trees) for n, trees in halves if trees)), critical=True
    )


def certificate_policies(*policies: str) -> Ext:
    return Ext(OIDS["certificatePolicies"], der.sequence(*(der.sequence(der.oid(policy)) for policy in policies)))


def policy_mappings(*pairs: tuple[str, str]) -> Ext:
    return Ext(OIDS["policyMappings"], der.sequence(*(der.sequence(der.oid(a), der.oid(b)) for a, b in pairs)))


def policy_constraints(*, explicit: int | None = None, mapping: int | None = None) -> Ext:
    skips = [(0x80, explicit), (0x81, mapping)]
    return Ext(
        OIDS["policyConstraints"],
        der.sequence(*(der.integer(skip, tag=tag) for tag, skip in skips if skip is not None)),
        critical=True,
    )


def inhibit_any_policy(skip: int) -> Ext:
    return Ext(OIDS["inhibitAnyPolicy"], der.integer(skip), critical=True)


def point(
    *,
    names: Iterable[bytes] = (),
    relative_name: bytes | None = None,
    reasons: Iterable[str] | None = None,
    crl_issuer: bytes | None = None,
) -> bytes:
    """Encode one distribution point; `relative_name` holds the contents of a SET."""
    full = list(names)
    return der.sequence(
        der.explicit(0, der.explicit(0, *full)) if full else b"",
        der.explicit(0, der.explicit(1, relative_name)) if relative_name else b"",
        _reasons(1, reasons),
        der.explicit(2, der.directory(crl_issuer)) if crl_issuer else b"",
    )


def crl_distribution_points(*points: bytes) -> Ext:
    return Ext(OIDS["crlDistributionPoints"], der.sequence(*points))


def freshest_crl(*points: bytes) -> Ext:
    return Ext(OIDS["freshestCRL"], der.sequence(*(points or (point(names=[der.uri("http://crl.test/delta")]),))))


def crl_number(number: int) -> Ext:
    return Ext(OIDS["crlNumber"], der.integer(number))


def delta_crl_indicator(base: int) -> Ext:
    return Ext(OIDS["deltaCRLIndicator"], der.integer(base), critical=True)


def issuing_distribution_point(
    *,
    names: Iterable[bytes] = (),
    relative_name: bytes | None = None,
    only: str | None = None,
    reasons: Iterable[str] | None = None,
    indirect: bool = False,
) -> Ext:
    """Encode the scope of a list; `only` is `users`, `cas` or `attributes`."""
    full = list(names)
    flags = {"users": 1, "cas": 2, "attributes": 5}
    return Ext(
        OIDS["issuingDistributionPoint"],
        der.sequence(
            der.explicit(0, der.explicit(0, *full)) if full else b"",
            der.explicit(0, der.explicit(1, relative_name)) if relative_name else b"",
            der.implicit(flags[only], b"\xff") if only in {"users", "cas"} else b"",
            _reasons(3, reasons),
            der.implicit(4, b"\xff") if indirect else b"",
            der.implicit(5, b"\xff") if only == "attributes" else b"",
        ),
        critical=True,
    )


def reason_code(reason: int) -> Ext:
    return Ext(OIDS["reasonCode"], der.integer(reason, tag=0x0A))


def certificate_issuer(encoded_name: bytes) -> Ext:
    return Ext(OIDS["certificateIssuer"], der.sequence(der.directory(encoded_name)), critical=True)


def _reasons(number: int, reasons: Iterable[str] | None) -> bytes:
    if reasons is None:
        return b""
    return der.named_bits((REVOCATION_REASONS.index(reason) for reason in reasons), tag=0x80 | number)
