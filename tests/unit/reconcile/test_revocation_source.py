"""A RevocationSource from end to end in memory: codes, keeping, restarts, and what each pass costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certwright.fetch.failures import FetchError
from certwright.fetch.ports import Fetched, Fetcher, FetchRequest
from certwright.findings import Detail, FailureCause, MaterialError, Reason, finding
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Version
from certwright.reconcile.plan import NAMESPACE_LABEL
from certwright.runtime.library import QUICK_BYTES
from certwright.runtime.processes import WorkFailedError
from tests.support import extension_writer as ext
from tests.support.memory_library import MemoryLibrary
from tests.support.pki import Entity, SignedList, ec_key
from tests.support.worlds import MemoryWorld, Report
from tests.support.worlds.manifests import config_map, serving, source
from tests.support.worlds.material import upload

SOURCE = "RevocationSource"
OPERATOR = "certwright-system"
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
BARE = {"without": ["authorityKeyIdentifier"]}
ISSUER = {"issuerRef": {"kind": "ConfigMap", "name": "issuers"}}
PREFER = {"trust": {"revocation": "Prefer"}}
URL = "http://crl.example.com/list"


class Server:
    """Stand in for the network: answers with what a test puts up, and remembers the questions."""

    def __init__(self) -> None:
        self.answer: bytes | FetchError | Fetched = b""
        self.asked: list[FetchRequest] = []

    async def fetch(self, request: FetchRequest) -> Fetched:
        self.asked.append(request)
        if isinstance(self.answer, FetchError):
            raise self.answer
        return self.answer if isinstance(self.answer, Fetched) else Fetched(self.answer, '"etag"', None)


class Scene(MemoryWorld):
    """A world with a scripted server."""

    def __init__(self) -> None:
        self.server = Server()
        super().__init__()
        self.lax = self.corp.root.issue_ca("No Lists CA", key_usage=("keyCertSign",), **self.corp.dates)

    def _begin(self, fetcher: Fetcher | None = None) -> MemoryLibrary:
        self.cluster.forget_calls()
        return super()._begin(fetcher or self.server)

    def crl(self, *revoked: Entity | int, issuer: Entity | None = None, **wishes: Any) -> SignedList:
        dates = {"this_update": self.corp.at - HOUR, "next_update": self.corp.at + WEEK}
        return (issuer or self.corp.issuing).crl(revoked, **{**dates, **wishes})

    async def issuers(self, *entities: Entity) -> None:
        given = entities or (self.corp.issuing, self.corp.root)
        await self.apply(config_map("issuers", {"ca.crt": "".join(entity.pem for entity in given)}))

    async def judge(self, **spec: Any) -> Report:
        """Wish for the source `corp`, and rest."""
        await self.apply(source("corp", **spec))
        return await self.rested()

    async def rested(self) -> Report:
        await self.rest()
        return await self.status("corp", kind=SOURCE)

    @property
    def records(self) -> list[ObjectKey]:
        return sorted(key for key in self.cluster.objects if key.namespace == OPERATOR)

    async def serve(self, crl: SignedList, **spec: Any) -> Report:
        """Fetch a list from the server."""
        self.server.answer = crl.der
        await self.issuers()
        return await self.judge(url=URL, **{**ISSUER, **spec})


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    yield scene
    await scene.library.downloads.close()


# ---- codes of a list by itself


def nobody(scene: Scene) -> SignedList:
    return scene.crl(issuer=scene.corp.ca("Somebody Else"))


def unauthorised(scene: Scene) -> SignedList:
    return scene.crl(issuer=scene.lax)


CODES: dict[str, tuple[Callable[[Scene], SignedList], int, Reason, Detail | None]] = {
    "good": (lambda scene: scene.crl(), 0, Reason.VALID, None),
    "expired": (
        lambda scene: scene.crl(next_update=scene.corp.at - timedelta(seconds=1)),
        2034,
        Reason.CRL_EXPIRED,
        None,
    ),
    "early": (
        lambda scene: scene.crl(this_update=scene.corp.at + timedelta(seconds=1)),
        2033,
        Reason.CRL_NOT_VALID,
        Detail.CRL_NOT_YET_VALID,
    ),
    "forged": (
        lambda scene: scene.crl(sign_with=ec_key("mallory"), **BARE),
        2033,
        Reason.CRL_NOT_VALID,
        Detail.SIGNATURE,
    ),
    "strange": (
        lambda scene: scene.crl(extensions=[ext.Ext("1.2.3.4", b"\x05\x00", critical=True)]),
        2033,
        Reason.CRL_NOT_VALID,
        Detail.CRITICAL_EXTENSION_UNKNOWN,
    ),
    "nobody's": (nobody, 2031, Reason.CRL_ISSUER_NOT_FOUND, None),
    "unauthorised": (unauthorised, 2032, Reason.CRL_ISSUER_NOT_AUTHORIZED, Detail.CRL_SIGN_MISSING),
    "contradicting": (
        lambda scene: scene.crl(next_update=scene.corp.at - WEEK),
        2020,
        Reason.CRL_INVALID,
        None,
    ),
}


@pytest.mark.parametrize("kind", CODES)
async def test_source_has_the_documented_code_when_its_list_is(scene: Scene, kind: str) -> None:
    make, code, reason, detail = CODES[kind]
    crl = make(scene)
    await scene.issuers(scene.corp.issuing, scene.corp.root, scene.lax)
    report = await scene.judge(crl=crl.pem, **ISSUER)

    assert (report.validation, report.reason) == (code, reason.value)
    found = report.status.get("findings", [{}])[0]
    assert found.get("detail") == (detail.value if detail else None)
    assert found.get("code", 0) == code
    assert bool(report.status.get("crlNumber")) is (reason in {Reason.VALID, Reason.CRL_EXPIRED})


@pytest.mark.parametrize("data", ["", "nothing", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
async def test_source_is_invalid_when_there_is_no_list_in_it(scene: Scene, data: str) -> None:
    await scene.issuers()
    await scene.apply(config_map("lists", {"ca.crl": data}))
    report = await scene.judge(crlRef={"kind": "ConfigMap", "name": "lists"}, **ISSUER)
    assert (report.validation, report.reason) == (2020, "CRLInvalid")
    assert "`spec.crlRef`: ConfigMap `lists`, key `ca.crl`" in report.message()


async def test_source_says_what_it_found_instead_when_that_is_a_certificate(scene: Scene) -> None:
    report = await scene.judge(crl=scene.corp.root.pem, **ISSUER)
    assert report.finding("CRLInvalid")["detail"] == "WrongType"


async def test_source_wants_one_list_when_there_are_several(scene: Scene) -> None:
    report = await scene.judge(crl=scene.crl().pem + scene.crl(number=2).pem)
    assert "make a RevocationSource for each" in report.finding("CRLInvalid")["message"]


@pytest.mark.parametrize("spec", [{}, {"crl": 7}])
async def test_source_is_refused_when_its_wish_makes_no_sense(scene: Scene, spec: dict[str, Any]) -> None:
    report = await scene.judge(**spec)
    assert (report.validation, report.reason) == (-1, "InvalidRequest")
    assert report.conditions["Stalled"] == ("True", "InvalidRequest")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"crl": "x", "crlRef": {"name": "x"}}, "`spec.crl` and `spec.crlRef` must not both be set"),
        ({"crl": "x", "url": URL}, "`spec.crl` and `spec.url` must not both be set"),
        ({"crl": "x", "intervalSeconds": 300}, "`spec.intervalSeconds` must not be set without `spec.url`"),
        ({"crl": "x", "caRef": {"name": "x"}}, "`spec.caRef` must not be set without `spec.url`"),
    ],
)
async def test_source_is_refused_when_its_wish_contradicts_itself(
    scene: Scene, spec: dict[str, Any], words: str
) -> None:
    report = await scene.judge(**spec)
    assert (report.reason, report.finding("InvalidRequest")["detail"]) == ("InvalidRequest", "ConflictingFields")
    assert words in report.message()
    assert scene.server.asked == []


@pytest.mark.parametrize("error", [MaterialError(finding(Reason.VALIDATION_ERROR, "too long")), WorkFailedError("x")])
async def test_source_has_2030_when_reading_its_list_fails(scene: Scene, error: Exception) -> None:
    async def fail(*_: Any) -> Any:
        raise error

    scene.library._call = fail  # type: ignore[method-assign]
    scene.library._run = fail
    report = await scene.serve(scene.crl(*range(1, 5000)))
    assert (report.validation, report.reason) == (2030, "CRLError")


async def test_source_has_2030_when_judging_meets_what_nobody_foresaw(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("certwright.reconcile.revocationsource.judge.find_candidate", explode)
    report = await scene.judge(crl=scene.crl().pem)
    assert (report.validation, report.reason) == (2030, "CRLError")
    assert "ZeroDivisionError" in report.message()


async def test_facts_are_those_of_the_list_in_use_when_it_is_a_delta(scene: Scene) -> None:
    await scene.issuers()
    report = await scene.judge(crl=scene.crl(1, 2, 3, number=2**100, delta_base=7).pem, **ISSUER)
    status = report.status
    assert (status["crlNumber"], status["entries"], status["deltaBase"]) == (str(2**100), 3, "7")
    assert status["issuer"] == "CN=Corp Issuing CA 3"
    assert status["thisUpdate"] == "2026-06-01T11:00:00Z"
    assert status["nextUpdate"] == "2026-06-08T12:00:00Z"
    assert "fetchedTime" not in status


async def test_list_is_used_with_a_warning_when_it_says_neither_end_nor_number(scene: Scene) -> None:
    await scene.issuers()
    report = await scene.judge(crl=scene.crl(next_update=None, number=None).pem, **ISSUER)
    assert report.warnings == ["CRLInvalid", "CRLInvalid"]
    assert report.conditions["Fresh"] == ("True", "Valid")
    assert "nextCheckTime" not in report.status or report.status["nextCheckTime"].startswith("20")


async def test_verdict_waits_when_a_source_has_not_been_judged_yet(scene: Scene) -> None:
    leaf = scene.corp.leaf()
    await scene.issuers()
    # The certificate comes first, and would be stored if nobody knew that a list is on its way.
    await scene.apply(upload(leaf), serving(**PREFER), source("corp", crl=scene.crl(leaf).pem, **ISSUER))
    await scene.rest()
    assert (await scene.status("shop")).reason == "Revoked"
    assert ObjectKey(Kind.SECRET, "shop", "shop-tls") not in scene.cluster.objects


async def test_verdict_does_not_wait_for_ever_when_a_server_is_gone(scene: Scene) -> None:
    scene.server.answer = refusing()
    await scene.issuers()
    await scene.apply(upload(scene.corp.leaf()), serving(**PREFER), source("corp", url=URL, **ISSUER))
    await scene.settle("shop", lambda report: report.is_ok)


# ---- order


async def test_list_of_another_ca_takes_over_when_a_person_hands_it_in(scene: Scene) -> None:
    await scene.issuers()
    await scene.judge(crl=scene.crl(number=9).pem, **ISSUER)
    report = await scene.judge(crl=scene.crl(issuer=scene.corp.root, number=1).pem, **ISSUER)
    assert (report.reason, report.status["issuer"], report.status["crlNumber"]) == ("Valid", "CN=Corp Root", "1")


async def test_list_of_a_new_key_takes_over_when_the_same_ca_signs_it(scene: Scene) -> None:
    await scene.serve(scene.crl(number=9))
    renewed = scene.corp.root.issue_ca("Corp Issuing CA 3", key=ec_key("renewed"), **scene.corp.dates)
    await scene.issuers(scene.corp.issuing, renewed)
    scene.server.answer = scene.crl(issuer=renewed, number=1).der
    await scene.travel(HOUR * 1.2)
    assert (await scene.rested()).status["crlNumber"] == "1"


async def test_scope_is_guarded_when_a_server_delivers_a_list_about_something_else(scene: Scene) -> None:
    await scene.serve(scene.crl(number=9))
    scene.server.answer = scene.crl(number=10, extensions=[ext.issuing_distribution_point(only="users")]).der
    await scene.travel(HOUR * 1.2)
    report = await scene.rested()
    assert (report.finding("CRLNotValid")["detail"], report.status["crlNumber"]) == ("Scope", "9")
    # Whoever names another place means it.
    report = await scene.judge(url=URL + "/users", **ISSUER)
    assert report.status["crlNumber"] == "10"


async def test_equal_list_changes_nothing_when_it_is_made_again(scene: Scene) -> None:
    await scene.issuers()
    await scene.judge(crl=scene.crl(number=9).pem, **ISSUER)
    report = await scene.judge(crl=scene.crl(1, number=9).pem, **ISSUER)
    assert report.status["entries"] == 1


# ---- keeping


async def test_list_is_kept_in_an_immutable_record_before_the_status_names_it(scene: Scene) -> None:
    crl = scene.crl()
    report = await scene.serve(crl)
    (key,) = scene.records
    record = scene.cluster.objects[key]
    digest = report.status["record"]["kept"]["digest"]
    uid = report.subject.version.uid
    assert key.name == f"crl-{uid}-{digest[7:19]}-0"
    assert record.immutable
    assert record.annotations == {"certwright.io/owner": "RevocationSource/shop/corp"}
    assert record.labels[NAMESPACE_LABEL] == "shop"
    assert report.status["record"]["kept"]["parts"] == 1


async def test_list_is_neither_fetched_nor_written_nor_read_when_the_process_begins_anew(scene: Scene) -> None:
    await scene.serve(scene.crl())
    await scene.restart()
    await scene.travel(timedelta(minutes=10))
    await scene.rest()
    assert len(scene.server.asked) == 1
    assert (scene.cluster.writes, scene.cluster.reads) == (0, [])

    await scene.travel(HOUR)
    await scene.rest()
    assert len(scene.server.asked) == 2
    assert scene.server.asked[1].etag == '"etag"'


async def test_last_good_list_serves_verdicts_when_the_process_begins_anew_and_the_server_is_gone(scene: Scene) -> None:
    leaf = scene.corp.leaf()
    await scene.serve(scene.crl(leaf))
    scene.server.answer = refusing()
    await scene.restart()
    await scene.apply(upload(leaf), serving(**PREFER))
    await scene.rest()
    assert (await scene.status("shop")).reason == "Revoked"


def refusing(*, may_pass: bool = True) -> FetchError:
    reason = Reason.FETCH_FAILED if may_pass else Reason.HOST_NOT_ALLOWED
    return FetchError(finding(reason, "no", detail=Detail.REFUSED), may_pass=may_pass)


async def test_list_is_warned_about_and_frozen_for_when_it_cannot_be_kept(scene: Scene) -> None:
    scene._settings = scene._settings.model_copy(update={"crl_record_bytes": 10})
    await scene.restart()
    leaf = scene.corp.leaf()
    report = await scene.serve(scene.crl())
    assert report.warnings == ["NotPersisted"]
    assert "parts" not in report.status["record"]["kept"]
    await scene.apply(upload(leaf), serving(**PREFER))
    await scene.rest()
    assert (await scene.status("shop")).is_ok

    scene.server.answer = refusing()
    await scene.restart()
    await scene.rest()
    assert len(scene.server.asked) == 2
    frozen = await scene.status("shop")
    assert frozen.is_ok

    await scene.apply(upload(scene.corp.leaf()))
    await scene.rest()
    waiting = await scene.status("shop")
    assert (waiting.reason, waiting.answer) == ("NotChecked", ("IN_PROGRESS", 200))
    assert "RevocationSource `corp` is not at hand" in waiting.message()

    scene.server.answer = scene.crl().der
    await scene.travel(timedelta(seconds=30))
    await scene.settle("shop", lambda report: report.is_ok)


async def test_record_is_written_again_when_somebody_deletes_it(scene: Scene) -> None:
    await scene.issuers()
    await scene.judge(crl=scene.crl().pem, **ISSUER)
    (key,) = scene.records
    scene.cluster.remove(key)
    await scene.rest()
    assert scene.records == [key]


async def test_list_is_fetched_again_when_its_record_is_deleted(scene: Scene) -> None:
    await scene.serve(scene.crl())
    (key,) = scene.records
    scene.cluster.remove(key)
    await scene.rest()
    assert scene.records == [key]
    assert scene.server.asked[1].etag is None


async def test_loss_is_told_when_the_record_is_gone_and_the_source_offers_nothing_good(scene: Scene) -> None:
    await scene.issuers()
    await scene.judge(crl=scene.crl().pem, **ISSUER)
    await scene.judge(crl=scene.crl(sign_with=ec_key("mallory"), **BARE).pem, **ISSUER)
    for key in scene.records:
        scene.cluster.remove(key)
    await scene.restart()
    report = await scene.rested()
    assert set(report.errors) == {"CRLNotValid", "LastGoodLost"}


async def test_storing_is_tried_again_when_the_api_server_refuses_it(scene: Scene) -> None:
    crl = scene.crl()
    await scene.issuers()
    await scene.apply(source("corp", crl=crl.pem, **ISSUER))
    uid = next(iter(scene.cluster.subjects.values())).version.uid
    stem = f"crl-{uid}-{digest_of(crl)[:12]}-0"
    scene.cluster.fail("keep", ObjectKey(Kind.CONFIG_MAP, OPERATOR, stem), FailureCause.FORBIDDEN)
    report = await scene.rested()
    assert report.warnings == ["NotPersisted"]
    assert is_ready(report)
    report = await scene.settle("corp", lambda report: not report.warnings, kind=SOURCE)
    assert len(scene.records) == 1


def digest_of(crl: SignedList) -> str:
    return hashlib.sha256(crl.der).hexdigest()


def is_ready(report: Report) -> bool:
    return report.condition("Ready") == ("True", "Valid")


async def test_verdict_waits_when_a_record_cannot_be_read(scene: Scene) -> None:
    await scene.serve(scene.crl())
    await scene.restart()
    (key,) = scene.records
    scene.cluster.fail("read", key, FailureCause.UNAVAILABLE)
    await scene.apply(upload(scene.corp.leaf()), serving(**PREFER))
    await scene.settle("shop", lambda report: report.is_ok)
    assert scene.cluster.calls["read"] >= 2


async def test_record_is_not_believed_when_it_holds_something_else(scene: Scene) -> None:
    await scene.serve(scene.crl())
    await scene.restart()
    (key,) = scene.records
    scene.cluster.change(key, data={"part": b"garbage"})
    await scene.travel(HOUR * 1.2)
    assert is_ready(await scene.rested())
    await scene.apply(upload(scene.corp.leaf()), serving(**PREFER))
    await scene.settle("shop", lambda report: report.is_ok)


async def test_list_is_not_kept_when_somebody_took_the_name_of_its_record(scene: Scene) -> None:
    crl = scene.crl()
    await scene.issuers()
    await scene.apply(source("corp", crl=crl.pem, **ISSUER))
    uid = next(iter(scene.cluster.subjects.values())).version.uid
    key = ObjectKey(Kind.CONFIG_MAP, OPERATOR, f"crl-{uid}-{digest_of(crl)[:12]}-0")
    scene.cluster.objects[key] = Observed(key, Version("stranger", "1"), data={"part": b"garbage"})
    report = await scene.rested()
    assert report.warnings == ["NotPersisted"]
    assert f"{key} holds something else; delete it" in report.finding("NotPersisted")["message"]


# ---- fetching


async def test_refetch_follows_when_the_issuer_is_mended(scene: Scene) -> None:
    await scene.issuers(scene.corp.ca("Somebody Else"))
    scene.server.answer = scene.crl().der
    report = await scene.judge(url=URL, **ISSUER)
    assert report.reason == "CRLIssuerNotFound"
    await scene.issuers()
    assert is_ready(await scene.rested())
    assert len(scene.server.asked) == 2


async def test_nothing_is_fetched_before_the_servers_ca_can_be_read(scene: Scene) -> None:
    await scene.issuers()
    wish = {"url": "https://crl.example.com/list", "caRef": {"name": "cas"}, **ISSUER}
    report = await scene.judge(**wish)
    assert (report.reason, scene.server.asked) == ("ReferenceNotFound", [])
    scene.cluster.put_secret("cas", {"ca.crt": "no certificate"})
    assert (await scene.rested()).reason == "InvalidRequest"
    scene.cluster.put_secret("cas", {"ca.crt": scene.corp.root.pem})
    scene.server.answer = scene.crl().der
    assert is_ready(await scene.rested())
    assert scene.server.asked[0].ca_pem == scene.corp.root.pem.encode()


async def test_failures_are_tried_again_ever_more_rarely_when_they_go_on(scene: Scene) -> None:
    scene.server.answer = refusing()
    await scene.issuers()
    report = await scene.judge(url=URL, **ISSUER)
    assert (report.reason, report.validation) == ("FetchFailed", -1)
    version = report.subject.version
    for _ in range(3):
        await scene.travel(timedelta(seconds=240))
        await scene.rest()
    assert 3 <= len(scene.server.asked) <= 5
    report = await scene.rested()
    assert report.conditions["Stalled"] == ("True", "WaitedTooLong")
    assert version != report.subject.version

    scene.server.answer = scene.crl().der
    await scene.travel(HOUR)
    assert is_ready(await scene.rested())


async def test_nothing_is_tried_again_when_only_the_settings_can_help(scene: Scene) -> None:
    scene.server.answer = refusing(may_pass=False)
    await scene.issuers()
    await scene.judge(url=URL, **ISSUER)
    await scene.travel(timedelta(days=2))
    await scene.rest()
    assert len(scene.server.asked) == 1
    scene.server.answer = scene.crl(this_update=scene.now - HOUR, next_update=scene.now + WEEK).der
    await scene.restart()
    assert is_ready(await scene.rested())


async def test_fetch_waits_for_the_clock_when_that_is_doubted(scene: Scene) -> None:
    await scene.serve(scene.crl())
    before = (await scene.rested()).subject.version
    scene.cluster.clock.is_doubted = True
    await scene.issuers(scene.corp.ca("Somebody Else"))
    assert (await scene.rested()).subject.version == before
    scene.cluster.clock.is_doubted = False
    await scene.travel(timedelta(seconds=61))
    report = await scene.rested()
    assert "CRLIssuerNotFound" in report.errors


async def test_source_waits_for_the_clock_when_nothing_is_known_of_it_yet(scene: Scene) -> None:
    scene.cluster.clock.is_doubted = True
    await scene.issuers()
    report = await scene.judge(crl=scene.crl().pem, **ISSUER)
    assert report.reason == "NotChecked"
    scene.cluster.clock.is_doubted = False
    await scene.travel(timedelta(seconds=61))
    assert is_ready(await scene.rested())


async def test_interval_counts_from_the_last_fetch_when_it_is_changed(scene: Scene) -> None:
    await scene.serve(scene.crl(), intervalSeconds=86400)
    await scene.travel(HOUR)
    await scene.rest()
    assert len(scene.server.asked) == 1
    await scene.judge(url=URL, intervalSeconds=300, **ISSUER)
    assert len(scene.server.asked) == 2


async def test_status_is_minimal_when_the_api_server_refuses_the_full_one(scene: Scene) -> None:
    await scene.issuers()
    await scene.apply(source("corp", crl=scene.crl().pem, **ISSUER))
    (key,) = (key for key in scene.cluster.subjects)
    scene.cluster.fail("status", key, FailureCause.TOO_LARGE)
    report = await scene.rested()
    assert report.conditions["Stalled"] == ("True", "InternalError")
    assert report.status["record"]["kept"]["parts"] == 1


async def test_status_is_written_later_when_the_api_server_is_away(scene: Scene) -> None:
    await scene.issuers()
    await scene.apply(source("corp", crl=scene.crl().pem, **ISSUER))
    (key,) = (key for key in scene.cluster.subjects)
    scene.cluster.fail("status", key, FailureCause.UNAVAILABLE)
    await scene.settle("corp", is_ready, kind=SOURCE)


# ---- what it costs


async def test_nothing_is_written_when_nothing_changed(scene: Scene) -> None:
    await scene.issuers()
    await scene.judge(crl=scene.crl().pem, **ISSUER)
    await scene.restart()
    await scene.rest()
    assert (scene.cluster.writes, scene.cluster.reads) == (0, [])


async def test_long_list_is_read_once_when_many_certificates_are_judged_by_it(scene: Scene) -> None:
    crl = scene.crl(*range(10**9, 10**9 + 100_000))
    assert len(crl.der) > QUICK_BYTES
    report = await scene.serve(crl)
    assert (report.status["entries"], report.warnings) == (100_000, [])
    for number in range(20):
        await scene.apply(upload(scene.corp.leaf(), f"shop-{number}"), serving(f"shop-{number}", **PREFER))
    await scene.rest()
    assert scene.library.elsewhere == {"read_and_pack": 1}

    await scene.restart()
    for number in range(20):
        await scene.apply(serving(f"shop-{number}", warnBeforePercentage=21, **PREFER))
    await scene.rest()
    assert scene.library.elsewhere == {"unpack_list": 1}
    for number in range(20):
        assert (await scene.status(f"shop-{number}")).is_ok


async def test_dependents_write_nothing_when_a_list_brings_nothing_new_for_them(scene: Scene) -> None:
    await scene.issuers()
    await scene.judge(crl=scene.crl(number=1).pem, **ISSUER)
    await scene.apply(upload(scene.corp.leaf()), serving(**PREFER))
    await scene.rest()
    before = (await scene.status("shop")).subject
    await scene.judge(crl=scene.crl(number=2).pem, **ISSUER)
    after = (await scene.status("shop")).subject
    assert {**before.status, "record": 0} == {**after.status, "record": 0}


async def test_status_stays_small_when_everything_is_wrong(scene: Scene) -> None:
    report = await scene.judge(crl=nobody(scene).pem, issuerRef={"name": "x" * 253})
    assert len(json.dumps(report.status)) < 64 * 1024


async def test_source_is_left_alone_when_it_is_being_deleted(scene: Scene) -> None:
    await scene.apply(source("corp", crl=scene.crl().pem))
    (key,) = scene.cluster.subjects
    scene.cluster.subjects[key] = replace(scene.cluster.subjects[key], deleting=True)
    assert (await scene.rested()).status == {}
