"""Which hosts the administrator lets the operator ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from certwright.fetch.failures import HOSTS_SETTING
from certwright.fetch.locations import Location, LocationError, read_authority

WILDCARD = "*."


@dataclass(frozen=True, slots=True)
class _Pattern:
    suffix: str
    is_wildcard: bool
    port: int | None

    def fits(self, location: Location) -> bool:
        if location.port != self.port and not (self.port is None and location.has_default_port):
            return False
        if self.is_wildcard:
            return location.host.endswith(f".{self.suffix}")
        return location.host == self.suffix


class AllowedHosts:
    """Judge hosts by the patterns of the settings.

    `crl.example.com` allows that host, `*.example.com` every name below it and not itself; without a port only the
    scheme's own is allowed (80, 443), `crl.example.com:8080` allows that one. Addresses are written as in URLs and
    fit no wildcard. No pattern, no host.

    Raises:
        ValueError: a pattern is none of these.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(map(_read_pattern, patterns))

    def allow(self, location: Location) -> bool:
        """Say whether the location's host and port are allowed."""
        return any(pattern.fits(location) for pattern in self._patterns)


def _read_pattern(text: str) -> _Pattern:
    try:
        suffix, port = read_authority(text.removeprefix(WILDCARD))
    except LocationError as error:
        raise ValueError(
            f"`{HOSTS_SETTING}`: each entry {error}; a name may begin with `{WILDCARD}`, but {text!r} is not such"
        ) from None
    is_wildcard = text.startswith(WILDCARD)
    if is_wildcard and (":" in suffix or suffix.rpartition(".")[2].isdigit()):
        raise ValueError(f"`{HOSTS_SETTING}`: {text!r} must not put a wildcard before an address")
    return _Pattern(suffix, is_wildcard, port)
