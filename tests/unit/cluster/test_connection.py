import asyncio
import logging
from collections.abc import Awaitable

import pytest
from aiohttp import web

from certwright.cluster.connection import Connection
from certwright.cluster.credentials import Credentials
from certwright.cluster.requests import Request, get, watch_of
from certwright.cluster.resources import RESOURCES
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.scripted_server import (
    CountedRequests,
    ScriptedServer,
    StaticCredentials,
    answer,
    hang_up,
    never,
    refusal,
    stream,
)

SECRET = get(ObjectKey(Kind.SECRET, "shop", "tls"))
WATCH = watch_of(RESOURCES[Kind.SECRET], query="watch=1")


class HeardDates:
    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []

    def heard_date(self, date: str, *, round_trip_seconds: float) -> None:
        self.heard.append((date, round_trip_seconds))


async def failure(attempt: Awaitable[object]) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        await attempt
    return caught.value


async def test_exchange_sends_who_we_are_when_asked(
    server: ScriptedServer, connection: Connection, counted: CountedRequests
) -> None:
    server.script(answer({"a": 1}))

    got = await connection.exchange(SECRET)

    assert got.ok
    assert got.manifest() == {"a": 1}
    received = server.received[0]
    assert received.path == "/api/v1/namespaces/shop/secrets/tls"
    assert received.headers["Authorization"] == "Bearer token-1"
    assert received.headers["User-Agent"].startswith("certwright/")
    assert counted.counted == [("get", "secrets", 200)]


async def test_exchange_gives_the_answer_when_it_is_a_refusal(server: ScriptedServer, connection: Connection) -> None:
    server.script(refusal(403, "Forbidden"))

    got = await connection.exchange(SECRET)

    assert not got.ok
    assert got.status == 403


async def test_exchange_follows_no_redirect_when_somebody_sends_one(
    server: ScriptedServer, connection: Connection
) -> None:
    server.script(answer({}, status=302, headers={"Location": f"{server.url}/elsewhere"}))

    assert (await connection.exchange(SECRET)).status == 302
    assert len(server.received) == 1


async def test_exchange_raises_timeout_when_no_answer_comes(
    server: ScriptedServer, connection: Connection, counted: CountedRequests
) -> None:
    released = asyncio.Event()
    server.script(never(released))

    error = await failure(connection.exchange(SECRET, seconds=0.05))
    released.set()

    assert error.cause is FailureCause.TIMEOUT
    assert error.message == "get Secret shop/tls: no answer in time (TimeoutError)"
    assert error.__suppress_context__
    assert counted.counted == [("get", "secrets", 0)]


async def test_exchange_raises_unavailable_when_the_server_hangs_up(
    server: ScriptedServer, connection: Connection
) -> None:
    # Twice: a read on a connection that was kept alive is sent again by the HTTP library.
    server.script(hang_up(), hang_up())

    error = await failure(connection.exchange(SECRET))

    assert error.cause is FailureCause.UNAVAILABLE
    assert error.status == 0
    assert "token" not in str(error)


async def test_exchange_raises_unavailable_when_nobody_listens(unused_tcp_port: int) -> None:
    source = StaticCredentials(f"http://127.0.0.1:{unused_tcp_port}")
    async with Connection(source) as connection:
        error = await failure(connection.exchange(SECRET))

    assert error.cause is FailureCause.UNAVAILABLE


async def test_exchange_loads_credentials_anew_when_it_is_refused_as_unknown(server: ScriptedServer) -> None:
    server.script(refusal(401, "Unauthorized"), answer({}))
    source = StaticCredentials(server.url, "old", "new")
    async with Connection(source) as connection:
        connection._loaded_at -= 30
        got = await connection.exchange(SECRET)

    assert got.ok
    assert [received.headers["Authorization"] for received in server.received] == ["Bearer old", "Bearer new"]
    assert source.loads == [True, True]


async def test_exchange_believes_a_401_when_the_credentials_are_the_same(server: ScriptedServer) -> None:
    server.script(refusal(401, "Unauthorized"))
    source = StaticCredentials(server.url, "old")
    async with Connection(source) as connection:
        connection._loaded_at -= 30
        got = await connection.exchange(SECRET)

    assert got.status == 401
    assert len(server.received) == 1


async def test_exchange_loads_credentials_once_when_many_are_refused(server: ScriptedServer) -> None:
    server.script(*[refusal(401, "Unauthorized")] * 8)
    source = StaticCredentials(server.url, "old")
    async with Connection(source) as connection:
        connection._loaded_at -= 30
        await asyncio.gather(*(connection.exchange(SECRET) for _ in range(8)))

    assert source.loads == [True, True]


