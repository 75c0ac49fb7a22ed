"""Chains with and without a trust store: what is accepted, what is said when something is missing."""

from datetime import UTC, datetime, timedelta

import pytest

from certwright.findings import Detail, Reason
from certwright.validation import Limits, Options, Role
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.judging import judge, labels, warned, worst
from tests.support.pki import CA_NOT_AFTER, NOT_AFTER, NOT_BEFORE, NOW, PKI, Entity, ec_key, rsa_key

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def root() -> Entity:
    return PKI().root("Corp Root")


@pytest.fixture(scope="module")
def issuing(root: Entity) -> Entity:
    return root.issue_ca("Corp Issuing CA 3", path_length=0)


@pytest.fixture(scope="module")
def shop(issuing: Entity) -> Entity:
    return issuing.issue_leaf("shop.example.com")


@pytest.fixture(scope="module")
def other() -> Entity:
    return PKI().root("Other CA")


def key_id(entity: Entity) -> str:
    return entity.key.identifier.hex(":").upper()


def test_it_is_valid_when_the_path_reaches_an_anchor(root: Entity, issuing: Entity, shop: Entity) -> None:
    verdict = judge(shop, [issuing], anchors=[root])
    assert worst(verdict) == (Reason.VALID, None)
    assert labels(verdict) == ["shop.example.com", "Corp Issuing CA 3", "Corp Root"]
    assert verdict.anchor == root.certificate
    assert verdict.intermediates == (issuing.certificate,)
    assert verdict.next_change == NOT_AFTER + SECOND


def test_it_is_valid_when_an_intermediate_is_the_anchor(issuing: Entity, shop: Entity) -> None:
    verdict = judge(shop, anchors=[issuing])
    assert verdict.is_valid
    assert verdict.intermediates == ()


def test_the_issuer_is_named_when_it_is_not_among_the_given(shop: Entity, issuing: Entity, other: Entity) -> None:
    verdict = judge(shop, [other, PKI().root("Corp Root")])
    assert worst(verdict) == (Reason.ISSUER_NOT_FOUND, None)
    assert verdict.findings[0].message == (
        f'the leaf names issuer "Corp Issuing CA 3" (key id {key_id(issuing)}), which is not among the 2 certificates '
        'given ("Other CA", "Corp Root"). Add it to `spec.chain`.'
    )


def test_the_one_certificate_is_named_when_it_is_not_the_issuer(shop: Entity, other: Entity) -> None:
    message = judge(shop, [other]).findings[0].message
    assert message.endswith('which is not the certificate given ("Other CA"). Add it to `spec.chain`.')


def test_both_keys_are_named_when_the_given_issuer_has_another_one(shop: Entity, root: Entity, issuing: Entity) -> None:
    renewed = root.issue_ca(issuing.certificate.subject.common_name or "", key=ec_key("renewed"))
    verdict = judge(shop, [renewed])
    assert worst(verdict) == (Reason.ISSUER_NOT_FOUND, None)
    assert verdict.findings[0].message == (
        f'the leaf names issuer "Corp Issuing CA 3" (key id {key_id(issuing)}), which is not given: the one of that '
        f"name has another key (key id {key_id(renewed)}). Add it to `spec.chain`."
    )


def test_the_issuer_is_named_when_nothing_is_given_but_anchors(shop: Entity, root: Entity, issuing: Entity) -> None:
    verdict = judge(shop, anchors=[root])
    assert worst(verdict) == (Reason.ISSUER_NOT_FOUND, None)
    assert verdict.findings[0].message == (
        f'the leaf names issuer "Corp Issuing CA 3" (key id {key_id(issuing)}), which is not given, nor among the 1 '
        "that are trusted. Add it to `spec.chain`."
    )


def test_the_intermediate_is_named_when_its_issuer_is_missing(issuing: Entity, shop: Entity, other: Entity) -> None:
    verdict = judge(shop, [issuing], anchors=[other])
    assert worst(verdict) == (Reason.ISSUER_NOT_FOUND, None)
    assert verdict.findings[0].fingerprint == issuing.certificate.fingerprint
    assert 'the certificate "Corp Issuing CA 3" names issuer "Corp Root"' in verdict.findings[0].message


