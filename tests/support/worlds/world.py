"""What a story can do, and see, in any world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from certwright.reconcile.objects import Observed
from tests.support.worlds.manifests import Manifest
from tests.support.worlds.material import Corp
from tests.support.worlds.report import Event, Report

T = TypeVar("T")

Until = Callable[[Report], bool]


def anything(report: Report) -> bool:
    """Demand nothing but a verdict on the present generation."""
    del report
    return True


class World(Protocol):
    """A namespace of its own, and certwright at work in it.

    Methods take another `namespace` for what is not in this one; cluster-scoped kinds have none.

    Attributes:
        namespace: its name.
        corp: a PKI whose certificates are valid when the story begins.
    """

    namespace: str
    corp: Corp

    @property
    def now(self) -> datetime:
        """Give the instant that certificates are judged at."""
        ...

    def own(self, name: str) -> str:
        """Give the name that something outside the namespace of the story bears, so that it is the story's alone."""
        ...

    async def make_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> str:
        """Create another namespace, and give its name; it goes with the story."""
        ...

    async def apply(self, *manifests: Manifest) -> None:
        """Do what `kubectl apply` does: what was applied before and is left out now goes."""
        ...

    async def patch(self, kind: str, name: str, patch: Mapping[str, Any], *, namespace: str | None = None) -> None:
        """Do what `kubectl patch --type=merge` does, with `status` where the patch has one."""
        ...

    async def delete(self, kind: str, name: str, *, namespace: str | None = None) -> None:
        """Do what `kubectl delete` does."""
        ...

    async def read(self, kind: str, name: str, *, namespace: str | None = None) -> Observed | None:
        """Give an object as it is now."""
        ...

    async def find(self, name: str, *, kind: str, namespace: str | None = None) -> Report | None:
        """Give what certwright says of one of our objects now; `None` when it is gone."""
        ...

    async def status(self, name: str, *, kind: str = "ImportedCertificate", namespace: str | None = None) -> Report:
        """Give what certwright says of one of our objects now."""
        ...

    async def events(
        self, name: str, *, kind: str = "ImportedCertificate", namespace: str | None = None
    ) -> list[Event]:
        """Give the events about one of our objects, as far as they are written."""
        ...

    async def settle(
        self, name: str, until: Until = anything, *, kind: str = "ImportedCertificate", namespace: str | None = None
    ) -> Report:
        """Wait until an object's verdict is about its present generation, and as wanted.

        Raises:
            DeadlineError: it did not come.
        """
        ...

    async def wait(self, reached: Callable[[], Awaitable[T]], what: str) -> T:
        """Wait until the answer is truthy and give it.

        Raises:
            DeadlineError: it did not come.
        """
        ...

    async def rest(self) -> None:
        """Wait until certwright has heard of everything that happened, and has nothing left to do."""
        ...

    async def travel(self, delta: timedelta) -> None:
        """Move the instant that certificates are judged at; from there time goes on."""
        ...

    async def stand_at(self, instant: datetime) -> None:
        """Let it be exactly this instant until somebody travels."""
        ...

    def doubting_the_clock(self) -> AbstractAsyncContextManager[None]:
        """Have the operator's clock and the API server's disagree."""
        ...

    def without_right_to_refresh(self) -> AbstractAsyncContextManager[None]:
        """Take the component `refresh` away."""
        ...

    def without_room_for_secrets(self, name: str) -> AbstractAsyncContextManager[None]:
        """Have a quota refuse new Secrets, the one of this name among them."""
        ...

    def refusing_full_statuses(self, name: str) -> AbstractAsyncContextManager[None]:
        """Have the API server refuse every status of this object that is not minimal."""
        ...
