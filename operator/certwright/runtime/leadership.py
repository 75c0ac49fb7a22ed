"""The one gate in front of the workers: all replicas watch and keep their caches warm, only the leader works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from certwright.cluster.versions import is_newer


@dataclass(frozen=True, slots=True)
class Beginning:
    """When a term began, told without any clock of ours.

    Attributes:
        at: the API server's time, in whole seconds.
        version: the resourceVersion of what began it, which tells what else happened in that second.
    """

    at: datetime
    version: str

    def precedes(self, created: datetime, version: str) -> bool:
        """Say whether an object was surely created after it; `version` is the one that its creation gave it."""
        return created > self.at or (created == self.at and is_newer(version, self.version))


class Gate(Protocol):
    """Whether this process may write."""

    @property
    def is_open(self) -> bool:
        """Say whether we lead right now; asked before each write, so that one who slept does not write on."""
        ...

    @property
    def epoch(self) -> int:
        """Give the number of our term, which grows from leader to leader; what we create bears it."""
        ...

    @property
    def since(self) -> Beginning | None:
        """Give when our term began; `None` when there are no terms."""
        ...

    async def hold(self, changed: Callable[[], None]) -> None:
        """Seek and keep leadership until cancelled, calling `changed` whenever `is_open` flips; then release it."""
        ...


class AlwaysLeader:
    """Lead without asking anybody: for a single replica."""

    is_open = True
    epoch = 0
    since: Beginning | None = None

    async def hold(self, changed: Callable[[], None]) -> None:
        """Wait to be cancelled."""
        changed()
        await asyncio.Event().wait()
