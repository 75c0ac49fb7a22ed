"""The command line; each command is loaded when it is called, for the operator's imports take a second."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from certwright import __version__

COMMANDS = {
    "run": ("certwright.cli.run", "run", "Run the operator."),
    "check": ("certwright.cli.check.command", "check", "Judge certificates in files as the operator would."),
    "diff": ("certwright.cli.diff.command", "diff", "Say what a change of certificates means, in one line each."),
    "explain": ("certwright.cli.explain", "explain", "Say what a reason or a documented code means, and the fix."),
    "crds": ("certwright.cli.crds", "crds", "Print the CustomResourceDefinitions of this version."),
}
"""Where each command is, and its help of one line: listing the commands loads none of them."""


class LazyGroup(click.Group):
    """A group whose commands are loaded when they are called.

    Args:
        table: where each command is, and its help of one line.
        attributes: what `click.Group` takes.
    """

    def __init__(self, *, table: Mapping[str, tuple[str, str, str]], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names."""
        return sorted({*super().list_commands(ctx), *self.table})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; `None` when there is none of that name."""
        if cmd_name not in self.table:
            return super().get_command(ctx, cmd_name)
        module, name, _ = self.table[cmd_name]
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{name} must be a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their help."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, _, words) in sorted(self.table.items())])


@click.group(cls=LazyGroup, table=COMMANDS)
@click.version_option(__version__, prog_name="certwright")
def cli() -> None:
    """Validate certificates that somebody else issued and write the good ones to Secrets."""
