"""Whose a Secret is, and whether it may be written as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from certwright.api.kind import API_VERSION
from certwright.findings import MESSAGE_LIMIT, Detail, Finding, Reason, finding
from certwright.reconcile.objects import Observed, Snapshot, Subject
from certwright.reconcile.plan import (
    ALLOW_WRITE_ANNOTATION,
    EPOCH_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    OWNER_ANNOTATION,
)

TLS_TYPE = "kubernetes.io/tls"
WRITABLE_TYPES = frozenset({TLS_TYPE, "Opaque"})
CERT_MANAGER_ANNOTATION = "cert-manager.io/certificate-name"


def find_obstacle(observed: Observed, subject: Subject, *, recorded_uid: str | None, fits: bool) -> Finding | None:
    """Say what forbids writing an existing Secret, if anything does.

    Args:
        observed: the Secret.
        subject: who wants to write it.
        recorded_uid: the UID that our status remembers for this target: it is ours even when label and annotation
            were taken away.
        fits: it already holds what is to be stored, so that only its metadata would be written.
    """
    name = observed.key.name
    if CERT_MANAGER_ANNOTATION in observed.annotations:
        return finding(
            Reason.TARGET_NOT_OWNED,
            f"Secret `{name}` is written by cert-manager (annotation `{CERT_MANAGER_ANNOTATION}`) and stays as it is. "
            "Choose another `secretName`; it may be an input.",
        )
    if not is_owned(observed, subject, recorded_uid=recorded_uid) and not is_allowed(observed, subject):
        return _not_owned(observed, subject)
    if observed.type not in WRITABLE_TYPES:
        return finding(
            Reason.TARGET_IMMUTABLE,
            f"Secret `{name}` has the type `{observed.type}`, which cannot be changed; a certificate with its key is "
            f"stored as `{TLS_TYPE}`. Delete it yourself, or choose another `secretName`.",
            detail=Detail.TYPE_DIFFERS,
        )
    if observed.immutable and not fits:
        return finding(
            Reason.TARGET_IMMUTABLE,
            f"Secret `{name}` is immutable and holds other content. Delete it yourself; it is then created anew.",
        )
    return None


def is_owned(observed: Observed, subject: Subject, *, recorded_uid: str | None) -> bool:
    """Say whether a Secret is ours: by its annotation, or by our memory where the annotation was removed."""
    owner = observed.annotations.get(OWNER_ANNOTATION)
    return owner == subject.owner or (owner is None and recorded_uid == observed.version.uid)


def is_allowed(observed: Observed, subject: Subject) -> bool:
    """Say whether somebody allowed us to take a Secret over."""
    return observed.annotations.get(ALLOW_WRITE_ANNOTATION) == subject.owner


def was_created_by_us(observed: Observed, subject: Subject) -> bool:
    """Say whether certwright made this Secret, rather than adopted it; only such a one is ever deleted.

    Creations bear the epoch, which an adoption does not get.
    """
    if ALLOW_WRITE_ANNOTATION in observed.annotations:
        return False
    return EPOCH_ANNOTATION in observed.annotations or has_owner_reference(observed, subject)


def has_owner_reference(observed: Observed, subject: Subject) -> bool:
    """Say whether garbage collection deletes this Secret together with the subject."""
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


def intended_labels() -> Mapping[str, str]:
    """Give the labels of every target."""
    return {MANAGED_BY_LABEL: MANAGED_BY}


def intended_annotations(snapshot: Snapshot, observed: Observed | None) -> Mapping[str, str]:
    """Give our annotations: the owner, and the epoch of the creation, which stays as long as the object bears it."""
    annotations = {OWNER_ANNOTATION: snapshot.subject.owner}
    epoch = str(snapshot.epoch) if observed is None else observed.annotations.get(EPOCH_ANNOTATION)
    return annotations if epoch is None else {**annotations, EPOCH_ANNOTATION: epoch}


def is_labelled(observed: Observed) -> bool:
    """Say whether a Secret bears the label of what certwright writes."""
    return observed.labels.get(MANAGED_BY_LABEL) == MANAGED_BY


def is_marked(observed: Observed, subject: Subject, *, owned_reference: bool) -> bool:
    """Say whether label, annotation and owner reference are as they should be."""
    return (
        is_labelled(observed)
        and observed.annotations.get(OWNER_ANNOTATION) == subject.owner
        and has_owner_reference(observed, subject) == owned_reference
    )


def _not_owned(observed: Observed, subject: Subject) -> Finding:
    owner = observed.annotations.get(OWNER_ANNOTATION)
    whose = f"belongs to {owner}" if owner else "is somebody else's"
    command = (
        f"kubectl annotate secret -n {observed.key.namespace} {observed.key.name} "
        f"{ALLOW_WRITE_ANNOTATION}={subject.owner}"
    )
    # The command comes last and whole: people copy it from the end of the message. Names have at most 253 characters
    # each; what does not fit into a message is left out rather than cut in the middle.
    long = (
        f"Secret `{observed.key.name}` {whose} and stays as it is. Choose another `secretName`, or allow it: {command}"
    )
    text = long if len(long) <= MESSAGE_LIMIT else f"The Secret {whose}. To allow it: {command}"
    return finding(Reason.TARGET_NOT_OWNED, text)
