"""What is asked of certificates on the command line: instant, trust, purpose, names, keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.pki.envelope import open_envelope
from certwright.pki.intake import read_material
from certwright.pki.limits import IntakeLimits
from certwright.pki.objects import ObjectKind
from certwright.pki.origin import Origin
from certwright.validation import Options, Revocation, Role

FILE_LIMITS = IntakeLimits(file_bytes=64 << 20, certificates=10_000)
"""Files of one's own may be larger than what strangers hand to the operator: all public roots are a few hundred."""

DEFAULT_WARN_BEFORE = 20
"""What `warnBeforePercentage` of an ImportedCertificate is when it is not said."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What certificates have to be.

    Attributes:
        at: the instant they are judged at, aware UTC.
        anchors: what paths must end at; `None` where no trust is demanded.
        crls: revocation lists.
        role: what a certificate is for, where no ImportedCertificate says so.
        dns_names: names that such a certificate must cover.
        ip_addresses: addresses that such a certificate must cover.
        warn_before: the part of the lifetime, in per cent, before whose end such a certificate is warned of.
        password: of PKCS#12 files and of the encrypted key.
        key: the bytes of the private key of the one certificate file.
    """

    at: datetime
    anchors: tuple[Certificate, ...] | None = None
    crls: tuple[RevocationList, ...] = ()
    role: Role = Role.ANY
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    warn_before: int = DEFAULT_WARN_BEFORE
    password: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)

    @property
    def options(self) -> Options:
        """What a validation of a certificate is asked for that no ImportedCertificate speaks for."""
        revocation = Revocation.PREFER if self.crls else Revocation.OFF
        return Options(dns_names=self.dns_names, ip_addresses=self.ip_addresses, revocation=revocation)


def read_anchors(data: bytes, name: str) -> tuple[Certificate, ...]:
    """Read trusted certificates.

    Raises:
        MaterialError: there are none, or one of them cannot be read.
    """
    return read_material(data, what=name, limits=FILE_LIMITS).certificates


def read_crls(data: bytes, name: str) -> tuple[RevocationList, ...]:
    """Read revocation lists, PEM or DER.

    Raises:
        MaterialError: `CRLInvalid`: there are none, something else stands there, or one cannot be read.
    """
    origin = Origin(name, Reason.CRL_INVALID, "revocation list", Detail.CRL_MISSING)
    envelope = open_envelope(data, origin, FILE_LIMITS)
    others = envelope.kinds() - {ObjectKind.CRL}
    if others:
        raise origin.refusal(Detail.WRONG_TYPE, f"it holds {' and '.join(sorted(others))}, not a revocation list.")
    return tuple(_read_crl(item.der, origin) for item in envelope.objects)


def _read_crl(der: bytes, origin: Origin) -> RevocationList:
    try:
        return RevocationList.from_der(der)
    except MaterialError as error:
        raise origin.refusal(error.finding.detail or Detail.DER_DAMAGED, error.finding.message) from None
