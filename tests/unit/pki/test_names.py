import pickle

import pytest

from certwright.pki.der import DerError
from certwright.pki.names import Name, escape, prepare
from tests.support import der_writer as der


def single(field: str, value: str, tag: int | None = None) -> Name:
    return Name.from_der(der.sequence(der.set_of(der.attribute(field, value, tag=tag))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Corp Root", 0x0C), ("Corp Root", 0x13)),  # string type
        (("Corp Root", 0x0C), ("corp ROOT", 0x0C)),  # case
        (("Corp Root", 0x13), ("  Corp   Root ", 0x13)),  # insignificant spaces
        (("Corp Root", 0x0C), ("Corp Root", 0x1E)),  # BMPString
        (("Corp Root", 0x0C), ("Corp Root", 0x1C)),  # UniversalString
        (("Müller", 0x0C), ("MÜLLER", 0x14)),  # T61String
        (("straße", 0x0C), ("STRASSE", 0x13)),  # case folding
        (("Å", 0x0C), ("A\u030a", 0x0C)),  # composed and decomposed
        (("Cor\u00adp", 0x0C), ("Corp", 0x0C)),  # soft hyphen
        (("a\tb", 0x0C), ("a b", 0x0C)),  # control as space
        (("a\u3000b", 0x0C), ("a b", 0x0C)),  # wide space
        (("", 0x0C), (" ", 0x0C)),
    ],
)
def test_names_are_equal_when_only_the_writing_differs(one: tuple[str, int], other: tuple[str, int]) -> None:
    first, second = single("CN", one[0], one[1]), single("CN", other[0], other[1])
    assert first == second
    assert hash(first) == hash(second)


def test_names_differ_when_texts_attributes_or_order_differ() -> None:
    assert single("CN", "Corp Root") != single("CN", "Corp Boot")
    assert single("CN", "x") != single("O", "x")
    one, other = der.name(("O", "a"), ("CN", "b")), der.name(("CN", "b"), ("O", "a"))
    assert Name.from_der(one) != Name.from_der(other)
    assert single("CN", "x") != "x"


def test_names_are_compared_by_bytes_when_string_preparation_refuses() -> None:
    assert prepare("🦊") is None
    assert single("CN", "🦊 Corp") == single("CN", "🦊 Corp")
    assert single("CN", "🦊 Corp") != single("CN", "🦊 corp")


def test_multi_valued_names_are_equal_when_their_order_differs() -> None:
    a, b = der.attribute("CN", "x"), der.attribute("OU", "y")
    one = Name.from_der(der.sequence(der.tlv(0x31, a, b)))
    other = Name.from_der(der.sequence(der.tlv(0x31, b, a)))
    assert one == other
    assert one.rfc4514 == "CN=x+OU=y"


def test_facts_are_read_when_they_are_there() -> None:
    fields = [("C", "DE"), ("ST", "BE"), ("L", "Berlin"), ("O", "Corp"), ("OU", "a"), ("OU", "b"), ("CN", "Root")]
    name = Name.from_der(der.name(*fields, ("emailAddress", "pki@corp.test")))
    assert name.attributes == (*fields, ("emailAddress", "pki@corp.test"))
    assert (name.country, name.state_or_province, name.locality) == ("DE", "BE", "Berlin")
    assert (name.organization, name.organizational_unit, name.common_name) == ("Corp", "b", "Root")
    assert name.email == "pki@corp.test"
    assert str(name) == "emailAddress=pki@corp.test,CN=Root,OU=b,OU=a,O=Corp,L=Berlin,ST=BE,C=DE"
    assert name.label == "Root"
    assert repr(name) == f"Name({name.rfc4514!r})"
    assert pickle.loads(pickle.dumps(name)) is name  # noqa: S301 - our own bytes


def test_labels_fall_back_when_there_is_no_common_name() -> None:
    assert Name.from_der(der.name(("O", "Corp"))).label == "Corp"
    assert Name.from_der(der.name(("O", "Corp"), ("OU", "unit"))).label == "unit"
    assert Name.from_der(der.name(("DC", "test"))).label == "DC=test"
    empty = Name.from_der(der.sequence())
    assert empty.is_empty
    assert empty.common_name is None
    assert empty.label == "(empty name)"


def test_texts_are_escaped_when_they_are_not_plain() -> None:
    assert escape(' a,b+c"d\\e<f>g;h ') == '\\ a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\ '
    assert escape("#x") == "\\#x"
    assert escape("a\u202eb\n") == "a\\E2\\80\\AEb\\0A"
    assert escape("Müller") == "Müller"
    assert escape(" ") == "\\ "
    assert escape("") == ""


def test_values_that_are_no_text_are_shown_in_hexadecimal() -> None:
    encoded = der.sequence(der.set_of(der.sequence(der.oid("2.5.4.45"), der.bit_string(b"\x05"))))
    name = Name.from_der(encoded)
    assert name.rfc4514 == "2.5.4.45=#03020005"
    assert name == Name.from_der(bytearray(encoded))


def test_subtrees_contain_names_that_begin_with_them() -> None:
    corp, shop = Name.from_der(der.name(("O", "Corp"))), Name.from_der(der.name(("O", "corp"), ("CN", "shop")))
    assert shop.within(corp)
    assert corp.within(corp)
    assert not corp.within(shop)
    assert corp.extended_by(der.attribute("CN", "Shop")) == shop
    for length in (300, 3000):
        long = corp.extended_by(der.attribute("CN", "x" * length))
        assert long.common_name == "x" * length


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        der.set_of(),
        der.sequence(der.sequence()),
        der.sequence(der.set_of()),
        der.sequence(der.set_of(der.sequence(der.oid("2.5.4.3")))),
        der.sequence(der.set_of(der.sequence(der.oid("2.5.4.3"), der.tlv(0x0C, b"\xff")))),
        der.sequence(der.set_of(der.sequence(der.oid("2.5.4.3"), der.tlv(0x1E, b"a")))),
        der.sequence() + b"\x00\x00",
    ],
)
def test_reading_fails_when_the_encoding_is_damaged(damaged: bytes) -> None:
    with pytest.raises(DerError):
        Name.from_der(damaged)
