"""One set in many namespaces: deployed, replaced, and put back when one namespace refuses."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from certwright.settings import Settings
from tests.bench.cost import cost_of, machine
from tests.bench.sets.floor import measure_floor, span
from tests.bench.sets.late import measure_late_creations
from tests.bench.sets.reader import Reader, reading
from tests.bench.sets.scene import BenchSet
from tests.bench.stage import USER, Stage, say
from tests.bench.trail import wait_quiet
from tests.support.control_plane.audit import AuditedRequest
from tests.support.operator_process import OperatorProcess

LIMIT = 1.5
DEADLINE_SECONDS = 600
QUIET_SECONDS = 300.0


@dataclass(frozen=True)
class Change:
    """What one change of a set took.

    Attributes:
        seconds: from the last change of a source to the status, the settling time included.
        requests: the operator's, the tidying up afterwards included.
        reader: what a watch of all Secrets saw.
    """

    seconds: float
    requests: list[AuditedRequest]
    reader: Reader

    @property
    def writing(self) -> float:
        """Return the seconds from the first write of a target to the last, by the API server's own times."""
        return span(each.received.timestamp() for each in self.requests if _is_target_write(each))


async def measure(stage: Stage, slots: int, namespaces: int) -> None:
    """Measure everything."""
    # The garbage collector asks for each owner of a kind that it has not come to know.
    await asyncio.to_thread(stage.control_plane.restart_controller_manager)
    say(f"{slots} certificates, {namespaces} namespaces")
    scene = await asyncio.to_thread(BenchSet, stage.control_plane, slots, namespaces)
    for slot in scene.slots:
        await asyncio.to_thread(scene.upload, slot)
    await _quiet(stage)
    before = await measure_floor(stage, scene, "before")
    with stage.operator("set") as operator:
        await asyncio.to_thread(operator.wait_ready)
        await _quiet(stage)
        pids = [operator.pid, *stage.control_plane.pids.values()]
        books = machine(pids)
        first = await _deploy(stage, operator, scene)
        second = await _replace(stage, operator, scene)
        strangers = machine(pids).strangers_since(books)
        await _idle(stage, operator)
        await measure_late_creations(stage, scene)
        if scene.spare:
            await _refuse(stage, operator, scene)
        _note_memory(stage, operator, strangers)
    await _quiet(stage)
    after = await measure_floor(stage, scene, "after")
    for what, change, one, other in zip(("new set", "replacement"), (first, second), before, after, strict=True):
        floor = (one + other) / 2
        stage.report.add(
            f"{what}: first write to last, as a multiple of the floor",
            change.writing / floor,
            "x",
            limit=LIMIT,
            note=f"the floor is the mean of before and after, {floor:.2f} s",
        )


async def _deploy(stage: Stage, operator: OperatorProcess, scene: BenchSet) -> Change:
    say("the set is created")
    change = await _change(stage, operator, scene, scene.wish_given, scene.is_replaced(None))
    await _note(stage, "new set", change, scene)
    return change


async def _replace(stage: Stage, operator: OperatorProcess, scene: BenchSet) -> Change:
    say("all certificates are replaced")
    before = scene.status["deployedRevision"]
    change = await _change(stage, operator, scene, scene.upload_given, scene.is_replaced(before))
    await _note(stage, "replacement", change, scene)
    return change


async def _refuse(stage: Stage, operator: OperatorProcess, scene: BenchSet) -> None:
    say("certificates are replaced and two added, and one namespace has room for one")
    path = await asyncio.to_thread(scene.limit, scene.nodes[-1], room=1)

    def ask() -> None:
        scene.upload_given()
        scene.wish()

    async with reading(stage.api, frozenset(scene.nodes)) as reader:
        before = reader.present
    change = await _change(stage, operator, scene, ask, scene.is_refused)
    _note_requests(stage, "refused", change, len(scene.slots) * len(scene.nodes))
    switches = change.reader.switches
    stage.report.add("refused: switches of a Secret, most", max(switches.values(), default=0), "", limit=2)
    spread = Counter(switches.values())
    stage.report.add("refused: Secrets that were touched", len(switches), "", note=f"by switches: {dict(spread)}")
    stage.report.add("refused: seconds between the first switch and the last", change.reader.mixed_seconds, "s")
    after = change.reader.present
    differing = [place for place in before | after if before.get(place) != after.get(place)]
    stage.report.add("refused: Secrets that differ in a byte afterwards", len(differing), "", limit=0)
    await asyncio.to_thread(stage.control_plane.client.delete, path)


