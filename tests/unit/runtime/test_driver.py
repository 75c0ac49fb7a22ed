"""One pass and its end: what follows, what is held, what is said when we fail."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from certwright.cluster.ports import Cluster, MetadataCache
from certwright.findings import ClusterError, FailureCause, Finding, Reason
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Snapshot, Subject, Version
from certwright.reconcile.plan import Plan, WriteStatus
from certwright.reconcile.questions import Question
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.dependencies import Dependencies
from certwright.runtime.driver import Driver
from certwright.runtime.intake import Intake
from certwright.runtime.leadership import AlwaysLeader
from certwright.runtime.mirror import Change, Mirror
from certwright.runtime.passes import Surroundings
from certwright.runtime.queue import Priority
from certwright.runtime.workers import Outcome

KIND = Kind.IMPORTED_CERTIFICATE
SHOP = ObjectKey(KIND, "a", "shop")
UPLOAD = ObjectKey(Kind.SECRET, "a", "upload")
STORE = ObjectKey(Kind.TRUST_STORE, "a", "store")
"""Looks at what is said of the first."""
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Scene:
    """A reconciler, a cluster and a cache in one: each answers as the test says."""

    kind = KIND

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.mirror.put(Subject(SHOP, Version("u", "1"), 1, AT, {}))
        self.settle: Any = False
        self.upload = Observed(UPLOAD, Version("s", "5"))
        self.held: dict[ObjectKey, Metadata] = {UPLOAD: Metadata(Version("s", "5"))}
        self.judging: Callable[[], Any] = lambda: "good"
        self.during: Callable[[], None] = lambda: None
        self.written: list[Mapping[str, Any]] = []
        self.write_error: ClusterError | None = None
        self.error_after_write: ClusterError | None = None
        self.asked: list[ObjectKey] = []
        self.reads: list[str] = []
        self.verified: list[Mapping[ObjectKey, Version]] = []
        self.passed_as: list[str] = []
        self.gate = AlwaysLeader()
        self.epochs: list[int] = []
        self.there: Subject | None = Subject(SHOP, Version("u", "9"), 2, AT, {})
        self.plan_error: Exception | None = None
        dependencies = Dependencies(self)
        reconcilers = {KIND: cast("Reconciler[Any]", self)}
        self.intake = Intake(self.mirror, dependencies, reconcilers, desk=self, count=lambda *_: None)
        around = Surroundings(
            cluster=cast("Cluster", self),
            cache=cast("MetadataCache", self),
            clock=self,
            judge_in=self.judge_in,
            judged_by="engine",
            gate=self.gate,
        )
        self.intake.found(SHOP)
        dependencies.update(STORE, {SHOP})
        self.asked.clear()
        self.driver = Driver(reconcilers, self.mirror, dependencies, intake=self.intake, around=around, metrics=self)

    # ---- reconciler

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        return frozenset({UPLOAD}) | {ObjectKey(Kind.SECRET, "a", name) for name in subject.status.get("targets", ())}

    def asks(self, _: Subject) -> frozenset[Question]:
        return frozenset()

    def face(self, subject: Subject) -> str:
        return str(subject.status.get("said"))

    def needs(self, _: Snapshot) -> frozenset[ObjectKey]:
        return frozenset({UPLOAD})

    def settled(self, snapshot: Snapshot, __: Any, *, verified: Mapping[ObjectKey, Version]) -> Any:
        self.epochs.append(snapshot.epoch)
        self.verified.append(verified)
        return self.settle

    def is_heavy(self, _: Snapshot) -> bool:
        return False

    def judge(self, _: Snapshot) -> Any:
        return self.judging()

    def refuse(self, _: Snapshot, problem: Finding) -> Any:
        return problem

    def plan(self, judgement: Any, snapshot: Snapshot) -> Plan:
        if self.plan_error is not None:
            raise self.plan_error
        said = {"said": judgement.reason.value if isinstance(judgement, Finding) else judgement, "targets": ["tls"]}
        if snapshot.subject.status == said and self.error_after_write is not None:
            if self.error_after_write.cause is not FailureCause.CONFLICT:
                raise self.error_after_write
            return Plan(((WriteStatus(SHOP, snapshot.subject.version, {}),),))
        if snapshot.subject.status == said:
            return Plan(requeue_at=AT)
        return Plan(((WriteStatus(SHOP, snapshot.subject.version, said),),))

    async def judge_in(self, reconciler: Any, snapshot: Snapshot) -> Any:
        return reconciler.judge(snapshot)

    # ---- cluster, cache, clock

    async def read(self, key: ObjectKey) -> Observed | None:
        self.reads.append(key.name)
        return self.upload

    async def read_subject(self, _: ObjectKey) -> Subject | None:
        return self.there

    async def write_status(self, action: WriteStatus) -> Subject:
        self.during()
        if self.write_error is not None:
            raise self.write_error
        if self.written and self.error_after_write is not None:
            raise self.error_after_write
        self.written.append(action.status)
        return Subject(SHOP, Version("u", "7"), 1, AT, {}, action.status)

    def peek(self, key: ObjectKey) -> Metadata | None:
        return self.held.get(key)

    def is_absent(self, _: ObjectKey) -> bool:
        return False

    def saw(self, observed: Observed) -> None: ...

    def vouch(self, key: ObjectKey, version: Version) -> None: ...

    def refer(self, keys: frozenset[ObjectKey]) -> None: ...

    def unrefer(self, keys: frozenset[ObjectKey]) -> None: ...

    def system(self) -> datetime:
        return AT

    judgement = system

    def doubted(self) -> bool:
        return False

    # ---- desk, metrics

    def add(self, key: ObjectKey, priority: Priority = Priority.CHANGE) -> None:
        assert priority is Priority.CHANGE
        self.asked.append(key)

    def forget(self, key: ObjectKey) -> None: ...

    def passed(self, kind: str, result: str, seconds: float) -> None:
        assert (kind, seconds >= 0) == (KIND, True)
        self.passed_as.append(result)

    async def work(self) -> Outcome:
        return await self.driver.work(SHOP)


async def test_a_pass_that_ends_well_is_held_and_looked_at_again_when_it_said() -> None:
    scene = Scene()
    assert await scene.work() == Outcome(check_at=AT)
    held = scene.mirror.subject(SHOP)
    assert held is not None
    assert (held.status["said"], held.version.resource_version, scene.passed_as) == ("good", "7", ["done"])


async def test_what_the_status_names_wakes_the_object_from_then_on() -> None:
    scene = Scene()
    await scene.work()
    assert scene.driver._dependencies.of(SHOP) == {UPLOAD, ObjectKey(Kind.SECRET, "a", "tls")}


async def test_what_a_pass_verified_is_offered_to_the_next() -> None:
    scene = Scene()
    await scene.work()
    scene.settle = AT
    assert await scene.work() == Outcome(check_at=AT)
    assert scene.verified == [{}, {}, {UPLOAD: Version("s", "5")}]
    assert (scene.reads, scene.passed_as) == (["upload"], ["done", "settled"])


async def test_what_a_pass_verified_is_not_kept_when_the_status_proves_as_much() -> None:
    scene = Scene()
    await scene.work()
    scene.settle = AT
    scene.driver.ask_in_full(SHOP)
    await scene.work()
    assert scene.driver._verified == {}


async def test_a_full_pass_is_run_once_whatever_the_evidence_says() -> None:
    scene = Scene()
    scene.settle = AT
    scene.driver.ask_in_full(SHOP)
    await scene.work()
    await scene.work()
    assert scene.passed_as == ["done", "settled"]


async def test_pass_bears_the_epoch_of_the_term_that_it_is_made_in() -> None:
    scene = Scene()
    scene.settle = AT
    await scene.work()
    scene.gate.epoch = 7
    await scene.work()
    assert scene.epochs == [0, 7]


@pytest.mark.parametrize(("leads", "passed_as"), [(True, "done"), (False, "settled")])
async def test_foreign_status_is_no_evidence_unless_the_leader_wrote_it(*, leads: bool, passed_as: str) -> None:
    scene = Scene()
    scene.settle = AT
    scene.gate.is_open = leads
    scene.intake.found(SHOP, Change.EDITED)
    scene.gate.is_open = True
    await scene.work()
    assert scene.passed_as == [passed_as]


async def test_distrust_forgets_what_was_verified_and_reads_again() -> None:
    scene = Scene()
    await scene.work()
    scene.settle = AT
    scene.driver.distrust([SHOP])
    await scene.work()
    assert (scene.passed_as, scene.reads) == (["done", "done"], ["upload", "upload"])


async def test_an_object_that_is_gone_needs_nothing() -> None:
    scene = Scene()
    scene.mirror.remove(SHOP)
    assert await scene.work() == Outcome()
    assert scene.passed_as == []


async def test_an_api_error_is_tried_again_when_the_server_said(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()

    def judge() -> Any:
        raise ClusterError(FailureCause.THROTTLED, "patch Secret a/tls: 429", retry_after=7)

    scene.judging = judge
    assert await scene.work() == Outcome(retry=True, retry_after=7)
    assert "429" in caplog.text
    assert scene.passed_as == ["retry"]


async def test_a_defect_is_confessed_in_the_status_and_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()

    def judge() -> Any:
        raise ValueError("-----BEGIN PRIVATE KEY-----")

    scene.judging = judge
    assert await scene.work() == Outcome(retry=True)
    assert scene.written[-1]["said"] == Reason.INTERNAL_ERROR.value
    assert scene.passed_as == ["error"]
    assert caplog.records[-1].exc_info is not None  # reduced by our formatters


async def test_a_defect_is_tried_again_though_its_confession_is_settled() -> None:
    scene = Scene()

    def judge() -> Any:
        raise ValueError("once")

    scene.judging = judge
    await scene.work()
    scene.judging = lambda: "good"
    scene.settle = AT
    assert await scene.work() == Outcome(check_at=AT)
    assert scene.written[-1]["said"] == "good"


async def test_a_defect_of_the_planner_is_logged_and_tried_again() -> None:
    scene = Scene()
    scene.plan_error = KeyError("x")
    scene.there = None
    assert await scene.work() == Outcome(retry=True)
    assert (scene.written, scene.passed_as) == ([], ["error"])


SAID = {
    "served": {"fingerprint": "f"},
    "record": {"judgedBy": "engine", "selfSigned": "f"},
    "observedGeneration": 1,
    "conditions": [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z", "reason": "A", "message": ""},
        {"type": "Valid", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z", "reason": "A", "message": ""},
        {"type": "Reconciling", "status": "True", "reason": "B"},
    ],
}


async def test_a_defect_of_the_planner_is_told_beside_what_was_good_when_no_planner_can() -> None:
    scene = Scene()
    scene.there = Subject(SHOP, Version("u", "9"), 2, AT, {}, SAID)
    scene.plan_error = ValueError("-----BEGIN PRIVATE KEY-----")
    assert await scene.work() == Outcome(retry=True)

    (status,) = scene.written
    ready, valid, stalled = status["conditions"]
    assert {**status, "conditions": SAID["conditions"], "record": SAID["record"]} == SAID
    assert status["record"] == {"selfSigned": "f"}  # what was good, and no evidence that this is still all
    assert valid == SAID["conditions"][1]  # type: ignore[index]
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == ("False", "InternalError", 2)
    assert ready["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert (stalled["type"], stalled["status"], stalled["reason"]) == ("Stalled", "True", "InternalError")
    assert ready["message"] == stalled["message"]
    assert "its log says more" in ready["message"]
    assert "PRIVATE" not in str(status)


async def test_a_defect_of_the_planner_is_told_once_when_it_comes_again() -> None:
    scene = Scene()
    scene.plan_error = KeyError("x")
    await scene.work()
    scene.there = Subject(SHOP, Version("u", "7"), 2, AT, {}, scene.written[0])
    scene.settle = AT
    assert await scene.work() == Outcome(retry=True)
    assert len(scene.written) == 1


async def test_the_status_is_mended_when_the_planner_works_again_though_nothing_else_changed() -> None:
    scene = Scene()
    scene.plan_error = KeyError("x")
    await scene.work()
    scene.plan_error = None
    scene.settle = AT  # were it asked: nothing that it looks at has changed
    assert await scene.work() == Outcome(check_at=AT)
    assert scene.written[-1] == {"said": "good", "targets": ["tls"]}


@pytest.mark.parametrize("cause", [FailureCause.CONFLICT, FailureCause.UNAVAILABLE])
async def test_a_defect_of_the_planner_is_tried_again_when_it_cannot_be_told(
    caplog: pytest.LogCaptureFixture, cause: FailureCause
) -> None:
    scene = Scene()
    scene.plan_error = KeyError("x")
    scene.write_error = ClusterError(cause, "not now")
    assert await scene.work() == Outcome(retry=True)
    assert "a defect could not be told in the status: not now" in caplog.text


async def test_a_lost_race_reads_the_object_anew() -> None:
    scene = Scene()
    scene.write_error = ClusterError(FailureCause.CONFLICT, "conflict", status=409)
    assert await scene.work() == Outcome(conflict=True)
    held = scene.mirror.subject(SHOP)
    assert held is not None
    assert (held.version.resource_version, scene.passed_as) == ("9", ["conflict"])


async def test_those_who_refer_to_an_object_hear_of_a_change_that_only_a_lost_race_has_shown() -> None:
    scene = Scene()
    scene.write_error = ClusterError(FailureCause.CONFLICT, "conflict", status=409)
    await scene.work()
    assert STORE in scene.asked


async def test_nobody_is_told_when_a_lost_race_has_shown_no_change() -> None:
    scene = Scene()
    scene.write_error = ClusterError(FailureCause.CONFLICT, "conflict", status=409)
    scene.there = Subject(SHOP, Version("u", "9"), 1, AT, {})
    await scene.work()
    assert scene.asked == []


@pytest.mark.parametrize("cause", [FailureCause.CONFLICT, FailureCause.UNAVAILABLE])
async def test_those_who_refer_to_an_object_hear_of_its_status_when_the_pass_fails_after_it(
    cause: FailureCause,
) -> None:
    scene = Scene()
    scene.error_after_write = ClusterError(cause, "later", status=409)
    scene.there = Subject(SHOP, Version("u", "7"), 1, AT, {}, {"said": "good", "targets": ["tls"]})
    manifest = {
        "metadata": {
            "namespace": "a",
            "name": "shop",
            "uid": "u",
            "resourceVersion": "7",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "status": {"said": "good", "targets": ["tls"]},
    }
    scene.during = lambda: scene.intake.deliver(KIND, "MODIFIED", manifest)  # the watch is quicker than the answer
    await scene.work()
    assert (len(scene.written), STORE in scene.asked) == (1, True)


async def test_a_lost_race_with_a_deletion_ends_the_story() -> None:
    scene = Scene()
    scene.write_error = ClusterError(FailureCause.NOT_FOUND, "gone", status=404)
    scene.there = None
    assert await scene.work() == Outcome()
    assert SHOP not in scene.mirror


async def test_a_lost_race_is_tried_again_when_the_object_cannot_be_read() -> None:
    scene = Scene()
    scene.write_error = ClusterError(FailureCause.CONFLICT, "conflict", status=409)

    async def read_subject(_: ObjectKey) -> Subject | None:
        raise ClusterError(FailureCause.UNAVAILABLE, "down")

    scene.read_subject = read_subject  # type: ignore[method-assign]
    assert await scene.work() == Outcome(retry=True)


async def test_a_change_the_pass_has_seen_needs_no_second_pass() -> None:
    scene = Scene()
    scene.during = lambda: scene.intake.changed(UPLOAD)
    assert (await scene.work()).again is False


async def test_a_change_the_pass_has_not_seen_needs_one() -> None:
    scene = Scene()

    def change() -> None:
        scene.held[UPLOAD] = Metadata(Version("s", "6"))
        scene.intake.changed(UPLOAD)

    scene.during = change
    assert await scene.work() == Outcome(check_at=AT, again=True)


async def test_a_deletion_during_the_pass_needs_one() -> None:
    scene = Scene()

    def change() -> None:
        del scene.held[UPLOAD]
        scene.intake.changed(UPLOAD)

    scene.during = change
    assert (await scene.work()).again is True


async def test_a_foreign_status_during_the_pass_needs_one() -> None:
    scene = Scene()

    def forge() -> None:
        manifest = {
            "metadata": {
                "namespace": "a",
                "name": "shop",
                "uid": "u",
                "resourceVersion": "8",
                "generation": 1,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "status": {"forged": True},
        }
        scene.mirror.observe(KIND, manifest)

    scene.during = forge
    assert (await scene.work()).again is True


async def test_a_cancelled_pass_leaves_nothing_open() -> None:
    scene = Scene()

    async def judge_in(_: Any, __: Snapshot) -> Any:
        await asyncio.Event().wait()

    scene.driver._around = replace(scene.driver._around, judge_in=judge_in)
    task = asyncio.create_task(scene.work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (scene.mirror._busy, scene.intake._touched, scene.passed_as) == ({}, {}, ["cancelled"])
