"""The life of CAs: decided, staged, approved, deployed, withdrawn and gone, with times, and what goes wrong then."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi

from certwright.reconcile.objects import Observed
from tests.support.pki import PKI, Entity
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import Manifest, config_map, decision, serving, trust_store
from tests.support.worlds.material import stored, upload
from tests.support.worlds.trust import (
    DECISION,
    STORE,
    approve,
    bundle_of,
    certificates,
    deploy_status,
    give_approval,
    is_gone,
    is_ready,
    named,
    pending_id,
    read_bundle,
    see_bundle,
    see_decision,
    see_event,
    see_store,
    stamp,
)

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
MANUAL: dict[str, Any] = {"deployment": {"mode": "Manual"}}
BUNDLE: dict[str, Any] = {"targets": [{"name": "bundle"}]}
ALL: dict[str, Any] = {"selector": {}, **BUNDLE}
LABELLED: dict[str, Any] = {"selector": {"matchLabels": {"trust": "corporate"}}, **BUNDLE}
LABELS = {"labels": {"trust": "corporate"}}
UNTRUSTED = {"spec": {"trustStateDesired": "untrusted"}}
TRUSTED = {"spec": {"trustStateDesired": None}}
CHAIN = ("CERTIFICATE_CHAIN_IS_INVALID", 522)


def trusts(name: str, entity: Entity, **spec: Any) -> Manifest:
    return decision(name, certificate=entity.pem, **spec)


async def hold(world: World, *names: str, entities: tuple[Entity, ...], **spec: Any) -> None:
    """Have an Automatic store deploy some CAs, and make it Manual after that if so wished."""
    for name, entity in zip(names, entities, strict=True):
        await world.apply(trusts(name, entity, **LABELS))
    await world.apply(trust_store(**{**LABELLED, **spec, "deployment": {"mode": "Automatic"}}))
    await see_bundle(world, *entities)
    for name in names:
        await see_decision(world, name, "DEPLOYED")
    await world.apply(trust_store(**{**LABELLED, **spec}))
    await see_store(world, is_settled)


def is_settled(report: Report) -> bool:
    return report.condition("Deployed") == ("True", "Valid") and pending_id(report) is None


def since(report: Report, wanted: str) -> str:
    """Give the time of a condition's last transition."""
    return str(next(each["lastTransitionTime"] for each in report.status["conditions"] if each["type"] == wanted))


# ---- every transition of both documents, in order


