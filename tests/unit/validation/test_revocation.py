"""Revocation: which list counts, who may sign it, and what is said when none does (RFC 5280 6.3, RFC 10007)."""

from datetime import timedelta

import pytest

from certwright.findings import Detail, Reason, Severity
from certwright.pki.crl import RevocationList
from certwright.validation import Limits, Options, Revocation, Role, validate
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.judging import judge, warned, worst
from tests.support.pki import NEXT_UPDATE, NOW, PKI, THIS_UPDATE, Entity, RevokedEntry, SignedList, ec_key

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
REQUIRE = Options(revocation=Revocation.REQUIRE)
KEY_COMPROMISE, CA_COMPROMISE, HOLD, REMOVE = 1, 2, 6, 8
URL = [der.uri("http://crl.test/a")]
BY_CRL_ISSUER = ext.crl_distribution_points(ext.point(names=URL, crl_issuer=der.common_name("CRL Issuer")))
OTHER_URL = [der.uri("http://crl.test/b")]


@pytest.fixture(scope="module")
def root() -> Entity:
    return PKI().root("Corp Root")


class House:
    """A root, an issuer, a leaf, and the judge that demands revocation."""

    def __init__(self, **wishes: object) -> None:
        self.root = PKI().root("Corp Root")
        self.issuing = self.root.issue_ca("Corp Issuing CA 3")
        self.leaf = self.issuing.issue_leaf("shop.example.com", **wishes)

    def judge(self, *crls: SignedList, given: tuple[Entity, ...] = (), **wishes: object):  # noqa: ANN201
        options = wishes.pop("options", REQUIRE)
        return judge(
            self.leaf,
            [self.issuing, *given],
            anchors=[self.root],
            crls=[self.root.crl(), *crls],
            options=options,
            **wishes,
        )


@pytest.fixture(scope="module")
def house() -> House:
    return House()


def test_it_is_valid_when_every_list_is_there_and_names_nobody(house: House) -> None:
    verdict = house.judge(house.issuing.crl())
    assert verdict.is_valid
    assert verdict.findings == ()
    assert verdict.next_change == NEXT_UPDATE + SECOND


def test_it_is_revoked_when_the_list_names_it(house: House) -> None:
    verdict = house.judge(house.issuing.crl([RevokedEntry(house.leaf.serial, reason=KEY_COMPROMISE)]))
    assert worst(verdict) == (Reason.REVOKED, None)
    assert "was revoked on 2026-06-01 00:00:00 UTC (keyCompromise)" in verdict.findings[0].message
    assert 'says the revocation list of "Corp Issuing CA 3" of 2026-06-01' in verdict.findings[0].message


def test_the_chain_is_invalid_when_a_list_names_the_issuer(house: House) -> None:
    verdict = judge(
        house.leaf,
        [house.issuing],
        anchors=[house.root],
        crls=[house.root.crl([house.issuing]), house.issuing.crl()],
        options=REQUIRE,
    )
    assert worst(verdict) == (Reason.CHAIN_INVALID, Detail.ISSUER_REVOKED)
    assert verdict.findings[0].fingerprint == house.issuing.certificate.fingerprint


def test_a_hold_is_told_apart_and_ends_with_a_newer_list(house: House) -> None:
    held = house.issuing.crl([RevokedEntry(house.leaf.serial, reason=HOLD)])
    assert worst(house.judge(held)) == (Reason.REVOKED, Detail.CERTIFICATE_HOLD)
    newer = house.issuing.crl(this_update=THIS_UPDATE + DAY, number=2)
    assert house.judge(held, newer).is_valid


@pytest.mark.parametrize("serial", [0, -1, -0x80, 2**159])
def test_unusual_serial_numbers_are_found(serial: int) -> None:
    house = House(serial=serial)
    assert house.judge(house.issuing.crl([serial])).reason is Reason.REVOKED
    assert house.judge(house.issuing.crl([serial + 1])).is_valid


