from collections.abc import Mapping
from typing import Any

import pytest

from certwright.cluster.decode import observed_of
from certwright.cluster.metadata_cache import Listing, MetadataCache, Scope
from certwright.cluster.versions import is_newer
from certwright.reconcile.objects import Kind, ObjectKey, Observed
from tests.support.scripted_server import partial

SECRETS = Scope(Kind.SECRET)
KEY = ObjectKey(Kind.SECRET, "shop", "tls")
MANAGED = {"app.kubernetes.io/managed-by": "certwright"}


class Cache(MetadataCache):
    """A cache of Secrets that is listed and alive, and remembers what it told."""

    def __init__(self, *scopes: Scope) -> None:
        self.told: list[ObjectKey] = []
        super().__init__(scopes or (SECRETS,), on_change=self.told.append)

    def read(self, version: int, *items: Mapping[str, Any], scope: Scope = SECRETS) -> None:
        listing = Listing(str(version))
        self.page(scope, listing, items)
        self.complete(scope, listing)
        self.set_alive(scope, alive=True)

    def heard(self) -> list[ObjectKey]:
        told, self.told[:] = list(self.told), []
        return told


@pytest.fixture
def cache() -> Cache:
    made = Cache()
    made.read(10)
    made.refer(frozenset({KEY}))
    return made


