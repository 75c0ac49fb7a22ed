"""Write the pages of `docs/reference` from the code that they describe."""

import functools
from collections.abc import Callable
from pathlib import Path

from certwright.api.crd import KINDS
from tests.support.reference.codes import write_codes
from tests.support.reference.commands import write_commands
from tests.support.reference.fields import write_fields
from tests.support.reference.metrics import write_metrics
from tests.support.reference.reasons import write_reasons
from tests.support.reference.settings import write_settings

FOLDER = Path(__file__).parents[3] / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    **{f"{kind.name.lower()}.md": functools.partial(write_fields, kind) for kind in KINDS},
    "reasons.md": write_reasons,
    "codes.md": write_codes,
    "settings.md": write_settings,
    "metrics.md": write_metrics,
    "command-line.md": write_commands,
}
"""What writes each page."""
