"""Give tests of the cluster floor a server that misbehaves and a client that does not wait."""

from collections.abc import AsyncIterator

import pytest

from certwright.cluster.connection import Connection
from certwright.cluster.retries import Retrying
from tests.support.scripted_server import CountedRequests, ScriptedServer, StaticCredentials, serving


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """Run a scripted server."""
    async with serving() as running:
        yield running


@pytest.fixture
def counted() -> CountedRequests:
    """Count requests."""
    return CountedRequests()


@pytest.fixture
async def connection(server: ScriptedServer, counted: CountedRequests) -> AsyncIterator[Connection]:
    """Connect to the scripted server."""
    async with Connection(StaticCredentials(server.url, "token-1"), metrics=counted, request_seconds=5) as entered:
        yield entered


@pytest.fixture
def waits() -> list[float]:
    """Collect the waits between tries, which take no time."""
    return []


@pytest.fixture
def requests(connection: Connection, waits: list[float]) -> Retrying:
    """Send requests with patience, but without waiting."""

    async def note(seconds: float) -> None:
        waits.append(seconds)

    return Retrying(connection, sleep=note, jitter=lambda: 0.0)
