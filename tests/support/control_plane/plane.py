"""Run a real Kubernetes control plane: etcd, the API server and a few controllers, without nodes or containers."""

import atexit
import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from tests.support.control_plane import audit, etcd
from tests.support.control_plane.api import ApiClient
from tests.support.control_plane.binaries import find_binaries
from tests.support.control_plane.credentials import certificate_entry
from tests.support.control_plane.errors import ControlPlaneError
from tests.support.control_plane.guarded import GuardedFolder
from tests.support.control_plane.metrics import RequestKind, parse_request_counts
from tests.support.control_plane.parts import Parts

KUBECTL_SECONDS = 300.0
TOKEN_SECONDS = 24 * 3600


class ControlPlane:
    """Be one control plane on loopback ports, with its files in a temporary folder.

    Nothing of it outlives the process that started it, however that one ends, unless it is `detached`: then
    `python -m tests.support.control_plane down FOLDER` ends it, or `stop` while the starter lives.
    With `audit` every request is recorded for `requests`; it costs less than the noise of a measurement. Without
    `trust_bundles` it does not serve ClusterTrustBundles, as many clusters do not.
    """

    def __init__(self, *, audit: bool = True, detached: bool = False, trust_bundles: bool = True) -> None:
        self._with_audit = audit
        self._with_trust_bundles = trust_bundles
        self._detached = detached
        self._folder: GuardedFolder | None = None
        self._parts: Parts | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- life

    def start(self) -> Self:
        """Start everything and wait until it serves; the first time ever this builds the programs.

        Raises:
            ControlPlaneError: a program is missing or ended; the message has its last words.
        """
        if self._folder is not None:
            raise ControlPlaneError("the control plane must be stopped before it is started again")
        binaries = find_binaries()
        self._folder = GuardedFolder(detached=self._detached)
        try:
            self._parts = Parts(
                binaries, self._folder.path, with_audit=self._with_audit, with_trust_bundles=self._with_trust_bundles
            )
            self._parts.start(self._folder.process_group)
        except BaseException:  # Ctrl-C as well
            self.stop()
            raise
        if self._detached:
            atexit.register(self._disown)
        return self

    def stop(self) -> None:
        """Kill everything and remove the folder; that it does not run is fine."""
        atexit.unregister(self._disown)
        if self._parts is not None:
            self._parts.kill()
            self._parts = None
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def stop_apiserver(self) -> None:
        """Kill the API server as a crash would; asked to stop it would take its time."""
        self._running.apiserver.kill()

    def start_apiserver(self) -> None:
        """Start the API server again, on the same port and with the same data, and wait until it is ready."""
        self._running.start_apiserver(self._running_folder.process_group)

    def restart_apiserver(self) -> None:
        """Kill the API server and start it again."""
        self.stop_apiserver()
        self.start_apiserver()

    def pause_apiserver(self) -> None:
        """Let the API server hang: connections stay open, nothing is answered."""
        self._running.apiserver.pause()

    def resume_apiserver(self) -> None:
        """Let a paused API server go on."""
        self._running.apiserver.resume()

    def restart_controller_manager(self) -> None:
        """Start the controllers anew, so that garbage collection knows kinds installed a moment ago.

        Left alone it looks for new kinds every 30 s, and until then the deletion of such an owner moves nothing.
        """
        self._running.controller_manager.kill()
        self._running.controller_manager.start(self._running_folder.process_group)

    def compact_etcd(self) -> int:
        """Forget all history in etcd and return its present revision.

        Clients hardly notice: the API server serves old watches and continued lists from its own memory. See
        `expire_resource_versions`.
        """
        return etcd.compact(self._running.ports.etcd)

    def expire_resource_versions(self) -> int:
        """Make every earlier resourceVersion too old to list or watch from (410), and return the present one.

        The API server is restarted, for its own memory of the past is what serves watches.
        """
        self.stop_apiserver()
        revision = self.compact_etcd()
        self.start_apiserver()
        return revision

    # ---- what it is

    @property
    def folder(self) -> Path:
        """Return the folder with all files; `down` takes it."""
        return self._running.places.folder

    @property
    def url(self) -> str:
        """Return the base URL of the API server."""
        return self._running.url

    @property
    def client(self) -> ApiClient:
        """Return a plain client that acts as the administrator."""
        return self._running.client

    @property
    def pids(self) -> dict[str, int]:
        """Return the process id of each running program by its name, to measure its memory and CPU."""
        return {component.name: pid for component in self._running.components if (pid := component.pid) is not None}

    # ---- who may use it

    @property
    def kubeconfig_admin(self) -> Path:
        """Return the path of a kubeconfig that may do everything."""
        return self._running.kubeconfig_admin

    def token_for(self, namespace: str, name: str, *, expiration_seconds: int = TOKEN_SECONDS) -> str:
        """Return a token of a ServiceAccount, which must exist; the API server grants no less than 600 s.

        Raises:
            ControlPlaneError: there is no such ServiceAccount.
        """
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": expiration_seconds},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return str(self.client.create(path, body)["status"]["token"])

    def kubeconfig_for(self, namespace: str, name: str) -> Path:
        """Return the path of a kubeconfig with a fresh token of a ServiceAccount, which must exist.

        Raises:
            ControlPlaneError: there is no such ServiceAccount.
        """
        entry = {"token": self.token_for(namespace, name)}
        return self._running.write_kubeconfig(f"{namespace}-{name}-{uuid4().hex[:8]}", entry, namespace=namespace)

    def kubeconfig_as_user(self, name: str, groups: Sequence[str] = ()) -> Path:
        """Return the path of a kubeconfig of any user in any groups, by a client certificate: no impersonation."""
        entry = certificate_entry(self._running.credentials.user_files(name, groups))
        return self._running.write_kubeconfig(f"user-{uuid4().hex[:8]}", entry)

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002  the name that subprocess uses
        check: bool = True,
        kubeconfig: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, as the administrator unless told otherwise, and return what it said.

        Raises:
            ControlPlaneError: it failed and `check` is true.
        """
        environment = os.environ | {
            "KUBECONFIG": str(kubeconfig or self.kubeconfig_admin),
            "KUBECACHEDIR": str(self.folder / "kubectl-cache"),  # not the person's ~/.kube
        }
        done = subprocess.run(
            [str(self._running.binaries.kubectl), *arguments],
            input=input,
            env=environment,
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            check=False,
        )
        if check and done.returncode != 0:
            said = f"{done.stdout}{done.stderr}".strip()
            raise ControlPlaneError(f"kubectl {' '.join(arguments)} ended with exit code {done.returncode}: {said}")
        return done

    # ---- what it saw

    def metrics(self) -> str:
        """Return the text of the API server's `/metrics`."""
        return self.client.request("GET", "/metrics").body.decode()

    def request_counts(self) -> Counter[RequestKind]:
        """Return how many requests of each kind the API server answered since its last start, of all users together.

        Subtract two of them to count what happened between. For exact counts of one user take `requests`.
        """
        return parse_request_counts(self.metrics())

    def audit_mark(self) -> int:
        """Return a place in the audit log: what is answered from now on stands behind it.

        Raises:
            ControlPlaneError: the control plane was made with `audit=False`.
        """
        self._flush_audit_log()
        return self._running.places.audit_log.stat().st_size

    def requests(
        self, since: int = 0, *, user: str | None = None, user_agent_prefix: str = ""
    ) -> list[audit.AuditedRequest]:
        """Return every request answered since an `audit_mark`, of one user or user agent when given.

        A ServiceAccount's user is `system:serviceaccount:<namespace>:<name>`. The API server must not be paused.

        Raises:
            ControlPlaneError: the control plane was made with `audit=False`.
        """
        self._flush_audit_log()
        return [
            request
            for request in audit.read_requests(self._running.places.audit_log, since)
            if user in (None, request.user) and request.user_agent.startswith(user_agent_prefix)
        ]

    def _flush_audit_log(self) -> None:
        if not self._with_audit:
            raise ControlPlaneError("the control plane must be made with `audit=True` to count requests")
        if self._running.apiserver.pid is not None:  # a dead one has written what it will ever write
            audit.flush(self._running.places.audit_log, self.client)

    # ---- inside

    @property
    def _running(self) -> Parts:
        if self._parts is None:
            raise ControlPlaneError("the control plane must be started first")
        return self._parts

    @property
    def _running_folder(self) -> GuardedFolder:
        if self._folder is None:
            raise ControlPlaneError("the control plane must be started first")
        return self._folder

    def _disown(self) -> None:
        for component in self._running.components:
            component.disown()
        self._running_folder.disown()
