"""Give every story its world, first in memory and then on a real API server."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.worlds import MemoryWorld, OperatorThread, RealWorld, World

MANIFESTS = Path(__file__).parents[2] / "manifests"


@pytest.fixture(scope="package")
def scenario_plane() -> Iterator[ControlPlane]:
    """Run one control plane, with certwright installed as people install it and with the component `refresh`."""
    with ControlPlane(audit=False) as running:
        refresh = MANIFESTS / "components" / "refresh" / "clusterrole.yaml"
        running.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "overlays" / "default"))
        running.kubectl("apply", "--server-side", "-f", str(refresh))
        running.kubectl("wait", "--for=condition=Established", "crd/importedcertificates.certwright.io")
        running.restart_controller_manager()
        yield running


@pytest.fixture(scope="package")
def operator(scenario_plane: ControlPlane) -> Iterator[OperatorThread]:
    """Run one operator with the token of its ServiceAccount, and so with the rights of the manifests alone."""
    with OperatorThread(scenario_plane.kubeconfig_for("certwright-system", "certwright")) as running:
        yield running


@pytest.fixture(params=["memory", "cluster"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a world with nothing in it."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    control_plane: ControlPlane = request.getfixturevalue("scenario_plane")
    operator: OperatorThread = request.getfixturevalue("operator")
    name = f"story-{uuid4().hex[:10]}"
    control_plane.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    world = RealWorld(control_plane, operator, name)
    try:
        yield world
    finally:
        operator.clock.reset()
        world.close()
