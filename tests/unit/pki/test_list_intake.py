"""Revocation lists in the forms people and servers have, and how they are packed."""

from __future__ import annotations

import base64
import hashlib
import pickle
import zlib

import pytest

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.limits import IntakeLimits
from certwright.pki.list_intake import pack_list, read_and_pack, read_list, unpack_list
from tests.support.pki import PKI

ROOT = PKI().root()
LIST = ROOT.crl([1, 2, 3])
WHAT = "`spec.crl`"
MIB = 1 << 20


@pytest.mark.parametrize("data", [LIST.pem.encode(), LIST.der])
def test_list_is_read_without_a_word_when_it_is_pem_or_der(data: bytes) -> None:
    read = read_list(data, what=WHAT)
    assert (read.crl.der, read.warnings) == (LIST.der, ())


@pytest.mark.parametrize(
    "data", [base64.b64encode(LIST.der), b"\xef\xbb\xbf" + LIST.pem.replace("\n", "\r\n").encode()]
)
def test_list_is_read_with_a_remark_when_its_form_is_untidy(data: bytes) -> None:
    read = read_list(data, what=WHAT)
    assert read.crl.der == LIST.der
    assert [each.reason for each in read.warnings] == [Reason.NORMALIZED]
    assert read.warnings[0].message.startswith(WHAT)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", Detail.CRL_MISSING),
        (b"<html>", Detail.CRL_MISSING),
        (ROOT.pem.encode(), Detail.WRONG_TYPE),
        (LIST.der[:-9], Detail.TRUNCATED),
        (LIST.der + b"x", Detail.TRAILING_DATA),
        ((LIST.pem * 2).encode(), Detail.LIMIT_EXCEEDED),
        (LIST.pem.replace("-----END", "---END").encode(), Detail.TRUNCATED),
    ],
)
def test_list_is_refused_with_the_field_named_when_it_is_none(data: bytes, detail: Detail) -> None:
    with pytest.raises(MaterialError) as refusal:
        read_list(data, what=WHAT)
    found = refusal.value.finding
    assert (found.reason, found.detail) == (Reason.CRL_INVALID, detail)
    assert found.message.startswith(f"{WHAT}: ")


def test_list_is_refused_when_its_inside_is_damaged() -> None:
    place = LIST.der.index(b"\x17\x0d") + 2
    with pytest.raises(MaterialError) as refusal:
        read_list(LIST.der[:place] + b"x" + LIST.der[place + 1 :], what=WHAT)
    assert refusal.value.finding.detail is Detail.DER_DAMAGED


def test_list_is_refused_when_it_is_larger_than_allowed() -> None:
    with pytest.raises(MaterialError) as refusal:
        read_list(LIST.der, what=WHAT, limits=IntakeLimits(file_bytes=10))
    assert refusal.value.finding.detail is Detail.LIMIT_EXCEEDED


def test_list_is_the_same_when_it_was_packed_in_parts_and_unpacked() -> None:
    crl = read_list(LIST.der, what=WHAT).crl
    parts = pack_list(crl, 50)
    assert len(parts) > 2
    assert max(map(len, parts)) == 50
    assert parts == pack_list(crl, 50)
    assert unpack_list(parts, crl.fingerprint, MIB) == crl


def test_list_is_not_unpacked_when_the_parts_are_not_its_own() -> None:
    crl = read_list(LIST.der, what=WHAT).crl
    parts = pack_list(crl, 50)
    other = "sha256:" + "0" * 64
    for broken, fingerprint in (
        (parts[:-1], crl.fingerprint),
        (parts[::-1], crl.fingerprint),
        (parts, other),
        ((), crl.fingerprint),
    ):
        assert unpack_list(broken, fingerprint, MIB) is None


def test_list_is_not_unpacked_beyond_the_limit_when_the_parts_are_a_bomb() -> None:
    crl = read_list(LIST.der, what=WHAT).crl
    assert unpack_list((zlib.compress(bytes(64 * MIB)),), crl.fingerprint, MIB) is None


def test_other_bytes_are_no_list_when_they_have_the_right_digest() -> None:
    assert unpack_list((zlib.compress(b"x"),), f"sha256:{hashlib.sha256(b'x').hexdigest()}", MIB) is None


def test_parts_are_left_out_when_they_would_be_too_large() -> None:
    read, parts = read_and_pack(LIST.der, WHAT, 50, 20)
    assert (read.crl.der, parts) == (LIST.der, ())
    assert read_and_pack(LIST.der, WHAT, MIB, MIB)[1] == pack_list(read.crl, MIB)


def test_list_of_any_size_travels_between_processes_when_it_was_read() -> None:
    crl = read_list(ROOT.crl(range(1, 3000)).der, what=WHAT).crl
    assert crl.signed_by(ROOT.certificate.public_key)
    again = pickle.loads(pickle.dumps(crl))  # noqa: S301 - our own bytes
    assert again == crl
    assert again.tbs == crl.tbs
    assert again.find(2999, again.issuer) is not None
    assert again.find(3000, again.issuer) is None
    assert again.signed_by(ROOT.certificate.public_key)
    assert not again.signed_by(ROOT.issue_leaf("x").certificate.public_key)
