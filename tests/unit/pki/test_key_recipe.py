"""Keys are made once: a recipe makes one where there is none, and keeps the one that is there."""

import pickle

import pytest

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.key_recipe import KeyRecipe, holds_key, render_key
from certwright.pki.keys import read_private_key
from certwright.pki.private_key import PrivateKey
from tests.support.pki import ec_key
from tests.support.pki_files import converted


def read(data: dict[str, bytes]) -> PrivateKey:
    return read_private_key(data["tls.key"], what="`tls.key`").key


@pytest.mark.parametrize(("algorithm", "size"), [("ECDSA", 256), ("ECDSA", 521), ("Ed25519", 256), ("RSA", 2048)])
def test_new_key_is_made_as_asked_when_there_is_none(algorithm: str, size: int) -> None:
    recipe = KeyRecipe(algorithm, size)

    first, second = (read(render_key(recipe, {})) for _ in range(2))

    assert (first.algorithm, first.size) == (algorithm, size)
    assert first.public != second.public
    assert not holds_key(recipe, {"tls.key": first.to_pem()})


def test_key_that_is_there_is_never_replaced_by_a_new_one() -> None:
    with pytest.raises(MaterialError) as raised:
        render_key(KeyRecipe("ECDSA", 256), {"tls.key": b"anything"})

    assert raised.value.finding.reason is Reason.KEY_LOST


def test_key_that_stays_is_written_in_its_one_form() -> None:
    pem = ec_key("stays").pem.encode()
    public = read({"tls.key": pem}).public
    recipe = KeyRecipe("ECDSA", 256, public.fingerprint)
    untidy = converted(pem, "-traditional")

    assert untidy != pem
    assert render_key(recipe, {"tls.key": untidy, "note": b"theirs"}) == {"tls.key": pem}
    assert holds_key(recipe, {"tls.key": pem, "note": b"theirs"})
    assert not holds_key(recipe, {"tls.key": untidy})


@pytest.mark.parametrize(
    ("stored", "reason", "detail"),
    [
        ({}, Reason.KEY_INVALID, Detail.NO_KEY),
        ({"tls.key": ec_key("other").pem.encode()}, Reason.KEY_LOST, None),
    ],
)
def test_key_that_is_to_stay_is_refused_when_another_is_there(
    stored: dict[str, bytes], reason: Reason, detail: Detail | None
) -> None:
    recipe = KeyRecipe("ECDSA", 256, "sha256:" + "0" * 64)

    with pytest.raises(MaterialError) as raised:
        render_key(recipe, stored)

    assert (raised.value.finding.reason, raised.value.finding.detail) == (reason, detail)
    assert not holds_key(recipe, stored)


def test_recipe_holds_no_key_and_knows_what_takes_long() -> None:
    recipes = (KeyRecipe("RSA", 8192), KeyRecipe("ECDSA", 256), KeyRecipe("RSA", 8192, "sha256:" + "0" * 64))

    assert [each.is_heavy for each in recipes] == [True, False, False]
    assert [each.takes_long for each in (*recipes, KeyRecipe("RSA", 2048))] == [True, False, False, False]
    assert pickle.loads(pickle.dumps(recipes)) == recipes  # noqa: S301 - our own
