"""What a plan for a set of certificates may ask for besides the actions of all kinds.

The content of these writes is ready: it was rendered once, kept, and goes to many places as the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certwright.reconcile.objects import ObjectKey, Version

ALLOW_READ_ANNOTATION = "certwright.io/allow-read"
REVISION_ANNOTATION = "certwright.io/revision"
"""On targets and payloads: the revision that they belong to."""
SLOT_ANNOTATION = "certwright.io/slot"
COMMIT_ANNOTATION = "certwright.io/commit-epoch"
"""On targets: the journal's epoch when they were last written, or touched so that an older write is refused."""
KEPT_ANNOTATION = "certwright.io/kept"
"""On what is kept in the operator's namespace for a set; such an object is no target."""
SET_LABEL = "certwright.io/set"
"""On the same: the uid of the set."""
UNFINISHED_FINALIZER = "certwright.io/unfinished-revision"


@dataclass(frozen=True, slots=True)
class ApplyContent:
    """Server-side apply of the full intent of a Secret or ConfigMap whose data is at hand.

    Attributes:
        replaces: the state it was planned from; `None` creates, and only creates.
        type: of a Secret; empty for a ConfigMap.
        immutable: nobody changes it after its creation.
    """

    key: ObjectKey
    replaces: Version | None
    data: Mapping[str, bytes] = field(repr=False)
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    type: str = ""
    owner_reference: Mapping[str, Any] | None = None
    immutable: bool = False


@dataclass(frozen=True, slots=True)
class RestoreSecret:
    """Put a Secret back exactly as it was: data, labels, annotations and owner references are replaced as a whole."""

    key: ObjectKey
    replaces: Version
    data: Mapping[str, bytes] = field(repr=False)
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(repr=False)
    owner_references: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Annotate:
    """Set some annotations by a merge patch: the object gets a new version, and older writes are refused."""

    key: ObjectKey
    replaces: Version
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RemoveSecret:
    """Delete a Secret, for a rehearsal; carried out it is `certwright.reconcile.plan.Delete`."""

    key: ObjectKey
    replaces: Version


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Whether a write would be taken. Answered with `None` when it would, else with a `Failure`."""

    key: ObjectKey
    revision: str


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Send a write with a server-side dry run; its outcome is the answer to `question`, and no object changes."""

    write: ApplyContent | RemoveSecret
    question: Rehearsed

    @property
    def key(self) -> ObjectKey:
        """Give the object that it is about."""
        return self.write.key


SetAction = ApplyContent | RestoreSecret | Annotate | Rehearse
SetWrite = ApplyContent | RestoreSecret | Annotate
