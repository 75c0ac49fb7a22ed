"""The source of events is started when it can, and started again whatever happens to it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from certwright.findings import ClusterError, FailureCause
from certwright.runtime.readiness import Readiness
from certwright.runtime.supervisor import LONGEST_PAUSE_SECONDS, POLL_SECONDS, STEADY_SECONDS, Supervisor
from tests.support.virtual_time import VirtualTimeLoop

TOPICS = {"api": "no answer yet", "kinds": "kinds unknown", "rights": "rights unknown"}


class Source:
    def __init__(self, *lives: float | Exception) -> None:
        self.lives = list(lives)
        self.starts: list[float] = []
        self.cancelled = 0

    async def run(self) -> None:
        self.starts.append(asyncio.get_running_loop().time())
        life = self.lives.pop(0) if self.lives else 10_000.0
        if isinstance(life, Exception):
            raise life
        try:
            await asyncio.sleep(life)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Requirements:
    def __init__(self) -> None:
        self.kinds = self.rights = ""
        self.error: ClusterError | None = None
        self.asked = 0

    async def missing_kinds(self) -> str:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.kinds

    async def missing_rights(self) -> str:
        return self.rights


class Scene:
    def __init__(self, *lives: float | Exception) -> None:
        self.source = Source(*lives)
        self.requirements = Requirements()
        self.readiness = Readiness(TOPICS)
        self.told = 0
        self.supervisor = Supervisor(
            self.source,
            self.requirements,
            readiness=self.readiness,
            on_start=self.on_start,
            random=Random(1),  # noqa: S311 - scatters, hides nothing
        )

    def on_start(self) -> None:
        self.told += 1


def play(scene: Callable[[], Scene], story: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        made = scene()
        task = asyncio.create_task(made.supervisor.run())
        await story(made)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


def test_the_source_begins_when_nothing_is_missing() -> None:
    async def story(scene: Scene) -> None:
        await scene.supervisor.started.wait()
        await asyncio.sleep(1)
        assert (scene.readiness.is_ready, scene.told, len(scene.source.starts)) == (True, 1, 1)

    play(Scene, story)


def test_what_is_missing_is_named_and_waited_for() -> None:
    def scene() -> Scene:
        made = Scene()
        made.requirements.error = ClusterError(FailureCause.UNAVAILABLE, "the API server cannot be reached")
        return made

    async def story(scene: Scene) -> None:
        await asyncio.sleep(1)
        assert "cannot be reached" in scene.readiness.text()
        scene.requirements.error, scene.requirements.kinds = None, "apply the CRDs"
        await asyncio.sleep(POLL_SECONDS)
        assert scene.readiness.text() == "apply the CRDs\nrights unknown\n"
        scene.requirements.kinds, scene.requirements.rights = "", "must be allowed to watch"
        await asyncio.sleep(POLL_SECONDS)
        assert scene.readiness.text() == "must be allowed to watch\n"
        assert scene.source.starts == []
        scene.requirements.rights = ""
        await asyncio.sleep(POLL_SECONDS)
        assert (scene.readiness.text(), len(scene.source.starts)) == ("ok\n", 1)

    play(scene, story)


def test_a_source_that_leaves_is_started_again_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    async def story(scene: Scene) -> None:
        await asyncio.sleep(600)
        starts = scene.source.starts
        pauses = [later - earlier for earlier, later in pairwise(starts)]
        assert len(starts) == 9
        assert scene.told == scene.supervisor.starts == 9
        for pause, longest in zip(pauses, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
            assert longest / 2 <= pause <= min(longest, LONGEST_PAUSE_SECONDS)

    play(lambda: Scene(*[RuntimeError("a key may stand here")] * 8), story)
    assert "RuntimeError" in caplog.text
    assert "a key may stand here" not in caplog.text


def test_pauses_are_short_again_after_a_steady_time() -> None:
    async def story(scene: Scene) -> None:
        await asyncio.sleep(STEADY_SECONDS + 60)
        first, *_, before_last, last = scene.source.starts
        assert last - before_last - (STEADY_SECONDS + 1) <= 1
        assert first < 1

    play(lambda: Scene(0.0, 0.0, 0.0, STEADY_SECONDS + 1), story)


def test_a_source_that_does_not_stay_is_told_by_readiness_until_it_is_steady() -> None:
    async def story(scene: Scene) -> None:
        await asyncio.sleep(2)
        assert (len(scene.source.starts), scene.readiness.is_ready) == (2, True)
        await asyncio.sleep(3)
        assert (len(scene.source.starts), scene.readiness.is_ready) == (3, False)
        assert "watching ends again and again" in scene.readiness.text()
        assert "RuntimeError" in scene.readiness.text()
        await asyncio.sleep(STEADY_SECONDS)
        assert (len(scene.source.starts), scene.readiness.is_ready) == (4, False)
        await asyncio.sleep(5)
        assert scene.readiness.is_ready

    play(lambda: Scene(*[RuntimeError("a key may stand here")] * 3), story)


def test_restart_cancels_the_source_and_begins_anew() -> None:
    async def story(scene: Scene) -> None:
        await asyncio.sleep(1)
        scene.supervisor.restart()
        await asyncio.sleep(2)
        assert (scene.source.cancelled, len(scene.source.starts)) == (1, 2)

    play(Scene, story)


def test_restart_before_the_start_does_nothing() -> None:
    scene = Scene()
    scene.supervisor.restart()
    assert scene.supervisor.starts == 0


def test_a_cancelled_supervisor_lets_the_source_end_first() -> None:
    ended: list[Scene] = []

    async def story(scene: Scene) -> None:
        await asyncio.sleep(1)
        ended.append(scene)

    play(Scene, story)
    assert ended[0].source.cancelled == 1


def test_a_right_that_is_withdrawn_is_named_and_given_back_soon() -> None:
    async def story(scene: Scene) -> None:
        await asyncio.sleep(1)
        scene.requirements.rights = "must be allowed to watch"
        await asyncio.sleep(STEADY_SECONDS)
        assert scene.readiness.text() == "must be allowed to watch\n"
        scene.requirements.rights = ""
        await asyncio.sleep(POLL_SECONDS + 1)
        assert (scene.readiness.is_ready, len(scene.source.starts)) == (True, 1)

    play(Scene, story)
