"""Patience with the API server: what may succeed a little later is sent again, a bounded number of times."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from math import ldexp

from certwright.cluster.answers import Answer, Refusal, error_of
from certwright.cluster.connection import Connection
from certwright.cluster.requests import Request
from certwright.findings import ClusterError, FailureCause

MOST_TRIES = 5
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 10.0
"""Who is asked to wait longer gives the work back to the queue, which has other objects to do meanwhile."""

LONGEST_PATIENCE_SECONDS = 45.0

Sleep = Callable[[float], Awaitable[None]]


def is_ambiguous(error: ClusterError) -> bool:
    """Say whether nobody knows if the request was carried out: it was sent, and no answer came."""
    return error.status == 0 and error.cause in {FailureCause.UNAVAILABLE, FailureCause.TIMEOUT}


class Retrying:
    """Send requests until they succeed, fail for good, or have been tried often enough.

    - 429 and 5xx are tried again after `Retry-After`, or with growing waits, always with jitter; not the 5xx that are
      our own defects.
    - A read that got no answer is tried again; a write is not, for it may have been done: every write is fenced, so
      the caller reads and plans anew.
    - Everything else is the answer, conflicts above all.
    - A write is not sent when we may not write at that moment.

    Attributes:
        connection: the way they go; streams take it directly.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        may_write: Callable[[], bool] = lambda: True,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.connection = connection
        self._may_write = may_write
        self._sleep = sleep
        self._jitter = jitter

    async def send(self, request: Request, *, tries: int = MOST_TRIES) -> Answer:
        """Send a request and give the answer of success.

        Raises:
            ClusterError: it was refused, or did not succeed within `tries`.
        """
        started = time.monotonic()
        for tried in range(1, tries + 1):
            error, again = await self._try(request)
            if isinstance(error, Answer):
                return error
            wait = self._wait(tried, error.retry_after)
            spent = time.monotonic() - started
            if not again or tried == tries or spent + wait > LONGEST_PATIENCE_SECONDS:
                raise error
            if error.retry_after is not None and error.retry_after > LONGEST_WAIT_SECONDS:
                raise error
            await self._sleep(wait)
        raise RuntimeError("a request must be tried at least once")

    async def _try(self, request: Request) -> tuple[Answer | ClusterError, bool]:
        if request.is_write and not self._may_write():
            return ClusterError(FailureCause.UNAVAILABLE, f"{request}: not sent, for another replica leads now"), False
        try:
            answer = await self.connection.exchange(request)
        except ClusterError as error:
            return error, error.cause is FailureCause.UNAVAILABLE and not request.is_write
        if answer.ok:
            return answer, False
        refusal = Refusal.of(answer)
        return error_of(refusal, request), refusal.may_pass()

    def _wait(self, tried: int, retry_after: float | None) -> float:
        # Jitter only adds to what the server asked for, and halves at most what we chose.
        if retry_after is not None:
            return retry_after + self._jitter() * ldexp(FIRST_WAIT_SECONDS, tried)
        return min(ldexp(FIRST_WAIT_SECONDS, tried - 1), LONGEST_WAIT_SECONDS) * (0.5 + self._jitter() / 2)