def meta(version: int, *, name: str = "tls", uid: str = "", **more: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = partial(name, version, uid=uid, **more)["metadata"]
    return metadata


def observed(version: int, *, key: ObjectKey = KEY, uid: str = "", **more: Any) -> Observed:
    return observed_of(key, partial(key.name, version, namespace=key.namespace, uid=uid, **more))


def version_held(cache: Cache, key: ObjectKey = KEY) -> str | None:
    held = cache.peek(key)
    return held and held.version.resource_version


# ---- absence


def test_absent_is_not_said_when_the_list_is_not_complete() -> None:
    cache = Cache()
    assert not cache.is_absent(KEY)

    listing = Listing("10")
    cache.page(SECRETS, listing, [partial("other", 1)])
    assert not cache.is_absent(KEY)


def test_absent_is_not_said_when_the_watch_is_not_open(cache: Cache) -> None:
    assert cache.is_absent(KEY)
    cache.set_alive(SECRETS, alive=False)
    assert not cache.is_absent(KEY)


def test_absent_is_not_said_when_the_kind_is_not_watched(cache: Cache) -> None:
    assert not cache.is_absent(ObjectKey(Kind.CONFIG_MAP, "shop", "ca"))


def test_absent_is_said_when_no_object_can_bear_the_name(cache: Cache) -> None:
    assert cache.is_absent(ObjectKey(Kind.CONFIG_MAP, "shop", ".."))


def test_absent_follows_events_when_nobody_refers_to_the_object(cache: Cache) -> None:
    other = ObjectKey(Kind.SECRET, "shop", "other")
    cache.put(SECRETS, meta(11, name="other"))
    assert not cache.is_absent(other)
    assert cache.peek(other) is None

    cache.remove(SECRETS, meta(12, name="other"))
    assert cache.is_absent(other)
    assert cache.heard() == []


# ---- events


def test_put_tells_a_change_when_somebody_refers_to_it(cache: Cache) -> None:
    cache.put(SECRETS, meta(11))
    cache.put(SECRETS, meta(12))

    assert cache.heard() == [KEY, KEY]
    assert version_held(cache) == "12"
    assert not cache.is_absent(KEY)


def test_put_keeps_our_objects_when_nobody_refers_to_them(cache: Cache) -> None:
    ours = ObjectKey(Kind.SECRET, "shop", "ours")
    cache.put(SECRETS, meta(11, name="ours", labels=MANAGED, annotations={"certwright.io/epoch": "3"}))

    assert cache.heard() == [ours]
    held = cache.peek(ours)
    assert held is not None
    assert held.managed
    assert held.annotations == {"certwright.io/epoch": "3"}


def test_put_tells_and_forgets_when_an_object_is_ours_no_more(cache: Cache) -> None:
    ours = ObjectKey(Kind.SECRET, "shop", "ours")
    cache.put(SECRETS, meta(11, name="ours", labels=MANAGED))
    cache.heard()
    cache.put(SECRETS, meta(12, name="ours"))

    assert cache.heard() == [ours]
    assert cache.peek(ours) is None
    assert not cache.is_absent(ours)


def test_put_is_no_change_when_it_echoes_our_own_write(cache: Cache) -> None:
    cache.wrote(observed(11))
    assert cache.heard() == [KEY]
    cache.put(SECRETS, meta(11))

    assert cache.heard() == []
    assert version_held(cache) == "11"


def test_wrote_is_no_change_when_its_echo_overtook_the_answer(cache: Cache) -> None:
    cache.put(SECRETS, meta(11))
    assert cache.heard() == [KEY]
    cache.wrote(observed(11))

    assert cache.heard() == []


def test_put_is_no_change_when_it_is_older_than_what_is_held(cache: Cache) -> None:
    cache.wrote(observed(13))
    cache.heard()
    cache.put(SECRETS, meta(11))
    cache.put(SECRETS, meta(12, uid="an earlier one of that name"))

    assert cache.heard() == []
    assert version_held(cache) == "13"


def test_put_tells_a_change_when_the_object_was_made_again(cache: Cache) -> None:
    cache.put(SECRETS, meta(11, uid="first"))
    cache.heard()
    cache.put(SECRETS, meta(12, uid="second"))

    assert cache.heard() == [KEY]
    held = cache.peek(KEY)
    assert held is not None
    assert held.version.uid == "second"


def test_put_compares_versions_as_numbers(cache: Cache) -> None:
    cache.put(SECRETS, meta(99))
    cache.put(SECRETS, meta(100))

    assert version_held(cache) == "100"


def test_remove_tells_a_change_when_somebody_refers_to_it(cache: Cache) -> None:
    cache.put(SECRETS, meta(11))
    cache.heard()
    cache.remove(SECRETS, meta(12))

    assert cache.heard() == [KEY]
    assert cache.peek(KEY) is None
    assert cache.is_absent(KEY)


def test_remove_is_ignored_when_we_have_made_the_object_again(cache: Cache) -> None:
    cache.put(SECRETS, meta(11, uid="first"))
    cache.heard()
    cache.wrote(observed(13, uid="second"))
    cache.heard()
    cache.remove(SECRETS, meta(12, uid="first"))

    assert cache.heard() == []
    assert version_held(cache) == "13"
    assert not cache.is_absent(KEY)


# ---- our own reads and writes


def test_wrote_makes_the_object_known_at_once(cache: Cache) -> None:
    cache.wrote(observed(11))

    assert not cache.is_absent(KEY)
    assert cache.heard() == [KEY]


def test_wrote_forgets_what_was_released(cache: Cache) -> None:
    ours = ObjectKey(Kind.SECRET, "shop", "ours")
    cache.wrote(observed(11, key=ours, labels=MANAGED))
    cache.heard()
    cache.wrote(observed(12, key=ours))
    cache.put(SECRETS, meta(12, name="ours"))

    assert cache.peek(ours) is None
    assert cache.heard() == []


def test_wrote_and_saw_are_ignored_when_the_kind_is_not_watched(cache: Cache) -> None:
    other = ObjectKey(Kind.CONFIG_MAP, "shop", "ca")
    cache.refer(frozenset({other}))
    cache.wrote(observed(11, key=other))
    cache.saw(observed(11, key=other))

    assert cache.peek(other) is None


def test_saw_fills_in_quietly_when_the_watch_knew_of_the_object() -> None:
    cache = Cache()
    cache.read(10, partial("tls", 5))
    cache.refer(frozenset({KEY}))
    assert cache.peek(KEY) is None

    cache.saw(observed(5))

    assert version_held(cache) == "5"
    assert cache.heard() == []


def test_saw_tells_a_change_when_the_read_overtook_the_watch(cache: Cache) -> None:
    cache.put(SECRETS, meta(11))
    cache.heard()
    cache.saw(observed(12))
    cache.put(SECRETS, meta(12))

    assert cache.heard() == [KEY]


def test_saw_tells_a_change_when_the_watch_did_not_know_of_the_object(cache: Cache) -> None:
    cache.saw(observed(11))
    cache.put(SECRETS, meta(11))

    assert cache.heard() == [KEY]


def test_saw_leaves_it_to_the_list_when_there_was_none_yet() -> None:
    cache = Cache()
    cache.refer(frozenset({KEY}))
    cache.saw(observed(5))
    assert cache.peek(KEY) is None

    cache.read(10, partial("tls", 5))
    assert cache.heard() == [KEY]
    assert version_held(cache) == "5"


def test_saw_changes_nothing_when_something_newer_is_held(cache: Cache) -> None:
    cache.put(SECRETS, meta(12))
    cache.heard()
    cache.saw(observed(11))

    assert version_held(cache) == "12"
    assert cache.heard() == []


def test_unrefer_forgets_all_but_our_own(cache: Cache) -> None:
    ours = ObjectKey(Kind.SECRET, "shop", "ours")
    cache.refer(frozenset({ours}))
    cache.put(SECRETS, meta(11))
    cache.put(SECRETS, meta(12, name="ours", labels=MANAGED))
    cache.unrefer(frozenset({KEY, ours}))

    assert cache.peek(KEY) is None
    assert cache.peek(ours) is not None
    cache.heard()
    cache.remove(SECRETS, meta(13))
    assert cache.heard() == []


# ---- lists


def test_complete_tells_what_differs_when_a_list_is_read_again(cache: Cache) -> None:
    keys = [ObjectKey(Kind.SECRET, "shop", name) for name in ("same", "changed", "gone", "new", "remade")]
    same, changed, gone, new, remade = keys
    cache.refer(frozenset(keys))
    for number, name in enumerate(("same", "changed", "gone", "remade"), 11):
        cache.put(SECRETS, meta(number, name=name))
    cache.heard()

    cache.read(
        30,
        partial("same", 11),
        partial("changed", 20),
        partial("new", 21),
        partial("remade", 22, uid="another"),
    )

    assert sorted(cache.heard()) == sorted([changed, gone, new, remade])
    assert cache.is_absent(gone)
    assert version_held(cache, same) == "11"


def test_complete_keeps_what_is_younger_than_the_list(cache: Cache) -> None:
    listing = Listing("20")
    cache.page(SECRETS, listing, [])
    cache.wrote(observed(21))
    cache.heard()
    cache.complete(SECRETS, listing)

    assert cache.heard() == []
    assert version_held(cache) == "21"
    assert not cache.is_absent(KEY)


def test_complete_covers_its_scope_only_when_namespaces_are_watched_apart() -> None:
    shop, blog = Scope(Kind.SECRET, "shop"), Scope(Kind.SECRET, "blog")
    cache = Cache(shop, blog)
    other = ObjectKey(Kind.SECRET, "blog", "tls")
    cache.refer(frozenset({KEY, other}))
    cache.read(10, partial("tls", 5), scope=shop)
    cache.read(11, partial("tls", 6, namespace="blog"), scope=blog)
    cache.heard()

    cache.read(12, scope=shop)

    assert cache.heard() == [KEY]
    assert version_held(cache, other) == "6"
    assert not cache.is_absent(ObjectKey(Kind.SECRET, "elsewhere", "tls"))


def test_drop_tells_everything_anew_when_history_is_another() -> None:
    cache = Cache()
    kept, lost = ObjectKey(Kind.SECRET, "shop", "kept"), ObjectKey(Kind.SECRET, "shop", "lost")
    cache.refer(frozenset({kept, lost}))
    cache.read(100, partial("kept", 50), partial("lost", 60))
    cache.heard()

    cache.drop(Kind.SECRET)
    assert not cache.is_absent(KEY)
    assert cache.peek(kept) is None
    assert cache.highest(Kind.SECRET) == 0

    cache.read(40, partial("kept", 30))
    assert sorted(cache.heard()) == [kept, lost]
    assert version_held(cache, kept) == "30"


def test_highest_follows_everything_that_bears_a_version(cache: Cache) -> None:
    assert cache.highest(Kind.SECRET) == 10
    cache.put(SECRETS, meta(11))
    cache.remove(SECRETS, meta(12))
    cache.heard_version(Kind.SECRET, "14")
    cache.heard_version(Kind.SECRET, "13")
    cache.heard_version(Kind.SECRET, "odd")
    assert cache.highest(Kind.SECRET) == 14
    cache.wrote(observed(15))
    assert cache.highest(Kind.SECRET) == 15


def test_counts_tell_what_is_held(cache: Cache) -> None:
    cache.read(20, partial("tls", 5), *(partial(f"other-{number}", 6) for number in range(50)))

    assert (cache.held_count, cache.name_count) == (1, 51)


@pytest.mark.parametrize(
    ("version", "other", "newer"), [("2", "1", True), ("10", "9", True), ("1", "1", False), ("x", "1", False)]
)
def test_is_newer_compares_numbers(version: str, other: str, *, newer: bool) -> None:
    assert is_newer(version, other) is newer


def test_put_takes_whatever_differs_for_newer_when_versions_are_no_numbers(cache: Cache) -> None:
    cache.put(SECRETS, meta(11))
    odd = meta(12) | {"resourceVersion": "odd"}
    cache.put(SECRETS, odd)

    assert version_held(cache) == "odd"