def test_missing_lists_are_named_with_the_issuer_that_lacks_them(house: House) -> None:
    verdict = house.judge()
    assert worst(verdict) == (Reason.CRL_NOT_VALID, Detail.CRL_MISSING)
    assert 'Add the list of "Corp Issuing CA 3"' in verdict.findings[0].message
    verdict = judge(house.leaf, [house.issuing], anchors=[house.root], crls=[house.issuing.crl()], options=REQUIRE)
    assert 'Add the list of "Corp Root"' in verdict.findings[0].message


def test_missing_lists_are_warnings_when_they_are_preferred(house: House) -> None:
    verdict = judge(house.leaf, [house.issuing], anchors=[house.root], crls=[house.issuing.crl()])
    assert verdict.is_valid
    assert warned(verdict, Reason.CRL_NOT_VALID) is not None
    assert verdict.errors == ()


def test_lists_are_ignored_when_revocation_is_off(house: House) -> None:
    off = Options(revocation=Revocation.OFF)
    assert house.judge(house.issuing.crl([house.leaf]), options=off).findings == ()


def test_an_expired_list_is_no_evidence_of_good(house: House) -> None:
    old = house.issuing.crl(this_update=NOW - 9 * DAY, next_update=NOW - SECOND)
    assert worst(house.judge(old)) == (Reason.CRL_EXPIRED, None)
    assert worst(house.judge(old, options=Options())) == (Reason.CRL_EXPIRED, None)
    assert house.judge(old, house.issuing.crl()).is_valid
    last = house.issuing.crl(next_update=NOW)
    assert house.judge(last).is_valid
    assert house.judge(last).next_change == NOW + SECOND


def test_an_expired_list_still_revokes_but_holds_nobody(house: House) -> None:
    dates = {"this_update": NOW - 9 * DAY, "next_update": NOW - DAY}
    revoking = house.issuing.crl([RevokedEntry(house.leaf.serial, reason=KEY_COMPROMISE)], **dates)
    assert house.judge(revoking).reason is Reason.REVOKED
    assert house.judge(revoking, house.issuing.crl()).reason is Reason.REVOKED
    holding = house.issuing.crl([RevokedEntry(house.leaf.serial, reason=HOLD)], **dates)
    assert house.judge(holding).reason is Reason.CRL_EXPIRED
    assert house.judge(holding, house.issuing.crl()).is_valid


def test_a_list_from_the_future_is_not_used(house: House) -> None:
    future = house.issuing.crl(this_update=NOW + SECOND)
    verdict = house.judge(future)
    assert worst(verdict) == (Reason.CRL_NOT_VALID, Detail.CRL_NOT_YET_VALID)
    assert verdict.next_change == NOW + SECOND


def test_a_forged_list_is_not_used(house: House) -> None:
    forged = house.issuing.crl([house.leaf], sign_with=ec_key("stranger"))
    assert worst(house.judge(forged))[0] is Reason.CRL_ISSUER_NOT_FOUND  # its key identifier names the stranger
    hinted = house.issuing.crl(
        [house.leaf],
        sign_with=ec_key("stranger"),
        extensions=[ext.authority_key_id(house.issuing.key.identifier)],
    )
    assert worst(house.judge(hinted)) == (Reason.CRL_NOT_VALID, Detail.SIGNATURE)
    assert house.judge(hinted, house.issuing.crl()).is_valid


@pytest.mark.parametrize(
    "wishes",
    [
        {"this_update": NEXT_UPDATE, "next_update": THIS_UPDATE},
        {"version": 1, "extensions": [ext.crl_number(1)]},
        {"extensions": [ext.Ext(ext.OIDS["crlNumber"], b"\x05\x00")]},
    ],
)
def test_a_list_that_breaks_the_structure_is_invalid(house: House, wishes: dict[str, object]) -> None:
    assert worst(house.judge(house.issuing.crl(**wishes)))[0] is Reason.CRL_INVALID


