"""Fetching from servers that behave, and from where one must not fetch."""

import asyncio
from collections.abc import Callable

import pytest

from certwright.fetch.exchange import Limits, pinned_connector
from certwright.fetch.failures import FetchError
from certwright.fetch.http_fetcher import HTTPFetcher
from certwright.fetch.ports import Fetcher, FetchRequest
from certwright.findings import Detail, Finding, Reason, Severity
from certwright.settings import Settings
from tests.support.hostile_server import (
    TATTLE,
    Behaviour,
    HostileServer,
    ScriptedResolver,
    gated,
    in_turn,
    redirect,
    reply,
)

MakeFetcher = Callable[..., HTTPFetcher]

BODY = b"\x30\x03\x02\x01\x00"
ETAG = '"v1"'
DATE = "Mon, 01 Jun 2026 00:00:00 GMT"


def at(server: HostileServer, path: str = "/list", host: str = "crl.example.com") -> str:
    return f"http://{host}:{server.port}{path}"


async def refusal(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(FetchRequest(url))
    assert TATTLE not in repr(caught.value) + caught.value.finding.message
    return caught.value


# ---- what comes


async def test_fetch_gives_the_body_when_the_server_behaves(
    make_fetcher: MakeFetcher, resolver: ScriptedResolver
) -> None:
    async with HostileServer({"/list": reply(BODY, ETag=ETAG, Last_Modified=DATE)}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(at(server, "/list?a=%2F")))
    assert (fetched.body, fetched.etag, fetched.last_modified) == (BODY, ETAG, DATE)
    assert (fetched.not_modified, fetched.notes) == (False, ())
    assert server.visits[0].target == "/list?a=%2F"
    assert resolver.asked == ["crl.example.com"]


async def test_fetch_sends_nothing_about_us_when_it_asks(
    make_fetcher: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    cookie = reply(BODY, Set_Cookie="a=b; Path=/")
    async with HostileServer({"/list": cookie}) as server:
        fetcher = make_fetcher(server.port)
        await fetcher.fetch(FetchRequest(at(server)))
        await fetcher.fetch(FetchRequest(at(server)))
    assert server.visits[1].headers == {
        "host": f"crl.example.com:{server.port}",
        "accept": "application/pkix-crl, */*;q=0.5",
        "accept-encoding": "identity",
        "user-agent": "certwright",
        "connection": "close",
    }


async def test_fetch_learns_that_nothing_changed_when_it_asks_with_validators(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({"/list": reply(status="304 Not Modified")}) as server:
        asked = FetchRequest(at(server), etag=ETAG, last_modified=DATE)
        fetched = await make_fetcher(server.port).fetch(asked)
    assert (fetched.body, fetched.etag, fetched.last_modified, fetched.not_modified) == (b"", ETAG, DATE, True)
    assert server.visits[0].headers["if-none-match"] == ETAG
    assert server.visits[0].headers["if-modified-since"] == DATE


async def test_fetch_gives_the_newer_validators_when_a_304_brings_them(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({"/list": reply(status="304 Not Modified", ETag='W/"v2"')}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(at(server), etag=ETAG))
    assert (fetched.etag, fetched.last_modified) == ('W/"v2"', None)


async def test_fetch_gives_the_new_body_when_the_validator_is_stale(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({"/list": reply(BODY, ETag='"v2"')}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(at(server), etag=ETAG))
    assert (fetched.body, fetched.etag, fetched.not_modified) == (BODY, '"v2"', False)


async def test_fetch_believes_a_304_when_the_body_changed_all_the_same_until_it_asks_without_validators(
    make_fetcher: MakeFetcher,
) -> None:
    lying = in_turn(reply(b"old", ETag=ETAG), reply(status="304 Not Modified"), reply(b"new", ETag=ETAG))
    async with HostileServer({"/list": lying}) as server:
        fetcher = make_fetcher(server.port)
        first = await fetcher.fetch(FetchRequest(at(server)))
        second = await fetcher.fetch(FetchRequest(at(server), etag=first.etag))
        third = await fetcher.fetch(FetchRequest(at(server)))
    assert (first.body, second.not_modified, third.body) == (b"old", True, b"new")


async def test_fetch_refuses_a_304_when_it_asked_for_the_body(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({"/list": reply(status=f"304 {TATTLE}")}) as server:
        error = await refusal(make_fetcher(server.port), at(server))
    assert (error.finding.reason, error.finding.detail) == (Reason.FETCH_FAILED, Detail.STATUS)


@pytest.mark.parametrize("text", ["v1", '"a"\r\nX: y', '"ä"', f'"{"x" * 300}"', '"a" "b"', ""])
async def test_fetch_neither_sends_nor_keeps_a_validator_when_it_is_none(make_fetcher: MakeFetcher, text: str) -> None:
    served = reply(BODY, ETag=text.replace("\r\n", " "), Last_Modified="yesterday")
    async with HostileServer({"/list": served}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(at(server), etag=text, last_modified="yesterday"))
    assert (fetched.etag, fetched.last_modified) == (None, None)
    assert not {"if-none-match", "if-modified-since", "x"} & set(server.visits[0].headers)


@pytest.mark.parametrize("media_type", [f"text/html; charset={TATTLE}", TATTLE])
async def test_fetch_only_remarks_when_the_media_type_is_wrong(make_fetcher: MakeFetcher, media_type: str) -> None:
    async with HostileServer({"/list": reply(BODY, Content_Type=media_type)}) as server:
        fetched = await make_fetcher(server.port).fetch(FetchRequest(at(server)))
    assert fetched.body == BODY
    [note] = fetched.notes
    assert (note.reason, note.detail, note.severity) == (Reason.NORMALIZED, Detail.MEDIA_TYPE, Severity.WARNING)
    assert note.message.startswith("`crl.example.com` serves the content of `url` under a media type that is not")
    assert TATTLE not in note.message


@pytest.mark.parametrize("media_type", ["Application/PKIX-CRL", "text/plain; charset=utf-8"])
async def test_fetch_remarks_nothing_when_the_media_type_is_usual(make_fetcher: MakeFetcher, media_type: str) -> None:
    async with HostileServer({"/list": reply(BODY, Content_Type=media_type)}) as server:
        assert (await make_fetcher(server.port).fetch(FetchRequest(at(server)))).notes == ()


async def test_fetch_recovers_when_a_server_flaps(make_fetcher: MakeFetcher) -> None:
    flapping = in_turn(reply(status="503 x"), reply(BODY), reply(status="500 x"), reply(BODY))
    async with HostileServer({"/list": flapping}) as server:
        fetcher = make_fetcher(server.port)
        first = await refusal(fetcher, at(server))
        assert (await fetcher.fetch(FetchRequest(at(server)))).body == BODY
        second = await refusal(fetcher, at(server))
        assert (await fetcher.fetch(FetchRequest(at(server)))).body == BODY
    assert first.finding == second.finding  # a status that is equal is not written again
    assert first.may_pass


# ---- where it may go


@pytest.mark.parametrize(
    ("url", "reason", "detail", "words"),
    [
        (
            "ftp://crl.example.com/",
            Reason.INVALID_REQUEST,
            Detail.URL,
            "`url` must begin with `http://` or `https://`.",
        ),
        ("http://me:hunter2@crl.example.com/", Reason.INVALID_REQUEST, Detail.URL, "`url` must hold no user name"),
        ("http://2130706433/", Reason.INVALID_REQUEST, Detail.URL, "`url` must hold an IPv4 address as four"),
        ("http://evil.test/", Reason.HOST_NOT_ALLOWED, None, "The host `evil.test` or its port is not among"),
        ("http://crl.example.com:1/", Reason.HOST_NOT_ALLOWED, None, "the setting `CERTWRIGHT_CRL_HOSTS`."),
        ("http://127.0.0.1/", Reason.HOST_NOT_ALLOWED, None, "The host `127.0.0.1` or its port is not among"),
    ],
)
async def test_fetch_asks_nobody_when_the_wish_is_not_allowed(
    make_fetcher: MakeFetcher, resolver: ScriptedResolver, url: str, reason: Reason, detail: Detail | None, words: str
) -> None:
    async with HostileServer({}) as server:
        error = await refusal(make_fetcher(server.port), url)
        assert server.connections == 0
    assert (error.finding.reason, error.finding.detail, error.may_pass) == (reason, detail, False)
    assert words in error.finding.message
    assert "hunter2" not in error.finding.message
    assert resolver.asked == []


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["nonsense"]]
)
async def test_fetch_connects_to_nobody_when_an_address_is_not_allowed(
    make_fetcher: MakeFetcher, addresses: list[str]
) -> None:
    async with HostileServer({"/list": reply(BODY)}) as server:
        fetcher = make_fetcher(server.port, private=(), names=ScriptedResolver({"crl.example.com": [addresses]}))
        finding = (await refusal(fetcher, at(server))).finding
        assert server.connections == 0
    assert (finding.reason, finding.detail) == (Reason.FETCH_FAILED, Detail.ADDRESS)
    assert "`CERTWRIGHT_CRL_PRIVATE_ADDRESSES`" in finding.message
    assert not any(address in finding.message for address in addresses)


async def test_fetch_takes_an_address_for_what_it_is_when_the_url_holds_one(
    resolver: ScriptedResolver,
) -> None:
    async with HostileServer({"/list": reply(BODY)}) as server:
        hosts = (f"127.0.0.1:{server.port}",)
        closed = HTTPFetcher.of(Settings(crl_hosts=hosts))
        opened = HTTPFetcher.of(Settings(crl_hosts=hosts, crl_private_addresses=("127.0.0.0/8",)))
        url = at(server, host="127.0.0.1")
        finding = (await refusal(closed, url)).finding
        assert (await opened.fetch(FetchRequest(url))).body == BODY
    assert finding.detail is Detail.ADDRESS
    assert resolver.asked == []


async def test_fetch_asks_for_a_name_once_when_it_is_rebound_between_redirects(make_fetcher: MakeFetcher) -> None:
    behaviours = {"/list": redirect("/moved"), "/moved": reply(BODY)}
    async with HostileServer(behaviours) as server:
        rebinding = ScriptedResolver({"crl.example.com": [["127.0.0.1"], ["169.254.169.254"]]})
        fetcher = make_fetcher(server.port, names=rebinding)
        assert (await fetcher.fetch(FetchRequest(at(server)))).body == BODY
        assert rebinding.asked == ["crl.example.com"]
        # The next fetch hears the other answer, and judges it.
        assert (await refusal(fetcher, at(server))).finding.detail is Detail.ADDRESS
        assert len(server.visits) == 2


async def test_fetch_tries_the_next_judged_address_when_nobody_listens_at_the_first(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({"/list": reply(BODY)}) as server:
        fetcher = make_fetcher(
            server.port,
            private=("127.0.0.0/8",),
            names=ScriptedResolver({"crl.example.com": [["127.0.0.9", "127.0.0.1"]]}),
        )
        assert (await fetcher.fetch(FetchRequest(at(server)))).body == BODY


@pytest.mark.parametrize("script", [[OSError(TATTLE)], [[]]])
async def test_fetch_fails_when_the_name_is_unknown(
    make_fetcher: MakeFetcher, script: list[list[str] | OSError]
) -> None:
    async with HostileServer({}) as server:
        fetcher = make_fetcher(server.port, names=ScriptedResolver({"crl.example.com": script}))
        finding = (await refusal(fetcher, at(server))).finding
    assert finding == Finding(
        Reason.FETCH_FAILED,
        "Cannot fetch from `crl.example.com`: its name, or one that it redirects to, cannot be resolved. It must be a "
        "fully qualified name that the cluster's DNS knows; search domains are not used.",
        Detail.NAME_RESOLUTION,
    )


async def test_pinned_connector_makes_no_socket_when_the_address_was_not_judged() -> None:
    connector = pinned_connector(["127.0.0.1"])
    assert connector._socket_factory is not None
    with pytest.raises(PermissionError, match="not judged"):
        connector._socket_factory((2, 1, 6, "", ("127.0.0.2", 80)))
    await connector.close()


# ---- redirects


async def test_fetch_follows_redirects_when_each_is_allowed(
    make_fetcher: MakeFetcher, resolver: ScriptedResolver
) -> None:
    behaviours: dict[str, Behaviour] = {f"/{step}": redirect(f"/{step + 1}") for step in range(4)}
    async with HostileServer(behaviours) as server:
        behaviours["/4"] = redirect(at(server, "/list", "cdn.example.com"))
        behaviours["/list"] = reply(BODY, ETag=ETAG)
        fetched = await make_fetcher(server.port).fetch(FetchRequest(at(server, "/0"), etag=ETAG))
    assert (fetched.body, fetched.etag) == (BODY, ETAG)
    assert resolver.asked == ["crl.example.com", "cdn.example.com"]
    assert [visit.headers["host"].partition(":")[0] for visit in server.visits[4:]] == [
        "crl.example.com",
        "cdn.example.com",
    ]


async def test_fetch_stops_when_redirected_six_times(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({"/list": redirect("/list")}) as server:
        finding = (await refusal(make_fetcher(server.port), at(server))).finding
    assert (finding.reason, finding.detail) == (Reason.FETCH_FAILED, Detail.REDIRECT)
    assert len(server.visits) == 6


@pytest.mark.parametrize(
    "location",
    [f"ftp://{TATTLE}.example.com/", "file:///etc/passwd", f"http://{TATTLE}@crl.example.com/", "http://127.1/", "//["],
)
async def test_fetch_stops_when_a_redirect_is_unusable(make_fetcher: MakeFetcher, location: str) -> None:
    async with HostileServer({"/list": redirect(location)}) as server:
        error = await refusal(make_fetcher(server.port), at(server))
    assert (error.finding.reason, error.finding.detail) == (Reason.FETCH_FAILED, Detail.REDIRECT)
    assert error.may_pass
    assert len(server.visits) == 1


@pytest.mark.parametrize("location", [f"http://{TATTLE}.test/", "http://127.0.0.1/", "http://crl.example.com/", "//x"])
async def test_fetch_stops_when_a_redirect_leads_to_a_host_that_is_not_allowed(
    make_fetcher: MakeFetcher, resolver: ScriptedResolver, location: str
) -> None:
    async with HostileServer({"/list": redirect(location)}) as server:
        error = await refusal(make_fetcher(server.port), at(server))
    assert (error.finding.reason, error.finding.detail) == (Reason.HOST_NOT_ALLOWED, Detail.REDIRECT)
    assert error.finding.message.startswith("`crl.example.com` redirects to a host or port that is not among those")
    assert "`CERTWRIGHT_CRL_HOSTS`" in error.finding.message
    assert error.may_pass
    assert resolver.asked == ["crl.example.com"]


async def test_fetch_stops_when_a_redirect_leads_to_an_address_that_is_not_allowed(make_fetcher: MakeFetcher) -> None:
    behaviours: dict[str, Behaviour] = {}
    async with HostileServer(behaviours) as server:
        behaviours["/list"] = redirect(at(server, "/", "inner.example.com"))
        fetcher = make_fetcher(server.port, names=ScriptedResolver({"inner.example.com": [["169.254.169.254"]]}))
        finding = (await refusal(fetcher, at(server))).finding
        assert len(server.visits) == 1
    assert (finding.reason, finding.detail) == (Reason.FETCH_FAILED, Detail.ADDRESS)
    assert "inner" not in finding.message


# ---- turns


async def test_fetch_asks_a_host_one_thing_at_a_time_when_much_is_wanted(make_fetcher: MakeFetcher) -> None:
    gate, arrived = asyncio.Event(), asyncio.Event()
    behaviours = {"/list": gated(gate, reply(BODY), arrived=arrived), "/free": reply(BODY)}
    async with HostileServer(behaviours) as server, asyncio.TaskGroup() as tasks:
        fetcher = make_fetcher(server.port)
        held = [tasks.create_task(fetcher.fetch(FetchRequest(at(server)))) for _ in range(3)]
        await arrived.wait()
        # A whole fetch from another host goes through meanwhile.
        await fetcher.fetch(FetchRequest(at(server, "/free", "cdn.example.com")))
        assert not any(task.done() for task in held)
        assert len(server.visits) == 2
        gate.set()
    assert len(server.visits) == 4
    assert server.busiest[f"crl.example.com:{server.port}"] == 1


async def test_fetch_gives_up_when_its_turn_does_not_come(make_fetcher: MakeFetcher) -> None:
    gate, arrived = asyncio.Event(), asyncio.Event()
    async with HostileServer({"/list": gated(gate, reply(BODY), arrived=arrived)}) as server:
        fetcher = make_fetcher(server.port)
        first = asyncio.create_task(fetcher.fetch(FetchRequest(at(server))))
        await arrived.wait()
        fetcher._limits = Limits(total_seconds=0.05)
        assert (await refusal(fetcher, at(server))).finding.detail is Detail.BUSY
        gate.set()
        assert (await first).body == BODY
    assert len(server.visits) == 1
