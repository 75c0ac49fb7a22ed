"""Revocation lists from servers that misbehave: the last good one stays in use, and the status says why."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.test_revocation_stories import BARE, ISSUER, SOURCE, crl_of, is_ready, issuers
from tests.support.hostile_server import (
    TATTLE,
    Behaviour,
    HostileServer,
    Visit,
    bomb,
    drip,
    flood,
    head,
    in_turn,
    redirect,
    reply,
    silence,
)
from tests.support.pki import PKI, SignedList, ec_key
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import config_map, source

SHORT = 300
NEXT = timedelta(seconds=SHORT * 1.25)
ELSEWHERE = "http://127.0.0.2:1/list"


class Server:
    """A server whose behaviour a story changes."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour

    async def __call__(self, visit: Visit) -> None:
        await self.behaviour(visit)


@asynccontextmanager
async def serving(server: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[HostileServer, str]]:
    async with HostileServer({"/list": server}, tls=tls) as running:
        yield running, f"{'https' if tls else 'http'}://127.0.0.1:{running.port}/list"


def fetched(url: str, **spec: Any) -> dict[str, Any]:
    return source("corp", url=url, intervalSeconds=SHORT, **{**ISSUER, **spec})


def served(crl: SignedList, **headers: object) -> Behaviour:
    return reply(crl.der, **headers)


async def first_good(world: World, url: str, **spec: Any) -> Report:
    await world.apply(issuers(world), fetched(url, **spec))
    return await world.settle("corp", is_ready, kind=SOURCE)


def failed(detail: str, reason: str = "FetchFailed") -> Any:
    def seen(report: Report) -> bool:
        found = (report.status.get("findings") or ({},))[0]
        return (found.get("reason"), found.get("detail")) == (reason, detail)

    return seen


HOSTILITIES: dict[str, tuple[Behaviour, str]] = {
    "silent": (silence(head(Content_Length=10)), "Timeout"),
    "slow": (drip(head(Content_Length=1_000_000), b"."), "Timeout"),
    "huge": (flood(head(Transfer_Encoding="chunked"), b"10000\r\n" + b"." * 0x10000 + b"\r\n"), "TooLarge"),
    "bomb": (reply(bomb(20_000_000), Content_Encoding="gzip"), "ContentEncoding"),
    "missing": (reply(TATTLE.encode(), f"404 {TATTLE}"), "Status"),
    "broken": (reply(TATTLE.encode(), f"503 {TATTLE}"), "Status"),
    "looping": (redirect("/list"), "Redirect"),
    "downgrading": (redirect("ftp://127.0.0.1/list"), "Redirect"),
}


@pytest.mark.parametrize("hostility", HOSTILITIES)
async def test_list_in_use_stays_when_its_server_turns_hostile(world: World, hostility: str) -> None:
    behaviour, detail = HOSTILITIES[hostility]
    server = Server(served(crl_of(world, world.corp.issuing, number=5)))
    async with serving(server) as (_, url):
        good = await first_good(world, url)
        server.behaviour = behaviour
        await world.travel(NEXT)
        report = await world.settle("corp", failed(detail), kind=SOURCE)

        assert report.validation == 0
        assert report.conditions == {
            "Ready": ("False", "FetchFailed"),
            "Valid": ("True", "Valid"),
            "Fresh": ("False", "FetchFailed"),
            "Reconciling": ("True", "FetchFailed"),
        }
        assert "In use: list number 5" in report.message()
        assert TATTLE not in str(report.status)
        assert report.status["fetchedTime"] == good.status["fetchedTime"]

        server.behaviour = served(crl_of(world, world.corp.issuing, number=6))
        await world.travel(NEXT)
        mended = await world.settle("corp", is_ready, kind=SOURCE)
        assert mended.status["crlNumber"] == "6"


