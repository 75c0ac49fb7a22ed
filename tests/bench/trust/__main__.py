"""`make bench-trust`: one ClusterTrustStore beside a bare client, on a real API server; `… --help`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from tests.bench.api import IN_FLIGHT
from tests.bench.report import Report
from tests.bench.stage import ROOT, Options, say, set_up
from tests.bench.trust.fan_out import measure


def main() -> int:
    """Run everything for each number of namespaces, write the tables and return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.trust", description=__doc__)
    parser.add_argument("--namespaces", type=int, nargs="+", default=[300, 1_000], metavar="N")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, metavar="N", help="requests of the floor at once")
    parser.add_argument("--samples", type=int, default=20, metavar="N", help="how many namespaces one at a time (20)")
    parser.add_argument("--idle", type=float, default=10, metavar="SECONDS", help="how long nothing changes (10)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench-trust", metavar="FOLDER")
    found = parser.parse_args()
    missed = []
    for count in found.namespaces:
        started = time.monotonic()
        options = Options(
            objects=count,
            foreign=0,
            in_flight=found.in_flight,
            samples=found.samples,
            idle_seconds=found.idle,
            output=found.output,
        )
        report = asyncio.run(_run(options))
        say(f"written to {report.write(options.output)} after {time.monotonic() - started:.0f} s")
        missed += [f"{what}, {count:,} namespaces" for what in report.missed]
    for what in missed:
        say(f"missed: {what}")
    return 1 if missed else 0


async def _run(options: Options) -> Report:
    async with set_up(options) as stage:
        await measure(stage)
        return stage.report


if __name__ == "__main__":
    sys.exit(main())
