"""What every scene of the demo works with."""

import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.control_plane import ControlPlane
from tests.support.demo.examples import identity_of
from tests.support.demo.screen import Steps, command, say
from tests.support.operator_process import OperatorProcess

ROOT = Path(__file__).parents[3]
NAMESPACE = "demo"
PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.02
CUSTOM_OBJECTS = f"/apis/certwright.io/v1alpha1/namespaces/{NAMESPACE}/importedcertificates"
OTHERS = tuple(
    f"/apis/certwright.io/v1alpha1/namespaces/{NAMESPACE}/{plural}"
    for plural in ("revocationsources", "trustdecisions", "truststores")
)
SETS = "/apis/certwright.io/v1alpha1/clustercertificatesets"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


@dataclass
class Stage:
    """A control plane with certwright installed and running."""

    control_plane: ControlPlane
    operator: OperatorProcess
    steps: Steps = field(default_factory=Steps)

    def kubectl(self, *arguments: str, check: bool = True, show: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl in the demo's namespace, and show the command."""
        if show:
            command(_shown(arguments))
        return self.control_plane.kubectl("--namespace", NAMESPACE, *arguments, check=check)

    def custom_objects(self) -> dict[str, dict[str, Any]]:
        """Return all our objects of the demo by kind and name."""
        lists = [self.control_plane.client.get(path) or {"items": []} for path in (CUSTOM_OBJECTS, *OTHERS)]
        return {identity_of(each): each for found in lists for each in found["items"]}

    def custom_object(self, name: str) -> dict[str, Any]:
        """Return one ImportedCertificate of the demo."""
        return self.control_plane.client.get(f"{CUSTOM_OBJECTS}/{name}") or {}

    def certificate_set(self, name: str) -> dict[str, Any]:
        """Return one ClusterCertificateSet."""
        found = self.control_plane.client.get(f"{SETS}/{name}")
        return found or {"metadata": {"generation": 0}}

    def secret(self, name: str, namespace: str = NAMESPACE) -> dict[str, Any] | None:
        """Return one Secret, by default of the demo's namespace."""
        return self.control_plane.client.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")

    def wait(self, reached: Callable[[], bool], *, patience: float = PATIENCE_SECONDS) -> float | None:
        """Wait until something holds; return the seconds it took, `None` when it did not come."""
        started = time.monotonic()
        while not reached():
            self.operator.check()
            if time.monotonic() - started > patience:
                return None
            time.sleep(POLL_SECONDS)
        return time.monotonic() - started


@contextmanager
def set_up() -> Iterator[Stage]:
    """Start the control plane, install certwright and run it; end all of it afterwards."""
    steps = Steps()
    steps.step("A real Kubernetes control plane: etcd, API server, controllers")
    with ControlPlane() as control_plane, tempfile.TemporaryDirectory(prefix="certwright-demo-") as folder:
        say(f"serves at {control_plane.url}; there are no nodes, so pods never run")
        steps.step("Install certwright")
        for arguments in (
            ["apply", "--server-side", "-k", str(ROOT / "manifests" / "overlays" / "default")],
            ["apply", "--server-side", "-f", str(ROOT / "manifests" / "components" / "refresh" / "clusterrole.yaml")],
            ["wait", "--for=condition=Established", "crd/importedcertificates.certwright.io", "--timeout=60s"],
            ["create", "namespace", NAMESPACE],
        ):
            command(_shown(arguments))
            control_plane.kubectl(*arguments)
        say("The Deployment is stored and its pod stays Pending; the same program runs here instead, as a process with")
        say("the token of the ServiceAccount `certwright` and nothing but the rights of manifests/base:")
        kubeconfig = control_plane.kubeconfig_for("certwright-system", "certwright")
        command("certwright run")
        with OperatorProcess(kubeconfig, Path(folder) / "operator.log", log_format="text") as operator:
            steps.check(f"ready after {operator.wait_ready():.1f} s", passed=True)
            yield Stage(control_plane, operator, steps)


def _shown(arguments: Sequence[str]) -> str:
    return shlex.join(["kubectl", *arguments]).replace(f"{ROOT}/", "")
