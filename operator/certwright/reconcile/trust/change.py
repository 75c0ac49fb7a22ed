"""What differs between two sets of CAs, and the id by which people approve it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from certwright.api.fields import TEXT_LIMIT
from certwright.api.model import timestamp
from certwright.api.truststore_status import AUTHORS_LIMIT, CHANGE_LIMIT, ChangedCertificate, PendingChange
from certwright.findings import printable
from certwright.reconcile.trust.record import TrustedCertificate
from certwright.reconcile.trust.stance import Stance

_NEVER_DEPLOYED = "none"
_LIST_BYTES = 8 * 1024  # of each list in the status, which must stay below 64 KiB whatever CAs are called
_NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of the trusted CAs of a set; each list is sorted by fingerprint.

    Attributes:
        changed: those whose role or `trustUntil` differs, as they were and as they become.
    """

    added: tuple[TrustedCertificate, ...] = ()
    removed: tuple[TrustedCertificate, ...] = ()
    changed: tuple[tuple[TrustedCertificate, TrustedCertificate], ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is one: exactly when the two sets have different revisions."""
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that waits: for approval, or for what keeps it from being deployed.

    Attributes:
        id: what `spec.deployment.approved` must be equal to.
        authors: the users who last changed the decisions that it is about, sorted; all of them.
        public_roots: the version of the public roots that it brings, when it changes which those are.
    """

    id: str
    difference: Difference
    authors: tuple[str, ...] = ()
    public_roots: str | None = None


def compare(before: Iterable[TrustedCertificate], after: Iterable[TrustedCertificate]) -> Difference:
    """Compare two sets of CAs; those that are distrusted count as absent."""
    old = {each.fingerprint: each for each in before if not each.distrusted}
    new = {each.fingerprint: each for each in after if not each.distrusted}
    return Difference(
        added=tuple(new[each] for each in sorted(new.keys() - old.keys())),
        removed=tuple(old[each] for each in sorted(old.keys() - new.keys())),
        changed=tuple(
            (old[each], new[each]) for each in sorted(old.keys() & new.keys()) if _counts_as(old[each], new[each])
        ),
    )


def change_id(deployed: str | None, staged: str, used: Collection[str] = ()) -> str:
    """Identify the change from one revision to another.

    The first time it depends on the two revisions alone, so that it can be told before the change reaches a cluster.
    An id never comes twice: a change that returns after it was approved once, or withdrawn, has to be approved anew.

    Args:
        deployed: the revision that it starts from; `None` for the first deployment.
        staged: the revision that it leads to.
        used: the ids whose approval counts no more.
    """
    start = f"{deployed or _NEVER_DEPLOYED}\n{staged}"
    ids = (_digest(start if turn == 1 else f"{start}\n{turn}") for turn in count(1))
    return next(each for each in ids if each not in used)


def find_authors(
    difference: Difference, stances: Mapping[str, Stance], former: Iterable[str], *, is_same: bool
) -> tuple[str, ...]:
    """Name those who last changed the decisions that a change is about.

    Nobody can ask a decision that is gone. When there is one, the authors of the change that was pending before stay
    named: rather one too many than the one who must not approve.

    Args:
        difference: what the change is about.
        stances: the decisions that exist, by name.
        former: the authors of the change that was pending before.
        is_same: this is the same change, of which a decision may have gone since.
    """
    about = (*difference.added, *difference.removed, *(each for pair in difference.changed for each in pair))
    decisions = {name for each in about for name in each.decisions}
    known = {stances[name].author for name in decisions if name in stances}
    last_known = former if is_same or decisions - stances.keys() else ()
    return tuple(sorted({author for author in (*known, *last_known) if author}))


def describe_pending(change: Change) -> PendingChange:
    """Write a change as a status shows it: of long lists the first that 8 KiB hold, and how many they are."""
    difference = change.difference
    return PendingChange(
        id=change.id,
        added=_list((each, describe_addition(each)) for each in difference.added),
        added_count=len(difference.added) or None,
        removed=_list((each, each.role) for each in difference.removed),
        removed_count=len(difference.removed) or None,
        changed=_list((after, describe_turn(before, after)) for before, after in difference.changed),
        changed_count=len(difference.changed) or None,
        # Whole: the policy of the four eyes compares them with whoever approves.
        authors=tuple(printable(each, limit=TEXT_LIMIT) for each in change.authors[:AUTHORS_LIMIT]),
        public_roots=change.public_roots,
    )


def describe_addition(entry: TrustedCertificate) -> str:
    """Say in which role a CA is added, and until when."""
    if entry.trust_until is not None:
        return f"{entry.role}, trusted until {timestamp(entry.trust_until)}"
    return f"{entry.role}, until {timestamp(entry.certificate.not_after)}"


def describe_turn(before: TrustedCertificate, after: TrustedCertificate) -> str:
    """Say what of a CA is changed, from what and to what."""
    turns = []
    if before.role != after.role:
        turns.append(f"{before.role}→{after.role}")
    if before.trust_until != after.trust_until:
        turns.append(f"trusted until {_instant(before.trust_until)}→{_instant(after.trust_until)}")
    return ", ".join(turns)


def _instant(until: datetime | None) -> str:
    return timestamp(until) if until is not None else "its own end"


def _list(entries: Iterable[tuple[TrustedCertificate, str]]) -> tuple[ChangedCertificate, ...]:
    room = _LIST_BYTES
    listed: list[ChangedCertificate] = []
    for entry, effect in entries:
        described = ChangedCertificate(
            fingerprint=entry.fingerprint,
            name=printable(entry.certificate.label, limit=_NAME_LIMIT),
            decision=entry.decisions[0] if entry.decisions else None,
            effect=effect,
        )
        room -= len(described.model_dump_json().encode())
        if room < 0 or len(listed) == CHANGE_LIMIT:
            break
        listed.append(described)
    return tuple(listed)


def _counts_as(before: TrustedCertificate, after: TrustedCertificate) -> bool:
    return (before.role, before.trust_until) != (after.role, after.trust_until)


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
