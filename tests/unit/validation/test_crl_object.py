"""A revocation list judged by itself: structure, issuer, right, signature, dates, in that order."""

from datetime import timedelta

import pytest

from certwright.findings import Detail, Reason
from certwright.pki.crl import RevocationList
from certwright.validation import Limits, Options, Verdict, validate_crl
from tests.support import extension_writer as ext
from tests.support.judging import warned, worst
from tests.support.pki import NEXT_UPDATE, NOW, PKI, THIS_UPDATE, Entity, SignedList, ec_key

ROOT = PKI().root("Corp Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA")
SECOND = timedelta(seconds=1)
CA_END = ROOT.certificate.not_after


def look(crl: SignedList, *given: Entity, anchors: tuple[Entity, ...] = (ROOT,), **wishes: object) -> Verdict:
    return validate_crl(
        RevocationList.from_der(crl.der),
        intermediates=[entity.certificate for entity in given],
        anchors=[entity.certificate for entity in anchors],
        **{"at": NOW, **wishes},  # type: ignore[arg-type]
    )


def test_it_is_valid_when_an_anchor_or_an_intermediate_signed_it() -> None:
    verdict = look(ROOT.crl())
    assert worst(verdict) == (Reason.VALID, None)
    assert verdict.path == (ROOT.certificate,)
    assert verdict.next_change == NEXT_UPDATE + SECOND
    below = look(ISSUING.crl(), ISSUING)
    assert below.is_valid
    assert below.path == (ISSUING.certificate, ROOT.certificate)
    assert below.anchor == ROOT.certificate


@pytest.mark.parametrize(
    ("crl", "expected"),
    [
        (ROOT.crl(version=3), (Reason.CRL_INVALID, None)),
        (ISSUING.crl(), (Reason.CRL_ISSUER_NOT_FOUND, None)),
        (ROOT.crl(extensions=[ext.unknown()]), (Reason.CRL_NOT_VALID, Detail.CRITICAL_EXTENSION_UNKNOWN)),
        (ROOT.crl(this_update=NOW + SECOND), (Reason.CRL_NOT_VALID, Detail.CRL_NOT_YET_VALID)),
        (ROOT.crl(next_update=NOW - SECOND), (Reason.CRL_EXPIRED, None)),
        (ROOT.crl(sign_with=ec_key("x"), without=["authorityKeyIdentifier"]), (Reason.CRL_NOT_VALID, Detail.SIGNATURE)),
        # the earlier check names the verdict
        (ISSUING.crl(next_update=NOW - SECOND), (Reason.CRL_ISSUER_NOT_FOUND, None)),
    ],
)
def test_the_first_failing_check_names_the_verdict(crl: SignedList, expected: tuple[Reason, Detail | None]) -> None:
    assert worst(look(crl)) == expected


def test_the_signer_needs_the_right_and_a_path() -> None:
    mute = PKI().root("Mute", key_usage=["keyCertSign"])
    assert worst(look(mute.crl(), anchors=(mute,))) == (Reason.CRL_ISSUER_NOT_AUTHORIZED, Detail.CRL_SIGN_MISSING)
    stranger = PKI().root("Stranger").issue_ca("Corp Issuing CA")
    assert worst(look(stranger.crl(), stranger)) == (Reason.CRL_NOT_VALID, Detail.ISSUER_PATH)
    plain = PKI().root("Plain", key_usage=None)
    verdict = look(plain.crl(), anchors=(plain,))
    assert verdict.is_valid
    assert warned(verdict, Reason.CRL_ISSUER_NOT_AUTHORIZED) is not None
    strict = Options(strict_crl_issuer=True)
    assert look(plain.crl(), anchors=(plain,), options=strict).reason is Reason.CRL_ISSUER_NOT_AUTHORIZED


def test_an_endless_list_is_tolerated_and_ends_with_its_signer() -> None:
    verdict = look(ROOT.crl(next_update=None))
    assert verdict.is_valid
    assert warned(verdict, Reason.CRL_INVALID) is not None
    assert verdict.next_change == CA_END + SECOND
    assert verdict.path[0].not_before < THIS_UPDATE


def test_work_is_limited_and_defects_of_ours_become_findings(caplog: pytest.LogCaptureFixture) -> None:
    options = Options(limits=Limits(signature_checks=0))
    assert worst(look(ROOT.crl(), options=options)) == (Reason.CRL_ERROR, Detail.LIMIT_EXCEEDED)
    broken = RevocationList.from_der(ROOT.crl().der)
    object.__setattr__(broken, "authority_key_id", 5)
    verdict = validate_crl(broken, intermediates=[], anchors=[ROOT.certificate], at=NOW)
    assert worst(verdict) == (Reason.CRL_ERROR, None)
    assert broken.fingerprint in caplog.text
