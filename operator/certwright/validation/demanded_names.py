"""Whether a certificate covers the names that are demanded of it (RFC 9525 §6, as browsers do it)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from certwright.findings import Finding, Reason, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certwright.pki.certificate import Certificate
    from certwright.validation.options import Options

_SHOWN = 5


def find_missing_names(target: Certificate, options: Options) -> Iterator[Finding]:
    """Find the demanded names that no alternative name of `target` covers; the common name never counts."""
    offered = {normalize_dns(name) for name in target.dns_names}
    for name in options.dns_names:
        if not covers_dns(offered, name):
            yield _missing(target, f'the DNS name "{name}"', target.dns_names)
    addresses = set(target.ip_addresses)
    for text in options.ip_addresses:
        try:
            found = ipaddress.ip_address(text) in addresses
        except ValueError:
            found = False
        if not found:
            yield _missing(target, f'the IP address "{text}"', tuple(map(str, target.ip_addresses)))


def covers_dns(offered: set[str], demanded: str) -> bool:
    """Tell whether one of the normalised names `offered` covers `demanded`.

    A wildcard stands for exactly one whole left-most label, needs two labels behind it to mean anything, and covers
    a demanded wildcard only by being the same.
    """
    wanted = normalize_dns(demanded)
    if wanted in offered and wanted.strip("*."):
        return True
    label, dot, parent = wanted.partition(".")
    return bool(label) and label != "*" and bool(dot) and "." in parent and f"*.{parent}" in offered


def normalize_dns(name: str) -> str:
    """Return a DNS name in lower case, in A-labels, without the dot of the root."""
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return name
    return name.lower().removesuffix(".")


def _missing(target: Certificate, what: str, offered: tuple[str, ...]) -> Finding:
    shown = ", ".join(f'"{name}"' for name in offered[:_SHOWN]) or "none"
    more = f" and {len(offered) - _SHOWN} more" if len(offered) > _SHOWN else ""
    message = f"the certificate does not cover {what}; it names {shown}{more}. Ask its issuer to add the name."
    return finding(Reason.NAME_MISSING, message, fingerprint=target.fingerprint)
