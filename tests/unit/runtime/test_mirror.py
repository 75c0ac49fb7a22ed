"""The mirror tells what happened from the echo of what we did."""

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.questions import Collection
from certwright.runtime.mirror import TOMBSTONES, Change, Mirror

KIND = Kind.IMPORTED_CERTIFICATE
SHOP = ObjectKey(KIND, "shop", "shop")
STATUS = {
    "conditions": [{"type": "Valid", "reason": "Valid"}, {"type": "Ready", "reason": "Stored", "status": "True"}],
    "served": {"validFrom": "2026-01-01T00:00:00Z", "validThru": "2027-01-01T00:00:00Z"},
}


def manifest(version: int, *, uid: str = "u1", generation: int = 1, **more: Any) -> dict[str, Any]:
    metadata = {
        "namespace": "shop",
        "name": "shop",
        "uid": uid,
        "resourceVersion": str(version),
        "generation": generation,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **more.pop("metadata", {}),
    }
    return {"metadata": metadata, "spec": {"targets": [{"secretName": "x"}]}, **more}


def observe(mirror: Mirror, *args: Any, **kwargs: Any) -> Change:
    key, change = mirror.observe(KIND, manifest(*args, **kwargs))
    assert key == SHOP
    return change


def written(subject: Subject | None, version: int, status: dict[str, Any]) -> Subject:
    assert subject is not None
    return Subject(
        subject.key,
        Version(subject.version.uid, str(version)),
        subject.generation,
        subject.created,
        subject.spec,
        status,
        subject.labels,
        subject.annotations,
        subject.deleting,
    )


def test_subject_gives_back_what_was_observed() -> None:
    mirror = Mirror()
    more = {"labels": {"a": "b"}, "annotations": {"c": "d"}, "deletionTimestamp": "2026-02-01T00:00:00Z"}
    assert observe(mirror, 7, generation=3, metadata=more, status=STATUS) is Change.NEW
    assert mirror.subject(SHOP) == Subject(
        key=SHOP,
        version=Version("u1", "7"),
        generation=3,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        spec={"targets": [{"secretName": "x"}]},
        status=STATUS,
        labels={"a": "b"},
        annotations={"c": "d"},
        deleting=True,
    )


@pytest.mark.parametrize(
    ("kind", "finalizers", "modified"),
    [
        (Kind.TRUST_DECISION, ("certwright.io/deployed",), datetime(2026, 4, 1, tzinfo=UTC)),
        (Kind.CLUSTER_CERTIFICATE_SET, ("certwright.io/deployed",), datetime(2026, 4, 1, tzinfo=UTC)),
        (Kind.IMPORTED_CERTIFICATE, (), None),
    ],
)
def test_finalizers_and_time_of_the_spec_are_kept_when_somebody_looks_at_them(
    kind: Kind, finalizers: tuple[str, ...], modified: datetime | None
) -> None:
    mirror = Mirror()
    more = {
        "finalizers": ["certwright.io/deployed"],
        "managedFields": [{"time": "2026-04-01T00:00:00Z", "fieldsV1": {"f:spec": {}}}],
    }
    key, _ = mirror.observe(kind, manifest(7, metadata=more))
    subject = mirror.begin(key)
    assert subject is not None
    assert (subject.finalizers, subject.modified) == (finalizers, modified)
    mirror.end(key, replace(subject, version=Version("u1", "8"), finalizers=()))
    left = mirror.subject(key)
    assert left is not None
    assert (left.version.resource_version, left.finalizers, left.modified) == ("8", (), modified)


def test_entry_shows_what_metrics_need() -> None:
    mirror = Mirror()
    observe(mirror, 7, status=STATUS)
    entry = mirror.get(SHOP)
    assert entry is not None
    assert (entry.reason, entry.not_before, entry.not_after) == ("Stored", 1767225600.0, 1798761600.0)


