"""Answers to what a pass asks besides objects by name, for passes that ask nothing of the kind.

`certwright.runtime.library` is the operator's own: it knows all sources of a namespace, reads long lists in other
processes, keeps them at hand, and fetches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from certwright.cluster.gather import failure_of
from certwright.cluster.ports import Cluster
from certwright.cluster.public_roots import public_roots
from certwright.findings import ClusterError
from certwright.reconcile.objects import Failure, ObjectKey, Snapshot
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import (
    IDLE,
    Contact,
    FetchState,
    GivenList,
    KeptList,
    KeptTrust,
    Named,
    Owned,
    PublicRoots,
    PublicRootsAnswer,
    Question,
)


class NoLibrary:
    """Implement `certwright.cluster.ports.Library` where there are no sources: of everything there is none."""

    def ask(self, question: Question) -> Any:
        """Know of nothing but the public roots, which are part of the installation."""
        match question:
            case Contact():
                return IDLE
            case Named():
                return None
            case Owned():
                return {}
            case PublicRoots():
                return answer_public_roots()
            case _:
                return ()

    async def read(self, need: GivenList | KeptList | KeptTrust) -> Any:
        """Have nothing at hand."""
        del need

    def start(self, action: StartFetch) -> FetchState:
        """Fetch nothing."""
        del action
        return IDLE

    def conclude(self, snapshot: Snapshot) -> None:
        """Hold nothing that could be let go."""


def answer_public_roots() -> PublicRootsAnswer:
    """Give the public roots of this installation; the first call takes some milliseconds.

    Raises:
        MaterialError: the installation is damaged.
    """
    shipped = public_roots()
    return PublicRootsAnswer(shipped.certificates, shipped.version)


async def recall_parts(keys: Iterable[ObjectKey], cluster: Cluster) -> tuple[bytes, ...] | Failure | None:
    """Read what a list or a record is kept in; `None` when a part is missing."""
    parts = []
    for key in keys:
        try:
            observed = await cluster.read(key)
        except ClusterError as error:
            return failure_of(error)
        if observed is None:
            return None
        parts += [observed.data[name] for name in sorted(observed.data)]
    return tuple(parts)
