"""Reads and fenced writes of single objects on a real API server."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from certwright.cluster.applies import Render, fence, head
from certwright.cluster.decode import OUR_PREFIX, observed_of, subject_of, version_of
from certwright.cluster.requests import FIELD_MANAGER, METADATA_ONLY, Patch, delete, get, patch
from certwright.cluster.resources import can_exist
from certwright.cluster.retries import Retrying, is_ambiguous
from certwright.cluster.served import Served
from certwright.cluster.set_writes import SetWrites
from certwright.cluster.surplus import find_surplus
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import (
    EPOCH_ANNOTATION,
    MANAGED_BY_LABEL,
    OWNER_ANNOTATION,
    AnnotateTemplate,
    Delete,
    Record,
    Release,
    SetFinalizer,
    WriteStatus,
)

MOST_STATUS_WRITES = 4
"""The first, and three after conflicts that are not about what was judged."""


class Recorder(Protocol):
    """Where events go; `certwright.cluster.event_recorder.EventRecorder`."""

    def record(self, action: Record) -> None:
        """Take an event; never blocks, never raises."""
        ...


class ApiServer(SetWrites):
    """Implement `certwright.cluster.ports.Cluster` on a real API server."""

    def __init__(self, requests: Retrying, *, render: Render, recorder: Recorder, served: Served | None = None) -> None:
        super().__init__(requests, render=render, served=served or Served(requests))
        self._recorder = recorder

    async def read(self, key: ObjectKey) -> Observed | None:
        """Read one object by name, body and all; `None` when it does not exist, or cannot by its name."""
        manifest = await self._read(key)
        return None if manifest is None else observed_of(key, manifest)

    async def read_subject(self, key: ObjectKey) -> Subject | None:
        """Read one of our own objects by name; `None` when it does not exist."""
        manifest = await self._read(key)
        return None if manifest is None else subject_of(key, manifest)

    async def release(self, action: Release) -> Observed:
        """Remove our label, annotations and owner reference from a target, and nothing else.

        What is ours is read first: an owner reference left behind would take the Secret away with its owner.

        Raises:
            ClusterError: the target changed or went (`CONFLICT`, `NOT_FOUND`), or could not be written.
        """
        resource = await self._resource(action.key)
        answer = await self._requests.send(get(action.key, accept=METADATA_ONLY, resource=resource))
        metadata = answer.manifest()["metadata"]
        changes: dict[str, Any] = {
            **fence(action.replaces),
            "labels": {MANAGED_BY_LABEL: None},
            "annotations": dict.fromkeys({OWNER_ANNOTATION, EPOCH_ANNOTATION} | _our_annotations(metadata)),
        }
        owners = metadata.get("ownerReferences") or []
        kept = [owner for owner in owners if not owner.get("apiVersion", "").startswith(OUR_PREFIX)]
        if len(kept) != len(owners):
            changes["ownerReferences"] = kept or None
        request = patch(action.key, {"metadata": changes}, how=Patch.MERGE, accept=METADATA_ONLY, resource=resource)
        written = await self._requests.send(request)
        return observed_of(action.key, written.manifest())

    async def delete(self, action: Delete) -> None:
        """Delete a target; an object that is gone already is success.

        Raises:
            ClusterError: the target changed (`CONFLICT`), or could not be deleted.
        """
        options = {"preconditions": fence(action.replaces), "propagationPolicy": "Background"}
        resource = await self._resource(action.key)
        try:
            await self._requests.send(delete(action.key, options, resource=resource))
        except ClusterError as error:
            if error.cause is not FailureCause.NOT_FOUND:
                raise

    async def annotate_template(self, action: AnnotateTemplate) -> Observed:
        """Patch one annotation of a workload's pod template.

        Raises:
            ClusterError: the workload changed or went, or may not be patched.
        """
        changes = {
            "metadata": fence(action.replaces),
            "spec": {"template": {"metadata": {"annotations": {action.annotation: action.value}}}},
        }
        answer = await self._requests.send(patch(action.key, changes, how=Patch.MERGE))
        return observed_of(action.key, answer.manifest())

    async def set_finalizer(self, action: SetFinalizer) -> Subject:
        """Add or take away one finalizer; those of others stay, for the list is read first and the write is fenced.

        Raises:
            ClusterError: the object changed or went (`CONFLICT`, `NOT_FOUND`), or could not be written.
        """
        answer = await self._requests.send(get(action.key, accept=METADATA_ONLY))
        metadata = answer.manifest()["metadata"]
        if version_of(metadata) != action.replaces:
            raise ClusterError(FailureCause.CONFLICT, f"{action.key} has changed", status=HTTPStatus.CONFLICT)
        finalizers = [each for each in metadata.get("finalizers") or () if each != action.finalizer]
        if action.present:
            finalizers.append(action.finalizer)
        changes = {"metadata": {**fence(action.replaces), "finalizers": finalizers or None}}
        answer = await self._requests.send(patch(action.key, changes, how=Patch.MERGE))
        return subject_of(action.key, answer.manifest())

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
            **head(action.key),
            "metadata": {"name": action.key.name, "namespace": action.key.namespace, **fence(version)},
            "status": action.status,
        }
        request = patch(action.key, intent, how=Patch.APPLY, subresource="status")
        subject = subject_of(action.key, (await self._requests.send(request)).manifest())
        surplus = find_surplus(subject.status, action.status)
        if not surplus:
            return subject
        changes = {"metadata": fence(subject.version), "status": surplus}
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
            resource = await self._served.resource(key.kind)
            if resource is None:
                return None
            answer = await self._requests.send(get(key, resource=resource))
        except ClusterError as error:
            if error.cause is FailureCause.NOT_FOUND:
                return None
            raise
        return answer.manifest()


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
