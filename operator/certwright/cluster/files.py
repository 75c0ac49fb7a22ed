"""A cluster made of files: the ports over what stands in manifests, so that `check` walks the operator's own way.

Nothing leaves this process. Writes are kept in memory, for a plan is complete only when its writes are done and the
status is written; the files stay as they are.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from certwright.cluster.rendering import render_recipe
from certwright.findings import ClusterError, FailureCause
from certwright.pki.key_recipe import KeyRecipe
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import (
    EPOCH_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
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
from certwright.reconcile.set_actions import Annotate, ApplyContent, Rehearse, RestoreSecret

_UID_DIGITS = 32


def file_uid(key: ObjectKey) -> str:
    """Give the uid of an object that is in a file: always the same, and no longer than one of a cluster."""
    return f"file-{hashlib.sha256(str(key).encode()).hexdigest()[:_UID_DIGITS]}"


@dataclass(frozen=True, slots=True)
class FixedClock:
    """Implement `certwright.cluster.ports.Clock`: one instant, nothing to compare it with."""

    instant: datetime

    def system(self) -> datetime:
        """Give the instant."""
        return self.instant

    def judgement(self) -> datetime:
        """Give the instant in whole seconds."""
        return self.instant.replace(microsecond=0)

    def doubted(self) -> bool:
        """Doubt nothing."""
        return False


class FileCluster:
    """Implement `certwright.cluster.ports.Cluster` and `MetadataCache` over objects that were read from files.

    Attributes:
        objects: what there is, with what passes have written.
        subjects: our own objects that others ask for, with the statuses that passes have written.
        touched: the keys of objects that were written; whoever makes the passes clears it.
        unmade: Secrets that a key would be made in: none is made here, for it would not be that of the cluster. Whoever
            makes the passes takes them away.
        withheld: objects that files rightly do not hold, such as Secrets with keys: reading one fails, so that its
            absence is no verdict.
    """

    def __init__(self, objects: Iterable[Observed] = (), *, withheld: frozenset[ObjectKey] = frozenset()) -> None:
        self.objects = {each.key: each for each in objects}
        self.subjects: dict[ObjectKey, Subject] = {}
        self.touched: set[ObjectKey] = set()
        self.unmade: set[ObjectKey] = set()
        self.withheld = withheld
        self._versions = itertools.count(2)

    async def read(self, key: ObjectKey) -> Observed | None:
        """Give an object.

        Raises:
            ClusterError: it is not among the files, and that says nothing.
        """
        observed = self.objects.get(key)
        if observed is None and key in self.withheld:
            raise ClusterError(FailureCause.UNAVAILABLE, "it is not among the files")
        return observed

    async def read_subject(self, key: ObjectKey) -> Subject | None:
        """Give one of our own objects that others ask for."""
        return self.subjects.get(key)

    async def apply_secret(self, action: ApplySecret) -> Observed:
        """Render and keep a target.

        Raises:
            MaterialError: what is to be stored cannot be rendered.
            ClusterError: a key would be made.
        """
        if isinstance(action.recipe, KeyRecipe) and action.recipe.fingerprint is None:
            self.unmade.add(action.key)
            raise ClusterError(FailureCause.UNAVAILABLE, "the key is made in a cluster")
        return self._merge(action, render_recipe(action.recipe, action.stored), type_=action.type)

    async def apply_bundle(self, action: ApplyBundle) -> Observed:
        """Render and keep a bundle.

        Raises:
            MaterialError: as for `apply_secret`.
        """
        return self._merge(action, render_recipe(action.recipe, action.stored))

    async def apply_cluster_trust_bundle(self, action: ApplyClusterTrustBundle) -> Observed:
        """Render and keep a bundle."""
        return self._merge(action, render_recipe(action.recipe))

    async def keep_record(self, action: KeepRecord) -> Observed:
        """Keep a record."""
        return self._put(Observed(action.key, self._next(action.key), immutable=True, data=action.data))

    async def release(self, action: Release) -> Observed:
        """Take our marks off a target.

        Raises:
            ClusterError: there is no such object.
        """
        before = self._demand(action.key)
        annotations = {
            name: text for name, text in before.annotations.items() if name not in {OWNER_ANNOTATION, EPOCH_ANNOTATION}
        }
        labels = {name: text for name, text in before.labels.items() if name != MANAGED_BY_LABEL}
        return self._put(replace(before, version=self._next(action.key), labels=labels, annotations=annotations))

    async def delete(self, action: Delete) -> None:
        """Forget a target."""
        if self.objects.pop(action.key, None) is not None:
            self.touched.add(action.key)

    async def annotate_template(self, action: AnnotateTemplate) -> Observed:
        """Refuse: no file runs anything.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(FailureCause.UNAVAILABLE, f"{action.key} is a file")

    async def apply_content(self, action: ApplyContent) -> Observed:
        """Keep content that was rendered before."""
        return self._merge(action, action.data, type_=action.type, immutable=action.immutable)

    async def restore_secret(self, action: RestoreSecret) -> Observed:
        """Refuse: no file was replaced.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(FailureCause.UNAVAILABLE, f"{action.key} is a file")

    async def annotate(self, action: Annotate) -> Observed:
        """Refuse: no file has versions.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(FailureCause.UNAVAILABLE, f"{action.key} is a file")

    async def rehearse(self, action: Rehearse) -> None:
        """Have nothing against a write: quotas, rights and policies are not among the files."""
        del action

    async def set_finalizer(self, action: SetFinalizer) -> Subject:
        """Give the subject with the finalizer, or without it.

        Raises:
            ClusterError: there is no such object.
        """
        before = self.subjects.get(action.key)
        if before is None:
            raise ClusterError(FailureCause.NOT_FOUND, f"{action.key} is not among the files")
        others = tuple(each for each in before.finalizers if each != action.finalizer)
        finalizers = (*others, action.finalizer) if action.present else others
        return self._store(replace(before, finalizers=finalizers, version=self._next(action.key, before.version)))

    async def write_status(self, action: WriteStatus) -> Subject:
        """Give the subject with its status.

        Raises:
            ClusterError: the plan does not say which object the status speaks of.
        """
        if action.subject is None:
            raise ClusterError(FailureCause.NOT_FOUND, f"{action.key} is not known")
        version = self._next(action.key, action.subject.version)
        return self._store(replace(action.subject, status=action.status, version=version))

    async def record(self, action: Record) -> None:
        """Drop the event."""
        del action

    def peek(self, key: ObjectKey) -> Metadata | None:
        """Know nothing before it is read."""
        del key
        return None

    def owned(self, owner: ObjectKey) -> dict[ObjectKey, Metadata]:
        """Give the objects that bear our label and name this owner."""
        named = f"{owner.kind}/{owner.name}"
        return {
            key: Metadata(each.version, each.annotations, managed=True, intact=each.intact)
            for key, each in self.objects.items()
            if owner.namespace in {"", key.namespace}
            and each.annotations.get(OWNER_ANNOTATION) == named
            and each.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
        }

    def named(self, kind: Kind, namespace: str, stem: str) -> tuple[ObjectKey, ...]:
        """Give the objects whose names begin with a stem."""
        found = (key for key in self.objects if (key.kind, key.namespace) == (kind, namespace))
        return tuple(sorted(key for key in found if key.name.startswith(stem)))

    def is_absent(self, key: ObjectKey) -> bool:
        """Be in doubt about everything, so that it is read."""
        del key
        return False

    def wrote(self, observed: Observed) -> None:
        """Have no echo to expect."""

    def saw(self, observed: Observed) -> None:
        """Have nothing newer to hold."""

    def vouch(self, key: ObjectKey, version: Version) -> None:
        """Remember nothing: the next pass reads again."""

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        """Watch nothing."""

    def unrefer(self, keys: frozenset[ObjectKey]) -> None:
        """Watch nothing."""

    def _merge(
        self,
        action: ApplySecret | ApplyBundle | ApplyClusterTrustBundle | ApplyContent,
        data: Mapping[str, bytes],
        *,
        type_: str = "",
        immutable: bool = False,
    ) -> Observed:
        before = self.objects.get(action.key)
        written = Observed(
            key=action.key,
            version=self._next(action.key),
            labels={**(before.labels if before else {}), **action.labels},
            annotations={**(before.annotations if before else {}), **action.annotations},
            owner_references=(action.owner_reference,) if action.owner_reference is not None else (),
            changed=before.changed if before else None,
            type=type_,
            immutable=immutable or (before is not None and before.immutable),
            data={**(before.data if before else {}), **data},
            intact=True,
        )
        return self._put(written)

    def _put(self, observed: Observed) -> Observed:
        self.objects[observed.key] = observed
        self.touched.add(observed.key)
        return observed

    def _store(self, subject: Subject) -> Subject:
        if subject.key in self.subjects:
            self.subjects[subject.key] = subject
        return subject

    def _demand(self, key: ObjectKey) -> Observed:
        if key not in self.objects:
            raise ClusterError(FailureCause.NOT_FOUND, f"{key} is not among the files")
        return self.objects[key]

    def _next(self, key: ObjectKey, before: Version | None = None) -> Version:
        held = self.objects.get(key)
        version = before or (held.version if held is not None else None)
        return Version(version.uid if version is not None else file_uid(key), str(next(self._versions)))
