"""A namespace of a real control plane whose operator is reached through an `Interposer`, and what etcd knows of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from tests.support.control_plane import ControlPlane, etcd
from tests.support.interposer import Interposer
from tests.support.waiting import wait_until_async
from tests.support.worlds import OperatorThread, RealWorld

T = TypeVar("T")

MANIFESTS = Path(__file__).parents[2] / "manifests"
OPERATOR = ("certwright-system", "certwright")
PATIENCE_SECONDS = 60.0

SECRETS = "/registry/secrets"
WISHES = "/registry/certwright.io/importedcertificates"


class RoughWorld(RealWorld):
    """A world with an interposer in it, and with more patience: its troubles take their time."""

    def __init__(self, plane: ControlPlane, operator: OperatorThread, interposer: Interposer, namespace: str) -> None:
        super().__init__(plane, operator, namespace)
        self.plane = plane
        self.interposer = interposer
        self.operator = operator

    async def wait(self, reached: Callable[[], Awaitable[T]], what: str) -> T:
        self.operator.check()
        return await wait_until_async(reached, deadline_seconds=PATIENCE_SECONDS, what=what)

    def writes(self, registry: str, name: str) -> int:
        """Say how often an object was written since it was created, the creation included."""
        return times_written(self.plane, registry, self.namespace)[name]

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Do as a person does."""
        return self.plane.kubectl("--namespace", self.namespace, *arguments, input=text).stdout


@contextmanager
def installed(*, audit: bool = False) -> Iterator[ControlPlane]:
    """Run a control plane with certwright installed as people install it."""
    with ControlPlane(audit=audit) as plane:
        plane.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "overlays" / "default"))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all")
        plane.restart_controller_manager()
        yield plane


@contextmanager
def fresh_namespace(plane: ControlPlane) -> Iterator[str]:
    """Make a namespace; its deletion is asked for and not waited for."""
    name = f"rough-{uuid4().hex[:10]}"
    plane.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    plane.client.delete(f"/api/v1/namespaces/{name}")


def times_written(plane: ControlPlane, registry: str, namespace: str) -> dict[str, int]:
    """Ask etcd how often each object of a namespace was written since it was created, the creation included.

    No log can miss a write here, whoever was killed meanwhile; an apply that changes nothing does not count.
    """
    prefix = f"{registry}/{namespace}/"
    body = {"key": _encode(prefix), "range_end": _encode(prefix[:-1] + "0"), "keys_only": True}
    found = etcd._call(plane._running.ports.etcd, "/v3/kv/range", body)
    return {b64decode(each["key"]).decode().rpartition("/")[2]: int(each["version"]) for each in found.get("kvs", ())}


def _encode(text: str) -> str:
    return b64encode(text.encode()).decode()
