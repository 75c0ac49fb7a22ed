"""When to fetch next, and whether to ask for the body in any case; pure, as instants and randomness are arguments."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

SHORTEST = timedelta(seconds=300)
LONGEST_LEAD = timedelta(hours=6)
FULL_FETCH = timedelta(days=1)
JITTER = 0.1


def next_fetch(fetched_at: datetime, interval: timedelta, *, next_update: datetime | None, random: Random) -> datetime:
    """Give the instant of the next fetch after one that succeeded (or found nothing new) at `fetched_at`.

    That is after the interval, earlier when the list ends earlier: in the last tenth of the time left, at most six
    hours ahead, which repeats itself ever closer until a new list is there. Of a list that has ended a new one is
    asked for ever more rarely, up to the interval. Never sooner than 300 seconds. All is scattered, so that what
    started together does not stay together; the same `random` gives the same instant.

    Args:
        fetched_at: aware UTC.
        interval: as wished, 300 seconds at least.
        next_update: of the list that is held (RFC 5280 §5.1.2.5); absent when it has none, or none is held.
        random: seeded by the caller.
    """
    wait = interval * random.uniform(1 - JITTER, 1 + JITTER)
    scatter = random.uniform(0.5, 1)
    if next_update is not None:
        left = next_update - fetched_at
        if left > timedelta(0):
            wait = min(wait, left - min(left * JITTER, LONGEST_LEAD) * scatter)
        else:
            wait = min(wait, -left * scatter)
    return fetched_at + max(wait, SHORTEST * (1 + JITTER * scatter))


def ask_conditionally(now: datetime, *, full_fetch_at: datetime | None, next_update: datetime | None) -> bool:
    """Say whether to send validators.

    A server, or a cache before it, that answers "not modified" by mistake cannot be seen through; so the body is asked
    for in any case once a day, and whenever the list that is held has ended.

    Args:
        now: aware UTC.
        full_fetch_at: when a body last came; absent when none did.
        next_update: of the list that is held; absent when it has none.
    """
    if full_fetch_at is None or now - full_fetch_at >= FULL_FETCH:
        return False
    return next_update is None or now <= next_update
