"""What a write of a target carries besides its content: made once, and shared by the thousand targets of one store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certwright.pki.trust_bundle import BundleRecipe
from certwright.reconcile.marks import LABELS, owner_reference, was_created_by_us
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import (
    DIGEST_ANNOTATION,
    EPOCH_ANNOTATION,
    OWNER_ANNOTATION,
    ApplyBundle,
    ApplyClusterTrustBundle,
    ApplySecret,
)
from certwright.reconcile.truststore.contents import Content

SECRET_TYPE = "Opaque"
NOTHING: Mapping[str, bytes] = {}

Apply = ApplyBundle | ApplySecret | ApplyClusterTrustBundle


@dataclass(frozen=True, slots=True)
class Intent:
    """How the targets of one content are written.

    Attributes:
        reference: the owner reference of those that go with the store; `None` when they are retained.
        annotations: what was made already, by the epoch in it.
    """

    content: Content
    snapshot: Snapshot
    recipe: BundleRecipe = field(repr=False)
    reference: Mapping[str, Any] | None
    annotations: dict[str | None, Mapping[str, str]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What the targets bear."""
        return self.content.digest

    def apply(self, key: ObjectKey, target: Observed | Metadata | None) -> Apply:
        """Write one target; `None` creates it."""
        aim = self.content.aim
        created = target is None or was_created_by_us(target, self.snapshot.subject)
        reference = self.reference if created else None
        replaces = target.version if target is not None else None
        annotations = self._annotate(target)
        if aim.kind is Kind.CLUSTER_TRUST_BUNDLE:
            return ApplyClusterTrustBundle(
                key, replaces, self.recipe, LABELS, annotations, aim.signer_name, owner_reference=reference
            )
        stored = target.data if isinstance(target, Observed) else NOTHING
        if aim.kind is Kind.SECRET:
            return ApplySecret(key, replaces, self.recipe, SECRET_TYPE, LABELS, annotations, reference, stored)
        return ApplyBundle(key, replaces, self.recipe, LABELS, annotations, reference, stored)

    def _annotate(self, target: Observed | Metadata | None) -> Mapping[str, str]:
        epoch = str(self.snapshot.epoch) if target is None else target.annotations.get(EPOCH_ANNOTATION)
        made = self.annotations.get(epoch)
        if made is None:
            made = {OWNER_ANNOTATION: self.snapshot.subject.owner, DIGEST_ANNOTATION: self.content.digest}
            if epoch is not None:
                made[EPOCH_ANNOTATION] = epoch
            self.annotations[epoch] = made
        return made


def make_intent(content: Content, snapshot: Snapshot, *, delete: bool) -> Intent | None:
    """Make it; `None` when there is nothing to write. `delete` says that targets go with the store."""
    if content.recipe is None:
        return None
    return Intent(content, snapshot, content.recipe, owner_reference(snapshot.subject) if delete else None)
