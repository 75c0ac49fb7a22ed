"""Read what processes cost from the kernel's books."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU seconds and peak memory in MiB, of a main process and of its workers together."""

    main_cpu: float
    main_peak: float
    workers: int
    workers_cpu: float
    workers_peak: float

    @property
    def cpu(self) -> float:
        """Return the CPU seconds of all processes."""
        return self.main_cpu + self.workers_cpu


def cost_of(main: int) -> Cost:
    """Read the books of a process and of all that it started and that still run."""
    workers = descendants(main)
    return Cost(
        main_cpu=cpu_seconds(main),
        main_peak=memory_mib(main, "VmHWM"),
        workers=len(workers),
        workers_cpu=sum(map(cpu_seconds, workers)),
        # Pages that workers share with the main process are counted in each.
        workers_peak=sum(memory_mib(pid, "VmHWM") for pid in workers),
    )


@dataclass(frozen=True)
class Machine:
    """How busy the machine has been since it started, in CPU seconds: in all, and with what."""

    busy: float
    capacity: float
    ours: float

    def strangers_since(self, before: Machine) -> float:
        """Return which part of the machine others have used since then, in per cent."""
        strangers = (self.busy - before.busy) - (self.ours - before.ours)
        return max(0.0, strangers / (self.capacity - before.capacity) * 100)


def machine(pids: Iterable[int]) -> Machine:
    """Read how busy the machine is, of it with these processes, those below them, and this one."""
    first = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0]
    # user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user time already
    ticks = [int(field) for field in first.split()[1:9]]
    idle = ticks[3] + ticks[4]
    ours = [os.getpid(), *(each for pid in pids for each in (pid, *descendants(pid)))]
    return Machine((sum(ticks) - idle) / TICKS, sum(ticks) / TICKS, sum(map(cpu_seconds, ours)))


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
    """Return all processes below one."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text(encoding="utf-8").split()):
                found += [child, *descendants(child)]
    return found
