"""Revocation lists over time: where they come from, what they do to certificates, and what does nothing to either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.pki import Entity, SignedList, ec_key
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import config_map, serving, source
from tests.support.worlds.material import stored, upload

SOURCE = "RevocationSource"
CHAIN = ("CERTIFICATE_CHAIN_IS_INVALID", 522)
PREFER = {"trust": {"revocation": "Prefer"}}
ISSUER = {"issuerRef": {"kind": "ConfigMap", "name": "issuers"}}
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
BARE = {"without": ["authorityKeyIdentifier"]}


def crl_of(world: World, issuer: Entity, *revoked: Entity, **wishes: Any) -> SignedList:
    """Issue a list that was made an hour ago and holds for a week."""
    dates = {"this_update": world.corp.at - HOUR, "next_update": world.corp.at + WEEK}
    return issuer.crl(revoked, **{**dates, **wishes})


def issuers(world: World) -> dict[str, Any]:
    """Write the ConfigMap with the certificates that sign lists."""
    return config_map("issuers", {"ca.crt": world.corp.issuing.pem + world.corp.root.pem})


def both(world: World, *revoked: Entity, **wishes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write sources for the lists of both CAs; the root's names nobody."""
    return (
        source("issuing", crl=crl_of(world, world.corp.issuing, *revoked, **wishes).pem, **ISSUER),
        source("root", crl=crl_of(world, world.corp.root).pem, **ISSUER),
    )


def is_ready(report: Report) -> bool:
    return report.condition("Ready") == ("True", "Valid")


async def test_certificate_is_refused_and_its_secret_kept_when_a_list_names_it(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving(**PREFER), issuers(world), *both(world, number=5))
    await world.settle("issuing", is_ready, kind=SOURCE)
    good = await world.settle("shop", lambda report: report.is_ok)
    assert good.validation == 0

    await world.apply(*both(world, leaf, number=6))
    report = await world.settle("shop", lambda report: report.reason == "Revoked")

    assert (report.answer, report.validation) == (CHAIN, 2005)
    assert report.message().startswith('Refused: the certificate "shop.example.com" (serial ')
    assert "Still served: serial" in report.message()
    secret = await world.read("Secret", "shop-tls")
    assert secret is not None
    assert secret.data == stored(leaf)


async def test_certificate_stays_revoked_when_its_list_is_taken_away(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving(**PREFER), issuers(world), *both(world, leaf, number=6))
    await world.settle("shop", lambda report: report.reason == "Revoked")

    await world.delete(SOURCE, "issuing")
    await world.rest()
    report = await world.settle("shop")
    assert report.reason == "Revoked"

    await world.apply(*both(world, number=6))
    await world.settle("issuing", is_ready, kind=SOURCE)
    await world.rest()
    assert (await world.status("shop")).reason == "Revoked"

    await world.apply(*both(world, number=7))
    await world.settle("shop", lambda report: report.is_ok)


async def test_list_in_use_stays_when_its_successor_is_older_or_not_authentic(world: World) -> None:
    await world.apply(issuers(world), *both(world, number=6))
    good = await world.settle("issuing", is_ready, kind=SOURCE)
    assert (good.validation, good.status["crlNumber"], good.status["entries"]) == (0, "6", 0)

    forged = crl_of(world, world.corp.issuing, number=2**159, sign_with=ec_key("mallory"), **BARE)
    for crl, detail in ((crl_of(world, world.corp.issuing, number=5), "Older"), (forged, "Signature")):
        await world.apply(source("issuing", crl=crl.pem, **ISSUER))
        report = await world.settle(
            "issuing", lambda report, wanted=detail: _detail(report) == wanted, kind=SOURCE
        )
        assert (report.validation, report.reason) == (2033, "CRLNotValid")
        assert report.conditions["Fresh"] == ("True", "Valid")
        assert "In use: list number 6" in report.message()
        assert report.status["crlNumber"] == "6"

    await world.apply(*both(world, number=7))
    report = await world.settle("issuing", is_ready, kind=SOURCE)
    assert report.status["crlNumber"] == "7"


def _detail(report: Report) -> str | None:
    findings = report.status.get("findings") or ({},)
    return findings[0].get("detail")