async def test_exchange_reads_the_token_again_when_it_may_have_been_replaced(server: ScriptedServer) -> None:
    server.script(answer({}), answer({}))
    source = StaticCredentials(server.url, "old", "new")
    async with Connection(source) as connection:
        await connection.exchange(SECRET)
        connection._loaded_at -= 61
        await connection.exchange(SECRET)

    assert [received.headers["Authorization"] for received in server.received] == ["Bearer old", "Bearer new"]
    assert source.loads == [True, False]


async def test_exchange_goes_on_with_the_old_token_when_the_new_one_cannot_be_read(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(StaticCredentials):
        def load(self, *, force: bool = False) -> Credentials:
            if self.loads:
                raise ClusterError(FailureCause.UNAUTHORIZED, "the credentials cannot be loaded")
            return super().load(force=force)

    server.script(answer({}))
    async with Connection(Failing(server.url, "old")) as connection:
        connection._loaded_at -= 61
        with caplog.at_level(logging.WARNING):
            assert (await connection.exchange(SECRET)).ok

    assert "going on with those loaded before" in caplog.text


async def test_entering_raises_when_there_are_no_credentials() -> None:
    class Nothing:
        def load(self, *, force: bool = False) -> Credentials:
            raise ClusterError(FailureCause.UNAUTHORIZED, f"none {force}")

    error = await failure(Connection(Nothing()).__aenter__())

    assert error.cause is FailureCause.UNAUTHORIZED


async def test_exchange_is_refused_when_the_connection_was_not_entered() -> None:
    with pytest.raises(RuntimeError, match="must be entered"):
        await Connection(StaticCredentials("http://127.0.0.1:1")).exchange(SECRET)


async def test_exchange_tells_the_clock_when_an_answer_bears_a_date(server: ScriptedServer) -> None:
    server.script(answer({}, headers={"Date": "Wed, 21 Oct 2026 07:28:00 GMT"}))
    clock = HeardDates()
    async with Connection(StaticCredentials(server.url), clock=clock) as connection:
        await connection.exchange(SECRET)

    assert [date for date, _ in clock.heard] == ["Wed, 21 Oct 2026 07:28:00 GMT"]
    assert 0 < clock.heard[0][1] < 5


async def test_exchange_bounds_connections_when_many_ask_at_once(server: ScriptedServer) -> None:
    under_way, most = 0, 0
    everybody = asyncio.Event()

    async def count(_request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if most == 2:
            everybody.set()
        await everybody.wait()
        under_way -= 1
        return web.json_response({})

    server.script(*[count] * 10)
    async with Connection(StaticCredentials(server.url), limit=2) as connection:
        await asyncio.gather(*(connection.exchange(SECRET) for _ in range(10)))

    assert most == 2


async def test_stream_raises_timeout_when_it_falls_silent(server: ScriptedServer, connection: Connection) -> None:
    released = asyncio.Event()
    server.watches.append(stream(b"one\n", until=released))
    got = []

    async def read() -> None:
        async with connection.stream(WATCH, idle_seconds=0.1) as response:
            got.append(await response.content.readany())
            await response.content.readany()

    error = await failure(read())
    released.set()

    assert got == [b"one\n"]
    assert error.cause is FailureCause.TIMEOUT


async def test_stream_raises_unavailable_when_it_breaks_off(server: ScriptedServer, connection: Connection) -> None:
    server.watches.append(stream(b"half a li", cut=True))

    async def read() -> None:
        async with connection.stream(WATCH, idle_seconds=5) as response:
            async for _ in response.content.iter_any():
                pass

    assert (await failure(read())).cause is FailureCause.UNAVAILABLE


async def test_streams_take_no_place_of_requests_when_connections_are_few(server: ScriptedServer) -> None:
    server.script(answer({}))
    async with (
        Connection(StaticCredentials(server.url), limit=1) as connection,
        connection.stream(WATCH, idle_seconds=5),
        connection.stream(WATCH, idle_seconds=5),
    ):
        assert (await connection.exchange(SECRET)).ok
        server.end_silence()


def test_requests_hide_their_body_when_printed() -> None:
    request = Request(SECRET.verb, SECRET.resource, "/x", body=b"c2VjcmV0")

    assert "c2VjcmV0" not in repr(request)
    assert "c2VjcmV0" not in str(request)


async def test_leaving_closes_every_socket_when_not_everything_was_answered(server: ScriptedServer) -> None:
    released = asyncio.Event()
    server.script(never(released), answer({}))
    server.watches.append(stream(b"one\n", until=released))
    async with Connection(StaticCredentials(server.url)) as connection:
        await failure(connection.exchange(SECRET, seconds=0.05))
        await connection.exchange(SECRET)
        async with connection.stream(WATCH, idle_seconds=5):
            sockets = list(connection._sockets)
    released.set()

    assert len(sockets) >= 2
    assert {each.fileno() for each in sockets} == {-1}
