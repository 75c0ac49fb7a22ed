import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from certwright.cluster.metadata_cache import Scope
from certwright.cluster.metadata_watch import MetadataWatch, scopes_of
from certwright.cluster.retries import Retrying
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.scripted_server import (
    ScriptedServer,
    answer,
    line,
    page,
    partial,
    refusal,
    status_object,
    stream,
)
from tests.support.waiting import wait_until_async

SECRETS = Scope(Kind.SECRET)
KEY = ObjectKey(Kind.SECRET, "shop", "tls")


class Running:
    """A watch of Secrets that runs, and what it told."""

    def __init__(self, requests: Retrying, *, idle_seconds: float, scopes: list[Scope]) -> None:
        self.told: list[ObjectKey] = []
        self.resets = 0
        self.waits: list[float] = []
        self.watch = MetadataWatch(
            requests,
            scopes,
            on_change=self.told.append,
            on_reset=self._reset,
            idle_seconds=idle_seconds,
            sleep=self._sleep,
        )
        self.cache = self.watch.cache
        self.cache.refer(frozenset({KEY}))

    def _reset(self) -> None:
        self.resets += 1

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async def seen() -> bool:
            return bool(condition())

        await wait_until_async(seen, deadline_seconds=5, what=what)

    def holds(self, version: str) -> Callable[[], bool]:
        def check() -> bool:
            held = self.cache.peek(KEY)
            return held is not None and held.version.resource_version == version

        return check


@asynccontextmanager
async def running(
    requests: Retrying, *, idle_seconds: float = 5, scopes: list[Scope] | None = None
) -> AsyncIterator[Running]:
    made = Running(requests, idle_seconds=idle_seconds, scopes=scopes or [SECRETS])
    task = asyncio.create_task(made.watch.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_watch_reads_every_page_when_the_list_is_long(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10, partial("tls", 4), more="a+b/c="), page(10, partial("other", 5)))
    async with running(requests) as run:
        await asyncio.wait_for(run.watch.synced.wait(), 5)
        await run.until(lambda: run.watch.is_alive, "the watch to open")

        assert run.told == [KEY]
        assert run.cache.name_count == 2
        assert run.cache.is_absent(ObjectKey(Kind.SECRET, "shop", "nothing"))
        first, second, watch = server.received
        assert first.query == {"limit": "500"}
        assert second.query == {"limit": "500", "continue": "a+b/c="}
        assert first.headers["Accept"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        assert watch.headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        assert watch.query["resourceVersion"] == "10"
        assert watch.query["allowWatchBookmarks"] == "true"
        assert 290 <= int(watch.query["timeoutSeconds"]) <= 590
        assert run.watch.troubles == {}
        assert run.watch.silent_seconds < 5


async def test_watch_takes_in_events_however_they_arrive(server: ScriptedServer, requests: Retrying) -> None:
    huge = partial("huge", 12, annotations={"kubectl": "x" * 300_000})
    all_lines = (
        line("ADDED", partial("tls", 11))
        + line("ADDED", huge)
        + line("BOOKMARK", {"metadata": {"resourceVersion": "13"}})
        + line("MODIFIED", partial("tls", 14))
    )
    pieces = [all_lines[start : start + 70_001] for start in range(0, len(all_lines), 70_001)]
    server.script(page(10))
    server.watches.append(stream(*pieces, until=(more := asyncio.Event())))
    async with running(requests) as run:
        await run.until(run.holds("14"), "the last event")

        assert run.told == [KEY, KEY]
        assert run.cache.name_count == 2
        assert run.watch.figures.events == 4
        more.set()


async def test_watch_goes_on_where_it_was_when_the_stream_ends(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10), page(13))
    server.watches.append(
        stream(line("ADDED", partial("tls", 11)), line("BOOKMARK", {"metadata": {"resourceVersion": "12"}}))
    )
    server.watches.append(stream(line("MODIFIED", partial("tls", 13)), until=(end := asyncio.Event())))
    async with running(requests) as run:
        await run.until(run.holds("13"), "the event of the second stream")

        assert server.verbs() == ["GET", "WATCH", "GET", "WATCH"]
        assert server.received[2].query == {"limit": "1"}
        assert server.received[3].query["resourceVersion"] == "12"
        assert run.watch.figures.restarts == 1
        assert run.waits == []
        end.set()


