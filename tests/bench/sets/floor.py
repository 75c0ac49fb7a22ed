"""The floor: a bare client that writes as many Secrets of the same content, with the same preconditions."""

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

from tests.bench.api import APPLY, METADATA_ONLY, Api, spread
from tests.bench.sets.scene import BenchSet
from tests.bench.stage import Stage
from tests.support.control_plane.audit import AuditedRequest

MANAGER = "fieldManager=certwright&force=true"
ONLY_ANSWER_METADATA = {**APPLY, "Accept": METADATA_ONLY}
PREFIX = "floor-"

Item = tuple[str, bytes]


async def measure_floor(stage: Stage, scene: BenchSet, when: str) -> tuple[float, float]:
    """Let a bare client create such Secrets and change them; return the seconds from first to last write of each."""
    first, second = ({slot: scene.content(slot) for slot in scene.given} for _ in range(2))
    made: list[dict[str, Any]] = []

    async def send(item: Item) -> None:
        answer = await stage.api.send("PATCH", f"{item[0]}?{MANAGER}", item[1], headers=ONLY_ANSWER_METADATA)
        made.append(json.loads(answer)["metadata"])

    async def run(items: Sequence[Item], what: str) -> float:
        mark = stage.mark()
        await spread(items, send, in_flight=stage.options.in_flight)
        seconds = span(each.received.timestamp() for each in stage.control_plane.requests(mark) if _is_floor(each))
        stage.report.add(f"floor, {when}: {what}", seconds, "s", note=f"{len(items) / seconds:.0f} a second")
        return seconds

    places = [(node, slot) for node in scene.nodes for slot in scene.given]
    creations = [
        (_path(node, PREFIX + slot), _body(node, slot, first[slot], {"resourceVersion": "1"})) for node, slot in places
    ]
    created = await run(creations, "create all")
    changes = []
    for each in made:
        fence = {"uid": each["uid"], "resourceVersion": each["resourceVersion"]}
        slot = each["name"].removeprefix(PREFIX)
        path = _path(each["namespace"], each["name"])
        changes.append((path, _body(each["namespace"], slot, second[slot], fence)))
    changed = await run(changes, "change all")
    await spread(creations, lambda item: _clear(stage.api, item[0]))
    return created, changed


def span(instants: Iterable[float]) -> float:
    """Return the seconds from the first to the last."""
    held = list(instants)
    return max(held) - min(held)


def _is_floor(request: AuditedRequest) -> bool:
    return request.verb == "patch" and request.name.startswith(PREFIX)


async def _clear(api: Api, path: str) -> None:
    await api.send("DELETE", path)


def _path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets/{name}"


def _body(namespace: str, slot: str, data: dict[str, str], fence: dict[str, str]) -> bytes:
    metadata = {
        "name": PREFIX + slot,
        "namespace": namespace,
        **fence,
        # Not the operator's own: it would watch what it did not write.
        "labels": {"app.kubernetes.io/managed-by": "somebody-else"},
        "annotations": {
            "example.com/owner": "ClusterCertificateSet/bench",
            "example.com/revision": "sha256:" + "0" * 64,
            "example.com/slot": slot,
            "example.com/commit-epoch": "1",
            "example.com/epoch": "0",
        },
    }
    content = {name: b64encode(text.encode()).decode() for name, text in data.items()}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls"}
    return json.dumps({**manifest, "data": content}).encode()
