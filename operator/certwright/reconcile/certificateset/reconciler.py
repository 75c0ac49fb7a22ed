"""The reconciler of ClusterCertificateSets: its pure steps under the names that the runtime knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from certwright.findings import Finding
from certwright.reconcile.certificateset.judge import judge, refuse
from certwright.reconcile.certificateset.judgement import Judgement
from certwright.reconcile.certificateset.planner import plan
from certwright.reconcile.certificateset.references import find_dependencies, find_needs, find_questions
from certwright.reconcile.certificateset.settled import find_due
from certwright.reconcile.certificateset.wish import read_wish
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.plan import Plan
from certwright.reconcile.questions import Need, Question
from certwright.reconcile.reconciler import Held
from certwright.settings import Settings

ENGINE = 4
"""Raised whenever the same certificates could be judged, deployed or reported differently than before."""

HEAVY_CERTIFICATES = 16
"""Sets of more certificates than this are judged in a worker process."""


@dataclass(frozen=True, slots=True)
class ClusterCertificateSets:
    """The pure steps of ClusterCertificateSets; see `certwright.reconcile.plan.Reconciler`.

    Attributes:
        holder: this process; a journal that another one left unfinished is taken over first.
    """

    settings: Settings
    holder: str
    kind: Kind = Kind.CLUSTER_CERTIFICATE_SET

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        """Give the inputs, the journal, and the places that could not be written."""
        return find_dependencies(subject, self.settings)

    def asks(self, subject: Subject) -> frozenset[Question]:
        """Ask for the namespaces, and for what bears our marks."""
        return find_questions(subject)

    def face(self, subject: Subject) -> str:
        """Show nothing: nobody asks for all sets."""
        del subject
        return ""

    def needs(self, snapshot: Snapshot) -> frozenset[Need]:
        """Say what must be read for a verdict, given what is known so far."""
        return find_needs(snapshot, self.settings)

    def settled(
        self, snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version]
    ) -> datetime | Literal[False] | None:
        """Say, from status and held metadata alone, whether a pass is due (`False`), else when the next check is."""
        return find_due(snapshot, held, verified, judged_by=self._judged_by(snapshot), settings=self.settings)

    def is_heavy(self, snapshot: Snapshot) -> bool:
        """Say whether judging takes more than a moment: password-based key derivation, or many certificates."""
        spec = read_wish(snapshot.subject)
        if isinstance(spec, Finding):
            return False
        locked = any(
            reference is not None and reference.password_ref is not None
            for each in spec.certificates
            for reference in (each.certificate_ref, each.private_key_ref)
        )
        return locked or len(spec.certificates) > HEAVY_CERTIFICATES

    def judge(self, snapshot: Snapshot) -> Judgement:
        """Judge the material; pure and picklable both ways."""
        return judge(snapshot, self.settings)

    def refuse(self, snapshot: Snapshot, problem: Finding) -> Judgement:
        """Give the judgement that stands when judging was cut short."""
        return refuse(snapshot, problem, self.settings)

    def plan(self, judgement: Judgement, snapshot: Snapshot) -> Plan:
        """Say what is left to be done; quick, runs on the event loop."""
        return plan(
            judgement,
            snapshot,
            settings=self.settings,
            holder=self.holder,
            judged_by=self._judged_by(snapshot),
        )

    def _judged_by(self, snapshot: Snapshot) -> str:
        """Digest what a verdict depends on besides the inputs: what all kinds depend on, and where keys may go."""
        settings = self.settings
        rules = [
            ENGINE,
            snapshot.judged_by,
            settings.namespace,
            sorted(settings.set_namespaces),
            sorted(settings.watch_namespaces),
        ]
        return "sha256:" + hashlib.sha256(json.dumps(rules).encode()).hexdigest()
