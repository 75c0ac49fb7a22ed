"""How the parts of the operator hang together; `certwright.runtime.operator` starts and stops them."""

from __future__ import annotations

import functools
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from random import Random, SystemRandom

from certwright.cluster.client import ApiServer
from certwright.cluster.clock import SystemClock
from certwright.cluster.connection import Connection, CredentialSource
from certwright.cluster.event_recorder import EventRecorder
from certwright.cluster.metadata_cache import Scope
from certwright.cluster.metadata_watch import MetadataWatch, scopes_of
from certwright.cluster.retries import Retrying
from certwright.fetch.ports import Fetcher
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.questions import Named
from certwright.runtime.dependencies import Dependencies
from certwright.runtime.downloads import Downloads
from certwright.runtime.driver import Driver
from certwright.runtime.election import make_gate
from certwright.runtime.engine import Engine
from certwright.runtime.heavy_work import READING, judge_in, render_in
from certwright.runtime.intake import Intake
from certwright.runtime.kopf_source import KopfSource
from certwright.runtime.leadership import Gate
from certwright.runtime.library import OperatorLibrary
from certwright.runtime.lists import Lists
from certwright.runtime.metrics import Metrics
from certwright.runtime.mirror import Mirror
from certwright.runtime.passes import Surroundings
from certwright.runtime.preflight import Preflight
from certwright.runtime.processes import Processes
from certwright.runtime.queue import Priority
from certwright.runtime.readiness import Readiness
from certwright.runtime.reaper import Reaper
from certwright.runtime.records import Records, list_records
from certwright.runtime.rereads import Rereads
from certwright.runtime.supervisor import Supervisor
from certwright.runtime.sweep import Sweep
from certwright.runtime.workers import Limits, Outcome, Workers
from certwright.settings import Settings

logger = logging.getLogger(__name__)

WATCHED_KINDS = (Kind.SECRET, Kind.CONFIG_MAP)
"""Watched by their metadata, because our own objects refer to them."""

SPREAD_KINDS = (Kind.CLUSTER_TRUST_BUNDLE, Kind.NAMESPACE)
"""The same, because ClusterTrustStores spread bundles: watched when those are served."""

