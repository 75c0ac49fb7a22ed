"""What is kept for a set in the operator's namespace, apart from the journal: payloads and backups.

A payload holds the bytes of one slot of one revision; from its creation on the sources may vanish. A backup holds one
Secret as it was before a commit: its data under the same names, and its metadata in one more, for annotations can hold
values and must not stand in ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certwright.reconcile.marks import LABELS
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import OWNER_ANNOTATION
from certwright.reconcile.set_actions import (
    KEPT_ANNOTATION,
    REVISION_ANNOTATION,
    SET_LABEL,
    SLOT_ANNOTATION,
    ApplyContent,
    RestoreSecret,
)

NAME_PREFIX = "set-"
JOURNAL_KEY = "journal.json"
METADATA_ANNOTATION = "certwright.io/metadata-key"
_METADATA_KEY = "certwright-metadata"
_DIGITS = 32
_UID = re.compile(r"set-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-[0-9a-f]{32})?")


@dataclass(frozen=True, slots=True)
class Part:
    """One filled slot of a revision.

    Attributes:
        secret: the name of the Secret that it goes to.
        certificates: fingerprints of what is served, the leaf first.
        key: SHA-256 of the public key; `None` without one.
        anchor: fingerprint of the trusted CA in `ca.crt`; `None` without a trust store.
        data: what the Secret is to hold.
    """

    slot: str
    secret: str
    certificates: tuple[str, ...]
    key: str | None
    data: Mapping[str, bytes] = field(repr=False)
    anchor: str | None = None


Parts = Mapping[str, Part]
"""The parts of a revision, by slot."""


def revision_of(parts: Parts) -> str:
    """Identify what a set is to hold: `sha256:` over slots, Secrets, certificates and public keys, never over keys."""
    public = [
        [each.slot, each.secret, list(each.certificates), each.key, *((each.anchor,) if each.anchor else ())]
        for _, each in sorted(parts.items())
    ]
    canonical = json.dumps(public, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def journal_key(namespace: str, set_uid: str) -> ObjectKey:
    """Name the journal of a set; one that is created anew starts anew."""
    return ObjectKey(Kind.CONFIG_MAP, namespace, f"{NAME_PREFIX}{set_uid}")


def read_kept_name(name: str) -> str | None:
    """Give the uid of the set that something is kept for, told from its name; `None`: it is kept for no set."""
    found = _UID.fullmatch(name)
    return found[1] if found is not None else None


def payload_key(namespace: str, set_uid: str, revision: str, slot: str) -> ObjectKey:
    """Name the payload of one slot of one revision."""
    return ObjectKey(Kind.SECRET, namespace, f"{NAME_PREFIX}{set_uid}-{_digest('payload', revision, slot)}")


def backup_key(namespace: str, set_uid: str, observed: Observed) -> ObjectKey:
    """Name the backup of one state of one Secret: a name never holds two contents."""
    version = observed.version
    digest = _digest("backup", observed.key.namespace, observed.key.name, version.uid, version.resource_version)
    return ObjectKey(Kind.SECRET, namespace, f"{NAME_PREFIX}{set_uid}-{digest}")


def keep_journal(key: ObjectKey, replaces: Version | None, text: bytes, subject: Subject) -> ApplyContent:
    """Write the journal, or create it and only create it."""
    return ApplyContent(key, replaces, {JOURNAL_KEY: text}, _labels(subject), _annotations(subject, "Journal"))


def keep_payload(key: ObjectKey, revision: str, part: Part, subject: Subject) -> ApplyContent:
    """Create a payload."""
    annotations = {
        **_annotations(subject, "Payload"),
        REVISION_ANNOTATION: revision,
        SLOT_ANNOTATION: part.slot,
    }
    return ApplyContent(key, None, part.data, _labels(subject), annotations, type="Opaque", immutable=True)


def keep_backup(key: ObjectKey, observed: Observed, subject: Subject) -> ApplyContent:
    """Create the backup of a Secret."""
    name = _METADATA_KEY
    while name in observed.data:
        name += "-"
    metadata = {
        "labels": dict(observed.labels),
        "annotations": dict(observed.annotations),
        "ownerReferences": [dict(each) for each in observed.owner_references],
    }
    data = {**observed.data, name: json.dumps(metadata, sort_keys=True).encode()}
    annotations = {**_annotations(subject, "Backup"), METADATA_ANNOTATION: name}
    return ApplyContent(key, None, data, _labels(subject), annotations, type="Opaque", immutable=True)


def restore(backup: Observed, now: Observed) -> RestoreSecret | None:
    """Say how a Secret gets what its backup holds; `None` when the backup cannot be read."""
    name = backup.annotations.get(METADATA_ANNOTATION, "")
    try:
        metadata: dict[str, Any] = json.loads(backup.data[name])
        labels, annotations, owners = metadata["labels"], metadata["annotations"], metadata["ownerReferences"]
    except (KeyError, ValueError, TypeError):
        return None
    data = {each: content for each, content in backup.data.items() if each != name}
    return RestoreSecret(now.key, now.version, data, labels, annotations, tuple(owners))


def holds_payload(observed: Observed | None, revision: str, slot: str) -> bool:
    """Say whether this is the payload of a slot of a revision."""
    return (
        observed is not None
        and observed.annotations.get(REVISION_ANNOTATION) == revision
        and observed.annotations.get(SLOT_ANNOTATION) == slot
    )


def _labels(subject: Subject) -> Mapping[str, str]:
    return {**LABELS, SET_LABEL: subject.version.uid}


def _annotations(subject: Subject, what: str) -> Mapping[str, str]:
    return {OWNER_ANNOTATION: subject.owner, KEPT_ANNOTATION: what}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]
