"""Many wishes in one namespace, each with a target of its own, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import SECRETS, WISHES, times_written
from tests.support.running_operator import path_of
from tests.support.waiting import wait_until
from tests.support.worlds import Corp
from tests.support.worlds.manifests import serving
from tests.support.worlds.material import upload

PATIENCE_SECONDS = 120.0
IN_FLIGHT = 8
AT_REST = ("certwright_queue_depth", "certwright_queue_running")


class Crowd:
    """Wishes that all import the same Secret."""

    def __init__(self, plane: ControlPlane, namespace: str, size: int, corp: Corp) -> None:
        self._plane = plane
        self._namespace = namespace
        self.names: list[str] = []
        secret = upload(corp.leaf())
        plane.client.create(f"/api/v1/namespaces/{namespace}/secrets", secret)
        self.grow(size)

    def grow(self, size: int) -> list[str]:
        """Make more wishes and give their names."""
        more = [f"site-{number:03}" for number in range(len(self.names), len(self.names) + size)]
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(self._create, more))
        self.names += more
        return more

    def _create(self, name: str) -> None:
        manifest = serving(name, certificateRef={"name": "shop-upload"})
        self._plane.client.create(path_of(self._namespace, name).rpartition("/")[0], manifest)

    def ready(self) -> set[str]:
        """Give the names of those that are fulfilled."""
        found = self._plane.client.get(path_of(self._namespace, "").rstrip("/")) or {}
        return {each["metadata"]["name"] for each in found["items"] if is_ready(each)}

    def wait_ready(self, process: OperatorProcess) -> None:
        """Wait until every wish is fulfilled, and nothing is left to do."""

        def unready() -> set[str]:
            process.check()
            return set(self.names) - self.ready()

        wait_until(lambda: not unready(), deadline_seconds=PATIENCE_SECONDS, what=f"{len(self.names)} to be ready")
        wait_at_rest(process)

    def assert_written_once(self, *, statuses: int = 1) -> None:
        """See in etcd that each target was created and left alone, and each wish got at most so many statuses."""
        secrets = times_written(self._plane, SECRETS, self._namespace)
        assert {name: secrets[f"{name}-tls"] for name in self.names} == dict.fromkeys(self.names, 1)
        wishes = times_written(self._plane, WISHES, self._namespace)
        assert wishes.keys() == set(self.names)
        assert {name: count for name, count in wishes.items() if not 2 <= count <= 1 + statuses} == {}

    def assert_told_once(self) -> None:
        """See that no event was written twice, nor counted up; that one is missing is no loss."""
        found = self._plane.client.get(f"/apis/events.k8s.io/v1/namespaces/{self._namespace}/events")["items"]
        told = [(each["regarding"]["name"], each["reason"]) for each in found]
        assert len(told) == len(set(told))
        assert [each for each in found if each.get("series")] == []


def is_ready(manifest: Mapping[str, Any]) -> bool:
    """Say whether a wish is fulfilled."""
    conditions = manifest.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def wait_at_rest(process: OperatorProcess) -> None:
    """Wait until an operator has nothing to do."""

    def is_at_rest() -> bool:
        text = process.answer("/metrics")[1]
        return all(re.search(rf"^{name} 0\.0$", text, re.MULTILINE) for name in AT_REST)

    wait_until(is_at_rest, deadline_seconds=PATIENCE_SECONDS, what="the operator to be at rest")
