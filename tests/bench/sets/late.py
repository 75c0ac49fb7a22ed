"""What a stopped process creates too late: how long it stands before the set that bears its name takes it away."""

import asyncio
import json
import statistics
import time
from typing import Any

from certwright.reconcile.set_actions import SLOT_ANNOTATION
from tests.bench.api import APPLY, Api
from tests.bench.sets.scene import BenchSet
from tests.bench.stage import Stage, say

SAMPLES = 20
LIMIT_SECONDS = 1.0
DEADLINE_SECONDS = 60.0
SLOT = "slot-late"
KEPT = ("labels", "annotations", "ownerReferences")


async def measure_late_creations(stage: Stage, scene: BenchSet) -> None:
    """Create a Secret that bears the marks of the last commit and is wanted by nobody, time after time, as the operator
    would create it, and note how long it takes from the answer to the watch event that says it is gone."""
    say(f"{SAMPLES} Secrets are created too late")
    node = scene.nodes[0]
    folder = f"/api/v1/namespaces/{node}/secrets"
    model = await stage.api.get(f"{folder}/{scene.given[0]}-tls")
    async with Api(stage.kubeconfig) as former:
        stood = [await _time_one(stage.api, former, folder, _copy(model, f"{SLOT}-tls")) for _ in range(SAMPLES)]
    median = statistics.median(stood) * 1000
    stage.report.add("created too late: stands for, p50", median, "ms", note=f"{SAMPLES} Secrets, one after another")
    stage.report.add("created too late: stands for, slowest", max(stood) * 1000, "ms", limit=LIMIT_SECONDS * 1000)


def _copy(model: dict[str, Any], name: str) -> dict[str, Any]:
    metadata = {key: model["metadata"][key] for key in KEPT if key in model["metadata"]}
    metadata["annotations"] = {**metadata["annotations"], SLOT_ANNOTATION: SLOT}
    kept = {key: model[key] for key in ("apiVersion", "kind", "type", "data")}
    return {**kept, "metadata": {**metadata, "name": name}}


async def _time_one(watcher: Api, former: Api, folder: str, manifest: dict[str, Any]) -> float:
    name = manifest["metadata"]["name"]
    gone = asyncio.get_running_loop().create_future()

    def see(event: dict[str, Any]) -> bool:
        if event["type"] == "DELETED":
            gone.set_result(time.perf_counter())
        return gone.done()

    path = f"{folder}/{name}?fieldManager=certwright&force=true"
    made = json.loads(await former.send("PATCH", path, json.dumps(manifest).encode(), headers=APPLY))
    created = time.perf_counter()
    # From the version of the creation on, so that a deletion that was quicker than this watch is seen as well.
    since = f"{folder}?fieldSelector=metadata.name={name}&resourceVersion={made['metadata']['resourceVersion']}"
    await asyncio.wait_for(watcher.watch(since, see), timeout=DEADLINE_SECONDS)
    return float(gone.result()) - created
