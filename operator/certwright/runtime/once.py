"""Make what many ask for at the same time once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class Once:
    """Work under way, by name."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[Any]] = {}

    async def make(self, name: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """Make something, or wait for whoever is making it already; who waits may be cancelled alone."""
        future = self._under_way.get(name)
        if future is None:
            future = self._under_way[name] = asyncio.ensure_future(make())
            future.add_done_callback(lambda _: self._under_way.pop(name, None))
        return await asyncio.shield(future)
