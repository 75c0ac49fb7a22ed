"""What all commands of the plugin share: whom they speak as, and how they say that something could not be done."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from certwright.cli.terminal import ERROR_STYLE, open_console, say
from certwright.cluster.by_hand import ByHand
from certwright.cluster.connection import Connection
from certwright.cluster.credentials import Login
from certwright.findings import ClusterError, FailureCause

DONE_EXIT, REFUSED_EXIT, UNASKED_EXIT = 0, 1, 2
"""Done, or nothing to do; it was not done; the API server could not be asked."""

REQUEST_SECONDS = 20.0

UNASKED = {FailureCause.UNAVAILABLE, FailureCause.TIMEOUT, FailureCause.UNAUTHORIZED}

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Session:
    """Whom a command speaks as, and where.

    Attributes:
        namespace: the one that was named, else that of the context.
    """

    login: Login
    namespace: str

    def run(self, work: Callable[[ByHand], Awaitable[int]]) -> None:
        """Do the work and end with its exit code; an error of the API server is one line."""
        try:
            code = asyncio.run(self._connected(work))
        except ClusterError as error:
            complain(error.message)
            code = UNASKED_EXIT if error.cause in UNASKED else REFUSED_EXIT
        sys.exit(code)

    async def _connected(self, work: Callable[[ByHand], Awaitable[int]]) -> int:
        async with Connection(self.login, request_seconds=REQUEST_SECONDS) as connection:
            return await work(ByHand(connection))


def complain(words: str) -> None:
    """Say on standard error what is wrong."""
    say(open_console(stderr=True), ("certwright: ", ERROR_STYLE), words)


def confirm(question: str, *, yes: bool) -> bool:
    """Ask a person, unless `yes`; no answer is no."""
    if yes:
        return True
    try:
        return click.confirm(question)
    except click.Abort:
        click.echo()
        return False


def session_options(command: Command) -> Command:
    """Give a command the options that kubectl itself has."""
    for option in (
        click.option("-n", "--namespace", help="The namespace; else that of the context."),
        click.option("--context", help="Context of the kubeconfig."),
        click.option(
            "--kubeconfig",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="How to reach the API server; else $KUBECONFIG, ~/.kube/config.",
        ),
    ):
        command = option(command)
    return command


def open_session(kubeconfig: Path | None, context: str | None, namespace: str | None) -> Session:
    """Make a session of the options."""
    login = Login(kubeconfig=kubeconfig, context=context)
    return Session(login, namespace or login.namespace())
