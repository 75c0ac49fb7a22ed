"""Trust over time: what a decision does to the certificates that rest on it, at once and without anybody's help."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from certwright.reconcile.objects import Observed
from tests.support.pki import Entity
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import Manifest, cluster_trust_store, config_map, decision, serving, trust_store
from tests.support.worlds.manifests import source as plain_source
from tests.support.worlds.material import stored, upload

DECISION, STORE, SOURCE = "TrustDecision", "TrustStore", "RevocationSource"
CHAIN = ("CERTIFICATE_CHAIN_IS_INVALID", 522)
MISSING = ("NOT_FOUND", 404)
TRUST = {"trust": {"storeRef": {"name": "corporate"}}}
TRUSTED = ("True", "Valid")
SECOND = timedelta(seconds=1)


def is_ok(report: Report) -> bool:
    return report.is_ok


def is_ready(report: Report) -> bool:
    return report.condition("Ready") == ("True", "Valid")


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def source(name: str, *, namespace: str | None = None, **spec: Any) -> Manifest:
    """Write a RevocationSource, in another namespace if need be."""
    manifest = plain_source(name, **spec)
    if namespace is not None:
        manifest["metadata"]["namespace"] = namespace
    return manifest


def crl(world: World, issuer: Entity, *revoked: Entity, **wishes: Any) -> str:
    """Issue a list that was made an hour ago and holds for a week."""
    dates = {"this_update": world.corp.at - timedelta(hours=1), "next_update": world.corp.at + timedelta(days=7)}
    return issuer.crl(revoked, **{**dates, **wishes}).pem


async def target(world: World) -> Observed:
    found = await world.read("Secret", "shop-tls")
    assert found is not None, "there is no Secret shop-tls"
    return found


def held(leaf: Entity, anchor: Entity) -> dict[str, bytes]:
    """Give the data of a target that serves a certificate below a trusted CA."""
    return {**stored(leaf), "ca.crt": anchor.pem.encode()}


async def serve(world: World, *manifests: Manifest, **spec: Any) -> Entity:
    """Have a certificate served below the corporate root, which a store trusts beside another one."""
    leaf = world.corp.leaf()
    others = decision("other", certificate=world.corp.ca("Other Root").pem)
    root = decision("root", certificate=world.corp.root.pem)
    await world.apply(root, others, trust_store(selector={}), *manifests, upload(leaf), serving(**{**TRUST, **spec}))
    await world.settle("shop", is_ok)
    return leaf


async def test_certificate_is_served_with_its_anchor_when_the_store_trusts_its_root(world: World) -> None:
    leaf = await serve(world)
    report = await world.status("shop")
    assert report.condition("Trusted") == TRUSTED
    assert report.message("Trusted") == 'The path ends at "Corp Root", which TrustStore `corporate` trusts.'
    assert report.served["anchor"]["commonName"] == "Corp Root"
    assert (await target(world)).data == held(leaf, world.corp.root)

    await world.apply(serving())
    report = await world.settle("shop", is_ok)
    assert report.condition("Trusted") is None
    assert (await target(world)).data == stored(leaf)


async def test_last_good_stays_served_when_its_root_is_distrusted_and_is_good_again_when_trusted(world: World) -> None:
    leaf = await serve(world)

    await world.patch(DECISION, "root", {"spec": {"trustStateDesired": "untrusted"}})
    report = await world.settle("shop", lambda report: report.reason == "IssuerNotFound")
    assert (report.answer, report.validation) == (CHAIN, 2011)
    assert report.condition("Trusted") == ("False", "IssuerNotFound")
    assert "nor among the 1 that TrustStore `corporate` trusts" in report.message()
    assert "Still served: serial" in report.message()
    assert (await target(world)).data == held(leaf, world.corp.root)

    # Neither does a new one get in on the way.
    await world.apply(upload(world.corp.leaf()))
    await world.rest()
    assert (await target(world)).data == held(leaf, world.corp.root)

    await world.apply(upload(leaf))
    await world.patch(DECISION, "root", {"spec": {"trustStateDesired": "trusted"}})
    report = await world.settle("shop", is_ok)
    assert report.condition("Trusted") == TRUSTED


async def test_verdict_rests_on_nobody_when_the_last_root_is_distrusted_though_the_bundle_keeps_it(
    world: World,
) -> None:
    leaf = world.corp.leaf()
    root = decision("root", certificate=world.corp.root.pem)
    store = trust_store(selector={}, targets=[{"name": "bundle"}])
    await world.apply(root, store, upload(leaf), serving(**TRUST))
    await world.settle("shop", is_ok)

    await world.patch(DECISION, "root", {"spec": {"trustStateDesired": "untrusted"}})
    report = await world.settle("shop", lambda report: report.reason == "ReferenceNotFound")
    assert (report.answer, report.condition("Trusted")) == (MISSING, ("False", "ReferenceNotFound"))
    assert "Still served: serial" in report.message()
    assert (await target(world)).data == held(leaf, world.corp.root)
    listed = await world.find("corporate", kind=STORE)
    assert listed is not None
    assert "AnchorsDistrusted" in listed.warnings
    bundle = await world.read("ConfigMap", "bundle")
    assert bundle is not None
    assert world.corp.root.pem in bundle.data["ca.crt"].decode()


async def test_certificate_is_refused_at_the_instant_when_the_trust_in_its_root_ends(world: World) -> None:
    end = world.corp.at.replace(microsecond=0) + timedelta(days=3)
    until = decision("root", certificate=world.corp.root.pem, trustUntil=stamp(end))
    leaf = await serve(world, until)
    await world.settle("shop", lambda report: report.is_ok and report.status.get("nextCheckTime") == stamp(end))

    await world.stand_at(end - SECOND)
    await world.rest()
    assert (await world.status("shop")).is_ok

    await world.stand_at(end)
    report = await world.settle("shop", lambda report: report.reason == "IssuerNotFound")
    assert report.condition("Trusted") == ("False", "IssuerNotFound")
    assert (await target(world)).data == held(leaf, world.corp.root)


async def test_root_is_replaced_without_a_refusal_when_both_are_trusted_for_a_while(world: World) -> None:
    await serve(world)
    new = world.corp.ca("New Root")
    issuing = new.issue_ca("New Issuing CA", path_length=0, **world.corp.dates)
    await world.apply(decision("new", certificate=new.pem))
    await world.settle("new", lambda report: report.status.get("deployStatus") == "DEPLOYED", kind=DECISION)

    successor = world.corp.leaf(issuer=issuing)
    await world.apply(upload(successor))
    await world.settle("shop", lambda report: report.served.get("fingerprint") == successor.certificate.fingerprint)
    assert (await target(world)).data == held(successor, new)

    await world.delete(DECISION, "root")
    await world.rest()
    assert (await world.status("shop")).is_ok
    assert (await target(world)).data == held(successor, new)


async def test_nothing_is_served_by_its_chain_alone_until_the_store_has_deployed_a_root(world: World) -> None:
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving(**TRUST))
    report = await world.settle("shop", lambda report: report.reason == "ReferenceNotFound")
    assert (report.answer, report.validation) == (MISSING, -1)
    assert report.conditions["Reconciling"] == ("True", "ReferenceNotFound")
    assert report.condition("Trusted") == ("False", "ReferenceNotFound")

    await world.apply(trust_store(selector={}))
    report = await world.settle("shop", lambda report: "has not deployed any CA yet" in report.message())
    assert report.answer == MISSING
    assert await world.read("Secret", "shop-tls") is None

    await world.apply(decision("root", certificate=world.corp.root.pem))
    await world.settle("shop", is_ok)
    assert (await target(world)).data == held(leaf, world.corp.root)

    await world.delete(STORE, "corporate")
    report = await world.settle("shop", lambda report: report.reason == "ReferenceNotFound")
    assert "Still served: serial" in report.message()
    assert (await target(world)).data == held(leaf, world.corp.root)


async def test_what_no_root_of_the_store_vouches_for_is_refused_with_its_own_code(world: World) -> None:
    await serve(world)
    strange = world.corp.ca("Strange Root")
    leaf, lone = world.corp.leaf(issuer=strange), world.corp.self_signed()
    stories = (
        (upload(leaf, crt=leaf.pem + strange.pem), "ChainInvalid", 2013),
        (upload(leaf, crt=leaf.pem), "IssuerNotFound", 2011),
        (upload(lone), "InvalidSelfSigned", 2014),
    )
    before = await target(world)
    for manifest, reason, code in stories:
        await world.apply(manifest)
        report = await world.settle("shop", lambda report, wanted=reason: report.reason == wanted)
        assert (report.answer, report.validation) == (CHAIN, code)
        assert report.condition("Trusted") == ("False", reason)
        assert "TrustStore `corporate` trusts" in report.message()
    assert (await target(world)).data == before.data


async def test_change_of_a_manual_store_changes_no_verdict_until_it_is_approved(world: World) -> None:
    leaf = world.corp.leaf()
    manual = {"selector": {}, "deployment": {"mode": "Manual"}}
    root = decision("root", certificate=world.corp.root.pem)
    await world.apply(root, trust_store(**manual), upload(leaf), serving(**TRUST))
    pending = await world.settle("corporate", lambda report: "pending" in report.status, kind=STORE)
    await world.rest()
    assert (await world.status("shop")).answer == MISSING

    approved = {"mode": "Manual", "approved": pending.status["pending"]["id"]}
    await world.apply(trust_store(**{**manual, "deployment": approved}))
    await world.settle("shop", is_ok)
    assert (await target(world)).data == held(leaf, world.corp.root)

    # What is taken away waits for approval too; what is distrusted does not.
    await world.apply(decision("other", certificate=world.corp.ca("Other Root").pem))
    await world.settle("corporate", lambda report: "pending" in report.status, kind=STORE)
    await world.patch(DECISION, "root", {"spec": {"trustStateDesired": "untrusted"}})
    await world.settle("shop", lambda report: report.condition("Trusted") == ("False", "ReferenceNotFound"))


async def test_anchor_in_the_secret_is_put_back_and_no_verdict_changes_when_somebody_edits_bundles(
    world: World,
) -> None:
    store = trust_store(selector={}, targets=[{"name": "bundle"}])
    leaf = await serve(world, store)
    strange = world.corp.ca("Strange Root")

    await world.apply(config_map("bundle", {"ca.crt": strange.pem}))
    secret = await target(world)
    await world.patch("Secret", "shop-tls", {"data": {"ca.crt": None}})
    await world.apply(upload(world.corp.leaf(issuer=strange)))
    await world.settle("shop", lambda report: report.reason == "IssuerNotFound")
    await world.wait(lambda: _holds(world, held(leaf, world.corp.root)), "anchor in the Secret")
    assert (await target(world)).data == secret.data


async def _holds(world: World, data: dict[str, bytes]) -> bool:
    return (await target(world)).data == data


async def test_lists_of_the_stores_namespace_revoke_certificates_everywhere_when_it_says_so(world: World) -> None:
    name = world.own("corporate")
    trust = await world.make_namespace(world.own("trust"), {"certwright.io/trust-source": "true"})
    store = cluster_trust_store(
        name, decisionNamespace=trust, selector={}, deployment={"mode": "Automatic"}, revocation="Prefer"
    )
    leaf = world.corp.leaf()
    await world.apply(
        decision("root", certificate=world.corp.root.pem, namespace=trust),
        decision("issuing", certificate=world.corp.issuing.pem, certUse="intermediateCA", namespace=trust),
        source("issuing", crl=crl(world, world.corp.issuing), namespace=trust),
        source("root", crl=crl(world, world.corp.root), namespace=trust),
        store,
        upload(leaf, crt=leaf.pem),
        serving(trust={"storeRef": {"kind": "ClusterTrustStore", "name": name}}),
    )
    # The intermediate comes from the store; nobody named the issuers of the lists.
    report = await world.settle("shop", lambda report: report.is_ok and not report.warnings)
    assert (await target(world)).data == held(leaf, world.corp.root)
    listed = await world.settle("issuing", is_ready, kind=SOURCE, namespace=trust)
    assert listed.validation == 0

    await world.apply(source("issuing", crl=crl(world, world.corp.issuing, leaf, number=2), namespace=trust))
    report = await world.settle("shop", lambda report: report.reason == "Revoked")
    assert (report.validation, report.condition("Trusted")) == (2005, ("False", "Revoked"))
    assert (await target(world)).data == held(leaf, world.corp.root)

    await world.apply(serving(trust={"storeRef": {"kind": "ClusterTrustStore", "name": name}, "revocation": "Off"}))
    await world.settle("shop", is_ok)


async def test_lists_are_taken_from_the_ca_of_a_decision_as_long_as_it_is_trusted(world: World) -> None:
    named = {"issuerRef": {"kind": DECISION, "name": "root"}}
    await world.apply(source("corp", crl=crl(world, world.corp.root, number=1), **named))
    report = await world.settle("corp", lambda report: report.reason == "ReferenceNotFound", kind=SOURCE)
    assert report.validation == -1

    await world.apply(decision("root", certificate=world.corp.root.pem))
    report = await world.settle("corp", is_ready, kind=SOURCE)
    assert (report.validation, report.status["crlNumber"]) == (0, "1")

    await world.patch(DECISION, "root", {"spec": {"trustStateDesired": "untrusted"}})
    report = await world.settle("corp", lambda report: report.reason == "CRLIssuerNotAuthorized", kind=SOURCE)
    assert report.validation == 2032
    await world.apply(source("corp", crl=crl(world, world.corp.root, number=2), **named))
    report = await world.settle("corp", lambda report: report.reason == "CRLIssuerNotAuthorized", kind=SOURCE)
    assert (report.status["crlNumber"], report.status["entries"]) == ("1", 0)
