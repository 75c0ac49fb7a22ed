"""Measure what this process computes: the clock of a shared machine counts what others do."""

import gc
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

NANO = 1e-9


@dataclass(frozen=True)
class Timing:
    """CPU seconds of many runs."""

    median: float
    least: float


def measure(work: Callable[[], object], rounds: int, *, before: Callable[[], object] = lambda: None) -> Timing:
    """Run `work` `rounds` times, `before` outside of the measure."""
    seconds = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            before()
            started = time.process_time_ns()
            work()
            seconds.append((time.process_time_ns() - started) * NANO)
    finally:
        gc.enable()
    return Timing(statistics.median(seconds), min(seconds))


_GRAMMAR = ("certwright.pki.der", "certwright.pki.algorithms")


def forget_everything() -> None:
    """Empty what the package remembers of names, keys, certificates and signatures; what identifiers mean stays."""
    for name, module in list(sys.modules.items()):
        if name.startswith("certwright.") and name not in _GRAMMAR:
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if clear is not None:
                    clear()
