"""Start, watch and kill the programs of a control plane, and know their flags."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.control_plane.binaries import Binaries
from tests.support.control_plane.credentials import Credentials
from tests.support.control_plane.errors import ControlPlaneError, tail
from tests.support.waiting import wait_until

# Below what Linux and macOS hand out for outgoing connections: a restarted API server must get its port back, and a
# client that keeps dialling a free port from that range sooner or later connects to itself and so occupies it.
PORTS = range(20000, 30000)
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Places:
    """Name the files of one control plane below its folder."""

    folder: Path

    @property
    def logs(self) -> Path:
        """Hold one log file for each component."""
        return self.folder / "logs"

    @property
    def pki(self) -> Path:
        """Hold certificates and keys."""
        return self.folder / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """Hold a kubeconfig for each user asked for."""
        return self.folder / "kubeconfigs"

    @property
    def audit_policy(self) -> Path:
        """Say what is recorded."""
        return self.folder / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        """Hold one line for each request."""
        return self.logs / "audit.jsonl"


@dataclass(frozen=True)
class Ports:
    """Name the loopback ports of one control plane."""

    etcd: int
    etcd_peer: int
    apiserver: int


def free_ports() -> Ports:
    """Return three ports on which nobody listens now.

    Nothing reserves them; two control planes that start in the same second share one with a chance of 1 in 1,000,
    and then the later one says at once that the address is in use.
    """
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == 3:
            return Ports(*found)
    raise ControlPlaneError(f"no three free ports between {PORTS.start} and {PORTS.stop}")


class Component:
    """Be one program of the control plane: started, killed and started again with the same command."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = list(command)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Return the program's name."""
        return Path(self._command[0]).name

    @property
    def pid(self) -> int | None:
        """Return the process id while the program runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, process_group: int) -> None:
        """Start the program as a member of a process group, its output added to its log file."""
        # etcd takes any flag from a variable ETCD_…; a person's settings for another etcd are not meant for this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
                process_group=process_group,
            )

    def check(self) -> None:
        """Raise an error with the log's last lines when the program has ended by itself.

        Raises:
            ControlPlaneError: it has.
        """
        if self._process is not None and self._process.poll() is not None:
            raise ControlPlaneError(
                f"{self.name} ended with exit code {self._process.returncode}. Its last words:\n{tail(self._log)}"
            )

    def kill(self) -> None:
        """Kill the program and wait for its end; that it is gone already is fine."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(KILL_SECONDS)
            self._process = None

    def pause(self) -> None:
        """Stop the program without ending it: its connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        # The signal is sent, not delivered: a busy thread may still answer what comes right after it.
        wait_until(self._is_stopped, deadline_seconds=KILL_SECONDS, what=f"{self.name} to be stopped")

    def _is_stopped(self) -> bool:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(self.pid)], capture_output=True, text=True, check=False)
        return state.stdout.startswith("T")

    def resume(self) -> None:
        """Let a paused program go on."""
        self._signal(signal.SIGCONT)

    def disown(self) -> None:
        """Leave the program running when this process ends, without the warning that it still does."""
        if self._process is not None:
            self._process.returncode = 0

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        return tail(self._log)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise ControlPlaneError(f"{self.name} does not run")
        self._process.send_signal(number)


def etcd_command(binaries: Binaries, places: Places, ports: Ports) -> list[str]:
    """Return the command line of etcd."""
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        str(binaries.etcd),
        f"--data-dir={places.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
        "--unsafe-no-fsync",  # nobody wants this data after a power cut; a kill of the process loses nothing
    ]


TRUST_BUNDLES = ("--runtime-config=certificates.k8s.io/v1beta1=true", "--feature-gates=ClusterTrustBundle=true")
"""What makes the API server serve ClusterTrustBundles."""


def apiserver_command(
    binaries: Binaries, places: Places, ports: Ports, *, credentials: Credentials, audit: bool
) -> list[str]:
    """Return the command line of the API server."""
    command = [
        str(binaries.apiserver),
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={ports.apiserver}",
        f"--tls-cert-file={credentials.server_cert_file}",
        f"--tls-private-key-file={credentials.server_key_file}",
        f"--client-ca-file={credentials.ca_file}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={credentials.service_account_key_file}",
        f"--service-account-signing-key-file={credentials.service_account_key_file}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",  # it would publish 127.0.0.1 as an endpoint, which is refused
        "--authorization-mode=RBAC",
    ]
    if audit:
        command += [
            f"--audit-policy-file={places.audit_policy}",
            f"--audit-log-path={places.audit_log}",
            "--audit-log-mode=blocking",  # `batch` would let a reader miss requests that are already answered
            "--audit-log-maxsize=1000000",  # MiB: a rotated file would hide what was counted from
        ]
    return command


def controller_manager_command(binaries: Binaries, kubeconfig: Path, credentials: Credentials) -> list[str]:
    """Return the command line of the controller manager.

    The deployment controller is left out on purpose: a test plays the roll-out itself.
    """
    return [
        str(binaries.controller_manager),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={credentials.service_account_key_file}",
        f"--root-ca-file={credentials.ca_file}",
        # Deleting a namespace is one request for each kind; the default of 20 a second makes tests wait.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]
