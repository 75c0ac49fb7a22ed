"""Who may send a request when: one at a time to each host, a few in all, and nobody waits or works for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from certwright.fetch.failures import HopError
from certwright.findings import Detail

MOST_AT_ONCE = 4
"""Each may hold a body of the largest size in memory."""


class Allowance:
    """Seconds that may be spent, in several pieces."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        """Count the time of the block.

        Raises:
            TimeoutError: no time is left; the block was cancelled.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(max(self.left, 0)):
                yield
        finally:
            self.left -= loop.time() - started


class Turns:
    """Give turns: to each host one at a time, `most` in all."""

    def __init__(self, *, most: int = MOST_AT_ONCE) -> None:
        self._hosts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._all = asyncio.Semaphore(most)

    @asynccontextmanager
    async def turn(self, host: str, patience: Allowance) -> AsyncIterator[None]:
        """Wait for the turn of `host` and hold it for the block. Never take two at once: they could wait in a ring.

        Raises:
            HopError: `BUSY`: the turn did not come in time.
        """
        lock = self._hosts.setdefault(host, asyncio.Lock())
        await _acquire(lock, patience)
        try:
            await _acquire(self._all, patience)
            try:
                yield
            finally:
                self._all.release()
        finally:
            lock.release()


async def _acquire(gate: asyncio.Lock | asyncio.Semaphore, patience: Allowance) -> None:
    try:
        async with patience.spend():
            await gate.acquire()
    except TimeoutError:
        raise HopError(Detail.BUSY) from None
