"""What must be read for a pass over a set, and what a set depends on."""

from __future__ import annotations

from certwright.findings import Finding
from certwright.reconcile.certificateset.journal import Journal, Phase
from certwright.reconcile.certificateset.kept import journal_key, payload_key
from certwright.reconcile.certificateset.known import is_lost, list_nodes, list_targets, read_journal
from certwright.reconcile.certificateset.past import read_past
from certwright.reconcile.certificateset.repair import find_belief
from certwright.reconcile.certificateset.scene import place_of
from certwright.reconcile.certificateset.wish import find_inputs, find_nodes, read_wish
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.questions import Namespaces, Need, Owned, Question
from certwright.reconcile.set_actions import UNFINISHED_FINALIZER
from certwright.reconcile.trust import lists
from certwright.reconcile.trust.reliance import find_record
from certwright.settings import Settings


def find_questions(subject: Subject) -> frozenset[Question]:
    """Ask for all namespaces, for all that bears our marks, and for the store and the lists that the wish looks at."""
    spec = read_wish(subject)
    measures = frozenset() if isinstance(spec, Finding) or spec.trust is None else lists.find_questions(spec, subject)
    return measures | {Namespaces(), Owned(subject.key)}


def find_dependencies(subject: Subject, settings: Settings) -> frozenset[ObjectKey]:
    """Give the inputs, the journal, and the places that could not be written: somebody may make room."""
    spec = read_wish(subject)
    if isinstance(spec, Finding):
        return frozenset()
    stuck = [row.name for row in read_past(subject).status.namespaces if not row.updated]
    places = {ObjectKey(Kind.SECRET, name, slot.secret_name) for name in stuck for slot in spec.slots}
    return find_inputs(spec) | places | {journal_key(settings.namespace, subject.version.uid)}


def find_needs(snapshot: Snapshot, settings: Settings) -> frozenset[Need]:
    """Say what must be read: the material and the journal first, then what the journal names, then the places."""
    subject = snapshot.subject
    spec = read_wish(subject)
    key = journal_key(settings.namespace, subject.version.uid)
    needs: set[Need] = {key}
    needs |= set() if isinstance(spec, Finding) else find_inputs(spec)
    if not snapshot.knows(key):
        return frozenset(needs)
    if not isinstance(spec, Finding):
        needs |= find_record(spec, snapshot, settings.namespace) | lists.find_lists(spec, snapshot, settings.namespace)
    journal = read_journal(snapshot, settings.namespace)
    if journal is not None:
        needs |= _kept(journal, snapshot, settings)
    return frozenset(needs | _places(journal, snapshot, settings))


def _kept(journal: Journal, snapshot: Snapshot, settings: Settings) -> set[ObjectKey]:
    uid = snapshot.subject.version.uid
    keys = {
        payload_key(settings.namespace, uid, revision, slot)
        for revision, contents in journal.contents.items()
        for slot in contents
    }
    if journal.phase is Phase.ROLLING_BACK:
        backups = (each.pre.backup for each in journal.entries if each.pre is not None)
        keys |= {ObjectKey(Kind.SECRET, settings.namespace, name) for name in backups if name is not None}
    return keys


def _places(journal: Journal | None, snapshot: Snapshot, settings: Settings) -> set[ObjectKey]:
    """Give the places that must be looked at: all while something is on its way, else those that differ."""
    if journal is not None and journal.phase is not Phase.IDLE:
        return {place_of(each) for each in journal.entries}
    spec = read_wish(snapshot.subject)
    if isinstance(spec, Finding) or snapshot.subject.deleting:
        return set()
    nodes = list_nodes(find_nodes(spec, snapshot, settings), snapshot)
    deployed = journal.deployed if journal is not None else None
    secrets = set(journal.contents_of(deployed).values()) if journal is not None else set()
    if UNFINISHED_FINALIZER in snapshot.subject.finalizers:
        secrets |= {slot.secret_name for slot in spec.slots}
        if is_lost(journal, snapshot, settings.namespace):
            secrets |= {key.name for key in list_targets(snapshot)}
        return {ObjectKey(Kind.SECRET, namespace, name) for namespace in nodes for name in secrets}
    owned = list_targets(snapshot)
    places = {ObjectKey(Kind.SECRET, namespace, name) for namespace in nodes for name in secrets}
    strays = {key for key, held in owned.items() if key not in places and not held.intact}
    belief = find_belief(snapshot.subject, deployed)
    return strays | {key for key in places if not belief.is_as_deployed(key, owned.get(key))}
