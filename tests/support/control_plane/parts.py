"""Put the parts of one control plane together and bring them up in order."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.support.control_plane import audit
from tests.support.control_plane.api import ApiClient, is_ready
from tests.support.control_plane.binaries import Binaries
from tests.support.control_plane.components import (
    TRUST_BUNDLES,
    Component,
    Places,
    apiserver_command,
    controller_manager_command,
    etcd_command,
    free_ports,
)
from tests.support.control_plane.credentials import ADMIN, ADMIN_GROUP, Credentials, certificate_entry
from tests.support.control_plane.errors import ControlPlaneError
from tests.support.waiting import DeadlineError, wait_until

START_SECONDS = 90.0


class Parts:
    """Hold files, ports, credentials and programs of one control plane; making it starts nothing."""

    def __init__(self, binaries: Binaries, folder: Path, *, with_audit: bool, with_trust_bundles: bool) -> None:
        self.binaries = binaries
        self.places = Places(folder)
        self.ports = free_ports()
        self.url = f"https://127.0.0.1:{self.ports.apiserver}"
        self.credentials = Credentials(self.places.pki)
        self._write_files()
        admin = self.credentials.user_files(ADMIN, [ADMIN_GROUP])
        self.kubeconfig_admin = self.write_kubeconfig(ADMIN, certificate_entry(admin))
        self.client = ApiClient(self.ports.apiserver, ca_file=self.credentials.ca_file, user_files=admin)
        self.etcd = self._component("etcd", etcd_command(binaries, self.places, self.ports))
        command = apiserver_command(binaries, self.places, self.ports, credentials=self.credentials, audit=with_audit)
        self.apiserver = self._component("kube-apiserver", [*command, *(TRUST_BUNDLES if with_trust_bundles else ())])
        self.controller_manager = self._component("kube-controller-manager", self._controller_manager_command())

    @property
    def components(self) -> tuple[Component, ...]:
        """Return the programs, those first that depend on others."""
        return (self.controller_manager, self.apiserver, self.etcd)

    def start(self, process_group: int) -> None:
        """Start everything and wait until the first namespace can be worked in.

        Raises:
            ControlPlaneError: a program ended, or was not ready in time; the message has its last words.
        """
        self.etcd.start(process_group)
        self.start_apiserver(process_group)
        self.controller_manager.start(process_group)
        _wait(self._is_populated, self.controller_manager, "the ServiceAccount `default` of namespace `default`")

    def start_apiserver(self, process_group: int) -> None:
        """Start the API server and wait until it is ready.

        Raises:
            ControlPlaneError: it ended, or was not ready in time; the message has its last words.
        """
        self.apiserver.start(process_group)
        _wait(self._is_ready, self.apiserver, "/readyz of the API server")

    def kill(self) -> None:
        """Kill every program and wait for their ends."""
        for component in self.components:
            component.kill()

    def write_kubeconfig(self, stem: str, user: dict[str, str], *, namespace: str = "default") -> Path:
        """Write a kubeconfig for one `user` entry and return its path."""
        path = self.places.kubeconfigs / f"{stem}.kubeconfig"
        return self.credentials.write_kubeconfig(path, server=self.url, user=user, namespace=namespace)

    def _write_files(self) -> None:
        self.credentials.write()
        self.places.logs.mkdir()
        self.places.audit_policy.write_text(json.dumps(audit.POLICY), encoding="utf-8")

    def _controller_manager_command(self) -> list[str]:
        # A user of its own, so that its requests can be told from those of the administrator.
        files = self.credentials.user_files(audit.CONTROLLER_MANAGER, [ADMIN_GROUP])
        kubeconfig = self.write_kubeconfig("controller-manager", certificate_entry(files))
        return controller_manager_command(self.binaries, kubeconfig, self.credentials)

    def _component(self, name: str, command: list[str]) -> Component:
        return Component(command, self.places.logs / f"{name}.log")

    def _is_ready(self) -> bool:
        self.etcd.check()
        self.apiserver.check()
        return is_ready(self.client)

    def _is_populated(self) -> bool:
        self.controller_manager.check()
        return self.client.get("/api/v1/namespaces/default/serviceaccounts/default") is not None


def _wait(predicate: Callable[[], bool], component: Component, what: str) -> None:
    try:
        wait_until(predicate, deadline_seconds=START_SECONDS, what=what)
    except DeadlineError as error:
        raise ControlPlaneError(f"{error}. The last words of {component.name}:\n{component.log_tail()}") from None
