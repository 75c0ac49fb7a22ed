from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from certwright.cluster.clock import SystemClock


def clock(*, limit: float = 60) -> SystemClock:
    return SystemClock(skew_limit_seconds=limit)


def date(*, ahead: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)


def test_system_gives_aware_utc_when_asked() -> None:
    now = clock().system()

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_judgement_adds_the_offset_and_drops_fractions_when_asked() -> None:
    moved = SystemClock(skew_limit_seconds=60, offset=timedelta(days=30))
    moved.advance(timedelta(days=5))

    ahead = moved.judgement() - moved.system()

    assert timedelta(days=35) - timedelta(seconds=2) < ahead <= timedelta(days=35)
    assert moved.judgement().microsecond == 0


def test_doubted_is_false_when_nothing_was_heard() -> None:
    assert clock().doubted() is False
    assert clock().skew_seconds is None


@pytest.mark.parametrize(("ahead", "doubted"), [(0, False), (55, False), (-55, False), (63, True), (-63, True)])
def test_doubted_depends_on_the_limit_when_a_date_was_heard(ahead: float, *, doubted: bool) -> None:
    heard = clock()
    heard.heard_date(date(ahead=ahead), round_trip_seconds=0.01)

    assert heard.doubted() is doubted
    assert heard.skew_seconds is not None
    assert abs(heard.skew_seconds - ahead) < 2


def test_doubt_allows_for_half_the_round_trip_when_an_answer_was_slow() -> None:
    heard = clock()
    heard.heard_date(date(ahead=-62), round_trip_seconds=4.9)

    assert heard.doubted() is False


def test_doubt_stays_out_when_an_answer_was_too_slow_to_tell() -> None:
    heard = clock()
    heard.heard_date(date(ahead=-600), round_trip_seconds=20)

    assert heard.skew_seconds is None


def test_doubt_ignores_what_is_no_date() -> None:
    heard = clock()
    heard.heard_date("yesterday", round_trip_seconds=0.01)

    assert heard.skew_seconds is None


def test_doubt_measures_seldom_when_answers_are_many() -> None:
    heard = clock()
    heard.heard_date(date(ahead=0), round_trip_seconds=0.01)
    heard.heard_date(date(ahead=600), round_trip_seconds=0.01)

    assert heard.doubted() is False


def test_doubt_reads_a_date_without_zone_as_utc() -> None:
    heard = clock()
    heard.heard_date(date(ahead=0).replace("GMT", "-0000"), round_trip_seconds=0.01)

    assert heard.skew_seconds is not None
    assert abs(heard.skew_seconds) < 2


def test_doubt_comes_and_goes_with_system_time_when_nothing_more_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = clock()
    heard.heard_date(date(ahead=0), round_trip_seconds=0.01)

    monkeypatch.setattr(heard, "system", lambda: datetime.now(UTC) + timedelta(minutes=10))
    assert heard.doubted() is True
    assert heard.skew_seconds is not None
    assert abs(heard.skew_seconds + 600) < 2

    monkeypatch.undo()
    assert heard.doubted() is False
