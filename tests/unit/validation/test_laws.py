"""Laws that hold for every input, and work that stays bounded whatever is given."""

import time
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.validation import Options, Revocation, Role, Verdict, validate
from tests.support import extension_writer as ext
from tests.support.judging import judge, worst
from tests.support.pki import NOW, PKI, Entity, RevokedEntry, SignedList, ec_key

REQUIRE = Options(revocation=Revocation.REQUIRE)
DAY = timedelta(days=1)


@cache
def garden() -> tuple[list[Entity], list[Entity], list[Entity], list[SignedList]]:
    """Targets, intermediates, anchors and lists with many ways through: cross-signed, expired, revoked, unrelated."""
    one, two, stranger = PKI().root("One"), PKI().root("Two"), PKI().root("Stranger")
    key = ec_key("cross")
    crosses = [
        one.issue_ca("Cross CA", key=key),
        two.issue_ca("Cross CA", key=key, not_after=NOW - DAY),
        two.issue_ca("Cross CA", key=key, path_length=0),
        stranger.issue_ca("Cross CA", key=key),
        one.issue_ca("Cross CA", key=ec_key("twin")),
    ]
    below = crosses[0].issue_ca("Below CA", not_after=NOW + 30 * DAY)
    targets = [
        crosses[0].issue_leaf("a.example.com"),
        crosses[0].issue_leaf("b.example.com", without=["authorityKeyIdentifier"]),
        below.issue_leaf("c.example.com", not_before=NOW + DAY),
        below.issue_leaf("d.example.com", not_after=NOW + 9 * DAY),
        stranger.issue_leaf("e.example.com"),
        PKI().self_signed("f.example.com"),
    ]
    lists = [
        one.crl(),
        two.crl(),
        one.crl([crosses[0]], number=2, this_update=NOW - 20 * DAY, next_update=NOW + 3 * DAY),
        crosses[0].crl([targets[1]]),
        crosses[0].crl([RevokedEntry(targets[0].serial, reason=6)], this_update=NOW - 20 * DAY),
        below.crl(),
        stranger.crl(),
    ]
    return targets, [*crosses, below, stranger], [one, two], lists


def subsets(values: list[object]) -> st.SearchStrategy[list[object]]:
    return st.lists(st.sampled_from(values), unique_by=id, max_size=len(values))


@st.composite
def situations(draw: st.DrawFn) -> tuple[Entity, list[Entity], list[Entity] | None, list[SignedList], Options]:
    targets, intermediates, anchors, lists = garden()
    chosen = draw(subsets(list(intermediates)))
    trusted = draw(st.none() | subsets(list(anchors)))
    options = draw(st.sampled_from([Options(), REQUIRE, Options(revocation=Revocation.OFF)]))
    return draw(st.sampled_from(targets)), chosen, trusted, draw(subsets(list(lists))), options  # type: ignore[return-value]


def outcome(verdict: Verdict) -> tuple[object, ...]:
    return verdict.reason, verdict.path, verdict.next_change, verdict.findings


@given(situations(), st.randoms(use_true_random=False))
def test_order_and_repetition_never_matter(situation, random) -> None:  # noqa: ANN001
    target, given_, anchors, crls, options = situation
    before = judge(target, given_, anchors=anchors, crls=crls, options=options)
    shuffled, lists = [*given_, *given_[:2]], [*crls, *crls[:1]]
    random.shuffle(shuffled)
    random.shuffle(lists)
    after = judge(target, shuffled, anchors=anchors, crls=lists, options=options)
    # a message lists what was given in the order it was given
    assert (before.reason, before.path, before.next_change) == (after.reason, after.path, after.next_change)
    assert {item.reason for item in before.findings} == {item.reason for item in after.findings}


