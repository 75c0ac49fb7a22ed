"""What was revoked stays revoked until an authentic newer list says otherwise."""

from datetime import timedelta

import pytest

from certwright.findings import Detail, Reason
from certwright.validation import KnownRevocation, Options, Revocation
from tests.support import extension_writer as ext
from tests.support.judging import judge, worst
from tests.support.pki import NEXT_UPDATE, NOW, PKI, THIS_UPDATE, RevokedEntry, ec_key

ROOT = PKI().root()
ISSUING = ROOT.issue_ca("Issuing")
LEAF = ISSUING.issue_leaf("shop.example.com")
GIVEN = [ISSUING, ROOT]
KNOWN = KnownRevocation(LEAF.certificate.fingerprint, THIS_UPDATE, 5)
LATER = THIS_UPDATE + timedelta(days=1)


def options(*known: KnownRevocation, revocation: Revocation = Revocation.PREFER) -> Options:
    return Options(revocation=revocation, known_revocations=known)


def test_verdict_tells_the_revocation_and_its_list_when_a_list_names_the_target() -> None:
    verdict = judge(LEAF, GIVEN, crls=[ISSUING.crl([LEAF], number=5)])
    assert verdict.reason is Reason.REVOKED
    assert verdict.revocations == (KNOWN,)


def test_target_stays_revoked_when_no_list_is_left() -> None:
    verdict = judge(LEAF, GIVEN, options=options(KNOWN))
    assert verdict.reason is Reason.REVOKED
    assert "said a list of its issuer of 2026-06-01" in verdict.findings[0].message
    assert verdict.revocations == (KNOWN,)


@pytest.mark.parametrize("number", [4, 5, None])
def test_target_stays_revoked_when_a_list_of_the_same_day_is_no_newer(number: int | None) -> None:
    verdict = judge(LEAF, GIVEN, crls=[ISSUING.crl(number=number)], options=options(KNOWN))
    assert verdict.reason is Reason.REVOKED


@pytest.mark.parametrize("wishes", [{"number": 6}, {"number": 1, "this_update": LATER}])
def test_target_is_good_again_when_a_newer_list_does_not_name_it(wishes: dict[str, object]) -> None:
    verdict = judge(LEAF, GIVEN, crls=[ISSUING.crl(**wishes)], options=options(KNOWN))
    assert verdict.is_valid
    assert verdict.revocations == ()


def test_target_stays_revoked_when_the_newer_list_is_not_authentic() -> None:
    forged = ISSUING.crl(number=2**159, this_update=LATER, sign_with=ec_key("mallory"))
    verdict = judge(LEAF, GIVEN, crls=[forged], options=options(KNOWN))
    assert Reason.REVOKED in {finding.reason for finding in verdict.errors}


def test_target_stays_revoked_when_the_newer_list_has_expired() -> None:
    late = NEXT_UPDATE + timedelta(days=1)
    verdict = judge(LEAF, GIVEN, crls=[ISSUING.crl(number=9)], options=options(KNOWN), at=late)
    assert Reason.REVOKED in {finding.reason for finding in verdict.errors}


def test_newest_telling_is_remembered_when_two_are_known() -> None:
    newer = KnownRevocation(KNOWN.fingerprint, THIS_UPDATE, 7)
    crls = [ISSUING.crl([LEAF], number=6)]
    assert judge(LEAF, GIVEN, crls=crls, options=options(newer, KNOWN)).revocations == (newer,)


def test_target_stays_revoked_when_its_issuer_is_taken_away() -> None:
    verdict = judge(LEAF, [], options=options(KNOWN))
    assert verdict.reason is Reason.REVOKED


def test_path_is_invalid_when_its_issuer_is_known_to_be_revoked() -> None:
    known = KnownRevocation(ISSUING.certificate.fingerprint, THIS_UPDATE, 5)
    verdict = judge(LEAF, GIVEN, options=options(known))
    assert worst(verdict) == (Reason.CHAIN_INVALID, Detail.ISSUER_REVOKED)
    assert verdict.revocations == (known,)


def test_hold_ends_when_a_newer_delta_removes_it() -> None:
    base = ISSUING.crl([RevokedEntry(LEAF.serial, reason=6)], number=5, extensions=[ext.freshest_crl()])
    delta = ISSUING.crl([RevokedEntry(LEAF.serial, reason=8)], number=6, delta_base=5)
    assert judge(LEAF, GIVEN, crls=[base]).revocations == (KNOWN,)
    assert judge(LEAF, GIVEN, crls=[base, delta], options=options(KNOWN)).is_valid


def test_nothing_is_remembered_when_revocation_is_off() -> None:
    verdict = judge(LEAF, GIVEN, options=options(KNOWN, revocation=Revocation.OFF), at=NOW)
    assert verdict.is_valid
    assert verdict.revocations == ()
