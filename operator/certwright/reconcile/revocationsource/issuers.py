"""Who may have signed a list: the certificates that the wish names, else all that the namespace trusts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from certwright.api.revocationsource import RevocationSourceSpec
from certwright.findings import Finding, MaterialError, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.intake import read_material
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.places import Place, fetch
from certwright.reconcile.questions import Collection, members
from certwright.reconcile.revocationsource.references import find_references
from certwright.reconcile.trust.material import find_objects, read_authority
from certwright.reconcile.trust.stance import Standing, decisions_of, read_stance


@dataclass(frozen=True, slots=True)
class Issuers:
    """The certificates that a list must be signed by one of, or why they cannot be had.

    Attributes:
        problem: why there are none.
        unread: trusted ones that could not be read: the issuer may be among them.
    """

    certificates: tuple[Certificate, ...] = ()
    problem: Finding | None = None
    unread: tuple[Finding, ...] = ()


def find_decisions(spec: RevocationSourceSpec | None, namespace: str) -> Collection | None:
    """Ask for the decisions of the namespace; `None` when the wish names material instead."""
    if spec is None or (spec.issuer_ref is not None and spec.issuer_ref.kind != Kind.TRUST_DECISION.value):
        return None
    return decisions_of(namespace)


def digest_decisions(spec: RevocationSourceSpec | None, snapshot: Snapshot) -> str | None:
    """Digest what a verdict depends on of decisions; `None` when it depends on none."""
    if find_decisions(spec, snapshot.subject.key.namespace) is None:
        return None
    stances = (read_stance(each) for each in _choose(spec, snapshot))
    seen = [[each.name, each.uid, each.standing, each.fingerprint] for each in stances]
    return "sha256:" + hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def find_issuer_objects(spec: RevocationSourceSpec, snapshot: Snapshot) -> frozenset[ObjectKey]:
    """Give the objects that the certificates of trusted decisions are read from."""
    trusted = (each for each in _choose(spec, snapshot) if read_stance(each).standing is Standing.TRUSTED)
    return frozenset(key for each in trusted for key in find_objects(each))


def read_issuers(spec: RevocationSourceSpec, snapshot: Snapshot) -> Issuers:
    """Read who may have signed; nobody is an answer too."""
    place = find_references(spec, snapshot.subject.key.namespace).issuer
    if place is not None:
        return read_certificates(place, snapshot)
    chosen = _choose(spec, snapshot)
    if spec.issuer_ref is not None:
        return _read_named(spec.issuer_ref.name, chosen[0] if chosen else None, snapshot)
    found = [_read_trusted(each, snapshot) for each in chosen if read_stance(each).standing is Standing.TRUSTED]
    return Issuers(
        tuple(each for each in found if isinstance(each, Certificate)),
        unread=tuple(each for each in found if isinstance(each, Finding)),
    )


def _choose(spec: RevocationSourceSpec | None, snapshot: Snapshot) -> tuple[Subject, ...]:
    """Give the decisions that a wish relies on: the one it names, or all of the namespace."""
    decisions = find_decisions(spec, snapshot.subject.key.namespace)
    if spec is None or decisions is None:
        return ()
    named = spec.issuer_ref.name if spec.issuer_ref is not None else None
    return tuple(each for each in members(snapshot, decisions) if named in {None, each.key.name})


def _read_named(name: str, decision: Subject | None, snapshot: Snapshot) -> Issuers:
    what = f"`spec.issuerRef`: TrustDecision `{name}`"
    if decision is None:
        text = f"`spec.issuerRef`: there is no TrustDecision `{name}` in namespace `{snapshot.subject.key.namespace}`. "
        return Issuers(problem=finding(Reason.REFERENCE_NOT_FOUND, text + "It is judged within a second of that."))
    match read_stance(decision).standing:
        case Standing.TRUSTED:
            found = _read_trusted(decision, snapshot)
            return Issuers((found,)) if isinstance(found, Certificate) else Issuers(problem=found)
        case Standing.WITHDRAWN:
            text = f"{what} is not trusted, so no list is taken from its CA. Trust it, or name another issuer."
            problem = finding(Reason.CRL_ISSUER_NOT_AUTHORIZED, text)
        case Standing.TROUBLED:
            text = f"{what} has no certificate that was found good; its status says why. Mend it, or name another."
            problem = finding(Reason.CRL_ISSUER_NOT_FOUND, text)
        case Standing.LEAVING:
            problem = finding(Reason.REFERENCE_NOT_FOUND, f"{what} is being deleted. Name another issuer.")
        case Standing.PENDING:
            # Not `NotChecked`: decisions wait for sources of which nobody knows what they offer, and would for ever.
            problem = finding(Reason.REFERENCE_NOT_FOUND, f"{what} has not been judged yet. It is waited for.")
    return Issuers(problem=problem)


def _read_trusted(decision: Subject, snapshot: Snapshot) -> Certificate | Finding:
    """Read the certificate of a trusted decision, if it is the one that was judged."""
    found, name = read_authority(decision, snapshot), f"TrustDecision `{decision.key.name}`"
    if isinstance(found, Finding):
        # What is wrong with it is the decision's to say; here it is not to be had.
        reason = found.reason if found.reason is Reason.NOT_CHECKED else Reason.REFERENCE_NOT_FOUND
        return finding(reason, f"{name}, {found.message}", detail=found.detail)
    if found.fingerprint != read_stance(decision).fingerprint:
        text = f"{name} holds another certificate than the one that was judged. It is waited for."
        return finding(Reason.REFERENCE_NOT_FOUND, text)
    return found


def read_certificates(place: Place, snapshot: Snapshot) -> Issuers:
    """Read the certificates that stand at a place."""
    data = fetch(place, snapshot)
    if isinstance(data, Finding):
        return Issuers(problem=data)
    try:
        return Issuers(read_material(data, what=str(place)).certificates)
    except MaterialError as error:
        text = f"{error.finding.message}"
        return Issuers(problem=finding(Reason.INVALID_REQUEST, text, detail=error.finding.detail))