def test_entry_ignores_instants_that_are_none() -> None:
    mirror = Mirror()
    observe(mirror, 7, status={"served": {"validFrom": "soon", "validThru": 7}})
    entry = mirror.get(SHOP)
    assert entry is not None
    assert (entry.reason, entry.not_before, entry.not_after) == ("", None, None)


def test_observe_drops_an_echo_when_only_the_version_differs() -> None:
    mirror = Mirror()
    observe(mirror, 7, status=STATUS)
    assert observe(mirror, 9, status=copy.deepcopy(STATUS), metadata={"annotations": {"a": "b"}}) is Change.UNCHANGED
    subject = mirror.subject(SHOP)
    assert subject is not None
    assert (subject.version.resource_version, subject.annotations) == ("9", {"a": "b"})


@pytest.mark.parametrize(
    "news",
    [
        {"generation": 2},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"deletionTimestamp": "2026-02-01T00:00:00Z"}},
        {"generation": 2, "status": {"conditions": []}},
    ],
)
def test_observe_finds_a_change(news: dict[str, Any]) -> None:
    mirror = Mirror()
    observe(mirror, 7)
    assert observe(mirror, 8, **news) is Change.CHANGED


def test_observe_tells_a_status_that_somebody_else_wrote_from_other_changes() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    assert observe(mirror, 8, status={"conditions": []}) is Change.EDITED


def test_observe_ignores_an_older_event_of_the_same_object() -> None:
    mirror = Mirror()
    observe(mirror, 10, generation=2)
    assert observe(mirror, 9, generation=1) is Change.OLD
    assert observe(mirror, 10, generation=2) is Change.UNCHANGED
    subject = mirror.subject(SHOP)
    assert subject is not None
    assert subject.generation == 2


def test_observe_takes_a_namesake_for_another_object_unless_it_is_older() -> None:
    mirror = Mirror()
    observe(mirror, 10, uid="u2")
    assert observe(mirror, 9, uid="u1") is Change.OLD
    assert observe(mirror, 11, uid="u3") is Change.REPLACED


def test_observe_does_not_bring_a_deleted_object_back() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    assert mirror.remove(SHOP, "u1")
    assert observe(mirror, 8) is Change.OLD
    assert SHOP not in mirror
    assert observe(mirror, 9, uid="u2") is Change.NEW


def test_remove_leaves_a_younger_namesake() -> None:
    mirror = Mirror()
    observe(mirror, 7, uid="u2")
    assert not mirror.remove(SHOP, "u1")
    assert SHOP in mirror
    assert not mirror.remove(ObjectKey(KIND, "shop", "other"), "u9")
    assert not mirror.remove(ObjectKey(KIND, "shop", "other"))


def test_remove_remembers_a_bounded_number_of_uids() -> None:
    mirror = Mirror()
    for number in range(TOMBSTONES + 10):
        mirror.remove(SHOP, f"u{number}")
    assert len(mirror._gone) == TOMBSTONES


def test_end_swallows_the_echo_that_came_before_the_answer() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    subject = mirror.begin(SHOP)
    assert observe(mirror, 8, status=STATUS) is Change.POSTPONED
    assert mirror.end(SHOP, written(subject, 8, STATUS)) is False
    assert observe(mirror, 8, status=STATUS) is Change.UNCHANGED


def test_end_swallows_the_echo_of_an_earlier_write_of_the_same_pass() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    subject = mirror.begin(SHOP)
    assert observe(mirror, 8, status={"certificateStoreStatus": "IN_PROGRESS"}) is Change.POSTPONED
    assert mirror.end(SHOP, written(subject, 9, STATUS)) is False
    assert observe(mirror, 9, status=STATUS) is Change.UNCHANGED


def test_end_reports_a_foreign_status_that_came_after_our_own() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    subject = mirror.begin(SHOP)
    observe(mirror, 9, status={"forged": True})
    observe(mirror, 8, status=STATUS)
    assert mirror.end(SHOP, written(subject, 8, STATUS)) is True
    held = mirror.subject(SHOP)
    assert held is not None
    assert (held.version.resource_version, held.status) == ("9", {"forged": True})


