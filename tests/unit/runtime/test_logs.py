"""Log lines: one each, with known fields, and no message of a foreign exception."""

import asyncio
import json
import logging
import resource
import sys
from collections.abc import Iterator

import pytest

from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime.logs import LEVELS, JsonFormatter, TextFormatter, describe_error, on_loop_error, set_up_logs

SHOP = ObjectKey(Kind.IMPORTED_CERTIFICATE, "a", "shop")
KEY = "-----BEGIN PRIVATE KEY-----"


def record(message: str, *args: object, error: BaseException | None = None, **extra: object) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.getLogger("certwright.x").makeRecord(
        "certwright.x", logging.WARNING, "x.py", 1, message, args, info, extra=extra
    )
    made.created = 1767225600.25
    return made


def failure() -> ValueError:
    try:
        int(KEY)
    except ValueError as error:
        return error
    raise AssertionError


def test_json_line_holds_known_fields_only() -> None:
    line = JsonFormatter().format(record("refused %s", "it", about=SHOP, reason="Expired", settings={"token": KEY}))
    assert json.loads(line) == {
        "time": "2026-01-01T00:00:00.250Z",
        "level": "WARNING",
        "logger": "certwright.x",
        "message": "refused it",
        "kind": "ImportedCertificate",
        "namespace": "a",
        "name": "shop",
        "reason": "Expired",
    }


def test_text_line_is_one_line_for_people() -> None:
    line = TextFormatter().format(record("two\nlines\x1b[31m", about=SHOP))
    assert line == (
        "2026-01-01T00:00:00.250Z WARNING certwright.x: two\\nlines\\x1b[31m "
        "[kind=ImportedCertificate namespace=a name=shop]"
    )


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_an_exception_is_reduced_to_type_and_places(formatter: logging.Formatter) -> None:
    line = formatter.format(record("a pass failed", error=failure()))
    assert "a pass failed (ValueError at test_logs.py:" in line
    assert KEY not in line


def test_describe_error_names_the_innermost_place_first() -> None:
    assert describe_error(failure()).startswith("ValueError at test_logs.py:")
    assert describe_error(KeyError("x")) == "KeyError"


def test_an_error_nobody_caught_is_logged_without_the_objects_of_its_context(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    on_loop_error(loop, {"message": "Task exception was never retrieved", "exception": failure(), "task": KEY})
    on_loop_error(loop, {})
    on_loop_error(loop, {"message": "cut off in the middle", "asyncgen": KEY})
    loop.close()
    assert KEY not in caplog.text
    assert "Task exception was never retrieved: ValueError at" in caplog.text
    assert "an error outside of any task: no exception" in caplog.text
    assert "cut off" not in caplog.text


def test_on_loop_error_is_quiet_when_kopf_trips_over_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    loop = asyncio.new_event_loop()
    code = compile("raise AssertionError", "/lib/site-packages/kopf/_cogs/clients/api.py", "exec")
    with pytest.raises(AssertionError) as caught:
        exec(code)  # noqa: S102 - a frame that stands in kopf
    on_loop_error(loop, {"message": "Exception in callback", "exception": caught.value})
    loop.close()
    assert "Exception in callback" not in caplog.text


@pytest.fixture
def _logging_put_back() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level, list(root.handlers), {name: logging.getLogger(name).level for name in LEVELS}
    yield
    logging.captureWarnings(capture=False)
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("_logging_put_back")
def test_set_up_keeps_foreign_loggers_from_quoting_objects(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(level="DEBUG", style="json")
    logging.getLogger().handlers[0].stream = sys.stderr  # type: ignore[attr-defined]
    logging.getLogger("kopf.anything").debug("a body")
    logging.getLogger("kopf.objects").info("a name")
    logging.getLogger("aiohttp.client").debug("a header")
    logging.getLogger("certwright.x").debug("ours")
    lines = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["ours"]
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


@pytest.mark.usefixtures("_logging_put_back")
def test_set_up_raises_foreign_loggers_with_our_own() -> None:
    set_up_logs(level="ERROR", style="text")
    assert logging.getLogger("kopf").level == logging.ERROR
