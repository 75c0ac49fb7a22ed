"""A cluster in memory: the ports of `certwright.cluster.ports`, with the API server's manners.

Objects have UIDs and growing resourceVersions; an apply that changes nothing keeps the version; an apply that creates
meets an object that exists with a conflict and merges nothing; stale versions conflict; deletions have preconditions;
failures can be injected for a key and a verb. Only our own field manager is modelled: what an apply of ours leaves
out, and an earlier one had put in, goes.
"""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from certwright.cluster.decode import find_owner
from certwright.cluster.owner_index import owner_of
from certwright.cluster.rendering import render_recipe
from certwright.cluster.resources import RESOURCES
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, Metadata, NamespaceFacts, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import (
    EPOCH_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    NAMESPACE_LABEL,
    OWNER_ANNOTATION,
    AnnotateTemplate,
    ApplyBundle,
    ApplyClusterTrustBundle,
    ApplySecret,
    Delete,
    KeepRecord,
    Record,
    Release,
    SetFinalizer,
    WriteStatus,
)

START = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
NAMESPACE = "shop"
WATCHED = frozenset({Kind.SECRET, Kind.CONFIG_MAP, Kind.CLUSTER_TRUST_BUNDLE})
Content = ApplySecret | ApplyBundle | ApplyClusterTrustBundle

V = TypeVar("V")


@dataclass
class MemoryClock:
    """A clock that stands until somebody moves it."""

    now: datetime = START
    is_doubted: bool = False

    def system(self) -> datetime:
        return self.now

    def judgement(self) -> datetime:
        return self.now

    def doubted(self) -> bool:
        return self.is_doubted

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class _Applied:
    """What our last apply of an object owned."""

    labels: set[str] = field(default_factory=set)
    annotations: set[str] = field(default_factory=set)
    data: set[str] = field(default_factory=set)


