from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.pki.identity import authority_key_id, ca_name, name_fields, subject_key_id
from certwright.pki.names import Name
from tests.support import der_writer as der
from tests.support.pki import PKI, ed25519_key, rsa_key
from tests.support.pki_files import openssl

TEXTS = st.text(st.characters(codec="utf-8"), max_size=600)
FIELDS = st.lists(st.tuples(st.sampled_from(["CN", "OU", "O", "L", "2.5.4.99"]), TEXTS), max_size=4)


def named(*attributes: tuple[str, str]) -> Name:
    return Name.from_der(der.name(*attributes))


@pytest.mark.parametrize(
    ("attributes", "called"),
    [
        ([("O", "Corp"), ("OU", "a"), ("OU", "b"), ("CN", "Corp Root")], "Corp Root"),
        ([("CN", "general"), ("CN", "specific")], "specific"),
        ([("O", "Corp"), ("OU", "a"), ("OU", "b")], "b"),
        ([("C", "DE"), ("O", "Corp")], "Corp"),
        ([("DC", "com"), ("DC", "example")], "DC=example,DC=com"),
        ([("O", "Corp"), ("CN", "")], "Corp"),
        ([("O", " \t"), ("CN", " ")], "CN=\\ ,O=\\ \\09"),
        ([], "(empty name)"),
        ([("CN", "x" * 511)], "x" * 511),
        ([("CN", "x" * 512)], "x" * 510 + "…"),
        ([("CN", "x\u202ey\n")], "x\\u202ey\\n"),
    ],
)
def test_ca_name_is_the_first_that_says_something(attributes: list[tuple[str, str]], called: str) -> None:
    assert ca_name(named(*attributes)) == called


@given(FIELDS)
def test_ca_name_is_printable_and_bounded_whatever_the_name(attributes: list[tuple[str, str]]) -> None:
    name = named(*attributes)
    assert 1 <= len(ca_name(name)) <= 511
    fields = name_fields(name, limit=64)
    assert [field for field, _ in fields] == [field for field, _ in attributes]
    for text in (ca_name(name), *(value for _, value in fields)):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)
    assert all(len(value) <= 64 for _, value in fields)


def test_name_fields_keep_order_and_repetition() -> None:
    name = named(("DC", "com"), ("DC", "example"), ("2.5.4.99", "x"), ("CN", "Corp\u0000Root"))
    expected = (("DC", "com"), ("DC", "example"), ("2.5.4.99", "x"), ("CN", "Corp\\x00Root"))
    assert name_fields(name, limit=100) == expected
    assert name_fields(named(("CN", "abcdef")), limit=4) == (("CN", "abc…"),)
    ((field, _),) = name_fields(named(("2.5.4." + ".".join(["1234567"] * 30), "x")), limit=4)
    assert len(field) == 128


def test_subject_key_id_is_the_one_stated_when_there_is_one() -> None:
    root = PKI().root()
    assert subject_key_id(root.certificate) == root.key.identifier


@pytest.mark.parametrize("key", [None, rsa_key(), ed25519_key("root")])
def test_subject_key_id_is_the_one_that_openssl_computes_when_none_is_stated(key: object) -> None:
    bare = PKI().root(key=key, without=["subjectKeyIdentifier"])
    request = ["req", "-new", "-x509", "-key", "key.pem", "-subj", "/CN=x", "-addext", "subjectKeyIdentifier=hash"]
    computed = openssl(*request, files={"key.pem": bare.key_pem.encode()})
    shown = openssl("x509", "-noout", "-ext", "subjectKeyIdentifier", stdin=computed).decode()
    assert subject_key_id(bare.certificate).hex(":").upper() == shown.split()[-1]


def test_authority_key_id_is_the_signer_s_when_stated() -> None:
    root = PKI().root()
    issuing = root.issue_ca("Corp Issuing CA")
    assert authority_key_id(issuing.certificate) == root.key.identifier == subject_key_id(root.certificate)
    assert authority_key_id(root.certificate) is None
