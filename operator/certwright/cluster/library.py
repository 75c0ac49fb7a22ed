"""Answers to what a pass asks besides objects by name, for passes that ask nothing of the kind.

`certwright.runtime.library` is the operator's own: it knows all sources of a namespace, reads long lists in other
processes, keeps them at hand, and fetches.
"""

from __future__ import annotations

from typing import Any

from certwright.cluster.gather import failure_of
from certwright.cluster.ports import Cluster
from certwright.findings import ClusterError
from certwright.reconcile.objects import Failure, Snapshot
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import IDLE, Collection, FetchState, GivenList, KeptList, Question


class NoLibrary:
    """Implement `certwright.cluster.ports.Library` where there are no sources: of everything there is none."""

    def ask(self, question: Question) -> Any:
        """Know of nothing."""
        return () if isinstance(question, Collection) else IDLE

    async def read(self, need: GivenList | KeptList) -> Any:
        """Have nothing at hand."""
        del need

    def start(self, action: StartFetch) -> FetchState:
        """Fetch nothing."""
        del action
        return IDLE

    def conclude(self, snapshot: Snapshot) -> None:
        """Hold nothing that could be let go."""


async def recall_parts(need: KeptList, cluster: Cluster) -> tuple[bytes, ...] | Failure | None:
    """Read what a list is kept in; `None` when a part is missing."""
    parts = []
    for key in need.parts:
        try:
            observed = await cluster.read(key)
        except ClusterError as error:
            return failure_of(error)
        if observed is None:
            return None
        parts += [observed.data[name] for name in sorted(observed.data)]
    return tuple(parts)
