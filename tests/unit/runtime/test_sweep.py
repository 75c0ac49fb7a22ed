"""The sweep finds what the watch missed, and is patient with a watch that is only slow."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.runtime.lists import Facts, Lists
from certwright.runtime.mirror import Change, Mirror
from certwright.runtime.readiness import Readiness
from certwright.runtime.sweep import FEW, PATIENCE_SECONDS, RETRY_SECONDS, SHORT_PATIENCE_SECONDS, Sweep
from tests.support.virtual_time import VirtualTimeLoop

KIND = Kind.IMPORTED_CERTIFICATE
EVERY = 720.0


def key(name: str) -> ObjectKey:
    return ObjectKey(KIND, "shop", name)


def subject(name: str, version: int, uid: str = "") -> Subject:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Subject(key(name), Version(uid or f"uid-{name}", str(version)), version, at, {})


class FakeLists:
    """What the API server would say."""

    scopes = ((KIND, ""),)

    def __init__(self) -> None:
        self.version = 100
        self.there: dict[ObjectKey, Subject] = {}
        self.error: ClusterError | None = None
        self.lists = 0
        self.reads: list[str] = []

    def put(self, *subjects: Subject) -> None:
        self.there |= {each.key: each for each in subjects}

    async def versions(self, kind: Kind, namespace: str) -> tuple[int, dict[ObjectKey, Facts]]:
        assert (kind, namespace) == (KIND, "")
        self.lists += 1
        if self.error is not None:
            raise self.error
        found = {each.key: Facts(each.version.uid, int(each.version.resource_version)) for each in self.there.values()}
        return self.version, found

    async def read(self, each: ObjectKey) -> Subject | None:
        self.reads.append(each.name)
        return self.there.get(each)


class Scene:
    def __init__(self) -> None:
        self.lists = FakeLists()
        self.mirror = Mirror()
        self.readiness = Readiness({"objects": "not listed yet"})
        self.said: list[str] = []
        self.sweep = Sweep(
            cast("Lists", self.lists),
            self.mirror,
            self,
            readiness=self.readiness,
            seconds=EVERY,
            random=Random(1),  # noqa: S311 - scatters, hides nothing
        )

    def found(self, each: ObjectKey, _: Change) -> None:
        self.said.append(f"found {each.name}")

    def gone(self, each: ObjectKey) -> None:
        self.said.append(f"gone {each.name}")

    def new_history(self) -> None:
        self.said.append("new history")
        self.mirror.clear()

    def swept(self) -> None:
        self.said.append("swept")


def play(story: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        scene = Scene()
        task = asyncio.create_task(scene.sweep.run())
        await asyncio.sleep(0)
        await story(scene)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


def test_everything_seen_is_ready_at_once() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.put(subject("a", 5))
        scene.mirror.put(subject("a", 5))
        scene.sweep.request()
        await asyncio.sleep(0.01)
        assert (scene.sweep.completed.is_set(), scene.readiness.is_ready, scene.said) == (True, True, [])

    play(story)


def test_a_slow_watch_is_waited_for_and_nothing_is_read() -> None:
    async def story(scene: Scene) -> None:
        many = [subject(str(number), number + 1) for number in range(20)]
        scene.lists.put(*many)
        scene.sweep.request()
        for left, each in zip(range(len(many), 0, -1), many, strict=True):
            await asyncio.sleep((PATIENCE_SECONDS if left > FEW else SHORT_PATIENCE_SECONDS) / 2)
            assert not scene.readiness.is_ready
            scene.mirror.put(each)
        await asyncio.sleep(1)
        assert (scene.readiness.is_ready, scene.lists.reads) == (True, [])

    play(story)


def test_what_the_watch_never_shows_is_read_by_name() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.put(subject("missed", 5), subject("stale", 9), subject("fine", 3))
        scene.mirror.put(subject("stale", 4))
        scene.mirror.put(subject("fine", 3))
        scene.sweep.request()
        await asyncio.sleep(PATIENCE_SECONDS + 1)
        assert (sorted(scene.said), scene.readiness.is_ready) == (["found missed", "found stale"], True)
        assert sorted(scene.lists.reads) == ["missed", "stale"]

    play(story)


def test_what_was_deleted_after_the_list_is_not_brought_back() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.put(subject("goes", 5), subject("went", 6))
        scene.mirror.put(subject("goes", 4))
        scene.sweep.request()
        await asyncio.sleep(0.05)
        scene.mirror.remove(key("goes"), "uid-goes")
        del scene.lists.there[key("went")]
        await asyncio.sleep(SHORT_PATIENCE_SECONDS + 1)
        assert (scene.said, scene.lists.reads, len(scene.mirror)) == ([], ["went"], 0)
        assert scene.readiness.is_ready

    play(story)


def test_what_is_gone_is_forgotten_unless_it_is_younger_than_the_list() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.version = 50
        scene.mirror.put(subject("gone", 40))
        scene.sweep.request()
        await asyncio.sleep(0.01)
        assert scene.said == ["gone gone"]
        assert key("gone") not in scene.mirror

    play(story)


def test_an_object_created_while_the_list_was_read_stays() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.version = 50
        before = scene.lists.versions

        async def versions(kind: Kind, namespace: str) -> Any:
            answer = await before(kind, namespace)
            scene.mirror.put(subject("young", 51))
            return answer

        scene.lists.versions = versions  # type: ignore[method-assign]
        scene.sweep.request()
        await asyncio.sleep(0.01)
        assert key("young") in scene.mirror
        assert scene.said == []

    play(story)


def test_a_list_older_than_what_was_seen_says_that_etcd_was_restored() -> None:
    async def story(scene: Scene) -> None:
        scene.mirror.put(subject("from the future", 500))
        scene.sweep.request()
        await asyncio.sleep(0.01)
        assert (scene.said, len(scene.mirror), scene.sweep.completed.is_set()) == (["new history"], 0, False)
        await asyncio.sleep(RETRY_SECONDS + 1)
        assert scene.sweep.completed.is_set()

    play(story)


def test_a_list_that_fails_is_named_and_tried_again() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.error = ClusterError(FailureCause.FORBIDDEN, "list importedcertificates: 403 Forbidden")
        scene.sweep.request()
        await asyncio.sleep(0.01)
        assert scene.readiness.text() == "list importedcertificates: 403 Forbidden\n"
        scene.lists.error = None
        await asyncio.sleep(RETRY_SECONDS + 1)
        assert scene.readiness.is_ready

    play(story)


def test_it_sweeps_by_itself_now_and_then_and_says_so() -> None:
    async def story(scene: Scene) -> None:
        await asyncio.sleep(10 * EVERY)
        assert 8 <= scene.lists.lists <= 12
        assert scene.said == ["swept"] * scene.lists.lists

    play(story)


def test_a_request_during_a_sweep_is_answered_by_that_sweep() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.put(subject("slow", 5))
        scene.sweep.request()
        await asyncio.sleep(1)
        for _ in range(100):
            scene.sweep.request()
        scene.mirror.put(subject("slow", 5))
        await asyncio.sleep(60)
        assert scene.lists.lists == 1

    play(story)


def test_a_newer_read_than_the_list_is_fine() -> None:
    async def story(scene: Scene) -> None:
        scene.lists.put(subject("a", 5))
        scene.mirror.put(replace(subject("a", 7)))
        scene.lists.version = 7
        scene.sweep.request()
        await asyncio.sleep(0.01)
        assert (scene.said, scene.lists.reads) == ([], [])

    play(story)
