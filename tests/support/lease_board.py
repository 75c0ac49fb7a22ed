"""A Lease in memory as an API server keeps it, and replicas with a way to it and a clock of their own each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from certwright.cluster.lease import Claim, Lease
from certwright.findings import ClusterError, FailureCause
from certwright.runtime.election import LeaseElector, Times
from certwright.runtime.readiness import Readiness

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
TIMES = Times(lease=15, renew=10, retry=2)
ROUND_TRIP_SECONDS = 0.02


def now() -> float:
    """Give the time that passed in the story."""
    return asyncio.get_running_loop().time()


@dataclass
class Board:
    """The Lease, if there is one; `writes` are the claims that were carried out, with their moments."""

    lease: Lease | None = None
    writes: list[tuple[float, Claim]] = field(default_factory=list)
    _version: int = 100

    def put(self, claim: Claim, **manifest: Any) -> Lease:
        """Store a claim, whoever makes it."""
        self._version += 1
        self.writes.append((now(), claim))
        self.lease = Lease(
            str(self._version),
            claim.holder,
            claim.seconds,
            claim.transitions,
            START.replace(microsecond=0) + timedelta(seconds=int(now())),
            manifest,
        )
        return self.lease

    def touch(self) -> None:
        """Change something that is nobody's business here, a label perhaps."""
        assert self.lease is not None
        self._version += 1
        self.lease = replace(self.lease, version=str(self._version))


class Way:
    """One replica's way to the Lease; implements `LeaseStore`.

    Attributes:
        cut: requests get no answer, and are not carried out.
        awake: while it is not set the process is stopped: it hears no answer, and no time limit strikes.
        script: what happens to the next requests: an error to answer with, or `LOST`.
        asked: each request, with the seconds that it was given.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.cut = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.seconds = ROUND_TRIP_SECONDS
        self.script: deque[ClusterError | str | None] = deque()
        self.asked: list[tuple[str, float]] = []

    async def read(self, *, seconds: float) -> Lease | None:
        async def act() -> Lease | None:
            return self.board.lease

        return await self._answer("read", act, seconds)

    async def create(self, claim: Claim, *, seconds: float) -> Lease:
        async def act() -> Lease:
            if self.board.lease is not None:
                raise ClusterError(FailureCause.ALREADY_EXISTS, "create Lease", status=409)
            return self.board.put(claim)

        return await self._answer("create", act, seconds)

    async def replace(self, lease: Lease, claim: Claim, *, seconds: float) -> Lease:
        async def act() -> Lease:
            if self.board.lease is None:
                raise ClusterError(FailureCause.NOT_FOUND, "update Lease", status=404)
            if self.board.lease.version != lease.version:
                raise ClusterError(FailureCause.CONFLICT, "update Lease", status=409)
            return self.board.put(claim)

        return await self._answer("replace", act, seconds)

    async def _answer(self, verb: str, act: Callable[[], Awaitable[Any]], seconds: float) -> Any:
        try:
            return await self._carry_out(verb, act, seconds)
        finally:
            await self.awake.wait()

    async def _carry_out(self, verb: str, act: Callable[[], Awaitable[Any]], seconds: float) -> Any:
        self.asked.append((verb, seconds))
        fate = self.script.popleft() if self.script else None
        if self.cut or self.seconds / 2 > seconds:
            await self._wait_in_vain(seconds)
        await asyncio.sleep(self.seconds / 2)
        if isinstance(fate, ClusterError):
            raise fate
        answer = await act()
        if fate == LOST or self.seconds > seconds:
            await self._wait_in_vain(seconds - self.seconds / 2)
        await asyncio.sleep(self.seconds / 2)
        return answer

    async def _wait_in_vain(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))
        raise ClusterError(FailureCause.TIMEOUT, "no answer in time")


LOST = "the answer is lost"


class Replica:
    """An elector with its way, its clock, and what it told."""

    def __init__(self, board: Board, name: str, *, times: Times = TIMES) -> None:
        self.name = name
        self.way = Way(board)
        self.slept = 0.0
        self.told: list[tuple[float, bool]] = []
        self.readiness = Readiness({})
        self.elector = LeaseElector(
            self.way,
            identity=name,
            times=times,
            readiness=self.readiness,
            clock=self,
            random=Random(name),  # noqa: S311 - scatters, hides nothing
            steady=lambda: now() + self.slept,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to seek the Lease."""
        self._task = asyncio.create_task(self.elector.hold(self._tell))

    async def stop(self) -> None:
        """End as on SIGTERM."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        assert self._task.cancelled()

    async def kill(self) -> None:
        """End as on SIGKILL."""
        self.way.cut = True
        await self.stop()

    @property
    def leads(self) -> bool:
        return self.elector.is_open

    def _tell(self) -> None:
        self.told.append((now(), self.elector.is_open))

    # ---- the time of day, which nobody compares

    def system(self) -> datetime:
        return START + timedelta(seconds=now())

    judgement = system

    def doubted(self) -> bool:
        return False
