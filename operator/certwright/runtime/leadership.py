"""The one gate in front of the workers: all replicas watch and keep their caches warm, only the leader works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol


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
    def since(self) -> datetime | None:
        """Give when our term began, by the API server's clock in whole seconds; `None` when there are no terms."""
        ...

    async def hold(self, changed: Callable[[], None]) -> None:
        """Seek and keep leadership until cancelled, calling `changed` whenever `is_open` flips; then release it."""
        ...


class AlwaysLeader:
    """Lead without asking anybody: for a single replica."""

    is_open = True
    epoch = 0
    since: datetime | None = None

    async def hold(self, changed: Callable[[], None]) -> None:
        """Wait to be cancelled."""
        changed()
        await asyncio.Event().wait()
