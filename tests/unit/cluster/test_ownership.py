"""Owners of many targets hear of what others do to them, and of nothing else."""

from typing import Any

import pytest

from certwright.cluster.decode import observed_of
from certwright.cluster.metadata_cache import Listing, MetadataCache, Scope
from certwright.cluster.owner_index import OwnerIndex, owner_of
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Version
from tests.support.scripted_server import partial

MAPS = Scope(Kind.CONFIG_MAP)
MANAGED = {"app.kubernetes.io/managed-by": "certwright"}
CORPORATE = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", "corporate")
LOCAL = ObjectKey(Kind.TRUST_STORE, "shop", "local")
KEY = ObjectKey(Kind.CONFIG_MAP, "shop", "ca")
BUNDLE = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", "corporate")


def owned_by(owner: str) -> dict[str, Any]:
    return {"labels": MANAGED, "annotations": {"certwright.io/owner": owner}}


def meta(version: int, owner: str = "ClusterTrustStore/corporate", *, ours: bool = True) -> dict[str, Any]:
    more = owned_by(owner) if ours else {}
    metadata: dict[str, Any] = partial("ca", version, **more)["metadata"]
    return metadata


class Scene:
    """A cache of ConfigMaps that is listed and alive, with one owned object in it, and what it told."""

    def __init__(self) -> None:
        self.changed: list[ObjectKey] = []
        self.told: list[tuple[ObjectKey, ObjectKey]] = []
        self.cache = MetadataCache([MAPS], on_change=self.changed.append, on_owned=self.tell)
        self.read(10, partial("ca", 5, **owned_by("ClusterTrustStore/corporate")))
        assert self.heard() == [CORPORATE]

    def tell(self, owner: ObjectKey, key: ObjectKey) -> None:
        assert key == KEY
        self.told.append((owner, key))

    def read(self, version: int, *items: dict[str, Any]) -> None:
        listing = Listing(str(version))
        self.cache.page(MAPS, listing, items)
        self.cache.complete(MAPS, listing)
        self.cache.set_alive(MAPS, alive=True)

    def wrote(self, version: int, owner: str = "ClusterTrustStore/corporate") -> None:
        self.cache.wrote(observed_of(KEY, partial("ca", version, **owned_by(owner))))

    def heard(self) -> list[ObjectKey]:
        told, self.told[:] = [owner for owner, _ in self.told], []
        return sorted(told)


@pytest.mark.parametrize(
    ("key", "annotation", "managed", "owner"),
    [
        (KEY, "ClusterTrustStore/corporate", True, CORPORATE),
        (BUNDLE, "ClusterTrustStore/corporate", True, CORPORATE),
        (KEY, "TrustStore/local", True, LOCAL),
        (KEY, "ClusterTrustStore/corporate", False, None),
        (KEY, "ImportedCertificate/shop", True, None),
        (KEY, "ClusterTrustStore//corporate", True, None),
        (KEY, "TrustStore/shop/local", True, None),
        (KEY, "TrustStore/", True, None),
        (KEY, "Gardener/x", True, None),
        (KEY, "", True, None),
    ],
)
def test_owner_is_told_from_the_annotation_of_what_is_ours(
    key: ObjectKey,
    annotation: str,
    managed: bool,  # noqa: FBT001
    owner: ObjectKey | None,
) -> None:
    assert owner_of(key, Metadata(Version("u", "1"), {"certwright.io/owner": annotation}, managed)) == owner
    assert owner_of(key, Metadata(Version("u", "1"), {}, managed)) is None


def test_index_forgets_owners_when_they_own_nothing_any_more() -> None:
    index, metadata = (
        OwnerIndex(),
        Metadata(Version("u", "1"), {"certwright.io/owner": "TrustStore/local"}, managed=True),
    )
    assert index.put(KEY, metadata) == index.discard(KEY, metadata) == index.discard(KEY, metadata) == LOCAL
    assert (index.owned(LOCAL), index._owned) == (frozenset(), {})


def test_owned_gives_what_is_held() -> None:
    scene = Scene()
    assert list(scene.cache.owned(CORPORATE)) == [KEY]
    assert scene.cache.owned(CORPORATE)[KEY] is scene.cache.peek(KEY)
    assert scene.cache.owned(LOCAL) == {}


def test_owner_hears_of_an_edit_and_of_a_deletion() -> None:
    scene = Scene()
    scene.cache.put(MAPS, meta(11))
    assert scene.heard() == [CORPORATE]
    scene.cache.remove(MAPS, meta(12))
    assert (scene.heard(), scene.cache.owned(CORPORATE)) == ([CORPORATE], {})


def test_owner_hears_of_the_edit_that_took_our_marks_off() -> None:
    scene = Scene()
    scene.cache.put(MAPS, meta(11, ours=False))
    assert (scene.heard(), scene.cache.owned(CORPORATE)) == ([CORPORATE], {})
    scene.cache.put(MAPS, meta(12, ours=False))
    assert scene.heard() == []


