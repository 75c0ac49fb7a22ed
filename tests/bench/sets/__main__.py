"""`make bench-set`: one ClusterCertificateSet beside a bare client, on a real API server; `… --help`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from tests.bench.api import IN_FLIGHT
from tests.bench.report import Report
from tests.bench.sets.replacement import measure
from tests.bench.stage import ROOT, Options, say, set_up


def main() -> int:
    """Run everything, write the table and return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sets", description=__doc__)
    parser.add_argument("--namespaces", type=int, default=100, metavar="N", help="how many namespaces (100)")
    parser.add_argument("--slots", type=int, default=3, metavar="N", help="how many certificates (3)")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, metavar="N", help="requests of the floor at once")
    parser.add_argument("--idle", type=float, default=10, metavar="SECONDS", help="how long nothing changes (10)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench-set", metavar="FOLDER")
    found = parser.parse_args()
    started = time.monotonic()
    options = Options(
        objects=found.namespaces * found.slots,
        foreign=0,
        in_flight=found.in_flight,
        samples=0,
        idle_seconds=found.idle,
        output=found.output,
    )
    report = asyncio.run(_run(options, found.slots, found.namespaces))
    say(f"written to {report.write(options.output)} after {time.monotonic() - started:.0f} s")
    for what in report.missed:
        say(f"missed: {what}")
    return 1 if report.missed else 0


async def _run(options: Options, slots: int, namespaces: int) -> Report:
    async with set_up(options) as stage:
        stage.report.facts["set"] = f"{slots} certificates in {namespaces} namespaces"
        await measure(stage, slots, namespaces)
        return stage.report


if __name__ == "__main__":
    sys.exit(main())
