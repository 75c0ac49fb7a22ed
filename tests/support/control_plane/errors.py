"""The one error of the control plane."""

from pathlib import Path

TAIL_LINES = 25


class ControlPlaneError(RuntimeError):
    """Say what is missing or went wrong, and what to do about it."""


def tail(log: Path) -> str:
    """Return the last lines of a log file, indented, for an error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "  (no log was written)"
    return "\n".join(f"  {line[:500]}" for line in lines[-TAIL_LINES:])
