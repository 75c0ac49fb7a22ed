"""The shell around queue and delays: bounded, timely, stoppable; time is the test's."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime.leadership import AlwaysLeader
from certwright.runtime.queue import Priority
from certwright.runtime.workers import LONGEST_SLEEP_SECONDS, QUICK_CONFLICTS, Limits, Outcome, Workers
from tests.support.virtual_time import VirtualTimeLoop

START = datetime(2026, 1, 1, tzinfo=UTC)


def key(name: object, namespace: str = "a") -> ObjectKey:
    return ObjectKey(Kind.IMPORTED_CERTIFICATE, namespace, str(name))


class LoopClock:
    """Judgement time that goes with the loop's own time, and can be set."""

    def __init__(self) -> None:
        self.began = asyncio.get_running_loop().time()
        self.offset = timedelta(0)

    def system(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time() - self.began) + self.offset

    def judgement(self) -> datetime:
        return self.system().replace(microsecond=0)

    def doubted(self) -> bool:
        return False


class Bench:
    """Workers over a work function that the test scripts, and what they did."""

    def __init__(self, outcomes: Callable[[ObjectKey], Outcome] = lambda _: Outcome(), **limits: float) -> None:
        self.outcomes = outcomes
        self.begun: list[str] = []
        self.at: list[float] = []
        self.most = 0
        self.seconds = 0.0
        self.running = 0
        self.gate = AlwaysLeader()
        self.clock = LoopClock()
        self.workers = Workers(
            self.work,
            gate=self.gate,
            clock=self.clock,
            limits=Limits(
                workers=int(limits.get("workers", 2)),
                backoff_max_seconds=limits.get("backoff", 60.0),
                release_per_second=limits.get("release", 1000.0),
            ),
            random=Random(1),  # noqa: S311 - scatters, hides nothing
        )

    async def work(self, each: ObjectKey) -> Outcome:
        self.begun.append(each.name)
        self.at.append(asyncio.get_running_loop().time() - self.clock.began)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds)
            return self.outcomes(each)
        finally:
            self.running -= 1


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story on a loop whose time jumps to the next timer whenever nothing is left to do."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(story())


def test_work_begins_only_after_start_and_is_bounded() -> None:
    async def story() -> None:
        bench = Bench(workers=3)
        bench.seconds = 1
        for number in range(10):
            bench.workers.add(key(number))
        await asyncio.sleep(5)
        assert bench.begun == []
        bench.workers.start()
        await asyncio.sleep(10)
        assert (len(bench.begun), bench.most) == (10, 3)
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_one_key_is_begun_in_each_turn_of_the_loop_when_many_wait() -> None:
    async def story() -> None:
        bench = Bench(workers=32)
        bench.seconds = 1.0
        for name in range(10):
            bench.workers.add(key(name))
        bench.workers.start()
        grown = []
        for _ in range(5):
            before = len(bench.begun)
            await asyncio.sleep(0)
            grown.append(len(bench.begun) - before)
        assert max(grown) == 1
        await asyncio.sleep(0.5)
        assert len(bench.begun) == 10
        await bench.workers.stop(grace_seconds=2)

    play(story)


