"""The entry of `certwright` and of `python -m certwright`."""

from __future__ import annotations

from certwright.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="certwright")


if __name__ == "__main__":
    main()
