"""Due times, pace and back-off, without a clock."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime.delays import STALE_ENTRIES, BackOff, Delays, Pace


def key(name: object) -> ObjectKey:
    return ObjectKey(Kind.IMPORTED_CERTIFICATE, "a", str(name))


def test_pop_due_gives_due_keys_earliest_first() -> None:
    delays = Delays()
    for name, at in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("later", 9.0)):
        delays.set(key(name), at)
    assert delays.next_due() == 1.0
    assert delays.pop_due(5.0, limit=10) == [key("a"), key("b"), key("c")]
    assert (len(delays), delays.next_due()) == (1, 9.0)


def test_pop_due_stops_at_the_limit() -> None:
    delays = Delays()
    for number in range(5):
        delays.set(key(number), float(number))
    assert len(delays.pop_due(10.0, limit=2)) == 2
    assert len(delays) == 3


def test_set_replaces_the_instant_in_both_directions() -> None:
    delays = Delays()
    delays.set(key("x"), 5.0)
    delays.set(key("x"), 9.0)
    assert delays.pop_due(6.0, limit=1) == []
    delays.set(key("x"), 2.0)
    assert delays.next_due() == 2.0
    assert delays.pop_due(6.0, limit=5) == [key("x")]
    assert delays.pop_due(99.0, limit=5) == []


def test_cancel_makes_a_key_never_due() -> None:
    delays = Delays()
    delays.set(key("x"), 5.0)
    delays.cancel(key("x"))
    assert (delays.next_due(), delays.get(key("x"))) == (None, None)


def test_set_keeps_the_heap_small_when_one_key_is_set_for_ever() -> None:
    delays = Delays()
    for number in range(10_000):
        delays.set(key("x"), float(number))
    assert len(delays._heap) <= 2 + STALE_ENTRIES
    assert delays.pop_due(10_000.0, limit=9) == [key("x")]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), max_size=200))
def test_pop_due_gives_each_key_at_its_last_instant(settings: list[tuple[int, int]]) -> None:
    delays, expected = Delays(), {}
    for name, at in settings:
        delays.set(key(name), float(at))
        expected[key(name)] = float(at)
    due = delays.pop_due(10.0, limit=100)
    assert sorted(due) == sorted(name for name, at in expected.items() if at <= 10)
    assert [expected[name] for name in due] == sorted(expected[name] for name in due)


def test_allowance_is_refilled_at_the_rate_and_never_beyond_a_second() -> None:
    pace = Pace(10)
    assert pace.allowance(0.0) == 10
    pace.spend(10)
    assert pace.until_next() == pytest.approx(0.1)
    assert pace.allowance(0.5) == 5
    assert pace.allowance(60.0) == 10
    assert pace.until_next() == 0.0


def test_allowance_reaches_one_when_the_rate_is_below_one() -> None:
    pace = Pace(0.1)
    assert pace.allowance(0.0) == 1
    pace.spend(1)
    assert pace.until_next() == pytest.approx(10)
    assert pace.allowance(5.0) == 0
    assert pace.allowance(10.0) == 1


def test_failed_doubles_up_to_the_bound_and_scatters() -> None:
    backoff = BackOff(first_seconds=1, max_seconds=60, random=Random(1))  # noqa: S311 - scatters, hides nothing
    waits = [backoff.failed(key("x")) for _ in range(100)]
    for wait, longest in zip(waits, [1, 2, 4, 8, 16, 32, *[60] * 94], strict=True):
        assert longest / 2 <= wait <= longest
    assert len(set(waits[10:])) > 50


def test_failed_starts_over_after_a_success() -> None:
    backoff = BackOff(first_seconds=1, max_seconds=60, random=Random(1))  # noqa: S311 - scatters, hides nothing
    for _ in range(5):
        backoff.failed(key("x"))
    assert backoff.failures(key("x")) == 5
    backoff.succeeded(key("x"))
    assert backoff.failures(key("x")) == 0
    assert backoff.failed(key("x")) <= 1
