"""Where commands write: colours on a terminal, plain text everywhere else."""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.text import Text

ERROR_STYLE = "bold red"
WARNING_STYLE = "yellow"
GOOD_STYLE = "green"
QUIET_STYLE = "dim"
HEADING_STYLE = "bold"


def open_console(*, stderr: bool = False) -> Console:
    """Open a console on what `sys.stdout` or `sys.stderr` is at this moment.

    Nothing is guessed about the text: square brackets and numbers in names are no markup. What a terminal of another
    encoding than UTF-8 cannot show becomes a question mark.
    """
    file = sys.stderr if stderr else sys.stdout
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="replace")
    return Console(file=file, markup=False, highlight=False, emoji=False)


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print one line of plain and styled (text, style) parts, as long as it is: whoever pipes it gets whole lines."""
    console.print(Text.assemble(*parts), soft_wrap=True)
