"""The small pure parts of RevocationSources: order, what is recalled, what cannot be judged."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certwright.api.revocationsource_status import KeptList
from certwright.api.status_parts import FindingEntry
from certwright.dialects.root_certificates import list_code
from certwright.findings import Detail, Finding, Reason, Severity, finding
from certwright.pki.crl import RevocationList
from certwright.reconcile.bookkeeping import describe_finding, recall_finding
from certwright.reconcile.importedcertificate import ImportedCertificates
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.offers import digest_offers, kept_list, part_keys
from certwright.reconcile.questions import Contact
from certwright.reconcile.revocationsource import RevocationSources
from certwright.reconcile.revocationsource.order import find_misplaced, scope_of
from certwright.reconcile.revocationsource.past import read_past
from certwright.settings import Settings
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.memory_cluster import START
from tests.support.pki import PKI, SignedList

ROOT = PKI().root()
OTHER = PKI().root("Other Root")
KEY = ObjectKey(Kind.REVOCATION_SOURCE, "shop", "corp")
DIGEST = "sha256:" + "a" * 64
SOURCES = RevocationSources(Settings())


def subject(status: dict[str, Any] | None = None, **spec: Any) -> Subject:
    return Subject(KEY, Version("uid", "1"), 1, START, spec, status or {})


def read(signed: SignedList) -> RevocationList:
    return RevocationList.from_der(signed.der)


def test_scope_is_the_same_whatever_the_order_of_its_parts_and_differs_with_each() -> None:
    names = [der.uri("http://crl.test/a"), der.uri("http://crl.test/b")]
    wishes: list[dict[str, Any]] = [
        {},
        {"extensions": [ext.issuing_distribution_point(only="users")]},
        {"extensions": [ext.issuing_distribution_point(names=names)]},
        {"extensions": [ext.issuing_distribution_point(reasons=["keyCompromise", "cACompromise"])]},
        {"delta_base": 1},
    ]
    scopes = [scope_of(read(ROOT.crl(**wish))) for wish in wishes]
    assert len(set(scopes)) == len(scopes)
    assert scopes == [scope_of(read(ROOT.crl([1], number=9, **wish))) for wish in wishes]
    assert scope_of(read(OTHER.crl())) not in scopes


def test_scope_is_the_same_in_every_process() -> None:
    crl = read(ROOT.crl(extensions=[ext.issuing_distribution_point(reasons=["keyCompromise", "cACompromise"])]))
    program = (
        "import sys; from certwright.pki.crl import RevocationList;"
        "from certwright.reconcile.revocationsource.order import scope_of;"
        "print(scope_of(RevocationList.from_der(bytes.fromhex(sys.argv[1]))))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, crl.der.hex()],
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == scope_of(crl)


def test_first_list_is_never_misplaced() -> None:
    crl = read(ROOT.crl())
    entry = KeptList(digest=crl.fingerprint, signer=DIGEST, scope=scope_of(crl), origin=DIGEST)
    assert find_misplaced(crl, entry, read_past(subject()), fetched=True) is None


@pytest.mark.parametrize(
    "status",
    [
        {"thisUpdate": "never", "record": {"kept": {"digest": DIGEST}}},
        {"record": {"kept": {"digest": "md5"}, "inputs": [{"kind": "Star", "name": "x"}]}},
        {"record": 7, "conditions": "none"},
    ],
)
def test_past_is_read_as_far_as_it_goes_when_another_version_wrote_it(status: dict[str, Any]) -> None:
    past = read_past(subject(status))
    assert past.order is None
    assert past.inputs("shop") == {}
    assert SOURCES.face(subject(status)) in {"nothing, pending", f"{DIGEST}, pending"}


def test_past_knows_the_order_of_a_list_without_a_number() -> None:
    past = read_past(subject({"thisUpdate": "2026-06-01T12:00:00Z", "crlNumber": "x"}))
    assert past.order == (START, -1)


def test_offers_are_equal_when_the_lists_are_whatever_their_sources() -> None:
    kept = {"record": {"kept": {"digest": DIGEST, "parts": 2}}}
    one, other = subject(kept), subject({**kept, "validation": 2034})
    assert digest_offers([one, subject()]) == digest_offers([other])
    assert digest_offers([one]) != digest_offers([])
    need = kept_list(one, "certwright-system")
    assert need is not None
    assert need.parts == part_keys("certwright-system", "uid", DIGEST, 2)
    assert [key.name for key in need.parts] == ["crl-uid-aaaaaaaaaaaa-0", "crl-uid-aaaaaaaaaaaa-1"]
    assert kept_list(subject(), "certwright-system") is None


def test_finding_is_recalled_as_it_was_and_not_at_all_when_its_reason_is_unknown() -> None:
    found = finding(Reason.CRL_NOT_VALID, "older", detail=Detail.OLDER, fingerprint=DIGEST)
    assert recall_finding(describe_finding(found)) == found
    strange = FindingEntry(reason="Novel", severity="Error", message="x")
    assert recall_finding(strange) is None
    odd = FindingEntry(reason="CRLInvalid", detail="Novel", severity="Warning", message="x")
    assert recall_finding(odd) == Finding(Reason.CRL_INVALID, "x", None, Severity.WARNING)


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        ([], 0),
        ([Reason.FETCH_FAILED], 0),
        ([Reason.NOT_CHECKED, Reason.FETCH_FAILED], -1),
        ([Reason.CRL_EXPIRED, Reason.CRL_NOT_VALID], 2033),
        ([Reason.CRL_NOT_VALID, Reason.CRL_INVALID], 2020),
        ([Reason.INTERNAL_ERROR, Reason.CRL_INVALID], 2030),
        ([Reason.REFERENCE_NOT_FOUND, Reason.CRL_EXPIRED], 2034),
    ],
)
def test_list_code_is_that_of_the_first_check_that_fails(reasons: list[Reason], code: int) -> None:
    assert list_code(reasons) == code


def test_judgement_keeps_the_list_in_use_when_it_was_cut_short() -> None:
    status = {"record": {"kept": {"digest": DIGEST, "parts": 1}}, "thisUpdate": "2026-06-01T12:00:00Z"}
    snapshot = Snapshot(subject(status, crl="x"), START, "engine")
    judgement = SOURCES.refuse(snapshot, finding(Reason.INTERNAL_ERROR, "cut short"))
    assert judgement.in_use is not None
    assert judgement.in_use.kept.digest == DIGEST
    plan = SOURCES.plan(judgement, snapshot)
    (write, event) = plan.stages[0]
    assert write.status["validation"] == 2030  # type: ignore[union-attr]
    assert write.status["record"]["kept"] == {"digest": DIGEST, "parts": 1}  # type: ignore[union-attr]
    assert event.reason == "InternalError"  # type: ignore[union-attr]


def test_judging_is_light_and_looks_at_nothing_of_an_object_that_goes() -> None:
    snapshot = Snapshot(replace(subject(crl="x"), deleting=True), START, "engine")
    assert not SOURCES.is_heavy(snapshot)
    assert SOURCES.needs(snapshot) == frozenset()
    assert SOURCES.asks(subject(crl="x", issuerRef={"name": "root"})) == frozenset()
    assert SOURCES.references(subject(crl=7)) == frozenset()


def test_contact_changes_its_origin_with_the_wish_and_not_with_the_interval() -> None:
    def contact(**spec: Any) -> Contact:
        (found,) = (each for each in SOURCES.asks(subject(url="http://a/", **spec)) if isinstance(each, Contact))
        return found

    assert contact().origin == contact(intervalSeconds=300).origin
    assert (
        len({each.origin for each in (contact(), contact(caRef={"name": "x"}), contact(issuerRef={"name": "x"}))}) == 3
    )
    assert contact().interval == timedelta(hours=1)


def test_imported_certificates_show_nothing_to_others() -> None:
    assert ImportedCertificates(Settings()).face(subject()) == ""
