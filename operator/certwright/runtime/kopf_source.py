"""kopf as a source of events, and nothing else: log-in, discovery, list, watch and reconnection.

No handler that keeps state is registered: those write annotations (of a Secret: its data) and finalizers into other
people's objects. What kopf does to a process that is not its own is undone here: it takes over the signal handlers, and
at its end cancels every task of the loop that is younger than itself.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import kopf
from kopf._core.engines.peering import Identity

from certwright.cluster.resources import RESOURCES
from certwright.findings import ClusterError
from certwright.reconcile.objects import Kind

LIST_CHUNK = 500
INACTIVITY_SECONDS = 70.0
"""Bookmarks come every minute: a stream that is silent for longer is dead."""

REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 30.0
LOGIN_RETRY_SECONDS = 5.0
IDLE_SECONDS = 0.05
"""How long kopf keeps a task for an object whose event is handled; the default of 5 s would keep them all at a list."""

FAREWELL_SECONDS = 1.0
KOPF_FOLDER = str(Path(kopf.__file__).parent)

UNUSED_FINALIZER = "unused.certwright.io/kopf"
"""kopf removes its configured finalizer wherever it sees it: this one must never be ours."""


class Lender(Protocol):
    """Who opens sessions; in practice `certwright.cluster.connection.Connection`."""

    async def lend_session(self) -> tuple[str, Any]:
        """Give the server's URL and an aiohttp session with our credentials, which the borrower closes.

        Raises:
            ClusterError: there are no credentials.
        """
        ...


Deliver = Callable[[Kind, str | None, Mapping[str, Any]], None]
"""Takes kind, type of event (`None` when listed) and object, at once and without raising."""


class KopfSource:
    """Deliver the events of our own kinds.

    Args:
        kinds: what to watch; all of them must be served when `run` is called.
        namespaces: where; empty means everywhere.
        lender: opens sessions.
        deliver: takes the events.
        restore_signals: called whenever kopf has put its own signal handlers in place of ours.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        *,
        namespaces: Sequence[str],
        lender: Lender,
        deliver: Deliver,
        restore_signals: Callable[[], None],
    ) -> None:
        self._kinds = kinds
        self._namespaces = namespaces
        self._lender = lender
        self._logged_in_at = float("-inf")
        self._deliver = deliver
        self._restore_signals = restore_signals

    async def run(self) -> None:
        """Watch until cancelled, or until kopf gives up.

        Raises:
            Exception: whatever kopf gave up with; it also returns without one.
        """
        self._logged_in_at = float("-inf")
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=kopf_settings(),
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            standalone=True,
            # Of a name that kopf only needs among peers, which we have none of. Left out, it asks for the name of the
            # user it runs as, and fails where that is a bare number: in every container that does not run as root.
            identity=Identity("certwright"),
        )
        self._restore_signals()  # nothing was awaited since kopf took them: no signal is lost
        try:
            await kopf.run_tasks(tasks, ignored=_EveryTask())
        finally:
            await _end_leftovers()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._log_in)
        for kind in self._kinds:
            resource = RESOURCES[kind]
            group, version = resource.api_version.split("/")
            kopf.on.event(group, version, resource.plural, id=str(kind), registry=registry)(self._handler(kind))
        return registry

    async def _log_in(self, **_: Any) -> kopf.AiohttpSession:
        # kopf asks at its start, and at once when the API server refused what it had; the files may not be newer yet.
        if time.monotonic() - self._logged_in_at < LOGIN_RETRY_SECONDS:
            raise kopf.TemporaryError("the credentials were refused", delay=LOGIN_RETRY_SECONDS)
        try:
            server, session = await self._lender.lend_session()
        except ClusterError as error:
            raise kopf.TemporaryError(error.message, delay=LOGIN_RETRY_SECONDS) from None
        self._logged_in_at = time.monotonic()
        return kopf.AiohttpSession(server=server, aiohttp_session=session)

    def _handler(self, kind: Kind) -> Callable[..., Any]:
        async def handle(event: Mapping[str, Any], **_: Any) -> None:
            self._deliver(kind, event["type"], event["object"])

        return handle


def kopf_settings() -> kopf.OperatorSettings:
    """Make settings under which kopf only watches."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # it would watch all CRDs and namespaces
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = None  # it would kill the process some time after its end
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.queueing.exit_timeout = IDLE_SECONDS
    settings.queueing.worker_limit = None
    settings.watching.chunk_size = LIST_CHUNK
    settings.watching.initial_streaming = False  # a cut stream would lose objects
    settings.watching.inactivity_timeout = INACTIVITY_SECONDS
    settings.networking.error_backoffs = BackOffs()
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = CONNECT_SECONDS
    settings.persistence.finalizer = UNUSED_FINALIZER
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.diffbase_storage = NoDiffBase()
    return settings


class BackOffs:
    """Seconds between tries, without end: kopf gives up watching when they end."""

    def __iter__(self) -> Iterator[float]:
        """Begin anew, as each request does."""
        for step in itertools.count():
            yield min(LONGEST_BACKOFF_SECONDS, 0.5 * 2 ** min(step, 10)) * random.uniform(0.5, 1.0)  # noqa: S311


class NoProgress(kopf.ProgressStorage):
    """Keep no progress of handlers: there is none, and the default is looked for in each event."""

    def fetch(self, **_: Any) -> None:
        """Find nothing."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""

    def purge(self, **_: Any) -> None:
        """Remove nothing."""

    def touch(self, **_: Any) -> None:
        """Write nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Leave it as it is; the default makes a deep copy."""
        return essence


class NoDiffBase(kopf.DiffBaseStorage):
    """Compare nothing with a former state: the default makes two deep copies of each event."""

    def build(self, **_: Any) -> Any:
        """Give the same for every object."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Find nothing."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""


class _EveryTask(Collection["asyncio.Task[Any]"]):
    """What kopf takes for the tasks that are not its own: all.

    At its end it waits five seconds for every other task of the loop, and then cancels it.
    """

    def __contains__(self, task: object) -> bool:
        return True

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def _end_leftovers() -> None:
    """End the tasks that kopf leaves behind, which it would itself have found among all those of the loop."""
    leftovers = {task for task in asyncio.all_tasks() if _is_of_kopf(task)}
    for task in leftovers:
        task.cancel()
    if leftovers:
        await asyncio.wait(leftovers, timeout=FAREWELL_SECONDS)


def _is_of_kopf(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(KOPF_FOLDER)
