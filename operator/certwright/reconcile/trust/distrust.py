"""Certificates that nobody may rely on, whoever brings them: those whose trust was withdrawn, or has ended.

A CA that is withdrawn leaves the deployed set. An intermediate comes with uploads, too, and must lead nowhere then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from certwright.reconcile.trust.gathering import Sources, Voices, end_of
from certwright.reconcile.trust.record import Distrust
from certwright.reconcile.trust.stance import Stance, Standing

_UNDECIDED = frozenset({Standing.PENDING, Standing.TROUBLED})
_SETTLED = frozenset({Standing.WITHDRAWN, Standing.ENDED})


def find_distrusts(
    sources: Sources, voices: Voices, trusted: Collection[str], *, may_end: bool
) -> tuple[Distrust, ...]:
    """Give the certificates that are distrusted, sorted by fingerprint.

    Args:
        sources: the decisions, what is deployed, and the time.
        voices: who says what.
        trusted: fingerprints of what is trusted from now on.
        may_end: a distrust ends with its decision, or when that speaks otherwise, but not when it is only de-selected;
            else it stays, for its end is a change like any other.
    """
    found = dict(_list_ended(sources, voices)) | dict(voices.distrusted)
    keeps_all = not may_end or sources.closed is not None or sources.clock_doubted
    stances = {each.stance.name: each.stance for each in sources.candidates}
    for each in sources.deployed.distrusts if sources.deployed is not None else ():
        if keeps_all or _stands(each, stances.get(each.decision)):
            found.setdefault(each.fingerprint, each.decision)
    return tuple(Distrust(each, found[each]) for each in sorted(found) if each not in trusted)


def _stands(distrust: Distrust, stance: Stance | None) -> bool:
    if stance is None or stance.standing in _UNDECIDED:
        return stance is not None
    return stance.standing in _SETTLED and stance.fingerprint in {None, distrust.fingerprint}


def _list_ended(sources: Sources, voices: Voices) -> Iterator[tuple[str, str]]:
    """Give what was to be trusted for a while only; what has expired says so itself."""
    for each in sorted((each.stance for each in sources.candidates), key=lambda stance: stance.name, reverse=True):
        until = end_of(each)
        if each.name in voices.ended and each.fingerprint and until is not None and until <= sources.now:
            yield each.fingerprint, each.name
