"""Records survive being kept, and nothing else passes for them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.api.truststore_status import DeployedRecord
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.trust.record import (
    TrustedCertificate,
    TrustRecord,
    first_expired,
    pack_record,
    read_record_name,
    record_keys,
    record_stem,
    revision_of,
    unpack_record,
)
from tests.support.pki import CA_NOT_AFTER, NOW, PKI
from tests.support.staging import INTERMEDIATE, ROOTS

DIGEST = "sha256:" + "5" * 64
SECOND = timedelta(seconds=1)

RECORDS = st.builds(
    TrustRecord,
    number=st.integers(1, 10**9),
    entries=st.lists(
        st.builds(
            TrustedCertificate,
            certificate=st.sampled_from([*ROOTS, INTERMEDIATE]),
            role=st.sampled_from(["rootCA", "intermediateCA"]),
            trust_until=st.none() | st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds)),
            decisions=st.lists(st.sampled_from(["a", "corporate-root", "x.y"]), max_size=2).map(tuple),
            public=st.booleans(),
            distrusted=st.booleans(),
        ),
        max_size=6,
        unique_by=lambda each: each.fingerprint,
    ).map(lambda entries: tuple(sorted(entries, key=lambda each: each.fingerprint))),
    public_roots=st.none() | st.just("2026.05.01"),
    consumed=st.lists(st.just(DIGEST), max_size=2).map(tuple),
)


@given(record=RECORDS, part_bytes=st.integers(1, 5000))
def test_record_comes_back_as_it_was_packed(record: TrustRecord, part_bytes: int) -> None:
    parts, digest = pack_record(record, part_bytes)

    assert unpack_record(parts, digest) == record
    assert all(len(each) <= part_bytes for each in parts)
    assert pack_record(record, 10**6)[1] == digest


@given(record=RECORDS, data=st.data())
def test_record_with_any_bit_flipped_is_none(record: TrustRecord, data: st.DataObject) -> None:
    (whole,), digest = pack_record(record, 10**6)
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))

    assert unpack_record([bytes(flipped)], digest) is None


@given(record=RECORDS, data=st.data())
def test_record_in_another_order_or_with_parts_lost_is_none(record: TrustRecord, data: st.DataObject) -> None:
    parts, digest = pack_record(record, 60)
    other = data.draw(st.permutations(parts) | st.just(parts[1:]) | st.just((*parts, b"x")))

    assert (unpack_record(other, digest) == record) == (b"".join(other) == b"".join(parts))


@pytest.mark.parametrize(
    "change",
    [
        {"revision": DIGEST},
        {"certificates": [{}]},
        {"certificates": [{"certificate": "!"}]},
        {"certificates": 5},
        {"consumed": 5},
        {"certificates": [{"certificate": "AAAA", "role": "rootCA", "trustUntil": None}]},
    ],
)
def test_record_in_the_form_of_another_version_is_none(change: dict[str, Any]) -> None:
    (whole,), _ = pack_record(TrustRecord(1, (TrustedCertificate(ROOTS[0]),)), 10**6)
    other = json.dumps({**json.loads(whole), **change}).encode()

    assert unpack_record([other], "sha256:" + hashlib.sha256(other).hexdigest()) is None


def test_record_of_a_version_that_kept_no_distrusts_has_none() -> None:
    record = TrustRecord(3, (TrustedCertificate(ROOTS[0]),), consumed=(DIGEST,))
    stored = json.loads(pack_record(record, 10**6)[0][0])
    del stored["distrusts"]
    whole = json.dumps(stored).encode()

    assert unpack_record([whole], f"sha256:{hashlib.sha256(whole).hexdigest()}") == record


def test_record_that_is_no_text_is_none() -> None:
    assert unpack_record([b"\xff"], "sha256:" + hashlib.sha256(b"\xff").hexdigest()) is None


def test_revision_depends_on_no_order_and_on_nothing_but_trust() -> None:
    a, b = TrustedCertificate(ROOTS[0]), TrustedCertificate(ROOTS[1], trust_until=NOW)

    assert revision_of((a, b)) == revision_of((b, a))
    assert revision_of((a,)) == revision_of((TrustedCertificate(ROOTS[0], decisions=("x",), public=True),))
    assert revision_of((a,)) != revision_of((TrustedCertificate(ROOTS[0], "intermediateCA"),))
    assert revision_of((b,)) != revision_of((TrustedCertificate(ROOTS[1], trust_until=NOW + SECOND),))


def test_ca_ends_with_its_trust_or_in_the_second_after_its_certificate() -> None:
    assert TrustedCertificate(ROOTS[0]).ends == CA_NOT_AFTER + SECOND
    assert TrustedCertificate(ROOTS[0], trust_until=NOW).ends == NOW
    assert TrustedCertificate(ROOTS[0], trust_until=CA_NOT_AFTER + timedelta(days=1)).ends == CA_NOT_AFTER + SECOND


def test_certificate_without_end_never_expires() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert first_expired(PKI().root("Endless", not_after=last).certificate) == last


def test_parts_are_named_after_store_number_and_revision() -> None:
    deployed = DeployedRecord(revision=DIGEST, number=7, parts=2, digest=DIGEST)

    assert record_stem("uid-1", 7, DIGEST) == "store-uid-1-7-555555555555-"
    assert record_keys("uid-1", deployed, "certwright") == tuple(
        ObjectKey(Kind.CONFIG_MAP, "certwright", f"store-uid-1-7-555555555555-{part}") for part in range(2)
    )
    assert {read_record_name(each.name) for each in record_keys("uid-1", deployed, "certwright")} == {("uid-1", 7)}


@pytest.mark.parametrize("name", ["crl-uid-1-7-555-0", "store-uid", "store-uid-1-x-555-0", "kube-root-ca.crt"])
def test_other_names_are_those_of_no_record(name: str) -> None:
    assert read_record_name(name) is None
