"""What a TrustDecision asks and needs: said once, for gathering, the index and the judgement."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from certwright.reconcile.objects import Snapshot, Subject
from certwright.reconcile.offers import digest_offers, is_pending, kept_list, sources_of
from certwright.reconcile.plan import DEPLOYED_FINALIZER
from certwright.reconcile.questions import Need, Question, members
from certwright.reconcile.trust.deployed import cluster_stores, decision_namespace_of, kept_trust, stores_of
from certwright.reconcile.trust.deployed import face_of as face_of_store
from certwright.reconcile.trust.material import find_objects
from certwright.reconcile.trust.stance import Stance, Standing, decisions_of, read_stance


def is_intermediate(subject: Subject) -> bool:
    """Say whether the verdict depends on other decisions and on revocation lists: that of a root does not."""
    return subject.spec.get("certUse") == "intermediateCA"


def is_gone(subject: Subject) -> bool:
    """Say whether nothing is left to do but wait for others to let a deleted decision go."""
    return subject.deleting and DEPLOYED_FINALIZER not in subject.finalizers


def find_questions(subject: Subject) -> frozenset[Question]:
    """Ask for the stores, and of an intermediate also for those who vouch for it."""
    namespace = subject.key.namespace
    questions: set[Question] = {stores_of(namespace), cluster_stores()}
    if is_intermediate(subject):
        questions |= {decisions_of(namespace), sources_of(namespace)}
    return frozenset(questions)


def find_needs(snapshot: Snapshot, operator_namespace: str) -> frozenset[Need]:
    """Say what must be read: the certificate, what stores have deployed, and what an intermediate is judged by."""
    subject = snapshot.subject
    if is_gone(subject):
        return frozenset()
    records = (kept_trust(store, operator_namespace) for store in find_stores(snapshot))
    needs: set[Need] = {*find_objects(subject), *(each for each in records if each is not None)}
    for other, stance in find_others(snapshot):
        if stance.standing is Standing.TRUSTED:
            needs |= find_objects(other)
    lists = (kept_list(source, operator_namespace) for source in find_sources(snapshot))
    return frozenset(needs | {each for each in lists if each is not None})


def find_stores(snapshot: Snapshot) -> tuple[Subject, ...]:
    """Give the stores that may hold the CA; one that is being deleted deploys nothing any more."""
    namespace = snapshot.subject.key.namespace
    stores = (*members(snapshot, stores_of(namespace)), *members(snapshot, cluster_stores()))
    return tuple(each for each in stores if not each.deleting and decision_namespace_of(each) == namespace)


def find_others(snapshot: Snapshot) -> tuple[tuple[Subject, Stance], ...]:
    """Give the other decisions of the namespace that may vouch for the CA; of a root there are none."""
    subject = snapshot.subject
    if not is_intermediate(subject):
        return ()
    others = (each for each in members(snapshot, decisions_of(subject.key.namespace)) if each.key != subject.key)
    return tuple((each, read_stance(each)) for each in others)


def find_sources(snapshot: Snapshot) -> tuple[Subject, ...]:
    """Give the sources of revocation lists that the CA is looked up in."""
    if not is_intermediate(snapshot.subject):
        return ()
    return members(snapshot, sources_of(snapshot.subject.key.namespace))


def digest_others(snapshot: Snapshot) -> str:
    """Digest what was seen of stores, decisions and lists, as far as it can change anything."""
    vouching = {Standing.TRUSTED, Standing.PENDING}
    sources = find_sources(snapshot)
    seen: list[Any] = [
        [(str(store.key), face_of_store(store)) for store in find_stores(snapshot)],
        [
            (stance.name, stance.uid, stance.standing, stance.role, stance.fingerprint)
            for _, stance in find_others(snapshot)
            if stance.standing in vouching
        ],
        digest_offers(sources),
        [source.key.name for source in sources if is_pending(source)],
    ]
    return "sha256:" + hashlib.sha256(json.dumps(seen).encode()).hexdigest()