REFUSED: dict[str, tuple[str, int, str | None]] = {
    "forged": ("CRLNotValid", 2033, "Signature"),
    "older": ("CRLNotValid", 2033, "Older"),
    "elsewhere": ("CRLNotValid", 2033, "Scope"),
    "page": ("CRLInvalid", 2020, "CRLMissing"),
    "future": ("CRLNotValid", 2033, "CRLNotYetValid"),
    "stranger": ("CRLIssuerNotFound", 2031, None),
}


def refused_body(world: World, kind: str) -> bytes:
    issuing = world.corp.issuing
    later = {"this_update": world.corp.at + timedelta(days=2)}
    return {
        "forged": crl_of(world, issuing, number=2**159, sign_with=ec_key("mallory"), **BARE).der,
        "older": crl_of(world, issuing, number=4).der,
        "elsewhere": crl_of(world, world.corp.root, number=9).der,
        "page": f"<html>{TATTLE}</html>".encode(),
        "future": crl_of(world, issuing, number=9, **later).der,
        "stranger": crl_of(world, world.corp.ca("Stranger"), number=9).der,
    }[kind]


@pytest.mark.parametrize("kind", REFUSED)
async def test_list_in_use_stays_when_what_came_instead_is_refused(world: World, kind: str) -> None:
    reason, code, detail = REFUSED[kind]
    server = Server(served(crl_of(world, world.corp.issuing, number=5)))
    async with serving(server) as (_, url):
        await first_good(world, url)
        server.behaviour = reply(refused_body(world, kind))
        await world.travel(NEXT)
        report = await world.settle("corp", lambda report: report.reason == reason, kind=SOURCE)

        assert (report.validation, report.finding(reason).get("detail")) == (code, detail)
        assert report.conditions["Stalled"] == ("True", reason)
        assert report.conditions["Fresh"] == ("True", "Valid")
        assert (report.status["crlNumber"], "In use: list number 5" in report.message()) == ("5", True)
        assert TATTLE not in str(report.status)

        server.behaviour = served(crl_of(world, world.corp.issuing, number=6))
        await world.travel(NEXT)
        await world.settle("corp", lambda report: report.status.get("crlNumber") == "6", kind=SOURCE)


async def test_nothing_is_written_when_the_server_says_that_nothing_changed(world: World) -> None:
    crl = crl_of(world, world.corp.issuing, number=5)
    server = Server(served(crl, ETag='"five"'))
    async with serving(server) as (running, url):
        await first_good(world, url)
        await world.rest()
        before = await world.status("corp", kind=SOURCE)
        server.behaviour = reply(b"", "304 Not Modified")
        for turn in range(2, 4):
            await world.travel(NEXT)
            await _visited(world, running, turn)
            await world.rest()
        assert running.visits[1].headers["if-none-match"] == '"five"'
        assert (await world.status("corp", kind=SOURCE)).subject.version == before.subject.version


async def test_new_list_is_found_when_its_server_clings_to_an_etag(world: World) -> None:
    """A server that answers 304 by mistake cannot be seen through: once a day the body is asked for in any case."""
    server = Server(served(crl_of(world, world.corp.issuing, number=5), ETag='"stale"'))
    async with serving(server) as (running, url):
        await first_good(world, url)
        new = served(crl_of(world, world.corp.issuing, number=6), ETag='"stale"')

        async def cling(visit: Visit) -> None:
            await (reply(b"", "304 Not Modified") if "if-none-match" in visit.headers else new)(visit)

        server.behaviour = cling
        await world.travel(NEXT)
        await _visited(world, running, 2)
        assert (await world.status("corp", kind=SOURCE)).status["crlNumber"] == "5"
        await world.travel(timedelta(days=1))
        await world.settle("corp", lambda report: report.status.get("crlNumber") == "6", kind=SOURCE)


async def test_redirect_is_not_followed_when_it_leads_to_a_host_that_is_not_allowed(world: World) -> None:
    async with serving(redirect(ELSEWHERE)) as (_, url):
        await world.apply(issuers(world), fetched(url))
        report = await world.settle("corp", failed("Redirect", "HostNotAllowed"), kind=SOURCE)
    assert report.validation == -1
    assert "127.0.0.2" not in str(report.status)
    assert "CERTWRIGHT_CRL_HOSTS" in report.message()


