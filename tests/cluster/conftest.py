"""Give every test of this folder one real control plane and a namespace of its own."""

import subprocess
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.trust_guards import install_guards


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """Run one control plane for the whole session: starting one takes seconds, and namespaces keep tests apart."""
    with ControlPlane() as running:
        yield running


@pytest.fixture(scope="session")
def guarded_plane() -> Iterator[ControlPlane]:
    """Run another control plane, with certwright's manifests and the policies that guard trust, but no operator.

    Apart from the first, for the policies hold in a whole cluster; a module that wants it overrides `control_plane`.
    """
    with ControlPlane(audit=False) as running:
        install_guards(running)
        yield running


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """Make a fresh namespace; its deletion is asked for and not waited for."""
    name = f"test-{uuid4().hex[:10]}"
    control_plane.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    control_plane.client.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return `ControlPlane.kubectl`: arguments in, what it said out."""
    return control_plane.kubectl
