"""A store with its decisions and targets on a real control plane, and what is to be seen of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.support.control_plane import ControlPlane
from tests.support.pki import Entity
from tests.support.waiting import wait_until
from tests.support.worlds.manifests import Manifest, cluster_trust_store, decision, trust_store
from tests.support.worlds.material import Corp
from tests.support.worlds.trust import TRUST_SOURCE, bundle_of, certificates

PATIENCE_SECONDS = 60.0
RECORDS = "/api/v1/namespaces/certwright-system/configmaps"
GROUP = "/apis/certwright.io/v1alpha1"
MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Place:
    """A store with its decisions and targets, and what is to be seen of them.

    Attributes:
        trust: the namespace of the decisions.
        consumers: the namespaces that get the bundle; a TrustStore writes into its own.
    """

    plane: ControlPlane
    corp: Corp
    name: str
    trust: str
    consumers: list[str] = field(default_factory=list)
    cluster: bool = True

    @classmethod
    def make(cls, plane: ControlPlane, corp: Corp, *, cluster: bool = True, consumers: int = 1) -> Place:
        name = f"life-{uuid4().hex[:8]}"
        made = cls(plane, corp, name, f"{name}-trust", cluster=cluster)
        plane.client.create("/api/v1/namespaces", {"metadata": {"name": made.trust, "labels": TRUST_SOURCE}})
        for number in range(consumers if cluster else 0):
            made.add_consumer(f"{name}-{number:02}")
        return made

    def add_consumer(self, name: str) -> str:
        body = {"metadata": {"name": name, "labels": {"bundle": self.name}}}
        self.plane.client.create("/api/v1/namespaces", body)
        self.consumers.append(name)
        return name

    # ---- what people do

    def decide(self, name: str, entity: Entity, **spec: Any) -> None:
        self._apply("trustdecisions", decision(name, certificate=entity.pem, **spec))

    def wish(self, mode: str = "Automatic", **spec: Any) -> None:
        common: dict[str, Any] = {"selector": {}, "deployment": {"mode": mode}, **spec}
        targets = {"targets": [{"name": "bundle"}]}
        if not self.cluster:
            self._apply("truststores", trust_store(self.name, **{**targets, **common}))
            return
        wide = {"decisionNamespace": self.trust, "namespaceSelector": {"matchLabels": {"bundle": self.name}}}
        manifest = cluster_trust_store(self.name, **{**wide, **targets, **common})
        self.plane.client.apply(self.store_path, manifest, manager="kubectl")

    def approve(self) -> None:
        change = wait_until(
            lambda: (self.store().get("pending") or {}).get("id"), deadline_seconds=PATIENCE_SECONDS, what="a change"
        )
        self.patch(self.store_path, {"spec": {"deployment": {"approved": change}}})

    def patch(self, path: str, body: Manifest) -> None:
        answer = self.plane.client.request("PATCH", path, body, headers=MERGE)
        assert answer.ok, answer.body

    def _apply(self, plural: str, manifest: Manifest) -> None:
        path = f"{GROUP}/namespaces/{self.trust}/{plural}/{manifest['metadata']['name']}"
        self.plane.client.apply(path, manifest, manager="kubectl")

    # ---- what there is

    @property
    def store_path(self) -> str:
        if self.cluster:
            return f"{GROUP}/clustertruststores/{self.name}"
        return f"{GROUP}/namespaces/{self.trust}/truststores/{self.name}"

    def decision_path(self, name: str = "root") -> str:
        return f"{GROUP}/namespaces/{self.trust}/trustdecisions/{name}"

    def store(self) -> dict[str, Any]:
        """Give the status of the store."""
        return dict((self.plane.client.get(self.store_path) or {}).get("status") or {})

    def deploy_status(self, name: str = "root") -> str | None:
        found = self.plane.client.get(self.decision_path(name)) or {}
        status: str | None = (found.get("status") or {}).get("deployStatus")
        return status

    def condition(self, wanted: str) -> tuple[str, str]:
        found = (each for each in self.store().get("conditions", ()) if each["type"] == wanted)
        return next(((each["status"], each["reason"]) for each in found), ("", ""))

    def message(self) -> str:
        return next((each["message"] for each in self.store().get("conditions", ()) if each["type"] == "Ready"), "")

    def targets(self) -> list[str]:
        return [f"/api/v1/namespaces/{each}/configmaps/bundle" for each in self.consumers or [self.trust]]

    def bundles(self) -> list[list[bytes] | None]:
        """Give what each target holds."""
        found = (self.plane.client.get(path) for path in self.targets())
        return [certificates(each["data"]["ca.crt"].encode()) if each is not None else None for each in found]

    def versions(self) -> list[str]:
        found = (self.plane.client.get(path) for path in self.targets())
        return [each["metadata"]["resourceVersion"] for each in found if each is not None]

    def records(self) -> list[str]:
        """Give the names of the records of the store, from the oldest on."""
        uid = (self.plane.client.get(self.store_path) or {"metadata": {"uid": "gone"}})["metadata"]["uid"]
        names = (each["metadata"]["name"] for each in self.plane.client.get(RECORDS)["items"])
        return sorted(name for name in names if name.startswith(f"store-{uid}-"))

    # ---- what is waited for

    def until(self, reached: Callable[[], Any], what: str) -> Any:
        return wait_until(reached, deadline_seconds=PATIENCE_SECONDS, what=f"{what}, {self.name}")

    def until_deployed(self, *entities: Entity) -> None:
        wanted = [bundle_of(*entities)] * len(self.targets())
        self.until(lambda: self.bundles() == wanted, f"{len(entities)} CAs in {len(wanted)} targets")
        self.until(lambda: self.condition("Deployed") == ("True", "Valid"), "the store to be done")


def gone(plane: ControlPlane, path: str) -> bool:
    return plane.client.get(path) is None
