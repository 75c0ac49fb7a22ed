"""The ports between the runtime and a cluster: what a real API server, an in-memory one and files all offer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Snapshot, Subject, Version
from certwright.reconcile.plan import (
    AnnotateTemplate,
    ApplyBundle,
    ApplyClusterTrustBundle,
    ApplySecret,
    Delete,
    KeepRecord,
    Record,
    Release,
    SetFinalizer,
    StartFetch,
    WriteStatus,
)
from certwright.reconcile.questions import FetchState, GivenList, KeptList, KeptTrust, Question


class Clock(Protocol):
    """Time in two parts: what the system says, and the time judgements are made for."""

    def system(self) -> datetime:
        """Give system time, aware UTC."""
        ...

    def judgement(self) -> datetime:
        """Give system time plus an offset that is zero outside tests, aware UTC, whole seconds."""
        ...

    def doubted(self) -> bool:
        """Say whether system time and the API server's `Date` are more than 60 s apart."""
        ...


class Cluster(Protocol):
    """Reads and fenced writes of single objects. Every method raises `ClusterError`; none retries a conflict."""

    async def read(self, key: ObjectKey) -> Observed | None:
        """Read one object by name, body and all; `None` when it does not exist."""
        ...

    async def read_subject(self, key: ObjectKey) -> Subject | None:
        """Read one of our own objects by name; `None` when it does not exist."""
        ...

    async def apply_secret(self, action: ApplySecret) -> Observed:
        """Create or update a target; the answer carries its new version and the data that was written."""
        ...

    async def apply_bundle(self, action: ApplyBundle) -> Observed:
        """Create or update a ConfigMap with a bundle; the answer is as that of `apply_secret`."""
        ...

    async def apply_cluster_trust_bundle(self, action: ApplyClusterTrustBundle) -> Observed:
        """Create or update a ClusterTrustBundle; `NOT_SERVED` when there is no such kind."""
        ...

    async def keep_record(self, action: KeepRecord) -> Observed:
        """Create an immutable ConfigMap; one that exists is a conflict (`ALREADY_EXISTS`) and stays as it is."""
        ...

    async def release(self, action: Release) -> Observed:
        """Remove our label and annotations from a target, and nothing else."""
        ...

    async def delete(self, action: Delete) -> None:
        """Delete a target; an object that is gone already is success."""
        ...

    async def annotate_template(self, action: AnnotateTemplate) -> Observed:
        """Patch one annotation of a workload's pod template."""
        ...

    async def set_finalizer(self, action: SetFinalizer) -> Subject:
        """Add or take away one finalizer of one of our own objects; those of others stay."""
        ...

    async def write_status(self, action: WriteStatus) -> Subject:
        """Apply the full status; after a conflict that is not about spec, uid, deletion or labels, send it again."""
        ...

    async def record(self, action: Record) -> None:
        """Write, or count up, an event; never raises: an event that cannot be written is a metric, not a failure."""
        ...


class Library(Protocol):
    """Answers to what a pass asks besides objects by name; the types are in `certwright.reconcile.questions`."""

    def ask(self, question: Question) -> Any:
        """Answer from memory, at once."""
        ...

    async def read(self, need: GivenList | KeptList | KeptTrust) -> Any:
        """Read and parse a list or a record; what goes wrong is part of the answer."""
        ...

    def start(self, action: StartFetch) -> FetchState:
        """Begin to fetch in the background and give what that changes."""
        ...

    def conclude(self, snapshot: Snapshot) -> None:
        """Take note that a pass has dealt with what it was told: a delivery need not be held any longer."""
        ...


class MetadataCache(Protocol):
    """What the metadata-only watch of Secrets, ConfigMaps and Namespaces holds."""

    def peek(self, key: ObjectKey) -> Metadata | None:
        """Give the metadata held, or `None` when the object is absent or nothing is known of it."""
        ...

    def owned(self, owner: ObjectKey) -> Mapping[ObjectKey, Metadata]:
        """Give the objects that bear our label and name this owner: those of the kinds that spread targets."""
        ...

    def named(self, kind: Kind, namespace: str, stem: str) -> tuple[ObjectKey, ...]:
        """Give the objects of ours whose names begin with a stem, sorted."""
        ...

    def is_absent(self, key: ObjectKey) -> bool:
        """Say whether the object surely did not exist when the watch last spoke; `False` when in doubt."""
        ...

    def wrote(self, observed: Observed) -> None:
        """Hold the version that our own write was answered with, so that its echo is no change."""
        ...

    def saw(self, observed: Observed) -> None:
        """Hold the version of an object just read, unless something newer of it is held."""
        ...

    def vouch(self, key: ObjectKey, version: Version) -> None:
        """Take note that a pass has seen the content of an object in this version, and left it as it should be."""
        ...

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        """Keep metadata of these objects from now on; register first, then read."""
        ...

    def unrefer(self, keys: frozenset[ObjectKey]) -> None:
        """Stop keeping metadata of objects nobody refers to any more."""
        ...
