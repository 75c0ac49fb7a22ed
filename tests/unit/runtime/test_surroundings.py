"""The small parts around the work: readiness, heartbeat, rereads, leadership, servers, signals."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random

import aiohttp
import pytest
import pytest_asyncio

from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime import heartbeat
from certwright.runtime.heartbeat import Heartbeat
from certwright.runtime.leadership import AlwaysLeader
from certwright.runtime.readiness import Readiness
from certwright.runtime.rereads import Rereads
from certwright.runtime.servers import Servers
from tests.support.virtual_time import VirtualTimeLoop


def test_readiness_lists_what_is_missing_and_logs_each_word_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    readiness = Readiness({"api": "no answer yet", "kinds": "kinds unknown"})
    assert (readiness.is_ready, readiness.text()) == (False, "no answer yet\nkinds unknown\n")
    for _ in range(3):
        readiness.lacks("kinds", "apply the CRDs")
    readiness.has("api")
    readiness.has("api")
    assert readiness.text() == "apply the CRDs\n"
    readiness.has("kinds")
    assert (readiness.is_ready, readiness.text()) == (True, "ok\n")
    assert [each.getMessage() for each in caplog.records] == ["not ready: apply the CRDs", "ready"]


def test_heartbeat_is_late_only_when_most_beats_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "MEMORY_BEATS", 4)
    lags: list[float] = []
    beat = Heartbeat(lags.append)
    for lags_seen, late in (
        ([9.0], False),
        ([9.0, 9.0], False),
        ([9.0, 9.0, 9.0], True),
        ([9.0] * 2 + [0.0] * 2, False),
    ):
        beat._lags = lags_seen
        assert beat.is_late is late


def test_heartbeat_tells_the_lag_of_each_beat() -> None:
    async def story() -> list[float]:
        lags: list[float] = []
        task = asyncio.create_task(Heartbeat(lags.append).run())
        await asyncio.sleep(10.5)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return lags

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        lags = runner.run(story())
    assert (len(lags), max(lags)) == (10, pytest.approx(0, abs=0.001))


def test_rereads_go_round_once_a_day_at_their_pace() -> None:
    keys = [ObjectKey(Kind.IMPORTED_CERTIFICATE, "a", str(number)) for number in range(10)]

    async def story() -> list[float]:
        at: list[float] = []
        loop = asyncio.get_running_loop()
        rereads = Rereads(
            lambda: keys,
            lambda _: at.append(loop.time()),
            seconds=86_400,
            per_second=5,
            random=Random(1),  # noqa: S311 - scatters, hides nothing
        )
        task = asyncio.create_task(rereads.run())
        await asyncio.sleep(2.3 * 86_400)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return at

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        at = runner.run(story())
    assert len(at) == 20
    assert 0.9 * 86_400 <= at[0] <= 1.1 * 86_400
    assert at[9] - at[0] == pytest.approx(1.8)


async def test_always_leader_leads_until_it_is_cancelled() -> None:
    gate, changes = AlwaysLeader(), []
    task = asyncio.create_task(gate.hold(lambda: changes.append(gate.is_open)))
    await asyncio.sleep(0)
    assert (changes, task.done()) == ([True], False)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class Answers:
    well, words = True, "ok\n"

    def probe(self) -> tuple[bool, str]:
        return self.well, self.words

    async def metrics(self) -> bytes:
        return b"figures 1\n"


@pytest_asyncio.fixture
async def answers() -> AsyncIterator[Answers]:
    yield Answers()


async def test_servers_answer_probes_and_scrapes(answers: Answers) -> None:
    servers = Servers("127.0.0.1", 0, health=answers.probe, readiness=answers.probe, metrics=answers.metrics)
    assert servers.port == 0
    await servers.start()
    base = f"http://127.0.0.1:{servers.port}"
    try:
        async with aiohttp.ClientSession() as session:
            for path in ("/healthz", "/readyz"):
                answers.well, answers.words = True, "ok\n"
                async with session.get(base + path) as answer:
                    assert (answer.status, await answer.text()) == (200, "ok\n")
                answers.well, answers.words = False, "the CRDs are missing\n"
                async with session.get(base + path) as answer:
                    assert (answer.status, await answer.text()) == (503, "the CRDs are missing\n")
            async with session.get(base + "/metrics") as answer:
                assert (answer.status, await answer.read()) == (200, b"figures 1\n")
                assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            async with session.get(base + "/else") as answer:
                assert answer.status == 404
    finally:
        await servers.close()


async def test_servers_say_that_a_port_is_taken(answers: Answers) -> None:
    one = Servers("127.0.0.1", 0, health=answers.probe, readiness=answers.probe, metrics=answers.metrics)
    await one.start()
    other = Servers("127.0.0.1", one.port, health=answers.probe, readiness=answers.probe, metrics=answers.metrics)
    try:
        with pytest.raises(OSError, match="address already in use"):
            await other.start()
    finally:
        await other.close()
        await one.close()


SIGNALLED = """
import asyncio
from certwright.runtime.signals import Signals, release_signals

async def main():
    stop = asyncio.Event()
    Signals(stop).install()
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    {then}

asyncio.run(main())
"""


def signalled(then: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SIGNALLED.format(then=then)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stopping\n"
    return process


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ("await asyncio.Event().wait()", 128 + signal.SIGTERM),
        ("release_signals(); await asyncio.Event().wait()", -signal.SIGTERM),
    ],
)
def test_the_second_signal_ends_the_process_at_once(then: str, code: int) -> None:
    process = signalled(then)
    while process.poll() is None:  # the handlers may be given up a moment later
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    assert process.wait(10) in {code, 128 + signal.SIGTERM}
    assert process.stdout is not None
    process.stdout.close()


def test_the_first_signal_only_asks() -> None:
    process = signalled("pass")
    assert process.wait(10) == 0
    assert process.stdout is not None
    process.stdout.close()
