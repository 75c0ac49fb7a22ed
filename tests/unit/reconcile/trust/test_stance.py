"""How a decision counts for others, from its spec and status."""

from dataclasses import replace
from typing import Any

import pytest

from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.trust.stance import MODIFIED_BY_ANNOTATION, Standing, decisions_of, face_of, read_stance
from tests.support.pki import NOW

PRINT = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
GOOD = {"observedGeneration": 2, "trustState": "trusted", "fingerprint": PRINT}


def error(reason: str, severity: str = "Error") -> dict[str, Any]:
    return {"reason": reason, "severity": severity, "message": "…"}


def decision(status: dict[str, Any], *, deleting: bool = False, **spec: Any) -> Subject:
    key = ObjectKey(Kind.TRUST_DECISION, "shop", "corporate")
    return Subject(
        key, Version("uid-1", "5"), 2, NOW, spec, status, {"a": "b"}, {MODIFIED_BY_ANNOTATION: "ada"}, deleting
    )


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        (GOOD, Standing.TRUSTED),
        ({**GOOD, "observedGeneration": 1}, Standing.PENDING),
        ({**GOOD, "trustState": None}, Standing.PENDING),
        ({}, Standing.PENDING),
        ({**GOOD, "trustState": "untrusted"}, Standing.TROUBLED),
        ({**GOOD, "trustState": "untrusted", "findings": [error("Unparsable")]}, Standing.TROUBLED),
        ({**GOOD, "trustState": "untrusted", "findings": [error("Revoked")]}, Standing.WITHDRAWN),
        ({**GOOD, "findings": [error("Revoked", "Warning")]}, Standing.TRUSTED),
        ({**GOOD, "trustState": "untrusted", "findings": [error("TrustEnded")]}, Standing.ENDED),
        ({**GOOD, "trustState": "expired"}, Standing.ENDED),
        ({**GOOD, "trustState": "expired", "findings": [error("Revoked")]}, Standing.WITHDRAWN),
        ({**GOOD, "trustState": "expired", "observedGeneration": 1}, Standing.PENDING),
    ],
)
def test_standing_follows_from_the_judgement_of_this_generation(status: dict[str, Any], standing: Standing) -> None:
    assert read_stance(decision(status)).standing is standing


@pytest.mark.parametrize("status", [{}, {**GOOD, "observedGeneration": 1}, {"record": {"fingerprint": PRINT}}])
def test_withdrawal_is_about_the_certificate_that_it_names(status: dict[str, Any]) -> None:
    named = {"certificateRef": {"name": "gone"}, "fingerprint": OTHER}

    assert read_stance(decision(status, trustStateDesired="untrusted", **named)).fingerprint == OTHER
    assert read_stance(decision(status, **named)).fingerprint != OTHER


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_instant_beyond_all_years_stops_nobody_from_looking_at_the_decision(until: str) -> None:
    subject = decision(GOOD, trustStateDesired="untrusted", trustUntil=until)

    assert read_stance(subject).standing is Standing.WITHDRAWN
    assert read_stance(subject).until is None
    assert face_of(subject) != face_of(decision(GOOD, trustUntil=until))


@pytest.mark.parametrize("status", [GOOD, {}, {**GOOD, "observedGeneration": 1}, {**GOOD, "trustState": "expired"}])
@pytest.mark.parametrize("deleting", [False, True])
def test_wish_to_withdraw_needs_no_judgement(status: dict[str, Any], *, deleting: bool) -> None:
    subject = decision(status, deleting=deleting, trustStateDesired="untrusted")

    assert read_stance(subject).standing is Standing.WITHDRAWN


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        (GOOD, Standing.LEAVING),
        ({}, Standing.LEAVING),
        ({**GOOD, "trustState": "untrusted"}, Standing.LEAVING),
        ({**GOOD, "trustState": "expired"}, Standing.ENDED),
    ],
)
def test_decision_that_is_deleted_leaves_unless_it_is_withdrawn_anyway(
    status: dict[str, Any], standing: Standing
) -> None:
    assert read_stance(decision(status, deleting=True)).standing is standing


def test_stance_tells_what_others_go_by() -> None:
    stance = read_stance(decision(GOOD, certUse="intermediateCA", trustUntil="2026-06-15T02:00:00+02:00"))

    assert (stance.name, stance.uid, stance.role, stance.author) == ("corporate", "uid-1", "intermediateCA", "ada")
    assert (stance.until, stance.fingerprint, stance.labels) == (NOW, PRINT, {"a": "b"})


def test_certificate_that_was_judged_last_is_known_while_there_is_trouble() -> None:
    assert read_stance(decision({"record": {"fingerprint": OTHER}})).fingerprint == OTHER
    assert read_stance(decision({"record": {}})).fingerprint is None


def test_face_changes_with_everything_that_others_go_by() -> None:
    subject = decision(GOOD, trustUntil="2026-06-15T00:00:00Z")
    others = (
        replace(subject, status={**GOOD, "trustState": "untrusted"}),
        replace(subject, status={**GOOD, "fingerprint": OTHER}),
        replace(subject, spec={}),
        replace(subject, spec={**subject.spec, "certUse": "intermediateCA"}),
        replace(subject, labels={}),
        replace(subject, annotations={}),
        replace(subject, deleting=True),
        replace(subject, generation=3),
        replace(subject, version=Version("uid-2", "5")),
    )

    assert len({face_of(each) for each in (subject, *others)}) == 1 + len(others)
    assert face_of(replace(subject, version=Version("uid-1", "6"))) == face_of(subject)
    assert subject.key in decisions_of("shop")
