"""What revocation lists there are for a verdict, and what was revoked before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from certwright.api.fields import CHAIN_LIMIT
from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.importedcertificate_status import Revocation as RevocationEntry
from certwright.api.model import timestamp
from certwright.findings import Detail, Finding, Reason, finding, warning
from certwright.pki.crl import RevocationList
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.objects import Failure, Snapshot, Subject
from certwright.reconcile.offers import digest_offers, is_pending, kept_list, sources_of
from certwright.reconcile.questions import KeptList, Question, Recalled, members
from certwright.validation import KnownRevocation, Revocation

_DIGITS = 128


def revocation_of(spec: ImportedCertificateSpec | None) -> Revocation:
    """Give the mode that is wished for; nothing said means off."""
    trust = spec.trust if spec is not None else None
    return Revocation(trust.revocation) if trust is not None and trust.revocation is not None else Revocation.OFF


def find_questions(spec: ImportedCertificateSpec | None, subject: Subject) -> frozenset[Question]:
    """Ask for all sources of the namespace, when the wish looks at their lists."""
    if revocation_of(spec) is Revocation.OFF:
        return frozenset()
    return frozenset({sources_of(subject.key.namespace)})


def digest_lists(spec: ImportedCertificateSpec | None, snapshot: Snapshot) -> str | None:
    """Digest the lists at hand; `None` when none are asked for."""
    if revocation_of(spec) is Revocation.OFF:
        return None
    return digest_offers(_sources(snapshot))


def find_lists(spec: ImportedCertificateSpec, snapshot: Snapshot, operator_namespace: str) -> frozenset[KeptList]:
    """Say which lists must be read."""
    if revocation_of(spec) is Revocation.OFF:
        return frozenset()
    offers = (kept_list(source, operator_namespace) for source in _sources(snapshot))
    return frozenset(each for each in offers if each is not None)


def read_lists(
    spec: ImportedCertificateSpec, snapshot: Snapshot, operator_namespace: str
) -> tuple[RevocationList, ...] | Finding:
    """Give the lists, or say that one is not at hand: a verdict without it could call a revoked certificate good."""
    lists: list[RevocationList] = []
    for source in _sources(snapshot) if revocation_of(spec) is not Revocation.OFF else ():
        if is_pending(source):
            return _missing(source, "has not been judged yet. It")
        offer = kept_list(source, operator_namespace)
        if offer is None:
            continue
        answer = snapshot.answers.get(offer)
        if isinstance(answer, Recalled):
            lists.append(answer.crl)
        else:
            why = f": {answer.message}" if isinstance(answer, Failure) else ""
            return _missing(source, f"is not at hand{why}. It is read or fetched again; it")
    return tuple(lists)


def _missing(source: Subject, what: str) -> Finding:
    message = f"the list of RevocationSource `{source.key.name}` {what} is waited for before anything new is judged."
    return finding(Reason.NOT_CHECKED, message, detail=Detail.READ_FAILED)


def find_unchecked(spec: ImportedCertificateSpec, lists: tuple[RevocationList, ...]) -> Iterator[Finding]:
    """Warn that revocation is looked at, and there is nothing to look at."""
    if revocation_of(spec) is Revocation.PREFER and not lists:
        text = (
            "no RevocationSource of this namespace has a list in use, so revocation was not checked. Make one for the "
            "list of the issuer, or set `spec.trust.revocation` to `Off`."
        )
        yield warning(Reason.CRL_NOT_VALID, text, detail=Detail.CRL_MISSING)


def known_revocations(past: Past) -> tuple[KnownRevocation, ...]:
    """Give what lists said in earlier passes."""
    record = past.status.record
    return tuple(
        KnownRevocation(each.fingerprint, at, _number(each.crl_number))
        for each in (record.revocations if record is not None else ())
        if (at := read_instant(each.this_update)) is not None
    )


def remember(
    before: Iterable[KnownRevocation], told: Iterable[KnownRevocation], looked_at: Iterable[str]
) -> tuple[KnownRevocation, ...]:
    """Give what is to be remembered: what was told now, and what was not looked at.

    Args:
        before: what was remembered.
        told: what the verdict says.
        looked_at: fingerprints of the certificates that the verdict is about.
    """
    seen = set(looked_at)
    kept = {each.fingerprint: each for each in before if each.fingerprint not in seen}
    return tuple({**{each.fingerprint: each for each in told}, **kept}.values())[:CHAIN_LIMIT]


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


def _sources(snapshot: Snapshot) -> tuple[Subject, ...]:
    return members(snapshot, sources_of(snapshot.subject.key.namespace))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and text.isascii() else None