def test_lists_without_next_update_or_number_are_tolerated_unless_strict(house: House) -> None:
    endless = house.issuing.crl(next_update=None)
    verdict = house.judge(endless)
    assert verdict.is_valid
    assert "does not say when" in warned(verdict, Reason.CRL_INVALID).message  # type: ignore[union-attr]
    strict = Options(revocation=Revocation.REQUIRE, strict_crl=True)
    assert worst(house.judge(endless, options=strict))[0] is Reason.CRL_INVALID
    for crl in (house.issuing.crl(number=None), house.issuing.crl(version=1)):
        assert "has no number" in warned(house.judge(crl), Reason.CRL_INVALID).message  # type: ignore[union-attr]
    critical = house.issuing.crl(extensions=[ext.crl_number(1).marked(critical=True)])
    assert "as critical" in warned(house.judge(critical), Reason.CRL_INVALID).message  # type: ignore[union-attr]


def test_unknown_critical_extensions_of_list_or_entry_make_it_useless(house: House) -> None:
    for crl in (
        house.issuing.crl(extensions=[ext.unknown()]),
        house.issuing.crl([RevokedEntry(house.leaf.serial + 1, extensions=[ext.unknown()])]),
    ):
        assert worst(house.judge(crl)) == (Reason.CRL_NOT_VALID, Detail.CRITICAL_EXTENSION_UNKNOWN)
    harmless = house.issuing.crl([RevokedEntry(house.leaf.serial + 1, extensions=[ext.unknown(critical=False)])])
    assert house.judge(harmless).is_valid


# --- who signed it


def test_the_issuer_needs_the_right_to_sign_lists() -> None:
    root = PKI().root("R", key_usage=["keyCertSign"])
    leaf = root.issue_leaf("a.example.com")
    verdict = judge(leaf, anchors=[root], crls=[root.crl()])
    assert worst(verdict) == (Reason.CRL_ISSUER_NOT_AUTHORIZED, Detail.CRL_SIGN_MISSING)


def test_a_ca_without_key_usage_is_tolerated_unless_strict() -> None:
    root = PKI().root("R", key_usage=None)
    leaf = root.issue_leaf("a.example.com")
    verdict = judge(leaf, anchors=[root], crls=[root.crl()], options=REQUIRE)
    assert verdict.is_valid
    assert warned(verdict, Reason.CRL_ISSUER_NOT_AUTHORIZED) is not None
    strict = Options(strict_crl_issuer=True)
    assert judge(leaf, anchors=[root], crls=[root.crl()], options=strict).reason is Reason.CRL_ISSUER_NOT_AUTHORIZED
    old = PKI().root("Old", version=1)
    assert judge(old.issue_leaf("a.example.com"), anchors=[old], crls=[old.crl()], options=REQUIRE).is_valid


def test_an_end_entity_without_key_usage_never_signs_indirect_lists(house: House) -> None:
    """RFC 10007: a mundane certificate of the list issuer's name must not vouch for anybody."""
    pointed = House(extensions=[BY_CRL_ISSUER])
    scope = ext.issuing_distribution_point(names=URL, indirect=True)
    mundane = pointed.issuing.issue_leaf("CRL Issuer", key_usage=None)
    forged = mundane.crl(extensions=[scope])
    # the mundane certificate itself is covered by its issuer's list
    verdict = pointed.judge(forged, pointed.issuing.crl(), given=(mundane,))
    assert verdict.is_valid  # by the issuer's own list, which covers all reasons
    verdict = pointed.judge(forged, given=(mundane,))
    assert worst(verdict) == (Reason.CRL_ISSUER_NOT_AUTHORIZED, Detail.CRL_SIGN_MISSING)
    right = pointed.issuing.issue_leaf("CRL Issuer", key_usage=["cRLSign"], extensions=[BY_CRL_ISSUER])
    entry = RevokedEntry(pointed.leaf.serial, extensions=[ext.certificate_issuer(pointed.issuing.subject)])
    assert pointed.judge(right.crl([entry], extensions=[scope]), given=(right,)).reason is Reason.REVOKED
    assert pointed.judge(right.crl(extensions=[scope]), given=(right,)).is_valid
    assert house.judge(right.crl([entry], extensions=[scope]), given=(right,)).reason is Reason.CRL_NOT_VALID


