"""Wait for a condition with a deadline, so that no test sleeps for "long enough"."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02
SLOWEST_POLL_SECONDS = 0.5


class DeadlineError(AssertionError):
    """Say what did not happen in time, and what was seen instead."""


def wait_until(predicate: Callable[[], T], *, deadline_seconds: float, what: str) -> T:
    """Call `predicate` until its answer is truthy and return that answer.

    The answer doubles as the observed state: a predicate that returns the object it looked at (or an
    empty container) makes a failure readable. An exception of the predicate is not swallowed.

    Raises:
        DeadlineError: the answer was still falsy after `deadline_seconds`.
    """
    started, pause = time.monotonic(), POLL_SECONDS
    while not (observed := predicate()):
        if time.monotonic() - started > deadline_seconds:
            raise _missed(what, deadline_seconds, observed)
        time.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_SECONDS)
    return observed


async def wait_until_async(predicate: Callable[[], Awaitable[T]], *, deadline_seconds: float, what: str) -> T:
    """Await `predicate` until its answer is truthy and return that answer, leaving the loop free meanwhile.

    Raises:
        DeadlineError: the answer was still falsy after `deadline_seconds`.
    """
    started, pause = time.monotonic(), POLL_SECONDS
    while not (observed := await predicate()):
        if time.monotonic() - started > deadline_seconds:
            raise _missed(what, deadline_seconds, observed)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, SLOWEST_POLL_SECONDS)
    return observed


def _missed(what: str, deadline_seconds: float, observed: object) -> DeadlineError:
    return DeadlineError(f"waited {deadline_seconds:g} s for {what}; last observed: {observed!r}")