def test_a_key_added_while_worked_on_is_worked_on_again_and_never_twice_at_once() -> None:
    async def story() -> None:
        bench = Bench(workers=4)
        bench.seconds = 1
        bench.workers.start()
        for _ in range(3):
            bench.workers.add(key("x"))
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        assert (bench.begun, bench.most) == (["x", "x"], 1)
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_failure_is_tried_again_with_growing_waits_until_it_succeeds() -> None:
    async def story() -> None:
        left = [Outcome(retry=True)] * 4 + [Outcome()]
        bench = Bench(lambda _: left.pop(0))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(600)
        waits = [later - earlier for earlier, later in zip(bench.at, bench.at[1:], strict=False)]
        assert len(bench.begun) == 5
        for wait, longest in zip(waits, [1, 2, 4, 8], strict=True):
            assert longest / 2 <= wait <= longest + 0.01
        assert bench.workers.delayed == 0
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_wait_the_server_asked_for_is_kept() -> None:
    async def story() -> None:
        left = [Outcome(retry=True, retry_after=30.0), Outcome()]
        bench = Bench(lambda _: left.pop(0))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(29)
        assert bench.begun == ["x"]
        await asyncio.sleep(2)
        assert bench.begun == ["x", "x"]
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_change_does_not_wait_for_the_retry() -> None:
    async def story() -> None:
        left = [Outcome(retry=True, retry_after=50.0), Outcome()]
        bench = Bench(lambda _: left.pop(0))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(1)
        bench.workers.add(key("x"))
        await asyncio.sleep(100)
        assert bench.begun == ["x", "x"]
        assert bench.at[1] == pytest.approx(1, abs=0.1)
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_lost_race_is_run_again_at_once_until_it_is_a_habit() -> None:
    async def story() -> None:
        bench = Bench(lambda _: Outcome(conflict=True))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(0.4)
        assert len(bench.begun) == 1 + QUICK_CONFLICTS
        await asyncio.sleep(20)
        assert len(bench.begun) < 10
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_check_is_made_at_its_instant() -> None:
    async def story() -> None:
        left = [Outcome(check_at=START + timedelta(days=3)), Outcome()]
        bench = Bench(lambda _: left.pop(0))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(timedelta(days=4).total_seconds())
        assert bench.at == [0, pytest.approx(timedelta(days=3).total_seconds(), abs=1)]
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_check_is_found_due_when_the_clock_was_set_forward() -> None:
    async def story() -> None:
        left = [Outcome(check_at=START + timedelta(days=30)), Outcome()]
        bench = Bench(lambda _: left.pop(0))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(1)
        bench.clock.offset = timedelta(days=31)
        await asyncio.sleep(LONGEST_SLEEP_SECONDS)
        assert len(bench.begun) == 2
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_wake_looks_at_the_clock_at_once() -> None:
    async def story() -> None:
        left = [Outcome(check_at=START + timedelta(days=30)), Outcome()]
        bench = Bench(lambda _: left.pop(0))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(1)
        bench.clock.offset = timedelta(days=31)
        bench.workers.wake()
        await asyncio.sleep(0)
        assert len(bench.begun) == 2
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_checks_due_at_one_instant_are_released_at_the_pace() -> None:
    async def story() -> None:
        due = START + timedelta(hours=1)
        seen: set[ObjectKey] = set()

        def outcome(each: ObjectKey) -> Outcome:
            first = each not in seen
            seen.add(each)
            return Outcome(check_at=due) if first else Outcome()

        bench = Bench(outcome, workers=256, release=10)
        bench.workers.start()
        for number in range(100):
            bench.workers.add(key(number))
        await asyncio.sleep(3600 + 4.5)
        assert 45 <= len(bench.begun) - 100 <= 60
        await asyncio.sleep(10)
        assert len(bench.begun) == 200
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_closed_gate_cancels_what_runs_and_an_open_one_begins_again() -> None:
    async def story() -> None:
        bench = Bench(workers=2)
        bench.seconds = 100
        bench.workers.start()
        bench.workers.add(key("x"))
        bench.workers.add(key("y"))
        bench.workers.add(key("z"))
        await asyncio.sleep(1)
        bench.gate.is_open = False
        bench.workers.wake()
        await asyncio.sleep(1)
        assert (bench.running, bench.begun, len(bench.workers.queue)) == (0, ["x", "y"], 3)
        assert bench.workers.age_of_oldest() == 0.0  # what waits is worked on elsewhere
        bench.gate.is_open = True
        assert bench.workers.age_of_oldest() == pytest.approx(2, abs=0.1)
        bench.seconds = 0
        bench.workers.wake()
        await asyncio.sleep(1)
        assert sorted(bench.begun) == ["x", "x", "y", "y", "z"]
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_a_task_cancelled_before_its_first_step_leaves_its_key_free() -> None:
    async def story() -> None:
        bench = Bench()
        bench.workers.start()
        bench.workers.add(key("x"))
        bench.gate.is_open = False
        bench.workers.wake()  # the task exists and has not begun
        await asyncio.sleep(1)
        assert (bench.begun, bench.workers.queue.running, len(bench.workers.queue)) == ([], 0, 1)
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_stop_lets_work_end_within_its_grace_and_cancels_the_rest() -> None:
    async def story() -> None:
        ended: list[str] = []
        bench = Bench(lambda each: (ended.append(each.name), Outcome())[1])
        bench.workers.start()
        bench.seconds = 1
        bench.workers.add(key("quick"))
        await asyncio.sleep(0)
        bench.seconds = 100
        bench.workers.add(key("slow"))
        bench.workers.add(key("waiting"))
        await asyncio.sleep(0.5)
        before = asyncio.get_running_loop().time()
        await bench.workers.stop(grace_seconds=2)
        assert asyncio.get_running_loop().time() - before == pytest.approx(2, abs=0.1)
        assert (ended, bench.running, bench.begun) == (["quick"], 0, ["quick", "slow"])
        bench.workers.add(key("late"))
        await asyncio.sleep(10)
        assert "late" not in bench.begun

    play(story)


def test_an_exception_of_the_work_is_a_failure_like_another(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        calls = 0

        def outcome(_: ObjectKey) -> Outcome:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise ValueError("the key itself")
            return Outcome()

        bench = Bench(outcome)
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(5)
        assert len(bench.begun) == 2
        await bench.workers.stop(grace_seconds=1)

    play(story)
    assert "ValueError" in caplog.text
    assert "the key itself" not in caplog.text


def test_forget_drops_everything_planned() -> None:
    async def story() -> None:
        left = [Outcome(check_at=START + timedelta(hours=1), retry=True)]
        bench = Bench(lambda _: left.pop(0))
        bench.workers.start()
        bench.workers.add(key("x"))
        await asyncio.sleep(0.1)
        assert bench.workers.delayed == 2
        bench.workers.forget(key("x"))
        await asyncio.sleep(7200)
        assert (bench.begun, bench.workers.delayed) == (["x"], 0)
        await bench.workers.stop(grace_seconds=1)

    play(story)


def test_two_namespaces_get_equal_shares() -> None:
    async def story() -> None:
        bench = Bench(workers=2)
        bench.seconds = 1
        for number in range(100):
            bench.workers.add(key(number, "crowded"))
        bench.workers.add(key("alone", "quiet"), Priority.CHANGE)
        bench.workers.start()
        await asyncio.sleep(1.5)
        assert "alone" in bench.begun[:2]
        assert bench.workers.age_of_oldest() == pytest.approx(1.5, abs=0.1)
        await bench.workers.stop(grace_seconds=2)

    play(story)


async def test_workers_are_behind_while_more_waits_than_is_worked_on() -> None:
    bench = Bench(workers=1)
    bench.seconds = 0.01
    for name in "ab":
        bench.workers.add(key(name))
    assert not bench.workers.is_behind  # nothing has begun: nobody is held up
    bench.workers.start()
    assert bench.workers.is_behind
    await asyncio.sleep(0.05)
    assert not bench.workers.is_behind
