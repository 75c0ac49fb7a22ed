"""Whose a target is: label, annotations and owner reference, which all kinds with targets set and read alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from certwright.api.kind import API_VERSION
from certwright.findings import MESSAGE_LIMIT, Finding, Reason, finding
from certwright.reconcile.objects import Metadata, ObjectKey, Observed, Snapshot, Subject
from certwright.reconcile.plan import (
    ALLOW_WRITE_ANNOTATION,
    EPOCH_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    OWNER_ANNOTATION,
)

CERT_MANAGER_ANNOTATION = "cert-manager.io/certificate-name"
"""On Secrets that cert-manager writes: never targets of ours."""

LABELS: Mapping[str, str] = {MANAGED_BY_LABEL: MANAGED_BY}
"""The labels of every target."""


def is_owned(observed: Observed, subject: Subject, *, recorded_uid: str | None = None) -> bool:
    """Say whether a target is ours: by its annotation, or by our memory where the annotation was removed."""
    owner = observed.annotations.get(OWNER_ANNOTATION)
    return owner == subject.owner or (owner is None and recorded_uid == observed.version.uid)


def is_allowed(observed: Observed, subject: Subject) -> bool:
    """Say whether somebody allowed us to take an object over."""
    return observed.annotations.get(ALLOW_WRITE_ANNOTATION) == subject.owner


def was_created_by_us(target: Observed | Metadata, subject: Subject) -> bool:
    """Say whether certwright made this target, rather than adopted it; only such a one is ever deleted.

    Creations bear the epoch, which an adoption does not get.
    """
    if ALLOW_WRITE_ANNOTATION in target.annotations:
        return False
    if EPOCH_ANNOTATION in target.annotations:
        return True
    return isinstance(target, Observed) and has_owner_reference(target, subject)


def intended_annotations(snapshot: Snapshot, observed: Observed | None) -> Mapping[str, str]:
    """Give our annotations: the owner, and the epoch of the creation, which stays as long as the object bears it."""
    annotations = {OWNER_ANNOTATION: snapshot.subject.owner}
    epoch = str(snapshot.epoch) if observed is None else observed.annotations.get(EPOCH_ANNOTATION)
    return annotations if epoch is None else {**annotations, EPOCH_ANNOTATION: epoch}


def has_owner_reference(observed: Observed, subject: Subject) -> bool:
    """Say whether garbage collection deletes this target together with the subject."""
    return any(each.get("uid") == subject.version.uid for each in observed.owner_references)


def owner_reference(subject: Subject) -> Mapping[str, Any]:
    """Make the reference by which the garbage collector deletes a target with its owner."""
    return {
        "apiVersion": API_VERSION,
        "kind": subject.key.kind.value,
        "name": subject.key.name,
        "uid": subject.version.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def is_labelled(observed: Observed) -> bool:
    """Say whether an object bears the label of what certwright writes."""
    return observed.labels.get(MANAGED_BY_LABEL) == MANAGED_BY


def is_marked(observed: Observed, subject: Subject, *, owned_reference: bool) -> bool:
    """Say whether label, annotation and owner reference are as they should be."""
    return (
        is_labelled(observed)
        and observed.annotations.get(OWNER_ANNOTATION) == subject.owner
        and has_owner_reference(observed, subject) == owned_reference
        and not _has_stale_reference(observed, subject)
    )


def _has_stale_reference(observed: Observed, subject: Subject) -> bool:
    """Say whether a reference names an object of the same name that is gone: by it the target would be deleted."""
    if observed.written:  # a reference that our write left there is another manager's, and not ours to take away
        return False
    kind, name, uid = subject.key.kind.value, subject.key.name, subject.version.uid
    return any(
        (each.get("apiVersion"), each.get("kind"), each.get("name")) == (API_VERSION, kind, name)
        and each.get("uid") != uid
        for each in observed.owner_references
    )


def refuse_foreign(observed: Observed, subject: Subject, *, field: str, instead: str = "Choose another") -> Finding:
    """Say that a target is somebody else's, and how to allow us to write it.

    Args:
        observed: the object.
        subject: who wants to write it.
        field: the field that names it, to choose another in.
        instead: how another is chosen.
    """
    key, owner = observed.key, observed.annotations.get(OWNER_ANNOTATION)
    whose = f"belongs to {owner}" if owner else "is somebody else's"
    command = f"kubectl annotate {_path(key)} {ALLOW_WRITE_ANNOTATION}={subject.owner}"
    # The command comes last and whole: people copy it from the end of the message. Names have at most 253 characters
    # each; what does not fit into a message is left out rather than cut in the middle.
    long = f"{key.kind} `{key.name}` {whose} and stays as it is. {instead} `{field}`, or allow it: {command}"
    text = long if len(long) <= MESSAGE_LIMIT else f"The {key.kind} {whose}. To allow it: {command}"
    return finding(Reason.TARGET_NOT_OWNED, text)


def _path(key: ObjectKey) -> str:
    namespace = f"-n {key.namespace} " if key.namespace else ""
    return f"{key.kind.lower()} {namespace}{key.name}"
