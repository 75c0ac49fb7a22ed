"""Key stores beside the PEM form: made once, kept byte for byte, and made anew when their password is."""

from __future__ import annotations

import pytest

from tests.support.pki_files import openssl
from tests.support.worlds import World
from tests.support.worlds.manifests import secret, serving
from tests.support.worlds.material import stored, upload

KEYSTORE = {
    "secretName": "shop-tls",
    "formats": [{"type": "PKCS12", "key": "keystore.p12", "passwordRef": {"name": "password"}}],
}


def opened(keystore: bytes, password: str) -> str:
    """Open a PKCS#12 file as people do; the answer holds certificates and key as PEM."""
    options = ("-in", "keystore.p12", "-nodes", "-passin", f"pass:{password}")
    return openssl("pkcs12", *options, files={"keystore.p12": keystore}).decode()


async def keystore(world: World) -> bytes:
    target = await world.read("Secret", "shop-tls")
    assert target is not None
    return target.data["keystore.p12"]


async def test_keystore_opens_with_the_password_when_the_target_asks_for_one(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(secret("password", {"password": "first"}), upload(leaf), serving("shop", KEYSTORE))
    await world.settle("shop", lambda report: report.is_ok)

    text = opened(made := await keystore(world), "first")

    assert "friendlyName: shop" in text
    for block in (leaf.pem, world.corp.issuing.pem, leaf.key_pem):
        assert block.strip() in text
    with pytest.raises(RuntimeError, match=r"(?i)mac verify|invalid password"):
        opened(made, "second")
    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert target.data == {**stored(leaf), "keystore.p12": made}


async def test_keystore_is_made_anew_when_its_password_changes_in_fact(world: World) -> None:
    await world.apply(secret("password", {"password": "first"}), upload(world.corp.leaf()), serving("shop", KEYSTORE))
    await world.settle("shop", lambda report: report.is_ok)
    made = await keystore(world)

    await world.apply(secret("password", {"password": "first"}, labels={"touched": "yes"}))
    await world.rest()
    assert await keystore(world) == made

    await world.apply(secret("password", {"password": "second"}))

    async def opens() -> bool:
        now = await keystore(world)
        return now != made and bool(opened(now, "second"))

    await world.wait(opens, "a key store under the new password")
    await world.settle("shop", lambda report: report.is_ok)


async def test_keystore_stays_when_its_password_goes_away(world: World) -> None:
    await world.apply(secret("password", {"password": "first"}), upload(world.corp.leaf()), serving("shop", KEYSTORE))
    await world.settle("shop", lambda report: report.is_ok)
    before = await world.read("Secret", "shop-tls")

    await world.delete("Secret", "password")
    report = await world.settle("shop", lambda report: not report.is_ok)

    assert (report.answer, report.validation) == (("NOT_FOUND", 404), 0)
    assert report.target_answer("shop-tls") == ("NOT_FOUND", 404)
    assert await world.read("Secret", "shop-tls") == before


async def test_keystore_goes_when_it_leaves_the_wish(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(secret("password", {"password": "first"}), upload(leaf), serving("shop", KEYSTORE))
    await world.settle("shop", lambda report: report.is_ok)

    await world.apply(serving())
    await world.settle("shop", lambda report: report.is_ok)

    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert target.data == stored(leaf)
