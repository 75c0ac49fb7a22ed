"""News becomes work on the right objects, in the right order, and nothing is forgotten or done twice."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.questions import Collection, Named, Namespaces, Naming, Owned, Question
from certwright.reconcile.reconciler import Reconciler
from certwright.runtime.dependencies import Dependencies
from certwright.runtime.intake import Intake
from certwright.runtime.mirror import Mirror
from certwright.runtime.queue import Priority

KIND = Kind.IMPORTED_CERTIFICATE
AT = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = ObjectKey(KIND, "a", "shop")
UPLOAD = ObjectKey(Kind.SECRET, "a", "upload")


class Scene:
    def __init__(self) -> None:
        self.work: list[tuple[str, Priority]] = []
        self.forgotten: list[str] = []
        self.referred: set[ObjectKey] = set()
        self.counted: list[str] = []
        self.asked: frozenset[Question] = frozenset()
        self.mirror = Mirror()
        reconciler = cast(
            "Reconciler[Any]", SimpleNamespace(references=self.references, asks=lambda _: self.asked, face=face)
        )
        self.intake = Intake(
            self.mirror, Dependencies(self), {KIND: reconciler}, desk=self, count=lambda _, change: self.count(change)
        )

    def count(self, change: str) -> None:
        self.counted.append(change)

    def references(self, subject: Subject) -> frozenset[ObjectKey]:
        return frozenset(ObjectKey(Kind.SECRET, "a", name) for name in subject.spec["refers"])

    def add(self, key: ObjectKey, priority: Priority = Priority.CHANGE) -> None:
        self.work.append((key.name, priority))

    def forget(self, key: ObjectKey) -> None:
        self.forgotten.append(key.name)

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        self.referred |= keys

    def unrefer(self, keys: frozenset[ObjectKey]) -> None:
        self.referred -= keys

    def deliver(self, kind: str | None, version: int, *refers: str, **spec: Any) -> None:
        self.intake.deliver(KIND, kind, manifest(version, *refers, **spec))


def face(subject: Subject) -> str:
    return str(subject.status.get("face"))


def manifest(
    version: int, *refers: str, generation: int = 1, name: str = "shop", spec: Any = None
) -> Mapping[str, Any]:
    return {
        "metadata": {
            "namespace": "a",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "generation": generation,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"refers": list(refers)} if spec is None else spec,
    }


def test_a_change_goes_before_what_a_list_brings() -> None:
    scene = Scene()
    scene.deliver(None, 1)
    scene.deliver("MODIFIED", 2, generation=2)
    assert scene.work == [("shop", Priority.ROUTINE), ("shop", Priority.CHANGE)]


def test_references_are_registered_before_the_work_is_asked_for() -> None:
    scene = Scene()
    seen: list[set[ObjectKey]] = []
    scene.add = lambda *_: seen.append(set(scene.referred))  # type: ignore[method-assign]
    scene.deliver("ADDED", 1, "upload")
    assert seen == [{UPLOAD}]


def test_an_echo_asks_for_nothing() -> None:
    scene = Scene()
    scene.deliver("ADDED", 1, "upload")
    scene.deliver("MODIFIED", 2, "upload")
    assert (len(scene.work), scene.counted) == (1, ["new", "unchanged"])


def test_a_list_after_a_gap_is_told() -> None:
    scene = Scene()
    told: list[str] = []
    scene.intake.on_list = lambda: told.append("list")
    scene.deliver("ADDED", 1)
    scene.deliver(None, 1)
    assert told == ["list"]


def test_a_change_of_a_reference_wakes_those_that_refer() -> None:
    scene = Scene()
    scene.deliver("ADDED", 1, "upload")
    scene.work.clear()
    scene.intake.changed(UPLOAD)
    scene.intake.changed(ObjectKey(Kind.SECRET, "a", "other"))
    assert scene.work == [("shop", Priority.CHANGE)]


def test_a_change_during_a_pass_is_left_to_the_pass_to_judge() -> None:
    scene = Scene()
    scene.deliver("ADDED", 1, "upload")
    scene.work.clear()
    scene.intake.begin(SHOP)
    scene.intake.changed(UPLOAD)
    assert scene.work == []
    assert scene.intake.end(SHOP) == {UPLOAD}
    scene.intake.changed(UPLOAD)
    assert scene.work == [("shop", Priority.CHANGE)]


def test_a_deletion_forgets_everything_and_wakes_those_that_referred() -> None:
    scene = Scene()
    scene.deliver("ADDED", 1, "upload")
    scene.work.clear()
    scene.deliver("DELETED", 2, "upload")
    assert (scene.forgotten, scene.referred, len(scene.mirror)) == (["shop"], set(), 0)
    scene.deliver("DELETED", 2, "upload")
    assert scene.forgotten == ["shop"]


def test_an_object_whose_references_cannot_be_told_is_worked_on_all_the_same() -> None:
    scene = Scene()
    scene.deliver("ADDED", 1, spec={"unreadable": True})
    assert (scene.work, scene.referred) == ([("shop", Priority.CHANGE)], set())


def test_found_ignores_what_is_gone_already() -> None:
    scene = Scene()
    scene.intake.found(SHOP)
    assert scene.work == []


def test_a_new_history_forgets_everything_and_says_what_there_was() -> None:
    scene = Scene()
    told: list[list[ObjectKey]] = []
    scene.intake.on_new_history = told.append
    scene.deliver("ADDED", 1, "upload")
    scene.intake.new_history()
    assert (told, len(scene.mirror), scene.referred) == ([[SHOP]], 0, set())
    scene.intake.swept()
    scene.intake.on_list()
    Intake(Mirror(), Dependencies(scene), {}, desk=scene, count=lambda *_: None).new_history()


def other(name: str, **status: Any) -> Subject:
    return Subject(ObjectKey(KIND, "a", name), Version(f"uid-{name}", "1"), 1, AT, {"refers": []}, status)


def test_those_that_ask_for_all_hear_of_one_when_what_it_shows_has_changed() -> None:
    scene = Scene()
    scene.asked = frozenset({Collection(KIND, "a")})
    scene.deliver("ADDED", 1)
    scene.work.clear()
    scene.intake.written(other("blog"), other("blog"))
    assert scene.work == []
    scene.asked = frozenset()
    scene.intake.written(other("blog"), other("blog", face="another"))
    assert scene.work == [("shop", Priority.CHANGE)]


def test_those_that_ask_for_all_hear_of_a_fetch_when_it_brought_something() -> None:
    scene = Scene()
    scene.asked = frozenset({Collection(KIND, "a")})
    scene.deliver("ADDED", 1)
    scene.asked = frozenset()
    scene.work.clear()
    blog = ObjectKey(KIND, "a", "blog")
    scene.intake.fetched(blog, False)  # noqa: FBT003 - a callback
    assert scene.work == [("blog", Priority.CHANGE)]
    scene.intake.fetched(blog, True)  # noqa: FBT003 - the same
    assert sorted(scene.work[1:]) == [("blog", Priority.CHANGE), ("shop", Priority.CHANGE)]


def test_owner_hears_of_what_others_did_to_its_own_and_of_namespaces_when_it_asks() -> None:
    scene, place = Scene(), ObjectKey(Kind.NAMESPACE, "", "a")
    scene.deliver("ADDED", 1)
    scene.work.clear()
    scene.intake.owned_changed(SHOP, UPLOAD)
    scene.intake.namespace_changed(place)
    assert scene.work == []

    scene.asked = frozenset({Owned(SHOP), Namespaces()})
    scene.deliver("MODIFIED", 2, generation=2)
    scene.work.clear()
    scene.intake.owned_changed(SHOP, UPLOAD)
    scene.intake.owned_changed(ObjectKey(KIND, "a", "another"), UPLOAD)
    scene.intake.namespace_changed(place)
    assert scene.work == [("shop", Priority.CHANGE)] * 2

    scene.work.clear()
    scene.intake.begin(SHOP)
    scene.intake.owned_changed(SHOP, UPLOAD)
    scene.intake.namespace_changed(place)
    assert (scene.intake.end(SHOP), scene.work) == ({UPLOAD, place}, [])


def test_one_that_is_named_hears_of_those_that_begin_to_cease_to_change_and_go() -> None:
    scene, first, second = Scene(), ObjectKey(KIND, "a", "first"), ObjectKey(KIND, "a", "second")
    for each in (first, second):
        scene.asked = frozenset({Naming(each)})
        scene.intake.deliver(KIND, "ADDED", manifest(1, name=each.name))

    def heard() -> list[str]:
        told = sorted(name for name, _ in scene.work if name != "shop")
        scene.work.clear()
        return told

    heard()
    scene.asked = frozenset({Named(first)})
    scene.deliver("ADDED", 1)
    assert heard() == ["first"]
    scene.asked = frozenset({Named(second)})
    scene.deliver("MODIFIED", 2, generation=2)
    assert heard() == ["first", "second"]
    scene.intake.written(other("shop"), other("shop"))
    assert heard() == []
    scene.intake.written(other("shop"), other("shop", face="another"))
    assert heard() == ["second"]
    scene.deliver("DELETED", 3)
    assert heard() == ["second"]


def test_those_that_name_one_hear_of_it_when_what_it_shows_has_changed() -> None:
    scene = Scene()
    scene.asked = frozenset({Named(ObjectKey(KIND, "a", "blog"))})
    scene.deliver("ADDED", 1)
    scene.asked = frozenset()
    scene.work.clear()
    scene.intake.written(other("blog"), other("blog"))
    assert scene.work == []
    scene.intake.written(other("blog"), other("blog", face="another"))
    assert scene.work == [("shop", Priority.CHANGE)]
