"""Follow the API server's audit log: who asked for what, without asking the API server anything."""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.control_plane import ControlPlane
from tests.support.control_plane.audit import AuditedRequest

STATUS_WRITTEN = re.compile(
    rb'"verb":"patch".*"objectRef":\{"resource":"importedcertificates",'
    rb'"namespace":"(?P<namespace>[^"]+)","name":"(?P<name>[^"]+)"[^}]*"subresource":"status"'
    rb'.*"responseStatus":.*"code":200\b'
)
POLL_SECONDS = 0.1
QUIET_BYTES = 4_000  # two or three requests of somebody else


class Follower:
    """Count the objects whose status was written, by reading what was added to the log."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._log: Path = control_plane.folder / "logs" / "audit.jsonl"
        self._offset = self._log.stat().st_size
        self._rest = b""
        self.seen: set[tuple[bytes, bytes]] = set()

    def read(self) -> int:
        """Read on and return how many objects have had a status written since this follower was made."""
        with self._log.open("rb") as log:
            log.seek(self._offset)
            added = log.read()
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        for line in lines:
            if found := STATUS_WRITTEN.search(line):
                self.seen.add((found["namespace"], found["name"]))
        return len(self.seen)

    def wait_for(self, count: int, *, deadline_seconds: float, meanwhile: Callable[[], None]) -> None:
        """Read on until `count` objects have had a status written.

        Raises:
            TimeoutError: they have not in time.
        """
        started = time.monotonic()
        while self.read() < count:
            meanwhile()
            if time.monotonic() - started > deadline_seconds:
                raise TimeoutError(f"{len(self.seen)} of {count} statuses were written in {deadline_seconds:g} s")
            time.sleep(POLL_SECONDS)


def wait_quiet(control_plane: ControlPlane, *, deadline_seconds: float) -> None:
    """Wait until a second passes in which hardly anything was asked for: events are written after everything else.

    Raises:
        TimeoutError: that second did not come in time.
    """
    log, started, size = control_plane.folder / "logs" / "audit.jsonl", time.monotonic(), 0
    while (grown := log.stat().st_size) - size > QUIET_BYTES:
        if time.monotonic() - started > deadline_seconds:
            raise TimeoutError(f"requests still came after {deadline_seconds:g} s")
        size = grown
        time.sleep(1)


@dataclass(frozen=True)
class Traffic:
    """The requests of one user between two moments."""

    requests: list[AuditedRequest]

    @property
    def counts(self) -> Counter[str]:
        """Return how many requests there were of each kind: `patch secrets`, `list secrets`, …; failed ones apart."""
        return Counter(_kind(request) for request in self.requests if request.resource)

    @property
    def writes(self) -> int:
        """Return how many requests may have changed something; renewing the Lease is not counted, nor are reviews."""
        return sum(request.is_write and _counts(request) for request in self.requests)

    @property
    def object_reads(self) -> int:
        """Return how many single objects were read."""
        return sum(request.verb == "get" and bool(request.name) and _counts(request) for request in self.requests)

    @property
    def secret_bodies(self) -> int:
        """Return how many answers carried Secret data."""
        return sum(request.reads_secret_data for request in self.requests)

    def of(self, kind: str) -> int:
        """Return how many requests of one kind succeeded, such as `patch secrets`."""
        return self.counts[kind]

    def first(self) -> float:
        """Return when the first Secret or status was written, in seconds since the epoch."""
        return min(request.received.timestamp() for request in self.requests if request.verb == "patch")

    def last(self) -> float:
        """Return when the last status was written, in seconds since the epoch."""
        return max(request.received.timestamp() for request in self.requests if request.subresource == "status")


def _kind(request: AuditedRequest) -> str:
    resource = f"{request.resource}/{request.subresource}" if request.subresource else request.resource
    failed = f" ({request.code})" if request.code >= 400 else ""
    return f"{request.verb} {resource}{failed}"


def _counts(request: AuditedRequest) -> bool:
    return bool(request.resource) and request.resource != "leases" and not request.resource.endswith("reviews")
