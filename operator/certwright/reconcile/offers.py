"""The revocation lists that the RevocationSources of a namespace offer to verdicts, told from their statuses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from certwright.api.conditions import ConditionType, find_condition
from certwright.api.model import parse_leniently
from certwright.api.revocationsource import RevocationSourceStatus
from certwright.api.revocationsource_status import KeptList as KeptEntry
from certwright.api.revocationsource_status import SourceRecord
from certwright.findings import Reason
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.questions import Collection, KeptList

NAME_PREFIX = "crl-"
_DIGEST_DIGITS = 12
_HEAD = len("sha256:")


def sources_of(namespace: str) -> Collection:
    """Give the collection of all RevocationSources of a namespace."""
    return Collection(Kind.REVOCATION_SOURCE, namespace)


def part_keys(namespace: str, uid: str, fingerprint: str, count: int) -> tuple[ObjectKey, ...]:
    """Name the ConfigMaps that hold a list.

    Args:
        namespace: that of the operator.
        uid: of the RevocationSource: one that is created anew starts anew.
        fingerprint: of the list, so that a name never holds two contents.
        count: how many parts there are.
    """
    stem = record_stem(uid, fingerprint)
    return tuple(ObjectKey(Kind.CONFIG_MAP, namespace, f"{stem}{number}") for number in range(count))


def record_stem(uid: str, fingerprint: str) -> str:
    """Give what the names of all parts of a list begin with."""
    return f"{NAME_PREFIX}{uid}-{fingerprint[_HEAD:][:_DIGEST_DIGITS]}-"


def kept_entry(status: Mapping[str, Any]) -> KeptEntry | None:
    """Read from the status of a RevocationSource which list is in use."""
    record = status.get("record")
    return parse_leniently(SourceRecord, record).kept if isinstance(record, Mapping) else None


def kept_list(source: Subject, operator_namespace: str) -> KeptList | None:
    """Give the list in use as a question; `None` when there is none."""
    kept = kept_entry(source.status)
    if kept is None:
        return None
    return KeptList(kept.digest, part_keys(operator_namespace, source.version.uid, kept.digest, kept.parts or 0))


def is_pending(source: Subject) -> bool:
    """Say whether nobody knows yet what a source offers: what it brings may name the very certificate in question."""
    if source.status.get("observedGeneration") != source.generation:
        return True
    conditions = parse_leniently(RevocationSourceStatus, source.status).conditions
    ready = find_condition(conditions, ConditionType.READY)
    return ready is None or ready.reason == Reason.NOT_CHECKED.value


def face_of(source: Subject) -> str:
    """Digest what verdicts see of a source: which list it offers, and whether they must wait for it."""
    kept = kept_entry(source.status)
    return f"{kept.digest if kept is not None else 'nothing'}{', pending' if is_pending(source) else ''}"


def digest_offers(sources: Iterable[Subject]) -> str:
    """Digest which lists some sources offer: equal digests, equal lists."""
    offers = sorted({kept.digest for source in sources if (kept := kept_entry(source.status)) is not None})
    return "sha256:" + hashlib.sha256("\n".join(offers).encode()).hexdigest()
