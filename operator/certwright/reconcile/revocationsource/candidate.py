"""What a source offers now: what a person handed in, or what a server delivered."""

from __future__ import annotations

from dataclasses import dataclass

from certwright.api.revocationsource import RevocationSourceSpec
from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.intake import encode_certificates
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.questions import Delivery, GivenList, Reading, fetch_state
from certwright.reconcile.revocationsource.issuers import read_certificates
from certwright.reconcile.revocationsource.references import find_contact, find_given, find_references


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be judged.

    Attributes:
        reading: the list; `None` when there is no new one.
        problem: why there is none.
        notes: warnings about its form.
        delivery: what the server delivered; `None` when nothing came since the last pass, or no server is asked.
    """

    reading: Reading | None = None
    problem: Finding | None = None
    notes: tuple[Finding, ...] = ()
    delivery: Delivery | None = None


def find_candidate(spec: RevocationSourceSpec, snapshot: Snapshot) -> Candidate:
    """Find what the source offers."""
    contact = find_contact(spec, snapshot.subject)
    if contact is not None:
        delivery = fetch_state(snapshot, contact).delivery
        if delivery is None:
            return Candidate()
        notes = (*delivery.notes, *(delivery.reading.read.warnings if delivery.reading is not None else ()))
        return Candidate(delivery.reading, delivery.problem, notes, delivery)
    given = find_given(spec, snapshot)
    if isinstance(given, GivenList):
        answer = snapshot.answers.get(given)
        if isinstance(answer, Reading):
            return Candidate(answer, notes=answer.read.warnings)
        given = answer
    if isinstance(given, Finding):
        return Candidate(problem=given)
    text = "the spec names no list. Set one of `spec.crl`, `spec.crlRef` and `spec.url`."
    return Candidate(problem=finding(Reason.INVALID_REQUEST, text, detail=Detail.SOURCE_MISSING))


def read_server_cas(spec: RevocationSourceSpec, snapshot: Snapshot) -> bytes | Finding | None:
    """Read whom the server is trusted by; `None` is the system's."""
    place = find_references(spec, snapshot.subject.key.namespace).ca
    if place is None:
        return None
    found = read_certificates(place, snapshot)
    if found.problem is not None:
        return found.problem
    return encode_certificates(found.certificates)
