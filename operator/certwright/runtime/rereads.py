"""Once a day every object is read in full, whatever the evidence says: evidence can be wrong in ways nobody foresaw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from certwright.reconcile.objects import ObjectKey


class Rereads:
    """Ask for full passes over everything, slowly.

    Args:
        keys: gives what there is.
        ask: asks for a full pass over one object.
        seconds: how often a round begins, give or take a tenth.
        per_second: pace within a round.
        random: scatters the rounds: replicas and clusters that started together must not read together.
    """

    def __init__(
        self,
        keys: Callable[[], list[ObjectKey]],
        ask: Callable[[ObjectKey], None],
        *,
        seconds: float,
        per_second: float,
        random: Random,
    ) -> None:
        self._keys = keys
        self._ask = ask
        self._seconds = seconds
        self._pause = 1 / per_second
        self._random = random

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            await asyncio.sleep(self._seconds * self._random.uniform(0.9, 1.1))
            await self.go_round()

    async def go_round(self) -> None:
        """Ask for a full pass over every object, at the pace."""
        for key in self._keys():
            self._ask(key)
            await asyncio.sleep(self._pause)
