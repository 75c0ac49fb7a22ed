"""`make bench`: certwright beside a bare client, on a real API server: `python -m tests.bench --help`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from tests.bench.api import IN_FLIGHT
from tests.bench.bulk import measure_bulk, measure_floor, take_sample
from tests.bench.quiet import measure_foreign, measure_latency, measure_restart
from tests.bench.report import Report
from tests.bench.stage import ROOT, Options, Stage, say, set_up


def main() -> int:
    """Run everything, write the table and return 1 when a target was missed."""
    options = _options()
    started = time.monotonic()
    report = asyncio.run(_run(options))
    table = report.write(options.output)
    say(f"written to {table} after {time.monotonic() - started:.0f} s")
    for what in report.missed:
        say(f"missed: {what}")
    return 1 if report.missed else 0


async def _run(options: Options) -> Report:
    async with set_up(options) as stage:
        await _measure(stage)
        return stage.report


async def _measure(stage: Stage) -> None:
    sample, start = await take_sample(stage)
    before = await measure_floor(stage, sample, "before")
    places, seconds = await measure_bulk(stage, start)
    after = await measure_floor(stage, sample, "after")
    floor = (before + after) / 2
    stage.report.add(
        "time to all Ready, as a multiple of the floor",
        seconds / floor,
        "x",
        limit=1.5,
        note=f"the floor is the mean of before and after, {floor:.1f} s",
    )
    cost = await measure_restart(stage, places, "restart")
    with stage.operator("latency") as operator:
        await asyncio.to_thread(operator.wait_ready)
        await measure_latency(stage, operator, places)
    await measure_foreign(stage, places, cost)


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000, metavar="N", help="how many certificates (1000)")
    parser.add_argument("--foreign", type=int, default=20_000, metavar="N", help="how many unrelated Secrets (20000)")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, metavar="N", help="requests of the floor at once")
    parser.add_argument("--samples", type=int, default=20, metavar="N", help="how many changes one at a time (20)")
    parser.add_argument("--idle", type=float, default=20, metavar="SECONDS", help="how long nothing changes (20)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench", metavar="FOLDER")
    found = parser.parse_args()
    return Options(
        objects=found.objects,
        foreign=found.foreign,
        in_flight=found.in_flight,
        samples=found.samples,
        idle_seconds=found.idle,
        output=found.output,
    )


if __name__ == "__main__":
    sys.exit(main())
