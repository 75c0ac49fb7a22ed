"""Reads and fenced writes of single objects on a real API server."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from certwright.cluster.decode import OUR_PREFIX, observed_of, subject_of
from certwright.cluster.requests import FIELD_MANAGER, METADATA_ONLY, Patch, delete, get, patch
from certwright.cluster.resources import RESOURCES, can_exist
from certwright.cluster.retries import Retrying, is_ambiguous
from certwright.cluster.surplus import find_surplus
from certwright.findings import ClusterError, FailureCause
from certwright.pki.render import SecretRecipe
from certwright.reconcile.objects import ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import (
    EPOCH_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    NAMESPACE_LABEL,
    OWNER_ANNOTATION,
    AnnotateTemplate,
    ApplySecret,
    Delete,
    KeepRecord,
    Record,
    Release,
    WriteStatus,
)

MOST_STATUS_WRITES = 4
"""The first, and three after conflicts that are not about what was judged."""

ONLY_IF_ABSENT = {"resourceVersion": "1"}
"""No object has this version, so an apply that carries it creates or is refused; it never merges into a stranger's."""

Render = Callable[[SecretRecipe, Mapping[str, bytes]], Awaitable[dict[str, bytes]]]
"""Makes the data of a Secret from its recipe and what is stored now; PKCS#12 is work for another process."""


class Recorder(Protocol):
    """Where events go; `certwright.cluster.event_recorder.EventRecorder`."""

    def record(self, action: Record) -> None:
        """Take an event; never blocks, never raises."""
        ...


