"""What a change of a store means, in words for people who have to approve it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from certwright.findings import printable
from certwright.reconcile.trust.change import Change, Difference, describe_addition, describe_turn
from certwright.reconcile.trust.record import TrustedCertificate
from certwright.reconcile.trust.staging import Staging
from certwright.reconcile.trust.withdrawal import Withdrawal

_NAME_LIMIT = 200


def describe_staging(staging: Staging) -> tuple[str, ...]:
    """Say what becomes of a store: what is withdrawn, what is deployed, and what waits, with the id to approve.

    Each line is about one certificate, with its whole fingerprint: whoever approves compares it with what the owner of
    the CA published. No line at all: nothing changes.
    """
    lines = list(_describe_withdrawals(staging.withdrawals))
    if staging.deployment is not None:
        withdrawn = {each.entry.fingerprint for each in staging.withdrawals}
        lines += _describe_difference(staging.deployment.difference, without=withdrawn)
    if staging.pending is not None:
        lines += _describe_pending(staging.pending, is_blocked=staging.blocked is not None)
    if staging.blocked is not None:
        lines.append(f"not deployed: {staging.blocked.message}")
    return tuple(lines)


def describe_difference(difference: Difference) -> tuple[str, ...]:
    """Say what is added, removed and changed between two sets of CAs, a line for each certificate."""
    return tuple(_describe_difference(difference))


def _describe_withdrawals(withdrawals: Iterable[Withdrawal]) -> Iterator[str]:
    for each in withdrawals:
        yield f"withdraws {_name(each.entry)}, at once: {each.why}"


def _describe_difference(difference: Difference, without: Iterable[str] = ()) -> Iterator[str]:
    for entry in difference.added:
        yield f"adds {_name(entry)}, {describe_addition(entry)}, {_source(entry)}"
    for entry in difference.removed:
        if entry.fingerprint not in without:
            yield f"removes {_name(entry)}, {entry.role}, {_source(entry)}"
    for before, after in difference.changed:
        yield f"changes {_name(after)}, {describe_turn(before, after)}, {_source(after)}"


def _describe_pending(change: Change, *, is_blocked: bool) -> Iterator[str]:
    yield from _describe_difference(change.difference)
    if change.public_roots is not None:
        yield f"brings the public roots {printable(change.public_roots, limit=_NAME_LIMIT)}"
    if change.authors:
        yield f"decided by {', '.join(printable(each, limit=_NAME_LIMIT) for each in change.authors)}"
    if not is_blocked:
        yield f"to approve: {change.id}"


def _name(entry: TrustedCertificate) -> str:
    return f'"{printable(entry.certificate.label, limit=_NAME_LIMIT)}" ({entry.fingerprint})'


def _source(entry: TrustedCertificate) -> str:
    sources = [f"TrustDecision {each}" for each in entry.decisions]
    return ", ".join([*sources, *(["public roots"] if entry.public else [])]) or "no decision any more"
