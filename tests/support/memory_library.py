"""The operator's own library over a cluster in memory: what would run in another process runs here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from certwright.fetch.ports import Fetcher
from certwright.reconcile.objects import NamespaceFacts, ObjectKey, Subject
from certwright.reconcile.questions import Collection, Named, Naming
from certwright.runtime.assembly import COLLECTED_KINDS
from certwright.runtime.downloads import OnEnd
from certwright.runtime.engine import make_engine
from certwright.runtime.library import OperatorLibrary
from certwright.runtime.mirror import Mirror
from certwright.settings import Settings
from tests.support.loopback_fetcher import loopback_fetcher
from tests.support.set_cluster import SetCluster


class MemoryLibrary(OperatorLibrary):
    """Be the library of one process; making another is a restart.

    Attributes:
        elsewhere: how often each function was called that the operator calls in another process.
    """

    def __init__(
        self,
        cluster: SetCluster,
        settings: Settings,
        *,
        fetcher: Fetcher | None = None,
        on_end: OnEnd = lambda *_: None,
    ) -> None:
        self.elsewhere: Counter[str] = Counter()
        self.mirror = Mirror(COLLECTED_KINDS)
        self._memory = cluster
        self._reconcilers = make_engine(settings).reconcilers
        super().__init__(
            self.mirror,
            cluster,
            cluster,
            namespaces=self._namespaces,
            naming=lambda _: frozenset(),  # answered below
            run=self._call,
            settings=settings,
        )
        self.downloads = self.fetch_with(fetcher or loopback_fetcher(), cluster.clock, on_end)

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.elsewhere[function.__name__] += 1
        return function(*arguments)

    def _namespaces(self) -> tuple[NamespaceFacts, ...]:
        return tuple(facts for _, facts in sorted(self._memory.namespaces.items()))

    def ask(self, question: Any) -> Any:
        """Answer from what the watch would have said by now."""
        if isinstance(question, Named):
            return self._memory.subjects.get(question.key)
        if isinstance(question, Naming):
            return self._list_naming(question.key)
        if isinstance(question, Collection):
            self._catch_up()
        return super().ask(question)

    def _list_naming(self, key: ObjectKey) -> tuple[Subject, ...]:
        asked = Named(key)
        subjects = (subject for _, subject in sorted(self._memory.subjects.items()))
        return tuple(each for each in subjects if asked in self._asked(each))

    def _asked(self, subject: Subject) -> frozenset[Any]:
        reconciler = self._reconcilers.get(subject.key.kind)
        return reconciler.asks(subject) if reconciler is not None else frozenset()

    def _catch_up(self) -> None:
        there = {key: subject for key, subject in self._memory.subjects.items() if key.kind in COLLECTED_KINDS}
        for key in [key for key, _ in self.mirror.items() if key not in there]:
            self.mirror.remove(key)
        for subject in there.values():
            self.mirror.put(subject)

    async def fetched(self) -> bool:
        """Wait until no fetch is under way; say whether one was."""
        running = self.downloads.running
        if running:
            await asyncio.wait(running)
        return bool(running)
