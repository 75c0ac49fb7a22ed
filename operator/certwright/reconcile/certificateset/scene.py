"""What the protocol looks at: the journal, the judgement, and every place as it is now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from certwright.findings import Finding
from certwright.pki.render import PRIVATE_KEY_KEY
from certwright.reconcile.certificateset.journal import Entry, Journal
from certwright.reconcile.certificateset.judgement import Judgement
from certwright.reconcile.certificateset.kept import holds_payload, payload_key
from certwright.reconcile.certificateset.wish import list_namespaces
from certwright.reconcile.marks import (
    LABELS,
    is_labelled,
    is_owned,
    owner_reference,
    was_created_by_us,
)
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import EPOCH_ANNOTATION, OWNER_ANNOTATION, Action
from certwright.reconcile.set_actions import (
    COMMIT_ANNOTATION,
    REVISION_ANNOTATION,
    SLOT_ANNOTATION,
    ApplyContent,
)
from certwright.settings import Settings

TLS_TYPE = "kubernetes.io/tls"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps one place from holding what it should.

    Attributes:
        retry: time may mend it.
        waiting: nobody has to do anything about it.
    """

    namespace: str
    secret: str
    finding: Finding
    retry: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What the protocol does next.

    Attributes:
        stage: actions that may run side by side; none: there is nothing to do, or nothing that could be done now.
        afresh: what was observed is out of date; end the pass, and begin another at once.
        troubles: what keeps places from holding what they should.
        settling: inputs changed a moment ago, and their verdict is not acted upon yet.
        resting: nothing is on its way: what was kept for it can go.
        waiting: what is kept for a commit that cannot start yet; what was kept for others can go.
        retry: time may mend what is wrong: look again with back-off.
        requeue_at: look again then.
    """

    stage: tuple[Action, ...] = ()
    afresh: bool = False
    troubles: tuple[Trouble, ...] = ()
    settling: bool = False
    resting: bool = False
    waiting: frozenset[ObjectKey] | None = None
    retry: bool = False
    requeue_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that `advance` may look at.

    Attributes:
        holder: this process.
        pending_since: when a change that has not settled was first seen.
    """

    snapshot: Snapshot
    judgement: Judgement
    journal: Journal
    settings: Settings
    holder: str
    pending_since: datetime | None = None
    delete_policy: bool = field(default=False)

    @property
    def epoch(self) -> int:
        """The number of our term."""
        return self.snapshot.epoch

    @property
    def circumstances(self) -> str:
        """Digest the wish and the namespaces: what failed in others may be tried again."""
        nodes = self.judgement.nodes
        facts = [self.snapshot.subject.generation, sorted(nodes.chosen.items()), list(nodes.missing)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def payload(self, revision: str, slot: str) -> Mapping[str, bytes] | None:
        """Give the bytes of one slot of a revision; `None` when they are lost."""
        key = payload_key(self.settings.namespace, self.snapshot.subject.version.uid, revision, slot)
        observed, parts = self.snapshot.get(key), self.judgement.parts
        made = parts is not None and self.judgement.revision == revision and slot in parts
        # What was kept is as good as what is made anew, unless somebody changed it.
        kept = observed is not None and holds_payload(observed, revision, slot)
        if observed is not None and kept and (revision in self.judgement.sound or not made):
            return observed.data
        return parts[slot].data if parts is not None and made else None

    def is_dropped(self, entry: Entry) -> bool:
        """Say whether a namespace needs no longer be served: it goes, is another by now, or left the wish."""
        return self.has_left(entry) or self.is_gone(entry)

    def has_left(self, entry: Entry) -> bool:
        """Say whether a person took a namespace out of the wish."""
        return self.judgement.spec is not None and entry.namespace not in self.judgement.nodes.chosen

    def is_gone(self, entry: Entry) -> bool:
        """Say whether a namespace goes, is gone, or is another by now."""
        facts = list_namespaces(self.snapshot).get(entry.namespace)
        return facts is None or facts.terminating or facts.uid != entry.namespace_uid

    def is_ours(self, observed: Observed) -> bool:
        """Say whether a Secret belongs to this set."""
        return is_owned(observed, self.snapshot.subject)

    def holds(self, observed: Observed, revision: str, slot: str, data: Mapping[str, bytes]) -> bool:
        """Say whether a Secret holds one slot of a revision, and bears our marks."""
        return (
            self.is_ours(observed)
            and is_labelled(observed)
            and observed.annotations.get(REVISION_ANNOTATION) == revision
            and observed.annotations.get(SLOT_ANNOTATION) == slot
            and all(observed.data.get(name) == content for name, content in data.items())
        )

    def write(
        self, key: ObjectKey, slot: str, revision: str, data: Mapping[str, bytes], *, epoch: int, afresh: bool = False
    ) -> ApplyContent:
        """Write one slot of a revision to one place, as the place is now.

        Args:
            key: the place.
            slot: of the revision.
            revision: what it is to hold.
            data: the bytes.
            epoch: of the journal.
            afresh: create it, whatever there was.
        """
        subject, observed = self.snapshot.subject, None if afresh else self.snapshot.get(key)
        annotations = {
            OWNER_ANNOTATION: subject.owner,
            REVISION_ANNOTATION: revision,
            SLOT_ANNOTATION: slot,
            COMMIT_ANNOTATION: str(epoch),
        }
        # The epoch of the creation stays as long as the object bears it: only what we created is ever deleted.
        created = str(self.epoch) if observed is None else observed.annotations.get(EPOCH_ANNOTATION)
        if created is not None:
            annotations[EPOCH_ANNOTATION] = created
        referenced = self.delete_policy and (observed is None or was_created_by_us(observed, subject))
        return ApplyContent(
            key=key,
            replaces=observed.version if observed is not None else None,
            data=data,
            labels=LABELS,
            annotations=annotations,
            type=observed.type if observed is not None else type_of(data),
            owner_reference=owner_reference(subject) if referenced else None,
        )


def type_of(data: Mapping[str, bytes]) -> str:
    """Give the type of a Secret that is created: the API server demands a key of the one for TLS."""
    return TLS_TYPE if PRIVATE_KEY_KEY in data else "Opaque"


def place_of(entry: Entry) -> ObjectKey:
    """Give the Secret that an entry is about."""
    return ObjectKey(Kind.SECRET, entry.namespace, entry.secret)


def seconds(count: float) -> timedelta:
    """Give a duration."""
    return timedelta(seconds=count)
