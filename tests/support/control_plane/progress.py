"""Show a person, or a CI log, that a long step is alive and how far it is."""

import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

TERMINAL_SECONDS = 1.0
LOG_SECONDS = 10.0
LINE_WIDTH = 100


def say(message: str) -> None:
    """Write one line to standard error at once."""
    _write(sys.stderr, f"control plane: {message}\n")


class Progress:
    """Repeat the newest `update` with the elapsed time: one rewritten line on a terminal, else a line every 10 s."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._detail = ""
        self._done = threading.Event()
        self._started = time.monotonic()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._show()
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._ticker.join()
        self._detail = "done" if error is None else "failed"
        self._show()
        if self._terminal:
            _write(self._stream, "\n")

    def update(self, detail: str) -> None:
        """Remember what is happening now; it is shown at the next tick."""
        self._detail = detail

    def _tick(self) -> None:
        while not self._done.wait(TERMINAL_SECONDS if self._terminal else LOG_SECONDS):
            self._show()

    def _show(self) -> None:
        seconds = int(time.monotonic() - self._started)
        line = f"control plane: {self._title} ({seconds // 60}:{seconds % 60:02d}) {self._detail}".rstrip()
        if self._terminal:
            _write(self._stream, f"\r\x1b[K{line[:LINE_WIDTH]}")
        else:
            _write(self._stream, f"{line}\n")


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
