"""`make demo` and `make bench` do what they promise: people try them first, and nobody runs them in between."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 300


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def test_demo_ends_as_expected_when_played_into_a_log() -> None:
    done = run("tests.support.demo")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "Everything as expected" in done.stdout


def test_bench_counts_no_needless_request_when_run_small(tmp_path: Path) -> None:
    done = run("tests.bench", "--objects=20", "--foreign=20", "--samples=2", "--idle=1", f"--output={tmp_path}")
    table = tmp_path / "20.json"
    assert table.exists(), done.stdout[-5000:] + done.stderr[-2000:]
    figures = {line["what"]: line["value"] for line in json.loads(table.read_text(encoding="utf-8"))["figures"]}
    wanted = {
        "Secret applies for each new object": 1,
        "status applies for each new object": 1,
        "reads of single objects for each new object": 1,
        "writes while nothing changes": 0,
        "restart: writes": 0,
        "restart: Secret bodies read": 0,
    }
    assert {what: figures[what] for what in wanted} == wanted
