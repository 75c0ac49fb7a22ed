"""Who leads, and until when: at most one at any moment, whatever requests, clocks and people do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from random import Random

import pytest

from certwright.cluster.connection import Connection
from certwright.cluster.lease import Claim
from certwright.findings import ClusterError, FailureCause
from certwright.runtime.election import LeaseElector, make_gate
from certwright.runtime.leadership import AlwaysLeader, Beginning
from certwright.runtime.readiness import Readiness
from certwright.settings import Settings, WrongSettingsError, read_settings
from tests.support.lease_board import LOST, START, TIMES, Board, Replica, now
from tests.support.memory_cluster import MemoryClock
from tests.support.scripted_server import StaticCredentials
from tests.support.virtual_time import VirtualTimeLoop

SLACK = 0.2
"""A few round trips."""

FORBIDDEN = ClusterError(FailureCause.FORBIDDEN, "get Lease certwright-system/certwright: 403 Forbidden", status=403)
TROUBLE = ClusterError(FailureCause.UNAVAILABLE, "update Lease: 503", status=503)


def story(tell: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Let a test take minutes in no time."""

    @wraps(tell)
    def run() -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(tell())

    return run


async def until(holds: Callable[[], bool], *, seconds: float) -> float:
    """Wait, and give how long that took."""
    began = now()
    while not holds():
        assert now() - began <= seconds, "it took too long"
        await asyncio.sleep(0.01)
    return now() - began


async def leading(board: Board, name: str = "a") -> Replica:
    """Start a replica that gets the Lease."""
    replica = Replica(board, name)
    replica.start()
    await until(lambda: replica.leads, seconds=SLACK)
    return replica


async def following(board: Board, name: str = "b") -> Replica:
    """Start a replica that does not."""
    replica = Replica(board, name)
    replica.start()
    await asyncio.sleep(SLACK)
    assert not replica.leads
    return replica


def stranger(seconds: int = 15, transitions: int = 7) -> Claim:
    return Claim("stranger", seconds, transitions, renewed=START)


# ---- the first


@story
async def test_first_replica_leads_at_once_when_there_is_no_lease() -> None:
    board = Board()
    replica = await leading(board)

    assert board.lease is not None
    assert (replica.elector.epoch, replica.elector.since) == (1, Beginning(START, board.lease.version))
    assert (board.lease.holder, board.lease.seconds, board.lease.transitions) == ("a", 15, 1)
    assert replica.told == [(pytest.approx(0, abs=SLACK), True)]


@story
async def test_renewal_is_one_request_when_all_is_well() -> None:
    replica = await leading(Board())
    replica.way.asked.clear()
    await asyncio.sleep(60)

    assert {verb for verb, _ in replica.way.asked} == {"replace"}
    assert len(replica.way.asked) == pytest.approx(60 / TIMES.retry, abs=1)
    assert (replica.elector.epoch, len(replica.told)) == (1, 1)


@story
async def test_lease_that_nobody_holds_is_taken_at_once_when_it_is_found() -> None:
    board = Board()
    board.put(Claim("", 1, 7, renewed=START))
    replica = await leading(board)

    assert replica.elector.epoch == 8


# ---- the second


@story
async def test_second_replica_follows_and_writes_nothing_when_the_first_leads() -> None:
    board = Board()
    await leading(board)
    second = await following(board)
    await asyncio.sleep(120)

    assert ({verb for verb, _ in second.way.asked}, second.told) == ({"read"}, [])
    assert second.readiness.is_ready


@story
async def test_second_replica_leads_within_20_seconds_when_the_first_is_killed() -> None:
    board = Board()
    first, second = await leading(board), await following(board)
    await asyncio.sleep(61.9)
    await first.kill()

    took = await until(lambda: second.leads, seconds=20)
    assert took >= TIMES.lease - TIMES.retry - SLACK
    assert second.elector.epoch == 2


@story
async def test_second_replica_leads_within_3_seconds_when_the_first_ends_in_order() -> None:
    board = Board()
    first, second = await leading(board), await following(board)
    await asyncio.sleep(60)
    await first.stop()
    assert board.lease is not None
    assert board.lease.holder == ""
    assert not first.leads

    await until(lambda: second.leads, seconds=3)
    assert second.elector.epoch == 2


@story
async def test_gate_is_shut_before_the_lease_is_free_when_the_leader_ends_in_order() -> None:
    board = Board()
    first = await leading(board)
    first.way.seconds = 0.5
    ending = asyncio.create_task(first.stop())
    await until(lambda: board.writes[-1][1].holder == "", seconds=1)

    assert not ending.done()
    assert not first.leads
    await ending


@story
async def test_lease_is_released_when_the_order_to_end_meets_a_renewal_under_way() -> None:
    board = Board()
    first = await leading(board)
    replaced = len(board.writes)
    await until(lambda: len(board.writes) > replaced, seconds=3)  # carried out, and not answered yet
    await first.stop()

    assert board.lease is not None
    assert board.lease.holder == ""


