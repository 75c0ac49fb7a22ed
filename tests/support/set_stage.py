"""A set of certificates on a real control plane: its uploads, its namespaces, and what a person sees of it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from tests.support.control_plane import ControlPlane
from tests.support.pki import Entity
from tests.support.waiting import wait_until
from tests.support.worlds import Corp

SETS = "/apis/certwright.io/v1alpha1/clustercertificatesets"
PATIENCE_SECONDS = 60.0

Contents = dict[tuple[str, str], tuple[str, dict[str, bytes]]]


class SetStage:
    """One set with some slots, an upload for each, and some namespaces."""

    def __init__(self, plane: ControlPlane, slots: Sequence[str], nodes: int) -> None:
        self.plane = plane
        self.name = f"set-{uuid4().hex[:8]}"
        self.slots = tuple(slots)
        self.uploads = f"{self.name}-uploads"
        self.nodes = tuple(f"{self.name}-{number:03}" for number in range(nodes))
        self.pki = Corp(datetime.now(UTC).replace(microsecond=0))
        for namespace in (self.uploads, *self.nodes):
            plane.client.create("/api/v1/namespaces", {"metadata": {"name": namespace}})

    @property
    def owner(self) -> str:
        return f"ClusterCertificateSet/{self.name}"

    @property
    def path(self) -> str:
        return f"{SETS}/{self.name}"

    def upload(self, slot: str, entity: Entity | None = None, *, key: Entity | None = None) -> None:
        """Upload a certificate with its key, and allow the set to read it."""
        leaf = entity or self.pki.leaf(f"{slot}.example.com")
        data = {"tls.crt": leaf.chain_pem, "tls.key": (key or leaf).key_pem}
        manifest = {
            "metadata": {"name": slot, "annotations": {"certwright.io/allow-read": self.owner}},
            "type": "kubernetes.io/tls",
            "data": {name: b64encode(text.encode()).decode() for name, text in data.items()},
        }
        self.plane.client.apply(
            f"/api/v1/namespaces/{self.uploads}/secrets/{slot}", {"apiVersion": "v1", "kind": "Secret", **manifest}
        )

    def spec(self, **changes: Any) -> dict[str, Any]:
        """Give a wish for all slots in all namespaces."""
        spec: dict[str, Any] = {
            "slots": [
                {"name": slot, "secretName": f"{slot}-tls", "required": slot in {"proxy", "api"}} for slot in self.slots
            ],
            "certificates": [self.from_upload(slot) for slot in self.slots],
            "namespaces": list(self.nodes),
        }
        return {name: value for name, value in {**spec, **changes}.items() if value is not None}

    def from_upload(self, slot: str) -> dict[str, Any]:
        return {"name": slot, "certificateRef": {"namespace": self.uploads, "name": slot}}

    def wish(self, **changes: Any) -> None:
        """Apply the wish."""
        manifest = {"apiVersion": "certwright.io/v1alpha1", "kind": "ClusterCertificateSet"}
        self.plane.client.apply(self.path, {**manifest, "metadata": {"name": self.name}, "spec": self.spec(**changes)})

    def read(self) -> dict[str, Any]:
        found = self.plane.client.get(self.path)
        assert found is not None
        return found

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.read().get("status") or {}
        return status

    def condition(self, wanted: str) -> str:
        """Give the status of a condition; empty when there is none."""
        return next((str(each["status"]) for each in self.status.get("conditions", ()) if each["type"] == wanted), "")

    def until(self, holds: Callable[[dict[str, Any]], Any], what: str, *, seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until the status of the present generation is so, and nothing is on its way."""

        def look() -> Any:
            found = self.read()
            status = found.get("status") or {}
            if status.get("observedGeneration") != found["metadata"]["generation"]:
                return None
            return status if holds(status) else None

        try:
            return wait_until(look, deadline_seconds=seconds, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the status is {self.status}") from None

    def until_code(self, code: int, *, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        status: dict[str, Any] = self.until(
            lambda status: status.get("responseCode") == code, f"{self.name} to answer {code}", seconds=seconds
        )
        return status

    def until_replaced(self, *, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until what is uploaded now is what all namespaces hold."""
        wanted = {slot: self._uploaded(slot) for slot in self.slots}

        def holds(_: dict[str, Any]) -> bool:
            contents = self.contents()
            if not all(
                contents.get((node, f"{slot}-tls"), ("", {}))[1].get("tls.crt") == text
                for slot, text in wanted.items()
                for node in self.nodes
            ):
                return False
            # Read after the contents: the status from before the replacement was fine as well.
            found = self.read()
            status = found["status"]
            return (
                status.get("responseCode") == 200
                and status.get("revision") == status.get("deployedRevision")
                and not found["metadata"].get("finalizers")
            )

        self.until(holds, f"{self.name} to be replaced everywhere", seconds=seconds)
        return self.status

    def _uploaded(self, slot: str) -> bytes:
        found = self.plane.client.get(f"/api/v1/namespaces/{self.uploads}/secrets/{slot}")
        assert found is not None
        return b64decode(found["data"]["tls.crt"])

    def contents(self) -> Contents:
        """Give type and data of every Secret in the namespaces."""
        found: Contents = {}
        for node in self.nodes:
            answer = self.plane.client.request("GET", f"/api/v1/namespaces/{node}/secrets")
            for each in (answer.json() or {}).get("items", ()):
                data = {name: b64decode(text) for name, text in (each.get("data") or {}).items()}
                found[node, each["metadata"]["name"]] = (each["type"], data)
        return found

    def kept(self) -> list[str]:
        """Give what kinds of things are kept for the set in the operator's namespace."""
        uid = self.read()["metadata"]["uid"]
        kinds: list[str] = []
        for kind in ("secrets", "configmaps"):
            path = f"/api/v1/namespaces/certwright-system/{kind}?labelSelector=certwright.io%2Fset%3D{uid}"
            items = self.plane.client.request("GET", path).json()["items"]
            kinds.extend(each["metadata"]["annotations"]["certwright.io/kept"] for each in items)
        return sorted(kinds)

    def limit(self, namespace: str, *, room: int) -> str:
        """Give a namespace a quota with room for so many more Secrets, and the path of it; nothing else counts them."""
        used = sum(node == namespace for node, _ in self.contents())
        path = f"/api/v1/namespaces/{namespace}/resourcequotas"
        hard = {"count/secrets": str(used + room)}
        self.plane.client.create(path, {"metadata": {"name": "few"}, "spec": {"hard": hard}})
        status = json.dumps({"status": {"hard": hard, "used": {"count/secrets": str(used)}}})
        self.plane.kubectl(
            "patch", "-n", namespace, "resourcequota", "few", "--subresource=status", "--type=merge", f"-p={status}"
        )
        # The admission plugin reads quotas from a cache of its own; it knows this one when it refuses one too many.
        trial = f"/api/v1/namespaces/{namespace}/secrets"

        def is_known() -> bool:
            codes = []
            for number in range(room + 1):
                name = f"trial-{number}"
                codes.append(self.plane.client.request("POST", trial, {"metadata": {"name": name}}).code)
            for number in range(room + 1):
                self.plane.client.delete(f"{trial}/trial-{number}")
            self.plane.kubectl(
                "patch", "-n", namespace, "resourcequota", "few", "--subresource=status", "--type=merge", f"-p={status}"
            )
            return HTTPStatus.FORBIDDEN in codes

        wait_until(is_known, deadline_seconds=PATIENCE_SECONDS, what="the quota to count")
        return f"{path}/few"

    def end(self) -> None:
        """Ask for the end of everything."""
        self.plane.client.delete(self.path)
        for namespace in (self.uploads, *self.nodes):
            self.plane.client.delete(f"/api/v1/namespaces/{namespace}")


@contextmanager
def staged(plane: ControlPlane, slots: Sequence[str] = ("proxy", "api"), nodes: int = 2) -> Iterator[SetStage]:
    """Set a stage, with something uploaded for every slot, and clear it away."""
    stage = SetStage(plane, slots, nodes)
    for slot in slots:
        stage.upload(slot)
    try:
        yield stage
    finally:
        stage.end()
