import pickle
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.crl import RevocationList
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.pki import NEXT_UPDATE, PKI, THIS_UPDATE, RevokedEntry, ec_key, sign

ROOT = PKI().root("Corp Root")
NAME = ROOT.certificate.subject


def read(revoked: list[RevokedEntry | int] | None = None, **wishes: object) -> RevocationList:
    return RevocationList.from_der(ROOT.crl(revoked or [], **wishes).der)


def refusal(data: bytes) -> tuple[Reason, Detail | None]:
    with pytest.raises(MaterialError) as caught:
        RevocationList.from_der(data)
    return caught.value.finding.reason, caught.value.finding.detail


def test_facts_are_read_when_the_list_is_good() -> None:
    scope = ext.issuing_distribution_point(names=[der.uri("http://crl.test/a")], only="users", indirect=True)
    crl = read(
        [1, RevokedEntry(2, reason=1)],
        number=7,
        delta_base=5,
        extensions=[scope, ext.freshest_crl(), ext.unknown(critical=False)],
    )
    assert (crl.version, crl.issuer, crl.this_update, crl.next_update) == (2, NAME, THIS_UPDATE, NEXT_UPDATE)
    assert (crl.number, crl.number_critical, crl.delta_base, crl.is_delta) == (7, False, 5, True)
    assert crl.is_indirect
    assert crl.issuing_point is not None
    assert crl.issuing_point.only_users
    assert crl.freshest_crl is not None
    assert crl.authority_key_id is not None
    assert crl.authority_key_id.key_id == ROOT.key.identifier
    assert crl.defects == crl.critical_unknown == ()
    assert crl.entries.count == 2
    assert repr(crl) == "RevocationList('Corp Root', number 7, 2 entries)"


def test_lists_are_values() -> None:
    crl = read([1])
    assert pickle.loads(pickle.dumps(crl)) == crl  # noqa: S301 - our own bytes
    assert hash(crl) == hash(read([1]))
    assert crl != read([2])
    assert crl != crl.der
    assert not crl.is_delta
    assert not crl.is_indirect


def test_the_signature_is_checked_over_the_received_bytes() -> None:
    crl = read([1])
    assert crl.signed_by(ROOT.certificate.public_key)
    assert not crl.signed_by(ROOT.issue_leaf("x").certificate.public_key)
    assert not read(sign_with=ec_key("other")).signed_by(ROOT.certificate.public_key)


@pytest.mark.parametrize("serial", [0, 1, -1, 127, 128, -128, 2**159, 2**200])
def test_entries_are_found_by_serial_number(serial: int) -> None:
    crl = read([5000, serial, 7000])
    entry = crl.find(serial, NAME)
    assert entry is not None
    assert (entry.serial_number, entry.date, entry.reason) == (serial, THIS_UPDATE, None)
    assert crl.find(serial + 1, NAME) is None
    assert crl.find(serial, ROOT.issue_leaf("x").certificate.subject) is None


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "unspecified"), (1, "keyCompromise"), (6, "certificateHold"), (8, "removeFromCRL"), (42, "reason 42")],
)
def test_reasons_are_named(number: int, name: str) -> None:
    entry = read([RevokedEntry(1, reason=number)]).find(1, NAME)
    assert entry is not None
    assert entry.reason == name


def test_entries_are_about_the_issuer_named_last() -> None:
    other = ROOT.issue_leaf("Other CA").certificate.subject
    named = RevokedEntry(2, extensions=[ext.certificate_issuer(other.der)])
    crl = read([1, named, 3, 1])
    assert crl.find(1, NAME) is not None
    assert crl.find(2, NAME) is None
    assert crl.find(2, other) is not None
    assert crl.find(3, other) is not None
    assert crl.find(1, other) is not None  # the second entry of that number


def test_of_several_entries_the_removal_comes_last() -> None:
    crl = read([RevokedEntry(1, reason=8), RevokedEntry(1, reason=1)])
    entry = crl.find(1, NAME)
    assert entry is not None
    assert entry.reason == "keyCompromise"


def test_dates_beyond_2050_and_impossible_ones_are_survived() -> None:
    late = datetime(2051, 1, 1, tzinfo=UTC)
    crl = read([RevokedEntry(1, date=late)], next_update=late)
    entry = crl.find(1, NAME)
    assert entry is not None
    assert entry.date == crl.next_update == late
    date = der.time(THIS_UPDATE)
    changed = ROOT.crl([RevokedEntry(1)]).der
    place = changed.rindex(date)
    broken = RevocationList.from_der(changed[:place] + date.replace(b"0601", b"1301") + changed[place + len(date) :])
    entry = broken.find(1, NAME)
    assert entry is not None
    assert entry.date is None