@story
async def test_clock_of_the_holder_does_not_matter_when_its_lease_is_judged() -> None:
    for years in (-30, 30):
        board = Board()
        board.put(Claim("stranger", 15, 1, renewed=START.replace(year=START.year + years)))
        replica = await following(board)

        assert await until(lambda: replica.leads, seconds=18) == pytest.approx(TIMES.lease, abs=1)  # noqa: B023
        await replica.stop()


@story
async def test_follower_waits_as_long_as_the_lease_says_when_its_own_setting_is_shorter() -> None:
    board = Board()
    board.put(stranger(seconds=60))
    replica = await following(board)

    assert await until(lambda: replica.leads, seconds=63) == pytest.approx(60, abs=1)
    assert replica.elector.epoch == 8


@story
async def test_only_one_leads_when_many_see_the_lease_end_together() -> None:
    board = Board()
    board.put(stranger())
    crowd = [await following(board, name) for name in "abcdef"]
    await until(lambda: any(each.leads for each in crowd), seconds=18)
    await asyncio.sleep(30)

    assert [each.leads for each in crowd].count(True) == 1
    assert all(each.readiness.is_ready for each in crowd)


# ---- trouble of who leads


@story
async def test_leader_goes_on_when_somebody_labels_the_lease() -> None:
    board = Board()
    replica = await leading(board)
    for _ in range(5):
        await asyncio.sleep(3)
        board.touch()
    await asyncio.sleep(30)

    assert (replica.leads, replica.elector.epoch, len(replica.told)) == (True, 1, 1)


@story
async def test_leader_goes_on_when_the_answer_to_a_renewal_is_lost() -> None:
    replica = await leading(Board())
    replica.way.script.append(LOST)
    await asyncio.sleep(30)

    assert (replica.leads, replica.elector.epoch, len(replica.told)) == (True, 1, 1)
    assert replica.readiness.is_ready


@story
async def test_leader_stops_before_anybody_else_can_begin_when_it_is_cut_off() -> None:
    board = Board()
    first, second = await leading(board), await following(board)
    await asyncio.sleep(60)
    renewed_at = board.writes[-1][0]
    first.way.cut = True

    await until(lambda: not first.leads, seconds=11)
    stopped_at = now()
    assert stopped_at - renewed_at <= TIMES.renew
    await until(lambda: len(first.told) > 1, seconds=SLACK)
    assert first.told[-1][1] is False
    assert not first.readiness.is_ready

    await until(lambda: second.leads, seconds=10)
    assert now() - stopped_at >= TIMES.lease - TIMES.renew - SLACK


@story
async def test_no_request_outlasts_the_time_that_is_left_when_the_api_server_is_silent() -> None:
    board = Board()
    replica = await leading(board)
    await asyncio.sleep(60)
    renewed_at = board.writes[-1][0]
    replica.way.cut, replica.way.asked = True, []
    given: list[tuple[float, float]] = []
    while replica.leads:
        given += [(now(), seconds) for _, seconds in replica.way.asked]
        replica.way.asked.clear()
        await asyncio.sleep(0.01)

    assert len(given) >= 2, "one request took all the time there was"
    assert all(at + seconds <= renewed_at + TIMES.renew + SLACK for at, seconds in given)


@story
async def test_former_leader_leads_again_in_a_new_term_when_nobody_else_took_over() -> None:
    board = Board()
    replica = await leading(board)
    replica.way.cut = True
    await until(lambda: not replica.leads, seconds=11)
    replica.way.cut = False

    # Its own name stands there: it need not wait until that ends.
    await until(lambda: replica.leads, seconds=TIMES.renew / 2 + TIMES.retry + SLACK)
    assert replica.elector.epoch == 2
    assert replica.readiness.is_ready
    assert [state for _, state in replica.told] == [True, False, True]


@story
async def test_leader_goes_on_when_the_api_server_is_troubled_for_a_while() -> None:
    replica = await leading(Board())
    replica.way.script.extend([TROUBLE] * 3)
    await asyncio.sleep(30)

    assert (replica.leads, replica.elector.epoch, len(replica.told)) == (True, 1, 1)


@story
async def test_gate_is_shut_at_once_when_the_machine_slept_too_long() -> None:
    replica = await leading(Board())
    await asyncio.sleep(30)
    assert replica.leads
    replica.slept += TIMES.renew

    assert not replica.leads  # before the elector has had its turn
    await until(lambda: replica.leads, seconds=2 * TIMES.retry + SLACK)
    assert replica.elector.epoch == 2
    assert [state for _, state in replica.told] == [True, False, True]


@story
async def test_former_leader_follows_when_another_took_over_while_it_slept() -> None:
    board = Board()
    first = await leading(board)
    await asyncio.sleep(30)
    board.put(stranger())
    first.slept += 3600
    assert not first.leads
    await asyncio.sleep(10)

    assert not first.leads
    assert board.writes[-1][1].holder == "stranger"
    await until(lambda: first.leads, seconds=10)
    assert first.elector.epoch == 8