def test_entries_of_indirect_lists_carry_their_issuer_over() -> None:
    house = House(extensions=[BY_CRL_ISSUER])
    signer = house.issuing.issue_leaf("CRL Issuer", key_usage=["cRLSign"], extensions=[BY_CRL_ISSUER])
    scope = ext.issuing_distribution_point(names=URL, indirect=True)
    first = RevokedEntry(1, extensions=[ext.certificate_issuer(house.issuing.subject)])
    listed = signer.crl([first, house.leaf], extensions=[scope])
    assert house.judge(listed, given=(signer,)).reason is Reason.REVOKED
    before = signer.crl([house.leaf, first], extensions=[scope])  # about the list's own issuer
    assert house.judge(before, given=(signer,)).is_valid


def test_a_separate_signer_needs_a_path_to_the_same_anchor() -> None:
    scope = ext.issuing_distribution_point(indirect=True)
    pointed = House(extensions=[ext.crl_distribution_points(ext.point(crl_issuer=der.common_name("CRL Issuer")))])
    stranger = PKI().root("Stranger").issue_leaf("CRL Issuer", key_usage=["cRLSign"])
    expired = pointed.issuing.issue_leaf("CRL Issuer", key_usage=["cRLSign"], not_after=NOW - SECOND)
    for signer in (stranger, expired):
        verdict = pointed.judge(signer.crl(extensions=[scope]), given=(signer,))
        assert worst(verdict) == (Reason.CRL_NOT_VALID, Detail.ISSUER_PATH)
    assert worst(pointed.judge(stranger.crl(extensions=[scope])))[0] is Reason.CRL_ISSUER_NOT_FOUND


def test_a_separate_signer_must_not_be_revoked() -> None:
    house = House(extensions=[ext.crl_distribution_points(ext.point(crl_issuer=der.common_name("CRL Issuer")))])
    scope = ext.issuing_distribution_point(indirect=True)
    signer = house.issuing.issue_leaf("CRL Issuer", key_usage=["cRLSign"])
    only_reasons = [ext.issuing_distribution_point(reasons=["keyCompromise"])]
    partial = house.issuing.crl([RevokedEntry(signer.serial, reason=KEY_COMPROMISE)], extensions=only_reasons)
    verdict = house.judge(signer.crl(extensions=[scope]), partial, given=(signer,))
    assert worst(verdict) == (Reason.CRL_NOT_VALID, Detail.ISSUER_PATH)


def test_a_delegated_signer_may_be_covered_by_its_own_list(root: Entity) -> None:
    signing = ec_key("crl signing key")
    delegate = root.issue_ca("Corp Root", key=signing, key_usage=["cRLSign"], ca=None)
    leaf = root.issue_leaf("a.example.com")
    listed = root.crl(sign_with=signing)
    assert judge(leaf, [delegate], anchors=[root], crls=[listed], options=REQUIRE).is_valid
    against = root.crl([delegate], sign_with=signing)
    assert not judge(leaf, [delegate], anchors=[root], crls=[against], options=REQUIRE).is_valid


# --- scope


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (ext.issuing_distribution_point(only="users"), True),
        (ext.issuing_distribution_point(only="cas"), False),
        (ext.issuing_distribution_point(only="attributes"), False),
        (ext.issuing_distribution_point(names=URL), True),
        (ext.issuing_distribution_point(names=OTHER_URL), False),
        (ext.issuing_distribution_point(names=[*OTHER_URL, *URL]), True),
        (ext.issuing_distribution_point(relative_name=der.attribute("CN", "Segment 1")), False),
    ],
)
def test_a_list_counts_when_its_scope_holds_the_certificate(scope: ext.Ext, *, covers: bool) -> None:
    house = House(extensions=[ext.crl_distribution_points(ext.point(names=URL))])
    verdict = house.judge(house.issuing.crl(extensions=[scope]))
    if covers:
        assert verdict.is_valid
        return
    assert worst(verdict) == (Reason.CRL_NOT_VALID, Detail.SCOPE)
    softened = house.judge(house.issuing.crl(extensions=[scope]), options=Options())
    assert softened.is_valid
    assert warned(softened, Reason.CRL_NOT_VALID) is not None


