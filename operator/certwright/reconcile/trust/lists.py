"""What revocation lists there are for a verdict, and what was revoked before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.importedcertificate_status import Revocation as RevocationEntry
from certwright.api.model import timestamp
from certwright.findings import Detail, Finding, Reason, finding, warning
from certwright.pki.crl import RevocationList
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.objects import Failure, Kind, Snapshot, Subject
from certwright.reconcile.offers import digest_offers, is_pending, kept_list, sources_of
from certwright.reconcile.questions import Collection, KeptList, Question, Recalled, members
from certwright.reconcile.trust.deployed import cluster_stores, decision_namespace_of, revocation_of_store
from certwright.reconcile.trust.reliance import Wish, find_store, find_stores
from certwright.validation import KnownRevocation, Revocation

NOWHERE = ""
"""The namespace of what has none: of decisions that no store gathers, and of objects of the cluster."""

_DIGITS = 128


def revocation_of(spec: Wish | None, snapshot: Snapshot) -> Revocation:
    """Give the mode that is wished for, else the store's; nothing said means off."""
    wished = _wished(spec)
    if wished is not None:
        return wished
    store = find_store(spec, snapshot)
    return Revocation(revocation_of_store(store)) if store is not None else Revocation.OFF


def _wished(spec: Wish | None) -> Revocation | None:
    trust = spec.trust if spec is not None else None
    return Revocation(trust.revocation) if trust is not None and trust.revocation is not None else None


def find_questions(spec: Wish | None, subject: Subject) -> frozenset[Question]:
    """Ask for the store, and for all sources whose lists the wish may look at."""
    namespace = subject.key.namespace
    stores = find_stores(spec, namespace)
    named = frozenset({stores} if stores is not None else ())
    if _wished(spec) is Revocation.OFF or (_wished(spec) is None and stores is None):
        return named
    # Which lists belong to a store of the cluster stands in the store. As long as no verdict has looked at it, the
    # sources of all namespaces are asked for; after that a change of any of them is not everybody's business.
    theirs = _known_decision_namespace(subject) if stores == cluster_stores() else namespace
    return named | {sources_of(each) for each in ({namespace, theirs} - {NOWHERE} if theirs is not None else {""})}


def _known_decision_namespace(subject: Subject) -> str | None:
    record = subject.status.get("record")
    if not isinstance(record, Mapping) or subject.status.get("observedGeneration") != subject.generation:
        return None
    named = record.get("decisionNamespace")
    return named if isinstance(named, str) else None


def describe_decision_namespace(spec: Wish | None, snapshot: Snapshot) -> str | None:
    """Say where a store of the cluster has its decisions, for the record; `None` while nobody knows."""
    store = find_store(spec, snapshot)
    if store is None or store.key.kind is not Kind.CLUSTER_TRUST_STORE:
        return None
    return decision_namespace_of(store) or NOWHERE


def digest_lists(spec: Wish | None, snapshot: Snapshot) -> str | None:
    """Digest the lists at hand; `None` when none are asked for."""
    if revocation_of(spec, snapshot) is Revocation.OFF:
        return None
    return digest_offers(_sources(spec, snapshot))


def find_lists(spec: Wish, snapshot: Snapshot, operator_namespace: str) -> frozenset[KeptList]:
    """Say which lists must be read."""
    if revocation_of(spec, snapshot) is Revocation.OFF:
        return frozenset()
    offers = (kept_list(source, operator_namespace) for source in _sources(spec, snapshot))
    return frozenset(each for each in offers if each is not None)


def read_lists(spec: Wish, snapshot: Snapshot, operator_namespace: str) -> tuple[RevocationList, ...] | Finding:
    """Give the lists, or say that one is not at hand: a verdict without it could call a revoked certificate good."""
    if revocation_of(spec, snapshot) is Revocation.OFF:
        return ()
    unasked = _find_unasked(spec, snapshot)
    if unasked is not None:
        return unasked
    lists: list[RevocationList] = []
    for source in _sources(spec, snapshot):
        if is_pending(source):
            return _missing(source, snapshot, "has not been judged yet. It")
        offer = kept_list(source, operator_namespace)
        if offer is None:
            continue
        answer = snapshot.answers.get(offer)
        if isinstance(answer, Recalled):
            lists.append(answer.crl)
        else:
            why = f": {answer.message}" if isinstance(answer, Failure) else ""
            return _missing(source, snapshot, f"is not at hand{why}. It is read or fetched again; it")
    return tuple(lists)


