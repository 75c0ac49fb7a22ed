"""The command line: what `--help` says of each command."""

import click

from certwright.cli import COMMANDS, cli
from tests.support.reference.page import page

INTRODUCTION = """\
One program is the operator and the tool. It is in the image, and `pip install .` in a checkout installs it on a laptop
or in a pipeline. `certwright check`, `certwright diff` and `certwright explain` need no cluster."""
WIDTH = 110


def write_commands() -> str:
    """Return the page."""
    return page("Command line", INTRODUCTION, *(_help(name) for name in sorted(COMMANDS)))


def _help(name: str) -> str:
    context = click.Context(cli, info_name="certwright")
    command = cli.get_command(context, name)
    if command is None:
        raise LookupError(f"there is no command {name}")
    inner = click.Context(command, info_name=name, parent=context, terminal_width=WIDTH, max_content_width=WIDTH)
    return f"## certwright {name}\n\n```text\n{command.get_help(inner)}\n```"
