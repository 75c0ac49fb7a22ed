"""Running many worlds."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tests.differential.comparison import Tally, compare
from tests.differential.worlds import make_world

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def compare_worlds(seeds: Iterable[int], folder: Path) -> Tally:
    """Compare every world of `seeds`; `folder` takes the files of `openssl`."""
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)  # a list it cannot use is a traceback there
    tally = Tally()
    for seed in seeds:
        for comparison in compare(make_world(seed), folder):
            tally.add(comparison)
    return tally
