"""Work in other processes: bounded in time, fair, silent about what it worked on."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.runtime import processes as under_test
from certwright.runtime.processes import Processes, WorkFailedError
from tests.support.waiting import wait_until_async


@pytest_asyncio.fixture
async def processes() -> AsyncIterator[Processes]:
    made = Processes(limit=2, seconds=20)
    yield made
    await made.close()


@pytest.fixture
def _no_start_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "START_SECONDS", 0.0)


async def test_run_returns_from_another_process_and_uses_it_again(processes: Processes) -> None:
    first = await processes.run(os.getpid, namespace="a")
    second = await processes.run(os.getpid, namespace="b")
    assert first == second != os.getpid()


async def test_run_hands_a_material_error_through(processes: Processes) -> None:
    with pytest.raises(MaterialError) as raised:
        await processes.run(
            exec, "from certwright.findings import *; raise MaterialError(Finding(Reason.EXPIRED, 'x'))", namespace="a"
        )
    assert raised.value.finding == Finding(Reason.EXPIRED, "x")


async def test_run_says_type_and_place_but_no_message_when_the_work_fails(processes: Processes) -> None:
    with pytest.raises(WorkFailedError) as raised:
        await processes.run(int, "-----BEGIN PRIVATE KEY-----", namespace="a")
    assert "ValueError" in str(raised.value)
    assert "PRIVATE" not in repr(raised.value)
    assert raised.value.__context__ is None


async def test_run_fails_when_the_answer_cannot_be_pickled(processes: Processes) -> None:
    with pytest.raises(WorkFailedError, match="a worker process met"):
        await processes.run(memoryview, b"x", namespace="a")


@pytest.mark.usefixtures("_no_start_allowance")
async def test_run_kills_what_takes_too_long_and_goes_on() -> None:
    processes = Processes(limit=1, seconds=0.05)
    started = time.monotonic()
    with pytest.raises(MaterialError) as raised:
        await processes.run(time.sleep, 60, namespace="a")
    assert time.monotonic() - started < 10
    assert (raised.value.finding.reason, raised.value.finding.detail) == (
        Reason.VALIDATION_ERROR,
        Detail.LIMIT_EXCEEDED,
    )
    assert "0.05 s" in str(raised.value)
    assert (processes.running, processes._idle) == (0, [])
    await processes.close()


async def test_run_fails_and_goes_on_when_the_process_dies(processes: Processes) -> None:
    with pytest.raises(WorkFailedError, match="code 7"):
        await processes.run(os._exit, 7, namespace="a")
    with pytest.raises(WorkFailedError, match=f"code -{signal.SIGKILL.value}"):
        await processes.run(exec, "import os; os.kill(os.getpid(), 9)", namespace="a")
    assert await processes.run(abs, -1, namespace="a") == 1


async def test_run_survives_a_process_that_died_while_idle(processes: Processes) -> None:
    pid = await processes.run(os.getpid, namespace="a")
    os.kill(pid, signal.SIGKILL)
    child = processes._idle[0].child
    await child.wait()
    assert await processes.run(os.getpid, namespace="a") != pid


async def test_run_keeps_half_of_the_processes_free_of_one_namespace(processes: Processes) -> None:
    greedy = [asyncio.create_task(processes.run(time.sleep, 30, namespace="greedy")) for _ in range(3)]

    async def one_is_busy() -> bool:
        return processes.running == 1

    await wait_until_async(one_is_busy, deadline_seconds=10, what="the first call to begin")
    assert await processes.run(abs, -1, namespace="modest") == 1
    assert processes.running == 1
    for task in greedy:
        task.cancel()
    await asyncio.wait(greedy)
    assert processes.running == 0


async def test_run_leaves_no_process_behind_when_cancelled(processes: Processes) -> None:
    task = asyncio.create_task(processes.run(time.sleep, 60, namespace="a"))

    async def is_busy() -> bool:
        return processes.running == 1

    await wait_until_async(is_busy, deadline_seconds=10, what="the call to begin")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (processes.running, processes._idle) == (0, [])


async def test_retire_ends_idle_processes(processes: Processes) -> None:
    await processes.run(abs, 1, namespace="a")
    child = processes._idle[0].child
    processes._retire()
    assert await child.wait() == -signal.SIGKILL
    assert processes._idle == []


async def test_worker_ignores_an_interrupt_and_prints_nothing_into_its_answers(processes: Processes) -> None:
    pid = await processes.run(os.getpid, namespace="a")
    os.kill(pid, signal.SIGINT)
    await processes.run(print, "noise", namespace="a")
    await processes.run(os.write, 1, b"noise", namespace="a")
    assert await processes.run(os.getpid, namespace="a") == pid


async def test_run_logs_what_the_work_logged_without_messages_of_exceptions(
    processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    code = """
import logging
logging.getLogger("certwright.judge").info("too quiet")
try:
    int("the key itself")
except ValueError:
    logging.getLogger("certwright.judge").exception("judging %s failed", "shop")
"""
    await processes.run(exec, code, namespace="a")
    assert [(record.name, record.levelname) for record in caplog.records] == [("certwright.judge", "ERROR")]
    assert caplog.records[0].getMessage() == "judging shop failed (ValueError at <string>:5 <module>)"


@pytest.mark.usefixtures("_no_start_allowance")
async def test_run_takes_a_time_of_its_own_when_that_is_given() -> None:
    processes = Processes(limit=1, seconds=0.05)
    await processes.run(time.sleep, 0.3, namespace="a", seconds=20)
    with pytest.raises(MaterialError, match=r"longer than 0\.05 s"):
        await processes.run(time.sleep, 20, namespace="a")
    with pytest.raises(MaterialError, match=r"longer than 0\.2 s"):
        await processes.run(time.sleep, 20, namespace="a", seconds=0.2)
    await processes.close()
