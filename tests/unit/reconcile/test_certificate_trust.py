"""Trust in certificates: what a store has deployed decides, at the instant at which it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.questions import Collection
from certwright.reconcile.trust.record import Distrust
from tests.support.memory_cluster import NAMESPACE, START
from tests.support.pki import PKI
from tests.unit.reconcile.conftest import ISSUING, NEXT, REFERENCED, ROOT, SERVING, SHOP, TARGET
from tests.unit.reconcile.trusting import CLUSTER_STORE, STORE, TRUST, TrustingWorld, trusted

OTHER = PKI().root("Other Root")
RENEWED = PKI().root("Corp Root", key=ROOT.key, not_before=START - timedelta(days=1))
TRUSTING = {**SERVING, "trust": STORE}
CHAIN = ("CERTIFICATE_CHAIN_IS_INVALID", 522)
MISSING = ("NOT_FOUND", 404)
DAY = timedelta(days=1)
LISTED = {"this_update": START - DAY, "next_update": START + 30 * DAY}


@pytest.fixture
def world() -> TrustingWorld:
    return TrustingWorld()


def answer(world: TrustingWorld) -> tuple[str, int]:
    return world.status["certificateStoreStatus"], world.status["responseCode"]


async def serve(world: TrustingWorld, **spec: Any) -> None:
    """Serve a certificate of the corporate root, which is trusted."""
    await world.deploy(ROOT)
    world.upload(SHOP)
    await world.judge({**TRUSTING, **spec})
    assert answer(world) == ("OK", 200)


async def is_settled(world: TrustingWorld) -> bool:
    """Say whether another process would find that nothing is to be done, without reading anything."""
    world.restart()
    result = await world.reconcile()
    return result.settled and not world.cluster.reads and world.cluster.writes == 0


# ---- what is trusted


async def test_certificate_is_served_with_its_anchor_when_its_path_ends_at_a_deployed_ca(world: TrustingWorld) -> None:
    await serve(world)

    assert world.target.data["tls.crt"] == SHOP.chain_pem.encode()
    assert world.target.data["ca.crt"] == ROOT.pem.encode()
    assert world.condition("Trusted") == ("True", "Valid")
    assert world.message("Trusted") == 'The path ends at "Corp Root", which TrustStore `corporate` trusts.'
    assert world.status["served"]["anchor"]["fingerprint"] == ROOT.certificate.fingerprint
    assert [each["commonName"] for each in world.status["served"]["chain"]] == ["Corp Issuing CA 3"]
    assert world.status["record"]["trust"].startswith("sha256:")
    assert await is_settled(world)


async def test_nothing_is_said_about_trust_when_no_store_is_named(world: TrustingWorld) -> None:
    await world.deploy(OTHER)
    world.upload(SHOP)
    await world.judge(SERVING)

    assert (answer(world), world.condition("Trusted")) == (("OK", 200), None)
    assert "ca.crt" not in world.target.data
    assert not {"trust", "decisionNamespace"} & world.status["record"].keys()
    assert "anchor" not in world.status["served"]


async def test_anchor_leaves_the_secret_when_the_store_leaves_the_wish(world: TrustingWorld) -> None:
    await serve(world)
    before = world.status["targets"][0]["digest"]

    await world.judge(SERVING)
    assert set(world.target.data) == {"tls.crt", "tls.key"}
    assert world.status["targets"][0]["digest"] != before
    assert "anchor" not in world.status["served"]
    assert await is_settled(world)


async def test_keystore_stays_byte_for_byte_when_a_store_is_named(world: TrustingWorld) -> None:
    formats = [{"type": "PKCS12", "key": "store.p12", "passwordRef": {"name": "password"}}]
    world.cluster.put_secret("password", {"password": "changeit"})
    world.upload(SHOP)
    targets = [{"secretName": "shop-tls", "formats": formats}]
    await world.judge({**SERVING, "targets": targets})
    before = world.target.data["store.p12"]

    await serve(world, targets=targets)
    assert world.target.data["store.p12"] == before
    assert world.target.data["ca.crt"] == ROOT.pem.encode()


async def test_intermediates_of_the_store_complete_the_path_and_are_served_when_the_upload_lacks_them(
    world: TrustingWorld,
) -> None:
    others = [trusted(ROOT.issue_ca(f"Other CA {number}"), role="intermediateCA") for number in range(5)]
    await world.deploy(ROOT, trusted(ISSUING, role="intermediateCA"), *others)
    world.upload(SHOP, chain=False)
    await world.judge(TRUSTING)

    assert answer(world) == ("OK", 200)
    assert world.target.data["tls.crt"] == SHOP.chain_pem.encode()
    assert [each["commonName"] for each in world.status["chain"]] == ["Corp Issuing CA 3", "Corp Root"]

    # It is the last good one even where only the store has a part of it.
    world.cluster.remove(TARGET)
    world.upload(SHOP, chain=False)
    world.wish({**TRUSTING, "dnsNames": ["absent.example.com"]})
    await world.reconcile()
    assert world.reasons[0] == "NameMissing"
    assert world.target.data["tls.crt"] == SHOP.chain_pem.encode()
    assert world.target.data["ca.crt"] == ROOT.pem.encode()


async def test_watched_certificate_is_judged_by_the_store_when_there_are_no_targets(world: TrustingWorld) -> None:
    await world.deploy(ROOT)
    world.upload(SHOP)
    await world.judge({**REFERENCED, "trust": STORE})
    assert world.status["served"]["anchor"]["commonName"] == "Corp Root"

    await world.deploy(OTHER)
    await world.reconcile()
    assert (answer(world), world.condition("Trusted")) == (CHAIN, ("False", "IssuerNotFound"))
    assert world.status["served"]["anchor"]["commonName"] == "Corp Root"


async def test_certificate_is_trusted_as_before_when_nothing_but_its_time_is_over(world: TrustingWorld) -> None:
    leaf = ISSUING.issue_leaf("shop.example.com", not_after=START + DAY)
    await world.deploy(ROOT)
    world.upload(leaf)
    await world.judge(TRUSTING)
    world.clock.advance(days=1, seconds=1)
    await world.reconcile()
    assert (world.reasons, world.condition("Trusted")) == (["Expired"], ("True", "Valid"))
    assert world.target.data["ca.crt"] == ROOT.pem.encode()


async def test_trust_is_unknown_when_there_is_no_certificate_to_judge(world: TrustingWorld) -> None:
    await world.deploy(ROOT)
    world.cluster.put_secret("upload", {"tls.crt": "nothing", "tls.key": SHOP.key_pem})
    await world.judge(TRUSTING)
    assert (world.reasons, world.condition("Trusted")) == (["Unparsable"], ("Unknown", "Unparsable"))


# ---- what is not


@pytest.mark.parametrize(
    ("crt", "key", "reason", "code"),
    [
        (SHOP.chain_pem + ROOT.pem, SHOP, "ChainInvalid", 2013),
        (SHOP.chain_pem, SHOP, "IssuerNotFound", 2011),
        (SHOP.pem, SHOP, "IssuerNotFound", 2011),
    ],
    ids=["unknown-root", "root-not-given", "nothing-given"],
)
async def test_certificate_is_refused_when_its_root_is_not_the_stores(
    world: TrustingWorld, crt: str, key: Any, reason: str, code: int
) -> None:
    await world.deploy(OTHER)
    world.cluster.put_secret("upload", {"tls.crt": crt, "tls.key": key.key_pem})
    await world.judge(TRUSTING)

    assert (answer(world), world.reasons[0], world.status["validation"]) == (CHAIN, reason, code)
    assert world.condition("Trusted") == ("False", reason)
    assert "that TrustStore `corporate` trusts" in world.message()
    assert TARGET not in world.cluster.objects
    assert world.condition("Stalled") == ("True", reason)
    assert await is_settled(world)


async def test_self_signed_certificate_is_refused_when_it_is_not_in_the_store(world: TrustingWorld) -> None:
    lone = PKI().self_signed("shop.example.com")
    await world.deploy(OTHER)
    world.upload(lone)
    await world.judge(TRUSTING)
    assert (world.reasons[0], world.status["validation"]) == ("InvalidSelfSigned", 2014)
    assert world.status["findings"][0]["detail"] == "UntrustedRoot"

    await world.deploy(lone)
    await world.reconcile()
    assert (answer(world), world.condition("Trusted")) == (("OK", 200), ("True", "Valid"))
    assert world.target.data["ca.crt"] == lone.pem.encode()


async def test_missing_issuer_is_told_without_the_stores_other_intermediates_when_it_is_missing(
    world: TrustingWorld,
) -> None:
    others = [trusted(ROOT.issue_ca(f"Other CA {number}"), role="intermediateCA") for number in range(5)]
    await world.deploy(ROOT, *others)
    world.upload(SHOP, chain=False)
    await world.judge(TRUSTING)
    assert world.message().startswith('Refused: the leaf names issuer "Corp Issuing CA 3" (key id ')
    assert "which is not given, nor among the 1 that TrustStore `corporate` trusts." in world.message()
    assert "Add it to `spec.chain`, or trust its root there." in world.message()
    assert "Other CA" not in world.message()


# ---- changes of the store


async def test_last_good_stays_served_when_its_root_is_withdrawn(world: TrustingWorld) -> None:
    await serve(world)
    before = world.target

    await world.deploy(OTHER)
    await world.reconcile()
    assert (answer(world), world.condition("Trusted")) == (CHAIN, ("False", "IssuerNotFound"))
    assert "Still served: serial" in world.message()
    assert world.target == before
    assert "Refused" in world.events
    assert await is_settled(world)

    await world.deploy(OTHER, ROOT)
    await world.reconcile()
    assert (answer(world), world.condition("Trusted")) == (("OK", 200), ("True", "Valid"))
    assert world.target == before


async def test_lost_target_comes_back_without_the_anchor_when_that_is_nowhere_any_more(world: TrustingWorld) -> None:
    await serve(world)
    await world.deploy(OTHER)
    await world.reconcile()

    world.cluster.remove(TARGET)
    await world.reconcile()
    assert set(world.target.data) == {"tls.crt", "tls.key"}
    assert world.target.data["tls.crt"] == SHOP.chain_pem.encode()
    assert await is_settled(world)


async def test_anchor_in_the_secret_is_put_back_when_somebody_changes_it(world: TrustingWorld) -> None:
    await serve(world)
    for data in ({**world.target.data, "ca.crt": OTHER.pem.encode()}, {"tls.crt": b"", "tls.key": b""}):
        world.cluster.change(TARGET, data=data)
        await world.reconcile()
        assert world.target.data["ca.crt"] == ROOT.pem.encode()
        assert answer(world) == ("OK", 200)


async def test_anchor_in_the_secret_follows_when_the_root_is_renewed_in_the_store(world: TrustingWorld) -> None:
    await serve(world)
    since = world.status["served"]["since"]
    world.clock.advance(days=1)

    await world.deploy(RENEWED)
    await world.reconcile()
    assert answer(world) == ("OK", 200)
    assert world.target.data["ca.crt"] == RENEWED.pem.encode()
    assert world.status["served"]["anchor"]["fingerprint"] == RENEWED.certificate.fingerprint
    assert world.status["served"]["since"] == since


async def test_verdict_turns_at_the_instant_when_the_trust_in_its_anchor_ends(world: TrustingWorld) -> None:
    end = START + timedelta(days=3)
    await world.deploy(trusted(ROOT, trust_until=end), trusted(OTHER, trust_until=START + timedelta(days=1)))
    world.upload(SHOP)
    await world.judge(TRUSTING)
    assert (answer(world), world.status["nextCheckTime"]) == (("OK", 200), "2026-06-04T12:00:00Z")

    world.clock.now = end - timedelta(seconds=1)
    result = await world.reconcile()
    assert (result.settled, result.requeue_at) == (True, end)

    world.clock.now = end
    await world.reconcile()
    assert (answer(world), world.condition("Trusted")) == (MISSING, ("False", "ReferenceNotFound"))
    assert "no CA that TrustStore `corporate` has deployed is trusted any more" in world.message()
    assert "Still served: serial" in world.message()
    assert world.target.data["ca.crt"] == ROOT.pem.encode()


async def test_path_over_the_other_root_is_taken_when_the_trust_in_one_ends(world: TrustingWorld) -> None:
    end = START + timedelta(days=3)
    crossed = OTHER.issue_ca("Corp Root", key=ROOT.key)
    await world.deploy(trusted(ROOT, trust_until=end), OTHER, trusted(crossed, role="intermediateCA"))
    world.upload(SHOP)
    await world.judge(TRUSTING)
    assert world.target.data["ca.crt"] == ROOT.pem.encode()

    world.clock.now = end
    await world.reconcile()
    assert answer(world) == ("OK", 200)
    assert world.target.data["ca.crt"] == OTHER.pem.encode()
    assert world.target.data["tls.crt"] == (SHOP.chain_pem + crossed.pem).encode()


# ---- stores that trust nobody


async def test_path_leads_through_no_intermediate_that_is_distrusted_though_the_upload_brings_it(
    world: TrustingWorld,
) -> None:
    await serve(world)
    await world.deploy(ROOT, distrusts=(Distrust(ISSUING.certificate.fingerprint, "issuing"),))
    await world.reconcile()

    assert answer(world) == CHAIN
    assert world.condition("Trusted") == ("False", "ChainInvalid")
    (found,) = world.status["findings"]
    assert found["detail"] == "IssuerDistrusted"
    assert found["fingerprint"] == ISSUING.certificate.fingerprint
    assert found["message"] == (
        'the path is invalid: the certificate "Corp Issuing CA 3" is distrusted by TrustDecision `issuing`, says '
        "TrustStore `corporate`. Have a certificate issued by another CA."
    )
    assert world.target.data["tls.crt"] == SHOP.chain_pem.encode()
    assert await is_settled(world)

    await world.deploy(ROOT)
    await world.reconcile()
    assert answer(world) == ("OK", 200)


async def test_certificate_is_refused_when_it_is_itself_distrusted(world: TrustingWorld) -> None:
    await serve(world)
    await world.deploy(ROOT, distrusts=(Distrust(SHOP.certificate.fingerprint, "shop"),))
    await world.reconcile()

    assert (answer(world), world.message("Ready").startswith("Refused: the path is invalid")) == (CHAIN, True)


async def test_intermediate_that_the_upload_brings_counts_until_the_trust_in_it_ends(world: TrustingWorld) -> None:
    end = START + DAY
    intermediate = trusted(ISSUING, role="intermediateCA", trust_until=end)
    await world.deploy(ROOT, intermediate)
    world.upload(SHOP)
    await world.judge(TRUSTING)
    assert (answer(world), world.status["nextCheckTime"]) == (("OK", 200), "2026-06-02T12:00:00Z")

    world.clock.now = end
    await world.reconcile()
    assert answer(world) == CHAIN
    assert "is distrusted by TrustDecision `some`, says TrustStore `corporate`." in world.message("Ready")

    # An upload that has its intermediate signed anew needs no other leaf.
    again = ROOT.issue_ca("Corp Issuing CA 3", key=ISSUING.key)
    world.cluster.put_secret(
        "upload", {"tls.crt": SHOP.pem + again.pem, "tls.key": SHOP.key_pem}, type="kubernetes.io/tls"
    )
    await world.reconcile()
    assert answer(world) == ("OK", 200)


async def test_nothing_is_served_by_its_chain_alone_when_the_store_is_missing(world: TrustingWorld) -> None:
    world.upload(SHOP)
    await world.judge(TRUSTING)
    assert (answer(world), world.status["validation"]) == (MISSING, -1)
    assert world.condition("Trusted") == ("False", "ReferenceNotFound")
    assert world.condition("Reconciling") == ("True", "ReferenceNotFound")
    assert "there is no TrustStore `corporate` in namespace `shop`" in world.message()
    assert world.message().endswith("Nothing is served yet.")
    assert world.status["commonName"] == "shop.example.com"
    assert TARGET not in world.cluster.objects

    world.clock.advance(minutes=10)
    await world.reconcile()
    assert world.condition("Stalled") == ("True", "WaitedTooLong")
    assert await is_settled(world)

    world.put_store()
    await world.reconcile()
    assert "TrustStore `corporate` has not deployed any CA yet" in world.message()

    await world.deploy(trusted(ISSUING, role="intermediateCA"))
    await world.reconcile()
    assert "or it deployed none that is a root" in world.message()

    await world.deploy(ROOT)
    await world.reconcile()
    assert answer(world) == ("OK", 200)


@pytest.mark.parametrize("how", ["deleted", "empty", "distrusted"])
async def test_last_good_stays_served_when_the_store_trusts_nobody_any_more(world: TrustingWorld, how: str) -> None:
    await serve(world)
    before = world.target
    if how == "deleted":
        world.drop_store()
    else:
        await world.deploy(*([trusted(ROOT, distrusted=True)] if how == "distrusted" else []))
    await world.reconcile()

    assert (answer(world), world.condition("Trusted")) == (MISSING, ("False", "ReferenceNotFound"))
    assert world.message().startswith("Waiting: `spec.trust.storeRef`: ")
    assert "Still served: serial" in world.message()
    assert world.target == before
    world.upload(NEXT)
    await world.reconcile()
    assert world.target == before


async def test_both_are_told_when_store_and_upload_are_missing(world: TrustingWorld) -> None:
    await world.judge(TRUSTING)
    assert world.reasons == ["ReferenceNotFound", "ReferenceNotFound"]
    assert world.condition("Trusted") == ("False", "ReferenceNotFound")

    await world.deploy(ROOT)
    await world.reconcile()
    assert world.reasons == ["ReferenceNotFound"]
    assert world.condition("Trusted") == ("Unknown", "ReferenceNotFound")


# ---- records that are not at hand


async def test_verdict_is_held_when_the_record_cannot_be_read(world: TrustingWorld) -> None:
    await serve(world)
    (part,) = [key for key in world.cluster.objects if key.name.startswith("store-")]
    before = world.status
    world.restart()
    world.cluster.fail("read", part, *[FailureCause.UNAVAILABLE] * 3)
    result = await world.reconcile(full=True)
    assert (result.requeue_at, world.cluster.writes, world.status) == (START + timedelta(minutes=1), 0, before)

    await world.reconcile(full=True)
    world.upload(NEXT)
    await world.reconcile()
    assert (answer(world), world.reasons) == (("IN_PROGRESS", 200), ["NotChecked"])
    assert world.condition("Trusted") == ("Unknown", "NotChecked")
    assert "what TrustStore `corporate` has deployed is not at hand: read ConfigMap" in world.message()
    assert world.target.data["tls.crt"] == SHOP.chain_pem.encode()

    await world.reconcile()
    assert world.target.data["tls.crt"] == NEXT.chain_pem.encode()


async def test_verdict_waits_when_the_record_is_lost(world: TrustingWorld) -> None:
    (part,) = await world.deploy(ROOT)
    world.cluster.remove(part)
    world.upload(SHOP)
    await world.judge(TRUSTING)
    assert (answer(world), world.reasons) == (("IN_PROGRESS", 200), ["NotChecked"])
    assert TARGET not in world.cluster.objects


async def test_verdict_is_held_with_its_anchor_when_the_clock_is_doubted(world: TrustingWorld) -> None:
    await world.deploy(trusted(ROOT, trust_until=START + timedelta(days=1)))
    world.upload(SHOP)
    await world.judge(TRUSTING)
    world.clock.advance(days=2)
    world.clock.is_doubted = True
    world.cluster.remove(TARGET)
    await world.reconcile(full=True)
    assert answer(world) == ("OK", 200)
    assert world.target.data["ca.crt"] == ROOT.pem.encode()


async def test_status_is_small_when_the_api_server_refuses_the_full_one(world: TrustingWorld) -> None:
    await world.deploy(ROOT)
    world.upload(SHOP)
    subject = world.wish(TRUSTING)
    world.cluster.fail("status", subject.key, FailureCause.INVALID)
    await world.reconcile()
    assert set(world.status["served"]["anchor"]) == {"fingerprint", "validThru"}
    assert world.condition("Trusted") == ("True", "Valid")


# ---- stores of the cluster, and revocation


async def test_store_of_the_cluster_is_asked_when_the_wish_names_one(world: TrustingWorld) -> None:
    await world.deploy(OTHER)
    world.upload(SHOP)
    await world.judge({**SERVING, "trust": CLUSTER_STORE})
    assert "there is no ClusterTrustStore `corporate`. It is judged" in world.message()

    await world.deploy(ROOT, kind=Kind.CLUSTER_TRUST_STORE)
    await world.reconcile()
    assert answer(world) == ("OK", 200)
    assert world.status["record"]["decisionNamespace"] == TRUST
    assert await is_settled(world)


async def test_lists_of_the_stores_namespace_count_when_the_store_says_so(world: TrustingWorld) -> None:
    wish = {**SERVING, "trust": CLUSTER_STORE}
    await world.deploy(ROOT, kind=Kind.CLUSTER_TRUST_STORE, revocation="Prefer")
    world.upload(SHOP)
    await world.judge(wish)
    assert answer(world) == ("OK", 200)
    assert any("or of the store's, has a list in use" in each["message"] for each in world.status["findings"])

    await world.offer(ISSUING.crl([SHOP], **LISTED), namespace=TRUST)
    await world.reconcile()
    assert (world.reasons[0], world.condition("Trusted")) == ("Revoked", ("False", "Revoked"))
    assert "lists" in world.status["record"]
    assert await is_settled(world)


async def test_lists_of_other_namespaces_are_nobodys_business_when_a_store_has_its_own(world: TrustingWorld) -> None:
    await world.deploy(ROOT, kind=Kind.CLUSTER_TRUST_STORE, revocation="Require")
    await world.offer(ISSUING.crl([SHOP], **LISTED), namespace="elsewhere")
    await world.offer(ISSUING.crl(**LISTED), namespace=TRUST)
    await world.offer(ROOT.crl(**LISTED), name="root", namespace=NAMESPACE)
    world.upload(SHOP)
    await world.judge({**SERVING, "trust": CLUSTER_STORE})
    assert (answer(world), world.reasons) == (("OK", 200), [])


@pytest.mark.parametrize(("said", "reasons"), [({}, ["Revoked"]), ({"revocation": "Off"}, [])])
async def test_wish_has_the_last_word_about_revocation_when_it_says_something(
    world: TrustingWorld, said: dict[str, str], reasons: list[str]
) -> None:
    await world.deploy(ROOT, revocation="Prefer")
    await world.offer(ISSUING.crl([SHOP], **LISTED))
    world.upload(SHOP)
    await world.judge({**SERVING, "trust": {**STORE, **said}})
    assert world.reasons[:1] == reasons
    assert ("lists" in world.status["record"]) is bool(reasons)


async def test_lists_are_not_looked_at_when_the_store_is_missing_and_the_wish_says_nothing(
    world: TrustingWorld,
) -> None:
    await world.offer(ISSUING.crl([SHOP], **LISTED))
    world.upload(SHOP)
    await world.judge(TRUSTING)
    assert world.reasons == ["ReferenceNotFound"]
    assert "lists" not in world.status["record"]


async def test_verdict_waits_when_a_list_of_the_stores_namespace_has_not_been_judged(world: TrustingWorld) -> None:
    await world.deploy(ROOT, kind=Kind.CLUSTER_TRUST_STORE, revocation="Prefer")
    source = await world.offer(ISSUING.crl(**LISTED), namespace=TRUST)
    world.cluster.subjects[source.key] = replace(source, status={})
    world.upload(SHOP)
    await world.judge({**SERVING, "trust": CLUSTER_STORE})
    assert world.reasons == ["NotChecked"]
    assert "RevocationSource `corp` of namespace `trust` has not been judged yet" in world.message()


async def test_revocations_are_remembered_when_the_store_goes_and_comes(world: TrustingWorld) -> None:
    await world.deploy(ROOT, revocation="Prefer")
    source = await world.offer(ISSUING.crl([SHOP], **LISTED))
    world.upload(SHOP)
    await world.judge(TRUSTING)
    assert world.reasons[0] == "Revoked"

    world.drop_store()
    del world.cluster.subjects[source.key]
    await world.reconcile()
    assert world.reasons == ["ReferenceNotFound"]

    await world.deploy(ROOT, revocation="Prefer")
    await world.reconcile()
    assert "Revoked" in world.reasons


async def test_verdict_waits_for_the_lists_of_another_namespace_when_the_store_moves_its_decisions(
    world: TrustingWorld,
) -> None:
    await world.deploy(ROOT, kind=Kind.CLUSTER_TRUST_STORE, revocation="Prefer")
    await world.offer(ISSUING.crl([SHOP], **LISTED), namespace="moved")
    world.upload(SHOP)
    await world.judge({**SERVING, "trust": CLUSTER_STORE})
    assert answer(world) == ("OK", 200)
    before = world.target

    await world.deploy(ROOT, kind=Kind.CLUSTER_TRUST_STORE, revocation="Prefer", decisionNamespace="moved")
    result = await world.reconcile()
    assert (result.retry, answer(world), world.reasons) == (True, ("IN_PROGRESS", 200), ["NotChecked"])
    assert "the RevocationSources of namespace `moved`" in world.message()
    await world.reconcile()
    assert world.reasons[0] == "Revoked"
    assert world.target == before


# ---- what is asked


def asked(world: TrustingWorld) -> set[Collection]:
    return {each for each in world.reconciler.asks(world.subject) if isinstance(each, Collection)}


def sources(*namespaces: str) -> set[Collection]:
    return {Collection(Kind.REVOCATION_SOURCE, each) for each in namespaces}


OWN_STORES = Collection(Kind.TRUST_STORE, NAMESPACE)
CLUSTER_STORES = Collection(Kind.CLUSTER_TRUST_STORE, "")


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        (None, set()),
        ({}, set()),
        ({"revocation": "Off"}, set()),
        ({"revocation": "Prefer"}, sources(NAMESPACE)),
        (STORE, {OWN_STORES} | sources(NAMESPACE)),
        ({**STORE, "revocation": "Off"}, {OWN_STORES}),
        (CLUSTER_STORE, {CLUSTER_STORES} | sources("")),
        ({**CLUSTER_STORE, "revocation": "Off"}, {CLUSTER_STORES}),
    ],
)
def test_no_more_is_asked_than_the_wish_can_need(
    world: TrustingWorld, trust: dict[str, Any] | None, expected: set[Collection]
) -> None:
    world.wish(SERVING if trust is None else {**SERVING, "trust": trust})
    assert asked(world) == expected


@pytest.mark.parametrize(("place", "expected"), [(TRUST, (NAMESPACE, TRUST)), (None, (NAMESPACE,))])
async def test_sources_of_all_namespaces_are_asked_for_until_the_stores_namespace_is_known(
    world: TrustingWorld, place: str | None, expected: tuple[str, ...]
) -> None:
    wish = {**SERVING, "trust": CLUSTER_STORE}
    await world.deploy(ROOT, kind=Kind.CLUSTER_TRUST_STORE, decisionNamespace=place)
    world.upload(SHOP)
    await world.judge(wish)
    assert asked(world) == {CLUSTER_STORES} | sources(*expected)
    assert await is_settled(world)

    world.wish({**wish, "trust": {"storeRef": {"kind": "ClusterTrustStore", "name": "other"}}})
    assert asked(world) == {CLUSTER_STORES} | sources("")


def test_nothing_of_a_record_is_needed_when_the_object_goes(world: TrustingWorld) -> None:
    world.wish(TRUSTING)
    world.put_store()
    key = ObjectKey(Kind.IMPORTED_CERTIFICATE, NAMESPACE, "shop")
    world.cluster.subjects[key] = replace(world.subject, deleting=True)
    assert world.reconciler.needs(world.snapshot()) == frozenset()
