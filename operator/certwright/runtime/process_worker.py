"""The other end of `certwright.runtime.processes`: a process that answers one call after another.

Calls come on standard input and answers go to standard output, each a pickle after its length. When standard input
ends, the parent is gone and so is this process. It imports only what the calls need.

What is judged here is a stranger's bytes beside somebody's key: nothing is printed, and of an error only its type and
the places in the code go back. Its message, its chain and the local variables could hold the key.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from certwright.findings import MaterialError

HEADER = struct.Struct("!Q")
DEEPEST_PLACES = 12

Answer = tuple[str, Any]
"""`returned` and a value, `refused` and a MaterialError, or `failed` and (type, places)."""


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    calls = sys.stdin.buffer
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with contextlib.suppress(BrokenPipeError):
        while (call := _read(calls)) is not None:
            _write(answers, _answer(call))


def _answer(call: bytes) -> bytes:
    try:
        seconds, func, args = pickle.loads(call)  # noqa: S301 - from our parent, over a pipe of our own
        value = _limited(seconds, func, args)
    except MaterialError as error:
        return pickle.dumps(("refused", error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent hears of it
        return pickle.dumps(("failed", (type(error).__name__, places(error))))
    try:
        return pickle.dumps(("returned", value))
    except Exception as error:  # noqa: BLE001 - the same
        return pickle.dumps(("failed", (type(error).__name__, places(error))))


def _limited(seconds: float, func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    # The parent kills what takes too long. Should the parent be gone by then, the alarm does: its default action ends
    # the process even in the middle of foreign code.
    signal.alarm(math.ceil(seconds) + 1)
    try:
        return func(*args)
    finally:
        signal.alarm(0)


def places(error: BaseException) -> list[str]:
    """Say where an error happened: file, line and function of its innermost frames, and nothing of their contents."""
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST_PLACES:]
    return [f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]  # noqa: PTH119


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
