from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from certwright.api.conditions import (
    CONDITION_MESSAGE_LIMIT,
    Condition,
    ConditionStatus,
    ConditionType,
    Observation,
    find_condition,
    merge_conditions,
)

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
LATER = EARLIER + timedelta(hours=1)

READY = Observation(ConditionType.READY, ConditionStatus.TRUE, "Valid", "Good.")
REFUSED = Observation(ConditionType.READY, ConditionStatus.FALSE, "Expired", "Refused.")
VALID = Observation(ConditionType.VALID, ConditionStatus.TRUE, "Valid")
STALLED = Observation(ConditionType.STALLED, ConditionStatus.TRUE, "Expired")

observations = st.lists(
    st.builds(
        Observation,
        st.sampled_from(ConditionType),
        st.sampled_from(ConditionStatus),
        st.sampled_from(["Valid", "Expired"]),
        st.text(max_size=20),
    ),
    unique_by=lambda each: each.type,
)


def merge(before: tuple[Condition, ...], *now: Observation, at: datetime = EARLIER) -> tuple[Condition, ...]:
    return merge_conditions(before, now, generation=2, at=at)


def test_merge_conditions_says_since_now_when_a_condition_is_new() -> None:
    (ready,) = merge((), READY)

    assert ready == Condition(
        type="Ready",
        status=ConditionStatus.TRUE,
        observed_generation=2,
        last_transition_time="2026-01-01T00:00:00Z",
        reason="Valid",
        message="Good.",
    )


def test_merge_conditions_keeps_the_time_when_only_the_words_differ() -> None:
    before = merge((), READY)

    (ready,) = merge(before, Observation(ConditionType.READY, ConditionStatus.TRUE, "Other", "New."), at=LATER)

    assert (ready.reason, ready.message, ready.last_transition_time) == ("Other", "New.", "2026-01-01T00:00:00Z")


def test_merge_conditions_moves_the_time_when_the_status_flips() -> None:
    (ready,) = merge(merge((), READY), REFUSED, at=LATER)

    assert (ready.status, ready.last_transition_time) == ("False", "2026-01-01T01:00:00Z")


def test_merge_conditions_drops_a_condition_when_it_is_not_observed() -> None:
    before = merge((), REFUSED, STALLED)

    assert [each.type for each in merge(before, READY, at=LATER)] == ["Ready"]


def test_merge_conditions_starts_the_time_again_when_a_condition_comes_back() -> None:
    without = merge(merge((), REFUSED, STALLED), READY)

    stalled = find_condition(merge(without, REFUSED, STALLED, at=LATER), ConditionType.STALLED)

    assert stalled is not None
    assert stalled.last_transition_time == "2026-01-01T01:00:00Z"


def test_merge_conditions_escapes_and_cuts_the_message_when_a_stranger_wrote_it() -> None:
    (ready,) = merge((), Observation(ConditionType.READY, ConditionStatus.FALSE, "Expired", "\u202e" + "x" * 9999))

    assert ready.message.startswith(r"\u202exxx")
    assert len(ready.message) == CONDITION_MESSAGE_LIMIT


def test_find_condition_returns_nothing_when_there_is_none() -> None:
    assert find_condition(merge((), VALID), ConditionType.READY) is None


@given(observations, st.randoms())
def test_merge_conditions_is_the_same_list_when_the_order_differs(now: list[Observation], random: Random) -> None:
    shuffled = list(now)
    random.shuffle(shuffled)

    assert merge((), *now) == merge((), *shuffled)
    assert [each.type for each in merge((), *now)] == [each for each in ConditionType if each in {o.type for o in now}]


@given(observations, observations)
def test_merge_conditions_changes_nothing_when_merged_twice(first: list[Observation], now: list[Observation]) -> None:
    once = merge(merge((), *first), *now, at=LATER)

    assert merge(once, *now, at=LATER + timedelta(days=1)) == once
