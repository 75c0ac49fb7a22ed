"""The table of reasons, walked for decisions and stores: those that only trust brings, with all that is said of each.

What a decision has in common with a certificate that is handed in is in `test_trust_bad_input.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from certwright.findings import Detail, Reason
from tests.scenario.test_reasons_table import ELSEWHERE
from tests.support.worlds import MemoryWorld, Report, World
from tests.support.worlds.manifests import cluster_trust_store, config_map, decision, serving, source, trust_store
from tests.support.worlds.material import upload
from tests.support.worlds.trust import (
    CLUSTER_STORE,
    DECISION,
    TRUST_SOURCE,
    is_ready,
    see_bundle,
    see_decision,
    see_event,
    see_store,
    stamp,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WISH = {"selector": {}, "targets": [{"name": "bundle"}]}
IN_STORE = {"Ready": "True Valid", "Deployed": "True Valid", "Approved": "True Valid"}


@dataclass(frozen=True)
class Row:
    """A reason, and how a story comes to it.

    Attributes:
        come_to_it: what happens, until the answer is there.
        conditions: all of them.
        message: a piece of what is said.
        validation: source 3's number, of a decision.
        event: its reason, and of whom it is told.
        severity: of the finding; `None` when there is none, and only a condition says it.
    """

    reason: Reason
    come_to_it: Callable[[World], Awaitable[Report]]
    conditions: Mapping[str, str]
    message: str
    validation: int | None = None
    event: str | None = None
    severity: str | None = "Error"
    detail: Detail | None = None
    code: int | None = None


async def _trust_has_ended(world: World) -> Report:
    until = world.corp.at.replace(microsecond=0) + DAY
    await world.apply(decision("root", certificate=world.corp.root.pem, trustUntil=stamp(until)), trust_store(**WISH))
    await world.apply(decision("other", certificate=world.corp.ca("Other Root").pem))
    await see_decision(world, "root", "DEPLOYED")
    await world.stand_at(until)
    return await see_decision(world, "root", None)


async def _other_content_came(world: World) -> Report:
    root, strange = world.corp.root, world.corp.ca("Strange Root")
    await world.apply(
        config_map("material", {"ca.crt": root.pem}),
        decision("root", certificateRef={"name": "material"}, fingerprint=root.certificate.fingerprint),
        trust_store(**WISH),
    )
    await see_decision(world, "root", "DEPLOYED")
    await world.apply(config_map("material", {"ca.crt": strange.pem}))
    return await see_decision(world, "root", "DEPLOYED", lambda report: report.reason == "FingerprintMismatch")


async def _intermediate_is_revoked(world: World) -> Report:
    corp = world.corp
    await world.apply(
        decision("root", certificate=corp.root.pem),
        decision("issuing", certificate=corp.issuing.pem, certUse="intermediateCA"),
        trust_store(**WISH),
    )
    await see_decision(world, "issuing", "DEPLOYED")
    dates = {"this_update": corp.at - HOUR, "next_update": corp.at + 7 * DAY}
    await world.apply(source("root", crl=corp.root.crl([corp.issuing], **dates).pem))
    return await see_decision(world, "issuing", None, lambda report: report.reason == "Revoked")


async def _change_waits(world: World) -> Report:
    await world.apply(
        decision("root", certificate=world.corp.root.pem), trust_store(**WISH, deployment={"mode": "Manual"})
    )
    return await see_store(world, lambda report: report.reason == "ApprovalPending")


async def _everything_would_go(world: World) -> Report:
    await world.apply(decision("root", certificate=world.corp.root.pem), trust_store(**WISH))
    await see_bundle(world, world.corp.root)
    await see_store(world, is_ready)
    await world.apply(trust_store(**{**WISH, "selector": {"matchLabels": {"trust": "nobody"}}}))
    return await see_store(world, lambda report: report.reason == "EmptyBundle")


async def _nothing_is_there_yet(world: World) -> Report:
    await world.apply(trust_store(**WISH))
    return await see_store(world, lambda report: report.reason == "EmptyBundle")


async def _nothing_came(world: World) -> Report:
    await _nothing_is_there_yet(world)
    await world.travel(timedelta(minutes=10, seconds=1))
    return await see_store(world, lambda report: report.condition("Stalled") is not None)


async def _last_anchor_is_withdrawn(world: World) -> Report:
    await world.apply(decision("root", certificate=world.corp.root.pem), trust_store(**WISH))
    await see_decision(world, "root", "DEPLOYED")
    await world.patch(DECISION, "root", {"spec": {"trustStateDesired": "untrusted"}})
    return await see_store(world, lambda report: "AnchorsDistrusted" in report.warnings)


async def _one_is_left_out(world: World) -> Report:
    leaf = decision("leaf", certificate=world.corp.leaf().pem)
    await world.apply(leaf, decision("root", certificate=world.corp.root.pem), trust_store(**WISH))
    await see_bundle(world, world.corp.root)
    return await see_store(world, lambda report: is_ready(report) and report.warnings == ["CertificateLeftOut"])


ROWS = (
    Row(
        Reason.TRUST_ENDED,
        _trust_has_ended,
        {
            "Ready": "True TrustEnded",
            "Valid": "True Valid",
            "Trusted": "False TrustEnded",
            "Deployed": "False Untrusted",
        },
        "`spec.trustUntil` has passed: the CA counts as untrusted since ",
        0,
        "TrustEnded",
    ),
    Row(
        Reason.FINGERPRINT_MISMATCH,
        _other_content_came,
        {
            "Ready": "False FingerprintMismatch",
            "Valid": "False FingerprintMismatch",
            "Trusted": "False FingerprintMismatch",
            "Deployed": "True Deployed",
            "Stalled": "True FingerprintMismatch",
        },
        "and `spec.fingerprint` names another one.",
        2013,
        "FingerprintMismatch",
        code=2013,
    ),
    Row(
        Reason.REVOKED,
        _intermediate_is_revoked,
        {
            "Ready": "False Revoked",
            "Valid": "False Revoked",
            "Trusted": "False Revoked",
            "Deployed": "False Revoked",
            "Stalled": "True Revoked",
        },
        "revoked",
        2005,
        "Revoked",
        code=2005,
    ),
    Row(
        Reason.APPROVAL_PENDING,
        _change_waits,
        {"Ready": "True ApprovalPending", "Deployed": "False ApprovalPending", "Approved": "False ApprovalPending"},
        "Certificates wait for approval: 1 to add. Look at `status.pending`, then approve it with `kubectl certwright "
        "approve`, or set `spec.deployment.approved` to sha256:",
        None,
        "ApprovalPending",
        severity=None,
    ),
    Row(
        Reason.EMPTY_BUNDLE,
        _everything_would_go,
        {**IN_STORE, "Ready": "False EmptyBundle", "Stalled": "True EmptyBundle"},
        "What is deployed stays: the change would leave the bundle without any root",
        None,
        "EmptyBundle",
    ),
    Row(
        Reason.EMPTY_BUNDLE,
        _nothing_is_there_yet,
        {
            "Ready": "False EmptyBundle",
            "Deployed": "False EmptyBundle",
            "Approved": "True Valid",
            "Reconciling": "True EmptyBundle",
        },
        "There is nothing to deploy: no root among the selected TrustDecisions is trusted",
        None,
        "EmptyBundle",
    ),
    Row(
        Reason.EMPTY_BUNDLE,
        _nothing_came,
        {
            "Ready": "False EmptyBundle",
            "Deployed": "False EmptyBundle",
            "Approved": "True Valid",
            "Stalled": "True WaitedTooLong",
        },
        "Look at the decisions that `spec.selector` selects.",
    ),
    Row(
        Reason.ANCHORS_DISTRUSTED,
        _last_anchor_is_withdrawn,
        IN_STORE,
        'verdicts do not rest on them. Add the CA that takes their place, or set `spec.allowEmpty`. Among them: "Corp '
        'Root".',
        None,
        "Withdrawn",
        "Warning",
    ),
    Row(
        Reason.CERTIFICATE_LEFT_OUT,
        _one_is_left_out,
        IN_STORE,
        "It is left out: TrustDecision leaf, for it is not in order. See its status.",
        severity="Warning",
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.reason}-{row.come_to_it.__name__.strip('_')}")
async def test_reason_comes_with_all_that_is_documented_when_a_story_comes_to_it(world: World, row: Row) -> None:
    report = await row.come_to_it(world)

    assert {name: " ".join(said) for name, said in report.conditions.items()} == row.conditions
    assert report.validation == row.validation
    if row.severity is None:
        assert report.errors == report.warnings == []
        assert row.message in report.message()
    else:
        found = report.finding(row.reason)
        assert (found["severity"], found.get("detail")) == (row.severity, row.detail)
        assert row.message in found["message"]
        if row.code is not None:
            assert found["code"] == row.code
    if row.event is not None:
        await see_event(world, report.subject.key.name, row.event, kind=report.subject.key.kind)


async def test_distrusted_intermediate_is_the_detail_of_a_certificate_that_leads_through_it(world: World) -> None:
    corp = world.corp
    distrusted = decision("issuing", certificate=corp.issuing.pem, trustStateDesired="untrusted")
    await world.apply(decision("root", certificate=corp.root.pem), distrusted, trust_store(**WISH))
    await see_decision(world, "root", "DEPLOYED")
    await world.apply(upload(corp.leaf()), serving(trust={"storeRef": {"name": "corporate"}}))

    report = await world.settle("shop", lambda report: report.reason == "ChainInvalid")

    found = report.finding("ChainInvalid")
    assert (found["detail"], found["code"]) == ("IssuerDistrusted", 2013)
    assert found["fingerprint"] == corp.issuing.certificate.fingerprint


async def test_cluster_trust_bundles_that_are_not_served_are_the_reason_of_a_store() -> None:
    """On a real API server without them: tests/cluster/test_trust_life.py."""
    world = MemoryWorld()
    world.cluster.serves_bundles = False
    trust = await world.make_namespace("trust", TRUST_SOURCE)
    bundle = {"clusterTrustBundle": {"name": "corporate"}, "deployment": {"mode": "Automatic"}}
    await world.apply(
        decision("root", certificate=world.corp.root.pem, namespace=trust),
        cluster_trust_store("corporate", decisionNamespace=trust, selector={}, **bundle),
    )

    def is_told(report: Report) -> bool:
        return report.reason == "BundleNotServed"

    report = await see_store(world, is_told, kind=CLUSTER_STORE)
    assert report.condition("Stalled") == ("True", "BundleNotServed")
    world.cluster.serves_bundles = True
    await world.travel(HOUR)
    await see_store(world, is_ready, kind=CLUSTER_STORE)


OF_LISTS = {each for each in Reason if each.value.startswith("CRL")} | {
    Reason.HOST_NOT_ALLOWED,
    Reason.FETCH_FAILED,
    Reason.NOT_PERSISTED,
}
"""What only revocation lists bring: test_revocation_stories.py, test_fetching_stories.py."""

OF_KEYS = {Reason.KEY_LOST}
"""What only keys bring that are made here: test_private_key_stories.py."""

OF_SETS = {Reason.UNKNOWN_NAME, Reason.REQUIRED_CERTIFICATE, Reason.JOURNAL_LOST}
"""What only sets bring: tests/cluster/test_certificate_set*.py."""


def test_table_reaches_every_reason_that_only_trust_brings() -> None:
    walked = {row.reason for row in ROWS} | {Reason.BUNDLE_NOT_SERVED}

    assert walked == ELSEWHERE - OF_LISTS - OF_KEYS - OF_SETS
