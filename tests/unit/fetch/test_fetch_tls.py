"""TLS: the certificate must be for the name, and from a CA that the wish or the system trusts."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certwright.fetch.failures import FetchError
from certwright.fetch.http_fetcher import HTTPFetcher
from certwright.fetch.ports import FetchRequest
from certwright.fetch.tls import client_context
from certwright.findings import Detail, Reason
from tests.support.hostile_server import TATTLE, HostileServer, redirect, reply, silence
from tests.support.pki import PKI, Entity

MakeFetcher = Callable[..., HTTPFetcher]

# TLS asks the clock of the machine, so these are valid for as long as the tests may be run.
ALWAYS = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), "not_after": datetime(2120, 1, 1, tzinfo=UTC)}
ROOT = PKI().root("Web Root", **ALWAYS)
OTHER_ROOT = PKI().root("Other Root", **ALWAYS)
BODY = b"list"


@pytest.fixture
def serving(tmp_path: Path) -> Callable[[Entity], ssl.SSLContext]:
    """Give a maker of contexts for servers that show this certificate and its chain."""

    def make(entity: Entity) -> ssl.SSLContext:
        file = tmp_path / "server.pem"
        file.write_text(entity.key_pem + entity.chain_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    return make


Serving = Callable[[Entity], ssl.SSLContext]


def leaf(name: str = "crl.example.com", issuer: Entity = ROOT, **wishes: object) -> Entity:
    return issuer.issue_leaf(name, **{**ALWAYS, **wishes})


def request(port: int, ca: Entity | None = ROOT, path: str = "/list") -> FetchRequest:
    pem = None if ca is None else ca.pem.encode()
    return FetchRequest(f"https://crl.example.com:{port}{path}", ca_pem=pem)


async def test_fetch_gives_the_body_when_the_certificate_is_right(make_fetcher: MakeFetcher, serving: Serving) -> None:
    through = leaf(issuer=ROOT.issue_ca("Web Issuing CA", **ALWAYS))
    async with HostileServer({"/list": reply(BODY)}, tls=serving(through)) as server:
        fetcher = make_fetcher(server.port)
        assert (await fetcher.fetch(request(server.port))).body == BODY
    assert server.visits[0].headers["host"] == f"crl.example.com:{server.port}"


@pytest.mark.parametrize(
    ("certificate", "ca"),
    [
        (leaf(), OTHER_ROOT),
        (leaf(), None),
        (leaf("other.example.com"), ROOT),
        (leaf(dns=[], ips=["127.0.0.1"]), ROOT),
        (leaf(not_after=datetime(2021, 1, 1, tzinfo=UTC)), ROOT),
        (leaf(usages=["clientAuth"]), ROOT),
        (PKI().self_signed("crl.example.com", **ALWAYS), None),
    ],
    ids=["unknown CA", "CA not the system's", "wrong name", "address only", "expired", "wrong usage", "self-signed"],
)
async def test_fetch_asks_nothing_when_the_certificate_is_wrong(
    make_fetcher: MakeFetcher, serving: Serving, certificate: Entity, ca: Entity | None
) -> None:
    async with HostileServer({"/list": reply(BODY)}, tls=serving(certificate)) as server:
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port).fetch(request(server.port, ca))
    finding = caught.value.finding
    assert (finding.reason, finding.detail) == (Reason.FETCH_FAILED, Detail.TLS)
    assert finding.message.startswith("Cannot fetch from `crl.example.com`: no trusted TLS connection can be made.")
    assert server.visits == []


async def test_fetch_fails_when_a_redirect_leads_from_https_to_http(
    make_fetcher: MakeFetcher, serving: Serving
) -> None:
    plain = f"http://{TATTLE}.example.com/"
    async with HostileServer({"/list": redirect(plain)}, tls=serving(leaf())) as server:
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port).fetch(request(server.port))
    assert caught.value.finding.detail is Detail.REDIRECT
    assert TATTLE not in caught.value.finding.message


async def test_fetch_judges_the_certificate_anew_when_redirected(make_fetcher: MakeFetcher, serving: Serving) -> None:
    behaviours = {"/moved": reply(BODY)}
    async with HostileServer(behaviours, tls=serving(leaf())) as server:
        behaviours["/list"] = redirect(f"https://cdn.example.com:{server.port}/moved")
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port).fetch(request(server.port))
    assert caught.value.finding.detail is Detail.TLS
    assert [visit.target for visit in server.visits] == ["/list"]


async def test_fetch_fails_when_the_server_speaks_plainly(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({}, greeting=f"220 {TATTLE}\r\n".encode()) as server:
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port).fetch(request(server.port))
    assert caught.value.finding.detail is Detail.TLS
    assert TATTLE not in caught.value.finding.message


async def test_fetch_times_out_when_the_handshake_never_ends(make_fetcher: MakeFetcher) -> None:
    async with HostileServer({}) as server:
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port, connect_seconds=0.1).fetch(request(server.port))
    assert caught.value.finding.detail is Detail.TIMEOUT


async def test_fetch_times_out_when_a_secure_server_falls_silent(make_fetcher: MakeFetcher, serving: Serving) -> None:
    async with HostileServer({"/list": silence()}, tls=serving(leaf())) as server:
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port, idle_seconds=0.1).fetch(request(server.port))
    assert caught.value.finding.detail is Detail.TIMEOUT


@pytest.mark.parametrize(
    "pem",
    [b"", b" \n", b"no PEM", b"\xff", ROOT.der, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
)
async def test_fetch_asks_nothing_when_the_ca_cannot_be_used(make_fetcher: MakeFetcher, pem: bytes) -> None:
    async with HostileServer({}) as server:
        with pytest.raises(FetchError) as caught:
            await make_fetcher(server.port).fetch(FetchRequest(f"https://crl.example.com:{server.port}/", ca_pem=pem))
        assert server.connections == 0
    finding = caught.value.finding
    assert (finding.reason, finding.detail) == (Reason.INVALID_REQUEST, Detail.NO_CERTIFICATE)
    assert finding.message.startswith("`caRef` must name PEM with at least one CA certificate")
    assert not caught.value.may_pass


def test_client_context_trusts_only_the_given_when_a_ca_is_given() -> None:
    context = client_context((ROOT.pem + OTHER_ROOT.pem).encode())
    assert sorted(str(found["serialNumber"]) for found in context.get_ca_certs()) == sorted(
        f"{root.serial:016X}" for root in (ROOT, OTHER_ROOT)
    )
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_client_context_is_made_once_when_asked_again() -> None:
    assert client_context(None) is client_context(None)
