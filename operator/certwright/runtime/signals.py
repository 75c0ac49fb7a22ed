"""SIGTERM and SIGINT: the first asks to stop, the second does not ask."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

logger = logging.getLogger(__name__)

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Set an event at the first signal and leave the process at the second.

    Args:
        stop: what to set.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def install(self) -> None:
        """Take the signals; also after somebody else took them."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            os._exit(128 + number)
        logger.info("%s: stopping; once more to quit at once", number.name)
        self._stop.set()


def release_signals() -> None:
    """Put back what a process without handlers of its own does at these signals."""
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.remove_signal_handler(number)
