"""The real fetcher, with the settings of somebody who serves lists on this machine, on whatever port is free."""

from __future__ import annotations

from certwright.fetch.addresses import AddressPolicy
from certwright.fetch.allowed_hosts import AllowedHosts
from certwright.fetch.exchange import Limits
from certwright.fetch.http_fetcher import HTTPFetcher
from certwright.fetch.locations import Location

PATIENCE_SECONDS = 2.0
MAX_BYTES = 8 * 1024 * 1024


class LoopbackHosts(AllowedHosts):
    """Allow 127.0.0.1 on every port: the settings name ports, and those of tests are not known before."""

    def __init__(self) -> None:
        super().__init__(())

    def allow(self, location: Location) -> bool:
        return location.host == "127.0.0.1"


def loopback_fetcher() -> HTTPFetcher:
    """Make one that asks servers of tests and nobody else."""
    limits = Limits(total_seconds=PATIENCE_SECONDS, max_bytes=MAX_BYTES)
    return HTTPFetcher(LoopbackHosts(), AddressPolicy(("127.0.0.0/8",)), limits=limits)
