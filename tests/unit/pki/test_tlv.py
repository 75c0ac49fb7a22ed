from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.pki.objects import ObjectKind, identify
from certwright.pki.tlv import Tlv, TlvError, measure_tlv, read_tlv
from tests.support import pki_files
from tests.support.pki_files import VECTORS, converted, ec_key, encrypted, issued, pem_to_der, rsa_key


def tlv(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(size)]) + size + content


@given(st.binary(max_size=300))
def test_read_tlv_gives_contents_back_when_length_is_definite(content: bytes) -> None:
    element = read_tlv(tlv(0x04, content))
    assert (element.tag, element.content, element.raw) == (0x04, content, tlv(0x04, content))
    assert element.octets() == content


def test_read_tlv_reads_children_when_lengths_are_indefinite() -> None:
    data = bytes.fromhex("3080 0201 05 3080 0400 0000 0000")
    number, inner = read_tlv(data).children()
    assert number.integer() == 5
    assert [child.tag for child in inner.children()] == [0x04]
    assert measure_tlv(data + b"more") == len(data)


def test_octets_joins_segments_when_ber_split_them() -> None:
    assert read_tlv(bytes.fromhex("2480 0401 61 0402 6263 0000")).octets() == b"abc"
    assert read_tlv(bytes.fromhex("a007 0401 61 0402 6263")).octets() == b"abc"
    assert read_tlv(bytes.fromhex("8002 6162")).octets() == b"ab"


@pytest.mark.parametrize(
    "data",
    ["", "30", "3001", "3080", "30800000ff", "0480", "1f0100", "3085ffffffffff", "308201", "3003020101ff", "30800201"],
)
def test_read_tlv_refuses_when_it_is_not_one_element(data: str) -> None:
    with pytest.raises(TlvError):
        read_tlv(bytes.fromhex(data))


def test_read_tlv_refuses_when_nesting_is_endless() -> None:
    with pytest.raises(TlvError, match="nested too deeply"):
        read_tlv(b"\x30\x80" * 100_000)


@pytest.mark.parametrize(
    ("data", "method"),
    [
        ("0400", "integer"),
        ("0200", "integer"),
        ("0400", "identifier"),
        ("0600", "identifier"),
        ("060181", "identifier"),
        ("0641" + "01" * 65, "identifier"),
        ("020105", "octets"),
        ("2405 2403 0401 61", "octets"),
    ],
)
def test_values_are_refused_when_the_type_is_another(data: str, method: str) -> None:
    with pytest.raises(TlvError):
        getattr(read_tlv(bytes.fromhex(data)), method)()


@pytest.mark.parametrize(
    ("data", "dotted"),
    [("06092a864886f70d01050d", "1.2.840.113549.1.5.13"), ("0603550403", "2.5.4.3"), ("06028837", "2.999")],
)
def test_identifier_is_dotted_when_read(data: str, dotted: str) -> None:
    assert read_tlv(bytes.fromhex(data)).identifier() == dotted


def test_tlv_hides_contents_when_shown() -> None:
    assert repr(read_tlv(b"\x04\x06secret")) == "Tlv(tag=4)"


@given(st.binary(max_size=200))
def test_identify_never_raises_whatever_the_bytes(data: bytes) -> None:
    assert isinstance(identify(data), ObjectKind)
    assert isinstance(identify(tlv(0x30, data)), ObjectKind)


@given(
    st.recursive(
        st.binary(max_size=4).map(lambda content: tlv(0x04, content)),
        lambda inner: st.lists(inner, max_size=4).map(lambda items: tlv(0x30, b"".join(items))),
    )
)
def test_read_tlv_walks_whatever_is_nested(data: bytes) -> None:
    def rebuild(element: Tlv) -> bytes:
        if element.tag == 0x30:
            return tlv(0x30, b"".join(rebuild(child) for child in element.children()))
        return tlv(element.tag, element.content)

    assert rebuild(read_tlv(data)) == data


LEAF = issued("leaf").der
V1 = (VECTORS / "x509" / "v1_cert.pem").read_bytes()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (LEAF, ObjectKind.CERTIFICATE),
        (pem_to_der(V1), ObjectKind.CERTIFICATE),
        (pem_to_der(pki_files.request(ec_key())), ObjectKind.REQUEST),
        (pem_to_der(pki_files.revocation_list()), ObjectKind.CRL),
        (pem_to_der(rsa_key()), ObjectKind.PRIVATE_KEY),
        (pem_to_der(converted(rsa_key(), "-traditional")), ObjectKind.PRIVATE_KEY),
        (pem_to_der(ec_key()), ObjectKind.PRIVATE_KEY),
        (pem_to_der(encrypted(rsa_key())), ObjectKind.ENCRYPTED_KEY),
        (pem_to_der(converted(rsa_key(), "-pubout")), ObjectKind.PUBLIC_KEY),
        ((VECTORS / "asymmetric/DER_Serialization/dsa.2048.der").read_bytes(), ObjectKind.PRIVATE_KEY),
        (pki_files.pkcs7("-outform", "DER"), ObjectKind.PKCS7),
        (pki_files.pkcs12(), ObjectKind.PKCS12),
        (b"", ObjectKind.UNKNOWN),
        (b"\x04\x00", ObjectKind.UNKNOWN),
        (b"\x30\x00", ObjectKind.UNKNOWN),
        (LEAF + b"\0", ObjectKind.UNKNOWN),
        (tlv(0x30, tlv(0x30, b"") + tlv(0x03, b"\0")), ObjectKind.UNKNOWN),
        (tlv(0x30, tlv(0x30, b"\x02\x01\x00") + tlv(0x30, b"") + tlv(0x03, b"\0")), ObjectKind.UNKNOWN),
        (tlv(0x30, tlv(0x30, b"") + tlv(0x30, b"") + tlv(0x03, b"\0")), ObjectKind.UNKNOWN),
        (tlv(0x30, tlv(0x30, b"") + tlv(0x30, b"") + tlv(0x03, b"\0") + b"\x05\x00"), ObjectKind.UNKNOWN),
        (tlv(0x30, b"\x02\x01\x00" + tlv(0x30, b"")), ObjectKind.UNKNOWN),
        (tlv(0x30, b"\x02\x01\x00" + tlv(0x30, b"\x06\x01\x2a")), ObjectKind.UNKNOWN),
        (tlv(0x30, b"\x06\x01\x2a" + tlv(0xA0, b"")), ObjectKind.UNKNOWN),
    ],
)
def test_identify_tells_the_kind_by_shape(data: bytes, kind: ObjectKind) -> None:
    assert identify(data) is kind
