"""Trust in sets: what the store of the cluster has deployed decides about every certificate, at the instant it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.questions import Collection
from certwright.reconcile.trust.record import Distrust
from tests.support.memory_cluster import START
from tests.support.pki import PKI, SignedList
from tests.support.set_cluster import Crash
from tests.unit.reconcile.certificateset.conftest import (
    API,
    ISSUING,
    NAME,
    NEXT_PROXY,
    NODES,
    PROXY,
    ROOT,
    SLOTS,
    SYNCER,
    SetWorld,
    from_upload,
)
from tests.unit.reconcile.trusting import TRUST, TrustingWorld, trusted

STORE: dict[str, Any] = {"storeRef": {"name": "corporate"}}
DAY = timedelta(days=1)
OTHER = PKI().root("Other Root")
RENEWED = PKI().root("Corp Root", key=ROOT.key, not_before=START - DAY)
LISTED = {"this_update": START - DAY, "next_update": START + 30 * DAY}
CLUSTER_STORE = Kind.CLUSTER_TRUST_STORE


class TrustingSets(SetWorld):
    """A world of sets with a store of the cluster in it."""

    async def deploy(self, *cas: Any, distrusts: tuple[Distrust, ...] = (), **spec: Any) -> Any:
        return await TrustingWorld.deploy(self, *cas, kind=CLUSTER_STORE, distrusts=distrusts, **spec)  # type: ignore[arg-type]

    def put_store(self, kind: Kind = CLUSTER_STORE, **spec: Any) -> Any:
        return TrustingWorld.put_store(self, kind, **spec)  # type: ignore[arg-type]

    async def offer(self, crl: SignedList, *, namespace: str = TRUST) -> Any:
        return await TrustingWorld.offer(self, crl, namespace=namespace)  # type: ignore[arg-type]

    def drop_store(self) -> None:
        self.cluster.subjects.pop(ObjectKey(CLUSTER_STORE, "", "corporate"))

    async def wait(self, **changes: Any) -> None:
        """Change the wish, and let it settle."""
        self.wish(**{"trust": STORE, **changes})
        await self.settle(minutes=2)

    def anchors(self) -> set[bytes | None]:
        """Give what stands in `ca.crt` of all targets."""
        return {each.data.get("ca.crt") for each in self.targets().values()}

    @property
    def reasons(self) -> set[str]:
        return {each["reason"] for each in self.status.get("findings", ())}


@pytest.fixture
def world() -> TrustingSets:
    return TrustingSets()


@pytest.fixture
async def trusting(world: TrustingSets) -> TrustingSets:
    """Give a world in which proxy and api are deployed, and trusted."""
    await world.deploy(ROOT)
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await world.wait()
    assert world.code == 200
    world.reset()
    return world


async def is_settled(world: TrustingSets) -> bool:
    """Say whether another process would find that nothing is to be done, without reading anything."""
    world.restart()
    world.cluster.reads.clear()
    result = await world.reconcile()
    return result.settled and not world.cluster.reads


def distrust(of: Any = ROOT) -> Distrust:
    return Distrust(of.certificate.fingerprint, "corp-root")


# ---- what is trusted


async def test_anchor_is_written_beside_every_certificate_when_a_store_is_named(trusting: TrustingSets) -> None:
    assert trusting.anchors() == {ROOT.pem.encode()}
    assert trusting.condition("Valid") == ("True", "Valid")
    assert await is_settled(trusting)


async def test_anchor_is_in_payload_and_revision_when_the_store_comes_and_goes(deployed: SetWorld) -> None:
    world = TrustingSets(deployed.clock, deployed.settings)
    world.cluster = deployed.cluster
    world.restart()
    bare = world.status["deployedRevision"]
    await world.deploy(ROOT)

    await world.wait()
    anchored = world.status["deployedRevision"]
    assert (world.code, world.anchors(), anchored != bare) == (200, {ROOT.pem.encode()}, True)
    payloads = [each for key, each in world.cluster.objects.items() if each.annotations.get("certwright.io/slot")]
    assert all("ca.crt" in each.data for each in payloads)

    await world.wait(trust=None)
    assert (world.code, world.anchors(), world.status["deployedRevision"]) == (200, {None}, bare)
    assert not {"trust", "lists", "decisionNamespace"} & world.status["record"].keys()


async def test_anchor_is_put_back_when_somebody_changes_it(trusting: TrustingSets) -> None:
    world, before = trusting, trusting.contents()
    world.cluster.put_secret(
        "proxy-tls",
        {**world.targets()[NODES[0], "proxy-tls"].data, "ca.crt": OTHER.pem},
        type="kubernetes.io/tls",
        annotations=dict(world.targets()[NODES[0], "proxy-tls"].annotations),
        labels=dict(world.targets()[NODES[0], "proxy-tls"].labels),
        namespace=NODES[0],
    )
    await world.settle()
    assert (world.code, world.contents()) == (200, before)


async def test_anchor_before_is_put_back_when_a_namespace_cannot_follow(trusting: TrustingSets) -> None:
    world, before = trusting, trusting.contents()
    world.upload("proxy", NEXT_PROXY)
    await world.deploy(RENEWED)

    def forbid(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and (key.namespace, key.name) == (NODES[2], "proxy-tls"):
            world.cluster.mishaps.forbidden = {NODES[2]} if world.code != 409 and not world.rolling_back else set()

    world.rolling_back = False  # type: ignore[attr-defined]
    world.cluster.mishaps.before = forbid
    world.clock.advance(seconds=6)
    for _ in range(12):
        await world.reconcile()
        journal = world.journal
        if journal is not None and journal.phase.value == "RollingBack":
            world.rolling_back = True  # type: ignore[attr-defined]
            world.cluster.mishaps.forbidden = set()
        if world.code == 409:
            break
    assert (world.code, world.contents()) == (409, before)


async def test_certificate_that_is_a_trusted_root_is_its_own_anchor(world: TrustingSets) -> None:
    await world.deploy(ROOT)
    world.cluster.put_secret("ca", {"tls.crt": ROOT.pem}, kind=Kind.CONFIG_MAP, namespace="uploads")
    slots = [{"name": "ca", "secretName": "ca", "privateKey": "None"}]
    source = {"namespace": "uploads", "name": "ca", "kind": "ConfigMap"}
    await world.wait(slots=slots, certificates=[{"name": "ca", "certificateRef": source}])
    assert (world.code, world.anchors()) == (200, {ROOT.pem.encode()})


async def test_intermediates_of_the_store_are_served_when_the_upload_lacks_them(world: TrustingSets) -> None:
    await world.deploy(ROOT, trusted(ISSUING, role="intermediateCA"))
    data = {"tls.crt": PROXY.pem, "tls.key": PROXY.key_pem}
    world.upload("proxy", PROXY)
    world.cluster.put_secret(
        "proxy",
        data,
        type="kubernetes.io/tls",
        annotations={"certwright.io/allow-read": f"ClusterCertificateSet/{NAME}"},
        namespace="uploads",
    )
    await world.wait(slots=SLOTS[:1], certificates=[from_upload("proxy")])
    assert world.code == 200
    assert {each.data["tls.crt"] for each in world.targets().values()} == {PROXY.chain_pem.encode()}


# ---- what is not


async def test_whole_set_is_refused_when_one_certificate_leads_to_another_root(trusting: TrustingSets) -> None:
    world, before = trusting, trusting.contents()
    world.upload("proxy", OTHER.issue_leaf("proxy.example.com"))
    await world.settle(minutes=2)
    assert (world.code, world.codes()["proxy"], world.codes()["api"]) == (400, 400, 200)
    assert world.condition("Valid") == ("False", "IssuerNotFound")
    assert "ClusterTrustStore `corporate`" in world.status["detailedError"]
    assert world.contents() == before


@pytest.mark.parametrize("there", ["absent", "empty", "leaving", "without roots"])
async def test_nothing_is_replaced_when_the_store_trusts_nobody(world: TrustingSets, there: str) -> None:
    if there == "leaving":
        await world.deploy(ROOT)
        store = ObjectKey(CLUSTER_STORE, "", "corporate")
        world.cluster.subjects[store] = replace(world.cluster.subjects[store], deleting=True)
    elif there == "without roots":
        await world.deploy(trusted(ISSUING, role="intermediateCA"))
    elif there == "empty":
        world.put_store()
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await world.wait()
    assert (world.code, world.codes()["proxy"], world.targets()) == (404, 404, {})
    assert world.condition("Ready") == ("False", "ReferenceNotFound")
    assert world.condition("Reconciling") is not None

    world.clock.advance(minutes=11)
    await world.reconcile()
    assert world.condition("Stalled") == ("True", "WaitedTooLong")

    if there == "leaving":
        world.drop_store()
    await world.deploy(ROOT)
    await world.settle()
    assert (world.code, world.anchors()) == (200, {ROOT.pem.encode()})


async def test_what_is_deployed_stays_and_heals_when_its_root_is_withdrawn_and_trusted_again(
    trusting: TrustingSets,
) -> None:
    world, before, deployed = trusting, trusting.contents(), trusting.status["deployedRevision"]
    await world.deploy(OTHER, distrusts=(distrust(),))
    await world.settle()
    assert (world.code, world.condition("Valid")) == (400, ("False", "IssuerNotFound"))
    assert "ClusterTrustStore `corporate`" in world.status["detailedError"]
    assert world.condition("Deployed") == ("True", "Valid")
    assert (world.contents(), world.status["deployedRevision"]) == (before, deployed)

    # A namespace that joins gets what all others have, and a target that is lost comes back.
    world.cluster.remove(ObjectKey(Kind.SECRET, NODES[0], "proxy-tls"))
    await world.settle()
    assert world.contents() == before

    await world.deploy(ROOT)
    await world.settle()
    assert (world.code, world.contents(), world.status["deployedRevision"]) == (200, before, deployed)
    assert world.condition("Ready") == ("True", "Valid")


async def test_path_moves_to_another_anchor_when_the_first_is_withdrawn(trusting: TrustingSets) -> None:
    await trusting.deploy(RENEWED)
    await trusting.settle(minutes=2)
    assert (trusting.code, trusting.anchors()) == (200, {RENEWED.pem.encode()})


async def test_verdict_changes_at_the_instant_when_trust_ends(world: TrustingSets) -> None:
    end = START + DAY
    await world.deploy(trusted(ROOT, trust_until=end))
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await world.wait()
    before = world.contents()
    assert (world.code, world.status["nextCheckTime"]) == (200, _text(end))

    world.clock.now = end - timedelta(seconds=1)
    assert (await world.reconcile()).settled
    world.clock.now = end
    await world.settle()
    assert (world.code, world.condition("Ready"), world.contents()) == (404, ("False", "ReferenceNotFound"), before)


def _text(instant: Any) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- what is kept although it is not listed


async def keep_syncer(world: TrustingSets, entity: Any = SYNCER) -> None:
    """Deploy an optional certificate, and list it no more."""
    world.upload("syncer", entity)
    await world.wait(certificates=[from_upload(each) for each in ("proxy", "api", "syncer")])
    await world.wait()
    assert (world.code, "SourceRemoved" in world.reasons) == (200, True)


async def test_kept_certificate_is_measured_too_when_it_is_not_listed_any_more(trusting: TrustingSets) -> None:
    world = trusting
    await world.deploy(ROOT, OTHER)
    await keep_syncer(world, OTHER.issue_leaf("syncer.example.com"))
    before = world.contents()
    assert world.anchors() == {ROOT.pem.encode(), OTHER.pem.encode()}

    await world.deploy(ROOT)
    await world.settle()
    assert (world.code, world.codes()["syncer"], world.codes()["proxy"]) == (400, 400, 200)
    assert world.contents() == before
    await world.wait(absent=["syncer"])
    assert (world.code, world.anchors()) == (200, {ROOT.pem.encode()})


async def test_kept_certificate_is_said_to_be_expired_at_its_end(world: TrustingSets) -> None:
    await world.deploy(ROOT)
    world.upload("proxy", PROXY)
    world.upload("api", API)
    await keep_syncer(world, ISSUING.issue_leaf("syncer.example.com", not_after=START + DAY))
    before = world.contents()
    assert world.status["nextCheckTime"] == _text(START + DAY + timedelta(seconds=1))

    world.clock.now = START + DAY + timedelta(seconds=1)
    await world.settle()
    assert (world.code, world.codes()["syncer"], world.contents()) == (406, 406, before)


# ---- revocation


async def test_revoked_certificate_refuses_the_set_until_a_newer_list_no_longer_names_it(
    trusting: TrustingSets,
) -> None:
    world, before = trusting, trusting.contents()
    await world.deploy(ROOT, revocation="Prefer")
    await world.settle()
    assert (world.code, world.reasons) == (200, {"CRLNotValid"})

    source = await world.offer(ISSUING.crl([PROXY], **LISTED))
    await world.settle()
    assert (world.code, world.codes()["proxy"], world.codes()["api"]) == (400, 400, 200)
    assert world.condition("Valid") == ("False", "Revoked")
    assert len(world.status["record"]["revocations"]) == 1
    assert world.status["record"]["decisionNamespace"] == TRUST

    # Taking the list away takes nothing back.
    world.cluster.subjects.pop(source.key)
    await world.settle()
    assert (world.code, world.condition("Valid")) == (400, ("False", "Revoked"))

    await world.offer(ISSUING.crl([], **{**LISTED, "this_update": START}))
    await world.settle()
    assert (world.code, world.contents()) == (200, before)
    assert "revocations" not in world.status["record"] or not world.status["record"]["revocations"]


async def test_lists_of_other_namespaces_are_not_looked_at(trusting: TrustingSets) -> None:
    await trusting.offer(ISSUING.crl([PROXY], **LISTED), namespace="uploads")
    await trusting.deploy(ROOT, revocation="Require")
    await trusting.settle()
    assert (trusting.code, "Revoked" in trusting.reasons) == (400, False)
    assert trusting.condition("Valid") == ("False", "CRLNotValid")

    await trusting.wait(trust={**STORE, "revocation": "Off"})
    assert trusting.code == 200


async def test_no_list_is_looked_at_when_the_store_gathers_no_decisions(trusting: TrustingSets) -> None:
    await trusting.offer(ISSUING.crl([PROXY], **LISTED))
    await trusting.deploy(ROOT, decisionNamespace="", revocation="Prefer")
    await trusting.settle()
    assert (trusting.code, trusting.reasons) == (200, {"CRLNotValid"})
    assert await is_settled(trusting)


# ---- what is not at hand


async def test_verdict_stands_when_the_record_cannot_be_read_and_nothing_changed(trusting: TrustingSets) -> None:
    world = trusting
    parts = await world.deploy(ROOT)
    await world.settle()
    status = dict(world.status)
    world.restart()
    world.cluster.fail("read", parts[0], *[FailureCause.UNAVAILABLE] * 3)
    result = await world.reconcile(full=True)
    assert (result.retry, world.status) == (True, status)
    await world.settle()
    assert (world.code, await is_settled(world)) == (200, True)


async def test_nothing_new_is_judged_when_the_record_cannot_be_read(trusting: TrustingSets) -> None:
    world, before = trusting, trusting.contents()
    parts = await world.deploy(ROOT, OTHER)
    world.restart()
    world.cluster.fail("read", parts[0], *[FailureCause.UNAVAILABLE] * 3)
    world.upload("proxy", NEXT_PROXY)
    world.clock.advance(seconds=6)
    await world.reconcile()
    assert (world.code, world.condition("Valid")) == (None, ("Unknown", "NotChecked"))
    assert world.contents() == before
    await world.settle()
    assert (world.code, world.contents() != before) == (200, True)


async def test_verdict_waits_when_a_source_of_lists_is_not_judged_yet(trusting: TrustingSets) -> None:
    world = trusting
    await world.deploy(ROOT, revocation="Prefer")
    await world.settle()
    status = dict(world.status)
    world.cluster.put_subject("fresh", {"crl": "x"}, kind=Kind.REVOCATION_SOURCE, namespace=TRUST)
    result = await world.reconcile(full=True)
    assert (result.retry, world.status) == (True, status)


# ---- what wakes a set


def test_store_and_sources_are_asked_for_when_the_wish_looks_at_them(world: TrustingSets) -> None:
    def kinds(**changes: Any) -> set[tuple[Kind, str]]:
        asked = world.reconciler.asks(world.wish(**changes))
        return {(each.kind, each.namespace) for each in asked if isinstance(each, Collection)}

    stores, sources = (CLUSTER_STORE, ""), (Kind.REVOCATION_SOURCE, "")
    assert kinds() == set()
    assert kinds(trust={**STORE, "revocation": "Off"}) == {stores}
    assert kinds(trust=STORE) == {stores, sources}


async def test_only_the_sources_of_the_store_are_asked_for_when_they_are_known(trusting: TrustingSets) -> None:
    asked = trusting.reconciler.asks(trusting.subject)
    assert Collection(Kind.REVOCATION_SOURCE, TRUST) in asked
    assert Collection(Kind.REVOCATION_SOURCE, "") not in asked

    # The store gathers elsewhere now, and what is there is asked for before anything new is judged.
    await trusting.deploy(ROOT, decisionNamespace="elsewhere", revocation="Prefer")
    await trusting.settle()
    assert Collection(Kind.REVOCATION_SOURCE, "elsewhere") in trusting.reconciler.asks(trusting.subject)
    assert trusting.code == 200


# ---- a commit that is open


@pytest.mark.parametrize("withdrawn", [True, False])
async def test_open_commit_is_undone_when_its_root_was_withdrawn_before_the_next_leader_came(
    trusting: TrustingSets,
    withdrawn: bool,  # noqa: FBT001 - a parameter
) -> None:
    world, before = trusting, trusting.contents()
    world.upload("proxy", NEXT_PROXY)
    world.clock.advance(seconds=6)
    journal_written: list[int] = []

    def stop(number: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace == NODES[1] and world.journal is not None:
            journal_written.append(number)
            world.cluster.mishaps.crash_at = (number, "before")

    world.cluster.mishaps.before = stop
    with pytest.raises(Crash):
        await world.reconcile()
    assert world.contents() != before
    world.reset()
    if withdrawn:
        await world.deploy(OTHER, distrusts=(distrust(),))
    world.restart(new_term=True)
    await world.settle()
    assert (world.contents() == before, world.code) == ((True, 400) if withdrawn else (False, 200))
    assert len(world.revisions()) == 1