def test_long_lists_are_cut_when_much_was_given(shop: Entity) -> None:
    many = [PKI().root(f"CA {number}") for number in range(6)]
    assert '("CA 0", "CA 1", "CA 2" and 3 more)' in judge(shop, many).findings[0].message


def test_a_lone_leaf_is_valid_with_a_warning_when_it_never_had_a_chain(shop: Entity, issuing: Entity) -> None:
    verdict = judge(shop)
    assert verdict.is_valid
    found = warned(verdict, Reason.ISSUER_MISSING)
    assert found is not None
    assert f'"Corp Issuing CA 3" (key id {key_id(issuing)})' in found.message


def test_a_lone_leaf_is_refused_when_what_is_served_has_an_intermediate(shop: Entity) -> None:
    verdict = judge(shop, options=Options(previous_had_intermediate=True))
    assert worst(verdict) == (Reason.ISSUER_NOT_FOUND, None)
    assert "while what is served has an intermediate" in verdict.findings[0].message


def test_an_issuer_without_key_id_is_named_by_name_alone(root: Entity) -> None:
    leaf = root.issue_leaf("a.example.com", without=["authorityKeyIdentifier"])
    assert 'names issuer "Corp Root", which' in judge(leaf, anchors=[]).findings[0].message


def test_the_chain_is_followed_as_far_as_it_goes_without_a_trust_store(
    root: Entity, issuing: Entity, shop: Entity
) -> None:
    assert labels(judge(shop, [issuing])) == ["shop.example.com", "Corp Issuing CA 3"]
    verdict = judge(shop, [root, issuing])
    assert labels(verdict) == ["shop.example.com", "Corp Issuing CA 3", "Corp Root"]
    assert verdict.anchor is None
    assert verdict.intermediates == (issuing.certificate,)


@pytest.mark.parametrize(
    ("wishes", "detail"),
    [
        ({"not_after": NOW - SECOND}, Detail.ISSUER_EXPIRED),
        ({"not_before": NOW + SECOND}, Detail.ISSUER_NOT_YET_VALID),
        ({"ca": False}, Detail.CA_FLAG_MISSING),
        ({"ca": None}, Detail.CA_FLAG_MISSING),
        ({"version": 1}, Detail.CA_FLAG_MISSING),
        ({"key_usage": ["digitalSignature"]}, Detail.KEY_CERT_SIGN_MISSING),
        ({"extensions": [ext.unknown()]}, Detail.CRITICAL_EXTENSION_UNKNOWN),
        ({"sign_with": ec_key("stranger")}, Detail.SIGNATURE),
    ],
)
@pytest.mark.parametrize("trusting", [True, False])
def test_the_chain_is_refused_when_an_intermediate_is_bad(
    root: Entity, wishes: dict[str, object], detail: Detail, *, trusting: bool
) -> None:
    bad = root.issue_ca("Bad CA", **wishes)
    leaf = bad.issue_leaf("a.example.com")
    verdict = judge(leaf, [bad], anchors=[root]) if trusting else judge(leaf, [bad, root])
    assert worst(verdict) == (Reason.CHAIN_INVALID, detail)
    assert verdict.findings[0].fingerprint == bad.certificate.fingerprint
    assert len(verdict.path) >= 2


@pytest.mark.parametrize("wishes", [{"not_after": NOW - SECOND}, {"ca": False}, {"key_usage": ["cRLSign"]}])
def test_anchors_are_judged_too_unless_the_option_is_off(wishes: dict[str, object]) -> None:
    root = PKI().root("Old Root", **wishes)
    leaf = root.issue_leaf("a.example.com")
    assert judge(leaf, anchors=[root]).reason is Reason.CHAIN_INVALID
    assert judge(leaf, anchors=[root], options=Options(anchor_constraints=False)).is_valid


def test_a_root_of_version_1_is_good_as_an_anchor_only(root: Entity) -> None:
    old = PKI().root("Old Root", version=1)
    leaf = old.issue_leaf("a.example.com")
    assert judge(leaf, anchors=[old]).is_valid
    assert judge(leaf, [old]).is_valid
    assert judge(old, anchors=[old], role=Role.CA).is_valid
    assert worst(judge(old, role=Role.CA)) == (Reason.USAGE_MISMATCH, Detail.CA_FLAG_MISSING)
    below = root.issue_ca("Old CA", version=1)
    assert worst(judge(below.issue_leaf("a.example.com"), [below])) == (Reason.CHAIN_INVALID, Detail.CA_FLAG_MISSING)


