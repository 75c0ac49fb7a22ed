"""The operator as a whole: start the parts in order, keep them running, stop them in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

from certwright.cluster.clock import SystemClock
from certwright.cluster.connection import Connection, CredentialSource
from certwright.cluster.credentials import Login
from certwright.cluster.metadata_watch import MetadataWatch
from certwright.fetch.http_fetcher import HTTPFetcher
from certwright.fetch.ports import Fetcher
from certwright.findings import ClusterError
from certwright.runtime.assembly import Ground, Parts, assemble
from certwright.runtime.engine import Engine
from certwright.runtime.heartbeat import Heartbeat
from certwright.runtime.leadership import Gate
from certwright.runtime.logs import describe_error, on_loop_error
from certwright.runtime.metrics import Metrics, Reading
from certwright.runtime.readiness import Readiness
from certwright.runtime.servers import Servers
from certwright.runtime.signals import release_signals
from certwright.settings import Settings

logger = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
"""How long writes under way may take after we are asked to stop; each is fenced, so cutting one off loses nothing."""

FAREWELL_SECONDS = 0.5
"""How long the rest may take to end, and then the events that wait to be written. All in all less than 3 s."""

CONNECT_POLL_SECONDS = 2.0
SILENT_SECONDS = 150.0
OPEN_SECONDS = 5.0
OPEN_POLL_SECONDS = 0.02

INTAKE = {"start the parts", "supervisor", "sweep", "rereads", "records", "reaper"}
"""The tasks that bring news in; they end first."""

TOPICS = {
    "api": "the API server has not answered yet",
    "kinds": "it is not known yet whether our kinds are served",
    "rights": "it is not known yet whether our kinds may be watched",
    "objects": "our objects have not been listed yet",
    "metadata": "Secrets and ConfigMaps have not been listed yet",
}


class Operator:
    """Be one operator.

    Args:
        settings: what an administrator chose.
        engine: what judges and plans.
        login: who gives credentials; by default the pod's ServiceAccount or the kubeconfig.
        gate: whether this process may write; by default as the settings say.
        clock: what time it is.
        fetcher: who fetches revocation lists; by default over HTTP, as far as the settings allow it.
        restore_signals: called whenever kopf has taken the signal handlers; by default they are given up.
    """

    def __init__(  # noqa: PLR0913 - each but the first two has a default that suits a pod
        self,
        settings: Settings,
        engine: Engine,
        *,
        login: CredentialSource | None = None,
        gate: Gate | None = None,
        clock: SystemClock | None = None,
        fetcher: Fetcher | None = None,
        restore_signals: Callable[[], None] = release_signals,
    ) -> None:
        self.readiness = Readiness(TOPICS)
        self.metrics = Metrics(certificate_series=settings.certificate_series)
        self._ground = Ground(
            settings=settings,
            login=login or Login(),
            engine=engine,
            fetcher=fetcher or HTTPFetcher.of(settings),
            gate=gate,
            clock=clock or SystemClock(skew_limit_seconds=settings.clock_skew_seconds),
            readiness=self.readiness,
            metrics=self.metrics,
            restore_signals=restore_signals,
        )
        self._heartbeat = Heartbeat(self._on_beat)
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self.parts: Parts | None = None
        self.servers = Servers(
            settings.listen_host,
            settings.listen_port,
            health=self._health,
            readiness=self._is_ready,
            metrics=self._scrape,
        )

    async def run(self, stop: asyncio.Event) -> bool:
        """Work until `stop` is set, then end everything in order; say whether nothing broke.

        Raises:
            OSError: the address or port of the servers cannot be had.
        """
        asyncio.get_running_loop().set_exception_handler(on_loop_error)
        async with AsyncExitStack() as stack:
            await self.servers.start()
            stack.push_async_callback(self.servers.close)
            self._start(self._heartbeat.run(), "heartbeat")
            self._start(self._work(stack), "start the parts")
            stopping = [asyncio.create_task(event.wait()) for event in (stop, self._broken)]
            try:
                await asyncio.wait(stopping, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in stopping:
                    each.cancel()
                await self._end()
        logger.info("stopped")
        return not self._broken.is_set()

    async def _work(self, stack: AsyncExitStack) -> None:
        """Start the parts, each when what it needs is there."""
        parts = self.parts = assemble(self._ground, await self._connect(stack))
        stack.push_async_callback(parts.processes.close)
        stack.push_async_callback(parts.downloads.close)
        await stack.enter_async_context(_closing_soon(parts.recorder))
        self._start(parts.supervisor.run(), "supervisor")
        await parts.supervisor.started.wait()
        self._start(parts.sweep.run(), "sweep")
        # In this order: what our objects refer to must be known before the metadata of others is listed, or it would
        # not be kept; and it must be listed before the first pass, or each of them would read what it need not.
        await parts.sweep.completed.wait()
        self._start(parts.watch.run(), "watch Secrets and ConfigMaps")
        await parts.watch.synced.wait()
        await _until_open(parts.watch)
        self.readiness.has("metadata")
        parts.workers.start()
        # Not before: who leads must be able to work at once.
        self._start(parts.gate.hold(self._on_leadership), "leadership")
        self._start(parts.reaper.run(), "reaper")
        self._start(parts.rereads.run(), "rereads")
        self._start(parts.records.run(self._ground.settings.sweep_seconds), "records")

    def _on_leadership(self) -> None:
        if self.parts is not None:
            if not self.parts.gate.is_open:
                self.parts.downloads.forget_all()
            self.parts.workers.wake()

    async def _connect(self, stack: AsyncExitStack) -> Connection:
        while True:
            connection = Connection(
                self._ground.login,
                clock=self._ground.clock,
                metrics=self.metrics,
                request_seconds=self._ground.settings.request_seconds,
            )
            try:
                return await stack.enter_async_context(connection)
            except ClusterError as error:
                self.readiness.lacks("api", error.message)
            await asyncio.sleep(CONNECT_POLL_SECONDS)

    # ---- tasks

    def _start(self, coroutine: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_end)

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        # None of them is meant to end; what is left would be an operator that looks alive and does nothing.
        logger.critical("%s failed, stopping: %s", task.get_name(), describe_error(error))
        self._broken.set()

    async def _end(self) -> None:
        """Stop taking news in, let writes under way end, then end the rest."""
        tasks = set(self._tasks)
        intake = {task for task in tasks if task.get_name() in INTAKE}
        _cancel(intake)
        if self.parts is not None:
            await self.parts.workers.stop(grace_seconds=GRACE_SECONDS)
        # Each once: kopf takes a second cancellation for an order to leave everything as it lies.
        _cancel(tasks - intake)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=FAREWELL_SECONDS)
            for task in late:
                logger.warning("%s did not end in time", task.get_name())

    # ---- what the servers say

    def _on_beat(self, lag: float) -> None:
        self.metrics.loop_lag.set(lag)
        clock = self._ground.clock
        if clock.doubted():
            self.readiness.lacks(
                "clock",
                f"system time differs from the API server's by more than {self._ground.settings.clock_skew_seconds} s; "
                "set the clock of one of them",
            )
        else:
            self.readiness.has("clock")
        if self.parts is None or not self.parts.watch.synced.is_set():
            return
        troubles = "; ".join(dict.fromkeys(self.parts.watch.troubles.values()))
        if troubles:
            self.readiness.lacks("metadata", troubles)
        else:
            self.readiness.has("metadata")

    def _health(self) -> tuple[bool, str]:
        if self._heartbeat.is_late:
            return False, "the event loop is much too late\n"
        if self.parts is not None and self.parts.watch.synced.is_set():
            silent = self.parts.watch.silent_seconds
            if silent > SILENT_SECONDS and not self.parts.watch.troubles:
                return False, f"a watch has said nothing for {silent:.0f} s\n"
        return True, "ok\n"

    def _is_ready(self) -> tuple[bool, str]:
        return self.readiness.is_ready, self.readiness.text()

    async def _scrape(self) -> bytes:
        return await asyncio.to_thread(self.metrics.render, self._reading())

    def _reading(self) -> Reading:
        parts = self.parts
        if parts is None:
            return Reading(0, 0, 0, 0.0, is_leader=False, is_ready=self.readiness.is_ready, objects=[])
        return Reading(
            depth=len(parts.workers.queue),
            running=parts.workers.queue.running,
            delayed=parts.workers.delayed,
            oldest_seconds=parts.workers.age_of_oldest(),
            is_leader=parts.gate.is_open,
            is_ready=self.readiness.is_ready,
            objects=list(parts.mirror.items()),
            restarts={
                "own": max(0, parts.supervisor.starts - 1),
                "metadata": parts.watch.figures.restarts + parts.watch.figures.relists,
            },
            events=asdict(parts.recorder.figures),
        )


@asynccontextmanager
async def _closing_soon(manager: AbstractAsyncContextManager[object]) -> AsyncIterator[None]:
    """Enter what takes its time to leave, and cut that short."""
    async with AsyncExitStack() as outer:
        await outer.enter_async_context(manager)
        inner = outer.pop_all()
        try:
            yield
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await inner.aclose()


async def _until_open(watch: MetadataWatch) -> None:
    """Wait a moment for the watches behind the lists: until then the cache is sure of no absence, and passes read."""
    loop = asyncio.get_running_loop()
    until = loop.time() + OPEN_SECONDS
    while not watch.is_alive and loop.time() < until:  # noqa: ASYNC110 - the watch has no event for it
        await asyncio.sleep(OPEN_POLL_SECONDS)


def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
