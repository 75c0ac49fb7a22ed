"""The phases that are about one object, a restart or a loss, with everything else at rest."""

import asyncio
import statistics
import time
from typing import Any

from tests.bench.api import Api
from tests.bench.bulk import expect_ready, is_ready
from tests.bench.cost import Cost, cost_of
from tests.bench.load import (
    Site,
    create_custom_objects,
    create_foreign_secrets,
    create_namespaces,
    create_uploads,
    custom_objects,
    secrets,
    sites,
    upload_data,
)
from tests.bench.stage import Stage, say
from tests.support.operator_process import OperatorProcess

PAUSE_SECONDS = 0.3
QUIET_SECONDS = 5.0


async def measure_latency(stage: Stage, operator: OperatorProcess, places: list[Site]) -> None:
    """Measure at rest how long one new object takes to Ready, and one changed upload to its target."""
    count = stage.options.samples
    say(f"one at a time, {count} times each")
    fresh = sites("fresh", count)
    await create_namespaces(stage.api, fresh)
    await create_uploads(stage.api, fresh, stage.issuers)
    started = [await _timed_create(stage.api, place) for place in fresh]
    _note(stage, "one new object to Ready, at rest", started, limit=None)
    changed = [await _timed_change(stage, place) for place in places[:count]]
    operator.check()
    _note(stage, "change of an upload to the updated target", changed, limit=1000)


async def measure_restart(stage: Stage, places: list[Site], name: str) -> Cost:
    """Start the operator with nothing changed; note what it asks for; return what it cost."""
    say(f"restart with nothing changed: {name}")
    mark = stage.mark()
    with stage.operator(name.replace(" ", "-")) as operator:
        ready = await asyncio.to_thread(operator.wait_ready)
        await asyncio.sleep(QUIET_SECONDS)
        cost, traffic = cost_of(operator.pid), stage.traffic(mark)
        await expect_ready(stage, places)
    stage.report.add(f"{name}: writes", traffic.writes, "", limit=0)
    stage.report.add(f"{name}: Secret bodies read", traffic.secret_bodies, "", limit=0)
    stage.report.add(f"{name}: to ready", ready, "s")
    stage.report.add(f"{name}: CPU", cost.cpu, "s")
    stage.report.add(f"{name}: peak memory of the main process", cost.main_peak, "MiB")
    return cost


async def measure_foreign(stage: Stage, places: list[Site], without: Cost) -> None:
    """Add Secrets that are nobody's business and see what they cost in memory at a restart."""
    count = stage.options.foreign
    say(f"{count:,} unrelated Secrets")
    await create_foreign_secrets(stage.api, count)
    cost = await measure_restart(stage, places, f"restart beside {count:,} unrelated Secrets")
    stage.report.add(
        f"memory added by {count:,} unrelated Secrets",
        (cost.main_peak / without.main_peak - 1) * 100,
        "%",
        limit=10,
        note=f"peak {without.main_peak:.0f} → {cost.main_peak:.0f} MiB",
    )


async def _timed_create(api: Api, place: Site) -> float:
    # The watch begins before the object is there, so that nothing is missed.
    path = f"{custom_objects(place.namespace)}?fieldSelector=metadata.name={place.name}"
    seen = asyncio.create_task(api.watch(path, lambda event: is_ready(event["object"])))
    await asyncio.sleep(PAUSE_SECONDS)
    started = time.perf_counter()
    await create_custom_objects(api, [place])
    await asyncio.wait_for(seen, timeout=60)
    return time.perf_counter() - started


async def _timed_change(stage: Stage, place: Site) -> float:
    data = upload_data(stage.issuers.upload(place.host))
    path = f"{secrets(place.namespace)}?fieldSelector=metadata.name={place.name}-tls"

    def is_changed(event: dict[str, Any]) -> bool:
        stored: dict[str, str] = event["object"].get("data", {})
        return stored.get("tls.crt") == data["tls.crt"]

    seen = asyncio.create_task(stage.api.watch(path, is_changed))
    await asyncio.sleep(PAUSE_SECONDS)
    started = time.perf_counter()
    await stage.api.merge(place.upload_path, {"data": data})
    await asyncio.wait_for(seen, timeout=60)
    return time.perf_counter() - started


def _note(stage: Stage, what: str, seconds: list[float], *, limit: float | None) -> None:
    each = [value * 1000 for value in seconds]
    stage.report.add(f"{what}, p50", statistics.median(each), "ms")
    stage.report.add(f"{what}, slowest", max(each), "ms", limit=limit, note=f"of {len(each)}")
