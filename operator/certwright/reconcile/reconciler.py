"""The port between the runtime and a kind: the pure steps that make its pass, and what they may ask of the cache."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from certwright.findings import Finding
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.plan import Plan
from certwright.reconcile.questions import Need, Question


class Held(Protocol):
    """What the metadata watch knows of objects, without any request."""

    def peek(self, key: ObjectKey) -> Metadata | None:
        """Give the metadata held, or `None` when the object is absent or nothing is known of it."""
        ...

    def is_absent(self, key: ObjectKey) -> bool:
        """Say whether the object surely did not exist when the watch last spoke; `False` when in doubt."""
        ...


JudgementT = TypeVar("JudgementT")


class Reconciler(Protocol[JudgementT]):
    """The pure steps of one kind; `runtime` drives them, `cluster` serves them, `check` walks them with files."""

    @property
    def kind(self) -> Kind:
        """Give the kind; a property, so that a frozen value may be a reconciler."""
        ...

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        """Say which objects this subject refers to or writes, from spec and status alone (the dependency index)."""
        ...

    def asks(self, subject: Subject) -> frozenset[Question]:
        """Say what must be answered from memory before anything else; its collections are part of the index."""
        ...

    def face(self, subject: Subject) -> str:
        """Digest what those see of this object who ask for the collection that it is in; they are told of changes."""
        ...

    def needs(self, snapshot: Snapshot) -> frozenset[Need]:
        """Say what must be read for a verdict, given what is known so far; gather asks until nothing new comes."""
        ...

    def settled(
        self, snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version]
    ) -> datetime | Literal[False] | None:
        """Say, from `status.record` and held metadata alone, that nothing changed since the last verdict.

        Args:
            snapshot: the subject and the time; no object has been read yet.
            held: what the metadata watch holds.
            verified: versions that an earlier pass of this process has read and found in order, though the status does
                not record them (a foreign metadata change of a target is read once, and not worth a status write).

        Returns:
            `False` when a pass is due; else the instant of the next check, `None` when there is none.
        """
        ...

    def is_heavy(self, snapshot: Snapshot) -> bool:
        """Say whether judging this snapshot belongs into a worker process (PKCS#12, large or encrypted input)."""
        ...

    def judge(self, snapshot: Snapshot) -> JudgementT:
        """Judge the material; pure and picklable both ways."""
        ...

    def refuse(self, snapshot: Snapshot, problem: Finding) -> JudgementT:
        """Give the judgement that stands when judging was cut short: its time was up, or its process died."""
        ...

    def plan(self, judgement: JudgementT, snapshot: Snapshot) -> Plan:
        """Say what is left to be done; quick, runs on the event loop."""
        ...
