"""When to fetch next."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.fetch.schedule import ask_conditionally, next_fetch

NOW = datetime(2026, 6, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def wait(interval: timedelta, left: timedelta | None, seed: int = 1) -> timedelta:
    """Give the wait after a fetch at `NOW` of a list that ends after `left`."""
    next_update = None if left is None else NOW + left
    return next_fetch(NOW, interval, next_update=next_update, random=Random(seed)) - NOW  # noqa: S311 - jitter


@given(st.integers(), st.integers(300, 10**6), st.none() | st.integers(-(10**7), 10**7))
def test_next_fetch_stays_in_bounds_when_anything_is_wished(seed: int, seconds: int, left: int | None) -> None:
    interval = timedelta(seconds=seconds)
    ends = None if left is None else timedelta(seconds=left)
    found = wait(interval, ends, seed)
    assert timedelta(seconds=300) <= found <= interval * 1.1 + timedelta(seconds=60)
    assert found == wait(interval, ends, seed)
    if ends is not None and ends > 8 * MINUTE:
        assert found < ends


def test_next_fetch_keeps_to_the_interval_when_the_list_lasts_longer() -> None:
    waits = {wait(HOUR, timedelta(days=30), seed) for seed in range(20)}
    assert len(waits) == 20
    assert all(0.9 * HOUR <= found <= 1.1 * HOUR for found in waits)


def test_next_fetch_comes_before_the_end_when_the_interval_is_longer() -> None:
    waits = [wait(timedelta(days=30), timedelta(days=7), seed) for seed in range(20)]
    assert all(timedelta(days=7) - 6 * HOUR <= found <= timedelta(days=7) - 3 * HOUR for found in waits)


def test_next_fetch_comes_ever_closer_when_the_same_list_is_there_again() -> None:
    left, tries = timedelta(days=7), 0
    while left > 10 * MINUTE:
        left -= wait(timedelta(days=30), left)
        tries += 1
    assert 2 <= tries <= 8
    assert left > timedelta(0)


def test_next_fetch_waits_longer_when_the_list_ended_long_ago() -> None:
    day = timedelta(days=1)
    assert wait(day, -MINUTE) < 6 * MINUTE
    assert HOUR <= wait(day, -2 * HOUR) <= 2 * HOUR
    assert 0.9 * day <= wait(day, -100 * day) <= 1.1 * day


@pytest.mark.parametrize(
    ("full_fetch_at", "next_update", "expected"),
    [
        (None, None, False),
        (NOW - HOUR, None, True),
        (NOW - 24 * HOUR, None, False),
        (NOW - HOUR, NOW + HOUR, True),
        (NOW - HOUR, NOW, True),
        (NOW - HOUR, NOW - timedelta(seconds=1), False),
        (NOW - 24 * HOUR, NOW + HOUR, False),
    ],
)
def test_ask_conditionally_says_no_when_the_held_list_must_not_be_kept(
    *, full_fetch_at: datetime | None, next_update: datetime | None, expected: bool
) -> None:
    assert ask_conditionally(NOW, full_fetch_at=full_fetch_at, next_update=next_update) is expected