async def test_ca_goes_through_every_documented_state_in_order(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    start, seen = world.corp.at.replace(microsecond=0), Seen()
    approved = await _stage_and_deploy(world, root, other, start, seen)
    await _withdraw_and_trust_again(world, root, other, start, seen, approved)
    await _deselect_and_delete(world, root, other, start, seen)

    trusted, untrusted = "trusted", "untrusted"
    assert seen == [
        (trusted, "DEPLOY_PENDING"),
        (trusted, "DEPLOY_PENDING"),
        (trusted, "DEPLOYED"),
        (untrusted, None),
        (trusted, "DEPLOY_PENDING"),
        (trusted, "DEPLOYED"),
        (trusted, "DELETE_PENDING"),
    ]


class Seen(list[tuple[str, str | None]]):
    """What a decision said, in order: source 2's state, and source 3's."""

    def note(self, report: Report) -> Report:
        self.append((report.status["trustState"], deploy_status(report)))
        return report


async def _stage_and_deploy(world: World, root: Entity, other: Entity, start: datetime, seen: Seen) -> str:
    await world.stand_at(start)
    await world.apply(trusts("root", root, **LABELS), trusts("other", other, **LABELS))
    # Trusted, and no store is there to deploy it.
    report = seen.note(await see_decision(world, "root", "DEPLOY_PENDING"))
    assert report.condition("Deployed") == ("False", "DeployPending")
    assert since(report, "Trusted") == stamp(start)
    assert report.status.get("stores", []) == []

    # Staged.
    await world.stand_at(start + HOUR)
    await world.apply(trust_store(**LABELLED, **MANUAL))
    store = await see_store(world, lambda report: (report.status.get("pending") or {}).get("addedCount") == 2)
    assert store.condition("Approved") == ("False", "ApprovalPending")
    assert store.condition("Ready") == ("True", "ApprovalPending")
    assert named(store.status["pending"]["added"]) == ["Corp Root", "Other Root"]
    assert "deployedRevision" not in store.status
    assert store.status["rollout"]["state"] == "Pending"
    seen.note(await see_decision(world, "root", "DEPLOY_PENDING", lambda report: "stores" in report.status))
    assert await read_bundle(world) is None

    # Approved, and deployed.
    await world.stand_at(start + 2 * HOUR)
    approved = await approve(world)
    report = seen.note(await see_decision(world, "root", "DEPLOYED"))
    assert (report.condition("Deployed"), since(report, "Deployed")) == (("True", "Deployed"), stamp(start + 2 * HOUR))
    store = await see_store(world, is_settled)
    assert store.status["deployedRevision"] == store.status["stagedRevision"]
    assert store.status["rollout"]["percentComplete"] == 100
    assert store.status["history"][0] == {
        "revision": store.status["deployedRevision"],
        "time": stamp(start + 2 * HOUR),
        "added": 2,
        "removed": 0,
    }
    await see_bundle(world, root, other)
    return approved


async def _withdraw_and_trust_again(
    world: World, root: Entity, other: Entity, start: datetime, seen: Seen, approved: str
) -> None:
    # Withdrawn: out at once, and nobody is asked.
    await world.stand_at(start + 3 * HOUR)
    await world.patch(DECISION, "root", UNTRUSTED)
    report = seen.note(await see_decision(world, "root", None))
    assert (report.condition("Ready"), report.condition("Trusted")) == (("True", "Untrusted"), ("False", "Untrusted"))
    assert since(report, "Trusted") == stamp(start + 3 * HOUR)
    await see_bundle(world, other)
    store = await see_store(world, is_settled)
    entry = store.status["history"][0]
    assert (entry["time"], entry["removed"]) == (stamp(start + 3 * HOUR), 1)
    assert await see_event(world, "corporate", "Withdrawn", kind=STORE) == (
        '"Corp Root" is no longer trusted: TrustDecision root distrusts it.'
    )

    # Trusted again, which is a change like any other.
    await world.stand_at(start + 4 * HOUR)
    await world.patch(DECISION, "root", TRUSTED)
    seen.note(await see_decision(world, "root", "DEPLOY_PENDING"))
    assert await approve(world) != approved
    seen.note(await see_decision(world, "root", "DEPLOYED"))
    await see_bundle(world, root, other)


async def _deselect_and_delete(world: World, root: Entity, other: Entity, start: datetime, seen: Seen) -> None:
    # De-selected: it is due to go, and stays until somebody approves.
    await world.stand_at(start + 5 * HOUR)
    await world.patch(DECISION, "root", {"metadata": {"labels": {"trust": None}}})
    report = seen.note(await see_decision(world, "root", "DELETE_PENDING"))
    assert report.condition("Deployed") == ("True", "DeletePending")
    assert report.message("Deployed") == "Still deployed, and due to go, in TrustStore `corporate`."
    assert await read_bundle(world) == bundle_of(root, other)

    # Deleted: nothing hangs on the approval, the store has the bytes.
    await world.delete(DECISION, "root")
    await world.wait(lambda: is_gone(world, DECISION, "root"), "the decision to go")
    await world.stand_at(start + 6 * HOUR)
    assert await read_bundle(world) == bundle_of(root, other)
    store = await see_store(world, lambda report: pending_id(report) is not None)
    assert named(store.status["pending"]["removed"]) == ["Corp Root"]
    await approve(world)
    await see_bundle(world, other)
    store = await see_store(world, is_settled)
    times = [each["time"] for each in store.status["history"]]
    assert times == [stamp(start + hours * HOUR) for hours in (6, 4, 3, 2)]


async def test_deleted_decision_says_that_its_ca_is_due_to_go_before_it_goes(world: World) -> None:
    other = world.corp.ca("Other Root")
    await hold(world, "root", "other", entities=(world.corp.root, other))

    await see_event(world, "root", "Deployed", kind=DECISION)

    await world.delete(DECISION, "root")
    await world.wait(lambda: is_gone(world, DECISION, "root"), "the decision to go")

    await see_event(world, "root", "DeletePending", kind=DECISION)
    await see_bundle(world, other)


# ---- time


async def test_ca_leaves_stores_of_both_modes_at_the_second_after_its_end(world: World) -> None:
    end = world.corp.at.replace(microsecond=0) + 3 * DAY
    short = PKI().root("Short Root", not_before=world.corp.at - DAY, not_after=end)
    await hold(world, "short", "root", entities=(short, world.corp.root), **MANUAL)
    await world.apply(trust_store("automatic", selector={}, targets=[{"name": "second"}]))
    await see_bundle(world, short, world.corp.root, name="second")
    report = await see_decision(world, "short", "DEPLOYED")
    assert report.status["nextCheckTime"] == stamp(end + SECOND)
    assert (await world.status("corporate", kind=STORE)).status["nextCheckTime"] == stamp(end + SECOND)

    await world.stand_at(end)
    await world.rest()
    assert (await world.status("short", kind=DECISION)).status["trustState"] == "trusted"
    assert await read_bundle(world) == bundle_of(short, world.corp.root)

    await world.stand_at(end + SECOND)
    report = await world.settle("short", lambda report: report.status["trustState"] == "expired", kind=DECISION)
    assert (report.validation, report.reason) == (2003, "Expired")
    assert since(report, "Trusted") == stamp(end + SECOND)
    (detail,) = report.status["trustStateDetails"]
    assert detail["type"] == "https://astra.netapp.io/problems/164"
    await see_bundle(world, world.corp.root)
    await see_bundle(world, world.corp.root, name="second")
    store = await see_store(world, lambda report: "pending" not in report.status)
    assert (store.status["history"][0]["time"], store.status["history"][0]["removed"]) == (stamp(end + SECOND), 1)
    assert store.warnings == ["CertificateLeftOut"]


async def test_ca_is_trusted_until_the_very_instant_of_its_wish(world: World) -> None:
    until = world.corp.at.replace(microsecond=0) + 3 * DAY
    old, new = world.corp.ca("Old Root"), world.corp.root
    await hold(world, "new", "old", entities=(new, old), **MANUAL)
    await world.apply(trusts("old", old, trustUntil=stamp(until), **LABELS))
    await approve(world)
    await see_decision(world, "old", "DEPLOYED", lambda report: report.status.get("nextCheckTime") == stamp(until))
    await see_store(world, is_settled)

    await world.stand_at(until - SECOND)
    await world.rest()
    assert await read_bundle(world) == bundle_of(old, new)

    await world.stand_at(until)
    report = await see_decision(world, "old", None)
    assert (report.status["trustState"], report.condition("Ready")) == ("untrusted", ("True", "TrustEnded"))
    (detail,) = report.status["trustStateDetails"]
    assert detail["type"] == "https://certwright.io/reasons/TrustEnded"
    await see_bundle(world, new)
    store = await see_store(world, is_settled)
    assert store.status["history"][0]["time"] == stamp(until)


# ---- two stores, the same CA


async def test_deploy_status_over_two_stores_is_right_at_every_step(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    await world.apply(
        trusts("root", root, **LABELS),
        trusts("other", other, **LABELS),
        trust_store("automatic", **LABELLED),
        trust_store("manual", **{**LABELLED, "targets": []}, **MANUAL),
    )

    def over(**wanted: str) -> Any:
        def fits(report: Report) -> bool:
            rows = {each["name"]: each["deployStatus"] for each in report.status.get("stores", ())}
            return rows == wanted

        return fits

    await see_decision(world, "root", "DEPLOY_PENDING", over(automatic="DEPLOYED", manual="DEPLOY_PENDING"))
    await approve(world, name="manual")
    await see_decision(world, "root", "DEPLOYED", over(automatic="DEPLOYED", manual="DEPLOYED"))

    # The same CA under another decision: nothing is left to be deployed for it.
    await world.apply(trusts("twin", root, **LABELS))
    await see_decision(world, "twin", "DEPLOYED", over(automatic="DEPLOYED", manual="DEPLOYED"))
    await world.delete(DECISION, "twin")
    await world.wait(lambda: is_gone(world, DECISION, "twin"), "the twin to go")
    await see_decision(world, "root", "DEPLOYED", over(automatic="DEPLOYED", manual="DEPLOYED"))

    await world.patch(DECISION, "root", {"metadata": {"labels": {"trust": "none"}}})
    await see_decision(world, "root", "DELETE_PENDING", over(manual="DELETE_PENDING"))
    await approve(world, name="manual")
    await see_decision(world, "root", "DEPLOY_PENDING", over())

    await world.patch(DECISION, "root", {"metadata": {"labels": {"trust": "corporate"}}})
    await see_decision(world, "root", "DEPLOY_PENDING", over(automatic="DEPLOYED", manual="DEPLOY_PENDING"))
    await approve(world, name="manual")
    await see_decision(world, "root", "DEPLOYED", over(automatic="DEPLOYED", manual="DEPLOYED"))

    await world.patch(DECISION, "root", UNTRUSTED)
    await see_decision(world, "root", None, over())
    await see_bundle(world, other)

    await world.delete(STORE, "manual")
    await world.patch(DECISION, "root", TRUSTED)
    await see_decision(world, "root", "DEPLOYED", over(automatic="DEPLOYED"))


async def test_decision_deleted_by_mistake_stays_deployed_until_somebody_approves(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    leaf = world.corp.leaf()
    await hold(world, "root", "other", entities=(root, other), **MANUAL)
    await world.apply(upload(leaf), serving(trust={"storeRef": {"name": "corporate"}}))
    await world.settle("shop", lambda report: report.is_ok)

    await world.delete(DECISION, "root")
    await world.wait(lambda: is_gone(world, DECISION, "root"), "the decision to go")
    store = await see_store(world, lambda report: pending_id(report) is not None)
    assert named(store.status["pending"]["removed"]) == ["Corp Root"]
    await world.rest()
    assert await read_bundle(world) == bundle_of(root, other)
    assert (await world.status("shop")).is_ok

    # Made anew in time: nothing is left to approve, and nothing ever changed.
    await world.apply(trusts("root", root, **LABELS))
    await see_store(world, is_settled)
    await see_decision(world, "root", "DEPLOYED")
    assert await read_bundle(world) == bundle_of(root, other)

    await world.delete(DECISION, "root")
    await approve(world)
    await see_bundle(world, other)
    await world.settle("shop", lambda report: report.reason == "IssuerNotFound")


# ---- withdrawn: out of everything, at once


async def test_compromised_ca_leaves_stores_of_both_modes_and_every_verdict_without_approval(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    leaf = world.corp.leaf()
    await hold(world, "root", "other", entities=(root, other), **MANUAL)
    await world.apply(
        trust_store("automatic", selector={}, targets=[{"name": "second"}]),
        upload(leaf),
        serving(trust={"storeRef": {"name": "corporate"}}),
        serving(
            "again", "again-tls", certificateRef={"name": "shop-upload"}, trust={"storeRef": {"name": "automatic"}}
        ),
    )
    for name in ("shop", "again"):
        await world.settle(name, lambda report: report.is_ok)
    # Something waits for approval, and goes on waiting.
    coming = world.corp.ca("Coming Root")
    await world.apply(trusts("coming", coming, **LABELS))
    await see_store(world, lambda report: pending_id(report) is not None)
    before = (await world.status("corporate", kind=STORE)).status

    await world.patch(DECISION, "root", UNTRUSTED)

    for name in ("shop", "again"):
        report = await world.settle(name, lambda report: report.reason == "IssuerNotFound")
        assert report.answer == CHAIN
        assert "Still served: serial" in report.message()
    await see_bundle(world, other)
    await see_bundle(world, other, coming, name="second")
    store = await see_store(world, lambda report: pending_id(report) not in {None, before["pending"]["id"]})
    assert named(store.status["pending"]["added"]) == ["Coming Root"]
    assert "approved" not in store.subject.spec["deployment"]
    await see_decision(world, "root", None)


async def test_path_leads_through_no_intermediate_that_was_withdrawn_though_the_upload_brings_it(world: World) -> None:
    corp, leaf = world.corp, world.corp.leaf()
    issuing = trusts("issuing", corp.issuing, certUse="intermediateCA", **LABELS)
    await hold(world, "root", entities=(corp.root,), **MANUAL)
    await world.apply(issuing, upload(leaf), serving(trust={"storeRef": {"name": "corporate"}}))
    await world.settle("shop", lambda report: report.is_ok)

    # It was never deployed; the word against it counts all the same, and waits for nobody.
    await world.patch(DECISION, "issuing", UNTRUSTED)
    report = await world.settle("shop", lambda report: report.reason == "ChainInvalid")
    assert (report.answer, report.validation) == (CHAIN, 2013)
    assert report.message() == (
        'Refused: the path is invalid: the certificate "Corp Issuing CA 3" is distrusted by TrustDecision `issuing`, '
        "says TrustStore `corporate`. Have a certificate issued by another CA. Still served: serial "
        f"{leaf.certificate.serial_hex}, until {leaf.certificate.not_after:%Y-%m-%d}."
    )
    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert target.data == {**stored(leaf), "ca.crt": corp.root.pem.encode()}
    assert await read_bundle(world) == bundle_of(corp.root)

    # To trust it again is a change, and waits.
    await world.patch(DECISION, "issuing", TRUSTED)
    await see_store(world, lambda report: pending_id(report) is not None)
    await world.rest()
    assert (await world.status("shop")).reason == "ChainInvalid"
    await approve(world)
    await world.settle("shop", lambda report: report.is_ok)


async def test_approval_is_worthless_after_a_withdrawal_and_a_new_trust(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    await world.apply(trusts("other", other, **LABELS), trust_store(**LABELLED, **MANUAL))
    await approve(world)
    await see_bundle(world, other)
    await world.apply(trusts("root", root, **LABELS))
    used = await approve(world)
    await see_bundle(world, root, other)

    await world.patch(DECISION, "root", UNTRUSTED)
    await see_bundle(world, other)
    await world.patch(DECISION, "root", TRUSTED)
    store = await see_store(world, lambda report: pending_id(report) is not None)
    await world.rest()
    assert store.subject.spec["deployment"]["approved"] == used
    assert pending_id(store) != used
    assert await read_bundle(world) == bundle_of(other)

    # Neither does one count that was given for a change which a withdrawal ended, and comes late.
    late = pending_id(store)
    assert late is not None
    await world.patch(DECISION, "root", UNTRUSTED)
    await see_store(world, is_settled)
    await world.patch(DECISION, "root", TRUSTED)
    store = await see_store(world, lambda report: pending_id(report) is not None)
    await give_approval(world, late)
    await world.rest()
    assert pending_id(await see_store(world)) not in {used, late, None}
    assert await read_bundle(world) == bundle_of(other)

    await approve(world)
    await see_bundle(world, root, other)


async def test_last_anchor_that_is_withdrawn_stays_in_the_bundle_and_in_no_verdict(world: World) -> None:
    root, leaf = world.corp.root, world.corp.leaf()
    await hold(world, "root", entities=(root,))
    await world.apply(upload(leaf), serving(trust={"storeRef": {"name": "corporate"}}))
    await world.settle("shop", lambda report: report.is_ok)

    await world.patch(DECISION, "root", UNTRUSTED)

    await world.settle("shop", lambda report: report.reason == "ReferenceNotFound")
    store = await see_store(world, lambda report: report.warnings == ["AnchorsDistrusted"])
    assert (
        "They stay in it, for programs that read an empty bundle fail" in store.finding("AnchorsDistrusted")["message"]
    )
    assert await read_bundle(world) == bundle_of(root)
    report = await see_decision(world, "root", "DELETE_PENDING")
    assert report.status["trustState"] == "untrusted"

    other = world.corp.ca("Other Root")
    await world.apply(trusts("other", other, **LABELS))
    await see_bundle(world, other)
    await see_decision(world, "root", None)
    await see_store(world, is_settled)


async def test_bundle_is_emptied_only_when_that_is_allowed(world: World) -> None:
    root = world.corp.root
    await hold(world, "root", entities=(root,))

    await world.delete(DECISION, "root")
    store = await see_store(world, lambda report: report.reason == "EmptyBundle")
    assert store.condition("Stalled") == ("True", "EmptyBundle")
    await world.wait(lambda: is_gone(world, DECISION, "root"), "the decision to go")
    assert await read_bundle(world) == bundle_of(root)

    await world.apply(trust_store(**LABELLED, allowEmpty=True))
    await see_bundle(world)
    store = await see_store(world, is_settled)
    assert store.status["certificates"] == 0


# ---- trouble takes nothing out


async def same_target(world: World, before: Observed | None) -> None:
    """See that a target is untouched, once everything that happened was heard of."""
    await world.rest()
    after = await world.read("ConfigMap", "bundle")
    assert before is not None
    assert after is not None
    assert (after.version, after.data) == (before.version, before.data)


async def test_certificate_that_is_swapped_on_a_trusted_decision_waits_for_approval(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    strange = world.corp.ca("Strange Root")
    await hold(world, "root", "other", entities=(root, other), **MANUAL)
    before = await world.read("ConfigMap", "bundle")

    await world.apply(trusts("root", strange, **LABELS))
    store = await see_store(world, lambda report: pending_id(report) is not None)

    assert named(store.status["pending"]["added"]) == ["Strange Root"]
    assert named(store.status["pending"]["removed"]) == ["Corp Root"]
    await same_target(world, before)
    await see_decision(world, "root", "DELETE_PENDING")
    await approve(world)
    await see_bundle(world, strange, other)
    await see_decision(world, "root", "DEPLOYED")


async def test_bundle_stays_when_the_config_map_behind_a_decision_is_edited_or_lost(world: World) -> None:
    root, strange = world.corp.root, world.corp.ca("Strange Root")
    wish = decision("root", certificateRef={"name": "material"}, fingerprint=root.certificate.fingerprint, **LABELS)
    await world.apply(config_map("material", {"ca.crt": root.pem}), wish, trust_store(**LABELLED))
    await see_bundle(world, root)
    await see_store(world, is_settled)
    before = await world.read("ConfigMap", "bundle")

    await world.apply(config_map("material", {"ca.crt": strange.pem}))
    report = await world.settle("root", lambda report: report.reason == "FingerprintMismatch", kind=DECISION)
    assert (report.validation, deploy_status(report)) == (2013, "DEPLOYED")
    assert "What is deployed stays, in TrustStore `corporate`." in report.message()
    store = await see_store(world, lambda report: report.warnings == ["CertificateLeftOut"])
    assert store.condition("Ready") == ("True", "Valid")
    assert store.finding("CertificateLeftOut")["message"] == (
        "What is deployed under it stays as it is: TrustDecision root, for it is not in order. See its status."
    )
    await same_target(world, before)

    await world.delete("ConfigMap", "material")
    report = await world.settle("root", lambda report: report.reason == "ReferenceNotFound", kind=DECISION)
    assert deploy_status(report) == "DEPLOYED"
    assert report.status["trustStateDetails"][0]["type"] == "https://astra.netapp.io/problems/2"
    await same_target(world, before)

    await world.apply(config_map("material", {"ca.crt": root.pem}))
    await world.settle("root", is_ready, kind=DECISION)
    await same_target(world, before)


async def test_bundle_stays_when_somebody_makes_a_typo_in_a_deployed_decision(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    await hold(world, "root", "other", entities=(root, other))
    before = await world.read("ConfigMap", "bundle")

    for typo in (root.pem.replace("\nM", "\n%", 1), root.pem[:300]):
        await world.apply(decision("root", certificate=typo, **LABELS))
        report = await world.settle("root", lambda report: report.reason == "Unparsable", kind=DECISION)
        assert (report.validation, report.status["trustState"], deploy_status(report)) == (
            2001,
            "untrusted",
            "DEPLOYED",
        )
        await see_store(world, lambda report: report.warnings == ["CertificateLeftOut"])
        await same_target(world, before)

    await world.apply(trusts("root", root, **LABELS))
    await world.settle("root", is_ready, kind=DECISION)
    await see_store(world, lambda report: report.warnings == [])
    await same_target(world, before)


async def test_edited_target_is_put_back_and_changes_no_verdict(world: World) -> None:
    root, strange, leaf = world.corp.root, world.corp.ca("Strange Root"), world.corp.leaf()
    await hold(world, "root", entities=(root,))
    await world.apply(upload(leaf), serving(trust={"storeRef": {"name": "corporate"}}))
    good = await world.settle("shop", lambda report: report.is_ok)

    await world.patch("ConfigMap", "bundle", {"data": {"ca.crt": strange.pem}})
    await see_bundle(world, root)
    await world.delete("ConfigMap", "bundle")
    await see_bundle(world, root)

    await world.apply(upload(world.corp.leaf(issuer=strange)))
    await world.settle("shop", lambda report: report.reason == "IssuerNotFound")
    await world.apply(upload(leaf))
    report = await world.settle("shop", lambda report: report.is_ok)
    assert report.served == good.served


async def test_bundle_stays_while_the_clock_is_doubted_and_ends_when_it_is_right(world: World) -> None:
    end = world.corp.at.replace(microsecond=0) + DAY
    short = PKI().root("Short Root", not_before=world.corp.at - DAY, not_after=end)
    await hold(world, "short", "root", entities=(short, world.corp.root))
    before = await world.read("ConfigMap", "bundle")

    async with world.doubting_the_clock():
        await world.stand_at(end + HOUR)
        await world.rest()
        await same_target(world, before)
    await world.stand_at(end + HOUR + timedelta(minutes=2))
    await see_bundle(world, world.corp.root)


# ---- what else belongs to a set


async def test_store_gathers_all_decisions_when_its_selector_is_emptied(world: World) -> None:
    root, other = world.corp.root, world.corp.ca("Other Root")
    await hold(world, "root", entities=(root,))
    await world.apply(trusts("other", other))
    await see_decision(world, "other", "DEPLOY_PENDING")

    await world.apply(trust_store(**ALL))
    await see_bundle(world, root, other)

    # Left out, it selects nothing: what is deployed stays, for the bundle would be empty.
    await world.apply(trust_store(**BUNDLE))
    await see_store(world, lambda report: report.reason == "EmptyBundle")
    assert await read_bundle(world) == bundle_of(root, other)


async def test_intermediates_are_judged_by_trusted_roots_and_written_where_a_target_says_so(world: World) -> None:
    corp = world.corp
    await world.apply(trusts("issuing", corp.issuing, certUse="intermediateCA", **LABELS))
    report = await world.settle("issuing", lambda report: report.reason == "IssuerNotFound", kind=DECISION)
    assert (report.validation, report.status["trustState"]) == (2011, "untrusted")

    both = [{"name": "bundle"}, {"name": "both", "content": "RootsAndIntermediates"}]
    await world.apply(trusts("root", corp.root, **LABELS), trust_store(**{**LABELLED, "targets": both}))
    await world.settle("issuing", is_ready, kind=DECISION)
    await see_bundle(world, corp.root)
    await see_bundle(world, corp.root, corp.issuing, name="both")

    # Without its root it is trusted by nobody, and goes with it: many programs anchor on whatever a bundle holds.
    other = corp.ca("Other Root")
    await world.apply(trusts("other", other, **LABELS))
    await see_bundle(world, corp.root, other)
    await world.patch(DECISION, "root", UNTRUSTED)
    await see_bundle(world, other)
    await see_bundle(world, other, name="both")
    await world.settle(
        "issuing",
        lambda report: report.reason == "IssuerNotFound" and deploy_status(report) is None,
        kind=DECISION,
    )

    await world.patch(DECISION, "root", {"spec": {"trustStateDesired": "trusted"}})
    await see_bundle(world, other, corp.root, corp.issuing, name="both")


PUBLIC_ROOTS = Path(certifi.where()).read_text(encoding="utf-8").split("\n\n")


async def test_public_roots_are_deployed_and_one_that_a_decision_distrusts_is_kept_out(world: World) -> None:
    isrg = next(each for each in PUBLIC_ROOTS if 'Label: "ISRG Root X1"' in each)
    pem = isrg[isrg.index("-----BEGIN") :].strip() + "\n"
    (der,) = certificates(pem.encode())
    await world.apply(trusts("root", world.corp.root, **LABELS), trust_store(**LABELLED, publicRoots="Mozilla"))

    async def holds(*, wanted: bool) -> bool:
        held = await read_bundle(world)
        return held is not None and len(held) > 100 and (der in held) is wanted and world.corp.root.der in held

    await world.wait(lambda: holds(wanted=True), "the public roots")
    store = await see_store(world, is_settled)
    assert store.status["publicRoots"] == f"certifi {certifi.__version__}"
    held = await read_bundle(world)
    assert held is not None
    assert store.status["certificates"] == len(held)

    await world.apply(decision("isrg", certificate=pem, trustStateDesired="untrusted", **LABELS))
    await world.wait(lambda: holds(wanted=False), "the distrusted one to be gone")
    # Nor does it come back by itself.
    await world.rest()
    assert await holds(wanted=False)
    await world.delete(DECISION, "isrg")
    await world.wait(lambda: holds(wanted=True), "it to be back when nobody distrusts it")


# ---- the example responses of the two documents, field by field


async def test_example_of_source_two_is_told_field_by_field(world: World) -> None:
    """The documented example, of a CA that has expired; where it contradicts the text, the text and the facts hold."""
    expiry = datetime(2022, 3, 23, 16, 48, 38, tzinfo=UTC)
    root = PKI().root("vcenter.example.com", not_before=expiry - timedelta(days=3650), not_after=expiry)
    wish = {"cert": b64encode(root.pem.encode()).decode(), "certUse": "rootCA", "trustStateDesired": "untrusted"}
    await world.apply(decision("example", **wish))
    report = await world.settle("example", lambda report: "trustState" in report.status, kind=DECISION)
    status = report.status

    told = {
        "id": status["id"],
        "certUse": report.subject.spec["certUse"],
        "cert": report.subject.spec["cert"],
        "cn": status["cn"],
        "expiryTimestamp": status["expiryTimestamp"],
        "isSelfSigned": status["isSelfSigned"],
        "trustState": status["trustState"],
        "trustStateTransitions": status["trustStateTransitions"],
        "trustStateDetails": status.get("trustStateDetails", []),
        "metadata": {"labels": [], **status["metadata"]},
    }
    assert told == {
        "id": report.subject.version.uid,
        "certUse": "rootCA",
        "cert": wish["cert"],
        "cn": "vcenter.example.com",
        "expiryTimestamp": "2022-03-23T16:48:38Z",  # the example has parts of a second, certificates have none
        "isSelfSigned": "true",
        "trustState": "expired",  # the example says untrusted; the text says that what has expired is expired
        "trustStateTransitions": [
            {"from": "untrusted", "to": ["trusted"]},
            {"from": "trusted", "to": ["untrusted"]},
        ],
        "trustStateDetails": [],
        "metadata": {
            "labels": [],
            "creationTimestamp": told["metadata"]["creationTimestamp"],
            "modificationTimestamp": told["metadata"]["creationTimestamp"],
            # createdBy needs the component `audit`: shown with it, in tests/cluster/test_trust_guarded.py.
        },
    }
    assert datetime.fromisoformat(told["metadata"]["creationTimestamp"]).tzinfo is not None


async def test_example_of_source_three_is_told_field_by_field(world: World) -> None:
    corp = world.corp
    issuing = trusts("issuing", corp.issuing, certUse="intermediateCA", **LABELS)
    await world.apply(trusts("root", corp.root, **LABELS), issuing, trust_store(**LABELLED))
    report = await see_decision(world, "issuing", "DEPLOYED")
    status, certificate = report.status, corp.issuing.certificate

    documented = {
        "authority_key_id": status["authorityKeyId"],
        "expiry": status["expiry"],
        "id": status["rootCertificateId"],
        "issuer": [{"field_name": each["fieldName"], "value": each["value"]} for each in status["issuer"]],
        "not_before": status["notBefore"],
        "status": status["deployStatus"],
        "subject": [{"field_name": each["fieldName"], "value": each["value"]} for each in status["subject"]],
        "subject_key_id": status["subjectKeyId"],
        "validation": status["validation"],
    }
    assert documented == {
        "authority_key_id": corp.root.key.identifier.hex(),
        "expiry": int(certificate.not_after.timestamp()) * 1000,
        "id": corp.issuing.key.identifier.hex(),
        "issuer": [{"field_name": "CN", "value": "Corp Root"}],
        "not_before": int(certificate.not_before.timestamp()) * 1000,
        "status": "DEPLOYED",
        "subject": [{"field_name": "CN", "value": "Corp Issuing CA 3"}],
        "subject_key_id": corp.issuing.key.identifier.hex(),
        "validation": 0,
    }
