"""The reconciler of TrustDecisions: its pure steps under the names that the runtime knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from certwright.findings import Finding
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.plan import Plan
from certwright.reconcile.questions import Need, Question
from certwright.reconcile.reconciler import Held
from certwright.reconcile.trust.material import find_objects
from certwright.reconcile.trust.stance import face_of
from certwright.reconcile.trustdecision.judge import judge, refuse
from certwright.reconcile.trustdecision.judgement import Judgement
from certwright.reconcile.trustdecision.planner import plan
from certwright.reconcile.trustdecision.references import find_needs, find_questions
from certwright.reconcile.trustdecision.settled import find_due
from certwright.settings import Settings

ENGINE = 1
"""Raised whenever the same certificate could be judged or reported differently than before."""


@dataclass(frozen=True, slots=True)
class TrustDecisions:
    """The pure steps of TrustDecisions; see `certwright.reconcile.reconciler.Reconciler`."""

    settings: Settings
    kind: Kind = Kind.TRUST_DECISION

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        """Give what the certificate is read from."""
        return find_objects(subject)

    def asks(self, subject: Subject) -> frozenset[Question]:
        """Ask for the stores, and for an intermediate for those who vouch for it."""
        return find_questions(subject)

    def face(self, subject: Subject) -> str:
        """Show what stores and other decisions look at."""
        return face_of(subject)

    def needs(self, snapshot: Snapshot) -> frozenset[Need]:
        """Say what must be read for a verdict, given what is known so far."""
        return find_needs(snapshot, self.settings.namespace)

    def settled(
        self, snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version]
    ) -> datetime | Literal[False] | None:
        """Say, from status and held metadata alone, whether a pass is due (`False`), else when the next check is."""
        del verified
        return find_due(snapshot, held, judged_by=self._judged_by(snapshot))

    def is_heavy(self, snapshot: Snapshot) -> bool:
        """Say that judging is quick: one certificate, and lists that were read before it."""
        del snapshot
        return False

    def judge(self, snapshot: Snapshot) -> Judgement:
        """Judge the certificate; pure."""
        return judge(snapshot, operator_namespace=self.settings.namespace)

    def refuse(self, snapshot: Snapshot, problem: Finding) -> Judgement:
        """Give the judgement that stands when judging was cut short."""
        return refuse(snapshot, problem)

    def plan(self, judgement: Judgement, snapshot: Snapshot) -> Plan:
        """Say what is left to be done; quick, runs on the event loop."""
        return plan(judgement, snapshot, settings=self.settings, judged_by=self._judged_by(snapshot))

    def _judged_by(self, snapshot: Snapshot) -> str:
        """Digest what a verdict depends on besides the inputs."""
        return "sha256:" + hashlib.sha256(json.dumps([ENGINE, snapshot.judged_by]).encode()).hexdigest()