def test_both_owners_hear_when_an_object_changes_hands() -> None:
    scene = Scene()
    scene.cache.put(MAPS, meta(11, "TrustStore/local"))
    assert scene.heard() == sorted([CORPORATE, LOCAL])
    assert (scene.cache.owned(CORPORATE), list(scene.cache.owned(LOCAL))) == ({}, [KEY])


def test_owner_does_not_hear_of_its_own_writes_and_their_echoes() -> None:
    scene = Scene()
    scene.wrote(11)
    scene.cache.put(MAPS, meta(11))
    assert (scene.heard(), scene.changed[-1]) == ([], KEY)
    scene.wrote(12, "TrustStore/local")
    assert scene.heard() == [CORPORATE]


def test_owner_hears_of_a_read_that_overtook_the_watch() -> None:
    scene = Scene()
    scene.cache.saw(observed_of(KEY, partial("ca", 11, **owned_by("ClusterTrustStore/corporate"))))
    scene.cache.put(MAPS, meta(11))
    assert scene.heard() == [CORPORATE]


def test_owner_hears_what_a_list_says_after_a_gap() -> None:
    scene = Scene()
    scene.read(20)
    assert (scene.heard(), scene.cache.owned(CORPORATE)) == ([CORPORATE], {})
    scene.read(21, partial("ca", 21, **owned_by("ClusterTrustStore/corporate")))
    assert scene.heard() == [CORPORATE]


def test_owner_hears_of_what_is_gone_when_the_history_is_another() -> None:
    scene = Scene()
    scene.cache.drop(Kind.CONFIG_MAP)
    assert (scene.heard(), scene.cache.owned(CORPORATE)) == ([], {})
    scene.read(3)
    assert scene.heard() == [CORPORATE]


def test_named_gives_records_by_the_beginning_of_their_names() -> None:
    scene = Scene()
    for name in ("store-u-2-b-0", "store-u-1-a-0", "crl-u"):
        scene.cache.put(MAPS, partial(name, 30, namespace="ours", labels=MANAGED)["metadata"])
    scene.cache.put(MAPS, partial("store-u-3-c-0", 30, namespace="other", labels=MANAGED)["metadata"])
    scene.cache.put(MAPS, partial("store-u-4-d-0", 30, namespace="ours")["metadata"])
    found = scene.cache.named(Kind.CONFIG_MAP, "ours", "store-u-")
    assert [key.name for key in found] == ["store-u-1-a-0", "store-u-2-b-0"]
    assert scene.cache.named(Kind.SECRET, "ours", "store-u-") == ()


# ---- what looks intact


def ours(version: int, owner: str = "ClusterTrustStore/corporate") -> dict[str, Any]:
    """Look like what our last apply left; whoever names his request like us can have that."""
    by_us = {"manager": "certwright", "operation": "Apply", "fieldsV1": {"f:data": {"f:ca.crt": {}}}}
    found = partial("ca", version, **owned_by(owner))
    found["metadata"]["managedFields"] = [by_us]
    return found


class Content(Scene):
    """The same with an object whose managed fields are all ours."""

    def __init__(self) -> None:
        super().__init__()
        self.wrote_content(20)

    def wrote_content(self, version: int) -> None:
        self.cache.wrote(observed_of(KEY, ours(version)))

    @property
    def intact(self) -> bool:
        return self.cache.owned(CORPORATE)[KEY].intact


def test_what_we_wrote_is_intact_whenever_its_event_comes() -> None:
    scene = Content()
    scene.cache.put(MAPS, ours(20)["metadata"])
    assert scene.intact

    scene.cache.put(MAPS, ours(21)["metadata"])  # the answer is still on its way
    scene.wrote_content(21)
    assert scene.intact


def test_what_others_wrote_is_not_believed_to_be_intact_until_somebody_looked() -> None:
    scene = Content()
    scene.cache.put(MAPS, ours(21)["metadata"])
    assert not scene.intact

    scene.cache.vouch(KEY, Version("uid-of-ca", "20"))
    assert not scene.intact
    scene.cache.vouch(KEY, scene.cache.owned(CORPORATE)[KEY].version)
    assert scene.intact


@pytest.mark.parametrize("how", ["read", "list"])
def test_change_is_doubted_however_it_becomes_known(how: str) -> None:
    scene = Content()
    if how == "read":
        scene.cache.saw(observed_of(KEY, ours(21)))
        scene.cache.put(MAPS, ours(21)["metadata"])
    else:
        scene.read(30, ours(21))
    assert not scene.intact


def test_first_list_is_believed() -> None:
    scene = Scene()
    scene.cache.drop(Kind.CONFIG_MAP)
    scene.read(30, ours(21))
    assert scene.cache.owned(CORPORATE)[KEY].intact


def test_object_that_was_made_anew_is_doubted_in_its_own_right() -> None:
    scene = Content()
    scene.cache.put(MAPS, ours(21)["metadata"])
    scene.cache.remove(MAPS, ours(22)["metadata"])
    scene.wrote_content(23)
    assert scene.intact
