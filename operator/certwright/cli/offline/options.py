"""Values of the command line that take some reading: instants, and files of trust."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from certwright.cli.offline.paths import FILE_BYTES
from certwright.cluster.clock import SystemClock
from certwright.findings import MaterialError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Instant(click.ParamType[datetime]):
    """An instant as RFC 3339 writes it, with its time zone."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it; fractions of a second are cut off."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.fail("must be an instant with its time zone, such as 2026-12-02T08:00:00Z", param, ctx)
        return instant.astimezone(UTC).replace(microsecond=0)


def now() -> datetime:
    """Give the present instant."""
    return SystemClock(skew_limit_seconds=0).judgement()


def read_option(path: str, option: str) -> bytes:
    """Read a file that an option names.

    Raises:
        click.UsageError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(FILE_BYTES)
    except OSError as error:
        raise click.UsageError(f"{option}: {path} cannot be read: {error.strerror or type(error).__name__}") from None


def read_password(path: str | None) -> bytes | None:
    """Read the password of `--password-file`, without the one line break that editors and `echo` leave at its end.

    Raises:
        click.UsageError: it cannot be read.
    """
    if path is None:
        return None
    return read_option(path, "--password-file").removesuffix(b"\n").removesuffix(b"\r")


def read_trust(paths: tuple[str, ...], option: str, read: Callable[[bytes, str], tuple[T, ...]]) -> tuple[T, ...]:
    """Read the certificates or lists of all files that an option names.

    Raises:
        click.UsageError: a file cannot be read, or holds something else.
    """
    found: list[T] = []
    for path in paths:
        try:
            found += read(read_option(path, option), path)
        except MaterialError as error:
            raise click.UsageError(f"{option}: {error.finding.message}") from None
    return tuple(found)
