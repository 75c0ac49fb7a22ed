"""A cluster made of files: the ports over what stands in manifests, so that `check` walks the operator's own way.

Nothing leaves this process. Writes are kept in memory, for a plan is complete only when its writes are done and the
status is written; the files stay as they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from certwright.cluster.rendering import render_recipe
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import (
    EPOCH_ANNOTATION,
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
        withheld: objects that files rightly do not hold, such as Secrets with keys: reading one fails, so that its
            absence is no verdict.
    """

    def __init__(self, objects: Iterable[Observed] = (), *, withheld: frozenset[ObjectKey] = frozenset()) -> None:
        self.objects = {each.key: each for each in objects}
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
        """Know no subject but the one a pass is about."""
        del key
        return None

    async def apply_secret(self, action: ApplySecret) -> Observed:
        """Render and keep a target.

        Raises:
            MaterialError: what is to be stored cannot be rendered.
        """
        return self._apply(action, type_=action.type, stored=action.stored)

    async def apply_bundle(self, action: ApplyBundle) -> Observed:
        """Render and keep a bundle.

        Raises:
            MaterialError: as for `apply_secret`.
        """
        return self._apply(action, stored=action.stored)

    async def apply_cluster_trust_bundle(self, action: ApplyClusterTrustBundle) -> Observed:
        """Render and keep a bundle."""
        return self._apply(action)

    async def keep_record(self, action: KeepRecord) -> Observed:
        """Keep a record."""
        self.objects[action.key] = Observed(action.key, self._next(action.key), immutable=True, data=action.data)
        return self.objects[action.key]

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
        self.objects[action.key] = replace(
            before, version=self._next(action.key), labels=labels, annotations=annotations
        )
        return self.objects[action.key]

    async def delete(self, action: Delete) -> None:
        """Forget a target."""
        self.objects.pop(action.key, None)

    async def annotate_template(self, action: AnnotateTemplate) -> Observed:
        """Refuse: no file runs anything.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(FailureCause.UNAVAILABLE, f"{action.key} is a file")

    async def apply_content(self, action: ApplyContent) -> Observed:
        """Refuse: no file stands in another namespace.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(FailureCause.UNAVAILABLE, f"{action.key} is a file")

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
        """Refuse: no file can be asked.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(FailureCause.UNAVAILABLE, f"{action.key} is a file")

    async def set_finalizer(self, action: SetFinalizer) -> Subject:
        """Refuse: no file is waited for.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(FailureCause.UNAVAILABLE, f"{action.key} is a file")

    async def write_status(self, action: WriteStatus) -> Subject:
        """Give the subject with its status.

        Raises:
            ClusterError: the plan does not say which object the status speaks of.
        """
        if action.subject is None:
            raise ClusterError(FailureCause.NOT_FOUND, f"{action.key} is not known")
        return replace(action.subject, status=action.status, version=self._next(action.key))

    async def record(self, action: Record) -> None:
        """Drop the event."""
        del action

    def peek(self, key: ObjectKey) -> Metadata | None:
        """Know nothing before it is read."""
        del key
        return None

    def owned(self, owner: ObjectKey) -> dict[ObjectKey, Metadata]:
        """Know nothing before it is read."""
        del owner
        return {}

    def named(self, kind: Kind, namespace: str, stem: str) -> tuple[ObjectKey, ...]:
        """Know of no record."""
        del kind, namespace, stem
        return ()

    def is_absent(self, key: ObjectKey) -> bool:
        """Be in doubt about everything, so that it is read."""
        del key
        return False

    def wrote(self, observed: Observed) -> None:
        """Have no echo to expect."""

    def saw(self, observed: Observed) -> None:
        """Have nothing newer to hold."""

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        """Watch nothing."""

    def unrefer(self, keys: frozenset[ObjectKey]) -> None:
        """Watch nothing."""

    def _apply(
        self,
        action: ApplySecret | ApplyBundle | ApplyClusterTrustBundle,
        *,
        type_: str = "",
        stored: Mapping[str, bytes] | None = None,
    ) -> Observed:
        before = self.objects.get(action.key)
        data = render_recipe(action.recipe, stored)
        written = Observed(
            key=action.key,
            version=self._next(action.key),
            labels={**(before.labels if before else {}), **action.labels},
            annotations={**(before.annotations if before else {}), **action.annotations},
            owner_references=(action.owner_reference,) if action.owner_reference is not None else (),
            changed=before.changed if before else None,
            type=type_,
            immutable=before.immutable if before else False,
            data={**(before.data if before else {}), **data},
            intact=True,
        )
        self.objects[action.key] = written
        return written

    def _demand(self, key: ObjectKey) -> Observed:
        if key not in self.objects:
            raise ClusterError(FailureCause.NOT_FOUND, f"{key} is not among the files")
        return self.objects[key]

    def _next(self, key: ObjectKey) -> Version:
        before = self.objects.get(key)
        uid = before.version.uid if before is not None else f"file:{key}"
        return Version(uid, str(next(self._versions)))
