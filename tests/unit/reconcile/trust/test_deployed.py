"""What others see of a store, from its spec and status alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Subject, Version
from certwright.reconcile.trust import deployed
from certwright.reconcile.trust.record import TrustedCertificate, TrustRecord
from certwright.reconcile.trust.source import TRUST_SOURCE_LABEL, find_closed
from tests.support.pki import NOW
from tests.support.staging import INTERMEDIATE, ROOTS

ENTRIES = tuple(
    sorted((TrustedCertificate(each, decisions=("d",)) for each in ROOTS), key=lambda each: each.fingerprint)
)
RECORD = TrustRecord(3, ENTRIES)
DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
DEPLOYED = {"revision": DIGEST, "number": 3, "parts": 2, "digest": DIGEST}
PREVIOUS = {"revision": OTHER, "number": 2, "parts": 1, "digest": OTHER}
STATUS = {"record": {"deployed": DEPLOYED, "previous": PREVIOUS, "leaving": "8"}}


def store(kind: Kind = Kind.TRUST_STORE, status: dict[str, Any] | None = None, **spec: Any) -> Subject:
    namespace = "" if kind is Kind.CLUSTER_TRUST_STORE else "shop"
    return Subject(ObjectKey(kind, namespace, "corporate"), Version("uid-1", "5"), 1, NOW, spec, status or {})


def cluster_store(**spec: Any) -> Subject:
    return store(Kind.CLUSTER_TRUST_STORE, **spec)


def test_collections_hold_the_stores_that_they_speak_of() -> None:
    assert store().key in deployed.stores_of("shop")
    assert store().key not in deployed.stores_of("other")
    assert cluster_store().key in deployed.cluster_stores()
    assert store().key not in deployed.cluster_stores()


def test_records_are_asked_for_by_name_and_digest() -> None:
    subject = store(status=STATUS)
    now, before = deployed.kept_trust(subject, "certwright"), deployed.previous_trust(subject, "certwright")

    assert now is not None
    assert before is not None
    assert (now.digest, [each.name for each in now.parts]) == (
        DIGEST,
        ["store-uid-1-3-aaaaaaaaaaaa-0", "store-uid-1-3-aaaaaaaaaaaa-1"],
    )
    assert (before.digest, [each.name for each in before.parts]) == (OTHER, ["store-uid-1-2-bbbbbbbbbbbb-0"])
    assert deployed.needed_records(subject, "certwright") == (*now.parts, *before.parts)


ENDLESS = {"record": {"deployed": {**DEPLOYED, "parts": 2**31 - 1}, "previous": {**DEPLOYED, "parts": 2**31 - 1}}}
"""To name all these objects would take more memory than there is."""


@pytest.mark.parametrize("status", [{}, {"record": {}}, {"record": {"deployed": {"revision": "x"}}}, ENDLESS])
def test_store_that_deployed_nothing_has_no_record(status: dict[str, Any]) -> None:
    assert deployed.kept_trust(store(status=status), "certwright") is None
    assert deployed.previous_trust(store(status=status), "certwright") is None
    assert deployed.needed_records(store(status=status), "certwright") == ()
    assert deployed.pending_removals(store(status=status), RECORD) == frozenset()


def test_verdicts_rest_on_roots_that_are_trusted_and_not_over() -> None:
    over, no, root = ROOTS[:3]
    record = TrustRecord(
        1,
        (
            TrustedCertificate(over, trust_until=NOW),
            TrustedCertificate(no, distrusted=True),
            TrustedCertificate(root, trust_until=NOW + timedelta(seconds=1)),
            TrustedCertificate(INTERMEDIATE, "intermediateCA"),
        ),
    )

    assert deployed.anchors_at(record, NOW) == (root,)
    assert deployed.intermediates_at(record, NOW) == (INTERMEDIATE,)
    assert deployed.anchors_at(record, NOW + timedelta(seconds=1)) == ()


def test_cas_are_found_by_the_decision_they_are_deployed_under() -> None:
    entries = (replace(ENTRIES[0], decisions=("x", "d")), replace(ENTRIES[1], decisions=("d",)))

    assert deployed.carried(TrustRecord(1, entries), "x") == (entries[0],)
    assert deployed.carried(TrustRecord(1, entries), "d") == entries


@given(chosen=st.sets(st.sampled_from([each.fingerprint for each in ENTRIES])))
def test_marks_say_which_were_marked(chosen: set[str]) -> None:
    marks = deployed.write_marks(RECORD, {*chosen, "sha256:elsewhere"})

    assert deployed.read_marks(marks, RECORD) == chosen
    assert (marks == "") == (not chosen)
    subject = store(status={"record": {"deployed": DEPLOYED, "leaving": marks}})
    assert deployed.pending_removals(subject, RECORD) == chosen


def test_marks_beyond_the_record_mark_nothing() -> None:
    assert deployed.read_marks("07f", RECORD) == frozenset()
    assert deployed.read_marks("80ff", RECORD) == {ENTRIES[0].fingerprint}


def test_marks_of_the_largest_record_fit_into_the_status() -> None:
    many = TrustRecord(1, tuple(ENTRIES[0] for _ in range(4096)))

    assert len(deployed.write_marks(many, [ENTRIES[0].fingerprint])) == 1024


def test_decisions_are_in_the_own_namespace_or_in_the_one_that_is_named() -> None:
    assert deployed.decision_namespace_of(store(decisionNamespace="other")) == "shop"
    assert deployed.decision_namespace_of(cluster_store(decisionNamespace="trust")) == "trust"
    assert deployed.decision_namespace_of(cluster_store()) is None
    assert deployed.decision_namespace_of(cluster_store(decisionNamespace=5)) is None


@pytest.mark.parametrize(
    ("said", "mode"), [("Prefer", "Prefer"), ("Require", "Require"), ("Off", "Off"), (None, "Off")]
)
def test_revocation_is_off_unless_said(said: str | None, mode: str) -> None:
    assert deployed.revocation_of_store(store(revocation=said)) == mode


def test_store_selects_decisions_of_its_namespace_by_labels() -> None:
    labels = {"trust": "corporate"}
    subject = cluster_store(decisionNamespace="trust", selector={"matchLabels": labels})

    assert deployed.selects(subject, "trust", labels)
    assert not deployed.selects(subject, "shop", labels)
    assert not deployed.selects(subject, "trust", {})
    assert deployed.selects(store(selector={}), "shop", {})


@pytest.mark.parametrize("selector", [None, "all", {"matchExpressions": [{"key": "a", "operator": "Near"}]}])
def test_selector_that_is_none_or_cannot_be_read_selects_nothing(selector: object) -> None:
    assert not deployed.selects(store(selector=selector), "shop", {"a": "b"})


def test_face_shows_what_others_look_at_and_nothing_else() -> None:
    subject = cluster_store(decisionNamespace="trust", status=STATUS)
    same = (
        replace(subject, generation=9, version=Version("uid-1", "77"), labels={"x": "y"}),
        replace(subject, spec={**subject.spec, "deployment": {"mode": "Manual", "approved": DIGEST}}),
        replace(subject, status={**subject.status, "rollout": {"state": "Running"}}),
    )
    other = (
        replace(subject, deleting=True),
        replace(subject, version=Version("uid-2", "5")),
        replace(subject, status={}),
        replace(subject, status={"record": {**STATUS["record"], "leaving": "c"}}),
        replace(subject, status={"record": {**STATUS["record"], "deployed": {**DEPLOYED, "number": 4}}}),
        replace(subject, status={"record": {**STATUS["record"], "deployed": {**DEPLOYED, "digest": OTHER}}}),
        replace(subject, spec={**subject.spec, "revocation": "Prefer"}),
        replace(subject, spec={**subject.spec, "selector": {}}),
        replace(subject, spec={"decisionNamespace": "other"}),
    )

    assert {deployed.face_of(each) for each in same} == {deployed.face_of(subject)}
    assert len({deployed.face_of(each) for each in (subject, *other)}) == 1 + len(other)


# Sources


def namespace(name: str = "trust", **labels: str) -> NamespaceFacts:
    return NamespaceFacts(name, f"uid-{name}", {key.replace("_", "/"): value for key, value in labels.items()})


SOURCE = NamespaceFacts("trust", "uid-trust", {TRUST_SOURCE_LABEL: "true"})


def test_namespace_with_the_label_is_open() -> None:
    assert find_closed(cluster_store(decisionNamespace="trust"), [namespace("other"), SOURCE]) is None


def test_store_that_gathers_no_decisions_needs_no_namespace() -> None:
    assert find_closed(cluster_store(publicRoots="Mozilla"), []) is None


def test_own_namespace_of_a_store_needs_no_label() -> None:
    assert find_closed(store(), [namespace("shop")]) is None


@pytest.mark.parametrize("labels", [{}, {TRUST_SOURCE_LABEL: "false"}])
def test_namespace_without_the_label_is_closed(labels: dict[str, str]) -> None:
    closed = find_closed(cluster_store(decisionNamespace="trust"), [replace(SOURCE, labels=labels)])

    assert closed is not None
    assert "`kubectl label namespace trust certwright.io/trust-source=true`" in closed.message


def test_namespace_that_does_not_exist_is_closed() -> None:
    closed = find_closed(cluster_store(decisionNamespace="trust"), [namespace("other")])

    assert closed is not None
    assert "The namespace trust of `spec.decisionNamespace` does not exist" in closed.message
