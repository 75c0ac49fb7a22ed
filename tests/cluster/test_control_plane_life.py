"""Show that a control plane leaves nothing behind, however its owner ends."""

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane, ControlPlaneError
from tests.support.control_plane import __main__ as program
from tests.support.control_plane.binaries import ASSETS_NEEDED, ASSETS_VARIABLE
from tests.support.control_plane.guarded import end_from_outside
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
GONE_SECONDS = 15

# An owner that says what it started and then hangs. Started by a thread that has ended, because what the kernel ties
# to a parent (PR_SET_PDEATHSIG) it ties to the thread.
OWNER = """
import json, sys, threading
from tests.support.control_plane import ControlPlane
control_plane = ControlPlane(audit=False, detached={detached})
thread = threading.Thread(target=control_plane.start)
thread.start()
thread.join()
print(json.dumps({{"folder": str(control_plane.folder), "pids": list(control_plane.pids.values())}}), flush=True)
{then}
"""


def is_running(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")  # a zombie only waits for init


def remains(started: dict[str, Any]) -> list[str]:
    left = [f"process {pid}" for pid in started["pids"] if is_running(pid)]
    return left + [started["folder"]] * Path(started["folder"]).exists()


def expect_gone(started: dict[str, Any]) -> None:
    wait_until(lambda: not remains(started), deadline_seconds=GONE_SECONDS, what=f"nothing to remain of {started}")


def owner(*, detached: bool, then: str) -> subprocess.Popen[str]:
    code = OWNER.format(detached=detached, then=then)
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def announced(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    started: dict[str, Any] = json.loads(process.stdout.readline())
    assert len(started["pids"]) == 3
    return started


def test_stop_leaves_nothing_behind_and_allows_another_start() -> None:
    control_plane = ControlPlane(audit=False)
    for _ in range(2):
        control_plane.start()
        started = {"folder": str(control_plane.folder), "pids": list(control_plane.pids.values())}
        assert len(remains(started)) == 4
        control_plane.stop()
        assert remains(started) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_owner_dies_of_a_signal(number: signal.Signals) -> None:
    with owner(detached=False, then="threading.Event().wait()") as process:
        started = announced(process)
        assert len(remains(started)) == 4  # the end of the starting thread ends nothing
        process.send_signal(number)
    assert process.returncode == -number
    expect_gone(started)


def test_nothing_is_left_when_the_owner_just_ends() -> None:
    with owner(detached=False, then="") as process:
        started = announced(process)
    assert process.returncode == 0
    expect_gone(started)


def test_nothing_is_left_when_a_fork_of_the_owner_lives_on() -> None:
    fork = "import os; child = os.fork(); child or threading.Event().wait(60); print(child, flush=True); sys.exit()"
    with owner(detached=False, then=fork) as process:
        started = announced(process)
        assert process.stdout is not None
        child = int(process.stdout.readline())
        expect_gone(started)
        subprocess.run(["kill", "-9", str(child)], check=True)


def test_detached_control_plane_outlives_its_owner_until_it_is_ended() -> None:
    with owner(detached=True, then="") as process:
        started = announced(process)
    assert len(remains(started)) == 4
    end_from_outside(Path(started["folder"]))
    assert remains(started) == []


def test_down_refuses_a_folder_that_is_no_control_plane(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match="must be the folder of a control plane"):
        end_from_outside(tmp_path)
    assert tmp_path.exists()


def test_up_serves_until_interrupted(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    command = [sys.executable, "-m", "tests.support.control_plane", "up", "--kubeconfig", str(kubeconfig)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"export KUBECONFIG={kubeconfig}\n"
        assert json.loads(kubeconfig.read_text())["kind"] == "Config"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=GONE_SECONDS)
    assert process.returncode == 0
    assert "ending" in said
    assert not kubeconfig.exists()


def test_start_says_what_a_program_said_when_it_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ASSETS_NEEDED, "kube-controller-manager"):
        fake = tmp_path / name
        fake.write_text("#!/bin/sh\necho no disk left; exit 3\n")
        fake.chmod(stat.S_IRWXU)
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    with pytest.raises(ControlPlaneError, match=r"ended with exit code 3(.|\n)*no disk left"):
        ControlPlane().start()


def test_build_says_that_it_is_cached(
    control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert control_plane.pids  # so everything is built
    monkeypatch.setattr(sys, "argv", ["control_plane", "build"])
    assert program.main() == 0
    assert "built before, cached in" in capsys.readouterr().err
