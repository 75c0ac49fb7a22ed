"""What a pass wants done: an ordered list of stages of actions, as values.

The executor carries out one stage, folds the outcomes into the snapshot, and the plan is made again; the pass ends when
nothing is left. So a plan need not say what to do "if the write fails": it looks at the failure in the next snapshot.
The law every planner keeps: *planned again after success, it plans nothing*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from certwright.pki.key_recipe import KeyRecipe
from certwright.pki.render import SecretRecipe
from certwright.reconcile.objects import ObjectKey, Subject, Version
from certwright.reconcile.questions import Contact
from certwright.reconcile.set_actions import SetAction

if TYPE_CHECKING:
    from certwright.pki.trust_bundle import BundleRecipe

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "certwright"
OWNER_ANNOTATION = "certwright.io/owner"
ALLOW_WRITE_ANNOTATION = "certwright.io/allow-write"
EPOCH_ANNOTATION = "certwright.io/epoch"
DIGEST_ANNOTATION = "certwright.io/digest"
"""On bundles: the digest of what was written, public facts only."""
DEPLOYED_FINALIZER = "certwright.io/deployed"
TRUST_BUNDLE_KEY = "trustBundle"
"""The data key of a recipe for a ClusterTrustBundle, and of what is read of one: it has but this."""
NAMESPACE_LABEL = "certwright.io/namespace"
"""On records: the namespace of the object they are kept for."""


@dataclass(frozen=True, slots=True)
class ApplySecret:
    """Server-side apply of the full intent of one Secret: a target, or the one that a PrivateKey lives in.

    Attributes:
        replaces: the state it was planned from; `None` creates, and only creates (the apply then carries
            resourceVersion "1": an existing object answers 409 and nothing is merged).
        recipe: what to store; rendered at execution, because PKCS#12 and new keys are random by nature.
        stored: the data present now, so that a PKCS#12 file that still fits, or a key, is kept.
        owner_reference: only under `deletionPolicy: Delete`, and never on an adopted object.
    """

    key: ObjectKey
    replaces: Version | None
    recipe: SecretRecipe | BundleRecipe | KeyRecipe = field(repr=False)
    type: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owner_reference: Mapping[str, Any] | None = None
    stored: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class KeepRecord:
    """Create an immutable ConfigMap in the operator's namespace: content that must outlive this process.

    Its name says what it holds, so that one which is there already is as good.

    Attributes:
        owner: the object it is kept for.
    """

    key: ObjectKey
    data: Mapping[str, bytes] = field(repr=False)
    owner: ObjectKey


@dataclass(frozen=True, slots=True)
class ApplyBundle:
    """Server-side apply of the full intent of one ConfigMap that holds CA certificates.

    It may be one of thousands that hold the same: the recipe is rendered once for all that share it. A Secret that
    holds a bundle is applied with `ApplySecret`.

    Attributes:
        replaces: the state it was planned from; `None` creates, and only creates.
        recipe: what to store.
        owner_reference: only under `deletionPolicy: Delete`, and never on an adopted object.
        stored: the data present now, so that a PKCS#12 file that still fits is kept byte for byte.
    """

    key: ObjectKey
    replaces: Version | None
    recipe: BundleRecipe = field(repr=False)
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owner_reference: Mapping[str, Any] | None = None
    stored: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ApplyClusterTrustBundle:
    """Server-side apply of a ClusterTrustBundle: PEM without comments.

    Attributes:
        signer_name: whose roots these are; `None` for none.
    """

    key: ObjectKey
    replaces: Version | None
    recipe: BundleRecipe = field(repr=False)
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    signer_name: str | None = None
    owner_reference: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SetFinalizer:
    """Add a finalizer of ours to the subject, or take it away; others stay as they are."""

    key: ObjectKey
    replaces: Version
    finalizer: str
    present: bool


@dataclass(frozen=True, slots=True)
class StartFetch:
    """Begin to fetch in the background; the subject is looked at again when it has ended.

    Attributes:
        contact: the question whose answer changes by it.
        ca_pem: the CAs that the server is trusted by; absent: those of the system.
        etag: what the server called the content that is in use, when that is at hand.
        last_modified: when it last changed that.
    """

    key: ObjectKey
    contact: Contact
    url: str
    ca_pem: bytes | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Give a target up without touching its data: a merge patch that removes label, annotations and owner reference.

    An empty apply would remove the data with the ownership.
    """

    key: ObjectKey
    replaces: Version


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a target, with preconditions on uid and resourceVersion.

    Attributes:
        confirmed: look whether it has gone; without that it counts as gone though its finalizers keep it.
    """

    key: ObjectKey
    replaces: Version
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class AnnotateTemplate:
    """Start a roll-out: a merge patch of one annotation of a workload's pod template."""

    key: ObjectKey
    replaces: Version
    annotation: str
    value: str


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Server-side apply of the full status of the subject, fenced by its uid and resourceVersion.

    Attributes:
        subject: the object the status speaks of. After a conflict the status is sent again only while uid, generation,
            deletion and labels are as here; `None`: it is never sent again.
        lasting: it tells what this pass stored, and so what consumers have: it is sent again, once the object is read,
            even when spec or labels have moved on (its observedGeneration says what it is about), and the conflict is
            raised all the same.
    """

    key: ObjectKey
    replaces: Version
    status: Mapping[str, Any]
    subject: Subject | None = None
    lasting: bool = False


class EventType(StrEnum):
    """The two types of a Kubernetes event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Record:
    """An event about the subject; written on transitions only.

    Attributes:
        reason: UpperCamelCase, unique and specific.
        action: what the operator did or refused, UpperCamelCase (`Validate`, `Store`, `Refresh`).
        note: one sentence for a person, at most 1 kB.
    """

    subject: Subject
    type: EventType
    reason: str
    action: str
    note: str


Action = (
    ApplySecret
    | ApplyBundle
    | ApplyClusterTrustBundle
    | KeepRecord
    | Release
    | Delete
    | AnnotateTemplate
    | SetFinalizer
    | WriteStatus
    | StartFetch
    | Record
    | SetAction
)
Stage = tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is still to be done.

    Attributes:
        stages: in order; the actions of one stage may run in parallel. Empty: the pass is complete.
        requeue_at: when to look again even if nothing changes (judgement time), as far as anything is known.
        retry: something failed that time may mend (API trouble, a lost race): look again with back-off.
        final: when all of it succeeds nothing is left, and planning again would only say so.
    """

    stages: tuple[Stage, ...] = ()
    requeue_at: datetime | None = None
    retry: bool = False
    final: bool = False