def test_both_locations_are_named_when_the_scope_differs() -> None:
    house = House(extensions=[ext.crl_distribution_points(ext.point(names=URL))])
    scope = ext.issuing_distribution_point(names=OTHER_URL)
    message = house.judge(house.issuing.crl(extensions=[scope])).findings[0].message
    assert "http://crl.test/a" in message
    assert "http://crl.test/b" in message
    plain = House()
    message = plain.judge(plain.issuing.crl(extensions=[scope])).findings[0].message
    assert "names no distribution point" in message


def test_names_relative_to_the_issuer_are_completed() -> None:
    segment = der.attribute("CN", "Segment 1")
    house = House(extensions=[ext.crl_distribution_points(ext.point(relative_name=segment))])
    scope = ext.issuing_distribution_point(relative_name=segment)
    assert house.judge(house.issuing.crl(extensions=[scope])).is_valid
    full = der.sequence(der.set_of(der.attribute("CN", "Corp Issuing CA 3")), der.set_of(segment))
    spelled = ext.issuing_distribution_point(names=[der.directory(full)])
    assert house.judge(house.issuing.crl(extensions=[spelled])).is_valid


def test_several_lists_must_cover_all_reasons() -> None:
    house = House()
    some = ext.issuing_distribution_point(reasons=["keyCompromise", "cACompromise"])
    rest = ext.issuing_distribution_point(
        reasons=[
            "affiliationChanged",
            "superseded",
            "cessationOfOperation",
            "certificateHold",
            "privilegeWithdrawn",
            "aACompromise",
        ]
    )
    first, second = (house.issuing.crl(extensions=[scope]) for scope in (some, rest))
    verdict = house.judge(first)
    assert worst(verdict) == (Reason.CRL_NOT_VALID, Detail.REASONS)
    assert "affiliationChanged" in verdict.findings[0].message
    assert house.judge(first, second).is_valid
    revoking = house.issuing.crl([RevokedEntry(house.leaf.serial, reason=CA_COMPROMISE)], extensions=[some])
    assert house.judge(revoking, second).reason is Reason.REVOKED


# --- deltas


@pytest.fixture(scope="module")
def announced() -> House:
    return House(extensions=[ext.freshest_crl()])


def test_a_delta_adds_and_lifts(announced: House) -> None:
    issuing, serial = announced.issuing, announced.leaf.serial
    base = issuing.crl(number=5)
    held = issuing.crl([RevokedEntry(serial, reason=HOLD)], number=5)
    adding = issuing.crl([RevokedEntry(serial, reason=HOLD)], number=6, delta_base=5)
    lifting = issuing.crl([RevokedEntry(serial, reason=REMOVE)], number=7, delta_base=5)
    revoking = issuing.crl([serial], number=6, delta_base=5)
    assert announced.judge(base, adding).reason is Reason.REVOKED
    assert announced.judge(held).reason is Reason.REVOKED
    assert announced.judge(held, lifting).is_valid
    assert announced.judge(base, adding, lifting).is_valid
    assert announced.judge(base, revoking).reason is Reason.REVOKED
    assert announced.judge(issuing.crl([serial], number=5), lifting).reason is Reason.REVOKED


@pytest.mark.parametrize(
    "wishes",
    [
        {"number": 5, "delta_base": 5},
        {"number": 7, "delta_base": 6},
        {"number": 6, "delta_base": 5, "extensions": [ext.issuing_distribution_point(only="users")]},
        {"number": 6, "delta_base": 5, "this_update": NOW - 9 * DAY, "next_update": NOW - DAY},
    ],
)
def test_a_delta_is_ignored_when_it_does_not_fit_its_base(announced: House, wishes: dict[str, object]) -> None:
    held = announced.issuing.crl([RevokedEntry(announced.leaf.serial, reason=HOLD)], number=5)
    lifting = announced.issuing.crl([RevokedEntry(announced.leaf.serial, reason=REMOVE)], **wishes)
    assert announced.judge(held, lifting).reason is Reason.REVOKED


