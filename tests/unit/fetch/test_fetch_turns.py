"""Turns: one at a time to each host, a few in all."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from certwright.fetch.failures import HopError
from certwright.fetch.turns import Allowance, Turns
from certwright.findings import Detail


async def test_turn_is_refused_when_the_host_is_busy_too_long() -> None:
    turns = Turns()
    async with turns.turn("a", Allowance(1)):
        with pytest.raises(HopError) as caught:
            await _take(turns, "a", 0.01)
        await _take(turns, "b", 1)
    assert caught.value.detail is Detail.BUSY
    await _take(turns, "a", 0)


async def test_turn_is_refused_when_too_many_are_under_way() -> None:
    turns = Turns(most=2)
    async with AsyncExitStack() as stack:
        for host in ("a", "b"):
            await stack.enter_async_context(turns.turn(host, Allowance(1)))
        with pytest.raises(HopError) as caught:
            await _take(turns, "c", 0.01)
    assert caught.value.detail is Detail.BUSY
    await _take(turns, "c", 0)


async def test_turns_forget_a_host_when_nobody_waits_for_it() -> None:
    turns = Turns()
    await _take(turns, "a", 1)
    assert dict(turns._hosts) == {}


async def test_turn_is_given_back_when_its_holder_fails_or_is_cancelled() -> None:
    turns = Turns(most=1)
    with pytest.raises(RuntimeError, match="broken"):
        async with turns.turn("a", Allowance(1)):
            raise RuntimeError("broken")
    held = asyncio.Event()
    holder = asyncio.create_task(_hold(turns, held))
    await held.wait()
    waiter = asyncio.create_task(_take(turns, "a", 5))
    holder.cancel()
    await waiter
    with pytest.raises(asyncio.CancelledError):
        await holder


async def test_allowance_runs_out_when_spent_in_pieces() -> None:
    allowance = Allowance(0.05)
    async with allowance.spend():
        pass
    before = allowance.left
    with pytest.raises(TimeoutError):
        async with allowance.spend():
            await asyncio.Event().wait()
    assert allowance.left <= 0 < before <= 0.05
    with pytest.raises(TimeoutError):
        async with allowance.spend():
            await asyncio.Event().wait()


async def _take(turns: Turns, host: str, seconds: float) -> None:
    async with turns.turn(host, Allowance(seconds)):
        pass


async def _hold(turns: Turns, held: asyncio.Event) -> None:
    async with turns.turn("a", Allowance(1)):
        held.set()
        await asyncio.Event().wait()
