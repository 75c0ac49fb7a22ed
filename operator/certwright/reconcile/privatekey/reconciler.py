"""The reconciler of PrivateKeys: its pure steps under the names that the runtime knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from certwright.findings import Finding
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.plan import Plan
from certwright.reconcile.private_keys import face_of, find_secret
from certwright.reconcile.privatekey.judge import judge, refuse
from certwright.reconcile.privatekey.judgement import Judgement
from certwright.reconcile.privatekey.planner import plan
from certwright.reconcile.privatekey.settled import find_due
from certwright.reconcile.questions import Naming, Need, Question
from certwright.reconcile.reconciler import Held
from certwright.settings import Settings

ENGINE = 2
"""Raised whenever the same key could be judged, stored or reported differently than before."""


@dataclass(frozen=True, slots=True)
class PrivateKeys:
    """The pure steps of PrivateKeys; see `certwright.reconcile.plan.Reconciler`."""

    settings: Settings
    kind: Kind = Kind.PRIVATE_KEY

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        """Give the Secret."""
        secret = find_secret(subject)
        return frozenset({secret} if secret is not None else ())

    def asks(self, subject: Subject) -> frozenset[Question]:
        """Ask who names the key: those are listed."""
        return frozenset({Naming(subject.key)})

    def face(self, subject: Subject) -> str:
        """Show which key it is, where, and whether it is there: that is what certificates look at."""
        return face_of(subject)

    def needs(self, snapshot: Snapshot) -> frozenset[Need]:
        """Say what must be read: the Secret."""
        return frozenset() if snapshot.subject.deleting else frozenset(self.references(snapshot.subject))

    def settled(
        self, snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version]
    ) -> Literal[False] | None:
        """Say, from status and held metadata alone, whether a pass is due (`False`)."""
        return find_due(snapshot, held, verified=verified, judged_by=self._judged_by(snapshot))

    def is_heavy(self, snapshot: Snapshot) -> bool:
        """Say that judging is quick: keys are made when the plan is carried out."""
        del snapshot
        return False

    def judge(self, snapshot: Snapshot) -> Judgement:
        """Judge the wish; pure."""
        return judge(snapshot)

    def refuse(self, snapshot: Snapshot, problem: Finding) -> Judgement:
        """Give the judgement that stands when judging was cut short."""
        return refuse(snapshot, problem)

    def plan(self, judgement: Judgement, snapshot: Snapshot) -> Plan:
        """Say what is left to be done; quick, runs on the event loop."""
        return plan(judgement, snapshot, settings=self.settings, judged_by=self._judged_by(snapshot))

    def _judged_by(self, snapshot: Snapshot) -> str:
        """Digest what a verdict depends on besides the Secret."""
        return "sha256:" + hashlib.sha256(json.dumps([ENGINE, snapshot.judged_by]).encode()).hexdigest()
