"""Where there is no cluster: files, and no library."""

import pytest

from certwright.cluster.files import FileCluster
from certwright.cluster.library import NoLibrary
from certwright.cluster.public_roots import public_roots
from certwright.findings import ClusterError
from certwright.pki.certificate import Certificate
from certwright.pki.trust_bundle import BundleRecipe, render_bundle
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Version
from certwright.reconcile.plan import ApplyBundle, ApplyClusterTrustBundle, SetFinalizer
from certwright.reconcile.questions import IDLE, Contact, KeptTrust, Namespaces, Owned, PublicRoots, RecordsOf
from tests.support.memory_cluster import START
from tests.support.pki import PKI

ROOT = Certificate.from_der(PKI().root().der)
RECIPE = BundleRecipe((ROOT,), "ca.crt", comments=False)
STORE = ObjectKey(Kind.TRUST_STORE, "shop", "local")


async def test_files_take_bundles_and_keep_what_others_put_beside_them() -> None:
    key = ObjectKey(Kind.CONFIG_MAP, "shop", "ca")
    files = FileCluster([Observed(key, Version("u", "1"), annotations={"a": "b"}, data={"other": b"x"})])

    written = await files.apply_bundle(ApplyBundle(key, Version("u", "1"), RECIPE, {"l": "m"}, {}))

    assert await files.read(key) == written
    assert written.data == {"other": b"x", "ca.crt": render_bundle([ROOT], comments=False)}
    assert (written.annotations, written.labels, written.version.uid) == ({"a": "b"}, {"l": "m"}, "u")
    cluster = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", "corp")
    assert (await files.apply_cluster_trust_bundle(ApplyClusterTrustBundle(cluster, None, RECIPE, {}, {}))).intact


async def test_files_own_nothing_and_are_waited_for_by_nobody() -> None:
    files = FileCluster()
    assert (files.owned(STORE), files.named(Kind.CONFIG_MAP, "x", "store-")) == ({}, ())
    with pytest.raises(ClusterError):
        await files.set_finalizer(SetFinalizer(STORE, Version("u", "1"), "x", present=True))


async def test_no_library_knows_of_nothing_but_the_public_roots() -> None:
    library, contact = NoLibrary(), Contact(STORE, "u", "o", START - START, None, None, troubled=False)
    assert library.ask(contact) is IDLE
    assert [library.ask(each) for each in (Namespaces(), Owned(STORE), RecordsOf("store-"))] == [(), {}, ()]
    shipped = library.ask(PublicRoots())
    assert (shipped.certificates, shipped.version) == (public_roots().certificates, public_roots().version)
    assert await library.read(KeptTrust("sha256:x", ())) is None
