"""Whether to fetch now, with which validators, and what was wrong with the last fetch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from certwright.api.revocationsource import RevocationSourceSpec
from certwright.findings import Finding
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import Contact, FetchState, fetch_state
from certwright.reconcile.revocationsource.candidate import read_server_cas
from certwright.reconcile.revocationsource.issuers import digest_decisions
from certwright.reconcile.revocationsource.past import Past
from certwright.reconcile.revocationsource.references import find_contact, find_inputs, read_spec


@dataclass(frozen=True, slots=True)
class Fetching:
    """What is decided about fetching.

    Attributes:
        start: the fetch to start now.
        due: when the next one is due, otherwise.
        awaited: one is to be started, or under way.
        problem: why none can be started.
    """

    start: StartFetch | None = None
    due: datetime | None = None
    awaited: bool = False
    problem: Finding | None = None


def decide_fetch(spec: RevocationSourceSpec, snapshot: Snapshot, past: Past, *, has_body: bool) -> Fetching:
    """Decide whether to fetch; `has_body` says that the list in use is at hand and kept as it should be."""
    contact = find_contact(spec, snapshot.subject)
    if contact is None or spec.url is None:
        return Fetching()
    state = fetch_state(snapshot, contact)
    cas = read_server_cas(spec, snapshot)
    if isinstance(cas, Finding):
        return Fetching(problem=cas)
    if not _is_due(contact, state, snapshot, past, has_body=has_body):
        return Fetching(due=state.due, awaited=state.running)
    known = has_body and past.kept is not None and past.kept.origin == contact.origin
    etag, modified = (past.record.etag, past.record.last_modified) if known else (None, None)
    start = StartFetch(snapshot.subject.key, contact, spec.url, cas, etag, modified)
    return Fetching(start, awaited=True)


def _is_due(contact: Contact, state: FetchState, snapshot: Snapshot, past: Past, *, has_body: bool) -> bool:
    if state.running or state.delivery is not None:
        return False
    if contact.troubled and have_inputs_changed(past, snapshot):
        return True  # what was in the way may be mended
    if state.due is None:
        return False
    return state.due <= snapshot.now or not (has_body or contact.troubled)


def have_inputs_changed(past: Past, snapshot: Snapshot) -> bool:
    """Say whether anything that was handed in differs from what the status records."""
    if past.status.observed_generation != snapshot.subject.generation:
        return True
    namespace, spec = snapshot.subject.key.namespace, read_spec(snapshot.subject)
    if past.record.decisions != digest_decisions(spec, snapshot):
        return True
    recorded = past.inputs(namespace)
    for key in recorded.keys() | find_inputs(spec, namespace):
        observed = snapshot.get(key)
        if key not in recorded or (observed.version if observed is not None else None) != recorded[key]:
            return True
    return False
