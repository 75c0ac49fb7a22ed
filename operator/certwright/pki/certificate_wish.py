"""What a certificate is wished to say, before anybody has signed it, and what is wrong with such a wish.

A request (PKCS#10) and a self-signed certificate are made of the same wish. A wish is judged as a whole: every fault
is found, and what is found good can be encoded.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGES = ("ServerAuth", "ClientAuth")
"""What a certificate can be wished for, in the order it is written."""

COMMON_NAME_LIMIT = 64
"""The most octets of a common name (RFC 5280 appendix A, ub-common-name)."""

_LENGTHS = {  # RFC 5280 appendix A, the ub- constants
    "commonName": COMMON_NAME_LIMIT,
    "organizationName": 64,
    "organizationUnit": 64,
    "locality": 128,
    "stateProvince": 128,
    "email": 255,
}
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_MAILBOX = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_HOST_LIMIT = 253
_LABEL_LIMIT = 63
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class SubjectWish:
    """The attributes of a subject, those of source 5 in its order; None and an empty text are left out.

    Attributes:
        common_name: CN, at most 64 octets.
        organization_name: O, at most 64 characters.
        organization_unit: OU, at most 64 characters.
        locality: L, at most 128 characters.
        state_province: ST, at most 128 characters.
        country_code: C, two letters (ISO 3166).
        email: emailAddress, ASCII, at most 255 characters.
    """

    common_name: str | None = None
    organization_name: str | None = None
    organization_unit: str | None = None
    locality: str | None = None
    state_province: str | None = None
    country_code: str | None = None
    email: str | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether no attribute is wished for."""
        return not any(text for _, text in self.fields())

    def fields(self) -> tuple[tuple[str, str | None], ...]:
        """Return every attribute by the name that people write it with, in the order of source 5."""
        return (
            ("commonName", self.common_name),
            ("organizationName", self.organization_name),
            ("organizationUnit", self.organization_unit),
            ("locality", self.locality),
            ("stateProvince", self.state_province),
            ("countryCode", self.country_code),
            ("email", self.email),
        )


@dataclass(frozen=True, slots=True)
class CertificateWish:
    """What a certificate is wished to say.

    Attributes:
        subject: who holds it.
        dns_names: host names in ASCII (A-labels), `*` as a whole left-most label included.
        ip_addresses: IPv4 and IPv6 addresses as text.
        usages: `ServerAuth`, `ClientAuth` or both; none is a certificate for any purpose.
    """

    subject: SubjectWish = field(default_factory=SubjectWish)
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    usages: tuple[str, ...] = ("ServerAuth",)


def find_wish_faults(wish: CertificateWish) -> tuple[Finding, ...]:
    """Find everything that keeps a wish from being encoded; all are `InvalidRequest`."""
    return tuple(_find_faults(wish))


def _find_faults(wish: CertificateWish) -> Iterator[Finding]:
    if wish.subject.is_empty and not wish.dns_names and not wish.ip_addresses:
        yield _fault(
            "nobody is named: the subject is empty, and there is no DNS name and no IP address. Set at least "
            "`dnsNames` or `subject.commonName`."
        )
    for name, text in wish.subject.fields():
        if text:
            yield from _find_attribute_faults(name, text)
    for host in wish.dns_names:
        yield from _find_host_faults(host)
    for address in wish.ip_addresses:
        if not _is_address(address):
            yield _fault(
                "`ipAddresses` must hold IPv4 and IPv6 addresses without zone or prefix length; "
                f"{_show(address)} is none."
            )
    for usage in wish.usages:
        if usage not in USAGES:
            yield _fault(
                f"`usages` must hold only {' and '.join(f'`{known}`' for known in USAGES)}; not {_show(usage)}."
            )


def _find_attribute_faults(name: str, text: str) -> Iterator[Finding]:
    if name == "countryCode":
        if not _COUNTRY.fullmatch(text):
            yield _fault(f"`subject.countryCode` must be two letters, such as `DE` (ISO 3166); it is {_show(text)}.")
        return
    if printable(text, limit=len(text)) != text:
        yield _fault(
            f"`subject.{name}` must not hold control, invisible or unassigned characters; it is {_show(text)}."
        )
        return
    if text.isspace():
        yield _fault(f"`subject.{name}` must not be blank. Leave it out, or say who it is.")
        return
    # The library counts the octets of a common name, and so do others.
    length, unit = (len(text.encode()), "octets") if name == "commonName" else (len(text), "characters")
    if length > _LENGTHS[name]:
        message = f"`subject.{name}` must have at most {_LENGTHS[name]} {unit} (RFC 5280 appendix A); it has {length}."
        hint = " Shorten it; host names belong into `dnsNames`." if name == "commonName" else " Shorten it."
        yield _fault(message + hint, Detail.LIMIT_EXCEEDED)
    if name == "email" and not _MAILBOX.fullmatch(text):
        yield _fault(f"`subject.email` must be a mail address in ASCII; it is {_show(text)}.")


def _find_host_faults(host: str) -> Iterator[Finding]:
    if _is_address(host):
        yield _fault(f"`dnsNames` must hold host names; {_show(host)} is an address: move it to `ipAddresses`.")
    elif len(host) > _HOST_LIMIT or max(map(len, host.split("."))) > _LABEL_LIMIT:
        yield _fault(
            f"`dnsNames` must hold names of at most {_HOST_LIMIT} characters, {_LABEL_LIMIT} between two dots "
            f"(RFC 1035 §2.3.4); {_show(host)} is longer.",
            Detail.LIMIT_EXCEEDED,
        )
    elif not _HOST.fullmatch(host):
        yield _fault(
            f"`dnsNames` must hold host names in ASCII (internationalised ones as A-labels, `xn--…`), `*` only as the "
            f"whole left-most label; {_show(host)} is none."
        )


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return getattr(address, "scope_id", None) is None  # a zone means nothing outside of one host (RFC 4007 §6)


def _show(text: str) -> str:
    return f'"{printable(text, limit=_SHOWN)}"'


def _fault(message: str, detail: Detail | None = None) -> Finding:
    return finding(Reason.INVALID_REQUEST, message, detail=detail)
