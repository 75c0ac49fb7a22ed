"""Find the programs of a control plane: given, cached, or built now."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.control_plane.building import NAMES, SOURCE, build, kubernetes_version
from tests.support.control_plane.errors import ControlPlaneError
from tests.support.control_plane.progress import say

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
# envtest's archives hold these three; the fourth comes from our build.
ASSETS_NEEDED = ("etcd", "kube-apiserver", "kubectl")
DIGITS = 12


@dataclass(frozen=True)
class Binaries:
    """Name the four programs by path."""

    etcd: Path
    apiserver: Path
    controller_manager: Path
    kubectl: Path


def find_binaries() -> Binaries:
    """Return the programs: from `KUBEBUILDER_ASSETS`, else from the user's cache, else built now.

    Raises:
        ControlPlaneError: the folder given lacks a program, or the build failed.
    """
    given = os.environ.get(ASSETS_VARIABLE)
    if not given:
        return _in_folder(built_folder())
    folder = Path(given)
    missing = [name for name in ASSETS_NEEDED if not os.access(folder / name, os.X_OK)]
    if missing:
        raise ControlPlaneError(
            f"{ASSETS_VARIABLE}={folder} must hold executable {', '.join(ASSETS_NEEDED)}; it lacks "
            f"{', '.join(missing)}. Unset the variable to have everything built instead"
        )
    if os.access(folder / "kube-controller-manager", os.X_OK):
        return _in_folder(folder)
    say(f"{ASSETS_VARIABLE}={folder} has no kube-controller-manager (envtest ships none): taking our own build of it")
    return Binaries(
        folder / "etcd", folder / "kube-apiserver", built_folder() / "kube-controller-manager", folder / "kubectl"
    )


def cached_folder() -> Path:
    """Return where the build of the present sources belongs, whether it is there or not."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "certwright" / "control-plane" / f"{kubernetes_version()}-{digest.hexdigest()[:DIGITS]}"


def is_built() -> bool:
    """Say whether the cache holds a build of the present sources."""
    return all(os.access(cached_folder() / name, os.X_OK) for name in NAMES)


def built_folder() -> Path:
    """Return the folder of the build of the present sources, building it first when it is not cached."""
    folder = cached_folder()
    if not is_built():
        with _only_builder(folder.parent):
            if not is_built():  # the one we waited for may have built it
                build(folder)
    return folder


def _in_folder(folder: Path) -> Binaries:
    return Binaries(*(folder / name for name in NAMES))


@contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is building the control plane: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file gives the lock back, and so does the death of this process
