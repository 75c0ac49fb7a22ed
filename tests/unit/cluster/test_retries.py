import asyncio

import pytest

from certwright.cluster.connection import Connection
from certwright.cluster.requests import Patch, get, patch
from certwright.cluster.retries import LONGEST_WAIT_SECONDS, MOST_TRIES, Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.scripted_server import (
    Answer,
    CountedRequests,
    ScriptedServer,
    StaticCredentials,
    answer,
    hang_up,
    never,
    refusal,
)

KEY = ObjectKey(Kind.SECRET, "shop", "tls")
READ = get(KEY)
WRITE = patch(KEY, {}, how=Patch.APPLY)


@pytest.mark.parametrize(
    "trouble", [refusal(429), refusal(500, "InternalError"), refusal(502), refusal(503), refusal(504)]
)
async def test_send_tries_again_when_the_trouble_may_pass(
    trouble: Answer, server: ScriptedServer, requests: Retrying, waits: list[float]
) -> None:
    server.script(trouble, trouble, answer({"a": 1}))

    got = await requests.send(WRITE)

    assert got.manifest() == {"a": 1}
    assert waits == [0.1, 0.2]


async def test_send_counts_every_try_when_it_tries_again(
    server: ScriptedServer, requests: Retrying, counted: CountedRequests
) -> None:
    server.script(refusal(503), answer({}))

    await requests.send(READ)

    assert counted.counted == [("get", "secrets", 503), ("get", "secrets", 200)]


async def test_send_waits_as_long_as_asked_when_the_server_says_so(
    server: ScriptedServer, requests: Retrying, waits: list[float]
) -> None:
    server.script(refusal(429, headers={"Retry-After": "3"}), answer({}))

    await requests.send(WRITE)

    assert waits == [3.0]


async def test_send_adds_jitter_when_the_server_names_a_wait(server: ScriptedServer, connection: Connection) -> None:
    server.script(refusal(429, headers={"Retry-After": "3"}), refusal(429), answer({}))
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    await Retrying(connection, sleep=note, jitter=lambda: 1.0).send(WRITE)

    assert waits == [3.4, 0.4]


async def test_send_gives_the_work_back_when_the_asked_wait_is_long(
    server: ScriptedServer, requests: Retrying, waits: list[float]
) -> None:
    server.script(refusal(429, headers={"Retry-After": str(LONGEST_WAIT_SECONDS + 1)}))

    with pytest.raises(ClusterError) as caught:
        await requests.send(WRITE)

    assert caught.value.cause is FailureCause.THROTTLED
    assert caught.value.retry_after == LONGEST_WAIT_SECONDS + 1
    assert waits == []


async def test_send_gives_up_when_the_trouble_stays(
    server: ScriptedServer, requests: Retrying, waits: list[float]
) -> None:
    server.script(*[refusal(503)] * MOST_TRIES)

    with pytest.raises(ClusterError) as caught:
        await requests.send(WRITE)

    assert caught.value.cause is FailureCause.UNAVAILABLE
    assert caught.value.status == 503
    assert len(server.received) == MOST_TRIES
    assert waits == sorted(waits)
    assert len(waits) == MOST_TRIES - 1


async def test_send_gives_up_when_patience_ends_before_the_tries(
    server: ScriptedServer, requests: Retrying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certwright.cluster.retries.LONGEST_PATIENCE_SECONDS", 1.0)
    server.script(refusal(429, headers={"Retry-After": "2"}))

    with pytest.raises(ClusterError):
        await requests.send(WRITE)


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (refusal(409, "Conflict"), FailureCause.CONFLICT),
        (refusal(422, "Invalid"), FailureCause.INVALID),
        (refusal(403, "Forbidden"), FailureCause.FORBIDDEN),
        (refusal(413), FailureCause.TOO_LARGE),
        (refusal(500, "", "failed to create typed patch object (shop/tls)"), FailureCause.INTERNAL),
        (refusal(500, "", "failed to convert new object"), FailureCause.INTERNAL),
        (refusal(500, "", "etcdserver: request is too large"), FailureCause.TOO_LARGE),
    ],
)
async def test_send_raises_at_once_when_time_mends_nothing(
    trouble: Answer, cause: FailureCause, server: ScriptedServer, requests: Retrying, waits: list[float]
) -> None:
    server.script(trouble)

    with pytest.raises(ClusterError) as caught:
        await requests.send(WRITE)

    assert caught.value.cause is cause
    assert waits == []


async def test_send_tries_again_when_a_quota_was_counted_at_the_same_time(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(refusal(409, "Conflict", details={"kind": "resourcequotas", "name": "q"}), answer({}))

    assert (await requests.send(WRITE)).ok


async def test_send_tries_a_read_again_when_no_answer_came(server: ScriptedServer, requests: Retrying) -> None:
    server.script(hang_up(), hang_up(), answer({}))

    assert (await requests.send(READ)).ok


async def test_send_tries_no_write_again_when_it_may_have_been_done(
    server: ScriptedServer, requests: Retrying, waits: list[float]
) -> None:
    server.script(hang_up())

    with pytest.raises(ClusterError) as caught:
        await requests.send(WRITE)

    assert caught.value.cause is FailureCause.UNAVAILABLE
    assert len(server.received) == 1
    assert waits == []


async def test_send_tries_nothing_again_when_time_ran_out(server: ScriptedServer) -> None:
    released = asyncio.Event()
    server.script(never(released))
    async with Connection(StaticCredentials(server.url), request_seconds=0.05) as connection:
        with pytest.raises(ClusterError) as caught:
            await Retrying(connection).send(WRITE)
    released.set()

    assert caught.value.cause is FailureCause.TIMEOUT
    assert len(server.received) == 1


async def test_send_must_try_at_least_once(requests: Retrying) -> None:
    with pytest.raises(RuntimeError, match="at least once"):
        await requests.send(READ, tries=0)


async def test_write_is_not_sent_when_another_replica_leads(server: ScriptedServer, connection: Connection) -> None:
    follower = Retrying(connection, may_write=lambda: False)
    server.script(answer({"a": 1}))

    assert (await follower.send(READ)).manifest() == {"a": 1}
    with pytest.raises(ClusterError, match="patch Secret shop/tls: not sent, for another replica leads now"):
        await follower.send(WRITE)

    assert server.verbs() == ["GET"]


async def test_write_is_not_sent_again_when_leadership_was_lost_while_it_waited(
    server: ScriptedServer, connection: Connection
) -> None:
    leads = True

    async def lose(_: float) -> None:
        nonlocal leads
        leads = False

    server.script(refusal(503), answer({}))
    with pytest.raises(ClusterError, match="another replica leads"):
        await Retrying(connection, may_write=lambda: leads, sleep=lose).send(WRITE)

    assert server.verbs() == ["PATCH"]
