"""Worker processes for work that would hold up the event loop, or might never end.

Not `concurrent.futures`: a pool that loses one process to a time limit there loses all of them and every call in
flight. Here a process is a child with two pipes; it is started when it is first needed and killed when it is late.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import sys
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from certwright.findings import Detail, MaterialError, Reason, finding
from certwright.runtime.process_worker import HEADER, Answer

logger = logging.getLogger(__name__)

T = TypeVar("T")

START_SECONDS = 15.0
"""How much longer the first call of a process may take: it imports what it needs, on a machine that may be busy."""

IDLE_SECONDS = 300.0
"""A process nobody needed for so long is ended: it weighs more than it costs to start another."""


class WorkFailedError(Exception):
    """The worker process met an unexpected error, or died; the type and the places in the code are all that is said."""


class Processes:
    """Run picklable functions in at most `limit` processes, at most half of them for one namespace.

    Args:
        limit: number of processes.
        seconds: how long one call may take.
    """

    def __init__(self, *, limit: int, seconds: float) -> None:
        self._limit = limit
        self._share = max(1, limit // 2)
        self._seconds = seconds
        self._idle: list[_Process] = []
        self._busy: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._retirement: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """Count the calls that a process is busy with."""
        return self._busy.total()

    async def run(self, func: Callable[..., T], *args: Any, namespace: str, seconds: float | None = None) -> T:
        """Call the function in another process and give back what it returns.

        Args:
            func: a function or method that can be pickled by name.
            args: picklable values.
            namespace: on whose behalf.
            seconds: how long it may take, when that is not what all calls may.

        Raises:
            MaterialError: the function raised it, or took too long (`ValidationError`, `LimitExceeded`).
            WorkFailedError: it raised something else, or its process died.
        """
        allowed = self._seconds if seconds is None else seconds
        call = pickle.dumps((allowed, func, args))
        await self._enter(namespace)
        try:
            process = await self._process()
            try:
                outcome, value, lines = await process.call(call, seconds=allowed)
            except BaseException:
                await process.kill()
                raise
            self._idle.append(process)
        finally:
            self._leave(namespace)
        for name, level, message in lines:
            logging.getLogger(name).log(level, "%s", message)
        if outcome == "refused":
            raise value
        if outcome == "failed":
            raise WorkFailedError(f"a worker process met {value}")
        result: T = value
        return result

    async def close(self) -> None:
        """End the idle processes; calls under way must have ended, or been cancelled."""
        if self._retirement is not None:
            self._retirement.cancel()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(process.kill() for process in idle), *self._closing)

    async def _process(self) -> _Process:
        while self._idle:
            process = self._idle.pop()
            if process.child.returncode is None:
                return process
            await process.kill()  # it died while nobody looked: only its pipes are left to close
        return await _Process.start()

    async def _enter(self, namespace: str) -> None:
        if self._may_enter(namespace):
            self._busy[namespace] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((namespace, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(namespace)  # the turn had come already
            raise

    def _leave(self, namespace: str) -> None:
        self._busy[namespace] -= 1
        if not self._busy[namespace]:
            del self._busy[namespace]
        self._admit()
        self._retire_later()

    def _may_enter(self, namespace: str) -> bool:
        return self._busy.total() < self._limit and self._busy[namespace] < self._share

    def _admit(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for namespace, turn in waiting:
            if turn.done():
                continue  # cancelled while it waited
            if self._may_enter(namespace):
                self._busy[namespace] += 1
                turn.set_result(None)
            else:
                self._waiting.append((namespace, turn))

    def _retire_later(self) -> None:
        if self._retirement is not None:
            self._retirement.cancel()
        self._retirement = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire)

    def _retire(self) -> None:
        idle, self._idle = self._idle, []
        for process in idle:
            task = asyncio.create_task(process.kill(), name="end an idle worker process")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


@dataclass(slots=True, eq=False)
class _Process:
    """One child and its pipes."""

    child: asyncio.subprocess.Process
    used: bool = field(default=False)

    @classmethod
    async def start(cls) -> _Process:
        # What it might print in its last moments could quote what it worked on: nobody listens.
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "certwright.runtime.process_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        logger.debug("started worker process %d", child.pid)
        return cls(child)

    async def call(self, call: bytes, *, seconds: float) -> Answer:
        allowed = seconds if self.used else seconds + START_SECONDS
        self.used = True
        try:
            async with asyncio.timeout(allowed):
                answer = await self._exchange(call)
        except TimeoutError:
            raise _too_long(seconds) from None
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            code = await self.child.wait()
            raise WorkFailedError(f"a worker process ended with code {code} in the middle of its work") from None
        outcome: Answer = pickle.loads(answer)  # noqa: S301 - from our child, over a pipe of our own
        return outcome

    async def _exchange(self, call: bytes) -> bytes:
        stdin, stdout = self.child.stdin, self.child.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker process has no pipes")
        stdin.write(HEADER.pack(len(call)) + call)
        await stdin.drain()
        (size,) = HEADER.unpack(await stdout.readexactly(HEADER.size))
        return await stdout.readexactly(size)

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.child.kill()
        if self.child.stdin is not None:
            self.child.stdin.close()
        await self.child.wait()


def _too_long(seconds: float) -> MaterialError:
    message = (
        f"Judging this material took longer than {seconds:g} s and was stopped. Hand in less, or smaller, material: "
        "fewer certificates, smaller keys, fewer iterations of the password's derivation. The operator's setting is "
        "`work_seconds`."
    )
    return MaterialError(finding(Reason.VALIDATION_ERROR, message, detail=Detail.LIMIT_EXCEEDED))
