"""The heavy phases: the floor, and the operator with the same objects to bring to Ready."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.bench.cost import Cost, cost_of, machine
from tests.bench.floor import Sample, errand, run_floor
from tests.bench.load import (
    Site,
    create_custom_objects,
    create_namespaces,
    create_uploads,
    custom_objects,
    delete_everything,
    sites,
)
from tests.bench.stage import Stage, say
from tests.bench.trail import Follower, Traffic, wait_quiet
from tests.support.operator_process import OperatorProcess

SLOWEST_RATE = 20.0
SLACK_SECONDS = 60.0
MEMORY_LIMITS = ((1_000, 120.0), (10_000, 200.0))
WRITTEN_BY_THE_SERVER = ("managedFields", "creationTimestamp", "uid", "resourceVersion", "generation", "selfLink")


@dataclass(frozen=True)
class Start:
    """What a start of the operator with nothing to do costs."""

    seconds: float
    cost: Cost


async def take_sample(stage: Stage) -> tuple[Sample, Start]:
    """Let the operator serve one object, and return what it wrote and what its start costs."""
    say("one object, to learn what the operator writes and what its start costs")
    places = sites("sample", 1)
    await create_namespaces(stage.api, places)
    with stage.operator("sample") as operator:
        start = Start(await asyncio.to_thread(operator.wait_ready), cost_of(operator.pid))
        await bring_up(stage, operator, places)
        target, custom_object = await stage.api.get(places[0].target_path), await stage.api.get(places[0].path)
    metadata = {key: value for key, value in target["metadata"].items() if key not in WRITTEN_BY_THE_SERVER}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": target["type"], "data": target["data"]}
    await delete_everything(stage.api, places)
    stage.report.add("start with nothing to do, to ready", start.seconds, "s")
    stage.report.add("CPU of that start", start.cost.cpu, "s")
    stage.report.add("memory of the main process then, peak", start.cost.main_peak, "MiB")
    return Sample(secret | {"metadata": metadata}, custom_object["status"]), start


async def measure_floor(stage: Stage, sample: Sample, name: str) -> float:
    """Let the bare client write the targets and statuses of new objects; return the seconds it took."""
    count = stage.options.objects
    say(f"the floor: a bare client, {count:,} objects, {stage.options.in_flight} in flight")
    places = sites(name, count)
    await create_namespaces(stage.api, places)
    made = await create_custom_objects(stage.api, places)
    errands = [errand(custom_object, sample) for custom_object in made]
    seconds = await run_floor(stage.api, errands, in_flight=stage.options.in_flight)
    stage.report.add(
        f"floor, {name}", seconds, "s", note=f"{count / seconds:.0f} objects/s; bodies {sample.sizes} bytes"
    )
    await delete_everything(stage.api, places)
    return seconds


async def measure_bulk(stage: Stage, start: Start) -> tuple[list[Site], float]:
    """Start the operator with all objects waiting; return them and the seconds until all were Ready."""
    count = stage.options.objects
    say(f"the operator: {count:,} objects wait for it")
    places = sites("bench", count)
    await create_namespaces(stage.api, places)
    await create_uploads(stage.api, places, stage.issuers)
    await create_custom_objects(stage.api, places)
    mark = stage.mark()
    with stage.operator("bulk") as operator:
        pids = [operator.pid, *stage.control_plane.pids.values()]
        before = machine(pids)
        await wait_all(stage, operator, count)
        strangers = machine(pids).strangers_since(before)
        cost = cost_of(operator.pid)
        traffic = stage.traffic(mark)
        await expect_ready(stage, places)
        seconds = traffic.last() - operator.started
        note_requests(stage, traffic, count)
        note_cost(stage, cost, start, count)
        stage.report.add(
            "of the machine, used by others meanwhile", strangers, "%", note="above 10 %, times mean little"
        )
        await measure_idle(stage, operator)
    busy = traffic.last() - traffic.first()
    stage.report.add("new objects: start of the process to the last status", seconds, "s")
    stage.report.add("of that from the first write", busy, "s", note=f"{count / busy:.0f} objects/s")
    return places, seconds


def note_requests(stage: Stage, traffic: Traffic, count: int) -> None:
    """Note what one new object costs in requests."""
    counts = traffic.counts
    events = counts["create events"] + counts["patch events"]
    stage.report.add("Secret applies for each new object", counts["patch secrets"] / count, "", limit=1)
    stage.report.add(
        "status applies for each new object", counts["patch importedcertificates/status"] / count, "", limit=1
    )
    stage.report.add("events for each new object", events / count, "", limit=1)
    stage.report.add("reads of single objects for each new object", traffic.object_reads / count, "", limit=2)
    failed = Counter({kind: number for kind, number in counts.items() if kind.endswith(")")})
    stage.report.add("requests that failed", failed.total(), "", note=_list(failed))
    stage.report.add("requests in all", counts.total(), "", note=_list(counts))


def note_cost(stage: Stage, cost: Cost, start: Start, count: int) -> None:
    """Note what one new object costs in CPU, and what all cost in memory."""
    each = (cost.cpu - start.cost.cpu) / count * 1000
    split = f"start taken off; main {cost.main_cpu:.1f} s, {cost.workers} workers {cost.workers_cpu:.1f} s in all"
    stage.report.add("CPU for each new object", each, "ms", limit=3, note=split)
    limit = next((limit for most, limit in MEMORY_LIMITS if count <= most), None)
    stage.report.add(
        "peak memory of the main process",
        cost.main_peak,
        "MiB",
        limit=limit,
        note=f"workers {cost.workers_peak:.0f} MiB",
    )


async def measure_idle(stage: Stage, operator: OperatorProcess) -> None:
    """Note what the operator does while nothing changes."""
    seconds = stage.options.idle_seconds
    await asyncio.sleep(3)  # what the last writes still cause
    mark, before = stage.mark(), cost_of(operator.pid).cpu
    await asyncio.sleep(seconds)
    after, traffic = cost_of(operator.pid).cpu, stage.traffic(mark)
    stage.report.add(
        "writes while nothing changes", traffic.writes, "", limit=0, note=f"in {seconds:g} s; the Lease is not counted"
    )
    stage.report.add("CPU while nothing changes", (after - before) / seconds * 100, "% of one core")


async def bring_up(stage: Stage, operator: OperatorProcess, places: list[Site]) -> None:
    """Create uploads and objects while the operator runs, and wait until they are Ready."""
    await create_uploads(stage.api, places, stage.issuers)
    follower = Follower(stage.control_plane)
    await create_custom_objects(stage.api, places)
    await asyncio.to_thread(follower.wait_for, len(places), deadline_seconds=SLACK_SECONDS, meanwhile=operator.check)
    await expect_ready(stage, places)


async def wait_all(stage: Stage, operator: OperatorProcess, count: int) -> None:
    """Wait until `count` objects have had a status written."""
    follower = Follower(stage.control_plane)
    deadline = count / SLOWEST_RATE + SLACK_SECONDS
    await asyncio.to_thread(follower.wait_for, count, deadline_seconds=deadline, meanwhile=operator.check)
    # So that events, and a second write of an object, which should not be, are counted.
    await asyncio.to_thread(wait_quiet, stage.control_plane, deadline_seconds=deadline)


async def expect_ready(stage: Stage, places: list[Site]) -> None:
    """See that every object is Ready.

    Raises:
        AssertionError: one is not; the message has its status.
    """
    wanted = {(place.namespace, place.name) for place in places}
    for found in await stage.api.list(custom_objects()):
        name = (found["metadata"]["namespace"], found["metadata"]["name"])
        if name in wanted and not is_ready(found):
            raise AssertionError(f"{name} must be Ready: {found.get('status')}")
        wanted.discard(name)
    if wanted:
        raise AssertionError(f"{len(wanted)} objects are gone")


def is_ready(custom_object: dict[str, Any]) -> bool:
    """Say whether a custom object is Ready in its present generation."""
    status = custom_object.get("status", {})
    return status.get("observedGeneration") == custom_object["metadata"]["generation"] and any(
        each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", [])
    )


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in counts.most_common(8))