@given(situations())
def test_what_is_unrelated_never_changes_validity(situation) -> None:  # noqa: ANN001
    target, given_, anchors, crls, options = situation
    nobody = PKI().root("Nobody")
    lonely = anchors is None and not given_  # there another certificate says that a chain was meant
    more = given_ if lonely else [nobody.issue_ca("Nobody's CA"), nobody, *given_]
    before = judge(target, given_, anchors=anchors, crls=crls, options=options)
    after = judge(target, more, anchors=anchors, crls=[*crls, nobody.crl([target])], options=options)
    assert after.reason is before.reason


@given(situations(), st.sampled_from(range(7)))
def test_another_list_never_makes_a_revoked_target_valid(situation, place: int) -> None:  # noqa: ANN001
    target, given_, anchors, crls, options = situation
    held = {garden()[0][0].serial}  # the one on hold may come back by a newer list
    before = judge(target, given_, anchors=anchors, crls=crls, options=options)
    if before.reason is Reason.REVOKED and target.serial not in held:
        added = [*crls, garden()[3][place]]
        assert judge(target, given_, anchors=anchors, crls=added, options=options).reason is Reason.REVOKED


@given(situations(), st.integers(0, 400), st.floats(0, 1, exclude_max=True))
def test_the_verdict_stays_until_its_next_change(situation, days: int, part: float) -> None:  # noqa: ANN001
    target, given_, anchors, crls, options = situation
    at = datetime(2025, 12, 1, tzinfo=NOW.tzinfo) + days * DAY
    now = judge(target, given_, anchors=anchors, crls=crls, options=options, at=at)
    end = now.next_change or at + 9999 * DAY
    assert end > at
    then = min(at + part * (end - at), end - timedelta(seconds=1))
    later = judge(target, given_, anchors=anchors, crls=crls, options=options, at=then)
    assert later.reason is now.reason


@given(st.data())
def test_no_input_makes_it_raise(data: st.DataObject) -> None:
    targets, intermediates, anchors, lists = garden()
    everything = [*targets, *intermediates, *anchors]
    verdict = validate(
        data.draw(st.sampled_from(everything)).certificate,
        intermediates=[entity.certificate for entity in data.draw(subsets(list(everything)))],  # type: ignore[attr-defined]
        anchors=[entity.certificate for entity in data.draw(subsets(list(everything)))],  # type: ignore[attr-defined]
        crls=[RevocationList.from_der(crl.der) for crl in data.draw(subsets(list(lists)))],  # type: ignore[attr-defined]
        at=data.draw(st.datetimes(timezones=st.just(NOW.tzinfo))),  # type: ignore[arg-type]
        role=data.draw(st.sampled_from(Role)),
        options=Options(revocation=data.draw(st.sampled_from(Revocation))),
    )
    assert verdict.reason is not Reason.VALIDATION_ERROR
    assert verdict.reason is not Reason.CRL_ERROR


# --- every byte that was signed counts


def every_flip(data: bytes) -> list[bytes]:
    return [
        data[:place] + bytes((data[place] ^ bit,)) + data[place + 1 :] for place in range(len(data)) for bit in (1, 128)
    ]


def test_every_flipped_byte_of_a_certificate_is_refused() -> None:
    root = PKI().root("Corp Root")
    leaf = root.issue_leaf("a.example.com")
    for flipped in every_flip(leaf.der):
        try:
            target = Certificate.from_der(flipped)
        except MaterialError:
            continue
        verdict = validate(target, intermediates=[], anchors=[root.certificate], at=NOW, role=Role.ANY)
        assert not verdict.is_valid


def test_every_flipped_byte_of_a_list_is_refused() -> None:
    root = PKI().root("Corp Root")
    leaf = root.issue_leaf("a.example.com").certificate
    for flipped in every_flip(root.crl([RevokedEntry(5, reason=1)]).der):
        try:
            crl = RevocationList.from_der(flipped)
        except MaterialError:
            continue
        verdict = validate(
            leaf, intermediates=[], anchors=[root.certificate], crls=[crl], at=NOW, role=Role.ANY, options=REQUIRE
        )
        assert not verdict.is_valid


