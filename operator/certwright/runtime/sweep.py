"""Compare lists with what the watch said: deletions that fell into a gap, and objects it never showed.

kopf lists again after a gap, and from a list nobody learns of deletions. The lists here hold metadata only and are read
without a resourceVersion, that is, from etcd itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container
from random import Random
from typing import Protocol

from certwright.findings import ClusterError
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime.lists import Facts, Lists
from certwright.runtime.mirror import NEWS, Change, Mirror
from certwright.runtime.readiness import Readiness

logger = logging.getLogger(__name__)

SHORTEST_POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 0.5
LOOKS_PER_SECOND = 20_000
"""How many objects are looked at in a second while the watch brings them: some hundredths of a processor."""

PATIENCE_SECONDS = 10.0
"""How long the watch may bring nothing of what is missing before that is read by name."""

FEW = 10
SHORT_PATIENCE_SECONDS = 2.0
"""The same when little is missing: most likely it was deleted since the list, and a start must not wait for it."""

RETRY_SECONDS = 5.0
SCATTER = 0.2
SETTLE_SECONDS = 1.0
"""Requests to sweep come in bursts: a list delivers thousands of objects."""


class HistoryError(Exception):
    """The list is older than what was seen already: etcd was restored from a backup."""


class Repairs(Protocol):
    """Who acts on what a sweep finds; in practice `certwright.runtime.intake.Intake`."""

    def found(self, key: ObjectKey, change: Change) -> None:
        """Take note of an object that the watch never showed, or showed older."""
        ...

    def gone(self, key: ObjectKey) -> None:
        """Take note of an object that is gone, once the mirror has forgotten it."""
        ...

    def new_history(self) -> None:
        """Take note that etcd was restored: everything known is worthless."""
        ...

    def swept(self) -> None:
        """Take note that a sweep that was due by time is done."""
        ...


class Sweep:
    """Make the mirror equal to the cluster, now and then and when asked.

    Args:
        lists: what there is.
        mirror: what the watch said.
        repairs: acts on the differences.
        readiness: told under `objects` whether everything that exists has been seen.
        seconds: how often, give or take a fifth.
        random: scatters that.

    Attributes:
        is_under_way: whether lists are being compared; who asks for a sweep meanwhile gets none of their own.
        completed: set once everything that exists has been seen.
    """

    def __init__(
        self,
        lists: Lists,
        mirror: Mirror,
        repairs: Repairs,
        *,
        readiness: Readiness,
        seconds: float,
        random: Random,
    ) -> None:
        self._lists = lists
        self._mirror = mirror
        self._repairs = repairs
        self._readiness = readiness
        self._seconds = seconds
        self._random = random
        self._wanted = asyncio.Event()
        self.is_under_way = False
        self.completed = asyncio.Event()

    def request(self) -> None:
        """Ask for a sweep soon; nothing when one is under way."""
        if not self.is_under_way:
            self._wanted.set()

    async def run(self) -> None:
        """Sweep when asked, and now and then, until cancelled."""
        while True:
            pause = self._seconds * self._random.uniform(1 - SCATTER, 1 + SCATTER)
            asked = await self._is_asked_within(pause)
            if self.completed.is_set():
                await asyncio.sleep(SETTLE_SECONDS)
            await self._sweep()
            if not asked:
                self._repairs.swept()

    async def _is_asked_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._wanted.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _sweep(self) -> None:
        self.is_under_way = True
        self._wanted.clear()
        try:
            for kind, namespace in self._lists.scopes:
                await self._compare(kind, namespace)
        except ClusterError as error:
            self._readiness.lacks("objects", error.message)
            logger.warning("the sweep failed: %s", error.message)
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.request)
        except HistoryError:
            logger.warning("the API server's history is older than what was seen of it; beginning anew")
            self._repairs.new_history()
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.request)
        else:
            self._readiness.has("objects")
            self.completed.set()
        finally:
            self.is_under_way = False

    async def _compare(self, kind: Kind, namespace: str) -> None:
        highest = self._mirror.highest  # before the request: our own writes may pass the list while it is under way
        version, listed = await self._lists.versions(kind, namespace)
        if version < highest:
            raise HistoryError
        self._forget_gone(kind, namespace, listed, version)
        await self._find_missing(listed)

    def _forget_gone(self, kind: Kind, namespace: str, listed: Container[ObjectKey], version: int) -> None:
        gone = [
            key
            for key, entry in self._mirror.items()
            if key.kind is kind
            and (not namespace or key.namespace == namespace)
            and key not in listed
            and entry.version <= version
        ]
        for key in gone:
            logger.info("deleted while nobody watched", extra={"about": key})
            self._mirror.remove(key)
            self._repairs.gone(key)

    async def _find_missing(self, listed: dict[ObjectKey, Facts]) -> None:
        """Wait while the watch brings what is missing; when it brings no more, read it by name."""
        missing = listed
        progress_at = _now()
        while missing := {key: facts for key, facts in missing.items() if self._is_behind(key, facts)}:
            count = len(missing)
            if not self.completed.is_set():
                self._readiness.lacks("objects", "the first list of our objects is still being read")
            await asyncio.sleep(min(max(count / LOOKS_PER_SECOND, SHORTEST_POLL_SECONDS), LONGEST_POLL_SECONDS))
            if sum(self._is_behind(key, facts) for key, facts in missing.items()) < count:
                progress_at = _now()
            elif _now() - progress_at > (PATIENCE_SECONDS if count > FEW else SHORT_PATIENCE_SECONDS):
                break
        for key in missing:
            await self._read(key)

    def _is_behind(self, key: ObjectKey, facts: Facts) -> bool:
        held = self._mirror.get(key)
        if held is None:
            return not self._mirror.is_gone(facts.uid)
        return held.version < facts.version

    async def _read(self, key: ObjectKey) -> None:
        subject = await self._lists.read(key)
        if subject is None:
            return
        change = self._mirror.put(subject)
        if change in NEWS:
            logger.warning("the watch did not show a change; read it by name", extra={"about": key})
            self._repairs.found(key, change)


def _now() -> float:
    return asyncio.get_running_loop().time()
