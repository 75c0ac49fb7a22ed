"""From the API server's JSON to the values that the floors below work with."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from certwright.cluster.requests import FIELD_MANAGER
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import MANAGED_BY, MANAGED_BY_LABEL, TRUST_BUNDLE_KEY

CONTENTS = ("f:data", "f:binaryData")
"""What holds the content of a Secret or a ConfigMap, as managed fields name it."""

CLUSTER_CONTENT = ("f:spec", f"f:{TRUST_BUNDLE_KEY}")
"""The same of a ClusterTrustBundle; its signer cannot change."""

OUR_PREFIX = "certwright.io/"

NO_ANNOTATIONS: Mapping[str, str] = {}
"""One empty mapping for all the objects that bear none of ours."""


def version_of(metadata: Mapping[str, Any]) -> Version:
    """Give uid and resourceVersion."""
    return Version(metadata["uid"], metadata["resourceVersion"])


def metadata_of(metadata: Mapping[str, Any]) -> Metadata:
    """Give the little that the metadata-only watch keeps."""
    theirs = metadata.get("annotations")
    ours = {sys.intern(name): text for name, text in theirs.items() if name.startswith(OUR_PREFIX)} if theirs else None
    managed = _is_managed(metadata)
    intact, owner = managed and is_intact(metadata), find_owner(metadata.get("ownerReferences") or ())
    return Metadata(version_of(metadata), ours or NO_ANNOTATIONS, managed, intact, owner_uid=owner)


def metadata_of_observed(observed: Observed) -> Metadata:
    """Give the same of an object that was read or written."""
    ours = {name: text for name, text in observed.annotations.items() if name.startswith(OUR_PREFIX)}
    managed = observed.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    owner = find_owner(observed.owner_references)
    return Metadata(observed.version, ours or NO_ANNOTATIONS, managed, observed.intact, owner_uid=owner)


def find_owner(references: Iterable[Mapping[str, Any]]) -> str | None:
    """Give the uid of the one of our own objects that garbage collection deletes an object with."""
    uids = (each.get("uid") for each in references if str(each.get("apiVersion")).startswith(OUR_PREFIX))
    return next((sys.intern(uid) for uid in uids if uid), None)


def is_intact(metadata: Mapping[str, Any]) -> bool:
    """Say whether a bundle is as our last apply wrote it, told from the managed fields.

    Whoever changes a value takes its field over, and who removes it takes it from our fields. As a bundle is one value,
    nothing is left of ours then. Keys that others added are not ours to judge.
    """
    ours: set[tuple[str, str]] = set()
    theirs: set[tuple[str, str]] = set()
    for entry in metadata.get("managedFields") or ():
        by_us = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        (ours if by_us and not entry.get("subresource") else theirs).update(_contents(entry))
    return bool(ours) and not ours & theirs


def observed_of(
    key: ObjectKey,
    manifest: Mapping[str, Any],
    *,
    data: Mapping[str, bytes] | None = None,
    secret_type: str | None = None,
) -> Observed:
    """Give an object as it was read.

    Args:
        key: which object it is.
        manifest: the object, or only its metadata.
        data: what was written, where the answer holds only metadata.
        secret_type: the same, of a Secret's type.
    """
    metadata = manifest["metadata"]
    return Observed(
        key=key,
        version=version_of(metadata),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        owner_references=tuple(metadata.get("ownerReferences") or ()),
        deleting="deletionTimestamp" in metadata,
        changed=_changed(metadata),
        type=manifest.get("type", "") if secret_type is None else secret_type,
        immutable=manifest.get("immutable") is True,
        data=_data(key.kind, manifest) if data is None else data,
        manifest=_workload(key.kind, manifest),
        intact=_is_managed(metadata) and is_intact(metadata),
    )


def subject_of(key: ObjectKey, manifest: Mapping[str, Any]) -> Subject:
    """Give one of our own objects."""
    metadata = manifest["metadata"]
    return Subject(
        key=key,
        version=version_of(metadata),
        generation=metadata.get("generation", 0),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        spec=manifest.get("spec") or {},
        status=manifest.get("status") or {},
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        deleting="deletionTimestamp" in metadata,
        finalizers=tuple(metadata.get("finalizers") or ()),
        modified=modified_at(metadata),
    )


def modified_at(metadata: Mapping[str, Any]) -> datetime | None:
    """Give when somebody last wrote the spec of an object, as the managed fields tell."""
    times = [
        entry["time"]
        for entry in metadata.get("managedFields") or ()
        if "time" in entry and "f:spec" in (entry.get("fieldsV1") or {})
    ]
    return datetime.fromisoformat(max(times)) if times else None


def _is_managed(metadata: Mapping[str, Any]) -> bool:
    labels = metadata.get("labels")
    return labels is not None and labels.get(MANAGED_BY_LABEL) == MANAGED_BY


def _contents(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fields = entry.get("fieldsV1") or {}
    for part in CONTENTS:
        for name in fields.get(part) or ():
            if name != ".":  # the map itself, which all who write into it own together
                yield part, name
    part, name = CLUSTER_CONTENT
    if name in (fields.get(part) or ()):
        yield CLUSTER_CONTENT


def _changed(metadata: Mapping[str, Any]) -> datetime | None:
    # All instants are written alike (UTC, whole seconds), so the newest is the greatest string.
    times = [entry["time"] for entry in metadata.get("managedFields") or () if "time" in entry]
    newest = max(times, default=metadata.get("creationTimestamp"))
    return datetime.fromisoformat(newest) if newest else None


def _data(kind: Kind, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    stored = manifest.get("data") or {}
    if kind is Kind.CLUSTER_TRUST_BUNDLE:
        return {TRUST_BUNDLE_KEY: ((manifest.get("spec") or {}).get(TRUST_BUNDLE_KEY) or "").encode()}
    if kind is Kind.SECRET:
        return {name: base64.b64decode(text or "") for name, text in stored.items()}
    if kind is Kind.CONFIG_MAP:
        binary = manifest.get("binaryData") or {}
        return {name: text.encode() for name, text in stored.items()} | {
            name: base64.b64decode(text or "") for name, text in binary.items()
        }
    return {}


def _workload(kind: Kind, manifest: Mapping[str, Any]) -> dict[str, Any]:
    if kind in {Kind.SECRET, Kind.CONFIG_MAP} or "spec" not in manifest:
        return {}
    return {
        "metadata": {"generation": manifest["metadata"].get("generation", 0)},
        "spec": manifest["spec"],
        "status": manifest.get("status") or {},
    }
