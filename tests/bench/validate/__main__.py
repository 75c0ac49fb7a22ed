"""`make bench-validate`: what a verdict costs, beside two other validators: `python -m tests.bench.validate --help`."""

import argparse
import sys
import time
from pathlib import Path

from tests.bench.validate.lists import measure_lists, measure_worst_list
from tests.bench.validate.passes import measure_passes
from tests.bench.validate.report import Report
from tests.bench.validate.suite import measure_suite

ROOT = Path(__file__).parents[3]


def main() -> int:
    """Measure everything, write the table and return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.validate", description=__doc__)
    parser.add_argument("--rounds", type=int, default=500, metavar="N", help="how often a whole pass is measured (500)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench", metavar="FOLDER")
    options = parser.parse_args()
    started = time.monotonic()
    report = Report()
    measure_passes(report, options.rounds)
    measure_lists(report)
    measure_worst_list(report)
    measure_suite(report)
    table = report.write(options.output)
    report.say(f"written to {table} after {time.monotonic() - started:.0f} s")
    for what in report.missed:
        report.say(f"missed: {what}")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