class ApiServer:
    """Implement `certwright.cluster.ports.Cluster` on a real API server."""

    def __init__(self, requests: Retrying, *, render: Render, recorder: Recorder) -> None:
        self._requests = requests
        self._render = render
        self._recorder = recorder

    async def read(self, key: ObjectKey) -> Observed | None:
        """Read one object by name, body and all; `None` when it does not exist, or cannot by its name."""
        manifest = await self._read(key)
        return None if manifest is None else observed_of(key, manifest)

    async def read_subject(self, key: ObjectKey) -> Subject | None:
        """Read one of our own objects by name; `None` when it does not exist."""
        manifest = await self._read(key)
        return None if manifest is None else subject_of(key, manifest)

    async def apply_secret(self, action: ApplySecret) -> Observed:
        """Create or update a target; the answer carries its new version and the data that was written.

        Raises:
            ClusterError: `ALREADY_EXISTS` when it was to be created and is there; `CONFLICT` when it changed or went;
                any other cause when it could not be written.
        """
        data = await self._render(action.recipe, action.stored)
        fence = ONLY_IF_ABSENT if action.replaces is None else _fence(action.replaces)
        metadata: dict[str, Any] = {
            "name": action.key.name,
            "namespace": action.key.namespace,
            **fence,
            "labels": dict(action.labels),
            "annotations": dict(action.annotations),
        }
        if action.owner_reference is not None:
            metadata["ownerReferences"] = [dict(action.owner_reference)]
        intent = {
            **_head(action.key),
            "metadata": metadata,
            "type": action.type,
            "data": {name: base64.b64encode(content).decode() for name, content in data.items()},
        }
        try:
            answer = await self._requests.send(patch(action.key, intent, how=Patch.APPLY, accept=METADATA_ONLY))
        except ClusterError as error:
            raise _existing(action.key, error) if action.replaces is None else error from None
        return observed_of(action.key, answer.manifest(), data=data, secret_type=action.type)

    async def keep_record(self, action: KeepRecord) -> Observed:
        """Create an immutable ConfigMap; one that exists stays as it is.

        Raises:
            ClusterError: `ALREADY_EXISTS` when it is there; any other cause when it could not be written.
        """
        owner = action.owner
        labels = {MANAGED_BY_LABEL: MANAGED_BY, NAMESPACE_LABEL: owner.namespace}
        intent = {
            **_head(action.key),
            "metadata": {
                "name": action.key.name,
                "namespace": action.key.namespace,
                **ONLY_IF_ABSENT,
                "labels": labels,
                "annotations": {OWNER_ANNOTATION: f"{owner.kind}/{owner.namespace}/{owner.name}"},
            },
            "immutable": True,
            "binaryData": {name: base64.b64encode(content).decode() for name, content in action.data.items()},
        }
        try:
            answer = await self._requests.send(patch(action.key, intent, how=Patch.APPLY, accept=METADATA_ONLY))
        except ClusterError as error:
            raise _existing(action.key, error) from None
        return observed_of(action.key, answer.manifest(), data=action.data)

    async def release(self, action: Release) -> Observed:
        """Remove our label, annotations and owner reference from a target, and nothing else.

        What is ours is read first: an owner reference left behind would take the Secret away with its owner.

        Raises:
            ClusterError: the target changed or went (`CONFLICT`, `NOT_FOUND`), or could not be written.
        """
        answer = await self._requests.send(get(action.key, accept=METADATA_ONLY))
        metadata = answer.manifest()["metadata"]
        changes: dict[str, Any] = {
            **_fence(action.replaces),
            "labels": {MANAGED_BY_LABEL: None},
            "annotations": dict.fromkeys({OWNER_ANNOTATION, EPOCH_ANNOTATION} | _our_annotations(metadata)),
        }
        owners = metadata.get("ownerReferences") or []
        kept = [owner for owner in owners if not owner.get("apiVersion", "").startswith(OUR_PREFIX)]
        if len(kept) != len(owners):
            changes["ownerReferences"] = kept or None
        request = patch(action.key, {"metadata": changes}, how=Patch.MERGE, accept=METADATA_ONLY)
        written = await self._requests.send(request)
        return observed_of(action.key, written.manifest())

    async def delete(self, action: Delete) -> None:
        """Delete a target; an object that is gone already is success.

        Raises:
            ClusterError: the target changed (`CONFLICT`), or could not be deleted.
        """
        options = {"preconditions": _fence(action.replaces), "propagationPolicy": "Background"}
        try:
            await self._requests.send(delete(action.key, options))
        except ClusterError as error:
            if error.cause is not FailureCause.NOT_FOUND:
                raise

    async def annotate_template(self, action: AnnotateTemplate) -> Observed:
        """Patch one annotation of a workload's pod template.

        Raises:
            ClusterError: the workload changed or went, or may not be patched.
        """
        changes = {
            "metadata": _fence(action.replaces),
            "spec": {"template": {"metadata": {"annotations": {action.annotation: action.value}}}},
        }
        answer = await self._requests.send(patch(action.key, changes, how=Patch.MERGE))
        return observed_of(action.key, answer.manifest())

    async def write_status(self, action: WriteStatus) -> Subject:
        """Apply the full status; after a conflict that is not about what was judged, send it again.

        Raises:
            ClusterError: `CONFLICT` when spec, labels or identity changed, or the object is being deleted;
                `NOT_FOUND`; `TOO_LARGE` or `INVALID` when the API server will not take this status.
        """
        version, moved_on = action.replaces, False
        for _ in range(MOST_STATUS_WRITES):
            try:
                subject = await self._send_status(action, version)
            except ClusterError as error:
                if (written := await self._find_written(action, error)) is not None:
                    return written
                if error.cause is not FailureCause.CONFLICT:
                    raise
                conflict = error
            else:
                if moved_on:
                    raise conflict
                return subject
            now = await self.read_subject(action.key)
            if now is None or not (_still_holds(action, now) or (action.lasting and _is_still_there(action, now))):
                raise conflict
            moved_on = moved_on or not _still_holds(action, now)
            version = now.version
        raise conflict

    async def _send_status(self, action: WriteStatus, version: Version) -> Subject:
        intent = {
            **_head(action.key),
            "metadata": {"name": action.key.name, "namespace": action.key.namespace, **_fence(version)},
            "status": action.status,
        }
        request = patch(action.key, intent, how=Patch.APPLY, subresource="status")
        subject = subject_of(action.key, (await self._requests.send(request)).manifest())
        surplus = find_surplus(subject.status, action.status)
        if not surplus:
            return subject
        changes = {"metadata": _fence(subject.version), "status": surplus}
        request = patch(action.key, changes, how=Patch.MERGE, subresource="status")
        return subject_of(action.key, (await self._requests.send(request)).manifest())

    async def _find_written(self, action: WriteStatus, error: ClusterError) -> Subject | None:
        """Look whether a status whose answer was lost was written all the same: only then has it been told."""
        if not is_ambiguous(error):
            return None
        try:
            now = await self.read_subject(action.key)
        except ClusterError:
            return None
        return now if now is not None and _still_holds(action, now) and now.status == action.status else None

    async def record(self, action: Record) -> None:
        """Hand an event to the recorder; never raises, and never waits for the API server."""
        self._recorder.record(action)

    async def _read(self, key: ObjectKey) -> dict[str, Any] | None:
        if not can_exist(key):
            return None
        try:
            answer = await self._requests.send(get(key))
        except ClusterError as error:
            if error.cause is FailureCause.NOT_FOUND:
                return None
            raise
        return answer.manifest()


def _head(key: ObjectKey) -> dict[str, str]:
    resource = RESOURCES[key.kind]
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def _existing(key: ObjectKey, error: ClusterError) -> ClusterError:
    """Say what the conflict of a creation means."""
    if error.cause is not FailureCause.CONFLICT:
        return error
    return ClusterError(FailureCause.ALREADY_EXISTS, f"{key} exists already and was left alone", status=error.status)


def _fence(version: Version) -> dict[str, str]:
    # Both: the version alone would bring a deleted object back, the uid alone would let an older plan win.
    return {"uid": version.uid, "resourceVersion": version.resource_version}


def _still_holds(action: WriteStatus, now: Subject) -> bool:
    judged = action.subject
    return (
        judged is not None
        and _is_still_there(action, now)
        and now.generation == judged.generation
        and now.deleting == judged.deleting
        and now.labels == judged.labels
    )


def _is_still_there(action: WriteStatus, now: Subject) -> bool:
    return now.version.uid == action.replaces.uid


def _our_annotations(metadata: Mapping[str, Any]) -> set[str]:
    """Give the annotations that our applies own; people's consents bear our prefix too and stay."""
    owned: set[str] = set()
    for entry in metadata.get("managedFields") or ():
        if entry.get("manager") == FIELD_MANAGER:
            fields = entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:annotations", {})
            owned.update(name.removeprefix("f:") for name in fields if name.startswith("f:"))
    return owned
