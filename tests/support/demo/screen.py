"""What the demo shows, on a terminal as well as in a log file."""

import time

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

LOG_WIDTH = 150

console = Console()
if not console.is_terminal:
    console = Console(width=LOG_WIDTH)


class Steps:
    """Number the steps of the story, time each, and remember what went wrong."""

    def __init__(self) -> None:
        self._number = 0
        self._started = time.monotonic()
        self.failures: list[str] = []

    @property
    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._started

    def step(self, title: str) -> None:
        """Begin a step."""
        self._number += 1
        console.print(f"\n[bold]{self._number}. {title}[/bold] [dim]({self.elapsed:.0f} s)[/dim]", highlight=False)

    def check(self, text: str, *, passed: bool) -> None:
        """Show that something is as it was expected, or is not."""
        if not passed:
            self.failures.append(text)
        mark = "[green]✓[/green]" if passed else "[red]✗[/red]"
        console.print(f"  {mark} {escape(text)}", highlight=False)


def say(text: str) -> None:
    """Write a line of the story."""
    console.print(Padding(Text(text), (0, 0, 0, 2)))


def command(text: str) -> None:
    """Show a command line, as a person would type it."""
    console.print(f"  [cyan]$ {escape(text)}[/cyan]", highlight=False, soft_wrap=True)


def output(text: str) -> None:
    """Show what a command printed: in a log file as it is, on a terminal cut where the line ends."""
    for line in text.rstrip().splitlines():
        if console.is_terminal:
            console.print(Text(f"    {line}"), no_wrap=True, overflow="ellipsis", crop=True)
        else:
            console.out(f"    {line}", highlight=False)


def table(*columns: str) -> Table:
    """Make an empty table for `console.print`."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("", no_wrap=True)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
