"""What happens over time, told as people live it; each story in memory and on a real API server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from certwright.reconcile.objects import Observed
from tests.support.pki import Entity
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import config_map, encode, imported, secret, serving
from tests.support.worlds.material import REST, WARNS_AFTER, stored, upload
from tests.support.worlds.trouble import early_leaf

OK = ("OK", 200)
SECOND = timedelta(seconds=1)
MANAGED_BY = "app.kubernetes.io/managed-by"
OWNER = "certwright.io/owner"
ALLOW_WRITE = "certwright.io/allow-write"
OURS = "ImportedCertificate/shop"
BOTH = ("shop-tls", "second-tls")


def is_ok(report: Report) -> bool:
    return report.is_ok


async def serve(world: World, *targets: Mapping[str, Any] | str, **spec: Any) -> Entity:
    """Have a good certificate served."""
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving("shop", *targets, **spec))
    await world.settle("shop", is_ok)
    return leaf


async def refuse(world: World, **spec: Any) -> None:
    """Hand in a certificate that is refused."""
    leaf = world.corp.leaf()
    await world.apply(upload(leaf, crt=leaf.pem + world.corp.root.pem), *([serving("shop", **spec)] if spec else []))
    await world.settle("shop", lambda report: "IssuerNotFound" in report.errors)


async def target(world: World, name: str = "shop-tls") -> Observed:
    found = await world.read("Secret", name)
    assert found is not None, f"there is no Secret {name}"
    return found


async def serves(world: World, leaf: Entity, name: str = "shop-tls") -> bool:
    found = await world.read("Secret", name)
    return found is not None and found.data == stored(leaf)


# ---- the last good one


async def test_target_is_served_again_when_a_refused_upload_is_mended(world: World) -> None:
    good, late = await serve(world), world.corp.leaf()
    before = await target(world)

    await world.apply(upload(late, crt=late.pem))
    await world.settle("shop", lambda report: report.reason == "IssuerNotFound")
    assert await target(world) == before
    assert before.data == stored(good)

    await world.apply(upload(late))
    report = await world.settle("shop", is_ok)
    assert (await target(world)).data == stored(late)
    assert report.served["fingerprint"] == late.certificate.fingerprint


async def test_verdict_is_about_the_new_wish_when_the_old_one_was_stalled(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving("shop", dnsNames=["api.example.com"]))
    stalled = await world.settle("shop", lambda report: report.condition("Stalled") == ("True", "NameMissing"))

    await world.apply(serving("shop", dnsNames=["shop.example.com"]))
    report = await world.settle("shop", is_ok)

    assert report.subject.generation > stalled.subject.generation
    assert report.condition("Stalled") is None
    assert await serves(world, leaf)


async def test_status_names_what_the_target_holds_when_upload_and_wish_change_at_once(world: World) -> None:
    """The new upload is good for the old wish and not for the new one: it may or may not be served in between."""
    await serve(world)
    for turn in range(4):
        leaf = world.corp.leaf()
        await world.apply(upload(leaf), serving("shop", dnsNames=[f"turn-{turn}.example.com"]))
        report = await world.settle("shop", lambda report: report.reason == "NameMissing")
        await world.rest()
        report = await world.status("shop")
        assert report.errors == ["NameMissing"]
        held = (await target(world)).data["tls.crt"].decode()
        assert report.condition("Stored") == ("True", "NameMissing")
        assert (report.served["fingerprint"] == leaf.certificate.fingerprint) is (held == leaf.chain_pem)
        await world.apply(serving())
        await world.settle("shop", is_ok)


async def test_source_can_be_named_again_when_it_was_removed(world: World) -> None:
    leaf = await serve(world)
    before = await target(world)

    await world.apply(imported(targets=[{"secretName": "shop-tls"}]))
    await world.settle("shop", lambda report: report.reason == "SourceRemoved")
    assert await target(world) == before

    await world.apply(serving())
    await world.settle("shop", is_ok)
    assert await serves(world, leaf)
    assert await target(world) == before


# ---- drift

DRIFTS: dict[str, Mapping[str, Any] | None] = {
    "certificate changed": {"data": encode({"tls.crt": "not a certificate"})},
    "key changed": {"data": encode({"tls.key": "not a key"})},
    "label removed": {"metadata": {"labels": {MANAGED_BY: None}}},
    "annotation removed": {"metadata": {"annotations": {OWNER: None}}},
    "deleted": None,
}


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=[name.replace(" ", "-") for name in DRIFTS])
async def test_target_is_put_back_when_somebody_changes_it(world: World, drift: Mapping[str, Any] | None) -> None:
    await serve(world)
    before = await target(world)
    if drift is None:
        await world.delete("Secret", "shop-tls")
    else:
        await world.patch("Secret", "shop-tls", drift)

    async def is_back() -> bool:
        now = await world.read("Secret", "shop-tls")
        return now is not None and (now.data, now.labels, now.annotations) == (
            before.data,
            before.labels,
            before.annotations,
        )

    await world.wait(is_back, "the target as it was")
    report = await world.settle("shop", is_ok)
    assert report.served["since"]


async def test_foreign_labels_and_data_stay_when_a_target_bears_them(world: World) -> None:
    leaf = await serve(world)
    theirs = {"metadata": {"labels": {"team": "shop"}, "annotations": {"note": "mine"}}, "data": encode({"more": "x"})}
    await world.patch("Secret", "shop-tls", theirs)
    await world.apply(upload(later := world.corp.leaf()))
    await world.settle("shop", lambda report: report.served["fingerprint"] != leaf.certificate.fingerprint)

    now = await target(world)

    assert now.data == {**stored(later), "more": b"x"}
    assert (now.labels["team"], now.annotations["note"]) == ("shop", "mine")


async def test_nothing_is_written_when_somebody_touches_a_target(world: World) -> None:
    await serve(world)
    before = (await world.status("shop")).subject.version
    await world.patch("Secret", "shop-tls", {"metadata": {"labels": {"team": "shop"}}})
    touched = await target(world)

    await world.rest()

    assert (await world.status("shop")).subject.version == before
    assert await target(world) == touched


async def test_target_comes_back_from_another_when_it_is_deleted_while_the_upload_is_bad(world: World) -> None:
    good = await serve(world, *BOTH)
    await refuse(world)

    await world.delete("Secret", "shop-tls")
    await world.wait(lambda: serves(world, good), "the target, restored from the other")

    report = await world.settle("shop")
    assert report.errors == ["IssuerNotFound"]
    assert report.condition("Stored") == ("True", "IssuerNotFound")


async def test_last_good_is_lost_and_said_so_when_no_target_holds_it(world: World) -> None:
    await serve(world)
    await refuse(world)

    await world.delete("Secret", "shop-tls")
    report = await world.settle("shop", lambda report: "LastGoodLost" in report.errors)

    assert report.condition("Stored") == ("False", "LastGoodLost")
    assert report.message().endswith("Nothing is served any more.")
    assert await world.read("Secret", "shop-tls") is None
    await world.apply(upload(mended := world.corp.leaf()))
    await world.settle("shop", is_ok)
    assert await serves(world, mended)


# ---- whose a target is


async def test_foreign_secret_is_adopted_when_its_owner_allows_it(world: World) -> None:
    await world.apply(secret("shop-tls", {"mine": "only"}), upload(leaf := world.corp.leaf()), serving())
    await world.settle("shop", lambda report: report.reason == "TargetNotOwned")
    before = await target(world)
    assert before.data == {"mine": b"only"}

    await world.patch("Secret", "shop-tls", {"metadata": {"annotations": {ALLOW_WRITE: OURS}}})
    await world.settle("shop", is_ok)

    adopted = await target(world)
    assert (adopted.version.uid, adopted.type) == (before.version.uid, "Opaque")
    assert adopted.data == {**stored(leaf), "mine": b"only"}
    assert (adopted.labels[MANAGED_BY], adopted.annotations[OWNER]) == ("certwright", OURS)


async def test_adopted_secret_survives_when_it_leaves_the_wish_under_delete(world: World) -> None:
    allowed = secret("shop-tls", {"mine": "only"}, annotations={ALLOW_WRITE: OURS})
    await world.apply(allowed)
    await serve(world, *BOTH, deletionPolicy="Delete")
    assert (await target(world)).owner_references == ()

    await world.apply(serving("shop", "second-tls", deletionPolicy="Delete"))
    await world.settle("shop", is_ok)

    released = await target(world)
    assert OWNER not in released.annotations
    assert MANAGED_BY not in released.labels
    assert released.data["mine"] == b"only"


async def test_target_is_released_when_it_leaves_the_wish_under_retain(world: World) -> None:
    good = await serve(world, *BOTH)

    await world.apply(serving("shop", "shop-tls"))
    report = await world.settle("shop", is_ok)

    released = await target(world, "second-tls")
    assert released.data == stored(good)
    assert not {OWNER, "certwright.io/epoch"} & set(released.annotations)
    assert MANAGED_BY not in released.labels
    assert report.target("second-tls") == {}
    await world.delete("Secret", "second-tls")
    await world.rest()
    assert await world.read("Secret", "second-tls") is None


async def test_target_is_deleted_when_it_leaves_the_wish_under_delete(world: World) -> None:
    good = await serve(world, *BOTH, deletionPolicy="Delete")

    await world.apply(serving("shop", "shop-tls", deletionPolicy="Delete"))
    report = await world.settle("shop", is_ok)

    assert await world.read("Secret", "second-tls") is None
    assert report.target("second-tls") == {}
    assert await serves(world, good)


async def test_new_name_is_served_and_old_released_when_a_target_is_renamed(world: World) -> None:
    good = await serve(world)

    await world.apply(serving("shop", "renamed-tls"))
    await world.settle("shop", is_ok)

    assert await serves(world, good, "renamed-tls")
    assert OWNER not in (await target(world)).annotations
    assert await serves(world, good)


async def test_new_target_gets_nothing_when_it_is_named_while_the_upload_is_bad(world: World) -> None:
    good = await serve(world)
    await refuse(world, targets=[{"secretName": "renamed-tls"}])

    report = await world.settle("shop")

    assert await world.read("Secret", "renamed-tls") is None
    assert await serves(world, good)
    assert report.answer == ("CERTIFICATE_CHAIN_IS_INVALID", 522)


async def test_owner_reference_comes_and_goes_when_the_policy_is_switched(world: World) -> None:
    await serve(world)
    assert (await target(world)).owner_references == ()

    await world.apply(serving("shop", deletionPolicy="Delete"))
    report = await world.settle("shop", is_ok)
    (reference,) = (await target(world)).owner_references
    assert (reference["uid"], reference["name"]) == (report.subject.version.uid, "shop")
    assert (reference["controller"], reference.get("blockOwnerDeletion", False)) == (True, False)

    await world.apply(serving("shop", deletionPolicy="Retain"))
    await world.settle("shop", is_ok)
    assert (await target(world)).owner_references == ()


async def test_target_stays_when_the_object_is_deleted_under_retain(world: World) -> None:
    good = await serve(world)

    await world.delete("ImportedCertificate", "shop")
    await world.rest()

    assert await serves(world, good)


async def test_target_goes_when_the_object_is_deleted_under_delete(world: World) -> None:
    await serve(world, deletionPolicy="Delete")

    await world.delete("ImportedCertificate", "shop")

    async def is_gone() -> bool:
        return await world.read("Secret", "shop-tls") is None

    await world.wait(is_gone, "the garbage collection of the target")
    await world.rest()
    assert await is_gone()


async def test_target_is_taken_up_again_when_the_object_comes_back(world: World) -> None:
    good = await serve(world)
    before = await target(world)

    await world.delete("ImportedCertificate", "shop")
    await world.apply(serving())
    await world.settle("shop", is_ok)

    assert (await target(world)).version == before.version
    assert await serves(world, good)


async def test_target_is_created_when_the_one_that_was_being_deleted_is_gone(world: World) -> None:
    held = secret("shop-tls", {}, annotations={ALLOW_WRITE: OURS}, finalizers=["stories.example.com/held"])
    await world.apply(held, upload(leaf := world.corp.leaf()))
    await world.delete("Secret", "shop-tls")
    await world.apply(serving())
    await world.settle("shop", lambda report: report.reason == "TargetMissing")

    await world.patch("Secret", "shop-tls", {"metadata": {"finalizers": None}})
    await world.settle("shop", is_ok)

    assert await serves(world, leaf)


async def test_nobody_flaps_when_two_objects_claim_one_secret(world: World) -> None:
    good = await serve(world)
    before = await target(world)
    await world.apply(upload(world.corp.leaf("other.example.com"), "other"), serving("other", "shop-tls"))
    other = await world.settle("other")
    assert other.reason == "TargetNotOwned"
    assert "belongs to ImportedCertificate/shop" in other.message()

    await world.apply(upload(world.corp.leaf("other.example.com"), "other"))
    await world.settle("other", lambda report: report.status["serialNumber"] != other.status["serialNumber"])
    await world.rest()

    assert await target(world) == before
    assert await serves(world, good)
    assert (await world.status("shop")).is_ok
    assert (await world.status("other")).reason == "TargetNotOwned"


async def test_upload_stays_as_it_is_when_it_is_named_as_target(world: World) -> None:
    await world.apply(upload(world.corp.leaf()))
    before = await target(world, "shop-upload")

    await world.apply(serving("shop", "shop-upload"))
    report = await world.settle("shop")

    found = report.finding("InvalidRequest")
    assert (report.answer, found["detail"]) == (("BAD_REQUEST", 400), "TargetIsInput")
    assert await target(world, "shop-upload") == before


async def test_circle_is_refused_when_a_target_is_what_feeds_its_source(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(
        secret(
            "first",
            {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem},
            annotations={ALLOW_WRITE: "ImportedCertificate/back"},
        ),
        serving("shop", "second", certificateRef={"name": "first"}),
    )
    await world.settle("shop", is_ok)
    before = await target(world, "first")

    await world.apply(serving("back", "first", certificateRef={"name": "second"}))
    report = await world.settle("back")

    assert report.finding("InvalidRequest")["detail"] == "TargetCycle"
    await world.rest()
    assert await target(world, "first") == before
    assert (await world.status("shop")).is_ok


async def test_other_target_is_served_when_the_entity_type_of_one_is_wrong(world: World) -> None:
    good = await serve(world, *BOTH)
    before = await target(world, "second-tls")
    wrong = {"secretName": "second-tls", "entityType": "NODE", "entityId": 7}
    right = {"secretName": "shop-tls", "entityType": "COLLECTOR", "entityId": 32}

    await world.apply(serving("shop", right, wrong), upload(later := world.corp.leaf()))
    report = await world.settle("shop", lambda report: report.served["fingerprint"] != good.certificate.fingerprint)

    assert report.answer == ("BAD_REQUEST", 400)
    assert report.target_answer("shop-tls") == OK
    assert report.target_answer("second-tls") == ("BAD_REQUEST", 400)
    assert (report.target("shop-tls")["entityType"], report.target("shop-tls")["entityId"]) == ("COLLECTOR", 32)
    assert await serves(world, later)
    assert await target(world, "second-tls") == before


# ---- where material comes from


async def test_certificate_is_only_watched_when_there_are_no_targets(world: World) -> None:
    leaf, other = world.corp.leaf(), world.corp.leaf()
    await world.apply(upload(leaf), imported(certificateRef={"name": "shop-upload"}))
    report = await world.settle("shop", is_ok)
    assert report.served["fingerprint"] == leaf.certificate.fingerprint
    assert report.condition("Stored") is None

    await world.apply(upload(leaf, key=other))
    await world.settle("shop", lambda report: report.errors == ["KeyMismatch"])
    await world.apply(secret("shop-upload", {"tls.crt": leaf.chain_pem}))
    await world.settle("shop", is_ok)


async def test_material_is_read_from_config_maps_when_they_hold_text_or_bytes(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(
        config_map("certificate", binary={"leaf.der": leaf.der}),
        config_map("chain", {"tls.crt": world.corp.issuing.pem}),
        secret("key", {"tls.key": leaf.key_pem}),
        serving(
            "shop",
            certificateRef={"kind": "ConfigMap", "name": "certificate", "key": "leaf.der"},
            chainRef={"kind": "ConfigMap", "name": "chain"},
            privateKeyRef={"name": "key"},
        ),
    )

    await world.settle("shop", is_ok)

    assert await serves(world, leaf)


async def test_last_good_stays_until_both_halves_are_there_when_the_key_has_its_own_secret(world: World) -> None:
    leaf, later = world.corp.leaf(), world.corp.leaf()
    await world.apply(secret("certificate", {"tls.crt": leaf.chain_pem}), secret("key", {"tls.key": leaf.key_pem}))
    await world.apply(serving("shop", certificateRef={"name": "certificate"}, privateKeyRef={"name": "key"}))
    await world.settle("shop", is_ok)
    before = await target(world)

    await world.apply(secret("certificate", {"tls.crt": later.chain_pem}))
    report = await world.settle("shop", lambda report: report.reason == "KeyMismatch")
    assert report.condition("Reconciling") == ("True", "KeyMismatch")
    assert report.message().startswith("Waiting: ")
    assert await target(world) == before

    await world.travel(timedelta(seconds=61))
    await world.settle("shop", lambda report: report.condition("Stalled") == ("True", "KeyMismatch"))
    assert await target(world) == before

    await world.apply(secret("key", {"tls.key": later.key_pem}))
    await world.settle("shop", is_ok)
    assert await serves(world, later)


async def test_object_is_judged_within_a_second_when_what_it_refers_to_appears_or_changes(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(serving("shop", chainRef={"kind": "ConfigMap", "name": "chain"}))
    await world.settle("shop", lambda report: report.reason == "ReferenceNotFound")
    delays = []
    for manifest, wanted in (
        (upload(leaf, crt=leaf.pem), "ReferenceNotFound"),
        (config_map("chain", {"tls.crt": world.corp.root.pem}), "IssuerNotFound"),
        (config_map("chain", {"tls.crt": world.corp.issuing.pem}), "Valid"),
    ):
        started, instant = time.monotonic(), world.now
        await world.apply(manifest)
        await world.settle("shop", lambda report, wanted=wanted: report.reason == wanted)  # type: ignore[misc]
        delays.append((time.monotonic() - started, world.now - instant))

    assert await serves(world, leaf)
    # The machine may have been busy with something else once.
    assert sorted(delays)[1][0] < 1
    assert sorted(delays)[1][1] <= SECOND


# ---- time


async def test_warning_comes_at_its_instant_when_the_end_comes_near(world: World) -> None:
    await serve(world)
    instant = world.corp.at + WARNS_AFTER
    report = await world.status("shop")
    assert report.status["nextCheckTime"] == _stamp(instant)

    await world.stand_at(instant - SECOND)
    await _touch(world)
    report = await world.status("shop")
    assert (report.warnings, report.condition("ExpiringSoon")) == ([], ("False", "Valid"))

    await world.stand_at(instant)
    report = await world.settle("shop", lambda report: report.condition("ExpiringSoon") == ("True", "ExpiringSoon"))
    assert (report.answer, report.warnings) == (OK, ["ExpiringSoon"])
    assert report.status["nextCheckTime"] == _stamp(world.corp.at + REST + SECOND)
    await _expect(world, "ExpiringSoon")


async def test_certificate_is_expired_one_second_after_its_last_when_nobody_replaces_it(world: World) -> None:
    leaf = await serve(world)
    before = await target(world)
    last = world.corp.at + REST

    await world.stand_at(last)
    await _touch(world)
    report = await world.status("shop")
    assert (report.answer, report.errors) == (OK, [])

    await world.stand_at(last + SECOND)
    report = await world.settle("shop", lambda report: not report.is_ok)
    assert (report.answer, report.validation) == (("CERTIFICATE_IS_EXPIRED", 525), 2003)
    assert report.condition("ExpiringSoon") == ("True", "Expired")
    assert await target(world) == before
    await _expect(world, "Expired")

    await world.stand_at(last)
    await _touch(world)
    assert (await world.settle("shop", is_ok)).served["fingerprint"] == leaf.certificate.fingerprint


async def test_certificate_is_served_at_its_first_second_when_it_came_early(world: World) -> None:
    early = early_leaf(world.corp)
    begins = world.corp.at + timedelta(days=3)
    await world.apply(upload(early), serving())
    report = await world.settle("shop")
    assert (report.reason, report.status["nextCheckTime"]) == ("NotYetValid", _stamp(begins))

    await world.stand_at(begins - SECOND)
    await _touch(world)
    assert (await world.status("shop")).reason == "NotYetValid"
    assert await world.read("Secret", "shop-tls") is None

    await world.stand_at(begins)
    await world.settle("shop", is_ok)
    assert await serves(world, early)


async def test_no_verdict_changes_by_time_when_the_clock_is_doubted(world: World) -> None:
    await serve(world)
    over = world.corp.at + REST + SECOND
    async with world.doubting_the_clock():
        await world.stand_at(over)
        await world.rest()
        report = await world.status("shop")
        assert (report.answer, report.condition("ExpiringSoon")) == (OK, ("False", "Valid"))

        await world.apply(upload(world.corp.leaf("new.example.com"), "new"), serving("new"))
        new = await world.settle("new")
        assert (new.answer, new.finding("NotChecked")["detail"]) == (("IN_PROGRESS", 200), "ClockDoubted")

    await world.travel(timedelta(minutes=2))
    await world.settle("shop", lambda report: report.answer == ("CERTIFICATE_IS_EXPIRED", 525))
    await world.settle("new", lambda report: report.answer == ("CERTIFICATE_IS_EXPIRED", 525))


async def _touch(world: World) -> None:
    """Have the upload looked at again, though nothing in it changed."""
    before = (await target(world, "shop-upload")).version.resource_version
    await world.patch("Secret", "shop-upload", {"metadata": {"annotations": {"touched-after": before}}})
    version = (await target(world, "shop-upload")).version.resource_version
    await world.settle("shop", lambda report: report.input_version("shop-upload") == version)


async def _expect(world: World, reason: str) -> None:
    async def told() -> bool:
        return any(event.reason == reason for event in await world.events("shop"))

    await world.wait(told, f"the event {reason}")


def _stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
