"""The index of references tells who must look again, and tells the cache what is worth keeping."""

from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.questions import Collection, Named, Namespaces, Naming, Owned
from certwright.runtime.dependencies import Dependencies


class Keeper:
    def __init__(self) -> None:
        self.kept: set[ObjectKey] = set()

    def refer(self, keys: frozenset[ObjectKey]) -> None:
        assert not self.kept & keys
        self.kept |= keys

    def unrefer(self, keys: frozenset[ObjectKey]) -> None:
        assert keys <= self.kept
        self.kept -= keys


SHOP, BLOG, WIKI = (ObjectKey(Kind.IMPORTED_CERTIFICATE, "a", name) for name in ("shop", "blog", "wiki"))
UPLOAD, CHAIN, TARGET = (ObjectKey(Kind.SECRET, "a", name) for name in ("upload", "chain", "target"))


def test_on_gives_everybody_that_refers_to_a_key() -> None:
    index = Dependencies(Keeper())
    index.update(SHOP, {UPLOAD, CHAIN})
    index.update(BLOG, {CHAIN})
    index.update(WIKI, {CHAIN})
    assert index.on(UPLOAD) == {SHOP}
    assert index.on(CHAIN) == {SHOP, BLOG, WIKI}
    assert index.on(TARGET) == frozenset()


def test_update_moves_references_and_tells_the_keeper_of_first_and_last() -> None:
    keeper = Keeper()
    index = Dependencies(keeper)
    index.update(SHOP, {UPLOAD, CHAIN})
    index.update(BLOG, {CHAIN})
    index.update(SHOP, {TARGET})
    assert (index.on(CHAIN), index.on(UPLOAD), index.on(TARGET)) == ({BLOG}, frozenset(), {SHOP})
    assert keeper.kept == {CHAIN, TARGET}
    assert index.of(SHOP) == {TARGET}


def test_update_says_nothing_when_nothing_changed() -> None:
    keeper = Keeper()
    index = Dependencies(keeper)
    index.update(SHOP, {UPLOAD})
    index.update(SHOP, [UPLOAD])
    assert keeper.kept == {UPLOAD}


def test_forget_leaves_nothing_behind() -> None:
    keeper = Keeper()
    index = Dependencies(keeper)
    for dependent in (SHOP, BLOG, WIKI):
        index.update(dependent, {UPLOAD, CHAIN})
    for dependent in (BLOG, SHOP, WIKI):
        index.forget(dependent)
    index.forget(SHOP)
    assert keeper.kept == set()
    assert (index._references, index._dependents) == ({}, {})


def test_on_gives_those_that_ask_for_all_of_a_kind() -> None:
    keeper = Keeper()
    index = Dependencies(keeper)
    here, everywhere = Collection(Kind.REVOCATION_SOURCE, "a"), Collection(Kind.REVOCATION_SOURCE, "")
    index.update(SHOP, {here, UPLOAD})
    index.update(BLOG, {everywhere})
    near, far = (ObjectKey(Kind.REVOCATION_SOURCE, name, "corp") for name in ("a", "b"))
    assert (index.on(near), index.on(far)) == ({SHOP, BLOG}, {BLOG})
    assert index.of(SHOP) == {here, UPLOAD}
    assert keeper.kept == {UPLOAD}
    index.forget(SHOP)
    index.forget(BLOG)
    assert (index.on(near), keeper.kept) == (frozenset(), set())


def test_asking_gives_those_that_ask_this_question_and_no_other() -> None:
    keeper = Keeper()
    index = Dependencies(keeper)
    store = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", "corporate")
    index.update(store, {Owned(store), Namespaces(), UPLOAD})
    index.update(SHOP, {Namespaces()})
    assert index.asking(Owned(store)) == {store}
    assert index.asking(Namespaces()) == {store, SHOP}
    assert (index.asking(Owned(SHOP)), index.on(store)) == (frozenset(), frozenset())
    assert keeper.kept == {UPLOAD}


def test_on_gives_those_that_ask_for_one_by_name_and_the_one_that_asks_who_does() -> None:
    keeper = Keeper()
    index = Dependencies(keeper)
    key, other = (ObjectKey(Kind.PRIVATE_KEY, "a", name) for name in ("key", "other"))
    for each in (key, other):
        index.update(each, {Naming(each)})
    index.update(SHOP, {Named(key), UPLOAD})
    index.update(BLOG, {UPLOAD})
    assert (index.on(key), index.on(other)) == ({SHOP}, frozenset())
    assert (index.on(SHOP), index.on(BLOG)) == ({key}, frozenset())
    assert index.asking(Named(key)) == {SHOP}
    index.update(SHOP, {Named(other)})
    assert (index.on(key), index.on(other), index.on(SHOP)) == (frozenset(), {SHOP}, {other})
    assert keeper.kept == {UPLOAD}
