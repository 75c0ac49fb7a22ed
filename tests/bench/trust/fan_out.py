"""One bundle to many namespaces: what it takes, what a change takes, and what takes nothing."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from tests.bench.cost import cost_of, machine
from tests.bench.stage import Stage, say
from tests.bench.trail import Traffic, wait_quiet
from tests.bench.trust.scene import (
    BUNDLE,
    DECISIONS,
    LABEL,
    ROOTS,
    SOURCE,
    STORE_PATH,
    create_decision,
    create_namespace,
    create_namespaces,
    create_store,
    is_deployed,
    measure_floor,
    root_pem,
    timed,
    watch_store,
)
from tests.support.operator_process import OperatorProcess

LIMIT = 1.5
NEW_NAMESPACE_MILLISECONDS = 1000
QUIET_SECONDS = 5.0


async def measure(stage: Stage) -> None:
    """Measure everything."""
    api, count = stage.api, stage.options.objects
    # The garbage collector asks for each owner of a kind that it has not come to know.
    await asyncio.to_thread(stage.control_plane.restart_controller_manager)
    names = [f"bundle-{number:04d}" for number in range(count)]
    say(f"{count:,} namespaces, {ROOTS} decisions")
    await create_namespace(api, SOURCE, {"certwright.io/trust-source": "true"})
    await create_namespaces(api, names)
    for number in range(ROOTS):
        await create_decision(api, number)
    await _quiet(stage)
    before = await _floor(stage, names, "before")
    mark = stage.mark()
    with stage.operator("trust") as operator:
        await asyncio.to_thread(operator.wait_ready)
        await _quiet(stage)
        seconds = await _spread(stage, operator, names)
        _note_start(stage, stage.traffic(mark))
        await _change_nothing(stage)
        await _appear(stage)
        await _idle(stage, operator)
        operator.check()
    await _restart(stage)
    after = await _floor(stage, names, "after")
    for what, taken, first, last in zip(("new store", "one CA more"), seconds, before, after, strict=True):
        floor = (first + last) / 2
        stage.report.add(
            f"{what}, as a multiple of the floor",
            taken / floor,
            "x",
            limit=LIMIT,
            note=f"the floor is the mean of before and after, {floor:.2f} s",
        )


async def _spread(stage: Stage, operator: OperatorProcess, names: Sequence[str]) -> tuple[float, float]:
    count, pids = len(names), [operator.pid, *stage.control_plane.pids.values()]
    say("the store is created")
    mark, before = stage.mark(), machine(pids)
    deployed = is_deployed(count, ROOTS)
    created = await timed(stage.api, watch_store(), lambda: create_store(stage.api), deployed)
    await _quiet(stage)
    await _expect_bundles(stage, names, ROOTS)
    stage.report.add("new store: creation to `Complete`", created, "s", note=f"{count / created:.0f} targets/s")
    _note_writes(stage, "new store", stage.traffic(mark), count, decisions=ROOTS)
    say("one more CA is trusted")
    mark, cpu = stage.mark(), cost_of(operator.pid).main_cpu
    deployed = is_deployed(count, ROOTS + 1)
    changed = await timed(stage.api, watch_store(), lambda: create_decision(stage.api, ROOTS), deployed)
    after = cost_of(operator.pid)
    await _quiet(stage)
    await _expect_bundles(stage, names, ROOTS + 1)
    stage.report.add("one CA more: decision to `Complete`", changed, "s", note=f"{count / changed:.0f} targets/s")
    _note_writes(stage, "one CA more", stage.traffic(mark), count, decisions=1)
    used = machine(pids).strangers_since(before)
    stage.report.add("CPU for each changed target", (after.main_cpu - cpu) / count * 1000, "ms")
    stage.report.add("peak memory of the main process", after.main_peak, "MiB", limit=120)
    stage.report.add("of the machine, used by others meanwhile", used, "%", note="above 10 %, times mean little")
    return created, changed


async def _expect_bundles(stage: Stage, names: Sequence[str], certificates: int) -> None:
    """See that every namespace has the whole bundle, whatever the store says.

    Raises:
        AssertionError: one has not.
    """
    found = await stage.api.list("/api/v1/configmaps")
    held = {each["metadata"]["namespace"]: each["data"] for each in found if each["metadata"]["name"] == BUNDLE}
    wrong = [name for name in names if held.get(name, {}).get("ca.crt", "").count("BEGIN") != certificates]
    if wrong:
        raise AssertionError(f"{len(wrong)} bundles do not hold {certificates} certificates, that of {wrong[0]} first")


async def _floor(stage: Stage, names: Sequence[str], when: str) -> tuple[float, float]:
    say(f"the floor, {when}: a bare client that sends the same applies")
    created, changed = await measure_floor(stage.api, names, in_flight=stage.options.in_flight)
    stage.report.add(f"floor, {when}: create all", created, "s", note=f"{len(names) / created:.0f} a second")
    stage.report.add(f"floor, {when}: change all", changed, "s", note=f"{len(names) / changed:.0f} a second")
    await _quiet(stage)
    return created, changed


def _note_writes(stage: Stage, what: str, traffic: Traffic, count: int, *, decisions: int) -> None:
    counts = traffic.counts
    extra = counts["patch configmaps"] - count
    stage.report.add(f"{what}: writes of ConfigMaps besides one for each target", extra, "", limit=1, note="the record")
    statuses = sum(number for kind, number in counts.items() if kind.endswith("/status"))
    stage.report.add(f"{what}: writes of statuses", statuses, "", note=list_counts(traffic))
    stage.report.add(
        f"{what}: reads of single objects",
        traffic.object_reads,
        "",
        limit=decisions + 1,
        note="finalizers of new decisions, and the record",
    )
    failed = sum(number for kind, number in counts.items() if kind.endswith(")"))
    stage.report.add(f"{what}: requests that failed", failed, "", limit=0)


def _note_start(stage: Stage, traffic: Traffic) -> None:
    pages = traffic.counts["list namespaces"]
    stage.report.add("lists of namespaces, in pages of 500", pages, "", limit=-(-(stage.options.objects + 8) // 500))
    stage.report.add("answers with the data of Secrets", traffic.secret_bodies, "", limit=0)


async def _change_nothing(stage: Stage) -> None:
    """Write the certificate of a decision in other words: the set of CAs is the same."""
    say("a change that does not alter the set")
    path, mark = f"{DECISIONS}/root-0", stage.mark()
    await stage.api.merge(path, {"spec": {"certificate": f"the same\n{root_pem(0)}"}})
    await asyncio.sleep(1)
    await _quiet(stage)
    judged = await stage.api.get(path)
    if judged["status"]["observedGeneration"] != judged["metadata"]["generation"]:
        raise AssertionError("the decision must have been judged again")
    traffic = stage.traffic(mark)
    written = traffic.counts["patch configmaps"]
    stage.report.add("same set in other words: writes of targets", written, "", limit=0, note=list_counts(traffic))


async def _appear(stage: Stage) -> None:
    say("namespaces appear, one at a time")
    seconds = []
    for number in range(stage.options.samples):
        name = f"late-{number:03d}"

        async def appear(name: str = name) -> None:
            await create_namespace(stage.api, name, {LABEL: "wanted"})

        path = f"/api/v1/configmaps?fieldSelector=metadata.name={BUNDLE},metadata.namespace={name}"
        seconds.append(await timed(stage.api, path, appear, lambda found: bool(found.get("data"))))
    each = [value * 1000 for value in seconds]
    stage.report.add("a namespace appears, to its bundle, p50", statistics.median(each), "ms")
    stage.report.add(
        "a namespace appears, to its bundle, slowest",
        max(each),
        "ms",
        limit=NEW_NAMESPACE_MILLISECONDS,
        note=f"of {len(each)}",
    )


async def _idle(stage: Stage, operator: OperatorProcess) -> None:
    await _quiet(stage)
    seconds, mark, before = stage.options.idle_seconds, stage.mark(), cost_of(operator.pid).cpu
    await asyncio.sleep(seconds)
    used = (cost_of(operator.pid).cpu - before) / seconds * 100
    stage.report.add("writes while nothing changes", stage.traffic(mark).writes, "", limit=0, note=f"in {seconds:g} s")
    stage.report.add("CPU while nothing changes", used, "% of one core")


async def _restart(stage: Stage) -> None:
    say("restart with nothing changed")
    mark = stage.mark()
    with stage.operator("restart") as operator:
        ready = await asyncio.to_thread(operator.wait_ready)
        await asyncio.sleep(QUIET_SECONDS)
        cost, traffic = cost_of(operator.pid), stage.traffic(mark)
        store = await stage.api.get(STORE_PATH)
    if store["status"]["rollout"]["state"] != "Complete":
        raise AssertionError(f"the store must stay complete: {store['status']}")
    stage.report.add("restart: writes", traffic.writes, "", limit=0)
    stage.report.add("restart: to ready", ready, "s")
    stage.report.add("restart: reads of single objects", traffic.object_reads, "", note="the record among them")
    stage.report.add("restart: CPU", cost.cpu, "s")
    stage.report.add("restart: peak memory of the main process", cost.main_peak, "MiB")


def list_counts(traffic: Traffic) -> str:
    """List the requests, the most frequent first."""
    return ", ".join(f"{number} {kind}" for kind, number in traffic.counts.most_common(8))


async def _quiet(stage: Stage) -> None:
    deadline = time.monotonic() + QUIET_SECONDS * 60
    await asyncio.to_thread(wait_quiet, stage.control_plane, deadline_seconds=deadline - time.monotonic())