async def test_nothing_is_asked_when_the_host_is_not_allowed(world: World) -> None:
    await world.apply(issuers(world), fetched("http://crl.example.com/list"))
    report = await world.settle("corp", lambda report: report.reason == "HostNotAllowed", kind=SOURCE)
    assert report.conditions["Stalled"] == ("True", "HostNotAllowed")
    assert report.conditions["Valid"] == ("Unknown", "NotChecked")
    assert report.validation == -1
    assert "No list is in use." in report.message()


async def test_note_is_made_when_the_media_type_is_none_of_a_list(world: World) -> None:
    crl = crl_of(world, world.corp.issuing, number=5)
    async with serving(reply(crl.der, Content_Type="text/html")) as (_, url):
        report = await first_good(world, url)
    assert report.warnings == ["Normalized"]


async def test_pem_is_read_when_a_server_serves_that(world: World) -> None:
    async with serving(reply(crl_of(world, world.corp.issuing, number=5).pem.encode())) as (_, url):
        report = await first_good(world, url)
    assert report.status["crlNumber"] == "5"


async def test_server_is_trusted_by_the_named_ca_and_by_no_other_when_it_speaks_tls(
    world: World, tmp_path: Path
) -> None:
    authority = PKI().root("Server CA", not_before=world.corp.at - timedelta(days=1))
    host = authority.issue_leaf(
        "list server", ips=["127.0.0.1"], not_before=world.corp.at - timedelta(days=9), not_after=_far(world)
    )
    files = tmp_path / "chain.pem", tmp_path / "key.pem"
    files[0].write_text(host.pem)
    files[1].write_text(host.key_pem)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*files)
    async with serving(served(crl_of(world, world.corp.issuing, number=5)), tls=tls) as (_, url):
        wrong = {"caRef": {"kind": "ConfigMap", "name": "issuers"}}
        await world.apply(issuers(world), fetched(url, **wrong))
        report = await world.settle("corp", failed("TLS"), kind=SOURCE)
        assert report.validation == -1

        await world.apply(config_map("issuers", {"ca.crt": world.corp.issuing.pem, "tls.crt": authority.pem}))
        await world.apply(fetched(url, caRef={"kind": "ConfigMap", "name": "issuers", "key": "tls.crt"}))
        await world.settle("corp", is_ready, kind=SOURCE)


async def test_every_turn_is_told_and_nothing_is_lost_when_a_server_flaps(world: World) -> None:
    good = served(crl_of(world, world.corp.issuing, number=5))
    async with serving(in_turn(good, reply(b"", "500 Oops"), good, reply(b"", "500 Oops"), good)) as (_, url):
        await first_good(world, url)
        for _ in range(2):
            await world.travel(NEXT)
            report = await world.settle("corp", failed("Status"), kind=SOURCE)
            assert report.status["crlNumber"] == "5"
            await world.travel(NEXT)
            await world.settle("corp", is_ready, kind=SOURCE)


async def test_fetch_waits_for_nobody_when_a_server_keeps_it_waiting(world: World) -> None:
    """Other objects are judged while a server is silent: a fetch occupies no worker."""
    gate = asyncio.Event()

    async def wait(visit: Visit) -> None:
        await gate.wait()
        await served(crl_of(world, world.corp.issuing, number=5))(visit)

    async with serving(wait) as (running, url):
        await world.apply(issuers(world), fetched(url))
        gate.set()
        await world.settle("corp", is_ready, kind=SOURCE)
        assert len(running.visits) == 1


def _far(world: World) -> Any:
    return world.corp.at + timedelta(days=3650)


async def _visited(world: World, server: HostileServer, times: int) -> None:
    async def seen() -> bool:
        return len(server.visits) >= times

    await world.wait(seen, f"visit {times}")
