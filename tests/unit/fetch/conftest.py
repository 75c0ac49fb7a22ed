"""A fetcher that may ask hosts below example.com, which its resolver finds on loopback."""

from collections.abc import Callable

import pytest

from certwright.fetch.addresses import AddressPolicy
from certwright.fetch.allowed_hosts import AllowedHosts
from certwright.fetch.exchange import Limits
from certwright.fetch.http_fetcher import HTTPFetcher
from tests.support.hostile_server import ScriptedResolver


@pytest.fixture
def resolver() -> ScriptedResolver:
    return ScriptedResolver({})


@pytest.fixture
def make_fetcher(resolver: ScriptedResolver) -> Callable[..., HTTPFetcher]:
    """Give a maker of fetchers for a port; their limits are patient unless a test says otherwise."""

    def make(
        port: int,
        *,
        private: tuple[str, ...] = ("127.0.0.1/32",),
        names: ScriptedResolver = resolver,
        **limits: float,
    ) -> HTTPFetcher:
        hosts = AllowedHosts([f"*.example.com:{port}"])
        chosen = Limits(**{"total_seconds": 20, "max_bytes": 100_000, **limits})  # type: ignore[arg-type]
        return HTTPFetcher(hosts, AddressPolicy(private), limits=chosen, resolver=names)

    return make
