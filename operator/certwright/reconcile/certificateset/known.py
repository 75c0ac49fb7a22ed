"""What a pass over a set knows besides the wish: its journal, and what bears its marks."""

from __future__ import annotations

from collections.abc import Mapping

from certwright.pki.render import PRIVATE_KEY_KEY, read_stored
from certwright.reconcile.certificateset.journal import Journal, Phase, decode_journal
from certwright.reconcile.certificateset.kept import JOURNAL_KEY, Part, holds_payload, journal_key, payload_key
from certwright.reconcile.certificateset.past import read_past
from certwright.reconcile.certificateset.wish import Nodes
from certwright.reconcile.marks import has_owner_reference
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Snapshot
from certwright.reconcile.questions import Owned
from certwright.reconcile.remembering import remember
from certwright.reconcile.set_actions import COMMIT_ANNOTATION, KEPT_ANNOTATION, REVISION_ANNOTATION
from certwright.settings import Settings


def read_journal(snapshot: Snapshot, namespace: str) -> Journal | None:
    """Give the journal; `None` when there is none, or none that can be read."""
    observed = snapshot.get(journal_key(namespace, snapshot.subject.version.uid))
    return _decode(observed) if observed is not None else None


@remember
def _decode(observed: Observed) -> Journal | None:
    return decode_journal(observed.data.get(JOURNAL_KEY, b""))


def list_owned(snapshot: Snapshot) -> Mapping[ObjectKey, Metadata]:
    """Give all that bears our marks, as the watch held it when the pass began."""
    answer: Mapping[ObjectKey, Metadata] = snapshot.answers.get(Owned(snapshot.subject.key), {})
    return answer


def list_targets(snapshot: Snapshot) -> Mapping[ObjectKey, Metadata]:
    """Give the targets among it."""
    return {
        key: each
        for key, each in list_owned(snapshot).items()
        if key.kind is Kind.SECRET and KEPT_ANNOTATION not in each.annotations
    }


def list_nodes(nodes: Nodes, snapshot: Snapshot) -> Mapping[str, str]:
    """Give the namespaces that are to hold what is deployed, with their uids.

    While something is wrong with the choice no namespace joins; those that hold something of ours, or did so when the
    last status was written, are kept as they are.
    """
    if not nodes.findings:
        return nodes.chosen
    held = {key.namespace for key in list_targets(snapshot)}
    held |= {each.name for each in read_past(snapshot.subject).status.namespaces if each.revision is not None}
    return {name: uid for name, uid in nodes.chosen.items() if name in held}


def list_present(snapshot: Snapshot) -> Mapping[ObjectKey, Metadata]:
    """Give the targets: as the watch held them, and as this pass has left them."""
    present = dict(list_targets(snapshot))
    for key, observed in snapshot.objects.items():
        if observed is None or COMMIT_ANNOTATION not in observed.annotations:
            present.pop(key, None)
        elif REVISION_ANNOTATION in observed.annotations:
            intact = observed.intact or observed.written
            present[key] = Metadata(
                observed.version,
                observed.annotations,
                managed=True,
                intact=intact,
                seen=True,
                owner_uid=_find_owner(observed, snapshot),
            )
    return present


def _find_owner(observed: Observed, snapshot: Snapshot) -> str | None:
    return snapshot.subject.version.uid if has_owner_reference(observed, snapshot.subject) else None


def list_kept(snapshot: Snapshot) -> Mapping[ObjectKey, Metadata]:
    """Give what is kept for the set in the operator's namespace."""
    return {key: each for key, each in list_owned(snapshot).items() if KEPT_ANNOTATION in each.annotations}


def is_unread(snapshot: Snapshot, namespace: str) -> bool:
    """Say whether the journal could not be read: that is none of what it says, and none of its loss."""
    key = journal_key(namespace, snapshot.subject.version.uid)
    return key in snapshot.failures and key not in snapshot.objects


def is_lost(journal: Journal | None, snapshot: Snapshot, namespace: str) -> bool:
    """Say whether the set had something deployed that nothing is known of any more.

    It stays so when what was to be written anew had to be undone: only what comes too late of that is known.
    """
    targets = list_targets(snapshot).values()
    if journal is None:
        return bool(targets) and not is_unread(snapshot, namespace)
    if journal.phase is not Phase.IDLE or journal.deployed is not None:
        return False
    failed = journal.failed.revision if journal.failed is not None else None
    return any(each.annotations.get(REVISION_ANNOTATION) != failed for each in targets)


def read_part(revision: str, slot: str, secret: str, snapshot: Snapshot, settings: Settings) -> Part | None:
    """Read one payload back; `None` when it is gone, or is not what it should be."""
    key = payload_key(settings.namespace, snapshot.subject.version.uid, revision, slot)
    observed = snapshot.get(key)
    if observed is None or not holds_payload(observed, revision, slot):
        return None
    stored = read_stored(observed.data)
    if stored is None or (stored.key is None and PRIVATE_KEY_KEY in observed.data):
        return None
    return Part(
        slot=slot,
        secret=secret,
        certificates=tuple(each.fingerprint for each in (stored.leaf, *stored.chain)),
        key=stored.key.public.fingerprint if stored.key is not None else None,
        data=observed.data,
        anchor=stored.ca[0].fingerprint if stored.ca else None,
    )
