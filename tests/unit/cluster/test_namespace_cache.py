"""Namespaces are known with their labels, and told of when that changes."""

from typing import Any

from certwright.cluster.metadata_cache import Listing, Scope
from certwright.cluster.namespace_cache import NamespaceCache
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey
from tests.support.scripted_server import partial

ALL = Scope(Kind.NAMESPACE)


class Cache(NamespaceCache):
    """A cache that remembers what it told."""

    def __init__(self, *served: str) -> None:
        self.told: list[ObjectKey] = []
        super().__init__(on_change=self.told.append, served=served)

    def read(self, version: int, *items: dict[str, Any]) -> None:
        listing = Listing(str(version))
        self.page(ALL, listing, items)
        self.complete(ALL, listing)

    def heard(self) -> list[str]:
        told, self.told[:] = [key.name for key in self.told], []
        return told

    def names(self) -> list[str]:
        return [facts.name for facts in self.all()]


def place(name: str, version: int, **more: Any) -> dict[str, Any]:
    manifest = partial(name, version, **more)
    del manifest["metadata"]["namespace"]
    return manifest


def test_namespaces_are_given_with_what_selects_them() -> None:
    cache = Cache()
    cache.read(10, place("shop", 4, labels={"team": "a"}), place("blog", 5))
    going = place("wiki", 11)["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    cache.put(ALL, going)
    assert cache.all() == (
        NamespaceFacts("blog", "uid-blog"),
        NamespaceFacts("shop", "uid-shop", {"team": "a"}),
        NamespaceFacts("wiki", "uid-wiki", terminating=True),
    )
    assert cache.all() is cache.all()
    assert cache.heard() == ["shop", "blog", "wiki"]


def test_change_is_told_when_it_shows() -> None:
    cache = Cache()
    cache.read(10, place("shop", 4))
    cache.heard()
    cache.put(ALL, place("shop", 11, annotations={"a": "b"})["metadata"])
    assert cache.heard() == []
    cache.put(ALL, place("shop", 12, labels={"team": "a"})["metadata"])
    cache.put(ALL, place("shop", 13, labels={"team": "a"}, uid="another")["metadata"])
    cache.remove(ALL, place("shop", 14)["metadata"])
    cache.remove(ALL, place("shop", 14)["metadata"])
    assert (cache.heard(), cache.all()) == (["shop"] * 3, ())


def test_what_a_later_list_does_not_name_is_gone() -> None:
    cache = Cache()
    cache.read(10, place("shop", 4), place("blog", 5))
    cache.heard()
    cache.read(20, place("blog", 5))
    assert (cache.heard(), cache.names()) == (["shop"], ["blog"])


def test_only_what_is_served_counts_when_that_is_some() -> None:
    cache = Cache("shop")
    cache.read(10, place("shop", 4), place("blog", 5))
    cache.put(ALL, place("wiki", 11)["metadata"])
    cache.remove(ALL, place("wiki", 12)["metadata"])
    assert (cache.heard(), cache.names()) == (["shop"], ["shop"])


def test_cache_knows_how_it_stands_with_the_watch() -> None:
    cache = Cache()
    assert (cache.is_listed(ALL), cache.is_alive(ALL), cache.highest(Kind.NAMESPACE)) == (False, False, 0)
    cache.read(10, place("shop", 4))
    cache.set_alive(ALL, alive=True)
    cache.heard_version(Kind.NAMESPACE, "12")
    cache.heard_version(Kind.NAMESPACE, "9")
    cache.heard_version(Kind.NAMESPACE, "no number")
    assert (cache.is_listed(ALL), cache.is_alive(ALL), cache.highest(Kind.NAMESPACE)) == (True, True, 12)
    cache.drop(Kind.NAMESPACE)
    assert (cache.is_listed(ALL), cache.is_alive(ALL), cache.highest(Kind.NAMESPACE)) == (False, False, 0)
    assert cache.names() == ["shop"]
    cache.read(3)
    assert cache.names() == []
