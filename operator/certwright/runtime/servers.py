"""`/healthz`, `/readyz` and `/metrics` over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

Probe = Callable[[], tuple[bool, str]]
"""Gives whether all is well, and words for people."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CLOSE_SECONDS = 0.3


class Servers:
    """Answer probes and scrapes.

    Args:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        health: whether the process is worth keeping.
        readiness: whether it does its work.
        metrics: gives the text of a scrape.
    """

    def __init__(
        self, host: str, port: int, *, health: Probe, readiness: Probe, metrics: Callable[[], Awaitable[bytes]]
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/healthz", _answer(health))
        app.router.add_get("/readyz", _answer(readiness))
        app.router.add_get("/metrics", self._scrape)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_SECONDS, handle_signals=False)
        self._scraping = asyncio.Lock()

    @property
    def port(self) -> int:
        """Give the port that is listened on."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else self._port

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the address or port cannot be had.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def close(self) -> None:
        """Stop listening and let answers under way go out."""
        await self._runner.cleanup()

    async def _scrape(self, _: web.Request) -> web.Response:
        async with self._scraping:  # somebody who scrapes without end must not pile up threads
            text = await self._metrics()
        return web.Response(body=text, headers={"Content-Type": METRICS_TYPE})


def _answer(probe: Probe) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        well, words = probe()
        return web.Response(text=words, status=HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE)

    return answer
