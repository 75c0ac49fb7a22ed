"""The command line: what `--help` says of each command."""

import click

from certwright.cli import COMMANDS, cli
from certwright.cli.kubectl import PLUGIN_COMMANDS, plugin
from tests.support.reference.page import page

INTRODUCTION = """\
One program is the operator and the tool. It is in the image, and `pip install .` in a checkout installs it on a laptop
or in a pipeline. `certwright check`, `certwright diff` and `certwright explain` need no cluster.

The same installation brings the plugin `kubectl certwright`: kubectl finds `kubectl-certwright` on `PATH`. It acts with
your own rights, and takes `--kubeconfig`, `--context` and `--namespace` as kubectl does."""
WIDTH = 110


def write_commands() -> str:
    """Return the page."""
    program = (_help(cli, "certwright", name) for name in sorted(COMMANDS))
    plugged = (_help(plugin, "kubectl certwright", name) for name in sorted(PLUGIN_COMMANDS))
    return page("Command line", INTRODUCTION, *program, *plugged)


def _help(group: click.Group, program: str, name: str) -> str:
    context = click.Context(group, info_name=program)
    command = group.get_command(context, name)
    if command is None:
        raise LookupError(f"there is no command {name}")
    inner = click.Context(command, info_name=name, parent=context, terminal_width=WIDTH, max_content_width=WIDTH)
    return f"## {program} {name}\n\n```text\n{command.get_help(inner)}\n```"
