"""`certwright crds`: print the CustomResourceDefinitions that this version serves."""

from __future__ import annotations

from pathlib import Path

import click

from certwright.api.crd import KINDS, crd_file_name, render_crd


@click.command()
@click.option(
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one file for each kind into this directory instead.",
)
def crds(directory: Path | None) -> None:
    """Print the CustomResourceDefinitions of this version, ready for `kubectl apply -f -`."""
    if directory is None:
        click.echo("---\n".join(render_crd(kind) for kind in KINDS), nl=False)
        return
    directory.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (directory / crd_file_name(kind)).write_text(render_crd(kind), encoding="utf-8")
