"""The one gate in front of the workers: all replicas watch and keep their caches warm, only the leader works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Gate(Protocol):
    """Whether this process may write."""

    @property
    def is_open(self) -> bool:
        """Say whether we lead right now."""
        ...

    async def hold(self, changed: Callable[[], None]) -> None:
        """Seek and keep leadership until cancelled, calling `changed` whenever `is_open` flips; then release it."""
        ...


class AlwaysLeader:
    """Lead without asking anybody: for a single replica."""

    is_open = True

    async def hold(self, changed: Callable[[], None]) -> None:
        """Wait to be cancelled."""
        changed()
        await asyncio.Event().wait()
