"""Tie a folder and a group of processes to a guard that ends both when their owner is gone."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.control_plane import guard
from tests.support.control_plane.errors import ControlPlaneError
from tests.support.waiting import wait_until

GUARD_SECONDS = 10.0


class GuardedFolder:
    """Own a temporary folder and the process group of everything that works in it."""

    def __init__(self, *, detached: bool) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="certwright-control-plane-"))
        os.mkfifo(self.path / guard.STOP)
        owner = 0 if detached else os.getpid()
        # -I -S: nothing of this project or its environment is loaded, so it starts at once and stays small.
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(self.path), str(owner)],
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            process_group=0,
        )
        self.process_group = self._guard.pid

    def remove(self) -> None:
        """Remove the folder and dismiss the guard; the group's other processes must have ended."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._guard.kill()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait(GUARD_SECONDS)

    def disown(self) -> None:
        """Leave the guard running when this process ends, without the warning that it still does."""
        self._guard.returncode = 0


def end_from_outside(folder: Path) -> None:
    """End the control plane that works in `folder`, whoever started it, and wait until the folder is gone.

    Raises:
        ControlPlaneError: this is no control plane's folder, or it did not end.
    """
    pipe = folder / guard.STOP
    if not pipe.exists() or not stat.S_ISFIFO(pipe.stat().st_mode):
        raise ControlPlaneError(f"{folder} must be the folder of a control plane; it has no named pipe `{guard.STOP}`")
    try:
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        # Nobody reads: guard and components are gone, for instance after a restart of the machine.
        shutil.rmtree(folder)
        return
    os.write(writer, b"\n")
    os.close(writer)
    wait_until(lambda: not folder.exists(), deadline_seconds=GUARD_SECONDS, what=f"the end of {folder}")
