"""The reconcilers of TrustStores and ClusterTrustStores: their pure steps under the names that the runtime knows."""

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
from certwright.reconcile.trust.deployed import face_of
from certwright.reconcile.truststore.judge import judge, refuse
from certwright.reconcile.truststore.judgement import Judgement
from certwright.reconcile.truststore.planner import plan
from certwright.reconcile.truststore.references import find_dependencies, find_needs, find_questions
from certwright.reconcile.truststore.settled import find_due
from certwright.reconcile.truststore.wish import find_aims, read_wish
from certwright.settings import Settings

ENGINE = 3
"""Raised whenever the same decisions could be deployed or reported differently than before."""


@dataclass(frozen=True, slots=True)
class TrustStores:
    """The pure steps of TrustStores; see `certwright.reconcile.reconciler.Reconciler`."""

    settings: Settings
    kind: Kind = Kind.TRUST_STORE

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        """Give the passwords, the targets that are not found by their marks, and the records."""
        return find_dependencies(subject, self.settings)

    def asks(self, subject: Subject) -> frozenset[Question]:
        """Ask for the decisions, the namespaces, what bears our marks, and the public roots, as far as they matter."""
        return find_questions(subject)

    def face(self, subject: Subject) -> str:
        """Show what is deployed: that is what decisions and certificates look at."""
        return face_of(subject)

    def needs(self, snapshot: Snapshot) -> frozenset[Need]:
        """Say what must be read for a verdict, given what is known so far."""
        return find_needs(snapshot, self.settings)

    def settled(
        self, snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version]
    ) -> datetime | Literal[False] | None:
        """Say, from status and held metadata alone, whether a pass is due (`False`), else when the next check is."""
        return find_due(snapshot, held, verified, judged_by=self._judged_by(snapshot), settings=self.settings)

    def is_heavy(self, snapshot: Snapshot) -> bool:
        """Say whether judging takes more than a moment: PKCS#12 files are opened to compare them."""
        spec = read_wish(snapshot.subject)
        if isinstance(spec, Finding):
            return False
        return any(aim.format == "PKCS12" for aim in find_aims(spec, snapshot.subject.key.namespace))

    def judge(self, snapshot: Snapshot) -> Judgement:
        """Judge what the decisions make; pure and picklable both ways."""
        return judge(snapshot, operator_namespace=self.settings.namespace)

    def refuse(self, snapshot: Snapshot, problem: Finding) -> Judgement:
        """Give the judgement that stands when judging was cut short."""
        return refuse(snapshot, problem)

    def plan(self, judgement: Judgement, snapshot: Snapshot) -> Plan:
        """Say what is left to be done; quick, runs on the event loop."""
        return plan(judgement, snapshot, settings=self.settings, judged_by=self._judged_by(snapshot))

    def _judged_by(self, snapshot: Snapshot) -> str:
        """Digest what a verdict depends on besides the inputs: what all kinds depend on, and where bundles may go."""
        settings = self.settings
        rules = [
            ENGINE,
            snapshot.judged_by,
            settings.namespace,
            sorted(settings.bundle_namespaces),
            sorted(settings.watch_namespaces),
        ]
        return "sha256:" + hashlib.sha256(json.dumps(rules).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ClusterTrustStores(TrustStores):
    """The pure steps of ClusterTrustStores; see `certwright.reconcile.reconciler.Reconciler`."""

    kind: Kind = Kind.CLUSTER_TRUST_STORE