def test_known_entry_extensions_may_be_critical() -> None:
    invalid = ext.Ext(ext.OIDS["invalidityDate"], der.tlv(0x18, b"20260101000000Z"), critical=True)
    crl = read([RevokedEntry(1, extensions=[invalid]), RevokedEntry(2, extensions=[ext.unknown()])])
    assert crl.critical_unknown == (ext.UNKNOWN,)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"version": 1, "extensions": [ext.crl_number(1)]}, "version"),
        ({"version": 3}, "version"),
        ({"this_update": NEXT_UPDATE, "next_update": THIS_UPDATE}, "next update"),
        ({"extensions": [ext.Ext(ext.OIDS["crlNumber"], der.integer(-1))]}, "negative"),
        ({"extensions": [ext.Ext(ext.OIDS["issuingDistributionPoint"], der.sequence(der.NULL))]}, "unknown field"),
    ],
)
def test_what_breaks_the_rules_is_a_defect(wishes: dict[str, object], words: str) -> None:
    assert any(words in defect for defect in read(**wishes).defects)


def test_entry_extensions_need_version_2() -> None:
    assert read([RevokedEntry(1, reason=1)], version=1).defects
    plain = read([1], version=1)
    assert plain.defects == ()
    assert plain.version == 1


def test_repeated_extensions_and_other_algorithms_are_defects() -> None:
    twice = ROOT.crl(extensions=[ext.freshest_crl()]).der.replace(der.oid("2.5.29.46"), der.oid("2.5.29.20"))
    assert any("twice" in defect for defect in RevocationList.from_der(twice).defects)
    crl = ROOT.crl().der
    key = ROOT.key
    tbs = RevocationList.from_der(crl).tbs
    other = sign(tbs, key, outer_algorithm=der.sequence(der.oid("1.2.840.10045.4.3.3")))
    changed = RevocationList.from_der(other)
    assert any("differ" in defect for defect in changed.defects)
    assert not changed.signed_by(ROOT.certificate.public_key)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        der.sequence(),
        ROOT.crl().der[:-1],
        ROOT.crl().der + b"\x05\x00",
        ROOT.crl([1]).der.replace(der.sequence(der.integer(1), der.time(THIS_UPDATE)), der.tlv(0x30, b"\x02\x00" * 9)),
    ],
)
def test_damaged_lists_are_invalid(damaged: bytes) -> None:
    assert refusal(damaged) == (Reason.CRL_INVALID, Detail.DER_DAMAGED)


def test_other_objects_are_named() -> None:
    assert refusal(ROOT.der) == (Reason.CRL_INVALID, Detail.WRONG_TYPE)


@given(st.data())
def test_reading_fails_with_a_finding_when_any_bytes_are_damaged(data: st.DataObject) -> None:
    damaged = bytearray(ROOT.crl([1, RevokedEntry(2, reason=1)], extensions=[ext.freshest_crl()]).der)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        crl = RevocationList.from_der(bytes(damaged))
    except MaterialError as error:
        assert error.finding.reason is Reason.CRL_INVALID  # noqa: PT017 - either outcome is right
    else:
        crl.find(1, NAME)
        crl.find(2, NAME)


@pytest.mark.parametrize("extra", [b"", b"\x30\x80\x00\x00", b"\x30\x03\x02\x01", b"\x31\x00"])
def test_damaged_entries_are_refused(extra: bytes) -> None:
    entries = der.sequence(der.sequence(der.integer(1), der.time(THIS_UPDATE)) + extra)
    key = ROOT.key
    tbs = der.sequence(der.integer(1), key.algorithm(), ROOT.subject, der.time(THIS_UPDATE), entries)
    if extra:
        assert refusal(sign(tbs, key))[0] is Reason.CRL_INVALID
    else:
        assert RevocationList.from_der(sign(tbs, key)).entries.count == 1
    empty = der.sequence(der.integer(1), key.algorithm(), ROOT.subject, der.time(THIS_UPDATE), der.explicit(0))
    assert RevocationList.from_der(sign(empty, key)).defects
    tail = der.sequence(der.integer(1), key.algorithm(), ROOT.subject, der.time(THIS_UPDATE), der.NULL)
    assert refusal(sign(tail, key))[0] is Reason.CRL_INVALID
    short = der.sequence(der.integer(1), key.algorithm(), ROOT.subject)
    assert refusal(sign(short, key))[0] is Reason.CRL_INVALID


def test_long_entries_are_walked() -> None:
    remark = ext.Ext("1.3.6.1.4.1.99999.7", der.octets(b"x" * 300))
    crl = read([RevokedEntry(1, extensions=[remark]), RevokedEntry(2)])
    assert crl.find(1, NAME) is not None
    assert crl.find(2, NAME) is not None


def test_a_hundred_thousand_entries_are_indexed_quickly() -> None:
    entry = der.sequence(der.integer(2**62), der.time(THIS_UPDATE))
    serial = (2**62).to_bytes(8, "big")
    entries = b"".join(entry.replace(serial, b"\x01" + number.to_bytes(7, "big")) for number in range(100_000))
    key = ROOT.key
    tbs = der.sequence(der.integer(1), key.algorithm(), ROOT.subject, der.time(THIS_UPDATE), der.sequence(entries))
    data = sign(tbs, key)
    started = time.process_time()
    crl = RevocationList.from_der(data)
    assert time.process_time() - started < 2
    assert crl.entries.count == 100_000
    assert crl.find((1 << 56) + 99_999, NAME) is not None