@story
async def test_leader_stops_at_its_next_renewal_when_somebody_gave_the_lease_away() -> None:
    board = Board()
    replica = await leading(board)
    board.put(stranger())

    await until(lambda: len(replica.told) > 1, seconds=TIMES.retry + SLACK)
    assert (replica.leads, board.writes[-1][1].holder) == (False, "stranger")


@story
async def test_leader_makes_the_lease_again_in_a_new_term_when_somebody_deletes_it() -> None:
    board = Board()
    first, second = await leading(board), await following(board)
    await asyncio.sleep(30)
    board.lease = None
    await asyncio.sleep(10)

    assert (first.leads, first.elector.epoch, second.leads) == (True, 2, False)


@story
async def test_follower_gives_the_holder_its_time_when_somebody_deletes_the_lease() -> None:
    board = Board()
    board.put(stranger())
    replica = await following(board)
    board.lease = None

    assert await until(lambda: replica.leads, seconds=18) == pytest.approx(TIMES.lease, abs=2 * TIMES.retry)
    assert replica.elector.epoch == 8


@story
async def test_replica_says_what_is_missing_when_it_may_not_use_the_lease() -> None:
    replica = Replica(Board(), "a")
    replica.way.script.extend([FORBIDDEN] * 3)
    replica.start()
    await asyncio.sleep(SLACK)
    assert FORBIDDEN.message in replica.readiness.text()

    await until(lambda: replica.leads, seconds=3 * TIMES.retry + SLACK)
    assert replica.readiness.is_ready


@story
async def test_replica_ends_all_the_same_when_the_lease_cannot_be_released() -> None:
    board = Board()
    replica = await leading(board)
    began = now()
    await replica.kill()

    assert not replica.leads
    assert now() - began < 1.5


# ---- whatever happens


async def trouble(replicas: list[Replica], random: Random) -> None:
    """Cut, slow, stop, kill and end replicas, one after another, until cancelled."""
    while True:
        await asyncio.sleep(random.uniform(0, 6))
        victim = random.choice(replicas)
        match random.choice(["cut", "mend", "lose", "refuse", "slow", "freeze", "thaw", "kill", "end"]):
            case "cut" | "mend" as deed:
                victim.way.cut = deed == "cut"
            case "lose":
                victim.way.script.append(LOST)
            case "refuse":
                victim.way.script.append(TROUBLE)
            case "slow":
                victim.way.seconds = random.choice([0.02, 0.5, 4.0])
            case "freeze":
                victim.way.awake.clear()
            case "thaw":
                victim.way.awake.set()
            case "kill" | "end" as deed:
                victim.way.awake.set()
                await (victim.kill() if deed == "kill" else victim.stop())
                victim.way.cut = False
                victim.start()


async def observe(replicas: list[Replica], *, seconds: float) -> list[tuple[int, str]]:
    """See that never two lead at once, and give the terms in order: number and leader."""
    terms: list[tuple[int, str]] = []
    while now() < seconds:
        leaders = [each for each in replicas if each.leads]
        assert len(leaders) <= 1, f"at {now():.2f} s {[each.name for each in leaders]} led"
        terms += [term for each in leaders if (term := (each.elector.epoch, each.name)) not in terms[-1:]]
        await asyncio.sleep(0.05)
    return terms


@pytest.mark.parametrize("seed", range(12))
def test_at_most_one_leads_and_terms_only_grow_when_everything_goes_wrong(seed: int) -> None:
    async def tell() -> list[tuple[int, str]]:
        board = Board()
        replicas = [Replica(board, name) for name in "abc"]
        for each in replicas:
            each.start()
        troubles = asyncio.create_task(trouble(replicas, Random(seed)))  # noqa: S311 - a story, not a secret
        terms = await observe(replicas, seconds=1800)
        troubles.cancel()
        for each in replicas:
            each.way.awake.set()
            await each.stop()
        return terms

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        terms = runner.run(tell())
    epochs = [epoch for epoch, _ in terms]
    assert epochs == sorted(set(epochs))
    assert len(terms) > 10


# ---- how it is made


def test_elector_is_made_when_the_settings_ask_for_one() -> None:
    def gate(**chosen: object) -> object:
        return make_gate(
            Settings(**chosen),
            Connection(StaticCredentials("http://127.0.0.1:1")),
            instance="certwright-0",
            clock=MemoryClock(),
            readiness=Readiness({}),
        )

    assert isinstance(gate(), AlwaysLeader)
    one, other = (gate(leader_election=True) for _ in range(2))
    assert isinstance(one, LeaseElector)
    assert isinstance(other, LeaseElector)
    assert one._identity.startswith("certwright-0_")
    assert one._identity != other._identity


@pytest.mark.parametrize("chosen", [{"lease_renew_seconds": 15}, {"lease_seconds": 10}, {"lease_retry_seconds": 10}])
def test_settings_are_refused_when_a_lease_would_end_before_its_holder_stops(chosen: dict[str, float]) -> None:
    with pytest.raises(WrongSettingsError, match=r"^Value error, CERTWRIGHT_LEASE_RETRY_SECONDS < "):
        read_settings(**chosen)
