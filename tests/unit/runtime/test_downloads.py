"""Fetches in the background: when they are due, that there is one at a time, and what is held of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from certwright.fetch.failures import FetchError
from certwright.fetch.ports import Fetched, FetchRequest
from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.list_intake import ReadList
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import Contact, FetchState, GivenList, Reading
from certwright.runtime.downloads import Downloads
from tests.support.memory_cluster import START, MemoryClock
from tests.support.pki import PKI

CORP = ObjectKey(Kind.REVOCATION_SOURCE, "shop", "corp")
HOUR = timedelta(hours=1)
NEW = Contact(CORP, "uid", "origin", HOUR, None, None, troubled=False)
FETCHED = replace(NEW, fetched_at=START, next_update=START + timedelta(days=7))
BAD = finding(Reason.CRL_INVALID, "none")


class Scene:
    """Fetcher, reader and listener in one."""

    def __init__(self) -> None:
        self.clock = MemoryClock()
        self.answers: list[Fetched | Exception] = []
        self.requests: list[FetchRequest] = []
        self.ended: list[tuple[str, bool]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.reading: Reading | Finding = Reading(ReadList(PKI().root().crl().der))  # type: ignore[arg-type]
        self.downloads = Downloads(self, read=self.read, clock=self.clock, on_end=self.end)

    async def fetch(self, request: FetchRequest) -> Fetched:
        self.requests.append(request)
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Fetched(b"list", '"etag"', None)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def read(self, given: GivenList) -> Reading | Finding:
        assert given.what == "`spec.url`"
        return self.reading

    def end(self, key: ObjectKey, brought: bool) -> None:  # noqa: FBT001 - a callback
        self.ended.append((key.name, brought))

    def start(self, contact: Contact = NEW, **fields: str) -> FetchState:
        return self.downloads.start(StartFetch(CORP, contact, "http://crl.example.com/list", **fields))  # type: ignore[arg-type]

    async def fetched(self, contact: Contact = NEW, **fields: str) -> FetchState:
        self.start(contact, **fields)
        await asyncio.wait(self.downloads.running)
        return self.downloads.state(contact)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    yield scene
    await scene.downloads.close()


def refused(*, may_pass: bool = True) -> FetchError:
    return FetchError(finding(Reason.FETCH_FAILED, "no", detail=Detail.REFUSED), may_pass=may_pass)


async def test_fetch_is_due_at_once_when_nothing_good_was_fetched_yet(scene: Scene) -> None:
    assert scene.downloads.state(NEW).due == START
    assert scene.downloads.state(replace(FETCHED, troubled=True)).due == START


async def test_fetch_is_due_after_the_interval_when_the_status_says_that_one_was_made(scene: Scene) -> None:
    due = scene.downloads.state(FETCHED).due
    assert due is not None
    assert START + HOUR * 0.9 <= due <= START + HOUR * 1.1
    assert Scene().downloads.state(FETCHED).due == due
    assert Scene().downloads.state(replace(FETCHED, uid="another")).due != due


async def test_fetch_is_due_at_once_when_its_time_came_while_nobody_ran(scene: Scene) -> None:
    scene.clock.advance(hours=5)
    assert scene.downloads.state(FETCHED).due == scene.clock.now


async def test_delivery_is_held_until_a_pass_has_dealt_with_it(scene: Scene) -> None:
    state = await scene.fetched()
    assert scene.ended == [("corp", True)]
    delivery = state.delivery
    assert delivery is not None
    assert (delivery.reading, delivery.at, delivery.origin, delivery.etag) == (
        scene.reading,
        START,
        "origin",
        '"etag"',
    )
    assert scene.downloads.state(NEW) == state
    scene.downloads.conclude(NEW, replace(delivery))
    assert scene.downloads.state(NEW) == state  # another delivery was meant
    scene.downloads.conclude(NEW, delivery)
    due = scene.downloads.state(NEW).due
    assert due is not None
    assert due > START
    scene.downloads.conclude(replace(NEW, subject=ObjectKey(Kind.REVOCATION_SOURCE, "shop", "other")), delivery)


async def test_one_fetch_is_under_way_when_two_are_asked_for(scene: Scene) -> None:
    scene.gate.clear()
    assert scene.start() == scene.start() == FetchState(running=True)
    assert scene.downloads.state(NEW) == FetchState(running=True)
    (running,) = scene.downloads.running
    scene.gate.set()
    await running
    assert len(scene.requests) == 1


async def test_fetch_is_given_up_when_the_wish_has_changed(scene: Scene) -> None:
    scene.gate.clear()
    scene.start()
    (former,) = scene.downloads.running
    changed = replace(NEW, origin="another")
    assert scene.downloads.state(changed).due == START
    scene.start(changed)
    scene.gate.set()
    await asyncio.wait([former, *scene.downloads.running])
    assert former.cancelled()
    assert scene.ended == [("corp", True)]
    assert scene.downloads.state(NEW).due == START


async def test_validators_are_sent_when_the_body_came_within_a_day(scene: Scene) -> None:
    scene.answers = [Fetched(b"", '"etag"', None, not_modified=True)]
    state = await scene.fetched(FETCHED, etag='"etag"', last_modified="yesterday")
    assert (scene.requests[0].etag, scene.requests[0].last_modified) == ('"etag"', "yesterday")
    assert state.delivery is not None
    assert (state.delivery.not_modified, state.delivery.reading) == (True, None)
    assert scene.ended == [("corp", False)]

    scene.clock.advance(days=1)
    await scene.fetched(FETCHED, etag='"etag"')
    assert scene.requests[1].etag is None
    scene.clock.advance(hours=1)
    await scene.fetched(FETCHED, etag='"etag"')
    assert scene.requests[2].etag == '"etag"'


async def test_problem_is_delivered_when_what_came_is_no_list(scene: Scene) -> None:
    scene.reading = BAD
    state = await scene.fetched()
    assert state.delivery is not None
    assert (state.delivery.problem, state.delivery.reading) == (BAD, None)


async def test_retries_grow_rarer_and_end_with_a_success_when_fetches_fail(scene: Scene) -> None:
    waits = []
    for _ in range(9):
        scene.answers = [refused()]
        state = await scene.fetched()
        assert state.delivery is not None
        assert state.delivery.problem is not None
        scene.downloads.conclude(NEW, state.delivery)
        due = scene.downloads.state(NEW).due
        assert due is not None
        waits.append((due - scene.clock.now).total_seconds())
        scene.clock.now = due
    assert 15 <= waits[0] <= 30
    assert all(later > sooner for sooner, later in zip(waits[:6], waits[2:6], strict=False))
    assert max(waits) <= 3600
    state = await scene.fetched()
    assert state.delivery is not None
    scene.downloads.conclude(NEW, state.delivery)
    due = scene.downloads.state(NEW).due
    assert due is not None
    assert due - scene.clock.now > HOUR * 0.8


async def test_nothing_is_due_when_only_a_change_can_help(scene: Scene) -> None:
    scene.answers = [refused(may_pass=False)]
    state = await scene.fetched()
    assert state.delivery is not None
    scene.downloads.conclude(NEW, state.delivery)
    assert scene.downloads.state(NEW).due is None
    assert scene.downloads.state(replace(NEW, origin="another")).due == START


async def test_defect_is_confessed_and_tried_again_when_fetching_breaks(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.answers = [ZeroDivisionError("secret")]
    state = await scene.fetched()
    assert state.delivery is not None
    assert state.delivery.problem is not None
    assert "ZeroDivisionError" in state.delivery.problem.message
    assert "secret" not in state.delivery.problem.message
    assert "a fetch failed" in caplog.text
    scene.downloads.conclude(NEW, state.delivery)
    due = scene.downloads.state(NEW).due
    assert due is not None
    assert due > START


async def test_nothing_is_told_when_the_object_is_forgotten_meanwhile(scene: Scene) -> None:
    scene.gate.clear()
    scene.start()
    (running,) = scene.downloads.running
    scene.downloads.forget(CORP)
    scene.downloads.forget(CORP)
    await asyncio.wait([running])
    assert (running.cancelled(), scene.ended, scene.downloads.running) == (True, [], [])


async def test_next_fetch_is_due_as_the_status_says_when_another_replica_has_fetched_meanwhile(scene: Scene) -> None:
    other = replace(NEW, subject=ObjectKey(Kind.REVOCATION_SOURCE, "shop", "other"))
    state = await scene.fetched()
    scene.gate.clear()
    scene.start(other)
    (running,) = scene.downloads.running
    scene.downloads.forget_all()
    await asyncio.wait([running])

    assert state.delivery is not None
    assert (running.cancelled(), scene.downloads.running) == (True, [])
    assert scene.downloads.state(FETCHED) == Scene().downloads.state(FETCHED)
