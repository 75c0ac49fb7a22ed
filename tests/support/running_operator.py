"""The operator inside the test's own event loop, on a real control plane."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from certwright.cluster.credentials import Login
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.runtime.assembly import Parts
from certwright.runtime.engine import make_engine
from certwright.runtime.operator import Operator
from certwright.settings import Settings
from tests.support.control_plane import ControlPlane
from tests.support.waiting import wait_until, wait_until_async

CRD_FOLDER = Path(__file__).parents[2] / "crds"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "/apis/certwright.io/v1alpha1"
STOP_SECONDS = 10.0


class Running:
    """One operator, seen from outside (its servers) and from inside (its parts)."""

    def __init__(self, plane: ControlPlane, operator: Operator) -> None:
        self.plane = plane
        self.operator = operator

    @property
    def parts(self) -> Parts:
        """Give the parts, which exist once there was a connection."""
        assert self.operator.parts is not None
        return self.operator.parts

    async def ask(self, path: str) -> tuple[int, str]:
        """Ask one of the servers."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.operator.servers.port}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def until(self, holds: Callable[[], Any], what: str, *, seconds: float = 40) -> Any:
        """Wait for a condition of the operator or of the cluster."""

        async def look() -> Any:
            return holds()

        return await wait_until_async(look, deadline_seconds=seconds, what=what)

    async def until_ready(self, *, seconds: float = 40) -> None:
        """Wait until `/readyz` says so."""
        await self.until_readyz(HTTPStatus.OK, "ok", seconds=seconds)

    async def until_readyz(self, status: int, words: str, *, seconds: float = 40) -> str:
        """Wait until `/readyz` has this code and says these words, and give all it says."""

        async def look() -> str | None:
            code, text = await self.ask("/readyz")
            return text if code == status and words in text else None

        found = await wait_until_async(look, deadline_seconds=seconds, what=f"/readyz to say {status} {words!r}")
        assert found is not None
        return found

    async def until_judged(self, namespace: str, name: str, *, reason: str = "", seconds: float = 40) -> dict[str, Any]:
        """Wait until an object has a verdict of its present generation, and give the object."""

        def look() -> dict[str, Any] | None:
            found = self.plane.client.get(path_of(namespace, name))
            status = (found or {}).get("status") or {}
            if found is None or status.get("observedGeneration") != found["metadata"]["generation"]:
                return None
            ready = next((each for each in status["conditions"] if each["type"] == "Ready"), {})
            return found if reason in ("", ready.get("reason")) else None

        judged: dict[str, Any] = await self.until(look, f"a verdict {reason} on {namespace}/{name}", seconds=seconds)
        return judged

    def count(self, name: str, **labels: str) -> float:
        """Give the value of a counter of the operator, summed over the labels that are not named."""
        return sum(
            sample.value
            for family in self.operator.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@asynccontextmanager
async def running(
    plane: ControlPlane,
    *,
    kubeconfig: Path | None = None,
    restore_signals: Callable[[], None] | None = None,
    after: Callable[[], Awaitable[None]] | None = None,
    **chosen: Any,
) -> AsyncIterator[Running]:
    """Run an operator until the end of the block, and see that it ends well and leaves no task behind."""
    settings = Settings(listen_host="127.0.0.1", listen_port=0, **chosen)
    others = asyncio.all_tasks()
    operator = Operator(
        settings,
        make_engine(settings),
        login=Login(kubeconfig=kubeconfig or plane.kubeconfig_admin),
        **({} if restore_signals is None else {"restore_signals": restore_signals}),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(operator.run(stop))
    found = Running(plane, operator)
    try:
        await found.until(lambda: operator.servers.port or task.done(), "the servers to listen")
        yield found
    finally:
        stop.set()
        healthy = await asyncio.wait_for(task, STOP_SECONDS)
        if after is not None:
            await after()
    assert healthy, "a part of the operator broke"
    left = {each for each in asyncio.all_tasks() - others if not each.done()}
    assert not left, f"tasks were left behind: {left}"


def apply_crds(plane: ControlPlane) -> None:
    """Install our kinds and wait until they are served."""
    for path, manifest in _definitions():
        plane.client.apply(path, manifest)
    _wait_for_kinds(plane, HTTPStatus.OK)


def delete_crds(plane: ControlPlane) -> None:
    """Take our kinds away, with all their objects."""
    for path, _ in _definitions():
        plane.client.delete(path)
    _wait_for_kinds(plane, HTTPStatus.NOT_FOUND)


def _definitions() -> list[tuple[str, dict[str, Any]]]:
    manifests = [yaml.safe_load(file.read_text()) for file in sorted(CRD_FOLDER.glob("certwright.io_*.yaml"))]
    return [(f"{DEFINITIONS}/{manifest['metadata']['name']}", manifest) for manifest in manifests]


def _wait_for_kinds(plane: ControlPlane, code: HTTPStatus) -> None:
    paths = [f"{GROUP}/{manifest['spec']['names']['plural']}" for _, manifest in _definitions()]
    wait_until(
        lambda: all(plane.client.request("GET", path).code == code for path in paths),
        deadline_seconds=20,
        what=f"our kinds to be answered with {code}",
    )


def path_of(namespace: str, name: str) -> str:
    """Give the path of an ImportedCertificate."""
    return f"{GROUP}/namespaces/{namespace}/importedcertificates/{name}"


def key_of(namespace: str, name: str) -> ObjectKey:
    """Give its key."""
    return ObjectKey(Kind.IMPORTED_CERTIFICATE, namespace, name)


def create_wish(plane: ControlPlane, namespace: str, name: str, *, upload: str = "absent") -> dict[str, Any]:
    """Create an ImportedCertificate that watches a Secret, by default one that does not exist."""
    manifest = {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"certificateRef": {"name": upload}},
    }
    return plane.client.create(path_of(namespace, name).rpartition("/")[0], manifest)
