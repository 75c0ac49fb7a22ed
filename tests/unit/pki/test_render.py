from __future__ import annotations

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import MaterialError, Reason
from certwright.pki.certificate import Certificate
from certwright.pki.keys import read_private_key
from certwright.pki.render import (
    Pkcs12Recipe,
    SecretRecipe,
    Stored,
    digest,
    managed_keys,
    matches_stored,
    read_stored,
    render,
)
from tests.support.pki_files import PASSWORD, ec_key, issued, openssl, rsa_key, secrets_of

LEAF, ISSUING, ROOT = (Certificate.from_der(issued(role).der) for role in ("leaf", "issuing", "root"))
KEY = read_private_key(issued("leaf").key, what="`tls.key`").key
OTHER_KEY = read_private_key(ec_key(name="other"), what="`tls.key`").key
FORMAT = Pkcs12Recipe("keystore.p12", "shop", PASSWORD)
RECIPE = SecretRecipe((LEAF, ISSUING), KEY, (ROOT,), (FORMAT,))
DATA = render(RECIPE)


def changed(**changes: object) -> SecretRecipe:
    return dataclasses.replace(RECIPE, **changes)  # type: ignore[arg-type]


def with_format(**changes: object) -> SecretRecipe:
    return changed(formats=(dataclasses.replace(FORMAT, **changes),))  # type: ignore[arg-type]


def test_render_writes_leaf_then_intermediates_key_and_anchor() -> None:
    assert DATA.keys() == {"tls.crt", "tls.key", "ca.crt", "keystore.p12"}
    assert DATA["tls.crt"] == issued("leaf").certificate + issued("issuing").certificate
    assert DATA["tls.key"].startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert DATA["ca.crt"] == issued("root").certificate


def test_render_writes_only_certificates_when_there_is_no_key_and_no_anchor() -> None:
    assert render(SecretRecipe((LEAF,))) == {"tls.crt": issued("leaf").certificate}


def test_render_is_accepted_by_openssl() -> None:
    shown = openssl("pkcs12", "-passin", f"pass:{PASSWORD.decode()}", "-nokeys", stdin=DATA["keystore.p12"])
    assert b"friendlyName: shop" in shown
    assert openssl("pkey", "-pubout", stdin=DATA["tls.key"]) == openssl(
        "x509", "-pubkey", "-noout", stdin=DATA["tls.crt"]
    )


def test_render_keeps_the_stored_file_when_it_still_fits() -> None:
    assert render(RECIPE, DATA) == DATA
    assert render(RECIPE)["keystore.p12"] != DATA["keystore.p12"]  # random by nature: hence the keeping
    assert render(changed(ca=()), DATA)["keystore.p12"] == DATA["keystore.p12"]


def test_render_makes_the_file_anew_when_only_the_password_changed() -> None:
    recipe = with_format(password=b"another")
    data = render(recipe, DATA)
    assert data["keystore.p12"] != DATA["keystore.p12"]
    assert {name: data[name] for name in ("tls.crt", "tls.key", "ca.crt")} == {
        name: DATA[name] for name in ("tls.crt", "tls.key", "ca.crt")
    }
    assert matches_stored(recipe, data)


def test_render_refuses_when_the_password_is_empty() -> None:
    with pytest.raises(MaterialError) as caught:
        render(with_format(password=b""))
    assert caught.value.finding.reason is Reason.INVALID_REQUEST


def test_matches_stored_holds_when_just_rendered() -> None:
    assert matches_stored(RECIPE, DATA)
    assert matches_stored(RECIPE, DATA | {"notes.txt": b"not ours"})


@pytest.mark.parametrize("name", sorted(DATA))
def test_matches_stored_fails_when_a_part_is_absent_or_damaged(name: str) -> None:
    assert not matches_stored(RECIPE, {key: value for key, value in DATA.items() if key != name})
    assert not matches_stored(RECIPE, DATA | {name: b"damaged"})
    assert not matches_stored(RECIPE, DATA | {name: b""})


@pytest.mark.parametrize(
    "recipe",
    [
        with_format(password=b"another"),
        with_format(alias="other"),
        with_format(data_key="other.p12"),
        changed(key=OTHER_KEY),
        changed(key=None),
        changed(certificates=(LEAF,)),
        changed(certificates=(LEAF, ISSUING, ROOT)),
        changed(ca=(ISSUING,)),
    ],
)
def test_matches_stored_fails_when_the_recipe_changed(recipe: SecretRecipe) -> None:
    assert not matches_stored(recipe, DATA)


