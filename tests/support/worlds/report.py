"""What certwright says of an ImportedCertificate, in short words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from certwright.reconcile.objects import Subject


@dataclass(frozen=True)
class Event:
    """What happened, as `kubectl events` tells it."""

    type: str
    reason: str
    action: str
    note: str


@dataclass(frozen=True)
class Report:
    """One of our objects and its status."""

    subject: Subject

    @property
    def status(self) -> Mapping[str, Any]:
        return self.subject.status

    @property
    def is_current(self) -> bool:
        """Say whether the verdict is about the present generation."""
        return bool(self.status.get("observedGeneration") == self.subject.generation)

    @property
    def answer(self) -> tuple[str, int]:
        """Source 1's word and number."""
        return str(self.status.get("certificateStoreStatus")), int(self.status.get("responseCode", 0))

    @property
    def is_ok(self) -> bool:
        return self.answer == ("OK", 200)

    @property
    def validation(self) -> int | None:
        """Source 3's number."""
        return self.status.get("validation")

    @property
    def served(self) -> Mapping[str, Any]:
        return self.status.get("served") or {}

    @property
    def errors(self) -> list[str]:
        """The reasons of all errors, the worst first."""
        return [each["reason"] for each in self._findings if each["severity"] == "Error"]

    @property
    def warnings(self) -> list[str]:
        """The reasons of all warnings."""
        return [each["reason"] for each in self._findings if each["severity"] == "Warning"]

    @property
    def _findings(self) -> list[Mapping[str, Any]]:
        return list(self.status.get("findings") or ())

    def finding(self, reason: str) -> Mapping[str, Any]:
        """Give the first finding of that reason."""
        found = [each for each in self._findings if each["reason"] == reason]
        assert found, f"no finding {reason} among {[each['reason'] for each in self._findings]}"
        return found[0]

    def condition(self, wanted: str) -> tuple[str, str] | None:
        """Give status and reason of a condition."""
        for each in self.status.get("conditions") or ():
            if each["type"] == wanted:
                return each["status"], each["reason"]
        return None

    @property
    def conditions(self) -> dict[str, tuple[str, str]]:
        """Status and reason of every condition."""
        return {each["type"]: (each["status"], each["reason"]) for each in self.status.get("conditions") or ()}

    def message(self, wanted: str = "Ready") -> str:
        """Give the message of a condition."""
        found = [each["message"] for each in self.status.get("conditions") or () if each["type"] == wanted]
        return str(found[0]) if found else ""

    @property
    def reason(self) -> str | None:
        """The reason of `Ready`."""
        ready = self.condition("Ready")
        return ready[1] if ready else None

    def target(self, name: str) -> Mapping[str, Any]:
        """Give the row of a target."""
        rows = [each for each in self.status.get("targets") or () if each["secretName"] == name]
        return rows[0] if rows else {}

    def target_answer(self, name: str) -> tuple[str, int]:
        """Source 1's word and number for one target."""
        row = self.target(name)
        return str(row.get("certificateStoreStatus")), int(row.get("responseCode", 0))

    def input_version(self, name: str) -> str | None:
        """Give the recorded resourceVersion of an input."""
        for each in self.status.get("record", {}).get("inputs", ()):
            if each["name"] == name:
                return str(each.get("resourceVersion"))
        return None

    def __repr__(self) -> str:
        """Say what a failed story has to say."""
        said = {each["type"]: f"{each['status']} {each['reason']}: {each['message']}" for each in self._conditions}
        rows = self.status.get("targets") or ()
        targets = {
            each.get("secretName") or f"{each.get('namespace')}/{each['name']}": _standing(each) for each in rows
        }
        return f"<{self.subject.key}: {self.answer} {self.validation} {said} {targets}>"

    @property
    def _conditions(self) -> list[Mapping[str, Any]]:
        return list(self.status.get("conditions") or ())


def _standing(row: Mapping[str, Any]) -> str:
    return str(row.get("certificateStoreStatus") or row.get("message") or row.get("updated"))
