"""`certwright run`: be the operator until told to stop."""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path
from typing import Any

import click

from certwright.settings import Settings, WrongSettingsError, read_settings

USAGE_EXIT = 2

YOUNG_OBJECTS = 10_000
"""How many more objects there are before garbage is looked for: two passes make the default of 700."""


def _settings_help() -> str:
    lines = ["Every setting is an environment variable; the options above win over it.", "", "\b"]
    for name, field in Settings.model_fields.items():
        lines.append(f"CERTWRIGHT_{name.upper()}={field.get_default()!s}")
        lines.append(f"    {field.description}")
    return "\n".join(lines)


@click.command(epilog=_settings_help())
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="How to reach the API server; else $KUBECONFIG, the pod's ServiceAccount, ~/.kube/config.",
)
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--namespace", "watch_namespaces", multiple=True, help="A namespace to serve; several times; else all.")
@click.option("--listen-host", help="Address of /healthz, /readyz and /metrics.")
@click.option("--listen-port", type=click.IntRange(0, 65535), help="Port of the same; 0 takes a free one.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="One JSON object a line, or text for people.")
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), help="Lowest level logged.")
def run(kubeconfig: Path | None, context: str | None, **options: Any) -> None:
    """Run the operator until SIGTERM or SIGINT."""
    settings = _read_settings(options)
    code = asyncio.run(_operate(settings, kubeconfig, context))
    gc.freeze()  # else the interpreter looks for garbage among all objects before it ends: seconds, for nothing
    sys.exit(code)


def _read_settings(options: dict[str, Any]) -> Settings:
    given = {name: value for name, value in options.items() if value not in (None, ())}
    try:
        return read_settings(**given)
    except WrongSettingsError as error:
        click.echo(f"certwright: the settings do not fit: {error}", err=True)
        sys.exit(USAGE_EXIT)


async def _operate(settings: Settings, kubeconfig: Path | None, context: str | None) -> int:
    # Imported here: the operator and what it stands on take a second, and a wrong setting shall be told at once.
    from certwright.cluster.credentials import Login  # noqa: PLC0415
    from certwright.fetch.http_fetcher import HTTPFetcher  # noqa: PLC0415
    from certwright.runtime.engine import make_engine  # noqa: PLC0415
    from certwright.runtime.logs import set_up_logs  # noqa: PLC0415
    from certwright.runtime.operator import Operator  # noqa: PLC0415
    from certwright.runtime.signals import Signals  # noqa: PLC0415

    gc.collect()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.freeze()  # what was imported lives as long as we do: no collection needs to look at it again
    set_up_logs(level=settings.log_level, style=settings.log_format)
    try:
        fetcher = HTTPFetcher.of(settings)
    except ValueError as error:
        click.echo(f"certwright: the settings do not fit: {error}", err=True)
        return USAGE_EXIT
    stop = asyncio.Event()
    signals = Signals(stop)
    signals.install()
    operator = Operator(
        settings,
        make_engine(settings),
        login=Login(kubeconfig=kubeconfig, context=context),
        fetcher=fetcher,
        restore_signals=signals.install,
    )
    try:
        return 0 if await operator.run(stop) else 1
    except OSError as error:
        click.echo(f"certwright: cannot listen on {settings.listen_host}:{settings.listen_port}: {error}", err=True)
        return USAGE_EXIT
