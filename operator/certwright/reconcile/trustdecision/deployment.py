"""How the CA stands in the stores: told from what they have deployed, and from what is due to go."""

from __future__ import annotations

from dataclasses import dataclass

from certwright.api.trustdecision_status import DeployStatus, StoreEntry, TrustState
from certwright.findings import Reason
from certwright.reconcile.objects import Failure, Snapshot, Subject
from certwright.reconcile.trust.deployed import carried, kept_trust, pending_removals, selects
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.trustdecision.judgement import Judgement
from certwright.reconcile.trustdecision.past import Past
from certwright.reconcile.trustdecision.references import find_stores

_PRECEDENCE: tuple[DeployStatus, ...] = ("DELETE_PENDING", "DEPLOY_PENDING", "DEPLOYED")
_HELD: frozenset[DeployStatus] = frozenset({"DELETE_PENDING", "DEPLOYED"})
_WITHDRAWING = (Reason.EXPIRED, Reason.REVOKED, Reason.TRUST_ENDED)


@dataclass(frozen=True, slots=True)
class Deployment:
    """How the CA stands over all stores.

    Attributes:
        rows: the stores that select or hold it, those that need attention first.
        status: the word over all of them; `None` when it neither is deployed nor is to be.
        finalizer: whether ours is to be there: stores hold the CA, and while the decision is being deleted, one of them
            does not yet know what is to become of it.
        unread: what a store has deployed could not be read, and is taken to be as it was.
    """

    rows: tuple[StoreEntry, ...] = ()
    status: DeployStatus | None = None
    finalizer: bool = False
    unread: Failure | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """One store: how the CA stands in it, and whether it still needs the decision to tell what is to become of it."""

    status: DeployStatus | None = None
    needs_decision: bool = False
    unread: Failure | None = None


def find_deployment(
    judgement: Judgement, state: TrustState, snapshot: Snapshot, *, past: Past, operator_namespace: str
) -> Deployment:
    """Look into the stores of the namespace, and into those of the cluster that gather decisions from it."""
    subject = snapshot.subject
    trusted = state == "trusted" and not subject.deleting
    outlook = _Outlook(judgement, snapshot, past, trusted=trusted, operator_namespace=operator_namespace)
    views = [(store.key, outlook.look_into(store)) for store in find_stores(snapshot)]
    rows = [
        StoreEntry(kind=key.kind.value, namespace=key.namespace, name=key.name, deploy_status=view.status)
        for key, view in views
        if view.status is not None
    ]
    rows.sort(key=lambda row: (_PRECEDENCE.index(row.deploy_status), row.kind, row.namespace, row.name))
    nowhere: DeployStatus | None = "DEPLOY_PENDING" if trusted else None
    is_held = any(row.deploy_status in _HELD for row in rows)
    needed = any(view.needs_decision for _, view in views)
    return Deployment(
        tuple(rows),
        rows[0].deploy_status if rows else nowhere,
        needed if subject.deleting else is_held,
        next((view.unread for _, view in views if view.unread is not None), None),
    )


@dataclass(frozen=True, slots=True)
class _Outlook:
    judgement: Judgement
    snapshot: Snapshot
    past: Past
    trusted: bool
    operator_namespace: str

    def look_into(self, store: Subject) -> _View:
        question = kept_trust(store, self.operator_namespace)
        answer = self.snapshot.answers.get(question) if question is not None else None
        if isinstance(answer, TrustRecord):
            return self._compare(store, answer)
        if question is None:
            return self._expect(store)
        # What cannot be read is as it was. What is lost is the store's to mend, and nobody waits for it to go.
        before = self._recall(store)
        unread = answer if isinstance(answer, Failure) else None
        return _View(before, needs_decision=unread is not None and before in _HELD, unread=unread)

    def _compare(self, store: Subject, record: TrustRecord) -> _View:
        mine = carried(record, self.snapshot.subject.key.name)
        leaving = pending_removals(store, record)
        held = {each.certificate.fingerprint for each in mine}
        undecided = any(not each.distrusted and each.certificate.fingerprint not in leaving for each in mine)
        due_to_go = not self._selected_by(store) or self._is_leaving() or any(each.distrusted for each in mine)
        if mine and (due_to_go or held & leaving):
            return _View("DELETE_PENDING", undecided)
        # Others may have brought the same CA: then it is there, and nothing is left to deploy.
        there = {each.certificate.fingerprint for each in record.entries if not each.distrusted}
        if self._is_wanted(store) and self._fingerprint not in there:
            return _View("DEPLOY_PENDING", undecided)
        return _View("DEPLOYED" if mine or self._is_wanted(store) else None, undecided)

    def _expect(self, store: Subject) -> _View:
        return _View("DEPLOY_PENDING" if self._is_wanted(store) else None)

    def _is_wanted(self, store: Subject) -> bool:
        return self.trusted and self._selected_by(store)

    def _is_leaving(self) -> bool:
        judgement = self.judgement
        return self.snapshot.subject.deleting or not judgement.is_wished or judgement.has(*_WITHDRAWING)

    def _selected_by(self, store: Subject) -> bool:
        subject = self.snapshot.subject
        return selects(store, subject.key.namespace, subject.labels)

    def _recall(self, store: Subject) -> DeployStatus | None:
        key = (store.key.kind.value, store.key.namespace, store.key.name)
        rows = self.past.status.stores
        return next((row.deploy_status for row in rows if (row.kind, row.namespace, row.name) == key), None)

    @property
    def _fingerprint(self) -> str | None:
        certificate = self.judgement.certificate
        return certificate.fingerprint if certificate is not None else None
