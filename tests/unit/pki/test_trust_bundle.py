from __future__ import annotations

import dataclasses
import pickle
import re
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.intake import encode_certificates
from certwright.pki.keys import read_private_key
from certwright.pki.pkcs12 import write_pkcs12
from certwright.pki.trust_bundle import (
    BundleRecipe,
    holds_trust_store,
    managed_keys,
    parse_bundle,
    render_bundle,
    render_target,
    render_trust_store,
    target_digest,
    target_matches,
)
from tests.support import der_writer as der
from tests.support.pki import PKI
from tests.support.pki_files import PASSWORD, openssl

if TYPE_CHECKING:
    from pathlib import Path

    from certwright.pki.certificate import Certificate

ROOTS = tuple(PKI().root(f"Corp Root {place}").certificate for place in range(6))
SORTED = tuple(sorted(ROOTS, key=lambda root: root.fingerprint))
ISSUING = PKI().root("Corp Root 0").issue_ca("Corp Issuing CA").certificate
LEAF = PKI().root("Corp Root 0").issue_leaf("shop.example.com")
PEM = BundleRecipe(ROOTS, "ca.crt")
STORE = BundleRecipe(ROOTS, "truststore.p12", "PKCS12", PASSWORD)
STORED = render_target(STORE)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)


def root_named(*attributes: tuple[str, str], **wishes: object) -> Certificate:
    return PKI().root(subject=der.name(*attributes), **wishes).certificate


def comments_of(bundle: bytes) -> list[str]:
    return [line for line in bundle.decode("ascii").split("\n") if line.startswith("#")]


def test_render_bundle_sorts_by_digest_and_writes_each_certificate_once() -> None:
    rendered = render_bundle([*ROOTS, *ROOTS], comments=False)
    assert rendered == encode_certificates(SORTED)
    assert max(map(len, rendered.splitlines())) == 64
    assert b"\r" not in rendered


def test_render_bundle_is_blocks_and_nothing_else_when_strict() -> None:
    block = rb"-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n"
    assert re.fullmatch(rb"(?:%s){6}" % block, render_bundle(ROOTS, comments=False))


def test_render_bundle_names_subject_and_expiry_when_commented() -> None:
    rendered = render_bundle(ROOTS, comments=True)
    assert comments_of(rendered) == [f"# {root.subject.rfc4514} until 2035-01-01" for root in SORTED]
    assert rendered.startswith(b"# CN=Corp Root ")
    assert b"".join(line + b"\n" for line in rendered.splitlines() if not line.startswith(b"#")) == render_bundle(
        ROOTS, comments=False
    )


@pytest.mark.parametrize(
    ("attributes", "comment"),
    [
        ([("O", "Müller, Söhne")], "# O=M\\C3\\BCller\\, S\\C3\\B6hne until 2035-01-01"),
        ([("CN", "a\n# b")], "# CN=a\\0A# b until 2035-01-01"),
        ([("CN", "x\u202ey\x1b[2J")], "# CN=x\\E2\\80\\AEy\\1B[2J until 2035-01-01"),
        (
            [("CN", "-----BEGIN CERTIFICATE-----")],
            "# CN=-\\2D-\\2D-BEGIN CERTIFICATE-\\2D-\\2D- until 2035-01-01",
        ),
        ([("CN", "x" * 300)], "# CN=" + "x" * 197 + "... until 2035-01-01"),
        ([], "# (empty name) until 2035-01-01"),
    ],
)
def test_render_bundle_escapes_the_subject_when_it_is_hostile(attributes: list[tuple[str, str]], comment: str) -> None:
    assert comments_of(render_bundle([root_named(*attributes)], comments=True)) == [comment]


def test_render_bundle_writes_the_year_with_four_digits_when_it_is_early() -> None:
    root = root_named(
        ("CN", "old"), not_before=datetime(1, 1, 1, tzinfo=UTC), not_after=datetime(900, 2, 3, tzinfo=UTC)
    )
    assert comments_of(render_bundle([root], comments=True)) == ["# CN=old until 0900-02-03"]


def test_render_bundle_is_empty_when_there_is_no_certificate() -> None:
    assert render_bundle([], comments=True) == b""
    assert parse_bundle(b"") == parse_bundle(b" \n") == ()


