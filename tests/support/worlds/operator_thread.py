"""The whole operator in a thread of the tests, with a clock that they can move."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from certwright.cluster.clock import SystemClock
from certwright.cluster.credentials import Login
from certwright.runtime.assembly import Parts
from certwright.runtime.engine import make_engine
from certwright.runtime.operator import Operator
from certwright.settings import Settings
from tests.support.loopback_fetcher import loopback_fetcher
from tests.support.waiting import wait_until

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
THREAD = "operator"


class StoryClock(SystemClock):
    """The operator's clock; its judgement time can be moved and stopped, and doubt can be put into it."""

    def __init__(self, *, skew_limit_seconds: float) -> None:
        super().__init__(skew_limit_seconds=skew_limit_seconds)
        self._standing: datetime | None = None
        self._moved = timedelta(0)
        self.is_doubted = False

    def judgement(self) -> datetime:
        return self._standing or super().judgement()

    def doubted(self) -> bool:
        return self.is_doubted or super().doubted()

    def travel(self, delta: timedelta) -> None:
        """Move from the instant that it shows, and go on from there."""
        stood, self._standing = self._standing, None
        if stood is not None:
            delta += stood - super().judgement()
        self._moved += delta
        self.advance(delta)

    def stand_at(self, instant: datetime) -> None:
        """Show this instant until the next `travel`."""
        self._standing = instant

    def reset(self) -> None:
        """Show system time again."""
        self._standing, self.is_doubted = None, False
        self.travel(-self._moved)


class _Defects(logging.Handler):
    """Collect what the operator logs as an error: stories go wrong in many ways, and none of them is a defect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # Other tests of the session provoke defects, and look at what is logged about them.
        if record.threadName == THREAD:
            self.told.append(self.format(record))


class OperatorThread:
    """Be one operator, composed as `certwright run` composes it, on a loop of its own."""

    def __init__(self, kubeconfig: Path) -> None:
        self._settings = Settings(listen_host="127.0.0.1", listen_port=0)
        self.clock = StoryClock(skew_limit_seconds=self._settings.clock_skew_seconds)
        self._operator = Operator(
            self._settings,
            make_engine(self._settings),
            login=Login(kubeconfig=kubeconfig),
            clock=self.clock,
            fetcher=loopback_fetcher(),
            restore_signals=_leave_signals,
        )
        self._thread = threading.Thread(target=self._run, name=THREAD)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._defects = _Defects()

    def __enter__(self) -> Self:
        logging.getLogger("certwright").addHandler(self._defects)
        self._thread.start()
        try:
            wait_until(self._is_ready, deadline_seconds=READY_SECONDS, what="the operator to be ready")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it in order.

        Raises:
            AssertionError: it did not end in time, had broken, or has logged an error.
        """
        if self._stop is not None:
            self._call(self._stop.set)
        self._thread.join(STOP_SECONDS)
        logging.getLogger("certwright").removeHandler(self._defects)
        assert not self._thread.is_alive(), "the operator did not end"
        self.check()
        assert self._defects.told == []

    def check(self) -> None:
        """See that nothing broke.

        Raises:
            AssertionError: something did.
        """
        assert self._failure is None, f"the operator broke: {self._failure!r}"

    def wake(self) -> None:
        """Have the workers look at the clock again."""
        self.check()
        if self._operator.parts is not None:
            self._call(self._operator.parts.workers.wake)

    def sweep(self) -> None:
        """Have the lists compared with what the watches said, anew when that is under way."""
        wait_until(
            lambda: not self._parts.sweep.is_under_way, deadline_seconds=STOP_SECONDS, what="the sweep before to end"
        )
        self._call(self._parts.sweep.request)

    def read_everything(self) -> None:
        """Begin the daily round, in which every object is read and judged whatever the evidence says."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._parts.rereads.go_round(), self._loop)

    def flush_events(self) -> None:
        """Wait until every event is written."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._parts.recorder.flush(), self._loop).result(STOP_SECONDS)

    @property
    def passes(self) -> int:
        """Count the passes that have ended, those that found nothing changed among them."""
        return sum(
            int(sample.value)
            for family in self._operator.metrics.registry.collect()
            for sample in family.samples
            if sample.name == "certwright_reconcile_total"
        )

    @property
    def _parts(self) -> Parts:
        self.check()
        assert self._operator.parts is not None
        return self._operator.parts

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is being worked on, or waits to be."""
        self.check()
        parts = self._operator.parts
        return parts is not None and not len(parts.workers.queue) and not parts.workers.queue.running

    def _is_ready(self) -> bool:
        self.check()
        return self._operator.readiness.is_ready

    def _call(self, func: Callable[[], Any]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(func)

    def _run(self) -> None:
        try:
            asyncio.run(self._operate())
        except BaseException as error:  # noqa: BLE001 - told by `check`, in the thread of the tests
            self._failure = error

    async def _operate(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        assert await self._operator.run(self._stop), "a part of the operator broke; its log says more"


def _leave_signals() -> None:
    """Do nothing: signals belong to the main thread, which is not the operator's."""