def test_a_delta_is_ignored_when_nobody_announces_it(house: House) -> None:
    held = house.issuing.crl([RevokedEntry(house.leaf.serial, reason=HOLD)], number=5)
    lifting = house.issuing.crl([RevokedEntry(house.leaf.serial, reason=REMOVE)], number=6, delta_base=5)
    assert house.judge(held, lifting).reason is Reason.REVOKED
    numberless = house.issuing.crl(number=None, extensions=[ext.freshest_crl()])
    assert house.judge(numberless, lifting).is_valid


def test_a_delta_alone_is_no_evidence(announced: House) -> None:
    delta = announced.issuing.crl(number=6, delta_base=5)
    assert worst(announced.judge(delta)) == (Reason.CRL_NOT_VALID, Detail.DELTA_WITHOUT_BASE)
    assert announced.judge(delta, options=Options()).is_valid


# --- without a trust store, and work


def test_revocation_is_judged_where_issuers_are_given_without_a_trust_store(house: House) -> None:
    revoking = house.issuing.crl([house.leaf])
    assert judge(house.leaf, [house.issuing], crls=[revoking]).reason is Reason.REVOKED
    verdict = judge(house.leaf, [house.issuing], crls=[house.issuing.crl()])
    assert verdict.is_valid
    assert warned(verdict, Reason.CRL_ISSUER_NOT_FOUND) is not None  # the issuer of the intermediate is not given
    verdict = judge(house.leaf, [house.issuing], crls=[house.issuing.crl()], options=REQUIRE)
    assert worst(verdict)[0] is Reason.CRL_ISSUER_NOT_FOUND
    assert judge(house.leaf, [house.issuing]).findings == ()
    full = [house.issuing, house.root]
    lists = [house.issuing.crl(), house.root.crl()]
    assert judge(house.leaf, full, crls=lists, options=REQUIRE).is_valid


def test_another_path_is_taken_when_an_issuer_is_revoked() -> None:
    one, two, key = PKI().root("One"), PKI().root("Two"), ec_key("cross")
    first, second = one.issue_ca("Cross CA", key=key), two.issue_ca("Cross CA", key=key)
    leaf = first.issue_leaf("a.example.com")
    crls = [one.crl([first]), two.crl(), first.crl()]
    verdict = judge(leaf, [first, second], anchors=[one, two], crls=crls, options=REQUIRE)
    assert verdict.is_valid
    assert verdict.anchor == two.certificate
    assert not judge(leaf, [first], anchors=[one, two], crls=crls, options=REQUIRE).is_valid
    # no other path helps a target that is itself revoked
    listing = [one.crl(), two.crl(), first.crl([leaf])]
    assert judge(leaf, [first, second], anchors=[one, two], crls=listing).reason is Reason.REVOKED


def test_the_work_on_lists_is_limited(house: House) -> None:
    forged = [
        house.issuing.crl(
            number=n, sign_with=ec_key("x"), extensions=[ext.authority_key_id(house.issuing.key.identifier)]
        )
        for n in range(30)
    ]
    options = Options(revocation=Revocation.REQUIRE, limits=Limits(signature_checks=10))
    assert worst(house.judge(*forged, options=options)) == (Reason.CRL_ERROR, Detail.LIMIT_EXCEEDED)


def test_a_defect_of_ours_becomes_a_finding(house: House, caplog: pytest.LogCaptureFixture) -> None:
    broken = RevocationList.from_der(house.issuing.crl().der)
    object.__setattr__(broken, "issuing_point", 5)
    anchors = [house.root.certificate]
    given = [house.issuing.certificate]
    verdict = validate(
        house.leaf.certificate, intermediates=given, anchors=anchors, crls=[broken], at=NOW, role=Role.ANY
    )
    assert worst(verdict)[0] is Reason.CRL_ERROR
    assert "report it" in verdict.findings[0].message
    assert house.leaf.certificate.fingerprint in caplog.text


def test_warnings_never_name_the_verdict(house: House) -> None:
    verdict = house.judge(house.issuing.crl(next_update=None))
    assert [item.severity for item in verdict.findings] == [Severity.WARNING]
    assert verdict.is_valid
