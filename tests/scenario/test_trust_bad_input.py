"""What people decide about by mistake: left out with a reason and a fix, and what is deployed never gets worse by it.

Each time something good is deployed first; then the bad comes; then something else is deployed as if nothing had
happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from certwright.api.truststore_spec import RESERVED_NAMES
from certwright.reconcile.objects import Observed
from tests.support.control_plane import ControlPlaneError
from tests.support.pki import PKI, Entity
from tests.support.worlds import Corp, RealWorld, Report, World
from tests.support.worlds.manifests import Manifest, cluster_trust_store, config_map, decision, trust_store
from tests.support.worlds.trust import (
    CLUSTER_STORE,
    DECISION,
    TRUST_SOURCE,
    deploy_status,
    is_ready,
    see_bundle,
    see_decision,
    see_store,
)

DAY = timedelta(days=1)
WISH: dict[str, Any] = {"selector": {}, "targets": [{"name": "bundle"}]}
HANDED_IN = "`spec.certificateRef`: ConfigMap `handed-in`, key `ca.crt`"
UNTRUSTED = "untrusted"


async def deploy(world: World, **spec: Any) -> Observed:
    """Have the corporate root deployed, and give the target."""
    await world.apply(decision("root", certificate=world.corp.root.pem), trust_store(**{**WISH, **spec}))
    await see_decision(world, "root", "DEPLOYED")
    await see_bundle(world, world.corp.root)
    await see_store(world, is_ready)
    return await target(world)


async def target(world: World, name: str = "bundle", *, namespace: str | None = None) -> Observed:
    found = await world.read("ConfigMap", name, namespace=namespace)
    assert found is not None, f"there is no ConfigMap {name}"
    return found


async def same_target(world: World, before: Observed) -> None:
    """See that a target is untouched: the same version, and so the same bytes."""
    await world.rest()
    after = await target(world, before.key.name, namespace=before.key.namespace)
    assert (after.version, after.data) == (before.version, before.data)


async def deploy_another(world: World, *present: Entity) -> None:
    """See that the next good CA goes out."""
    other = world.corp.ca("Other Root")
    await world.apply(decision("other", certificate=other.pem))
    await see_bundle(world, world.corp.root, *present, other)


# ---- what is no CA to be trusted


@dataclass(frozen=True)
class Mistake:
    """What a decision is about, and what is said of it.

    Attributes:
        handed_in: the text in the ConfigMap, and whose fingerprint the decision names.
        said: the message of the finding, whole; names in braces are those of `_facts`.
        more: how many errors there are besides.
    """

    what: str
    handed_in: Callable[[Corp], tuple[str, Entity]]
    reason: str
    detail: str | None
    validation: int
    said: str
    state: str = UNTRUSTED
    store_says: str = "it is not in order. See its status"
    more: int = 0


def _plain(entity: Entity) -> tuple[str, Entity]:
    return entity.pem, entity


def _expired(corp: Corp) -> Entity:
    return PKI().root("Old Root", not_before=corp.at - 90 * DAY, not_after=corp.at - DAY)


def _early(corp: Corp) -> Entity:
    return PKI().root("Early Root", not_before=corp.at + 3 * DAY, not_after=corp.at + 90 * DAY)


def _two(corp: Corp) -> tuple[str, Entity]:
    return corp.ca("One Root").pem + corp.ca("Two Root").pem, corp.ca("One Root")


MISTAKES = (
    Mistake(
        "leaf",
        lambda corp: _plain(corp.leaf()),
        "UsageMismatch",
        "CAFlagMissing",
        2012,
        'the certificate "shop.example.com" does not suit its role: its basic constraints do not say CA. Ask its '
        "issuer for one that does.",
        more=1,
    ),
    Mistake(
        "key",
        lambda corp: (corp.leaf().key_pem, corp.root),
        "Unparsable",
        "WrongType",
        2001,
        f"{HANDED_IN}: it holds a private key and no certificate. Were certificate and key swapped?",
    ),
    Mistake(
        "two certificates",
        _two,
        "InvalidRequest",
        "SeveralCertificates",
        -1,
        f"{HANDED_IN} holds 2 certificates, and a decision is about exactly one. Make one decision for each.",
    ),
    Mistake(
        "expired",
        lambda corp: _plain(_expired(corp)),
        "Expired",
        None,
        2003,
        "the certificate expired on {yesterday} UTC. Give a newer one.",
        "expired",
        "its certificate has expired. Remove it, or give its successor",
    ),
    Mistake(
        "not yet valid",
        lambda corp: _plain(_early(corp)),
        "NotYetValid",
        None,
        2004,
        "the certificate is not valid before {in_three_days} UTC; now is {now} UTC. It will be looked at again then.",
    ),
    Mistake(
        "no keyCertSign",
        lambda corp: _plain(PKI().root("Weak Root", key_usage=("cRLSign",), **corp.dates)),
        "UsageMismatch",
        "KeyCertSignMissing",
        2012,
        'the certificate "Weak Root" does not suit its role: its key usage does not have keyCertSign. Ask its issuer '
        "for one that does.",
    ),
    Mistake(
        "intermediate as root",
        lambda corp: _plain(corp.issuing),
        "UsageMismatch",
        None,
        2012,
        'the certificate "Corp Issuing CA 3" is no root: "Corp Root" issued it. Give the root, or set `spec.certUse` '
        "to `intermediateCA`.",
    ),
    Mistake(
        "another than is named",
        lambda corp: (corp.ca("Strange Root").pem, corp.ca("Named Root")),
        "FingerprintMismatch",
        None,
        2013,
        f'{HANDED_IN} holds "Strange Root" with the fingerprint {{found}}, and `spec.fingerprint` names another one. '
        "Correct the content, or the fingerprint if that is meant.",
    ),
    Mistake(
        "empty",
        lambda corp: ("", corp.root),
        "Unparsable",
        "NoCertificate",
        2001,
        f"{HANDED_IN}: it is empty; a certificate is expected.",
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what.replace(" ", "-"))
async def test_bundle_stays_as_it_is_when_somebody_decides_about_what_is_no_ca(world: World, mistake: Mistake) -> None:
    before = await deploy(world)
    text, meant = mistake.handed_in(world.corp)
    fingerprint = meant.certificate.fingerprint

    await world.apply(
        config_map("handed-in", {"ca.crt": text}),
        decision("bad", certificateRef={"name": "handed-in"}, fingerprint=fingerprint),
    )
    report = await world.settle("bad", lambda report: report.reason == mistake.reason, kind=DECISION)

    assert (report.validation, report.status["trustState"], deploy_status(report)) == (
        mistake.validation,
        mistake.state,
        None,
    )
    found = report.finding(mistake.reason)
    assert found.get("detail") == mistake.detail
    assert found["message"] == mistake.said.format(**_facts(world, found["message"]))
    more = f" {mistake.more} more in `status.findings`." if mistake.more else ""
    assert report.message() == f"Refused: {found['message']}{more} It is deployed in no store."
    assert report.condition("Stalled") == ("True", mistake.reason)
    assert mistake.reason in report.status["trustStateDetails"][0]["additionalDetails"][0]["reason"]
    store = await see_store(world, lambda report: report.warnings == ["CertificateLeftOut"])
    assert store.finding("CertificateLeftOut")["message"] == (
        f"It is left out: TrustDecision bad, for {mistake.store_says}."
    )
    assert store.condition("Ready") == ("True", "Valid")
    await same_target(world, before)
    await deploy_another(world)


def _facts(world: World, said: str) -> dict[str, str]:
    at = world.corp.at
    return {
        "yesterday": f"{at - DAY:%Y-%m-%d %H:%M:%S}",
        "in_three_days": f"{at + 3 * DAY:%Y-%m-%d %H:%M:%S}",
        "now": said.partition("now is ")[2][:19],
        "found": world.corp.ca("Strange Root").certificate.fingerprint,
    }


async def test_expired_ca_among_good_ones_is_left_out_and_the_rest_is_deployed(world: World) -> None:
    good = [world.corp.ca(f"Root {number}") for number in range(3)]
    await world.apply(
        decision("expired", certificate=_expired(world.corp).pem),
        *(decision(f"root-{number}", certificate=each.pem) for number, each in enumerate(good)),
        trust_store(**WISH),
    )

    await see_bundle(world, *good)
    store = await see_store(world, lambda report: report.condition("Deployed") == ("True", "Valid"))
    assert store.warnings == ["CertificateLeftOut"]
    assert store.finding("CertificateLeftOut")["message"] == (
        "It is left out: TrustDecision expired, for its certificate has expired. Remove it, or give its successor."
    )
    assert store.status["certificates"] == 3


# ---- too much


LARGE = 9
NAMES = [f"{number:04}.{'n' * 55}.{'m' * 60}.example.com" for number in range(650)]


async def test_bundle_stays_as_it_is_when_it_would_be_larger_than_a_config_map(world: World) -> None:
    before = await deploy(world)
    large = [PKI().root(f"Large Root {number}", dns=NAMES, **world.corp.dates) for number in range(LARGE)]
    assert sum(len(each.pem) for each in large) > 1 << 20
    # All at once: one after the other some of them would go out.
    await world.apply(trust_store(**{**WISH, "selector": {"matchLabels": {"size": "large"}}}))
    await see_store(world, lambda report: report.reason == "EmptyBundle")
    for number, each in enumerate(large):
        await world.apply(decision(f"large-{number}", certificate=each.pem))
        await see_decision(world, f"large-{number}", "DEPLOY_PENDING")

    await world.apply(trust_store(**WISH))
    store = await see_store(world, lambda report: report.reason == "InvalidRequest")

    found = store.finding("InvalidRequest")
    assert found["detail"] == "LimitExceeded"
    size = found["message"].partition("would have ")[2].partition(" bytes")[0]
    assert int(size.replace(",", "")) > (1 << 20) - 4096
    assert found["message"] == (
        f"What is deployed stays: the bundle would have {size} bytes, and a ConfigMap has room for 1,044,480. Select "
        "fewer decisions, or divide them among several stores."
    )
    assert store.condition("Stalled") == ("True", "InvalidRequest")
    assert store.message() == f"{found['message']} Deployed: 1 certificate."
    assert store.status["pending"]["addedCount"] == LARGE
    await same_target(world, before)

    # What is withdrawn leaves all the same, and what fits goes out.
    for number in range(2, LARGE):
        await world.delete(DECISION, f"large-{number}")
    await see_bundle(world, world.corp.root, *large[:2])
    await deploy_another(world, *large[:2])


# ---- targets that cannot be written


async def test_config_map_of_somebody_else_stays_until_they_allow_it(world: World) -> None:
    await deploy(world)
    await world.apply(config_map("theirs", {"ca.crt": "theirs", "more": "theirs, too"}))
    before = await target(world, "theirs")
    good = await target(world)

    both = [{"name": "bundle"}, {"name": "theirs"}]
    await world.apply(trust_store(**{**WISH, "targets": both}))
    store = await see_store(world, lambda report: report.reason == "TargetNotOwned")

    command = f"configmap -n {world.namespace} theirs certwright.io/allow-write=TrustStore/corporate"
    assert store.finding("TargetNotOwned")["message"] == (
        "ConfigMap `theirs` is somebody else's and stays as it is. Choose another `name`, or allow it: kubectl "
        f"annotate {command}"
    )
    assert store.message() == (
        "Deployed: 1 certificate. ConfigMap `theirs` is somebody else's and stays as it is. Choose another `name`, or "
        f"allow it: kubectl annotate {command}"
    )
    rollout = store.status["rollout"]
    assert (rollout["state"], rollout["percentComplete"], rollout["failed"]) == ("Failed", 50, 1)
    await same_target(world, before)
    await same_target(world, good)

    await world.patch(
        "ConfigMap", "theirs", {"metadata": {"annotations": {"certwright.io/allow-write": "TrustStore/corporate"}}}
    )
    await see_bundle(world, world.corp.root, name="theirs")
    store = await see_store(world, is_ready)
    assert store.status["rollout"]["percentComplete"] == 100
    adopted = await target(world, "theirs")
    assert adopted.data["more"] == b"theirs, too"
    assert adopted.owner_references == ()

    # It was adopted: it is released when it leaves the wish, never deleted.
    await world.apply(trust_store(**WISH))

    async def released() -> bool:
        return "certwright.io/owner" not in (await target(world, "theirs")).annotations

    await world.wait(released, "the ConfigMap to be released")
    await same_target(world, good)


@pytest.mark.parametrize("name", RESERVED_NAMES)
async def test_name_that_others_write_everywhere_is_refused(world: World, name: str) -> None:
    before = await deploy(world)
    wish = trust_store(**{**WISH, "targets": [{"name": "bundle"}, {"name": name}]})
    if isinstance(world, RealWorld):
        with pytest.raises(ControlPlaneError, match="must be none of the names that Kubernetes itself writes"):
            await world.apply(wish)
        await same_target(world, before)
        return
    # A store of a file, or of another version of the definition.
    await world.apply(wish)
    store = await see_store(world, lambda report: report.reason == "InvalidRequest")
    assert store.finding("InvalidRequest")["message"] == (
        f"target ConfigMap `{name}`: other parts of a cluster write objects of this name. Choose another name."
    )
    await same_target(world, before)


async def test_store_is_not_fed_with_itself(world: World) -> None:
    root = world.corp.root
    await world.apply(
        config_map("material", {"ca.crt": root.pem}),
        decision("root", certificateRef={"name": "material"}, fingerprint=root.certificate.fingerprint),
        trust_store(**WISH),
    )
    await see_bundle(world, root)
    before = await target(world, "material")

    await world.apply(trust_store(**{**WISH, "targets": [{"name": "bundle"}, {"name": "material"}]}))
    store = await see_store(world, lambda report: report.reason == "InvalidRequest")

    assert store.finding("InvalidRequest")["detail"] == "TargetIsInput"
    await same_target(world, before)


# ---- a store of the cluster


async def test_nothing_is_gathered_from_a_namespace_that_is_no_source_of_trust(world: World) -> None:
    name, trust, root = world.own("corporate"), await world.make_namespace(world.own("trust")), world.corp.root
    consumer = await world.make_namespace(world.own("consumer"), {"story": world.namespace})
    wish = cluster_store(world, name, trust)
    await world.apply(decision("root", certificate=root.pem, namespace=trust), wish)

    store = await see_store(world, lambda report: report.reason == "InvalidRequest", name=name, kind=CLUSTER_STORE)
    closed = (
        f"The namespace {trust} is no source of trust for the cluster. If it is to be one: `kubectl label namespace "
        f"{trust} certwright.io/trust-source=true`. Nothing is gathered from it until then, and what is deployed stays."
    )
    assert store.finding("InvalidRequest")["message"] == closed
    assert await world.read("ConfigMap", "bundle", namespace=consumer) is None

    await world.patch("Namespace", trust, {"metadata": {"labels": TRUST_SOURCE}})
    await see_bundle(world, root, namespace=consumer)
    before = await target(world, namespace=consumer)
    await world.patch("Namespace", trust, {"metadata": {"labels": {"certwright.io/trust-source": None}}})
    await world.apply(decision("other", certificate=world.corp.ca("Other Root").pem, namespace=trust))
    store = await see_store(world, lambda report: report.reason == "InvalidRequest", name=name, kind=CLUSTER_STORE)
    assert store.finding("InvalidRequest")["message"] == closed
    await same_target(world, before)
    await see_decision(world, "root", "DEPLOYED", namespace=trust)


def cluster_store(world: World, name: str, trust: str, **spec: Any) -> Manifest:
    return cluster_trust_store(
        name,
        decisionNamespace=trust,
        selector={},
        deployment={"mode": "Automatic"},
        namespaceSelector={"matchLabels": {"story": world.namespace}},
        targets=[{"name": "bundle"}],
        **spec,
    )


async def test_namespaces_of_others_hold_up_nobody_when_one_has_such_a_config_map(world: World) -> None:
    name, root = world.own("corporate"), world.corp.root
    trust = await world.make_namespace(world.own("trust"), TRUST_SOURCE)
    good, bad = [await world.make_namespace(world.own(each), {"story": world.namespace}) for each in ("good", "bad")]
    theirs = config_map("bundle", {"ca.crt": "theirs"})
    theirs["metadata"]["namespace"] = bad
    await world.apply(
        theirs, decision("root", certificate=root.pem, namespace=trust), cluster_store(world, name, trust)
    )

    await see_bundle(world, root, namespace=good)

    def is_refused(report: Report) -> bool:
        return report.reason == "TargetNotOwned"

    store = await see_store(world, is_refused, name=name, kind=CLUSTER_STORE)
    assert store.finding("TargetNotOwned")["message"].endswith(
        f"kubectl annotate configmap -n {bad} bundle certwright.io/allow-write=ClusterTrustStore/{name}"
    )
    (row,) = store.status["targets"]
    assert (row["namespace"], row.get("updated", False)) == (bad, False)
    rollout = store.status["rollout"]
    assert (rollout["targets"], rollout["updatedTargets"], rollout["failed"]) == (2, 1, 1)
    assert (await target(world, namespace=bad)).data["ca.crt"] == b"theirs"

    allowed = {"metadata": {"annotations": {"certwright.io/allow-write": f"ClusterTrustStore/{name}"}}}
    await world.patch("ConfigMap", "bundle", allowed, namespace=bad)
    await see_bundle(world, root, namespace=bad)
