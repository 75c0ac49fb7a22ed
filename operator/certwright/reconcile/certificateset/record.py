"""What a status of a set rests on: the record by which a later pass, or another process, tells that nothing changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.model import timestamp
from certwright.reconcile.certificateset.journal import Journal
from certwright.reconcile.certificateset.kept import journal_key, payload_key
from certwright.reconcile.certificateset.known import list_present
from certwright.reconcile.certificateset.past import Past
from certwright.reconcile.certificateset.scene import Scene, Step
from certwright.reconcile.certificateset.wish import Nodes, find_inputs
from certwright.reconcile.horizon import extend_horizon, write_horizon
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Version
from certwright.reconcile.trust.lists import describe_decision_namespace, describe_revocations, digest_lists
from certwright.reconcile.trust.reliance import digest_store


def describe_record(scene: Scene, step: Step, past: Past, *, judged_by: str) -> dict[str, Any]:
    """Write down what the state rests on."""
    judgement, snapshot, before = scene.judgement, scene.snapshot, past.record
    revocations = judgement.revocations
    return {
        "sources": digest_sources(judgement.spec, snapshot),
        "kept": digest_kept(scene.journal, snapshot, scene.settings.namespace),
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


def digest_sources(spec: ClusterCertificateSetSpec | None, snapshot: Snapshot) -> str:
    """Digest the versions of the inputs as they were read; one that is absent has none."""
    return digest_versions(_read_versions(find_inputs(spec) if spec is not None else (), snapshot))


def digest_kept(journal: Journal, snapshot: Snapshot, namespace: str) -> str:
    """Digest the versions of the journal and of the payloads of what is deployed, as far as they are there."""
    uid, deployed = snapshot.subject.version.uid, journal.deployed
    keys = {journal_key(namespace, uid)}
    if deployed is not None:
        keys.update(payload_key(namespace, uid, deployed, slot) for slot in journal.contents_of(deployed))
    versions = _read_versions(keys, snapshot)
    return digest_versions({key: version for key, version in versions.items() if version is not None})


def digest_versions(versions: Mapping[ObjectKey, Version | None]) -> str:
    """Digest which objects there are in which versions: there may be hundreds, and a status has no room for them."""
    facts = [
        [key.kind, key.namespace, key.name, *((each.uid, each.resource_version) if each is not None else ())]
        for key, each in versions.items()
    ]
    return "sha256:" + hashlib.sha256(json.dumps(sorted(facts)).encode()).hexdigest()


def _read_versions(keys: Iterable[ObjectKey], snapshot: Snapshot) -> dict[ObjectKey, Version | None]:
    found = ((key, snapshot.get(key)) for key in keys)
    return {key: observed.version if observed is not None else None for key, observed in found}


def digest_nodes(nodes: Nodes) -> str:
    """Digest which namespaces there are."""
    facts = json.dumps([sorted(nodes.chosen.items()), list(nodes.missing)])
    return "sha256:" + hashlib.sha256(facts.encode()).hexdigest()
