"""Answers from files to what a pass asks besides objects by name, so that `check` walks the operator's own way."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from certwright.cluster.files import FileCluster, file_uid
from certwright.cluster.library import answer_public_roots, recall_parts
from certwright.findings import Finding, MaterialError
from certwright.pki.crl import RevocationList
from certwright.pki.list_intake import read_and_pack
from certwright.reconcile.objects import Failure, Kind, NamespaceFacts, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.offers import is_pending
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import (
    IDLE,
    Collection,
    Contact,
    FetchState,
    GivenList,
    KeptList,
    KeptTrust,
    Named,
    Namespaces,
    Naming,
    Owned,
    PublicRoots,
    Question,
    Reading,
    Recalled,
    RecordsOf,
)
from certwright.reconcile.trust.record import TrustRecord, unpack_record

PART_BYTES = 900 * 1024
MOST_PACKED = 1 << 40
"""No list is too long to be kept: nothing of it leaves this process."""


class FileLibrary:
    """Implement `certwright.cluster.ports.Library` over objects that were read from files.

    Nothing is fetched. A RevocationSource counts from when it has been judged: of a list that only a cluster can fetch
    nothing is ever known, and nobody is to wait for it.

    Args:
        files: our own objects, and what passes have written.
        namespaces: those that there are.
        namespace: that of the operator, where records are.
    """

    def __init__(self, files: FileCluster, namespaces: Iterable[NamespaceFacts], namespace: str) -> None:
        self._files = files
        self._namespaces = tuple(sorted(namespaces, key=lambda each: each.name))
        self._namespace = namespace
        self._lists: dict[str, RevocationList] = {}
        self._records: dict[str, TrustRecord] = {}
        self._count = 0
        self._collections: dict[Collection, tuple[tuple[ObjectKey, ...], tuple[Subject, ...]]] = {}

    def ask(self, question: Question) -> Any:
        """Answer from memory."""
        match question:
            case Collection() | Named() | Naming():
                return self._find_ours(question)
            case Contact():
                return IDLE
            case Namespaces():
                return self._namespaces
            case Owned():
                return self._files.owned(question.owner)
            case RecordsOf():
                return self._files.named(Kind.CONFIG_MAP, self._namespace, question.stem)
            case PublicRoots():
                return answer_public_roots()

    async def read(self, need: GivenList | KeptList | KeptTrust) -> Any:
        """Read a list that stands in a file; recall lists and records that passes have kept."""
        match need:
            case GivenList():
                return self._read_given(need)
            case KeptList():
                held = self._lists.get(need.fingerprint)
                return Recalled(held) if held is not None else None
            case KeptTrust():
                return await self._recall(need)

    def start(self, action: StartFetch) -> FetchState:
        """Fetch nothing."""
        del action
        return IDLE

    def conclude(self, snapshot: Snapshot) -> None:
        """Hold nothing that could be let go."""

    def _find_ours(self, question: Collection | Named | Naming) -> tuple[Subject, ...] | Subject:
        if isinstance(question, Collection):
            return self._members(question)
        if isinstance(question, Naming):
            return ()  # that is for statuses, which nobody looks at here
        # What is not among the files may well be in the cluster: its absence is no verdict.
        return self._files.subjects.get(question.key) or _take_for_granted(question.key)

    def _members(self, collection: Collection) -> tuple[Subject, ...]:
        """Give a collection, as the same tuple until it changes: what others tell from it is remembered by identity."""
        subjects = self._files.subjects
        keys, held = self._collections.get(collection, ((), ()))
        if len(subjects) != self._count:
            self._count = len(subjects)
            self._collections.clear()
            keys = ()
        keys = keys or tuple(key for key in sorted(subjects) if key in collection)
        found = tuple(each for each in map(subjects.__getitem__, keys) if not _is_unheard_of(each))
        if len(found) == len(held) and all(map(operator.is_, found, held)):
            return held
        self._collections[collection] = keys, found
        return found

    def _read_given(self, need: GivenList) -> Reading | Finding:
        try:
            read, parts = read_and_pack(need.data, need.what, PART_BYTES, MOST_PACKED)
        except MaterialError as error:
            return error.finding
        self._lists[read.crl.fingerprint] = read.crl
        return Reading(read, parts)

    async def _recall(self, need: KeptTrust) -> TrustRecord | Failure | None:
        # Every decision and certificate that looks at a store asks for it, and it holds all CAs of that store.
        held = self._records.get(need.digest)
        if held is not None:
            return held
        parts = await recall_parts(need.parts, self._files)
        if not isinstance(parts, tuple):
            return parts
        record = unpack_record(parts, need.digest)
        if record is not None:
            self._records[need.digest] = record
        return record


def _take_for_granted(key: ObjectKey) -> Subject:
    return Subject(key, Version(file_uid(key), "1"), generation=1, created=datetime.min.replace(tzinfo=UTC), spec={})


def _is_unheard_of(subject: Subject) -> bool:
    return subject.key.kind is Kind.REVOCATION_SOURCE and is_pending(subject)
