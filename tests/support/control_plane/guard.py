"""End a control plane when its owner is gone, however the owner went.

A program of its own, called by path with nothing but the standard library, as
`guard.py FOLDER OWNER`: OWNER is the process id of the owner, 0 when the control plane is to outlive it.

It leads the process group of the control plane, which all components join: while it lives, the kernel gives the
group's number to nobody else, so killing the group can hit no stranger. PR_SET_PDEATHSIG would be shorter, but is tied
to the *thread* that started the component and exists on Linux only.

It ends everything when
- its standard input ends: the owner holds the other end, and the kernel closes that even after SIGKILL;
- its parent changes: a child forked by the owner may hold a copy of that other end;
- somebody writes into the named pipe FOLDER/stop;
- it gets SIGTERM.
"""

import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

STOP = "stop"
POLL_SECONDS = 1.0
GONE_SECONDS = 5.0


def main() -> None:
    """Wait for the end, then bring it about."""
    folder, owner = sys.argv[1], int(sys.argv[2])
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: end(folder))
    # Open for writing too: with no writer at all a named pipe would be readable (end of file) for ever.
    watched = [os.open(Path(folder, STOP), os.O_RDWR | os.O_NONBLOCK)]
    if owner:
        watched.append(sys.stdin.fileno())
    while not select.select(watched, [], [], POLL_SECONDS)[0]:
        if owner and os.getppid() != owner:
            break
    end(folder)


def end(folder: str) -> None:
    """Kill the whole group, this process with it, and remove the folder from outside of the group."""
    group = os.getpgrp()
    if os.fork() != 0:
        while True:
            signal.pause()
    os.setpgid(0, 0)
    os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + GONE_SECONDS
    while _exists(group) and time.monotonic() < deadline:
        time.sleep(0.01)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
