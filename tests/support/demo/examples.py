"""Read `manifests/examples`: what each shows, and what it says will happen."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"
CERTIFICATE, SOURCE, DECISION = "ImportedCertificate", "RevocationSource", "TrustDecision"
STORES = frozenset({"TrustStore", "ClusterTrustStore"})
SET = "ClusterCertificateSet"
OURS = STORES | {CERTIFICATE, SOURCE, DECISION, SET, "PrivateKey"}
PREFIX = "examples.certwright.io/"


@dataclass(frozen=True)
class Expectation:
    """What one of our objects is to come to.

    Attributes:
        identity: its kind and name: `ImportedCertificate/shop`.
        state: of an ImportedCertificate `certificateStoreStatus` and `responseCode`, as in `OK 200`; of a
            RevocationSource the reason of `Ready` and `validation`, as in `Valid 0`; of a TrustDecision `trustState`
            and `validation`, as in `trusted 0`; of a store the reason of `Ready` and how many per cent of its targets
            are up to date, as in `Valid 100`; of a set the reason of `Ready` and `responseCode`, as in `Valid 200`.
        reasons: findings that must be among those listed.
        says: a part of `detailedError`.
    """

    identity: str
    state: str
    reasons: frozenset[str]
    says: str = ""

    def seen_in(self, custom_object: dict[str, Any]) -> bool:
        """Say whether the object has come to it."""
        said = custom_object.get("status", {}).get("detailedError") or ""
        return state_of(custom_object) == self.state and self.reasons <= reasons_of(custom_object) and self.says in said


@dataclass(frozen=True)
class Example:
    """One file: its first sentence and its objects."""

    path: Path
    summary: str
    expectations: tuple[Expectation, ...]
    refusal: str | None


def read_examples(folder: str) -> list[Example]:
    """Return the examples of one folder: `good`, `cluster`, `cluster-bad`, `bad` or `refused`."""
    return [_read(path) for path in sorted((EXAMPLES / folder).glob("*.yaml"), key=lambda path: path.stem)]


def identity_of(custom_object: dict[str, Any]) -> str:
    """Return kind and name of an object."""
    return f"{custom_object['kind']}/{custom_object['metadata']['name']}"


def state_of(custom_object: dict[str, Any]) -> str:
    """Return word and code of an object, `…` before there is a verdict on its present generation."""
    status = custom_object.get("status", {})
    if status.get("observedGeneration") != custom_object["metadata"]["generation"]:
        return "…"
    kind = custom_object.get("kind")
    if kind == SOURCE:
        return f"{condition(custom_object, 'Ready').get('reason')} {status.get('validation')}"
    if kind == SET:
        return f"{condition(custom_object, 'Ready').get('reason')} {status.get('responseCode', '…')}"
    if kind == DECISION:
        return f"{status.get('trustState')} {status.get('validation')}"
    if kind in STORES:
        return f"{condition(custom_object, 'Ready').get('reason')} {status.get('rollout', {}).get('percentComplete')}"
    return f"{status.get('certificateStoreStatus', '…')} {status.get('responseCode', '')}".strip()


def reasons_of(custom_object: dict[str, Any]) -> set[str]:
    """Return the reasons of an object's findings."""
    return {finding["reason"] for finding in custom_object.get("status", {}).get("findings", [])}


def condition(custom_object: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return one condition of an object, empty when it is absent."""
    conditions = custom_object.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def _read(path: Path) -> Example:
    text = path.read_text(encoding="utf-8")
    objects = [found for found in yaml.safe_load_all(text) if found]
    ours = [found for found in objects if found["kind"] in OURS]
    annotations = [(identity_of(found), found["metadata"].get("annotations", {})) for found in ours]
    refusals = [notes[f"{PREFIX}refused"] for _, notes in annotations if f"{PREFIX}refused" in notes]
    return Example(path, _summary(text), tuple(_expectations(annotations)), refusals[0] if refusals else None)


def _expectations(annotations: list[tuple[str, dict[str, str]]]) -> Iterator[Expectation]:
    for name, notes in annotations:
        if expected := notes.get(f"{PREFIX}expect"):
            reasons = notes.get(f"{PREFIX}reasons", "")
            says = notes.get(f"{PREFIX}says", "")
            yield Expectation(name, expected, frozenset(filter(None, reasons.split(","))), says)


def _summary(text: str) -> str:
    comment = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    first = " ".join(comment).partition(". ")[0].partition(" Expect ")[0]
    return first.rstrip(".")
