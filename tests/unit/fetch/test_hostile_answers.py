"""Servers that misbehave: a coarse class is told, and nothing of what they said."""

import asyncio
import socket
import tracemalloc
from collections.abc import Callable

import pytest

from certwright.fetch.failures import FetchError
from certwright.fetch.http_fetcher import HTTPFetcher
from certwright.fetch.ports import FetchRequest
from certwright.findings import Detail, Finding, Reason
from tests.support.hostile_server import (
    TATTLE,
    Behaviour,
    HostileServer,
    bomb,
    drip,
    flood,
    head,
    raw,
    redirect,
    reply,
    reset,
    silence,
)

MakeFetcher = Callable[..., HTTPFetcher]

OK = head(Content_Type="application/pkix-crl", X_Words=TATTLE)
CHUNKED = head(Transfer_Encoding="chunked")
CHUNK = b"%x\r\n%b\r\n" % (0x4000, TATTLE[:4].encode() * 0x1000)


async def finding_of(make_fetcher: MakeFetcher, behaviour: Behaviour, **limits: float) -> Finding:
    """Fetch from a server that behaves so, and give the finding; nothing that it said may be in it."""
    async with HostileServer({"/list": behaviour}) as server:
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port, **limits).fetch(FetchRequest(f"http://crl.example.com:{server.port}/list"))
    finding = caught.value.finding
    assert finding.reason is Reason.FETCH_FAILED
    assert finding.message.startswith("Cannot fetch from `crl.example.com`: ")
    assert TATTLE not in finding.message
    assert caught.value.__suppress_context__
    assert caught.value.may_pass
    return finding


