"""Logs: one line an event, fields beside the message, and nothing of what the operator holds in its hands.

Secret content is kept out by never being given to a logger, not by filters: filters are what one forgets. What others
log is held down where it could quote objects (kopf at DEBUG prints whole bodies), and tracebacks are reduced to types
and places, because messages of foreign exceptions quote their input.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from certwright.findings import printable
from certwright.reconcile.objects import ObjectKey

LEVELS = {
    "kopf": logging.INFO,
    "kopf.objects": logging.WARNING,
    "kopf.activities": logging.WARNING,  # "log_in succeeded", at each log-in
    "kopf._core.engines.activities": logging.WARNING,  # "authentication has been initiated", the same
    "aiohttp": logging.INFO,
    "aiohttp.access": logging.WARNING,  # a line for each probe
    "asyncio": logging.WARNING,
    "urllib3": logging.INFO,
    "kubernetes": logging.INFO,  # its REST client logs bodies at DEBUG
}
"""The least level of each foreign logger, whatever the setting says."""

LONGEST_MESSAGE = 2000
DEEPEST_PLACES = 12

FIELDS = ("reason", "topic", "result", "seconds")
"""What may stand beside a message as `extra`, besides `about`, the key of an object; other loggers attach anything."""

logger = logging.getLogger(__name__)


def set_up_logs(*, level: str, style: Literal["json", "text"]) -> None:
    """Send everything to standard error, and make sure that no core dump of this process can be written."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in LEVELS.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(capture=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def describe_error(error: BaseException) -> str:
    """Say what went wrong where, without message, locals or chain: `ValueError at names.py:12 parse < …`."""
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST_PLACES:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return f"{type(error).__name__} at {' < '.join(places)}" if places else type(error).__name__


def on_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody caught; the objects of the context would print themselves, and their contents."""
    error = context.get("exception")
    what = printable(str(context.get("message") or "an error outside of any task"), limit=200)
    # Generators that were cut off in the middle complain when they are closed; kopf leaves such behind, and trips over
    # its own callbacks when a watch is refused. What becomes of its watches is told by who restarts it.
    level = logging.DEBUG if "asyncgen" in context or _is_of_kopf(error) else logging.ERROR
    logger.log(level, "%s: %s", what, describe_error(error) if isinstance(error, BaseException) else "no exception")


def _is_of_kopf(error: object) -> bool:
    if not isinstance(error, BaseException):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and "kopf" in Path(frames[-1].filename).parts


class TextFormatter(logging.Formatter):
    """One line for people: time, level, where, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        head = f"{_time(record)} {record.levelname:<7} {record.name}: {message_of(record)}"
        return f"{head} [{fields}]" if fields else head


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line."""
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            **_fields(record),
        }
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message_of(record: logging.LogRecord) -> str:
    """Give the message of a record, printable and bounded, its exception reduced to type and places."""
    message = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        message = f"{message} ({describe_error(record.exc_info[1])})"
    return printable(message, limit=LONGEST_MESSAGE)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    about = getattr(record, "about", None)
    fields: dict[str, Any] = {}
    if isinstance(about, ObjectKey):
        fields = {"kind": str(about.kind), "namespace": about.namespace, "name": about.name}
    return fields | {name: record.__dict__[name] for name in FIELDS if name in record.__dict__}
