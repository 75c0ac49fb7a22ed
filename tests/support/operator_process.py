"""Run the operator as a process of its own, as a pod would: from its command line, with a kubeconfig and settings."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
LAST_LINES = 20


class OperatorError(RuntimeError):
    """The operator ended, or was not ready in time."""


class OperatorProcess:
    """Be one `certwright run` with its own log file and a free port.

    `settings` are fields of `Settings`; `prefix` is a command that becomes the operator's, such as `env -u HOME`.
    """

    def __init__(self, kubeconfig: Path, log: Path, *, prefix: Sequence[str] = (), **settings: str) -> None:
        self.port = free_port()
        self.log = log
        self._prefix = prefix
        self.started = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CERTWRIGHT_")
        } | {
            "KUBECONFIG": str(kubeconfig),
            "CERTWRIGHT_LISTEN_HOST": "127.0.0.1",
            "CERTWRIGHT_LISTEN_PORT": str(self.port),
            **{f"CERTWRIGHT_{name.upper()}": value for name, value in settings.items()},
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the process id.

        Raises:
            OperatorError: it was not started.
        """
        if self._process is None:
            raise OperatorError("the operator must be started first")
        return self._process.pid

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, str(Path(sys.executable).parent / "certwright"), "run"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started it, who then stops it in order
            )
        self.started = time.time()

    def stop(self) -> float:
        """Ask it to end and return the seconds that took; that it is gone already is fine."""
        asked = time.monotonic()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        return time.monotonic() - asked

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def wait_ready(self, *, deadline_seconds: float = READY_SECONDS) -> float:
        """Wait for `/readyz` and return the seconds since the start.

        Raises:
            OperatorError: it ended, or was not ready in time; the message has the last lines of its log.
        """
        while (answer := self.answer("/readyz"))[0] != HTTPStatus.OK:
            self.check()
            if time.time() - self.started > deadline_seconds:
                raise OperatorError(f"not ready after {deadline_seconds:g} s: {answer[1]}\n{self.log_tail()}")
            time.sleep(0.05)
        return time.time() - self.started

    def check(self) -> None:
        """See that it runs.

        Raises:
            OperatorError: it does not; the message has the last lines of its log.
        """
        if self._process is not None and (code := self._process.poll()) is not None:
            raise OperatorError(f"`certwright run` ended with exit code {code}\n{self.log_tail()}")

    def answer(self, path: str) -> tuple[int, str]:
        """Return code and text of an answer of its HTTP server, code 0 when there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
