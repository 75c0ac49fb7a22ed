"""The operator's answers to what a pass asks besides objects by name; see `certwright.cluster.ports.Library`."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from certwright.cluster.library import answer_public_roots, recall_parts
from certwright.cluster.ports import Clock, Cluster, MetadataCache
from certwright.fetch.ports import Fetcher
from certwright.findings import Detail, FailureCause, Finding, MaterialError, Reason, finding
from certwright.pki.crl import RevocationList
from certwright.pki.list_intake import read_and_pack, unpack_list
from certwright.reconcile.objects import Failure, Kind, NamespaceFacts, ObjectKey, Snapshot, Subject
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import (
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
from certwright.runtime.downloads import Downloads, OnEnd
from certwright.runtime.mirror import Mirror
from certwright.runtime.once import Once
from certwright.runtime.processes import WorkFailedError
from certwright.runtime.shelf import Shelf
from certwright.runtime.trust_records import TrustRecords
from certwright.settings import Settings

PART_BYTES = 900 * 1024
"""The most that one ConfigMap holds: etcd takes objects of up to 1.5 MiB."""

QUICK_BYTES = 64 * 1024
"""Lists of up to this size are read on the event loop; that takes a few milliseconds."""

READINGS_BYTES = 8 * 1024 * 1024
SUBJECTS_BYTES = 8 * 1024 * 1024
ENTRY_BYTES = 8
BARE_BYTES = 4096

RunElsewhere = Callable[..., Awaitable[Any]]
"""Calls a function with its arguments in another process."""

AllNamespaces = Callable[[], tuple[NamespaceFacts, ...]]
"""Gives the namespaces that are served, sorted."""

WhoNames = Callable[[ObjectKey], frozenset[ObjectKey]]
"""Gives our own objects that ask for one by name."""


class OperatorLibrary:
    """Implement `certwright.cluster.ports.Library`.

    Args:
        mirror: our own objects.
        cluster: where lists are kept.
        cache: what the metadata watch holds of that.
        namespaces: gives those that are served.
        naming: gives the objects that ask for one by name.
        run: calls a function in another process, for long lists.
        downloads: made by the caller with `read` of this library.
        settings: how much is kept at hand.
    """

    def __init__(  # noqa: PLR0913 - who is asked
        self,
        mirror: Mirror,
        cluster: Cluster,
        cache: MetadataCache,
        *,
        namespaces: AllNamespaces,
        naming: WhoNames,
        run: RunElsewhere,
        settings: Settings,
    ) -> None:
        self._mirror = mirror
        self._cluster = cluster
        self._cache = cache
        self._namespaces = namespaces
        self._naming = naming
        self._run = run
        self._settings = settings
        self._lists: Shelf[RevocationList] = Shelf(settings.crl_memory_bytes)
        self._readings: Shelf[Reading | Finding] = Shelf(READINGS_BYTES)
        self._subjects: Shelf[tuple[int, Subject]] = Shelf(SUBJECTS_BYTES)
        self._collections: Shelf[tuple[int, tuple[Subject, ...]]] = Shelf(SUBJECTS_BYTES)
        self._trust = TrustRecords(cluster, cache)
        self._once = Once()
        self._downloads: Downloads | None = None

    def fetch_with(self, fetcher: Fetcher, clock: Clock, on_end: OnEnd) -> Downloads:
        """Fetch from now on; without a fetcher nothing is ever due."""
        self._downloads = Downloads(fetcher, read=self._read_given, clock=clock, on_end=on_end)
        return self._downloads

    # ---- the port

    def ask(self, question: Question) -> Any:
        """Answer from memory."""
        match question:
            case Collection() | Named() | Naming():
                return self._ask_mirror(question)
            case Contact():
                return self._downloads.state(question) if self._downloads is not None else FetchState()
            case Namespaces():
                return self._namespaces()
            case Owned():
                return self._cache.owned(question.owner)
            case RecordsOf():
                return self._cache.named(Kind.CONFIG_MAP, self._settings.namespace, question.stem)
            case PublicRoots():
                return answer_public_roots()

    async def read(self, need: GivenList | KeptList | KeptTrust) -> Any:
        """Read and parse a list or a record, once even when many ask at the same time."""
        match need:
            case GivenList():
                return await self._read_given(need)
            case KeptList():
                return await self._recall(need)
            case KeptTrust():
                return await self._trust.recall(need)

    def start(self, action: StartFetch) -> FetchState:
        """Begin to fetch."""
        return self._downloads.start(action) if self._downloads is not None else FetchState()

    def conclude(self, snapshot: Snapshot) -> None:
        """Let go of the deliveries that a pass has dealt with."""
        for question, answer in snapshot.answers.items():
            if self._downloads is not None and isinstance(question, Contact) and answer.delivery is not None:
                self._downloads.conclude(question, answer.delivery)

    # ---- our own objects

    def _ask_mirror(self, question: Collection | Named | Naming) -> Subject | tuple[Subject, ...] | None:
        if isinstance(question, Named):
            return self._subject(question.key) if question.key in self._mirror else None
        if isinstance(question, Collection):
            return self._members(question)
        keys = frozenset(key for key in self._naming(question.key) if key in self._mirror)
        return tuple(self._subject(key) for key in sorted(keys))

    def _members(self, collection: Collection) -> tuple[Subject, ...]:
        """Give a collection, as the same tuple until it changes: what others tell from it is remembered by identity."""
        edition = self._mirror.edition(collection)
        held = self._collections.get(str(collection))
        if held is not None and held[0] == edition:
            return held[1]
        subjects = tuple(self._subject(key) for key in sorted(self._mirror.members(collection)))
        weight = sum(map(self._weigh, subjects)) + BARE_BYTES
        self._collections.put(str(collection), (edition, subjects), weight)
        return subjects

    def _weigh(self, subject: Subject) -> int:
        entry = self._mirror.get(subject.key)
        return BARE_BYTES + (4 * len(entry.packed) if entry is not None else 0)

    def _subject(self, key: ObjectKey) -> Subject:
        """Unpack an object of a collection, once for each of its versions: thousands may ask for it."""
        entry = self._mirror.get(key)
        if entry is None:
            raise LookupError(f"{key} is in the index of the mirror, and not in the mirror")
        held = self._subjects.get(str(key))
        if held is not None and (held[0], held[1].version.uid) == (entry.version, entry.uid):
            return held[1]
        subject = entry.subject(key)
        self._subjects.put(str(key), (entry.version, subject), 4 * len(entry.packed) + BARE_BYTES)
        return subject

    # ---- lists

    async def _read_given(self, need: GivenList) -> Reading | Finding:
        name = hashlib.sha256(need.what.encode() + b"\0" + need.data).hexdigest()
        known = self._readings.get(name)
        if known is not None:
            return known
        answer: Reading | Finding = await self._once.make(name, lambda: self._parse(need))
        if isinstance(answer, Reading):
            self._hold(answer.read.crl)
            weight = len(answer.read.crl.der) + sum(map(len, answer.parts)) + BARE_BYTES
        else:
            weight = BARE_BYTES
        self._readings.put(name, answer, weight)
        return answer

    async def _parse(self, need: GivenList) -> Reading | Finding:
        arguments = (need.data, need.what, PART_BYTES, self._settings.crl_record_bytes)
        try:
            if len(need.data) <= QUICK_BYTES:
                return Reading(*read_and_pack(*arguments))
            return Reading(*await self._run(read_and_pack, *arguments))
        except MaterialError as error:
            return _as_about_list(error.finding, need.what)
        except WorkFailedError:
            text = f"{need.what}: reading the list failed in a way that nobody foresaw. This is a defect: report it."
            return finding(Reason.CRL_ERROR, text)

    async def _recall(self, need: KeptList) -> Recalled | Failure | None:
        is_kept = bool(need.parts) and not any(self._is_gone(key) for key in need.parts)
        held = self._lists.get(need.fingerprint)
        if held is not None:
            return Recalled(held, is_kept or not need.parts)
        if not is_kept:
            return None
        answer: RevocationList | Failure | None = await self._once.make(need.fingerprint, lambda: self._load(need))
        if not isinstance(answer, RevocationList):
            return answer
        self._hold(answer)
        return Recalled(answer)

    def _is_gone(self, key: ObjectKey) -> bool:
        return key.kind is Kind.CONFIG_MAP and self._cache.is_absent(key)

    async def _load(self, need: KeptList) -> RevocationList | Failure | None:
        parts = await recall_parts(need.parts, self._cluster)
        if parts is None or isinstance(parts, Failure):
            return parts
        arguments = (parts, need.fingerprint, self._settings.crl_max_bytes)
        try:
            if sum(map(len, parts)) <= QUICK_BYTES:
                return unpack_list(*arguments)
            loaded: RevocationList | None = await self._run(unpack_list, *arguments)
        except (MaterialError, WorkFailedError):
            return Failure(FailureCause.INTERNAL, "the list that was kept could not be read again")
        return loaded

    def _hold(self, crl: RevocationList) -> None:
        self._lists.put(crl.fingerprint, crl, len(crl.der) + ENTRY_BYTES * crl.entries.count + BARE_BYTES)


def _as_about_list(found: Finding, what: str) -> Finding:
    """Say of a list what the worker processes say of any material: that it took too long."""
    if found.reason is not Reason.VALIDATION_ERROR:
        return found
    text = f"{what}: reading the list took too long and was stopped. Give a smaller one."
    return finding(Reason.CRL_ERROR, text, detail=Detail.LIMIT_EXCEEDED)
