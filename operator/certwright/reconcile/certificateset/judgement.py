"""What the judge of a set hands to the planner; values only, picklable both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.findings import Finding, Severity
from certwright.reconcile.certificateset.kept import Parts
from certwright.reconcile.certificateset.material import SlotVerdict
from certwright.reconcile.certificateset.wish import Nodes
from certwright.validation import KnownRevocation

NO_NODES = Nodes({})


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a wish and its material.

    Attributes:
        spec: the wish; `None` when it cannot be read.
        findings: about the wish as a whole.
        slots: one for each slot and each unknown name.
        nodes: the namespaces that get the Secrets.
        parts: what all of them are to hold; `None` when something refuses the set.
        revision: identifies that.
        sound: the revisions whose payloads are all there and intact.
        expired: the revisions among them that may no longer be brought anywhere.
        changed: when an input was last changed.
        next_change: when the verdict changes by time alone.
        revocations: what is to be remembered of revoked certificates; `None` leaves what is remembered.
        held: what the set is measured against is not at hand, and nothing changed: the verdict of the status stands.
        epoch: of the journal that it was made with.
        lost: something that the set had deployed is there, and its journal is not.
    """

    spec: ClusterCertificateSetSpec | None
    findings: tuple[Finding, ...] = ()
    slots: tuple[SlotVerdict, ...] = ()
    nodes: Nodes = NO_NODES
    parts: Parts | None = field(default=None, repr=False)
    revision: str | None = None
    sound: frozenset[str] = frozenset()
    expired: frozenset[str] = frozenset()
    changed: datetime | None = None
    next_change: datetime | None = None
    lost: bool = False
    epoch: int = 0
    revocations: tuple[KnownRevocation, ...] | None = None
    held: bool = False

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Everything that was found, about the whole first."""
        return (*self.findings, *(found for each in self.slots for found in each.findings))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What refuses the set."""
        return tuple(each for each in self.all_findings if each.severity is Severity.ERROR)
