"""From the API server's JSON to the values that the floors below work with."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import MANAGED_BY, MANAGED_BY_LABEL

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
    labels = metadata.get("labels")
    managed = labels is not None and labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    return Metadata(version_of(metadata), ours or NO_ANNOTATIONS, managed)


def metadata_of_observed(observed: Observed) -> Metadata:
    """Give the same of an object that was read or written."""
    ours = {name: text for name, text in observed.annotations.items() if name.startswith(OUR_PREFIX)}
    managed = observed.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    return Metadata(observed.version, ours or NO_ANNOTATIONS, managed)


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
    )


def _changed(metadata: Mapping[str, Any]) -> datetime | None:
    # All instants are written alike (UTC, whole seconds), so the newest is the greatest string.
    times = [entry["time"] for entry in metadata.get("managedFields") or () if "time" in entry]
    newest = max(times, default=metadata.get("creationTimestamp"))
    return datetime.fromisoformat(newest) if newest else None


def _data(kind: Kind, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    stored = manifest.get("data") or {}
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