class MemoryCluster:
    """Implement the ports `Cluster` and `MetadataCache` over dictionaries.

    Attributes:
        calls: how often each verb was used:
            `read`, `apply`, `keep`, `release`, `delete`, `annotate`, `finalize`, `status`, `record`.
        events: what was recorded, in order.
        namespaces: those there are, by name.
        serves_bundles: whether there is such a kind as ClusterTrustBundle.
    """

    def __init__(self, clock: MemoryClock | None = None) -> None:
        self.clock = clock or MemoryClock()
        self.objects: dict[ObjectKey, Observed] = {}
        self.subjects: dict[ObjectKey, Subject] = {}
        self.events: list[Record] = []
        self.calls: Counter[str] = Counter()
        self.reads: list[ObjectKey] = []
        self.namespaces: dict[str, NamespaceFacts] = {}
        self.vouched: dict[ObjectKey, Version] = {}
        self.doubted: dict[ObjectKey, Version] = {}
        self.serves_bundles = True
        self.answers: dict[tuple[str, ObjectKey], list[ClusterError | None]] = {}
        self._applied: dict[ObjectKey, _Applied] = {}
        self._versions = itertools.count(1000)
        self._uids = itertools.count(1)
        self.put_namespace(NAMESPACE)

    # ---- what people and other programs do

    def put_secret(  # noqa: PLR0913 - an object has many sides
        self,
        name: str,
        data: Mapping[str, str | bytes],
        *,
        kind: Kind = Kind.SECRET,
        type: str = "Opaque",  # noqa: A002 - the field's name
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        immutable: bool = False,
        namespace: str = NAMESPACE,
    ) -> ObjectKey:
        """Create an object, or replace data and metadata of one that exists."""
        key = ObjectKey(kind, namespace, name)
        before = self.objects.get(key)
        self.objects[key] = Observed(
            key=key,
            version=self._next(before.version.uid if before else None),
            labels=labels or {},
            annotations=annotations or {},
            changed=self.clock.now,
            type=type if kind is Kind.SECRET else "",
            immutable=immutable,
            data={each: value.encode() if isinstance(value, str) else value for each, value in data.items()},
        )
        return key

    def put_workload(self, kind: Kind, name: str, **parts: Mapping[str, Any]) -> ObjectKey:
        """Create a workload with `spec` and `status`, or change one; a changed spec is a new generation."""
        key = ObjectKey(kind, NAMESPACE, name)
        before = self.objects.get(key)
        manifest: dict[str, Any] = copy.deepcopy(dict(before.manifest)) if before else {"metadata": {"generation": 0}}
        if manifest.get("spec") != parts.get("spec", manifest.get("spec")):
            manifest["metadata"]["generation"] += 1
        manifest.update(copy.deepcopy(parts))
        self.objects[key] = Observed(
            key, self._next(before.version.uid if before else None), changed=self.clock.now, manifest=manifest
        )
        return key

    def change(self, key: ObjectKey, **changes: Any) -> None:
        """Change fields of an object as somebody else would: a new resourceVersion."""
        before = self.objects[key]
        if "data" in changes:
            ours = self._applied.get(key, _Applied()).data
            # Managed fields lose the values that others write; of those that are left they say that they are ours.
            ours -= {name for name in ours if changes["data"].get(name) != before.data[name]}
            changes["intact"] = before.intact and bool(ours)
        self.objects[key] = replace(before, version=self._next(before.version.uid), changed=self.clock.now, **changes)
        self.doubted[key] = self.objects[key].version

    def remove(self, key: ObjectKey) -> None:
        """Delete an object."""
        del self.objects[key]
        self._applied.pop(key, None)

    def put_subject(
        self,
        name: str,
        spec: Mapping[str, Any],
        *,
        kind: Kind = Kind.IMPORTED_CERTIFICATE,
        namespace: str = NAMESPACE,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Subject:
        """Create one of our own objects, or change it: a changed spec is a new generation; marks not given stay."""
        key = ObjectKey(kind, namespace if RESOURCES[kind].namespaced else "", name)
        before = self.subjects.get(key)
        if before is None:
            before = Subject(key, self._next(None), 0, self.clock.now, {})
        changed = before.generation == 0 or before.spec != spec
        subject = replace(
            before,
            spec=copy.deepcopy(dict(spec)),
            generation=before.generation + changed,
            version=self._next(before.version.uid) if before.generation else before.version,
            labels=before.labels if labels is None else dict(labels),
            annotations=before.annotations if annotations is None else dict(annotations),
            modified=self.clock.now if changed else before.modified,
        )
        self.subjects[key] = subject
        return subject

    def put_status(self, key: ObjectKey, status: Mapping[str, Any]) -> None:
        """Write the status of one of our own objects, as somebody else would."""
        before = self.subjects[key]
        self.subjects[key] = replace(before, status=status, version=self._next(before.version.uid))

    def delete_subject(self, key: ObjectKey) -> None:
        """Delete one of our own objects; while it has finalizers it is only going to be deleted."""
        before = self.subjects[key]
        if before.finalizers:
            self.subjects[key] = replace(before, deleting=True, version=self._next(before.version.uid))
            return
        del self.subjects[key]
        for other, observed in list(self.objects.items()):
            if any(each["uid"] == before.version.uid for each in observed.owner_references):
                self.remove(other)
        self._end_namespace(key.namespace)

    def put_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Create a namespace, or give one other labels."""
        before = self.namespaces.get(name)
        uid = before.uid if before is not None else self._next(None).uid
        named = {"kubernetes.io/metadata.name": name}
        self.namespaces[name] = NamespaceFacts(name, uid, {**(labels or {}), **named})

    def delete_namespace(self, name: str) -> None:
        """Delete a namespace with all that is in it; it terminates until finalizers let go of the last of that."""
        self.namespaces[name] = replace(self.namespaces[name], terminating=True)
        for key in [key for key in self.objects if key.namespace == name]:
            self.remove(key)
        for key in [key for key in self.subjects if key.namespace == name]:
            self.delete_subject(key)
        self._end_namespace(name)

    def _end_namespace(self, name: str) -> None:
        facts = self.namespaces.get(name)
        if facts is not None and facts.terminating and all(key.namespace != name for key in self.subjects):
            del self.namespaces[name]

    def fail(self, verb: str, key: ObjectKey, *causes: FailureCause | None) -> None:
        """Have the next requests of one verb about one object fail with these causes, in order; `None` succeeds."""
        self.answers[verb, key] = [
            None if cause is None else ClusterError(cause, f"{verb} {key}: {cause}", status=500) for cause in causes
        ]

    # ---- the port Cluster

    async def read(self, key: ObjectKey) -> Observed | None:
        self._count("read", key)
        self.reads.append(key)
        subject = self.subjects.get(key)
        if subject is not None:
            return Observed(key, subject.version, manifest={"spec": subject.spec, "status": subject.status})
        return self.objects.get(key)

    async def read_subject(self, key: ObjectKey) -> Subject | None:
        return self.subjects.get(key)

    async def apply_secret(self, action: ApplySecret) -> Observed:
        return self._apply(action, action.stored, type_=action.type)

    async def apply_bundle(self, action: ApplyBundle) -> Observed:
        return self._apply(action, action.stored)

    async def apply_cluster_trust_bundle(self, action: ApplyClusterTrustBundle) -> Observed:
        if not self.serves_bundles:
            raise ClusterError(FailureCause.NOT_SERVED, "the API server does not serve ClusterTrustBundle")
        return self._apply(action, {}, manifest={"spec": {"signerName": action.signer_name}})

    def _apply(
        self,
        action: Content,
        stored: Mapping[str, bytes],
        *,
        type_: str = "",
        manifest: Mapping[str, Any] | None = None,
    ) -> Observed:
        self._count("apply", action.key)
        before, place = self.objects.get(action.key), self.namespaces.get(action.key.namespace)
        if action.replaces is None and before is not None:
            raise ClusterError(FailureCause.ALREADY_EXISTS, f"{action.key} exists already", status=409)
        if action.replaces is None and place is not None and place.terminating:
            raise ClusterError(FailureCause.NAMESPACE_TERMINATING, f"{action.key}: its namespace goes", status=403)
        if action.replaces is not None:
            self._demand(action.key, action.replaces)
        data = render_recipe(action.recipe, stored)
        now = replace(self._merge(action, before, data, type_), manifest=manifest or {})
        if before is not None and replace(now, version=before.version, changed=before.changed) == before:
            return before
        if before is not None and before.immutable and now.data != before.data:
            raise ClusterError(FailureCause.IMMUTABLE, f"patch {action.key}: field is immutable", status=422)
        self._applied[action.key] = _Applied(set(action.labels), set(action.annotations), set(data))
        self.objects[action.key] = now
        return now

    async def keep_record(self, action: KeepRecord) -> Observed:
        self._count("keep", action.key)
        if action.key in self.objects:
            raise ClusterError(FailureCause.ALREADY_EXISTS, f"{action.key} exists already", status=409)
        self.objects[action.key] = Observed(
            key=action.key,
            version=self._next(None),
            labels={MANAGED_BY_LABEL: MANAGED_BY, NAMESPACE_LABEL: action.owner.namespace},
            annotations={OWNER_ANNOTATION: f"{action.owner.kind}/{action.owner.namespace}/{action.owner.name}"},
            changed=self.clock.now,
            immutable=True,
            data=dict(action.data),
        )
        return self.objects[action.key]

    async def release(self, action: Release) -> Observed:
        self._count("release", action.key)
        before = self._demand(action.key, action.replaces)
        ours = {OWNER_ANNOTATION, EPOCH_ANNOTATION}
        self.objects[action.key] = replace(
            before,
            version=self._next(before.version.uid),
            labels={name: text for name, text in before.labels.items() if name != MANAGED_BY_LABEL},
            annotations={name: text for name, text in before.annotations.items() if name not in ours},
            owner_references=tuple(each for each in before.owner_references if not _is_ours(each)),
            intact=False,
        )
        # The answer of a merge patch is asked for as metadata only.
        return replace(self.objects[action.key], data={}, type="")

    async def delete(self, action: Delete) -> None:
        self._count("delete", action.key)
        if action.key in self.objects:
            self._demand(action.key, action.replaces)
            self.remove(action.key)

    async def annotate_template(self, action: AnnotateTemplate) -> Observed:
        self._count("annotate", action.key)
        before = self._demand(action.key, action.replaces)
        manifest = copy.deepcopy(dict(before.manifest))
        template = manifest["spec"].setdefault("template", {}).setdefault("metadata", {})
        template.setdefault("annotations", {})[action.annotation] = action.value
        manifest["metadata"]["generation"] += 1
        self.change(action.key, manifest=manifest)
        return self.objects[action.key]

    async def set_finalizer(self, action: SetFinalizer) -> Subject:
        self._count("finalize", action.key)
        before = self._demand_subject(action.key, action.replaces)
        finalizers = [each for each in before.finalizers if each != action.finalizer]
        if action.present:
            finalizers.append(action.finalizer)
        after = replace(before, finalizers=tuple(finalizers), version=self._next(before.version.uid))
        self.subjects[action.key] = after
        if after.deleting and not after.finalizers:
            self.delete_subject(action.key)
        return after

    async def write_status(self, action: WriteStatus) -> Subject:
        self._count("status", action.key)
        before = self._demand_subject(action.key, action.replaces)
        self.subjects[action.key] = replace(
            before, status=copy.deepcopy(dict(action.status)), version=self._next(before.version.uid)
        )
        return self.subjects[action.key]

    async def record(self, action: Record) -> None:
        self.calls["record"] += 1
        self.events.append(action)

    # ---- the port MetadataCache: a watch that never lags

    def peek(self, key: ObjectKey) -> Metadata | None:
        observed = self.objects.get(key)
        if observed is None:
            return None
        ours = {name: text for name, text in observed.annotations.items() if name.startswith("certwright.io/")}
        managed = observed.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
        seen = self.vouched.get(key) == observed.version
        intact = managed and observed.intact and self.doubted.get(key) != observed.version
        return Metadata(observed.version, ours, managed, intact, seen, find_owner(observed.owner_references))

    def owned(self, owner: ObjectKey) -> dict[ObjectKey, Metadata]:
        held = ((key, self.peek(key)) for key in self.objects)
        return {key: each for key, each in held if each is not None and owner_of(key, each) == owner}

    def named(self, kind: Kind, namespace: str, stem: str) -> tuple[ObjectKey, ...]:
        keys = (key for key in self.objects if (key.kind, key.namespace) == (kind, namespace))
        return tuple(sorted(key for key in keys if key.name.startswith(stem)))

    def is_absent(self, key: ObjectKey) -> bool:
        return key.kind in WATCHED and key not in self.objects

    def wrote(self, observed: Observed) -> None:
        self.vouch(observed.key, observed.version)

    def saw(self, observed: Observed) -> None: ...

    def vouch(self, key: ObjectKey, version: Version) -> None:
        self.vouched[key] = version
        if self.doubted.get(key) == version:
            del self.doubted[key]

    def refer(self, keys: frozenset[ObjectKey]) -> None: ...

    def unrefer(self, keys: frozenset[ObjectKey]) -> None: ...

    # ---- inside

    @property
    def writes(self) -> int:
        """How many requests were made that may change something, events left out."""
        return self.calls.total() - self.calls["read"] - self.calls["record"]

    def forget_calls(self) -> None:
        """Start counting anew."""
        self.calls.clear()
        self.reads.clear()
        self.events.clear()

    def _merge(self, action: Content, before: Observed | None, data: dict[str, bytes], type_: str) -> Observed:
        owned = self._applied.get(action.key, _Applied())
        references = (action.owner_reference,) if action.owner_reference is not None else ()
        if before is None:
            return Observed(
                key=action.key,
                version=self._next(None),
                labels=dict(action.labels),
                annotations=dict(action.annotations),
                owner_references=references,
                changed=self.clock.now,
                type=type_,
                data=data,
                intact=True,
            )
        if type_ != before.type:
            raise ClusterError(FailureCause.IMMUTABLE, f"patch {action.key}: field is immutable", status=422)
        return replace(
            before,
            version=self._next(before.version.uid),
            labels=_without(before.labels, owned.labels) | dict(action.labels),
            annotations=_without(before.annotations, owned.annotations) | dict(action.annotations),
            owner_references=(*(each for each in before.owner_references if not _is_ours(each)), *references),
            changed=self.clock.now,
            data=_without(before.data, owned.data) | data,
            intact=True,
        )

    def _demand_subject(self, key: ObjectKey, version: Version) -> Subject:
        subject = self.subjects.get(key)
        if subject is None:
            raise ClusterError(FailureCause.NOT_FOUND, f"{key} is gone", status=404)
        if subject.version != version:
            raise ClusterError(FailureCause.CONFLICT, f"{key} has changed", status=409)
        return subject

    def _demand(self, key: ObjectKey, version: Version) -> Observed:
        observed = self.objects.get(key)
        if observed is None:
            raise ClusterError(FailureCause.NOT_FOUND, f"{key} is gone", status=404)
        if observed.version != version:
            raise ClusterError(FailureCause.CONFLICT, f"{key} has changed", status=409)
        return observed

    def _count(self, verb: str, key: ObjectKey) -> None:
        self.calls[verb] += 1
        answers = self.answers.get((verb, key))
        error = answers.pop(0) if answers else None
        if error is not None:
            raise error

    def _next(self, uid: str | None) -> Version:
        number = next(self._versions)
        return Version(uid or f"{next(self._uids):08d}-0000-4000-8000-000000000000", str(number))


def _without(mapping: Mapping[str, V], names: Iterable[str]) -> dict[str, V]:
    return {name: value for name, value in mapping.items() if name not in set(names)}


def _is_ours(reference: Mapping[str, Any]) -> bool:
    return str(reference.get("apiVersion")).startswith("certwright.io/")