def test_matches_stored_fails_when_the_file_holds_another_entry() -> None:
    root = Certificate.from_der(issued("root").der)
    root_key = read_private_key(issued("root").key, what="`tls.key`").key
    other = render(changed(certificates=(root,), key=root_key))
    assert not matches_stored(RECIPE, DATA | {"keystore.p12": other["keystore.p12"]})
    none = render(changed(key=None))
    assert not matches_stored(RECIPE, DATA | {"keystore.p12": none["keystore.p12"]})


def test_matches_stored_holds_when_alias_is_empty_or_key_is_absent() -> None:
    for recipe in (with_format(alias=""), changed(key=None)):
        assert matches_stored(recipe, render(recipe))


def test_matches_stored_fails_when_it_was_another_password_in_several_formats() -> None:
    recipe = changed(formats=(FORMAT, Pkcs12Recipe("second.p12", "shop", b"second")))
    data = render(recipe, DATA)
    assert data["keystore.p12"] == DATA["keystore.p12"]
    assert matches_stored(recipe, data)
    assert not matches_stored(recipe, data | {"second.p12": data["keystore.p12"]})


def test_managed_keys_names_what_the_recipe_fills() -> None:
    assert managed_keys(RECIPE) == frozenset(DATA)
    assert managed_keys(SecretRecipe((LEAF,))) == {"tls.crt"}


@pytest.mark.parametrize(
    "recipe",
    [
        with_format(alias="other"),
        with_format(data_key="other.p12"),
        changed(formats=()),
        changed(key=OTHER_KEY),
        changed(key=None),
        changed(certificates=(LEAF,)),
        changed(certificates=(ISSUING, LEAF)),
        changed(ca=()),
        SecretRecipe((LEAF,), KEY, (ISSUING, ROOT), (FORMAT,)),
    ],
)
def test_digest_differs_when_something_public_differs(recipe: SecretRecipe) -> None:
    assert digest(recipe) != digest(RECIPE)


def test_digest_is_the_same_when_only_the_password_differs() -> None:
    assert digest(with_format(password=b"another")) == digest(RECIPE)
    assert len(digest(RECIPE)) == len("sha256:") + 64
    assert digest(RECIPE).startswith("sha256:")


def test_digest_is_the_same_when_the_key_only_has_another_encoding() -> None:
    padded = dataclasses.replace(KEY, pkcs8=KEY.pkcs8 + b"anything")
    assert digest(changed(key=padded)) == digest(RECIPE)


@given(st.text(max_size=20), st.text(max_size=20))
def test_digest_tells_formats_apart_whatever_their_names(one: str, other: str) -> None:
    assert (digest(with_format(alias=one)) == digest(with_format(alias=other))) is (one == other)


def test_read_stored_gives_back_what_was_rendered() -> None:
    stored = read_stored(DATA)
    assert stored == Stored(LEAF, (ISSUING,), KEY, (ROOT,))
    assert stored.fingerprint == LEAF.fingerprint


def test_read_stored_leaves_out_what_cannot_be_read() -> None:
    assert read_stored({"tls.crt": DATA["tls.crt"], "tls.key": b"lost", "ca.crt": b"lost"}) == Stored(LEAF, (ISSUING,))


@pytest.mark.parametrize("data", [{}, {"tls.crt": b""}, {"tls.crt": b"lost", "tls.key": DATA["tls.key"]}])
def test_read_stored_gives_nothing_when_there_is_no_certificate(data: dict[str, bytes]) -> None:
    assert read_stored(data) is None


@given(st.dictionaries(st.sampled_from(["tls.crt", "tls.key", "ca.crt", "keystore.p12"]), st.binary(max_size=100)))
def test_stored_data_never_raises_whatever_the_bytes(data: dict[str, bytes]) -> None:
    assert read_stored(data) is None
    assert not matches_stored(RECIPE, data)
    assert matches_stored(RECIPE, render(RECIPE, data))


def test_recipe_survives_the_way_to_a_worker_and_back() -> None:
    assert pickle.loads(pickle.dumps(RECIPE)) == RECIPE  # noqa: S301 - our own bytes


def test_recipe_hides_key_and_password_when_shown() -> None:
    key = read_private_key(rsa_key(), what="`tls.key`").key
    recipe = changed(key=key)
    shown = repr(recipe) + repr(read_stored(render(SecretRecipe((LEAF,), key))))
    assert PASSWORD.decode() not in shown
    for secret in secrets_of(rsa_key()):
        assert repr(secret)[2:-1] not in shown
