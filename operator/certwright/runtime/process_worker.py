"""The other end of `certwright.runtime.processes`: a process that answers one call after another.

Calls come on standard input and answers go to standard output, each a pickle after its length. When standard input
ends, the parent is gone and so is this process. It imports only what the calls need.

What is judged here is a stranger's bytes beside somebody's key: nothing is printed, and of an error only its type and
the places in the code go back. Its message, its chain and the local variables could hold the key.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from certwright.findings import MaterialError
from certwright.runtime.logs import describe_error, message_of

HEADER = struct.Struct("!Q")

Answer = tuple[str, Any, list[tuple[str, int, str]]]
"""`returned` and a value, `refused` and a MaterialError, or `failed` and its description; and lines for the log."""


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    log = Log()
    logging.getLogger().addHandler(log)
    calls = sys.stdin.buffer
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with contextlib.suppress(BrokenPipeError):
        while (call := _read(calls)) is not None:
            _write(answers, _answer(call, log))


def _answer(call: bytes, log: Log) -> bytes:
    outcome, value = _outcome(call)
    try:
        return pickle.dumps((outcome, value, log.take()))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent hears of it
        return pickle.dumps(("failed", describe_error(error), []))


def _outcome(call: bytes) -> tuple[str, Any]:
    try:
        seconds, func, args = pickle.loads(call)  # noqa: S301 - from our parent, over a pipe of our own
        return "returned", _limited(seconds, func, args)
    except MaterialError as error:
        return "refused", error
    except Exception as error:  # noqa: BLE001 - the same
        return "failed", describe_error(error)


def _limited(seconds: float, func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    # The parent kills what takes too long. Should the parent be gone by then, the alarm does: its default action ends
    # the process even in the middle of foreign code.
    signal.alarm(math.ceil(seconds) + 1)
    try:
        return func(*args)
    finally:
        signal.alarm(0)


class Log(logging.Handler):
    """Keep what is logged for the parent, reduced as its own lines are."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._lines.append((record.name, record.levelno, message_of(record)))

    def take(self) -> list[tuple[str, int, str]]:
        """Give the lines and forget them."""
        lines, self._lines = self._lines, []
        return lines


def _read(stream: BinaryIO) -> bytes | None:
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (size,) = HEADER.unpack(header)
    body = stream.read(size)
    return body if len(body) == size else None


def _write(stream: BinaryIO, body: bytes) -> None:
    stream.write(HEADER.pack(len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    main()
