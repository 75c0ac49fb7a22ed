"""The operator's own client on the control plane of the tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from certwright.cluster.clock import SystemClock
from certwright.cluster.connection import Connection
from certwright.cluster.credentials import Login
from certwright.cluster.retries import Retrying


@asynccontextmanager
async def connected(
    kubeconfig: Path, *, clock: SystemClock | None = None, request_seconds: float = 20
) -> AsyncIterator[Retrying]:
    """Connect as the user of a kubeconfig."""
    async with Connection(Login(kubeconfig=kubeconfig), clock=clock, request_seconds=request_seconds) as connection:
        yield Retrying(connection)
