"""What stores and other decisions see of a TrustDecision: whether its CA is trusted, and if not, whether that counts.

A withdrawal is somebody's decision, an end is time's: both take a deployed CA out. Trouble is neither, it leaves it in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from certwright.api.model import parse_leniently
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.api.trustdecision_spec import CertUse
from certwright.findings import Reason
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.objects import Kind, Subject
from certwright.reconcile.questions import Collection
from certwright.reconcile.remembering import remember_as_long_as_it_lives

MODIFIED_BY_ANNOTATION = "certwright.io/modified-by"
CREATED_BY_ANNOTATION = "certwright.io/created-by"
APPROVED_BY_ANNOTATION = "certwright.io/approved-by"


class Standing(StrEnum):
    """How a decision counts."""

    TRUSTED = "trusted"
    """Judged as it is now, good, and trusted."""
    WITHDRAWN = "withdrawn"
    """Untrusted as wished, or revoked: out of every store and verdict at once, whatever else speaks for the CA."""
    ENDED = "ended"
    """Past `trustUntil`, or expired: as if withdrawn, but another decision may go on trusting the same CA."""
    LEAVING = "leaving"
    """Being deleted: a change like any other."""
    PENDING = "pending"
    """Nobody has judged it as it is now: what was deployed under it stays."""
    TROUBLED = "troubled"
    """Its material is bad or absent, or cannot be judged: what was deployed under it stays, nothing is added."""


@dataclass(frozen=True, slots=True)
class Stance:
    """What others see of a decision.

    Attributes:
        name: of the decision.
        fingerprint: of the certificate that was judged last, or that a withdrawal names; `None` when none is known.
        until: `trustUntil`.
        author: who last changed it; `None` without the component `audit`.
    """

    name: str
    uid: str
    standing: Standing
    role: CertUse
    labels: Mapping[str, str]
    fingerprint: str | None = None
    until: datetime | None = None
    author: str | None = None


def decisions_of(namespace: str) -> Collection:
    """Give the collection of all decisions of a namespace."""
    return Collection(Kind.TRUST_DECISION, namespace)


@remember_as_long_as_it_lives
def read_stance(decision: Subject) -> Stance:
    """Tell it from spec, labels and status."""
    status = parse_leniently(TrustDecisionStatus, decision.status)
    spec = decision.spec
    return Stance(
        name=decision.key.name,
        uid=decision.version.uid,
        standing=_find_standing(decision, status),
        role="intermediateCA" if spec.get("certUse") == "intermediateCA" else "rootCA",
        labels=decision.labels,
        fingerprint=_find_fingerprint(spec, status),
        until=read_instant(spec.get("trustUntil")),
        author=decision.annotations.get(MODIFIED_BY_ANNOTATION),
    )


def _find_fingerprint(spec: Mapping[str, Any], status: TrustDecisionStatus) -> str | None:
    # Whoever withdraws a CA by its fingerprint means that one, also while the certificate itself cannot be had.
    if spec.get("trustStateDesired") == "untrusted" and spec.get("fingerprint"):
        return str(spec["fingerprint"])
    return status.fingerprint or (status.record.fingerprint if status.record is not None else None)


def _find_standing(decision: Subject, status: TrustDecisionStatus) -> Standing:
    # A wish to withdraw needs no judgement, and a decision that goes away is not waited for.
    if decision.spec.get("trustStateDesired") == "untrusted":
        return Standing.WITHDRAWN
    judged = status.observed_generation == decision.generation
    taken_out = _find_end(status) if judged else None
    if taken_out is not None:
        return taken_out
    if decision.deleting:
        return Standing.LEAVING
    if not judged or status.trust_state is None:
        return Standing.PENDING
    return Standing.TRUSTED if status.trust_state == "trusted" else Standing.TROUBLED


def _find_end(status: TrustDecisionStatus) -> Standing | None:
    reasons = {each.reason for each in status.findings if each.severity == "Error"}
    if Reason.REVOKED.value in reasons:
        return Standing.WITHDRAWN
    return Standing.ENDED if status.trust_state == "expired" or Reason.TRUST_ENDED.value in reasons else None


@remember_as_long_as_it_lives
def face_of(decision: Subject) -> str:
    """Digest what others see of a decision."""
    stance = read_stance(decision)
    seen: list[Any] = [
        stance.uid,
        stance.standing,
        stance.role,
        sorted(stance.labels.items()),
        stance.fingerprint,
        stance.until.isoformat() if stance.until is not None else None,
        stance.author,
        decision.generation,
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()