def test_end_reports_a_status_nobody_accounts_for_when_the_pass_failed() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    mirror.begin(SHOP)
    observe(mirror, 8, status=STATUS)
    assert mirror.end(SHOP) is True


def test_end_keeps_an_annotation_that_came_meanwhile_and_asks_for_nothing() -> None:
    mirror = Mirror()
    observe(mirror, 7, status=STATUS)
    subject = mirror.begin(SHOP)
    observe(mirror, 9, status=STATUS, metadata={"annotations": {"a": "b"}})
    assert mirror.end(SHOP, subject) is False
    held = mirror.subject(SHOP)
    assert held is not None
    assert held.annotations == {"a": "b"}


def test_end_keeps_a_wish_that_is_newer_than_what_the_pass_wrote() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    subject = mirror.begin(SHOP)
    assert observe(mirror, 9, generation=2, status=STATUS) is Change.CHANGED
    assert mirror.end(SHOP, written(subject, 8, STATUS)) is False
    held = mirror.subject(SHOP)
    assert held is not None
    assert held.generation == 2


def test_end_does_not_bring_back_what_was_deleted_meanwhile() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    subject = mirror.begin(SHOP)
    mirror.remove(SHOP, "u1")
    assert mirror.end(SHOP, written(subject, 8, STATUS)) is False
    assert SHOP not in mirror
    assert mirror.begin(SHOP) is None


def test_end_ignores_what_was_written_to_a_deleted_namesake() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    subject = mirror.begin(SHOP)
    mirror.remove(SHOP, "u1")
    observe(mirror, 9, uid="u2")
    mirror.end(SHOP, written(subject, 8, STATUS))
    held = mirror.subject(SHOP)
    assert held is not None
    assert (held.version.uid, held.status) == ("u2", {})


def test_put_takes_a_read_like_an_event() -> None:
    mirror = Mirror()
    observe(mirror, 7)
    subject = mirror.subject(SHOP)
    assert mirror.put(written(subject, 6, STATUS)) is Change.OLD
    assert mirror.put(written(subject, 9, STATUS)) is Change.EDITED
    mirror.remove(SHOP)
    assert mirror.put(written(subject, 10, STATUS)) is Change.OLD


def test_clear_starts_over_with_lower_versions() -> None:
    mirror = Mirror()
    observe(mirror, 100)
    mirror.clear()
    assert (len(mirror), mirror.highest) == (0, 0)
    assert observe(mirror, 5) is Change.NEW
    assert (mirror.highest, mirror.keys(KIND), [key for key, _ in mirror.items()]) == (5, [SHOP], [SHOP])


def test_edition_is_another_one_when_an_object_of_the_collection_comes_changes_or_goes() -> None:
    mirror, collection = Mirror({KIND}), Collection(KIND, "shop")
    editions = [mirror.edition(collection)]

    observe(mirror, 7)
    editions.append(mirror.edition(collection))
    observe(mirror, 8, generation=2)
    editions.append(mirror.edition(collection))
    mirror.end(SHOP, written(mirror.begin(SHOP), 9, STATUS))
    editions.append(mirror.edition(collection))
    mirror.clear()
    editions.append(mirror.edition(collection))
    observe(mirror, 3)
    editions.append(mirror.edition(collection))
    mirror.remove(SHOP)
    editions.append(mirror.edition(collection))

    assert len(set(editions)) == len(editions)


def test_edition_stays_when_nothing_or_another_collection_changes() -> None:
    mirror, collection = Mirror({KIND}), Collection(KIND, "elsewhere")
    before = mirror.edition(collection)
    observe(mirror, 7)
    assert mirror.edition(collection) == before
    shop = mirror.edition(Collection(KIND, "shop"))
    observe(mirror, 7)
    assert mirror.edition(Collection(KIND, "shop")) == shop
