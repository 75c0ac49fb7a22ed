"""`kubectl certwright`: what people do to trust from a terminal; kubectl finds it as `kubectl-certwright` on PATH.

Each command is loaded when it is called, for the client of the API server takes most of a second.
"""

from __future__ import annotations

import click

from certwright import __version__
from certwright.cli import LazyGroup

PLUGIN_COMMANDS = {
    "approve": ("certwright.cli.kubectl.approve", "approve", "Approve the change that waits in a trust store."),
    "distrust": ("certwright.cli.kubectl.distrust", "distrust", "Withdraw the trust in a CA, at once."),
    "inventory": ("certwright.cli.kubectl.inventory", "inventory", "List all certificates, what ends first on top."),
    "status": ("certwright.cli.kubectl.status", "status", "List what certwright says of every object."),
    "why": ("certwright.cli.kubectl.why", "why", "Say why an object is as it is, and what to do."),
}
"""Where each command is, and its help of one line."""


@click.group(cls=LazyGroup, table=PLUGIN_COMMANDS)
@click.version_option(__version__, prog_name="kubectl certwright")
def plugin() -> None:
    """Decide about trust, and see what certwright says."""


def main() -> None:
    """Run the plugin."""
    plugin(prog_name="kubectl certwright")