# --- work stays bounded


def rolling(label: str, length: int, *, hints: bool) -> list[Entity]:
    """A chain in which every certificate has one and the same name."""
    without = [] if hints else ["authorityKeyIdentifier", "subjectKeyIdentifier"]
    chain = [PKI().root("Same", key=ec_key(f"{label} 0"), without=without)]
    for number in range(1, length):
        chain.append(chain[-1].issue_ca("Same", key=ec_key(f"{label} {number}"), without=without))
    return chain


@pytest.mark.parametrize("hints", [True, False])
def test_two_long_chains_of_one_name_are_given_up_quickly(*, hints: bool) -> None:
    one, two = rolling("x", 100, hints=hints), rolling("y", 100, hints=hints)
    leaf = one[-1].issue_leaf("a.example.com")
    given_ = [entity.certificate for entity in (*one[1:], *two)]
    started = time.process_time()
    verdict = validate(leaf.certificate, intermediates=given_, anchors=[one[0].certificate], at=NOW, role=Role.SERVER)
    assert time.process_time() - started < 1
    assert not verdict.is_valid
    assert verdict.findings[0].detail is Detail.LIMIT_EXCEEDED


def test_many_twins_of_each_intermediate_are_given_up_quickly() -> None:
    """Ten renewals of each of eight CAs are a hundred million paths of verified signatures."""
    above = [PKI().root("Root", path_length=0)]
    given_: list[Entity] = []
    for level in range(8):
        key = ec_key(f"level {level}")
        above = [above[0].issue_ca(f"CA {level}", key=key) for _ in range(10)]
        given_ += above
    leaf = above[0].issue_leaf("a.example.com")
    anchor = PKI().root("Root", path_length=0)
    started = time.process_time()
    verdict = judge(leaf, given_, anchors=[anchor])
    assert time.process_time() - started < 2
    assert worst(verdict) == (Reason.VALIDATION_ERROR, Detail.LIMIT_EXCEEDED)


def copies(entity: Entity, count: int) -> list[Certificate]:
    """Different certificates that say the same; their own signatures are wrong, and nobody gets to look at them."""
    serial = entity.serial.to_bytes(8, "big")
    changed = (entity.der.replace(serial, b"\x01" + number.to_bytes(7, "big"), 1) for number in range(count))
    return [Certificate.from_der(der) for der in changed]


def test_ten_thousand_unrelated_intermediates_cost_little() -> None:
    root = PKI().root("Corp Root")
    issuing = root.issue_ca("Corp Issuing CA")
    leaf = issuing.issue_leaf("a.example.com").certificate
    given_ = [*copies(root.issue_ca("Unrelated CA", serial=2**62), 10_000), issuing.certificate]
    started = time.process_time()
    verdict = validate(leaf, intermediates=given_, anchors=[root.certificate], at=NOW, role=Role.SERVER)
    assert time.process_time() - started < 1
    assert verdict.is_valid


def test_ten_thousand_intermediates_of_one_name_are_given_up_quickly() -> None:
    root = PKI().root("Corp Root")
    twin = root.issue_ca("Twin CA", serial=2**62, without=["subjectKeyIdentifier"])
    leaf = root.issue_ca("Twin CA", key=ec_key("right")).issue_leaf("a.example.com").certificate
    given_ = copies(twin, 10_000)
    started = time.process_time()
    verdict = validate(leaf, intermediates=given_, anchors=[root.certificate], at=NOW, role=Role.SERVER)
    assert time.process_time() - started < 1
    assert not verdict.is_valid


def test_constraints_and_unknown_extensions_do_not_disturb_the_laws() -> None:
    root = PKI().root("R", extensions=[ext.unknown()])
    assert not judge(root.issue_leaf("a.example.com"), anchors=[root]).is_valid
