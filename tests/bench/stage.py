"""What every phase of a run works with."""

import compileall
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.api import Api
from tests.bench.material import Issuers
from tests.bench.report import Report, console, machine_facts
from tests.bench.trail import Traffic
from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess

ROOT = Path(__file__).parents[2]
NAMESPACE, ACCOUNT = "certwright-system", "certwright"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    objects: int
    foreign: int
    in_flight: int
    samples: int
    idle_seconds: float
    output: Path


@dataclass
class Stage:
    """A control plane with certwright's manifests, an administrator's client and the report so far."""

    control_plane: ControlPlane
    api: Api
    options: Options
    report: Report
    kubeconfig: Path
    logs: Path
    issuers: Issuers = field(default_factory=Issuers)

    def operator(self, name: str) -> OperatorProcess:
        """Make an operator process with the rights of its ServiceAccount; it is not started yet."""
        return OperatorProcess(self.kubeconfig, self.logs / f"{name}.log")

    def traffic(self, since: int) -> Traffic:
        """Return what the operator asked for since an audit mark."""
        return Traffic(self.control_plane.requests(since, user=USER))

    def mark(self) -> int:
        """Return the present place in the audit log."""
        return self.control_plane.audit_mark()


@asynccontextmanager
async def set_up(options: Options) -> AsyncIterator[Stage]:
    """Start a control plane, install the default overlay and give the stage for a run."""
    # As pip leaves an installed package: without byte code, starting would be compiling, half a second of it.
    compileall.compile_dir(ROOT / "operator", quiet=1)
    say("starting a control plane")
    with ControlPlane() as control_plane, tempfile.TemporaryDirectory(prefix="certwright-bench-") as folder:
        control_plane.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests" / "overlays" / "default"))
        control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        version = control_plane.client.get("/version") or {}
        report = Report(options.objects, facts=machine_facts(version.get("gitVersion", "")))
        async with Api(control_plane.kubeconfig_admin, in_flight=options.in_flight) as api:
            kubeconfig = control_plane.kubeconfig_for(NAMESPACE, ACCOUNT)
            yield Stage(control_plane, api, options, report, kubeconfig, Path(folder))


def say(text: str) -> None:
    """Say what is done now."""
    console.print(f"[bold]{text}[/bold]", highlight=False, soft_wrap=True)
