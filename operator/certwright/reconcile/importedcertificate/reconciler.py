"""The reconciler of ImportedCertificates: its pure steps under the names that the runtime knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from certwright.findings import Detail, Finding, Reason
from certwright.reconcile.importedcertificate.judge import judge, refuse
from certwright.reconcile.importedcertificate.judgement import Judgement
from certwright.reconcile.importedcertificate.needs import find_dependencies, find_needs, read_spec
from certwright.reconcile.importedcertificate.planner import plan
from certwright.reconcile.importedcertificate.private_key import find_key_question, find_offer
from certwright.reconcile.importedcertificate.references import all_inputs
from certwright.reconcile.importedcertificate.settled import find_due
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.plan import Plan
from certwright.reconcile.private_keys import face_of_certificate
from certwright.reconcile.questions import Need, Question
from certwright.reconcile.reconciler import Held
from certwright.reconcile.trust.lists import find_questions
from certwright.settings import Settings

ENGINE = 4
"""Raised whenever the same material could be judged, stored or reported differently than before."""

HEAVY_BYTES = 64 * 1024
"""Inputs beyond this size together are judged in a worker process."""

HEAVY_RSA_BITS = 4096
"""Signing with larger keys takes tens of milliseconds: requests and self-signed certificates are made elsewhere."""


@dataclass(frozen=True, slots=True)
class ImportedCertificates:
    """The pure steps of ImportedCertificates; see `certwright.reconcile.reconciler.Reconciler`."""

    settings: Settings
    kind: Kind = Kind.IMPORTED_CERTIFICATE

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        """Give every Secret and ConfigMap that this subject reads or writes."""
        return find_dependencies(subject)

    def asks(self, subject: Subject) -> frozenset[Question]:
        """Ask for the stores, the sources of revocation lists, and the PrivateKey, when the wish looks at them."""
        # Every pass asks, and few wishes speak of those: the others are not read for it.
        asked = find_questions(read_spec(subject), subject) if subject.spec.get("trust") else frozenset()
        if not _may_hang_under_key(subject):
            return asked
        key = find_key_question(read_spec(subject), subject.key.namespace)
        return asked | {key} if key is not None else asked

    def face(self, subject: Subject) -> str:
        """Show what the key lists that it hangs under; nobody else asks for ImportedCertificates."""
        return face_of_certificate(subject) if _may_hang_under_key(subject) else ""

    def needs(self, snapshot: Snapshot) -> frozenset[Need]:
        """Say what must be read for a verdict, given what is known so far."""
        return find_needs(snapshot, self.settings.namespace)

    def settled(
        self, snapshot: Snapshot, held: Held, *, verified: Mapping[ObjectKey, Version]
    ) -> datetime | Literal[False] | None:
        """Say, from status and held metadata alone, whether a pass is due (`False`), else when the next check is."""
        return find_due(snapshot, held, verified)

    def is_heavy(self, snapshot: Snapshot) -> bool:
        """Say whether judging takes more than a moment: password-based key derivation, or large inputs."""
        spec = read_spec(snapshot.subject)
        if spec is None:
            return False
        if any(target.formats for target in spec.targets):
            return True
        upload, key = spec.certificate_ref, spec.private_key_ref
        if (upload is not None and upload.password_ref is not None) or (
            key is not None and key.password_ref is not None
        ):
            return True
        offer = find_offer(spec, snapshot)
        if offer is not None and (offer.algorithm or "").startswith("RSA") and (offer.size or 0) > HEAVY_RSA_BITS:
            return True
        inputs = (snapshot.get(each) for each in all_inputs(spec, snapshot.subject.key.namespace))
        size = sum(len(value) for each in inputs if each is not None for value in each.data.values())
        return size + len(spec.certificate or "") + len(spec.chain or "") > HEAVY_BYTES

    def judge(self, snapshot: Snapshot) -> Judgement:
        """Judge the material; pure and picklable both ways."""
        return judge(snapshot, operator_namespace=self.settings.namespace)

    def refuse(self, snapshot: Snapshot, problem: Finding) -> Judgement:
        """Give the judgement that stands when judging was cut short."""
        return refuse(snapshot, problem)

    def plan(self, judgement: Judgement, snapshot: Snapshot) -> Plan:
        """Say what is left to be done; quick, runs on the event loop."""
        return plan(judgement, snapshot, settings=self.settings)


def _may_hang_under_key(subject: Subject) -> bool:
    named = subject.spec.get("privateKeyRef")
    return isinstance(named, Mapping) and named.get("kind") == Kind.PRIVATE_KEY.value


def judged_by(settings: Settings) -> str:
    """Digest what a verdict depends on besides the inputs: the engine, the vocabulary, and the settings that count.

    A verdict of another engine is made again after an upgrade; one of equal settings is not made again after a
    restart.
    """
    rules = {
        "engine": ENGINE,
        "reasons": sorted(Reason),
        "details": sorted(Detail),
        "settings": [settings.stalled_after_seconds, settings.pair_grace_seconds],
    }
    canonical = json.dumps(rules, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