def test_the_path_length_does_not_count_self_issued_certificates(root: Entity) -> None:
    first = root.issue_ca("A", path_length=0)
    rolled = first.issue_ca("A", key=ec_key("rolled"))
    assert judge(rolled.issue_leaf("a.example.com"), [first, rolled], anchors=[root]).is_valid
    second = first.issue_ca("B")
    verdict = judge(second.issue_leaf("a.example.com"), [first, second], anchors=[root])
    assert worst(verdict) == (Reason.CHAIN_INVALID, Detail.PATH_LENGTH_EXCEEDED)


def test_the_path_length_of_the_anchor_counts() -> None:
    root = PKI().root("R", path_length=0)
    below = root.issue_ca("A")
    verdict = judge(below.issue_leaf("a.example.com"), [below], anchors=[root])
    assert worst(verdict) == (Reason.CHAIN_INVALID, Detail.PATH_LENGTH_EXCEEDED)


def test_paths_are_refused_when_they_have_too_many_intermediates(root: Entity) -> None:
    chain = [root]
    for number in range(11):
        chain.append(chain[-1].issue_ca(f"CA {number}"))
    assert judge(chain[10].issue_leaf("a.example.com"), chain[1:], anchors=[root]).is_valid
    verdict = judge(chain[11].issue_leaf("a.example.com"), chain[1:], anchors=[root])
    assert worst(verdict) == (Reason.CHAIN_INVALID, Detail.LIMIT_EXCEEDED)
    assert "more than the 10 intermediates" in verdict.findings[0].message


def test_the_target_may_be_an_anchor_itself_or_share_its_name_and_key(root: Entity) -> None:
    renewed = PKI().root("Corp Root", key=root.key, not_after=CA_NOT_AFTER + SECOND)
    assert judge(root, anchors=[root], role=Role.CA).is_valid
    verdict = judge(renewed, anchors=[root], role=Role.CA)
    assert verdict.is_valid
    assert labels(verdict) == ["Corp Root"]
    bad = PKI().root("Odd Root", extensions=[ext.unknown()])
    assert worst(judge(bad, anchors=[bad], role=Role.CA))[1] is Detail.CRITICAL_EXTENSION_UNKNOWN


def test_self_signed_is_accepted_without_a_trust_store_when_the_signature_is_right(root: Entity) -> None:
    own = PKI().self_signed("a.example.com")
    assert judge(own).is_valid
    assert judge(own, [root]).is_valid
    assert judge(own).intermediates == ()
    forged = PKI().self_signed("a.example.com", sign_with=ec_key("stranger"))
    assert worst(judge(forged)) == (Reason.INVALID_SELF_SIGNED, Detail.SIGNATURE)
    assert worst(judge(forged, anchors=[root])) == (Reason.INVALID_SELF_SIGNED, Detail.SIGNATURE)
    assert worst(judge(own, anchors=[root])) == (Reason.INVALID_SELF_SIGNED, Detail.UNTRUSTED_ROOT)


def test_self_issued_is_followed_when_another_key_of_the_name_signed_it(root: Entity) -> None:
    rolled = root.issue_ca("Corp Root", key=ec_key("new"), without=["authorityKeyIdentifier"])
    verdict = judge(rolled, anchors=[root], role=Role.CA)
    assert verdict.is_valid
    assert len(verdict.path) == 2


def test_an_untrusted_root_is_named_when_the_path_ends_there(root: Entity, issuing: Entity, shop: Entity) -> None:
    verdict = judge(shop, [issuing, root], anchors=[PKI().root("Other")])
    assert worst(verdict) == (Reason.CHAIN_INVALID, Detail.UNTRUSTED_ROOT)
    assert verdict.findings[0].fingerprint == root.certificate.fingerprint


def test_a_cross_signed_path_is_found_when_the_first_one_fails(root: Entity, other: Entity) -> None:
    key = ec_key("cross")
    expired = root.issue_ca("Cross CA", key=key, not_after=NOW - SECOND)
    good = other.issue_ca("Cross CA", key=key)
    leaf = good.issue_leaf("a.example.com")
    verdict = judge(leaf, [expired, good], anchors=[root, other])
    assert verdict.is_valid
    assert verdict.anchor == other.certificate
    advice = warned(verdict, Reason.EXPIRED_ALTERNATIVE)
    assert advice is not None
    assert advice.fingerprint == expired.certificate.fingerprint


