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
        report = await world.settle("issuing", lambda report, wanted=detail: _detail(report) == wanted, kind=SOURCE)
        assert (report.validation, report.reason) == (2033, "CRLNotValid")
        assert report.conditions["Fresh"] == ("True", "Valid")
        assert "In use: list number 6" in report.message()
        assert report.status["crlNumber"] == "6"

    await world.apply(*both(world, number=7))
    report = await world.settle("issuing", is_ready, kind=SOURCE)
    assert report.status["crlNumber"] == "7"


async def test_verdict_turns_at_the_instant_when_its_list_ends(world: World) -> None:
    end = world.corp.at + timedelta(days=3)
    await world.apply(upload(world.corp.leaf()), serving(**PREFER), issuers(world), *both(world, next_update=end))
    turn = stamp(end + timedelta(seconds=1))
    await world.settle("shop", lambda report: report.is_ok and report.status["nextCheckTime"] == turn)
    await world.settle("issuing", is_ready, kind=SOURCE)

    await world.stand_at(end)
    await world.rest()
    assert (await world.status("shop")).is_ok

    await world.stand_at(end + timedelta(seconds=1))
    report = await world.settle("shop", lambda report: report.reason == "CRLExpired")
    assert (report.answer, report.validation) == (CHAIN, 2034)
    listed = await world.settle("issuing", lambda report: report.reason == "CRLExpired", kind=SOURCE)
    assert (listed.validation, listed.conditions["Fresh"]) == (2034, ("False", "CRLExpired"))

    later = {"next_update": end + WEEK, "this_update": end - HOUR, "number": 2}
    await world.apply(*both(world, **later))
    await world.settle("shop", lambda report: report.is_ok)


async def test_missing_list_is_a_warning_or_a_refusal_when_preferred_or_required(world: World) -> None:
    leaf = world.corp.leaf()
    chain = leaf.chain_pem + world.corp.root.pem
    require = {"trust": {"revocation": "Require"}}
    await world.apply(upload(leaf, crt=chain), serving(**PREFER), issuers(world))
    report = await world.settle("shop", lambda report: report.is_ok)
    assert report.finding("CRLNotValid")["detail"] == "CRLMissing"
    assert "revocation was not checked" in report.finding("CRLNotValid")["message"]

    await world.apply(serving(**require))
    report = await world.settle("shop", lambda report: report.reason == "CRLNotValid")
    assert (report.answer, report.validation) == (CHAIN, 2033)

    await world.apply(*both(world))
    report = await world.settle("shop", lambda report: report.is_ok)
    assert "CRLNotValid" not in report.warnings


async def test_path_is_invalid_when_the_issuer_is_revoked(world: World) -> None:
    leaf = world.corp.leaf()
    listed = source("root", crl=crl_of(world, world.corp.root, world.corp.issuing).pem, **ISSUER)
    chain = leaf.chain_pem + world.corp.root.pem
    await world.apply(upload(leaf, crt=chain), serving(**PREFER), issuers(world), listed)
    report = await world.settle("shop", lambda report: report.reason == "ChainInvalid")
    assert (report.answer, report.validation) == (CHAIN, 2013)
    assert report.finding("ChainInvalid")["detail"] == "IssuerRevoked"


async def test_lists_are_nobodys_business_when_nothing_is_said_about_trust(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving(), issuers(world), *both(world, leaf))
    await world.settle("issuing", is_ready, kind=SOURCE)
    await world.rest()
    report = await world.settle("shop", lambda report: report.is_ok)
    assert "lists" not in report.status["record"]


async def test_list_is_judged_when_what_it_is_read_from_appears_and_changes(world: World) -> None:
    wish = source("issuing", crlRef={"kind": "ConfigMap", "name": "lists"}, **ISSUER)
    await world.apply(wish)
    report = await world.settle("issuing", lambda report: report.reason == "ReferenceNotFound", kind=SOURCE)
    assert report.validation == -1
    assert report.conditions["Reconciling"] == ("True", "ReferenceNotFound")

    for number in (1, 2):
        crl = crl_of(world, world.corp.issuing, number=number)
        await world.apply(issuers(world), config_map("lists", binary={"ca.crl": crl.der}))
        wanted = str(number)
        await world.settle("issuing", lambda report, text=wanted: report.status.get("crlNumber") == text, kind=SOURCE)
    good = await world.settle("issuing", is_ready, kind=SOURCE)
    assert good.warnings == []

    await world.delete("ConfigMap", "lists")
    report = await world.settle("issuing", lambda report: report.reason == "ReferenceNotFound", kind=SOURCE)
    assert "In use: list number 2" in report.message()


async def test_list_is_not_used_when_nobody_is_named_as_its_issuer(world: World) -> None:
    leaf = world.corp.leaf()
    unsure = source("issuing", crl=crl_of(world, world.corp.issuing, leaf).pem)
    await world.apply(upload(leaf), serving(**PREFER), unsure)
    report = await world.settle("issuing", lambda report: report.reason == "CRLIssuerNotFound", kind=SOURCE)
    assert (report.validation, report.status.get("crlNumber")) == (2031, None)
    assert report.message().endswith("or name it in `spec.issuerRef`. No list is in use.")
    await world.rest()
    assert (await world.status("shop")).is_ok

    await world.apply(issuers(world), *both(world, leaf))
    await world.settle("shop", lambda report: report.reason == "Revoked")


async def test_warning_comes_when_a_list_nears_its_end_and_nobody_fetches_it(world: World) -> None:
    await world.apply(issuers(world), *both(world))
    report = await world.settle("issuing", is_ready, kind=SOURCE)
    life = WEEK + HOUR
    await world.stand_at(world.corp.at - HOUR + life * 0.8 + timedelta(seconds=1))
    report = await world.settle("issuing", lambda report: report.warnings == ["ExpiringSoon"], kind=SOURCE)
    assert is_ready(report)

    async def told() -> bool:
        return any(event.reason == "ExpiringSoon" for event in await world.events("issuing", kind=SOURCE))

    await world.wait(told, "the event")


def stamp(instant: Any) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _detail(report: Report) -> str | None:
    findings = report.status.get("findings") or ({},)
    return findings[0].get("detail")
