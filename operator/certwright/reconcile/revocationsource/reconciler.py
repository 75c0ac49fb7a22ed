"""The reconciler of RevocationSources: its pure steps under the names that the runtime knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from certwright.findings import Finding
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.offers import face_of
from certwright.reconcile.plan import Plan
from certwright.reconcile.questions import Need, Question
from certwright.reconcile.reconciler import Held
from certwright.reconcile.revocationsource.judge import judge, refuse
from certwright.reconcile.revocationsource.judgement import Judgement
from certwright.reconcile.revocationsource.needs import find_needs, find_questions
from certwright.reconcile.revocationsource.planner import plan
from certwright.reconcile.revocationsource.references import find_dependencies
from certwright.reconcile.revocationsource.settled import find_due
from certwright.settings import Settings

ENGINE = 2
"""Raised whenever the same list could be judged or reported differently than before."""


@dataclass(frozen=True, slots=True)
class RevocationSources:
    """The pure steps of RevocationSources; see `certwright.reconcile.reconciler.Reconciler`."""

    settings: Settings
    kind: Kind = Kind.REVOCATION_SOURCE

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        """Give what the list and its issuer are read from, and what the list in use is kept in."""
        return find_dependencies(subject, self.settings.namespace)

    def asks(self, subject: Subject) -> frozenset[Question]:
        """Ask how it stands with the server, and for the decisions of the namespace, as far as the wish needs them."""
        return find_questions(subject)

    def face(self, subject: Subject) -> str:
        """Show which list is in use: that is what verdicts look at."""
        return face_of(subject)

    def needs(self, snapshot: Snapshot) -> frozenset[Need]:
        """Say what must be read for a verdict, given what is known so far."""
        return find_needs(snapshot, self.settings.namespace)

    def settled(
        self, snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version]
    ) -> datetime | Literal[False] | None:
        """Say, from status and held metadata alone, whether a pass is due (`False`), else when the next check is."""
        del verified
        judged_by = self._judged_by(snapshot)
        return find_due(snapshot, held, judged_by=judged_by, operator_namespace=self.settings.namespace)

    def is_heavy(self, snapshot: Snapshot) -> bool:
        """Say that judging is quick: lists are read before it."""
        del snapshot
        return False

    def judge(self, snapshot: Snapshot) -> Judgement:
        """Judge the list; pure."""
        return judge(snapshot, operator_namespace=self.settings.namespace)

    def refuse(self, snapshot: Snapshot, problem: Finding) -> Judgement:
        """Give the judgement that stands when judging was cut short."""
        return refuse(snapshot, problem)

    def plan(self, judgement: Judgement, snapshot: Snapshot) -> Plan:
        """Say what is left to be done; quick, runs on the event loop."""
        return plan(judgement, snapshot, settings=self.settings, judged_by=self._judged_by(snapshot))

    def _judged_by(self, snapshot: Snapshot) -> str:
        """Digest what a verdict depends on besides the inputs: what all kinds depend on, and what may be fetched."""
        settings = self.settings
        rules = [
            ENGINE,
            snapshot.judged_by,
            settings.crl_hosts,
            settings.crl_private_addresses,
            settings.crl_fetch_seconds,
            settings.crl_max_bytes,
        ]
        return "sha256:" + hashlib.sha256(json.dumps(rules).encode()).hexdigest()