async def _change(
    stage: Stage, operator: OperatorProcess, scene: BenchSet, act: Callable[[], None], seen: Callable[[Any], bool]
) -> Change:
    mark = stage.mark()
    watched = scene.path.rpartition("/")[0] + f"?fieldSelector=metadata.name={scene.name}"
    async with reading(stage.api, frozenset(scene.nodes)) as reader:
        await asyncio.to_thread(act)
        changed = time.perf_counter()
        watch = asyncio.create_task(stage.api.watch(watched, lambda event: seen(event["object"])))
        try:
            await asyncio.wait_for(watch, timeout=DEADLINE_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"{scene.status}\n{operator.log_tail()}") from None
        seconds = time.perf_counter() - changed
        operator.check()
        await _quiet(stage)
    return Change(seconds, stage.control_plane.requests(mark, user=USER), reader)


async def _note(stage: Stage, what: str, change: Change, scene: BenchSet) -> None:
    count = len(scene.given) * len(scene.nodes)
    stage.report.add(f"{what}: first write to last", change.writing, "s", note=f"{count / change.writing:.0f} a second")
    settling = Settings().set_settling_seconds
    stage.report.add(
        f"{what}: last change of a source to 200, less settling", change.seconds - settling, "s", note=f"{settling:g} s"
    )
    _note_requests(stage, what, change, count)
    switches = change.reader.switches
    stage.report.add(f"{what}: switches of a Secret, most", max(switches.values(), default=0), "", limit=1)
    stage.report.add(f"{what}: Secrets that did not switch", count - len(switches), "", limit=0)
    stage.report.add(f"{what}: seconds between the first switch and the last", change.reader.mixed_seconds, "s")


def _note_requests(stage: Stage, what: str, change: Change, count: int) -> None:
    counts = Counter(map(_kind, change.requests))
    failed = sum(number for kind, number in counts.items() if kind.endswith(")") and "dry run" not in kind)
    writes = sum(_is_target_write(each) for each in change.requests)
    listed = ", ".join(f"{number} {kind}" for kind, number in counts.most_common(14))
    stage.report.add(f"{what}: writes for each Secret, rehearsals apart", writes / count, "")
    stage.report.add(f"{what}: requests for each Secret", counts.total() / count, "", note=listed)
    stage.report.add(f"{what}: requests that failed", failed, "")


def _note_memory(stage: Stage, operator: OperatorProcess, strangers: float) -> None:
    cost = cost_of(operator.pid)
    stage.report.add(
        "peak memory of the main process", cost.main_peak, "MiB", limit=200, note=f"workers {cost.workers_peak:.0f} MiB"
    )
    stage.report.add("CPU in all", cost.cpu, "s")
    stage.report.add("of the machine, used by others meanwhile", strangers, "%", note="above 10 %, times mean little")


async def _idle(stage: Stage, operator: OperatorProcess) -> None:
    seconds, mark, before = stage.options.idle_seconds, stage.mark(), cost_of(operator.pid).cpu
    await asyncio.sleep(seconds)
    used = (cost_of(operator.pid).cpu - before) / seconds * 100
    stage.report.add("writes while nothing changes", stage.traffic(mark).writes, "", limit=0, note=f"in {seconds:g} s")
    stage.report.add("CPU while nothing changes", used, "% of one core")


def _is_target_write(request: AuditedRequest) -> bool:
    return (
        request.is_write
        and request.resource == "secrets"
        and request.name.startswith("slot-")
        and request.namespace.startswith("set-")
        and not _is_rehearsal(request)
    )


def _is_rehearsal(request: AuditedRequest) -> bool:
    return "dryRun=All" in request.uri


def _kind(request: AuditedRequest) -> str:
    resource = f"{request.resource}/{request.subresource}" if request.subresource else request.resource
    rehearsal = ", dry run" if _is_rehearsal(request) else ""
    failed = f" ({request.code})" if request.code >= 400 else ""
    return f"{request.verb} {resource}{rehearsal}{failed}"


async def _quiet(stage: Stage) -> None:
    await asyncio.to_thread(wait_quiet, stage.control_plane, deadline_seconds=QUIET_SECONDS)
