"""What a status of a set rests on: the record by which a later pass, or another process, tells that nothing changed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from certwright.api.certificateset_status import SetInput
from certwright.api.model import timestamp
from certwright.reconcile.certificateset.kept import journal_key, payload_key
from certwright.reconcile.certificateset.known import list_present
from certwright.reconcile.certificateset.past import Past
from certwright.reconcile.certificateset.scene import Scene, Step
from certwright.reconcile.certificateset.wish import Nodes, find_inputs
from certwright.reconcile.horizon import extend_horizon, write_horizon
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.trust.lists import describe_decision_namespace, describe_revocations, digest_lists
from certwright.reconcile.trust.reliance import digest_store


def describe_record(scene: Scene, step: Step, past: Past, *, judged_by: str) -> dict[str, Any]:
    """Write down what the state rests on."""
    judgement, snapshot, before = scene.judgement, scene.snapshot, past.record
    revocations = judgement.revocations
    return {
        "inputs": _describe_inputs(scene),
        "judged_by": judged_by,
        "trust": digest_store(judgement.spec, snapshot),
        "decision_namespace": describe_decision_namespace(judgement.spec, snapshot),
        "lists": digest_lists(judgement.spec, snapshot),
        "revocations": before.revocations if revocations is None else describe_revocations(revocations),
        "targets": digest_nodes(judgement.nodes),
        "horizon": _find_horizon(scene, step, before.horizon),
        "pending_since": (before.pending_since or timestamp(snapshot.now)) if step.settling else None,
    }


def _find_horizon(scene: Scene, step: Step, before: str | None) -> str | None:
    """Say up to where targets are in order, when all of them were looked at and are."""
    looked = scene.journal.deployed is not None and step.resting and not step.troubles
    if scene.judgement.spec is None or not looked or scene.judgement.nodes.findings:
        return before
    # That somebody labels a target is a reason to look into it, and none to write.
    if before is not None and not any(each is not None and each.written for each in scene.snapshot.objects.values()):
        return before
    horizon: dict[Kind, int] = {}
    for key, each in list_present(scene.snapshot).items():
        extend_horizon(horizon, key, each.version.resource_version)
    return write_horizon(horizon)


def _describe_inputs(scene: Scene) -> tuple[SetInput, ...]:
    return tuple(_input(key, scene) for key in sorted(_recorded_keys(scene)))


def _recorded_keys(scene: Scene) -> set[ObjectKey]:
    """Give what a status records the versions of: each input, the journal and the payloads."""
    spec, journal, uid = scene.judgement.spec, scene.journal, scene.snapshot.subject.version.uid
    keys = set(find_inputs(spec)) if spec is not None else set()
    keys.add(journal_key(scene.settings.namespace, uid))
    if journal.deployed is not None:
        slots = journal.contents_of(journal.deployed)
        keys.update(payload_key(scene.settings.namespace, uid, journal.deployed, slot) for slot in slots)
    return keys


def _input(key: ObjectKey, scene: Scene) -> SetInput:
    observed = scene.snapshot.get(key)
    version = observed.version if observed is not None else None
    return SetInput(
        kind=key.kind.value,
        namespace=key.namespace,
        name=key.name,
        uid=version.uid if version is not None else None,
        resource_version=version.resource_version if version is not None else None,
    )


def digest_nodes(nodes: Nodes) -> str:
    """Digest which namespaces there are."""
    facts = json.dumps([sorted(nodes.chosen.items()), list(nodes.missing)])
    return "sha256:" + hashlib.sha256(facts.encode()).hexdigest()
