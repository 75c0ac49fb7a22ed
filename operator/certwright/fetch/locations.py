"""URLs, read strictly: what two parsers could read in two ways is refused rather than repaired (RFC 3986)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urljoin

LONGEST_URL = 2048
LONGEST_HOST = 253
DEFAULT_PORTS = {"http": 80, "https": 443}
LAST_PORT = 65535

_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")


class LocationError(ValueError):
    """A URL or host cannot be used; the message is a phrase of ours ("must …") and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where something is.

    Attributes:
        scheme: `http` or `https`.
        host: a name in lower case without the final dot, or an address in canonical form, IPv6 without brackets.
        port: always given.
        target: path and query, as sent.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_secure(self) -> bool:
        """Say whether TLS is spoken."""
        return self.scheme == "https"

    @property
    def has_default_port(self) -> bool:
        """Say whether the port is the scheme's own."""
        return self.port == DEFAULT_PORTS[self.scheme]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.has_default_port else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def read_location(url: str) -> Location:
    """Read an absolute URL; a fragment is dropped.

    Raises:
        LocationError: it cannot be used.
    """
    if len(url) > LONGEST_URL:
        raise LocationError(f"must be at most {LONGEST_URL} characters long")
    if not _CHARACTERS.fullmatch(url):
        raise LocationError("must hold only the characters of a URL, others percent-encoded (a host name as `xn--…`)")
    parts = _URL.fullmatch(url)
    scheme = parts[1].lower() if parts else ""
    if parts is None or scheme not in DEFAULT_PORTS:
        raise LocationError("must begin with `http://` or `https://`")
    if "@" in parts[2]:
        raise LocationError("must hold no user name or password: lists are public, and this is no place for secrets")
    host, port = read_authority(parts[2])
    return Location(scheme, host, port or DEFAULT_PORTS[scheme], (parts[3] or "/") + (parts[4] or ""))


def follow(here: Location, reference: str) -> Location:
    """Read the `Location` of a redirect (RFC 9110 §10.2.2), which may be relative.

    Raises:
        LocationError: it cannot be used, or leads from https to http.
    """
    # Checked before it is joined: the library drops some characters without a word.
    if not _CHARACTERS.fullmatch(reference):
        raise LocationError("must hold only the characters of a URL")
    try:
        joined = urljoin(str(here), reference)
    except ValueError:
        raise LocationError("must be a URL") from None
    there = read_location(joined)
    if here.is_secure and not there.is_secure:
        raise LocationError("must not lead from https to http")
    return there


def read_authority(text: str) -> tuple[str, int | None]:
    """Read `host`, `host:port`, `[address]` or `[address]:port`; both as `Location` has them.

    Raises:
        LocationError: it is none of these.
    """
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        raise LocationError("must name a host, optionally with a port")
    port = int(parts[2]) if parts[2] else None
    if port is not None and not 0 < port <= LAST_PORT:
        raise LocationError(f"must have a port from 1 to {LAST_PORT}")
    return _read_host(parts[1].lower()), port


def _read_host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except AddressValueError:
            raise LocationError("must hold a proper IPv6 address in the brackets") from None
    name = text.removesuffix(".")
    if len(name) > LONGEST_HOST or not _NAME.fullmatch(name):
        raise LocationError("must name a host by labels of letters, digits and hyphens")
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return name
    # A name whose last label is a number is an address to the C library (127.1, 2130706433, 0x7f000001, 0177.0.0.1);
    # only the one form that everybody reads alike is taken.
    try:
        return str(IPv4Address(name))
    except AddressValueError:
        raise LocationError("must hold an IPv4 address as four decimal numbers") from None