async def test_watch_goes_on_when_the_stream_is_cut_in_the_middle_of_a_line(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(page(10), page(12))
    whole = line("MODIFIED", partial("tls", 12))
    server.watches.append(stream(line("ADDED", partial("tls", 11)), whole[:40], cut=True))
    server.watches.append(stream(whole, until=(end := asyncio.Event())))
    async with running(requests) as run:
        await run.until(run.holds("12"), "the event that was cut")

        assert run.told == [KEY, KEY]
        assert len(run.waits) == 1
        end.set()


async def test_watch_lists_again_when_its_version_is_too_old(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10, partial("tls", 4), partial("gone", 5)), page(30, partial("tls", 25)))
    server.watches.append(stream(line("ERROR", status_object(410, "Expired", "too old resource version"))))
    async with running(requests) as run:
        gone = ObjectKey(Kind.SECRET, "shop", "gone")
        run.cache.refer(frozenset({gone}))
        await run.until(lambda: run.holds("25")() and run.watch.is_alive, "the second list")

        assert run.told == [KEY, gone, KEY, gone]
        assert run.cache.is_absent(gone)
        assert run.watch.figures.relists == 1
        assert run.watch.figures.resets == 0


async def test_watch_lists_again_when_opening_it_is_answered_with_410(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(page(10), page(30, partial("tls", 25)))
    server.watches.append(refusal(410, "Expired"))
    async with running(requests) as run:
        await run.until(run.holds("25"), "the second list")


async def test_watch_lists_from_the_start_when_a_continued_list_expired(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(page(10, partial("old", 4), more="x"), refusal(410, "Expired"), page(20, partial("tls", 11)))
    async with running(requests) as run:
        await run.until(lambda: run.watch.is_alive, "the watch to open")

        assert run.cache.name_count == 1
        assert run.holds("11")()


async def test_watch_waits_and_lists_again_when_lists_keep_expiring(server: ScriptedServer, requests: Retrying) -> None:
    server.script(*[page(10, more="x"), refusal(410, "Expired")] * 3, page(20))
    async with running(requests) as run:
        await run.until(lambda: run.watch.is_alive, "the watch to open")

        assert len(run.waits) == 1


async def test_watch_goes_on_when_an_error_event_is_not_about_age(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10), page(11))
    server.watches.append(stream(line("ERROR", status_object(500, "InternalError", "etcd leader changed"))))
    async with running(requests) as run:
        await run.until(lambda: run.watch.figures.restarts and run.watch.is_alive, "the second watch")

        assert [received.query.get("limit") for received in server.received] == ["500", None, "1", None]
        assert len(run.waits) == 1


@pytest.mark.parametrize("rubbish", [b"<html>\n", b'{"type":"ADDED"}\n', b'{"type":"ODD","object":{}}\n'])
async def test_watch_goes_on_when_a_line_is_no_event(
    rubbish: bytes, server: ScriptedServer, requests: Retrying
) -> None:
    server.script(page(10), page(12))
    server.watches.append(stream(rubbish))
    server.watches.append(stream(line("ADDED", partial("tls", 12)), until=(end := asyncio.Event())))
    async with running(requests) as run:
        await run.until(run.holds("12"), "the event after the rubbish")
        end.set()


async def test_watch_begins_anew_when_an_answer_has_an_impossible_shape(
    server: ScriptedServer, requests: Retrying, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(answer({"kind": "odd"}), page(12, partial("tls", 12)))
    with caplog.at_level(logging.ERROR):
        async with running(requests) as run:
            await run.until(run.holds("12"), "the second list")

    assert "the watch of Secret failed" in caplog.text


async def test_watch_opens_another_stream_when_one_falls_silent(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10), page(12))
    server.watches.append(stream(line("ADDED", partial("tls", 11)), until=(end := asyncio.Event())))
    server.watches.append(stream(line("MODIFIED", partial("tls", 12)), until=end))
    async with running(requests, idle_seconds=0.2) as run:
        await run.until(run.holds("12"), "the event of the second stream")
        end.set()


async def test_watch_waits_longer_each_time_when_streams_end_at_once(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(*[page(10)] * 10)
    server.watches.extend([stream()] * 8)
    async with running(requests) as run:
        await run.until(lambda: run.watch.is_alive and len(run.waits) == 8, "the ninth stream")

        assert run.waits[0] <= 0.25
        assert 15 <= run.waits[-1] <= 30


async def test_watch_tries_until_it_is_allowed_when_it_is_forbidden(
    server: ScriptedServer, requests: Retrying, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(refusal(403, "Forbidden"), refusal(403, "Forbidden"), page(10))
    with caplog.at_level(logging.WARNING):
        async with running(requests) as run:
            await run.until(lambda: run.watch.is_alive, "the right to be given")

            assert len(run.waits) == 2
            assert run.watch.troubles == {}

    assert [record.message for record in caplog.records] == [
        "watch interrupted: list secrets: 403 Forbidden; certwright must be allowed to list secrets there"
    ]


async def test_watch_is_not_alive_when_the_stream_is_gone(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10))
    server.otherwise = refusal(403, "Forbidden")  # type: ignore[method-assign]
    server.watches.append(stream(line("ADDED", partial("other", 11)), until=(end := asyncio.Event())))
    async with running(requests) as run:
        nothing = ObjectKey(Kind.SECRET, "shop", "nothing")
        await run.until(lambda: run.cache.is_absent(nothing), "the watch to open")
        end.set()
        await run.until(lambda: run.waits, "the watch to be refused")

        assert not run.watch.is_alive
        assert not run.cache.is_absent(nothing)
        assert "403 Forbidden" in run.watch.troubles[SECRETS]


async def test_watch_drops_everything_when_etcd_was_restored(
    server: ScriptedServer, requests: Retrying, caplog: pytest.LogCaptureFixture
) -> None:
    # The stream ends with the API server; afterwards version 100 lies in the future, where a watch is silent.
    server.script(page(100, partial("tls", 90), partial("later", 95)), page(40), page(40, partial("tls", 30)))
    server.watches.append(stream(line("BOOKMARK", {"metadata": {"resourceVersion": "101"}})))
    with caplog.at_level(logging.WARNING):
        async with running(requests) as run:
            later = ObjectKey(Kind.SECRET, "shop", "later")
            run.cache.refer(frozenset({later}))
            await run.until(lambda: run.holds("30")() and run.watch.is_alive, "the second list")

            assert run.resets == 1
            assert run.watch.figures.resets == 1
            assert run.told == [KEY, later, KEY, later]
            assert run.cache.is_absent(later)
            assert server.received[-1].query["resourceVersion"] == "40"

    assert "older than what was seen of it" in caplog.text


async def test_watch_drops_everything_when_its_version_is_called_too_large(
    server: ScriptedServer, requests: Retrying
) -> None:
    too_large = status_object(504, "Timeout", "", details={"causes": [{"reason": "ResourceVersionTooLarge"}]})
    server.script(page(100, partial("tls", 90)), page(40, partial("tls", 30)))
    server.watches.append(answer(too_large, status=504))
    async with running(requests) as run:
        await run.until(run.holds("30"), "the second list")

        assert run.resets == 1


async def test_watch_is_not_deceived_when_our_own_write_passes_a_list(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(page(10))
    async with running(requests) as run:
        await run.until(lambda: run.watch.is_alive, "the watch to open")
        highest = run.cache.highest(Kind.SECRET)
        run.cache.heard_version(Kind.SECRET, "20")
        server.script(page(20))
        server.end_silence()
        await run.until(lambda: run.watch.figures.restarts, "the next stream")

        assert highest == 10
        assert run.resets == 0


async def test_relist_tells_what_a_watch_has_missed(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10), page(12, partial("tls", 11)))
    async with running(requests) as run:
        await run.until(lambda: run.watch.is_alive, "the watch to open")
        run.watch.relist()
        run.watch.relist()
        await run.until(lambda: run.holds("11")() and run.watch.is_alive, "the second list")

        assert run.told == [KEY]
        assert run.watch.figures.relists == 1
        assert run.waits == []


async def test_watch_is_synced_only_when_every_scope_is(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10), refusal(403, "Forbidden"), page(11))
    async with running(requests, scopes=scopes_of([Kind.SECRET], ["shop", "blog"])) as run:
        await asyncio.wait_for(run.watch.synced.wait(), 5)

        assert {received.path for received in server.received} >= {
            "/api/v1/namespaces/shop/secrets",
            "/api/v1/namespaces/blog/secrets",
        }
        assert len(server.verbs()) >= 3


def test_scopes_are_everywhere_when_no_namespace_is_named() -> None:
    assert scopes_of([Kind.SECRET, Kind.NAMESPACE]) == [Scope(Kind.SECRET), Scope(Kind.NAMESPACE)]


def test_scopes_of_cluster_kinds_are_everywhere_when_namespaces_are_named() -> None:
    assert scopes_of([Kind.SECRET, Kind.NAMESPACE], ["shop"]) == [Scope(Kind.SECRET, "shop"), Scope(Kind.NAMESPACE)]