@given(st.lists(st.sampled_from(ROOTS)), st.booleans(), st.randoms())
def test_render_bundle_is_the_same_bytes_when_the_set_is_the_same(chosen: list, comments: bool, random) -> None:  # type: ignore[type-arg, no-untyped-def] # noqa: ANN001, FBT001 - hypothesis gives them by position
    rendered = render_bundle(chosen, comments=comments)
    again = [*chosen, *chosen[:2]]
    random.shuffle(again)
    assert render_bundle(again, comments=comments) == rendered
    read = parse_bundle(rendered)
    assert set(read) == set(chosen)
    assert render_bundle(read, comments=comments) == rendered


@given(TEXTS, TEXTS)
def test_render_bundle_holds_one_printable_comment_whatever_the_subject(one: str, other: str) -> None:
    root = root_named(("O", one), ("CN", other))
    rendered = render_bundle([root], comments=True)
    first, rest = rendered.decode("ascii").split("\n", 1)
    assert first.startswith("# CN=")
    assert first.isprintable()
    assert "--" not in first
    assert rest.encode() == render_bundle([root], comments=False)
    assert parse_bundle(rendered) == (root,)


def test_parse_bundle_reads_what_openssl_reads() -> None:
    rendered = render_bundle(ROOTS, comments=True)
    shown = openssl("storeutl", "-noout", "-certs", "bundle.pem", files={"bundle.pem": rendered})
    assert b"Total found: 6" in shown
    assert parse_bundle(rendered) == SORTED


def test_parse_bundle_refuses_when_it_is_damaged() -> None:
    with pytest.raises(MaterialError) as caught:
        parse_bundle(render_bundle(ROOTS, comments=True)[:-40], what="ConfigMap `roots`")
    assert caught.value.finding.reason is Reason.UNPARSABLE
    assert caught.value.finding.message.startswith("ConfigMap `roots`: block 6 (CERTIFICATE) has no END line")


def test_trust_store_holds_what_was_given_when_opened_with_openssl() -> None:
    data = render_trust_store([*ROOTS, ROOTS[0]], PASSWORD)
    shown = openssl("pkcs12", "-passin", f"pass:{PASSWORD.decode()}", "-nokeys", stdin=data)
    assert shown.count(b"BEGIN CERTIFICATE") == len(ROOTS)
    assert set(parse_bundle(shown)) == set(ROOTS)
    aliases = re.findall(rb"friendlyName: (\S+)", shown)
    assert aliases == [
        b"corp-root-%s-%s" % (root.label[-1].encode(), root.fingerprint[7:39].encode()) for root in SORTED
    ]


@pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool is not installed")
def test_trust_store_holds_trusted_entries_when_opened_with_java(tmp_path: Path) -> None:
    odd = (root_named(("CN", "Ünïcode / \u202e")), root_named(("O", "日本")), root_named(("CN", "A" * 200)))
    (tmp_path / "truststore.p12").write_bytes(render_trust_store((*ROOTS, *odd), PASSWORD))
    shown = subprocess.run(
        ["keytool", "-list", "-keystore", tmp_path / "truststore.p12", "-storepass:env", "STORE_PASSWORD"],
        env={"STORE_PASSWORD": PASSWORD.decode(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.count("trustedCertEntry") == 9
    for root in (*ROOTS, *odd):
        assert bytes.fromhex(root.fingerprint[7:]).hex(":").upper() in shown


def test_trust_store_is_kept_only_when_it_holds_exactly_the_certificates() -> None:
    data = STORED["truststore.p12"]
    assert holds_trust_store(data, reversed(ROOTS), PASSWORD)
    assert not holds_trust_store(data, ROOTS[1:], PASSWORD)
    assert not holds_trust_store(data, (*ROOTS, ISSUING), PASSWORD)
    for damaged in (b"", b"damaged", data[:-1], data + b"\0"):
        assert not holds_trust_store(damaged, ROOTS, PASSWORD)
    for password in (b"another", b"", b"\xff"):
        assert not holds_trust_store(data, ROOTS, password)


def test_trust_store_does_not_fit_when_it_is_not_one_that_java_reads() -> None:
    files = {"ca.pem": render_bundle(ROOTS, comments=False)}
    password = f"pass:{PASSWORD.decode()}"
    other = openssl("pkcs12", "-export", "-nokeys", "-in", "ca.pem", "-passout", password, files=files)
    assert not holds_trust_store(other, ROOTS, PASSWORD)


def test_trust_store_does_not_fit_when_a_key_stands_in_it() -> None:
    key = read_private_key(LEAF.key_pem.encode(), what="`tls.key`").key
    data = write_pkcs12(key, [LEAF.certificate], alias="shop", password=PASSWORD)
    assert not holds_trust_store(data, [LEAF.certificate], PASSWORD)


def test_trust_store_takes_a_root_when_its_serial_number_is_zero() -> None:
    root = PKI().root("Old Root", serial=0).certificate
    assert holds_trust_store(render_trust_store([root], PASSWORD), [root], PASSWORD)


def test_render_target_writes_the_data_key_when_nothing_is_stored() -> None:
    assert render_target(PEM) == {"ca.crt": render_bundle(ROOTS, comments=True)}
    strict = dataclasses.replace(PEM, comments=False)
    assert render_target(strict) == {"ca.crt": render_bundle(ROOTS, comments=False)}
    assert managed_keys(PEM) == {"ca.crt"}
    assert managed_keys(STORE) == STORED.keys() == {"truststore.p12"}


def test_render_target_keeps_the_stored_file_when_it_still_fits() -> None:
    assert render_target(STORE, STORED) == STORED
    assert render_target(dataclasses.replace(STORE, certificates=(*SORTED, ROOTS[3])), STORED) == STORED
    assert render_target(STORE) != STORED  # random by nature: hence the keeping


def test_render_target_makes_the_file_anew_when_password_or_certificates_changed() -> None:
    for recipe in (dataclasses.replace(STORE, password=b"x"), dataclasses.replace(STORE, certificates=ROOTS[:2])):
        data = render_target(recipe, STORED)
        assert data != STORED
        assert not target_matches(recipe, STORED)
        assert target_matches(recipe, data)


@pytest.mark.parametrize(
    ("recipe", "detail"),
    [
        (dataclasses.replace(STORE, password=None), Detail.PASSWORD_MISSING),
        (dataclasses.replace(STORE, password=b"\xff"), Detail.PASSWORD_MISSING),
        (dataclasses.replace(STORE, certificates=()), Detail.NO_CERTIFICATE),
    ],
)
def test_render_target_refuses_when_the_format_cannot_take_it(recipe: BundleRecipe, detail: Detail) -> None:
    with pytest.raises(MaterialError) as caught:
        render_target(recipe, STORED)
    assert (caught.value.finding.reason, caught.value.finding.detail) == (Reason.INVALID_REQUEST, detail)
    assert not target_matches(recipe, STORED)


@pytest.mark.parametrize("recipe", [PEM, STORE])
def test_target_matches_what_was_rendered_and_nothing_else(recipe: BundleRecipe) -> None:
    data = render_target(recipe)
    assert target_matches(recipe, data | {"notes.txt": b"not ours"})
    assert not target_matches(recipe, {})
    assert not target_matches(recipe, {recipe.data_key: b""})
    assert not target_matches(recipe, {recipe.data_key: data[recipe.data_key] + b"\n"})


def test_target_matches_nothing_stored_when_the_bundle_is_empty() -> None:
    empty = BundleRecipe((), "ca.crt")
    assert not target_matches(empty, {})
    assert target_matches(empty, {"ca.crt": b""})


@pytest.mark.parametrize(
    "recipe",
    [
        dataclasses.replace(PEM, data_key="other.crt"),
        dataclasses.replace(PEM, comments=False),
        dataclasses.replace(PEM, format="PKCS12"),
        dataclasses.replace(PEM, certificates=ROOTS[1:]),
    ],
)
def test_target_digest_differs_when_something_public_differs(recipe: BundleRecipe) -> None:
    assert target_digest(recipe) != target_digest(PEM)


def test_target_digest_is_the_same_when_order_or_password_differ() -> None:
    assert target_digest(dataclasses.replace(PEM, certificates=(*SORTED, ROOTS[2]))) == target_digest(PEM)
    assert target_digest(dataclasses.replace(STORE, password=b"another")) == target_digest(STORE)
    assert re.fullmatch("sha256:[0-9a-f]{64}", target_digest(PEM))


def test_recipe_hides_the_password_and_survives_the_way_to_a_worker() -> None:
    assert PASSWORD.decode() not in repr(STORE)
    assert pickle.loads(pickle.dumps(STORE)) == STORE  # noqa: S301 - our own bytes
