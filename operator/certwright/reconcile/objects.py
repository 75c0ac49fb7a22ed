"""What a pass knows: keys of objects, what was read of them, and the snapshot a judgement is made from.

All values here are frozen. A snapshot is everything that `judge` and `plan` may look at: they read no clock, no cache
and no API server, so the same snapshot always gives the same plan.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from certwright.findings import FailureCause


class Kind(StrEnum):
    """The kinds of object that certwright reads or writes."""

    SECRET = "Secret"
    CONFIG_MAP = "ConfigMap"
    NAMESPACE = "Namespace"
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    IMPORTED_CERTIFICATE = "ImportedCertificate"
    PRIVATE_KEY = "PrivateKey"
    REVOCATION_SOURCE = "RevocationSource"
    TRUST_DECISION = "TrustDecision"
    TRUST_STORE = "TrustStore"
    CLUSTER_TRUST_STORE = "ClusterTrustStore"
    CLUSTER_TRUST_BUNDLE = "ClusterTrustBundle"
    CLUSTER_CERTIFICATE_SET = "ClusterCertificateSet"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Which object: its kind, its namespace (empty for cluster-scoped kinds) and its name."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        """Read as people write it: `Secret shop/shop-tls`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Version:
    """One state of one object: the pair that server-side apply and delete are fenced by.

    A resourceVersion alone would let a deleted object come back; a uid alone would let an older plan win.
    """

    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the metadata-only watch holds of an object that is referred to, or ours."""

    version: Version
    annotations: Mapping[str, str] = field(default_factory=dict)  # ours only: `certwright.io/…`
    managed: bool = False  # bears `app.kubernetes.io/managed-by: certwright`
    intact: bool = False  # a bundle of ours that, as its managed fields tell, nobody else wrote to
    seen: bool = False  # its content was seen in this version by this process, or is our own
    owner_uid: str | None = None  # the one of ours that it is deleted with


@dataclass(frozen=True, slots=True)
class NamespaceFacts:
    """A namespace, as far as it matters who is in it."""

    name: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict)
    terminating: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """An object as read from the API server in this pass, or as our own write left it.

    Attributes:
        changed: newest time in managedFields, else the creation time: when somebody last wrote it.
        data: decoded values of a Secret or ConfigMap (`data`, then `binaryData`); never printed.
        manifest: of a workload `spec`, `status` and of its metadata the generation (`metadata: {generation}`), which
            tells whether the status is about this spec; empty for Secrets and ConfigMaps.
        written: this state is the answer to our own write in this pass; what was only read may have been changed by
            somebody else, and a foreign change of metadata is no reason to write a status.
        intact: as in `Metadata`.
    """

    key: ObjectKey
    version: Version
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner_references: tuple[Mapping[str, Any], ...] = ()
    deleting: bool = False
    changed: datetime | None = None
    type: str = ""
    immutable: bool = False
    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    written: bool = False
    intact: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that did not do what was asked; the value of a `ClusterError` that a snapshot can hold.

    Attributes:
        message: safe for a status: verb, object, code and reason, never a body.
    """

    cause: FailureCause
    message: str
    status: int = 0
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Subject:
    """The custom resource that a pass is about, as the watch last delivered it or as our own write left it.

    Attributes:
        generation: `metadata.generation`; what `status.observedGeneration` is compared with.
        spec: as stored, already defaulted by the API server; parse it with the kind's model.
        status: as stored; empty before the first pass.
        finalizers: all of them, also those of others.
        modified: when somebody last wrote the spec, as the managed fields tell; `None` when they do not.
    """

    key: ObjectKey
    version: Version
    generation: int
    created: datetime
    spec: Mapping[str, Any]
    status: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    modified: datetime | None = None

    @property
    def owner(self) -> str:
        """The value of `certwright.io/owner` on the targets of this object: `<Kind>/<name>`."""
        return f"{self.key.kind}/{self.key.name}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a judgement and a plan are made from.

    Attributes:
        now: judgement time (system time plus the clock port's offset), aware UTC, whole seconds.
        judged_by: digest of the engine's version, the reasons and the settings that can change a verdict.
        objects: what was read; `None` says that the object is known to be absent.
        failures: reads and writes of this pass that failed, by object; a failed read leaves no entry in `objects`.
        clock_doubted: system time and the API server's `Date` are more than 60 s apart: judge nothing by time.
        answers: what was asked besides objects, by question (see `certwright.reconcile.questions`).
        epoch: the Lease's `leaseTransitions` under which this pass is made; creations bear it.
    """

    subject: Subject
    now: datetime
    judged_by: str
    objects: Mapping[ObjectKey, Observed | None] = field(default_factory=dict)
    failures: Mapping[ObjectKey, Failure] = field(default_factory=dict)
    clock_doubted: bool = False
    epoch: int = 0
    answers: Mapping[Hashable, Any] = field(default_factory=dict)

    def get(self, key: ObjectKey) -> Observed | None:
        """Give the object as read; `None` when it is absent or could not be read (see `failures`)."""
        return self.objects.get(key)

    def knows(self, need: Hashable) -> bool:
        """Say whether the object was read, found absent, or failed to be read in this pass; or a question answered."""
        return need in self.objects or need in self.failures or need in self.answers

    def with_object(self, key: ObjectKey, observed: Observed | None) -> Snapshot:
        """Give a snapshot in which `key` is as `observed`, and no longer failed."""
        failures = {other: failure for other, failure in self.failures.items() if other != key}
        return replace(self, objects={**self.objects, key: observed}, failures=failures)

    def with_objects(
        self, objects: Mapping[ObjectKey, Observed | None], failures: Mapping[ObjectKey, Failure]
    ) -> Snapshot:
        """Give a snapshot with the outcomes of many requests at once, as `with_object` and `with_failure` do of one."""
        failed = {key: failure for key, failure in self.failures.items() if key not in objects}
        return replace(self, objects={**self.objects, **objects}, failures={**failed, **failures})

    def with_answer(self, question: Hashable, answer: Any) -> Snapshot:
        """Give a snapshot in which `question` is answered."""
        return replace(self, answers={**self.answers, question: answer})

    def with_failure(self, key: ObjectKey, failure: Failure) -> Snapshot:
        """Give a snapshot in which the last request about `key` failed; what was read of it stays."""
        return replace(self, failures={**self.failures, key: failure})

    def with_subject(self, subject: Subject) -> Snapshot:
        """Give a snapshot with the subject as a status write left it."""
        return replace(self, subject=subject)
