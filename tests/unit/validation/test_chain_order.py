"""Which certificate is the leaf, and in which order the others follow."""

import pytest

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.certificate import Certificate
from certwright.validation import Arrangement, arrange
from tests.support.pki import PKI, Entity, ec_key

ROOT = PKI().root("Corp Root")
UPPER = ROOT.issue_ca("Corp Upper CA")
ISSUING = UPPER.issue_ca("Corp Issuing CA")
SHOP = ISSUING.issue_leaf("shop.example.com")
CHAIN = (SHOP, ISSUING, UPPER)


def put(*entities: Entity, key: Entity | None = None) -> Arrangement:
    matches = None if key is None else lambda certificate: certificate.public_key.spki == key.key.spki
    return arrange([entity.certificate for entity in entities], key_matches=matches)


def names(arrangement: Arrangement) -> list[str]:
    return [certificate.label for certificate in (arrangement.leaf, *arrangement.chain)]


def reasons(arrangement: Arrangement) -> list[Reason]:
    return [item.reason for item in arrangement.warnings]


def certificates(*entities: Entity) -> tuple[Certificate, ...]:
    return tuple(entity.certificate for entity in entities)


def test_a_chain_in_order_is_left_alone() -> None:
    arranged = put(*CHAIN)
    assert names(arranged) == ["shop.example.com", "Corp Issuing CA", "Corp Upper CA"]
    assert reasons(arranged) == []
    assert arranged.others == certificates(ISSUING, UPPER)


@pytest.mark.parametrize("given", [(UPPER, ISSUING, SHOP), (ISSUING, SHOP, UPPER), (SHOP, UPPER, ISSUING)])
def test_a_chain_out_of_order_is_sorted(given: tuple[Entity, ...]) -> None:
    arranged = put(*given)
    assert names(arranged) == ["shop.example.com", "Corp Issuing CA", "Corp Upper CA"]
    assert reasons(arranged) == [Reason.REORDERED]


def test_a_root_is_kept_for_judging_and_said_not_to_be_served() -> None:
    arranged = put(*CHAIN, ROOT)
    assert arranged.chain == certificates(ISSUING, UPPER, ROOT)
    assert reasons(arranged) == [Reason.ROOT_REMOVED]


def test_repetitions_are_dropped() -> None:
    arranged = put(SHOP, ISSUING, SHOP, ISSUING, UPPER)
    assert arranged.chain == certificates(ISSUING, UPPER)
    assert reasons(arranged) == [Reason.DUPLICATE_CERTIFICATE]


def test_strangers_are_named_and_left_out() -> None:
    stranger = PKI().root("Other CA")
    arranged = put(SHOP, stranger, ISSUING)
    assert arranged.unused == certificates(stranger)
    assert arranged.others == certificates(ISSUING, stranger)
    assert reasons(arranged) == [Reason.UNUSED_CERTIFICATE]
    assert '"Other CA" is no issuer of "shop.example.com"' in arranged.warnings[0].message


def test_strangers_are_left_to_the_verdict_when_the_issuer_is_missing() -> None:
    arranged = put(SHOP, PKI().root("Other CA"))
    assert reasons(arranged) == []
    assert len(arranged.unused) == 1


def test_the_key_tells_the_leaf() -> None:
    other = ISSUING.issue_leaf("other.example.com")
    arranged = put(other, SHOP, ISSUING, key=SHOP)
    assert arranged.leaf == SHOP.certificate
    assert reasons(arranged) == [Reason.UNUSED_CERTIFICATE]
    assert put(ISSUING, SHOP, key=ISSUING).leaf == ISSUING.certificate
    assert put(ISSUING, SHOP, key=PKI().root("nobody")).leaf == SHOP.certificate


def test_two_leaves_are_refused_and_named() -> None:
    other = ISSUING.issue_leaf("other.example.com")
    for key in (None, PKI().root("nobody")):
        with pytest.raises(MaterialError) as caught:
            put(SHOP, other, ISSUING, key=key)
        assert caught.value.finding.reason is Reason.UNPARSABLE
        assert caught.value.finding.detail is Detail.SEVERAL_LEAVES
        assert '"shop.example.com"' in caught.value.finding.message
        assert '"other.example.com"' in caught.value.finding.message


def test_two_leaves_of_one_key_are_refused() -> None:
    key = ec_key("renewed")
    old, new = (ISSUING.issue_leaf("shop.example.com", key=key) for _ in range(2))
    with pytest.raises(MaterialError):
        put(old, new, ISSUING, key=new)


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(MaterialError) as caught:
        put()
    assert caught.value.finding.detail is Detail.NO_CERTIFICATE


def test_a_self_signed_leaf_stands_alone() -> None:
    own = PKI().self_signed("a.example.com")
    assert put(own).leaf == own.certificate
    assert put(own, own).leaf == own.certificate
    assert reasons(put(own, PKI().root("Other CA"))) == [Reason.UNUSED_CERTIFICATE]


def test_a_root_of_version_1_is_not_taken_for_a_second_leaf() -> None:
    old = PKI().root("Old Root", version=1)
    assert put(old, SHOP, ISSUING).leaf == SHOP.certificate


def test_among_cas_the_lowest_is_the_leaf_else_the_first() -> None:
    assert put(UPPER, ISSUING, ROOT).leaf == ISSUING.certificate
    assert put(ROOT).leaf == ROOT.certificate
    other = PKI().root("Other CA")
    assert put(ROOT, other).leaf == ROOT.certificate
    assert put(other, ROOT).leaf == other.certificate


def test_cross_signed_issuers_are_all_kept() -> None:
    cross = PKI().root("Other CA").issue_ca("Corp Issuing CA", key=ISSUING.key)
    arranged = put(SHOP, ISSUING, cross, UPPER)
    assert arranged.unused == ()
    assert reasons(arranged) == []


def test_an_issuer_of_another_key_is_only_kept_when_there_is_no_better_one() -> None:
    twin = UPPER.issue_ca("Corp Issuing CA", key=ec_key("twin"))
    assert put(SHOP, twin, ISSUING).unused == certificates(twin)
    assert put(SHOP, twin).chain == certificates(twin)
