"""The set that the benchmark replaces."""

from collections.abc import Callable, Sequence
from typing import Any

from certwright.api.certificateset_spec import NODES_LIMIT, SLOTS_LIMIT
from tests.support.control_plane import ControlPlane
from tests.support.set_stage import SetStage

SPARE = 2
"""Slots that are filled last: a dry run lets both in where there is room for one, and the commit must be undone."""


class BenchSet(SetStage):
    """A set with all certificates uploaded.

    Attributes:
        given: the slots that are filled from the beginning.
        spare: those that are filled last; none when the limits of a set leave no room for them.
    """

    def __init__(self, plane: ControlPlane, slots: int, nodes: int) -> None:
        fits = slots + SPARE <= SLOTS_LIMIT and (slots + SPARE) * nodes <= NODES_LIMIT
        names = [f"slot-{number:02}" for number in range(slots + SPARE * fits)]
        super().__init__(plane, names, nodes)
        self.given: Sequence[str] = tuple(names[:slots])
        self.spare: Sequence[str] = tuple(names[slots:])

    def content(self, slot: str) -> dict[str, str]:
        """Make a certificate and key as large as those that are uploaded."""
        leaf = self.pki.leaf(f"{slot}.example.com")
        return {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem}

    def upload_given(self) -> None:
        """Upload new certificates for the slots that are filled."""
        for slot in self.given:
            self.upload(slot)

    def wish_given(self) -> None:
        """Ask for the slots that are filled from the beginning."""
        self.wish(certificates=[self.from_upload(slot) for slot in self.given])

    def is_replaced(self, before: str | None) -> Callable[[dict[str, Any]], bool]:
        """Say when another revision than that is everywhere."""

        def seen(found: dict[str, Any]) -> bool:
            status = found.get("status", {})
            deployed = status.get("deployedRevision")
            return bool(status.get("responseCode") == 200 and deployed == status.get("revision") != before)

        return seen

    def is_refused(self, found: dict[str, Any]) -> bool:
        """Say when a replacement has been undone."""
        status = found.get("status", {})
        return bool(status.get("responseCode") == 409 and status.get("failedRevision") == status.get("revision"))