COLLECTED_KINDS = (Kind.REVOCATION_SOURCE, Kind.TRUST_DECISION, Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE)
"""Kinds of which verdicts ask for all objects of a namespace, or of all."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What is there before the API server answers.

    Attributes:
        login: who gives credentials.
        fetcher: who fetches revocation lists.
        gate: whether this process may write; `None`: as the settings say.
        restore_signals: called when kopf has taken the signal handlers.
    """

    settings: Settings
    login: CredentialSource
    engine: Engine
    fetcher: Fetcher
    gate: Gate | None
    clock: SystemClock
    readiness: Readiness
    metrics: Metrics
    restore_signals: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that runs, once there is a connection."""

    gate: Gate
    mirror: Mirror
    workers: Workers
    watch: MetadataWatch
    sweep: Sweep
    supervisor: Supervisor
    rereads: Rereads
    processes: Processes
    recorder: EventRecorder
    downloads: Downloads
    records: Records
    reaper: Reaper


def assemble(ground: Ground, connection: Connection) -> Parts:
    """Make the parts and tell them of each other; nothing runs yet."""
    settings, random = ground.settings, SystemRandom()
    gate = ground.gate or make_gate(
        settings, connection, instance=_instance(), clock=ground.clock, readiness=ground.readiness
    )
    requests = Retrying(connection, may_write=lambda: gate.is_open)
    processes = Processes(limit=settings.processes, seconds=settings.work_seconds)
    office = _Office()
    workers = Workers(office.work, gate=gate, clock=ground.clock, limits=_limits(settings), random=random)
    recorder = EventRecorder(
        Retrying(connection),  # what was done in our term is told after it, too
        clock=ground.clock,
        instance=_instance(),
        events_per_hour=settings.events_per_hour,
        is_busy=lambda: workers.is_behind,
    )
    mirror = Mirror(COLLECTED_KINDS)
    watch = MetadataWatch(
        requests,
        _watched_scopes(settings, ground.engine),
        on_change=office.on_change,
        on_owned=office.on_owned,
        on_namespace=office.on_namespace,
        served_namespaces=settings.watch_namespaces,
        on_reset=office.on_reset,
    )
    cluster = ApiServer(
        requests,
        render=functools.partial(render_in, processes, key_seconds=settings.key_seconds),
        recorder=recorder,
        served=watch.served,
    )
    dependencies = Dependencies(watch.cache)
    intake = Intake(mirror, dependencies, ground.engine.reconcilers, desk=workers, count=ground.metrics.delivered)
    library = OperatorLibrary(
        mirror,
        cluster,
        watch.cache,
        namespaces=watch.namespaces.all,
        naming=lambda key: dependencies.asking(Named(key)),
        run=functools.partial(processes.run, namespace=READING),
        settings=settings,
    )
    downloads = library.fetch_with(ground.fetcher, ground.clock, intake.fetched)
    around = Surroundings(
        cluster=cluster,
        cache=watch.cache,
        clock=ground.clock,
        judge_in=functools.partial(judge_in, processes),
        judged_by=ground.engine.judged_by,
        library=library,
        gate=gate,
    )
    driver = Driver(
        ground.engine.reconcilers, mirror, dependencies, intake=intake, around=around, metrics=ground.metrics
    )
    kinds = tuple(ground.engine.reconcilers)
    sweep = Sweep(
        Lists(requests, cluster, kinds, settings.watch_namespaces),
        mirror,
        intake,
        readiness=ground.readiness,
        seconds=settings.sweep_seconds,
        random=random,
    )
    supervisor = _supervise(ground, connection, intake, sweep, random)
    records = _records(settings, requests, mirror, cluster, gate)
    reaper = Reaper(requests, cluster, watch.cache, dependencies, gate=gate)
    office.open(driver, intake, supervisor, reaper)
    intake.on_list = sweep.request
    intake.on_new_history = office.on_new_history
    intake.on_swept = watch.relist
    intake.on_gone = records.gone
    return Parts(
        gate,
        mirror,
        workers,
        watch,
        sweep,
        supervisor,
        _rereads(settings, mirror, driver, workers, gate),
        processes,
        recorder,
        downloads,
        records,
        reaper,
    )


class _Office:
    """The knot of the parts: who is called before who is called exists."""

    def __init__(self) -> None:
        self._driver: Driver | None = None
        self._intake: Intake | None = None
        self._supervisor: Supervisor | None = None
        self._reaper: Reaper | None = None

    def open(self, driver: Driver, intake: Intake, supervisor: Supervisor, reaper: Reaper) -> None:
        self._driver, self._intake, self._supervisor, self._reaper = driver, intake, supervisor, reaper

    async def work(self, key: ObjectKey) -> Outcome:
        if self._driver is None:
            raise RuntimeError("work was asked for before the parts were assembled")
        return await self._driver.work(key)

    def on_change(self, key: ObjectKey) -> None:
        if self._intake is not None:
            self._intake.changed(key)
        if self._reaper is not None:
            self._reaper.look(key)

    def on_owned(self, owner: ObjectKey, key: ObjectKey) -> None:
        if self._intake is not None:
            self._intake.owned_changed(owner, key)

    def on_namespace(self, key: ObjectKey) -> None:
        if self._intake is not None:
            self._intake.namespace_changed(key)

    def on_reset(self) -> None:
        if self._supervisor is not None:
            self._supervisor.restart()

    def on_new_history(self, keys: list[ObjectKey]) -> None:
        if self._driver is not None:
            self._driver.distrust(keys)
        self.on_reset()


def _supervise(ground: Ground, connection: Connection, intake: Intake, sweep: Sweep, random: Random) -> Supervisor:
    kinds, namespaces = tuple(ground.engine.reconcilers), ground.settings.watch_namespaces
    source = KopfSource(
        kinds,
        namespaces=namespaces,
        lender=connection,
        deliver=intake.deliver,
        restore_signals=ground.restore_signals,
    )
    return Supervisor(
        source,
        Preflight(Retrying(connection), kinds, namespaces),
        readiness=ground.readiness,
        on_start=sweep.request,
        random=random,
    )


def _rereads(settings: Settings, mirror: Mirror, driver: Driver, workers: Workers, gate: Gate) -> Rereads:
    def ask(key: ObjectKey) -> None:
        if gate.is_open:  # what the leader reads need not be read again by the next one
            driver.ask_in_full(key)
            workers.add(key, Priority.ROUTINE)

    return Rereads(
        lambda: [key for key, _ in mirror.items()],
        ask,
        seconds=settings.reread_seconds,
        per_second=settings.reread_per_second,
        random=SystemRandom(),
    )


def _records(settings: Settings, requests: Retrying, mirror: Mirror, cluster: ApiServer, gate: Gate) -> Records:
    listed = functools.partial(list_records, requests, settings.namespace, settings.watch_namespaces)
    return Records(listed, mirror, cluster, gate=gate, namespace=settings.namespace)


def _watched_scopes(settings: Settings, engine: Engine) -> list[Scope]:
    kinds = WATCHED_KINDS + (SPREAD_KINDS if Kind.CLUSTER_TRUST_STORE in engine.reconcilers else ())
    scopes = list(scopes_of(kinds, settings.watch_namespaces))
    if settings.watch_namespaces and settings.namespace not in settings.watch_namespaces:
        scopes.append(Scope(Kind.CONFIG_MAP, settings.namespace))  # where records are kept
    return scopes


def _limits(settings: Settings) -> Limits:
    return Limits(
        workers=settings.workers,
        backoff_max_seconds=settings.backoff_max_seconds,
        release_per_second=settings.release_per_second,
    )


def _instance() -> str:
    return os.environ.get("HOSTNAME") or socket.gethostname()
