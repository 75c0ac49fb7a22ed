"""Lists whose separate signer may itself be revoked, for all that is known: they accuse and never acquit."""

import pytest

from certwright.findings import Detail, Reason
from certwright.validation import Options, Revocation
from tests.support import extension_writer as ext
from tests.support.judging import judge, worst
from tests.support.pki import PKI, RevokedEntry, ec_key

ROOT = PKI().root("Corp Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA")
SIGNER = ROOT.issue_leaf(
    "", subject=ISSUING.subject, key=ec_key("lists"), key_usage=("cRLSign",), usages=None, without=["subjectAltName"]
)
LEAF = ISSUING.issue_leaf("shop.example.com")
ACCUSED = [RevokedEntry(LEAF.serial, reason=1)]
ABOUT_CAS = ROOT.crl(extensions=[ext.issuing_distribution_point(only="cas")])  # says nothing about the signer


def outcome(*crls: object, mode: Revocation = Revocation.REQUIRE) -> tuple[Reason, Detail | None]:
    options = Options(revocation=mode)
    return worst(judge(LEAF, [ISSUING, SIGNER], anchors=[ROOT], crls=crls, options=options))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [Revocation.PREFER, Revocation.REQUIRE])
def test_verdict_is_revoked_when_only_the_list_of_a_doubtful_signer_says_so(mode: Revocation) -> None:
    assert outcome(ABOUT_CAS, ISSUING.crl(), SIGNER.crl(ACCUSED), mode=mode) == (Reason.REVOKED, None)


def test_verdict_names_the_signer_when_a_doubtful_list_is_silent() -> None:
    assert outcome(ABOUT_CAS, SIGNER.crl()) == (Reason.CRL_NOT_VALID, Detail.ISSUER_PATH)


def test_verdict_is_valid_when_a_doubtful_list_is_silent_and_another_covers_the_target() -> None:
    assert outcome(ABOUT_CAS, ISSUING.crl(), SIGNER.crl()) == (Reason.VALID, None)


def test_accusation_is_not_heard_when_the_signer_is_revoked() -> None:
    assert outcome(ROOT.crl([SIGNER]), ISSUING.crl(), SIGNER.crl(ACCUSED)) == (Reason.VALID, None)


def test_acquittal_is_heard_when_the_signer_is_known_to_be_good() -> None:
    assert outcome(ROOT.crl(), SIGNER.crl()) == (Reason.VALID, None)
    assert outcome(ROOT.crl(), SIGNER.crl(ACCUSED)) == (Reason.REVOKED, None)
