"""Leader election with one Lease: whoever writes it in time leads.

Nobody compares clocks. The holder leads until a while after it *sent* its last renewal; the others wait for longer,
from when they *saw* the Lease change last, each by a clock of its own that nobody can set and that counts on while the
machine sleeps. So the holder stops before anybody else begins, as long as their clocks run at about the same speed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import Random, SystemRandom
from secrets import token_hex
from typing import Protocol

from certwright.cluster.clock import steady_seconds
from certwright.cluster.connection import Connection
from certwright.cluster.lease import Claim, Lease, Leases
from certwright.cluster.ports import Clock
from certwright.findings import ClusterError, FailureCause
from certwright.runtime.leadership import AlwaysLeader, Beginning, Gate
from certwright.runtime.readiness import Readiness
from certwright.settings import Settings

logger = logging.getLogger(__name__)

TOPIC = "lease"
FREED_SECONDS = 1
"""What a Lease that nobody holds says of its duration; the API server wants a number."""

RELEASE_SECONDS = 1.0
SCATTER = 0.25

QUICKER = {FailureCause.CONFLICT, FailureCause.ALREADY_EXISTS, FailureCause.NOT_FOUND}
"""How a claim fails when the Lease is no longer what it was when it was read."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long things take, in seconds.

    Attributes:
        lease: how long the others wait after they saw the Lease change last.
        renew: how long the holder leads after it sent its last renewal; less than `lease`.
        retry: pause between two renewals, and between two looks of the others; less than `renew`.
    """

    lease: int
    renew: float
    retry: float


class LeaseStore(Protocol):
    """Where the Lease is; in practice `certwright.cluster.lease.Leases`, which says more."""

    async def read(self, *, seconds: float) -> Lease | None:
        """Read it; `None` when there is none."""
        ...

    async def create(self, claim: Claim, *, seconds: float) -> Lease:
        """Create it."""
        ...

    async def replace(self, lease: Lease, claim: Claim, *, seconds: float) -> Lease:
        """Replace it, if it is still as it was."""
        ...


class LeaseElector:
    """Implement `certwright.runtime.leadership.Gate` with a Lease.

    Args:
        store: the Lease.
        identity: who we are; never the same for two processes.
        times: how long things take.
        readiness: told under `lease` when the Lease cannot be read or written.
        clock: the time of day, for people who read the Lease.
        random: scatters the looks of those who wait.
        steady: seconds of a clock that nobody can set and that counts on while the machine sleeps.
    """

    def __init__(  # noqa: PLR0913 - two of them are clocks, for two purposes
        self,
        store: LeaseStore,
        *,
        identity: str,
        times: Times,
        readiness: Readiness,
        clock: Clock,
        random: Random,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self._store = store
        self._identity = identity
        self._times = times
        self._readiness = readiness
        self._clock = clock
        self._random = random
        self._steady = steady
        self._held: Lease | None = None
        self._leads_until = 0.0
        self._seen: Lease | None = None
        self._seen_at = 0.0
        self._newest = 0
        self._told = False
        self.epoch = 0
        self.since: Beginning | None = None

    @property
    def is_open(self) -> bool:
        """Say whether we lead right now."""
        return self._held is not None and self._steady() < self._leads_until

    async def hold(self, changed: Callable[[], None]) -> None:
        """Seek and keep the Lease until cancelled, then give it up."""
        try:
            while True:
                await self._turn()
                if self.is_open is not self._told:
                    self._told = not self._told
                    changed()
                await asyncio.sleep(self._pause())
        finally:
            await self._release()

    async def _turn(self) -> None:
        try:
            await (self._seek() if self._held is None else self._renew())
        except ClusterError as error:
            self._readiness.lacks(TOPIC, error.message)
        else:
            self._readiness.has(TOPIC)
        if self._held is not None and not self.is_open:
            self._lose("it could not be renewed in time")

    def _pause(self) -> float:
        now = self._steady()
        if self._held is not None:
            return min(self._times.retry, max(0.0, self._leads_until - now))
        pause = self._times.retry * self._random.uniform(1 - SCATTER, 1)
        left = self._ends_at() - now
        return left if 0 < left < pause else pause

    # ---- those who wait

    async def _seek(self) -> None:
        found = await self._store.read(seconds=self._times.renew / 2)
        if found is not None:
            self._see(found)
        if not self._is_free(found):
            return
        sent_at, now = self._steady(), self._clock.system()
        claim = Claim(self._identity, self._times.lease, self._newest + 1, renewed=now, acquired=now)
        try:
            if found is None:
                held = await self._store.create(claim, seconds=self._times.renew / 2)
            else:
                held = await self._store.replace(found, claim, seconds=self._times.renew / 2)
        except ClusterError as error:
            if error.cause in QUICKER:
                return
            raise
        self._held, self._leads_until = held, sent_at + self._times.renew
        self.epoch = self._newest = claim.transitions
        self.since = None if held.answered is None else Beginning(held.answered, held.version)
        logger.info("leading, epoch %d, as %s", self.epoch, self._identity)

    def _see(self, found: Lease) -> None:
        self._newest = max(self._newest, found.transitions)
        if self._seen is None or self._seen.version != found.version:
            if self._seen is None or self._seen.holder != found.holder:
                logger.info("the Lease is held by %s", found.holder or "nobody")
            self._seen, self._seen_at = found, self._steady()

    def _is_free(self, found: Lease | None) -> bool:
        # Who deletes a Lease does not stop its holder: that one is given its time, and creates it again within it.
        last = found or self._seen
        return last is None or last.holder in ("", self._identity) or self._steady() >= self._ends_at()

    def _ends_at(self) -> float:
        if self._seen is None:
            return 0.0
        return self._seen_at + (self._times.lease if self._seen.seconds is None else self._seen.seconds)

    # ---- who leads

    async def _renew(self) -> None:
        sent_at = self._steady()
        claim = Claim(self._identity, self._times.lease, self.epoch, renewed=self._clock.system())
        renewed = await self._rewrite(claim, self._leads_until)
        if renewed is None:
            self._lose("it was deleted, or somebody else has it")
        else:
            self._held, self._leads_until = renewed, sent_at + self._times.renew

    async def _rewrite(self, claim: Claim, until: float) -> Lease | None:
        """Replace the Lease that we hold; `None` when we do not hold it any more.

        After a conflict it is read: an earlier request of ours may have been carried out though its answer was lost, or
        somebody may have put a label on it.
        """
        try:
            return await self._replace(claim, until)
        except ClusterError as error:
            if error.cause not in QUICKER:
                raise
        found = await self._store.read(seconds=self._patience(until))
        if found is None or (found.holder, found.transitions) != (self._identity, self.epoch):
            return None
        self._held = found
        return await self._replace(claim, until)

    async def _replace(self, claim: Claim, until: float) -> Lease:
        if self._held is None:
            raise RuntimeError("only a Lease that is held can be renewed or released")
        return await self._store.replace(self._held, claim, seconds=self._patience(until))

    def _patience(self, until: float) -> float:
        # Half of it at most, so that one request that is never answered does not take all the time there is.
        return min(until - self._steady(), self._times.renew / 2)

    def _lose(self, why: str) -> None:
        self._held = None
        logger.warning("not leading any more: the Lease is lost, %s", why)

    async def _release(self) -> None:
        if self._held is None:
            return
        self._leads_until = 0.0
        claim = Claim("", FREED_SECONDS, self.epoch, renewed=self._clock.system())
        try:
            if await self._rewrite(claim, self._steady() + RELEASE_SECONDS) is not None:
                logger.info("not leading any more: the Lease is released")
        except ClusterError as error:
            logger.warning("the Lease could not be released, and must end by itself: %s", error.message)
        self._held = None


def make_gate(settings: Settings, connection: Connection, *, instance: str, clock: Clock, readiness: Readiness) -> Gate:
    """Make the gate that the settings ask for; `instance` is the name of the pod."""
    if not settings.leader_election:
        return AlwaysLeader()
    return LeaseElector(
        Leases(connection, settings.namespace, settings.lease_name),
        identity=f"{instance}_{token_hex(4)}",
        times=Times(settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds),
        readiness=readiness,
        clock=clock,
        random=SystemRandom(),
    )