def _find_unasked(spec: Wish, snapshot: Snapshot) -> Finding | None:
    asked = {each.namespace for each in _asked(snapshot)}
    unasked = _namespaces(spec, snapshot) - asked if "" not in asked else frozenset()
    if not unasked:
        return None
    text = f"the RevocationSources of namespace `{min(unasked)}` are looked at before anything new is judged."
    return finding(Reason.NOT_CHECKED, text, detail=Detail.READ_FAILED)


def _missing(source: Subject, snapshot: Snapshot, what: str) -> Finding:
    elsewhere = source.key.namespace != snapshot.subject.key.namespace
    name = f"`{source.key.name}`" + (f" of namespace `{source.key.namespace}`" if elsewhere else "")
    message = f"the list of RevocationSource {name} {what} is waited for before anything new is judged."
    return finding(Reason.NOT_CHECKED, message, detail=Detail.READ_FAILED)


def find_unchecked(spec: Wish, mode: Revocation, lists: tuple[RevocationList, ...]) -> Iterator[Finding]:
    """Warn that revocation is looked at, and there is nothing to look at."""
    if mode is Revocation.PREFER and not lists:
        text = (
            f"no RevocationSource of {_name_places(spec)} has a list in use, so revocation was not checked. Make one "
            "for the list of the issuer, or set `spec.trust.revocation` to `Off`."
        )
        yield warning(Reason.CRL_NOT_VALID, text, detail=Detail.CRL_MISSING)


def _name_places(spec: Wish) -> str:
    if isinstance(spec, ClusterCertificateSetSpec):
        return "the namespace of the store's decisions"
    return "this namespace" + (", or of the store's," if spec.trust is not None and spec.trust.store_ref else "")


def known_revocations(entries: Iterable[RevocationEntry]) -> tuple[KnownRevocation, ...]:
    """Give what lists said in earlier passes, as a status records it."""
    return tuple(
        KnownRevocation(each.fingerprint, at, _number(each.crl_number))
        for each in entries
        if (at := read_instant(each.this_update)) is not None
    )


def remember(
    before: Iterable[KnownRevocation], told: Iterable[KnownRevocation], looked_at: Iterable[str], *, limit: int
) -> tuple[KnownRevocation, ...]:
    """Give what is to be remembered: what was told now, and what was not looked at.

    Args:
        before: what was remembered.
        told: what the verdict says.
        looked_at: fingerprints of the certificates that the verdict is about.
        limit: how much there is room for.
    """
    seen = set(looked_at)
    kept = {each.fingerprint: each for each in before if each.fingerprint not in seen}
    return tuple({**{each.fingerprint: each for each in told}, **kept}.values())[:limit]


def describe_revocations(revocations: Iterable[KnownRevocation]) -> tuple[RevocationEntry, ...]:
    """Write down what is to be remembered."""
    return tuple(
        RevocationEntry(
            fingerprint=each.fingerprint,
            this_update=timestamp(each.this_update),
            crl_number=None if each.number is None else str(each.number)[:_DIGITS],
        )
        for each in revocations
    )


def _sources(spec: Wish | None, snapshot: Snapshot) -> tuple[Subject, ...]:
    """Give the sources of the object's own namespace, and of the one where the store has its decisions."""
    wanted = _namespaces(spec, snapshot)
    found = (source for each in _asked(snapshot) for source in members(snapshot, each))
    return tuple({source.key: source for source in found if source.key.namespace in wanted}.values())


def _asked(snapshot: Snapshot) -> tuple[Collection, ...]:
    asked = (each for each in snapshot.answers if isinstance(each, Collection))
    return tuple(sorted(each for each in asked if each.kind is Kind.REVOCATION_SOURCE))


def _namespaces(spec: Wish | None, snapshot: Snapshot) -> frozenset[str]:
    store = find_store(spec, snapshot)
    theirs = decision_namespace_of(store) if store is not None else None
    # What belongs to no namespace has no sources of its own.
    return frozenset({snapshot.subject.key.namespace, theirs or NOWHERE}) - {NOWHERE}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and text.isascii() else None
