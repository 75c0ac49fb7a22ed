"""Lists are read once, in another process when they are long, and held within a bound."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from certwright.cluster.ports import Cluster, MetadataCache
from certwright.findings import ClusterError, Detail, FailureCause, Finding, MaterialError, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.limits import IntakeLimits
from certwright.pki.list_intake import pack_list, read_list
from certwright.reconcile.objects import (
    Failure,
    Kind,
    Metadata,
    NamespaceFacts,
    ObjectKey,
    Observed,
    Snapshot,
    Subject,
    Version,
)
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
    Reading,
    Recalled,
    RecordsOf,
)
from certwright.reconcile.trust.record import TrustedCertificate, TrustRecord, pack_record
from certwright.runtime.library import QUICK_BYTES, OperatorLibrary
from certwright.runtime.mirror import Mirror
from certwright.runtime.processes import WorkFailedError
from certwright.settings import Settings
from tests.support.memory_cluster import START
from tests.support.pki import PKI

ROOT = PKI().root()
SHORT, LONG = ROOT.crl([1]), ROOT.crl(range(10**9, 10**9 + 3000))
UNLIMITED = IntakeLimits(file_bytes=1 << 30)
PART = ObjectKey(Kind.CONFIG_MAP, "certwright-system", "crl-0")
CORP = ObjectKey(Kind.REVOCATION_SOURCE, "shop", "corp")
STORE = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", "corporate")
HELD = Metadata(Version("u", "1"))
DEPLOYED = TrustRecord(1, (TrustedCertificate(Certificate.from_der(ROOT.der)),))
OWNER = ObjectKey(Kind.PRIVATE_KEY, "shop", "key")
BLOG, GONE = (ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", name) for name in ("blog", "gone"))
TRUST_PARTS = tuple(ObjectKey(Kind.CONFIG_MAP, "certwright-system", f"store-u-1-x-{part}") for part in range(9))


@dataclass
class Scene:
    """Cluster, cache and process pool in one."""

    records: dict[ObjectKey, Observed | ClusterError]
    reads: int = 0
    calls: int = 0
    failing: Exception | None = None
    memory: int = 64 << 20

    def __post_init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.mirror = Mirror((Kind.REVOCATION_SOURCE,))
        settings = Settings(crl_memory_bytes=self.memory)
        self.library = OperatorLibrary(
            self.mirror,
            cast("Cluster", self),
            cast("MetadataCache", self),
            namespaces=lambda: (NamespaceFacts("shop", "u"),),
            naming=self.naming,
            run=self.run,
            settings=settings,
        )

    def naming(self, key: ObjectKey) -> frozenset[ObjectKey]:
        assert key == OWNER
        return frozenset({CORP, BLOG, GONE})

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.calls += 1
        await self.gate.wait()
        if self.failing is not None:
            raise self.failing
        return function(*arguments)

    async def read(self, key: ObjectKey) -> Observed | None:
        self.reads += 1
        found = self.records.get(key)
        if isinstance(found, ClusterError):
            raise found
        return found

    def is_absent(self, key: ObjectKey) -> bool:
        return key not in self.records

    def owned(self, owner: ObjectKey) -> dict[ObjectKey, Metadata]:
        assert owner == STORE
        return {PART: HELD}

    def named(self, kind: Kind, namespace: str, stem: str) -> tuple[ObjectKey, ...]:
        return tuple(key for key in self.records if (key.kind, key.namespace) == (kind, namespace) and stem in key.name)


def record(der: bytes) -> Observed:
    (part,) = pack_list(read_list(der, what="x").crl, 1 << 20) if len(der) < 1 << 20 else ()
    return Observed(PART, Version("u", "1"), data={"part": part})


def kept(der: bytes, *parts: ObjectKey) -> KeptList:
    return KeptList(read_list(der, what="x", limits=UNLIMITED).crl.fingerprint, parts)


async def test_list_is_read_here_when_it_is_short_and_elsewhere_when_it_is_long() -> None:
    scene = Scene({})
    assert len(SHORT.der) < QUICK_BYTES < len(LONG.der)
    short = await scene.library.read(GivenList("x", SHORT.der))
    assert (short.read.crl.der, scene.calls) == (SHORT.der, 0)
    await scene.library.read(GivenList("x", LONG.der))
    assert scene.calls == 1


async def test_list_is_read_once_when_many_ask_at_the_same_time() -> None:
    scene = Scene({})
    scene.gate.clear()
    asking = [asyncio.create_task(scene.library.read(GivenList("x", LONG.der))) for _ in range(5)]
    asking[0].cancel()
    await asyncio.sleep(0)
    scene.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(each, Reading) for each in answers[1:])
    await scene.library.read(GivenList("x", LONG.der))
    assert scene.calls == 1


async def test_what_is_wrong_is_part_of_the_answer_and_remembered() -> None:
    scene = Scene({})
    answer = await scene.library.read(GivenList("`spec.crl`", b"x" * (QUICK_BYTES + 1)))
    assert isinstance(answer, Finding)
    assert (answer.reason, answer.detail) == (Reason.CRL_INVALID, Detail.CRL_MISSING)
    assert await scene.library.read(GivenList("`spec.crl`", b"x" * (QUICK_BYTES + 1))) is answer
    assert scene.calls == 1


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (MaterialError(finding(Reason.VALIDATION_ERROR, "too long")), Detail.LIMIT_EXCEEDED),
        (WorkFailedError("it died"), None),
    ],
)
async def test_reading_that_fails_is_an_error_of_the_list(error: Exception, detail: Detail | None) -> None:
    scene = Scene({}, failing=error)
    answer = await scene.library.read(GivenList("x", LONG.der))
    assert (answer.reason, answer.detail) == (Reason.CRL_ERROR, detail)


async def test_kept_list_is_recalled_from_its_record_once() -> None:
    scene = Scene({PART: record(SHORT.der)})
    need = kept(SHORT.der, PART)
    answer = await scene.library.read(need)
    assert isinstance(answer, Recalled)
    assert (answer.crl.der, answer.is_kept) == (SHORT.der, True)
    await scene.library.read(need)
    assert scene.reads == 1
    assert scene.calls == 0


async def test_kept_list_is_told_to_be_unkept_when_its_record_is_gone_and_it_is_at_hand() -> None:
    scene = Scene({PART: record(SHORT.der)})
    need = kept(SHORT.der, PART)
    await scene.library.read(need)
    scene.records.clear()
    assert (await scene.library.read(need)).is_kept is False
    assert (await scene.library.read(kept(SHORT.der))).is_kept


async def test_kept_list_is_lost_when_nothing_holds_it() -> None:
    scene = Scene({})
    assert await scene.library.read(kept(SHORT.der, PART)) is None
    assert await scene.library.read(kept(SHORT.der)) is None
    scene.records[PART] = record(ROOT.crl([2]).der)
    assert await scene.library.read(kept(SHORT.der, PART)) is None


async def test_kept_list_is_lost_when_its_record_goes_while_it_is_read() -> None:
    scene = Scene({PART: record(SHORT.der)})
    scene.library._is_gone = lambda _: False  # type: ignore[method-assign]
    scene.records.clear()
    assert await scene.library.read(kept(SHORT.der, PART)) is None


async def test_failure_is_the_answer_when_the_record_cannot_be_read() -> None:
    scene = Scene({PART: ClusterError(FailureCause.FORBIDDEN, "no", status=403)})
    answer = await scene.library.read(kept(SHORT.der, PART))
    assert isinstance(answer, Failure)
    assert answer.cause is FailureCause.FORBIDDEN


async def test_long_record_is_unpacked_elsewhere_and_a_failure_there_is_the_answer() -> None:
    serials = (int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:19], "big") for number in range(5000))
    der = ROOT.crl(serials).der
    scene = Scene({PART: record(der)})
    need = kept(der, PART)
    assert len(scene.records[PART].data["part"]) > QUICK_BYTES  # type: ignore[union-attr]
    scene.failing = WorkFailedError("it died")
    assert isinstance(await scene.library.read(need), Failure)
    scene.failing = None
    assert isinstance(await scene.library.read(need), Recalled)
    assert scene.calls == 2


async def test_list_is_recalled_again_when_there_is_no_room_to_hold_it() -> None:
    scene = Scene({PART: record(SHORT.der)}, memory=1024)
    for _ in range(2):
        assert isinstance(await scene.library.read(kept(SHORT.der, PART)), Recalled)
    assert scene.reads == 2


async def test_collection_is_answered_with_the_objects_as_they_are() -> None:
    scene = Scene({})
    collection = Collection(Kind.REVOCATION_SOURCE, "shop")
    assert scene.library.ask(collection) == ()
    for version in ("1", "2"):
        subject = Subject(CORP, Version("u", version), 1, START, {"crl": version})
        scene.mirror.put(subject)
        (answer,) = scene.library.ask(collection)
        assert answer.spec == {"crl": version}
        assert scene.library.ask(collection)[0] is answer
        assert scene.library.ask(collection) is scene.library.ask(collection)
    assert scene.library.ask(Collection(Kind.REVOCATION_SOURCE, "blog")) == ()
    assert len(scene.library.ask(Collection(Kind.REVOCATION_SOURCE, ""))) == 1
    scene.mirror.remove(CORP)
    assert scene.library.ask(collection) == ()


async def test_objects_are_answered_by_name_and_by_whom_they_name() -> None:
    scene = Scene({})
    assert scene.library.ask(Named(CORP)) is None
    assert scene.library.ask(Naming(OWNER)) == ()
    for key in (CORP, BLOG):
        scene.mirror.put(Subject(key, Version(f"uid-{key.name}", "1"), 1, START, {}))
    assert scene.library.ask(Named(CORP)).key == CORP
    assert [each.key for each in scene.library.ask(Naming(OWNER))] == [BLOG, CORP]
    scene.mirror.remove(CORP)
    assert scene.library.ask(Named(CORP)) is None
    assert [each.key for each in scene.library.ask(Naming(OWNER))] == [BLOG]


def deployed(record: TrustRecord = DEPLOYED) -> tuple[KeptTrust, dict[ObjectKey, Observed | ClusterError]]:
    parts, digest = pack_record(record, 300)
    keys = TRUST_PARTS[: len(parts)]
    stored = {key: Observed(key, Version("u", "1"), data={"part": part}) for key, part in zip(keys, parts, strict=True)}
    return KeptTrust(digest, keys), {**stored}


async def test_record_of_a_store_is_read_once_however_many_ask() -> None:
    need, records = deployed()
    scene = Scene(records)
    assert len(records) > 1
    answers = await asyncio.gather(*(scene.library.read(need) for _ in range(50)), scene.library.read(need))
    assert answers[0] == DEPLOYED
    assert all(each is answers[0] for each in answers)
    assert (scene.reads, scene.calls) == (len(records), 0)


async def test_record_of_a_store_is_lost_when_a_part_is_gone_or_another_one() -> None:
    need, records = deployed()
    scene = Scene(records)
    assert await scene.library.read(KeptTrust(need.digest, ())) is None
    assert await scene.library.read(need) == DEPLOYED
    first = scene.records.pop(TRUST_PARTS[0])
    assert await scene.library.read(need) is None
    scene.records[TRUST_PARTS[0]] = first
    assert await scene.library.read(need) == DEPLOYED
    assert await scene.library.read(KeptTrust("sha256:another", need.parts)) is None


async def test_record_of_a_store_goes_while_it_is_read() -> None:
    need, _ = deployed()
    scene = Scene({})
    scene.is_absent = lambda _: False  # type: ignore[method-assign]
    assert await scene.library.read(need) is None


async def test_failure_is_the_answer_when_the_record_of_a_store_cannot_be_read() -> None:
    need, records = deployed()
    scene = Scene({**records, TRUST_PARTS[0]: ClusterError(FailureCause.FORBIDDEN, "no", status=403)})
    answer = await scene.library.read(need)
    assert isinstance(answer, Failure)
    scene.records.update(records)
    assert await scene.library.read(need) == DEPLOYED


async def test_questions_about_the_cluster_are_answered_from_memory() -> None:
    scene = Scene(deployed()[1])
    assert scene.library.ask(Namespaces()) == (NamespaceFacts("shop", "u"),)
    assert scene.library.ask(Owned(STORE)) == {PART: HELD}
    assert scene.library.ask(RecordsOf("store-u-")) == tuple(scene.records)
    assert len(scene.library.ask(PublicRoots()).certificates) > 100
    assert scene.reads == 0


async def test_nothing_is_due_when_nobody_fetches() -> None:
    scene = Scene({})
    contact = Contact(CORP, "u", "o", START - START, None, None, troubled=False)
    assert scene.library.ask(contact) == FetchState()
    assert scene.library.start(StartFetch(CORP, contact, "http://x")) == FetchState()
    subject = Subject(CORP, Version("u", "1"), 1, START, {})
    scene.library.conclude(Snapshot(subject, START, "", answers={contact: FetchState()}))


def test_mirror_forgets_its_collections_when_it_is_cleared() -> None:
    mirror = Mirror((Kind.REVOCATION_SOURCE,))
    mirror.put(Subject(CORP, Version("u", "1"), 1, START, {}))
    mirror.put(Subject(ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "shop"), Version("v", "1"), 1, START, {}))
    assert mirror.members(Collection(Kind.REVOCATION_SOURCE, "")) == {CORP}
    assert mirror.members(Collection(Kind.IMPORTED_CERTIFICATE, "shop")) == frozenset()
    mirror.clear()
    assert mirror.members(Collection(Kind.REVOCATION_SOURCE, "")) == frozenset()