@pytest.mark.parametrize(
    "behaviour",
    [
        silence(),
        silence(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        silence(OK),
        silence(head(Content_Length=100) + b"part"),
        silence(CHUNKED + CHUNK),
    ],
    ids=["nothing", "headers", "no body", "part of a body", "no last chunk"],
)
async def test_fetch_times_out_when_the_server_falls_silent(make_fetcher: MakeFetcher, behaviour: Behaviour) -> None:
    finding = await finding_of(make_fetcher, behaviour, idle_seconds=0.1)
    assert finding.detail is Detail.TIMEOUT
    assert "`CERTWRIGHT_CRL_FETCH_SECONDS`" in finding.message


@pytest.mark.parametrize(
    "behaviour",
    [
        drip(b"HTTP/1.1 200 OK\r\n", b"X-Drip: a\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"a"),
        drip(head(Content_Length=90_000), b"a"),
        drip(OK, b"a"),
        drip(CHUNKED, b"1\r\na\r\n"),
        drip(CHUNKED + b"1;", b"a"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["headers", "one header", "body", "endless body", "chunks", "chunk extension", "interim answers"],
)
async def test_fetch_times_out_when_the_server_drips(make_fetcher: MakeFetcher, behaviour: Behaviour) -> None:
    assert (await finding_of(make_fetcher, behaviour, total_seconds=0.3)).detail is Detail.TIMEOUT


async def test_fetch_times_out_when_redirects_drip(make_fetcher: MakeFetcher) -> None:
    async def late(visit: object) -> None:
        await asyncio.wait({gone}, timeout=0.1)
        await redirect("/list")(visit)  # type: ignore[arg-type]

    gone = asyncio.get_running_loop().create_future()
    assert (await finding_of(make_fetcher, late, total_seconds=0.25)).detail is Detail.TIMEOUT


@pytest.mark.parametrize(
    "behaviour",
    [
        flood(OK, b"a" * 4096),
        flood(CHUNKED, CHUNK),
        silence(head(Content_Length=100_001)),
        reply(b"a" * 100_001),
        raw(head(Content_Length=2**62)),
    ],
    ids=["endless", "endless chunks", "announced", "huge", "announced absurdly"],
)
async def test_fetch_stops_reading_when_the_body_is_too_large(make_fetcher: MakeFetcher, behaviour: Behaviour) -> None:
    finding = await finding_of(make_fetcher, behaviour)
    assert finding.detail is Detail.TOO_LARGE
    assert "`CERTWRIGHT_CRL_MAX_BYTES`" in finding.message


async def test_fetch_gives_the_body_when_it_is_just_not_too_large(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({"/list": reply(b"a" * 100_000)}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(f"http://crl.example.com:{server.port}/list"))
    assert len(fetched.body) == 100_000


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, gzip", TATTLE])
async def test_fetch_expands_nothing_when_the_answer_is_compressed(make_fetcher: MakeFetcher, encoding: str) -> None:
    packed = bomb(20_000_000)
    tracemalloc.start()
    try:
        finding = await finding_of(make_fetcher, reply(packed, Content_Encoding=encoding))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert finding.detail is Detail.CONTENT_ENCODING
    assert peak < 5_000_000


async def test_fetch_gives_the_bytes_as_they_came_when_compression_is_not_declared(make_fetcher: MakeFetcher) -> None:
    packed = bomb(50_000)
    for headers in ({}, {"Content_Encoding": "identity"}, {"Content_Type": "application/gzip"}):
        async with HostileServer({"/list": reply(packed, **headers)}) as server:
            fetched = await make_fetcher(server.port).fetch(FetchRequest(f"http://crl.example.com:{server.port}/list"))
        assert fetched.body == packed


@pytest.mark.parametrize(
    "behaviour",
    [
        raw(b""),
        reset(b""),
        reset(b"HTTP/1.1 200"),
        reset(head(Content_Length=100) + b"part"),
        raw(head(Content_Length=100) + b"part"),
        raw(CHUNKED + CHUNK),
    ],
    ids=[
        "closed at once",
        "reset at once",
        "reset in headers",
        "reset in body",
        "body shorter than announced",
        "no last chunk",
    ],
)
async def test_fetch_fails_when_the_connection_or_the_body_breaks(
    make_fetcher: MakeFetcher, behaviour: Behaviour
) -> None:
    assert (await finding_of(make_fetcher, behaviour)).detail is Detail.INTERRUPTED


@pytest.mark.parametrize("behaviour", [raw(OK + b"part"), raw(b"HTTP/1.0 200 OK\r\n\r\npart")])
async def test_fetch_gives_what_came_when_only_the_end_of_the_connection_ends_the_body(
    make_fetcher: MakeFetcher, behaviour: Behaviour
) -> None:
    # Whether that is all can only be seen in the content, which is signed.
    async with HostileServer({"/list": behaviour}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(f"http://crl.example.com:{server.port}/list"))
    assert fetched.body == b"part"


async def test_fetch_gives_what_was_announced_when_more_comes(make_fetcher: MakeFetcher) -> None:
    more = raw(head(Content_Length=4, Content_Type="application/pkix-crl") + b"listHTTP/1.1 200 OK\r\n\r\nmore")
    async with HostileServer({"/list": more}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(f"http://crl.example.com:{server.port}/list"))
    assert fetched.body == b"list"


@pytest.mark.parametrize(
    "answer",
    [
        f"{TATTLE}\r\n\r\n".encode(),
        f"<html>{TATTLE}</html>\r\n\r\n".encode(),
        b"\x00\x01\x02\xff\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
        f"HTTP/1.1 {TATTLE} OK\r\n\r\n".encode(),
        f"HTTP/1.1 99999 {TATTLE}\r\n\r\n".encode(),
        b"HTTP/1.1 -1 OK\r\n\r\n",
        f"HTTP/9.9 200 OK\r\n{TATTLE}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nno colon {TATTLE}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\n: {TATTLE}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nContent-Length: {TATTLE}\r\n\r\n".encode(),
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 1_000 + b"\r\n",
        CHUNKED + f"{TATTLE}\r\n".encode(),
        CHUNKED + b"ffffffffffffffffff\r\n",
    ],
)
async def test_fetch_fails_when_the_answer_is_not_http(make_fetcher: MakeFetcher, answer: bytes) -> None:
    assert (await finding_of(make_fetcher, raw(answer))).detail is Detail.PROTOCOL


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (f"404 {TATTLE}", "the server answers with status 404. `url` must name a list that is served without"),
        (f"401 {TATTLE}", "status 401"),
        (f"407 {TATTLE}", "status 407"),
        (f"503 {TATTLE}", "the server answers that it has a problem of its own (5xx)"),
        (f"999 {TATTLE}", "a problem of its own (5xx)"),
        (f"204 {TATTLE}", "a status that was not asked for"),
        (f"206 {TATTLE}", "a status that was not asked for"),
        (f"300 {TATTLE}", "a status that was not asked for"),
        (f"101 {TATTLE}", "a status that was not asked for"),
    ],
)
async def test_fetch_fails_when_the_status_is_not_200(make_fetcher: MakeFetcher, status: str, words: str) -> None:
    challenge = reply(b"", status, WWW_Authenticate=f'Basic realm="{TATTLE}"')
    finding = await finding_of(make_fetcher, challenge)
    assert finding.detail is Detail.STATUS
    assert words in finding.message


async def test_fetch_fails_when_nobody_listens(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({}) as server:
        fetcher = make_fetcher(server.port)
        url = f"http://crl.example.com:{server.port}/list"
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(FetchRequest(url))
    assert caught.value.finding.detail is Detail.REFUSED


async def test_fetch_times_out_when_the_connection_is_not_accepted(make_fetcher: MakeFetcher) -> None:
    # A listener that never accepts, its short queue filled: the next connection hangs in the kernel.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        queued = [socket.socket() for _ in range(4)]
        for waiting in queued:
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())
        try:
            fetcher = make_fetcher(port, connect_seconds=0.2)
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch(FetchRequest(f"http://crl.example.com:{port}/"))
        finally:
            for waiting in queued:
                waiting.close()
    assert caught.value.finding.detail is Detail.TIMEOUT
