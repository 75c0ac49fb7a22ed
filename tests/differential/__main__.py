"""`make differential N=2000`: the verdicts of random PKIs beside those of OpenSSL and pyhanko-certvalidator."""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.differential.comparison import Tally
from tests.differential.run import compare_worlds


def main() -> int:
    """Compare, print the count and return 1 when there is a disagreement that nothing explains."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--worlds", type=int, default=1_000, metavar="N", help="how many random PKIs (1000)")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the seed of the first (0)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="certwright-differential-") as folder:
        tally: Tally = compare_worlds(range(options.first, options.first + options.worlds), Path(folder))
    console = Console(markup=False, highlight=False, soft_wrap=True)
    for line in (*map(str, tally.unexplained), f"{options.worlds} PKIs", *tally.describe()):
        console.print(line)
    return 1 if tally.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
