"""Who vouches for an intermediate: the trusted decisions of its namespace, and the revocation lists there."""

from __future__ import annotations

from dataclasses import dataclass

from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.reconcile.objects import Failure, Snapshot
from certwright.reconcile.offers import is_pending, kept_list
from certwright.reconcile.questions import Recalled
from certwright.reconcile.trust.material import read_authority
from certwright.reconcile.trust.stance import Standing
from certwright.reconcile.trustdecision.references import find_others, find_sources


@dataclass(frozen=True, slots=True)
class Issuers:
    """The CAs that are trusted in the namespace.

    Attributes:
        roots: those that a path may end at.
        intermediates: those that a path may lead through.
        awaited: why there may be more of them in a moment.
    """

    roots: tuple[Certificate, ...] = ()
    intermediates: tuple[Certificate, ...] = ()
    awaited: Finding | None = None


def read_issuers(snapshot: Snapshot) -> Issuers:
    """Read the certificates of the other decisions, each only if it is the one that was judged."""
    found: dict[str, list[Certificate]] = {"rootCA": [], "intermediateCA": []}
    awaited: Finding | None = None
    for other, stance in find_others(snapshot):
        if stance.standing is Standing.PENDING:
            awaited = awaited or _await(stance.name, "has not been judged yet", None)
        if stance.standing is not Standing.TRUSTED:
            continue
        read = read_authority(other, snapshot)
        if isinstance(read, Certificate) and read.fingerprint == stance.fingerprint:
            found[stance.role].append(read)
        else:
            awaited = awaited or _await(stance.name, "cannot be read", Detail.READ_FAILED)
    return Issuers(tuple(found["rootCA"]), tuple(found["intermediateCA"]), awaited)


def _await(name: str, what: str, detail: Detail | None) -> Finding:
    text = f"TrustDecision `{name}` {what}, and it may be the issuer. It is judged again as soon as that changes."
    return finding(Reason.NOT_CHECKED, text, detail=detail)


def read_lists(snapshot: Snapshot, operator_namespace: str) -> tuple[RevocationList, ...] | Finding:
    """Give the lists, or say that one is not at hand: a verdict without it could call a revoked CA good."""
    lists: list[RevocationList] = []
    for source in find_sources(snapshot):
        if is_pending(source):
            return _missing(source.key.name, "has not been judged yet. It")
        offer = kept_list(source, operator_namespace)
        if offer is None:
            continue
        answer = snapshot.answers.get(offer)
        if not isinstance(answer, Recalled):
            why = f": {answer.message}" if isinstance(answer, Failure) else ""
            return _missing(source.key.name, f"is not at hand{why}. It is read or fetched again; it")
        lists.append(answer.crl)
    return tuple(lists)


def _missing(name: str, what: str) -> Finding:
    text = f"the list of RevocationSource `{name}` {what} is waited for before the CA is judged."
    return finding(Reason.NOT_CHECKED, text, detail=Detail.READ_FAILED)