def test_a_path_goes_on_when_a_same_named_issuer_did_not_sign(root: Entity) -> None:
    wrong = root.issue_ca("Twin CA")
    right = root.issue_ca("Twin CA")
    leaf = right.issue_leaf("a.example.com", without=["authorityKeyIdentifier"])
    assert judge(leaf, [wrong, right], anchors=[root]).is_valid
    assert worst(judge(leaf, [wrong], anchors=[root])) == (Reason.CHAIN_INVALID, Detail.SIGNATURE)
    hinted = right.issue_leaf("b.example.com")
    assert worst(judge(hinted, [wrong], anchors=[root])) == (Reason.ISSUER_NOT_FOUND, None)


def test_names_chain_when_only_their_writing_differs(root: Entity) -> None:
    upper = der.sequence(der.set_of(der.attribute("CN", "CORP  ROOT", tag=0x13)))
    assert judge(root.issue_leaf("a.example.com", issuer_name=upper), anchors=[root]).is_valid


def test_both_ends_of_validity_are_inclusive(root: Entity) -> None:
    leaf = root.issue_leaf("a.example.com")
    assert judge(leaf, anchors=[root], at=NOT_BEFORE).is_valid
    assert judge(leaf, anchors=[root], at=NOT_AFTER + timedelta(microseconds=999_999)).is_valid
    early = judge(leaf, anchors=[root], at=NOT_BEFORE - SECOND)
    assert worst(early) == (Reason.NOT_YET_VALID, None)
    assert early.next_change == NOT_BEFORE
    late = judge(leaf, anchors=[root], at=NOT_AFTER + SECOND)
    assert worst(late) == (Reason.EXPIRED, None)
    assert late.next_change == CA_NOT_AFTER + SECOND


def test_the_last_year_never_ends() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    own = PKI().self_signed("a.example.com", not_after=last)
    assert judge(own).is_valid
    assert judge(own).next_change is None


def test_dates_in_the_wrong_order_are_told_by_the_clock() -> None:
    own = PKI().self_signed("a.example.com", not_before=NOW + SECOND, not_after=NOW - SECOND)
    assert judge(own).reason is Reason.NOT_YET_VALID
    assert judge(own, at=NOW + SECOND).reason is Reason.EXPIRED


def test_rsa_keys_are_refused_when_their_size_is_out_of_range() -> None:
    own = PKI().self_signed("a.example.com", key=rsa_key("weak"))
    leaf = PKI().root("R", key=rsa_key("weak")).issue_leaf("a.example.com")
    assert judge(own).is_valid
    assert warned(judge(own), Reason.WEAK_KEY) is not None
    narrow = Options(limits=Limits(rsa_bits_min=2048))
    assert worst(judge(own, options=narrow)) == (Reason.UNPARSABLE, Detail.LIMIT_EXCEEDED)
    root = PKI().root("R", key=rsa_key("weak"))
    assert worst(judge(leaf, [root], options=narrow)) == (Reason.CHAIN_INVALID, Detail.LIMIT_EXCEEDED)
    strict = Options(strict_algorithms=True)
    assert worst(judge(own, options=strict)) == (Reason.CHAIN_INVALID, Detail.ALGORITHM_NOT_ALLOWED)


def test_path_leads_through_no_distrusted_certificate_and_another_is_found() -> None:
    root = PKI().root("Corp Root")
    issuing = root.issue_ca("Issuing")
    twin = root.issue_ca("Issuing", key=issuing.key, serial=77)
    leaf = issuing.issue_leaf("shop.example.com")
    distrusting = Options(distrusted=frozenset({issuing.certificate.fingerprint}))

    refused = judge(leaf, [issuing], anchors=[root], options=distrusting)
    other = judge(leaf, [issuing, twin], anchors=[root], options=distrusting)

    assert worst(refused) == (Reason.CHAIN_INVALID, Detail.ISSUER_DISTRUSTED)
    assert refused.findings[0].fingerprint == issuing.certificate.fingerprint
    assert other.is_valid
    assert twin.certificate in other.path
