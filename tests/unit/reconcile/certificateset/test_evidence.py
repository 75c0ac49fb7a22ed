"""What a pass may believe: status, journal and marks that somebody restored, copied or cut, and what settings say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from certwright.findings import FailureCause, Reason, finding
from certwright.reconcile.certificateset.journal import Journal, decode_journal, encode_journal
from certwright.reconcile.certificateset.kept import journal_key, payload_key, read_kept_name
from certwright.reconcile.objects import Failure, Kind, ObjectKey, Snapshot
from certwright.reconcile.set_actions import COMMIT_ANNOTATION, REVISION_ANNOTATION
from certwright.settings import Settings
from tests.support.memory_cluster import START
from tests.unit.reconcile.certificateset.conftest import API, CONSENT, NODES, OWN, PROXY, UPLOADS, SetWorld

UID = "0b8d8a3c-5a52-4f0e-9a59-3b1f4f0d7c11"


async def test_wish_is_judged_when_it_cannot_be_read_and_its_status_is_of_a_better_one(deployed: SetWorld) -> None:
    """A backup was restored, status and all."""
    good = dict(deployed.status)
    broken = deployed.cluster.put_subject("gateway", {"slots": 7}, kind=deployed.kind)
    deployed.cluster.put_status(deployed.key, {**good, "observedGeneration": broken.generation})
    before = deployed.contents()
    result = await deployed.reconcile()
    assert not result.settled
    assert (deployed.code, deployed.condition("Valid")) == (400, ("False", "InvalidRequest"))
    assert deployed.contents() == before


@pytest.mark.parametrize("marks", [(COMMIT_ANNOTATION,), (REVISION_ANNOTATION,)])
async def test_upload_is_no_target_when_it_is_a_copy_of_one_with_its_marks(
    deployed: SetWorld, marks: tuple[str, ...]
) -> None:
    target = deployed.target(NODES[0], "api-tls")
    assert target is not None
    copied = {name: target.annotations[name] for name in marks}
    deployed.cluster.put_secret(
        "api", target.data, type="kubernetes.io/tls", annotations={**CONSENT, **copied}, namespace=UPLOADS
    )
    before = deployed.contents()
    await deployed.settle()
    assert (deployed.code, deployed.contents()) == (200, before)
    assert (await deployed.reconcile()).settled


def test_journal_is_not_believed_when_an_instant_in_it_has_no_zone() -> None:
    written = encode_journal(Journal("uid", started=START))
    assert decode_journal(written) == Journal("uid", started=START)
    document = json.loads(written)
    document["started"] = document["started"].removesuffix("Z")
    assert decode_journal(json.dumps(document).encode()) is None


def test_set_is_told_from_the_name_of_what_is_kept_for_it() -> None:
    payload = payload_key(OWN, UID, "sha256:a", "proxy")
    assert [read_kept_name(key.name) for key in (journal_key(OWN, UID), payload)] == [UID, UID]


@pytest.mark.parametrize("name", ["set-gateway", f"set-{UID}-notes", f"my-set-{UID}", "set-", ""])
def test_object_is_kept_for_no_set_when_its_name_is_somebody_elses(name: str) -> None:
    assert read_kept_name(name) is None


class _Torn(Mapping[str, bytes]):
    """Data that no cluster gives: it stands for what nobody foresaw."""

    def __getitem__(self, name: str) -> bytes:
        raise ZeroDivisionError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(("tls.crt", "tls.key"))

    def __len__(self) -> int:
        return 2


async def test_defect_is_said_in_the_status_and_nothing_changes_when_judging_fails_unforeseen(
    deployed: SetWorld,
) -> None:
    before = deployed.contents()
    key = deployed.upload("proxy", PROXY)
    deployed.cluster.objects[key] = replace(deployed.cluster.objects[key], data=_Torn())
    await deployed.reconcile()
    assert (deployed.code, deployed.condition("Ready")) == (500, ("False", "InternalError"))
    assert "unexpected ZeroDivisionError" in deployed.status["detailedError"]
    assert "tls.crt" not in deployed.status["detailedError"]
    assert deployed.contents() == before
    deployed.upload("proxy", PROXY)
    await deployed.settle()
    assert deployed.code == 200


async def test_no_status_is_written_when_the_api_server_did_not_take_the_last_one(deployed: SetWorld) -> None:
    """A smaller one would fare no better; the next pass tries the whole one."""
    snapshot = Snapshot(deployed.subject, deployed.clock.now, "rules")
    judgement = deployed.reconciler.refuse(snapshot, finding(Reason.INTERNAL_ERROR, "A defect."))
    refused = snapshot.with_failure(deployed.key, Failure(FailureCause.TOO_LARGE, "refused", 413))
    down = snapshot.with_failure(deployed.key, Failure(FailureCause.UNAVAILABLE, "down", 503))
    assert [len(deployed.reconciler.plan(judgement, each).stages) for each in (snapshot, refused, down)] == [1, 1, 0]


# ---- where keys may go


def allow(**settings: Any) -> SetWorld:
    world = SetWorld(settings=Settings(namespace=OWN, **settings))
    world.cluster.put_namespace("kube-system")
    world.upload("proxy", PROXY)
    world.upload("api", API)
    return world


async def test_system_namespace_gets_secrets_when_the_settings_name_it() -> None:
    world = allow(set_namespaces=("kube-system", OWN))
    world.wish(namespaces=["kube-system", OWN])
    await world.settle()
    assert (world.code, world.status["updatedNamespaces"]) == (200, "2/2")
    for namespace in ("kube-system", OWN):
        assert ObjectKey(Kind.SECRET, namespace, "proxy-tls") in world.cluster.objects


async def test_namespace_that_is_not_watched_is_refused_when_it_is_listed() -> None:
    world = allow(watch_namespaces=(OWN, UPLOADS, NODES[0]), set_namespaces=(NODES[1],))
    world.wish(namespaces=list(NODES[:2]))
    await world.settle()
    assert (world.code, world.targets()) == (400, {})
    (found,) = world.status["findings"]
    assert (found["detail"], f"`{NODES[1]}`" in found["message"]) == ("Forbidden", True)


async def test_namespace_that_is_not_watched_is_passed_over_when_a_selector_finds_it() -> None:
    world = allow(watch_namespaces=(OWN, UPLOADS, *NODES[:2]))
    world.wish(namespaces=None, namespaceSelector={}, exclude=[UPLOADS])
    await world.settle()
    assert world.code == 200
    assert {namespace for namespace, _ in world.targets()} == set(NODES[:2])
