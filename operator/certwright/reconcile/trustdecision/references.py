"""What a TrustDecision asks and needs: said once, for gathering, the index and the judgement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from certwright.reconcile.objects import ObjectKey, Snapshot, Subject
from certwright.reconcile.offers import digest_offers, is_pending, kept_list, sources_of
from certwright.reconcile.plan import DEPLOYED_FINALIZER
from certwright.reconcile.questions import Need, Question, members
from certwright.reconcile.remembering import remember_as_long_as_it_lives, remember_few
from certwright.reconcile.trust.deployed import cluster_stores, decision_namespace_of, kept_trust, stores_of
from certwright.reconcile.trust.deployed import face_of as face_of_store
from certwright.reconcile.trust.material import find_objects
from certwright.reconcile.trust.stance import Stance, Standing, decisions_of, read_stance

T = TypeVar("T")

_VOUCHING = frozenset({Standing.TRUSTED, Standing.PENDING})


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
    if is_intermediate(subject):
        needs |= _look_at(_all_decisions(snapshot)).objects
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
    crowd = _look_at(_all_decisions(snapshot))
    return _without(subject.key, crowd, crowd.stances)


def find_sources(snapshot: Snapshot) -> tuple[Subject, ...]:
    """Give the sources of revocation lists that the CA is looked up in."""
    if not is_intermediate(snapshot.subject):
        return ()
    return members(snapshot, sources_of(snapshot.subject.key.namespace))


def digest_others(snapshot: Snapshot) -> str:
    """Digest what was seen of stores, decisions and lists, as far as it can change anything."""
    sources = find_sources(snapshot)
    others: tuple[str, ...] = ()
    if is_intermediate(snapshot.subject):
        crowd = _look_at(_all_decisions(snapshot))
        others = tuple(filter(None, _without(snapshot.subject.key, crowd, crowd.seen)))
    stores = [(str(store.key), face_of_store(store)) for store in find_stores(snapshot)]
    pending = [source.key.name for source in sources if is_pending(source)]
    seen = f"[{json.dumps(stores)}, [{', '.join(others)}], {json.dumps(digest_offers(sources))}, {json.dumps(pending)}]"
    return "sha256:" + hashlib.sha256(seen.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Crowd:
    """All decisions of a namespace as each of them looks at the others: made once for as long as none of them changes.

    Attributes:
        places: where each stands in the tuples.
        stances: all of them.
        seen: what of each can change a verdict, as JSON; empty for one that vouches for nobody.
        objects: what the certificates of those that are trusted are read from.
    """

    places: Mapping[ObjectKey, int]
    stances: tuple[tuple[Subject, Stance], ...]
    seen: tuple[str, ...]
    objects: frozenset[ObjectKey]


@remember_few
def _look_at(decisions: tuple[Subject, ...]) -> _Crowd:
    sights = [_look_at_one(each) for each in decisions]
    return _Crowd(
        places={each.key: place for place, each in enumerate(decisions)},
        stances=tuple((each, stance) for each, (stance, _, _) in zip(decisions, sights, strict=True)),
        seen=tuple(seen for _, seen, _ in sights),
        objects=frozenset().union(*(objects for _, _, objects in sights)),
    )


@remember_as_long_as_it_lives
def _look_at_one(decision: Subject) -> tuple[Stance, str, frozenset[ObjectKey]]:
    stance = read_stance(decision)
    facts = [stance.name, stance.uid, stance.standing, stance.role, stance.fingerprint]
    seen = json.dumps(facts) if stance.standing in _VOUCHING else ""
    return stance, seen, find_objects(decision) if stance.standing is Standing.TRUSTED else frozenset()


def _all_decisions(snapshot: Snapshot) -> tuple[Subject, ...]:
    return members(snapshot, decisions_of(snapshot.subject.key.namespace))


def _without(key: ObjectKey, crowd: _Crowd, values: tuple[T, ...]) -> tuple[T, ...]:
    place = crowd.places.get(key)
    return values if place is None else values[:place] + values[place + 1 :]
