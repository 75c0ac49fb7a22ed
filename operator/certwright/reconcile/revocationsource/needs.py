"""What must be read for a verdict on a RevocationSource, and what is asked before anything is read."""

from __future__ import annotations

from certwright.reconcile.objects import Snapshot, Subject
from certwright.reconcile.offers import kept_list
from certwright.reconcile.questions import GivenList, Need, Question
from certwright.reconcile.revocationsource.issuers import find_decisions, find_issuer_objects
from certwright.reconcile.revocationsource.references import find_contact, find_given, find_inputs, read_spec


def find_questions(subject: Subject) -> frozenset[Question]:
    """Ask how it stands with the server, when there is one, and for decisions, when the wish relies on them."""
    spec = read_spec(subject)
    asked = (find_contact(spec, subject), find_decisions(spec, subject.key.namespace))
    return frozenset(each for each in asked if each is not None)


def find_needs(snapshot: Snapshot, operator_namespace: str) -> frozenset[Need]:
    """Say what must be read: what the wish names, then the list that it gives and the one in use."""
    subject = snapshot.subject
    spec = read_spec(subject)
    if subject.deleting or spec is None:
        return frozenset()
    needs: set[Need] = {*find_inputs(spec, subject.key.namespace), *find_issuer_objects(spec, snapshot)}
    if not all(snapshot.knows(need) for need in needs):
        return frozenset(needs)
    given, kept = find_given(spec, snapshot), kept_list(subject, operator_namespace)
    needs.update([given] if isinstance(given, GivenList) else ())
    needs.update([kept] if kept is not None else ())
    return frozenset(needs)
