"""Run the operator as a process of its own and read what it costs from the kernel's books."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 30.0
LAST_LINES = 20


@dataclass(frozen=True)
class Cost:
    """CPU seconds and peak memory in MiB, of the main process and of its workers together."""

    main_cpu: float
    main_peak: float
    main_memory: float
    workers: int
    workers_cpu: float
    workers_peak: float

    @property
    def cpu(self) -> float:
        """Return the CPU seconds of all processes."""
        return self.main_cpu + self.workers_cpu


class OperatorError(RuntimeError):
    """The operator ended, or was not ready in time."""


class OperatorProcess:
    """Be one `certwright run` with its own log file and free port."""

    def __init__(self, kubeconfig: Path, log: Path, **settings: str) -> None:
        self.port = free_port()
        self._log = log
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("CERTWRIGHT_", "COV"))
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

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).parent / "certwright"), "run"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started = time.time()

    def stop(self) -> float:
        """Ask it to end and return the seconds that took."""
        asked = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        return time.monotonic() - asked

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def wait_ready(self, *, deadline_seconds: float = 120) -> float:
        """Wait for `/readyz` and return the seconds since the start.

        Raises:
            OperatorError: it ended, or was not ready in time; the message has the last lines of its log.
        """
        while not self.is_ready():
            self.check()
            if time.time() - self.started > deadline_seconds:
                raise OperatorError(f"not ready after {deadline_seconds:g} s: {self.answer('/readyz')}\n{self.tail()}")
            time.sleep(0.05)
        return time.time() - self.started

    def check(self) -> None:
        """See that it runs.

        Raises:
            OperatorError: it does not; the message has the last lines of its log.
        """
        if self._process.poll() is not None:
            raise OperatorError(f"`certwright run` ended with exit code {self._process.returncode}\n{self.tail()}")

    def is_ready(self) -> bool:
        """Say whether `/readyz` is fine."""
        return self.answer("/readyz")[0] == HTTPStatus.OK

    def answer(self, path: str) -> tuple[int, str]:
        """Return code and text of an HTTP answer, code 0 when there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def tail(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])

    def cost(self) -> Cost:
        """Read the kernel's books of the process and of all that it started and that still run."""
        main = self._process.pid
        workers = descendants(main)
        return Cost(
            main_cpu=cpu_seconds(main),
            main_peak=memory_mib(main, "VmHWM"),
            main_memory=memory_mib(main, "VmRSS"),
            workers=len(workers),
            workers_cpu=sum(map(cpu_seconds, workers)),
            workers_peak=sum(memory_mib(pid, "VmHWM") for pid in workers),
        )


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """Return user and system time of one process, in seconds; 0 when it is gone."""
    with suppress(OSError):
        # The second field is the command in parentheses and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def memory_mib(pid: int, line: str) -> float:
    """Return one figure of `/proc/<pid>/status` in MiB; 0 when the process is gone."""
    with suppress(OSError):
        for text in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if text.startswith(f"{line}:"):
                return int(text.split()[1]) / 1024
    return 0.0


def descendants(pid: int) -> list[int]:
    """Return all processes below one, those of threads other than the first included."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text(encoding="utf-8").split()):
                found += [child, *descendants(child)]
    return found
