"""Where there is no cluster: files, a library over them, and none."""

import pytest

from certwright.cluster.file_library import FileLibrary
from certwright.cluster.files import FileCluster, file_uid
from certwright.cluster.library import NoLibrary
from certwright.cluster.public_roots import public_roots
from certwright.findings import ClusterError, Reason
from certwright.pki.certificate import Certificate
from certwright.pki.key_recipe import KeyRecipe
from certwright.pki.trust_bundle import BundleRecipe, render_bundle
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Observed, Subject, Version
from certwright.reconcile.plan import (
    MANAGED_BY,
    MANAGED_BY_LABEL,
    OWNER_ANNOTATION,
    ApplyBundle,
    ApplyClusterTrustBundle,
    ApplySecret,
    Delete,
    KeepRecord,
    SetFinalizer,
    WriteStatus,
)
from certwright.reconcile.questions import (
    IDLE,
    Collection,
    Contact,
    GivenList,
    KeptList,
    KeptTrust,
    Namespaces,
    Owned,
    PublicRoots,
    RecordsOf,
)
from certwright.reconcile.set_actions import ApplyContent, Rehearse, Rehearsed
from certwright.reconcile.trust.record import TrustedCertificate, TrustRecord, pack_record
from tests.support.memory_cluster import START
from tests.support.pki import PKI

ROOT = Certificate.from_der(PKI().root().der)
RECIPE = BundleRecipe((ROOT,), "ca.crt", comments=False)
STORE = ObjectKey(Kind.TRUST_STORE, "shop", "local")
UID_LIMIT = 128
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Valid",
    "message": "",
    "lastTransitionTime": "2026-06-15T00:00:00Z",
}


async def test_files_take_bundles_and_keep_what_others_put_beside_them() -> None:
    key = ObjectKey(Kind.CONFIG_MAP, "shop", "ca")
    files = FileCluster([Observed(key, Version("u", "1"), annotations={"a": "b"}, data={"other": b"x"})])

    written = await files.apply_bundle(ApplyBundle(key, Version("u", "1"), RECIPE, {"l": "m"}, {}))

    assert await files.read(key) == written
    assert written.data == {"other": b"x", "ca.crt": render_bundle([ROOT], comments=False)}
    assert (written.annotations, written.labels, written.version.uid) == ({"a": "b"}, {"l": "m"}, "u")
    cluster = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", "corp")
    assert (await files.apply_cluster_trust_bundle(ApplyClusterTrustBundle(cluster, None, RECIPE, {}, {}))).intact


async def test_files_know_whose_they_are_and_what_was_written() -> None:
    mine, foreign = (ObjectKey(Kind.CONFIG_MAP, namespace, "ca") for namespace in ("shop", "other"))
    part = ObjectKey(Kind.CONFIG_MAP, "certwright-system", "store-u-1-abc-0")
    marks = {OWNER_ANNOTATION: "TrustStore/local"}
    files = FileCluster([Observed(foreign, Version("f", "1"), {MANAGED_BY_LABEL: MANAGED_BY}, marks)])
    await files.apply_bundle(ApplyBundle(mine, None, RECIPE, {MANAGED_BY_LABEL: MANAGED_BY}, marks))
    await files.keep_record(KeepRecord(part, {"part": b"x"}, STORE))

    assert {key: held.intact for key, held in files.owned(STORE).items()} == {mine: True}
    assert set(files.owned(ObjectKey(Kind.TRUST_STORE, "", "local"))) == {mine, foreign}
    assert files.named(Kind.CONFIG_MAP, "certwright-system", "store-u-") == (part,)
    assert files.named(Kind.CONFIG_MAP, "certwright-system", "crl-") == ()
    assert files.touched == {mine, part}
    files.touched.clear()
    version = files.objects[mine].version
    await files.delete(Delete(mine, version))
    await files.delete(Delete(mine, version))
    assert (files.touched, files.owned(STORE)) == ({mine}, {})


async def test_files_keep_statuses_and_finalizers_of_those_that_others_ask_for() -> None:
    subject = Subject(STORE, Version(file_uid(STORE), "1"), 1, START, {}, finalizers=("other",))
    files = FileCluster()
    with pytest.raises(ClusterError):
        await files.set_finalizer(SetFinalizer(STORE, subject.version, "x", present=True))
    passing = await files.write_status(WriteStatus(STORE, subject.version, {"a": 1}, subject))
    assert (passing.status, await files.read_subject(STORE)) == ({"a": 1}, None)

    files.subjects[STORE] = subject
    written = await files.write_status(WriteStatus(STORE, subject.version, {"a": 1}, subject))
    for present, finalizers in ((True, ("other", "x")), (False, ("other",))):
        held = await files.set_finalizer(SetFinalizer(STORE, written.version, "x", present=present))
        assert (held.finalizers, held.status, held.version.uid) == (finalizers, {"a": 1}, subject.version.uid)
    assert (await files.read_subject(STORE)) == held


async def test_files_take_what_a_set_writes_and_have_nothing_against_it() -> None:
    key = ObjectKey(Kind.SECRET, "shop", "proxy-tls")
    files = FileCluster([Observed(key, Version("u", "1"), annotations={"a": "b"}, type="Opaque", data={"x": b"y"})])
    write = ApplyContent(
        key, Version("u", "1"), {"tls.crt": b"c"}, {"l": "m"}, {"n": "o"}, type="Opaque", immutable=True
    )

    await files.rehearse(Rehearse(write, Rehearsed(key, "sha256:x")))
    assert (await files.read(key)).data == {"x": b"y"}
    written = await files.apply_content(write)

    assert await files.read(key) == written
    assert (written.data, written.type, written.immutable) == ({"x": b"y", "tls.crt": b"c"}, "Opaque", True)
    assert (written.annotations, written.labels, written.version.uid) == ({"a": "b", "n": "o"}, {"l": "m"}, "u")
    assert files.touched == {key}


async def test_files_make_no_key() -> None:
    key = ObjectKey(Kind.SECRET, "shop", "shop-key")
    files = FileCluster()

    with pytest.raises(ClusterError):
        await files.apply_secret(ApplySecret(key, None, KeyRecipe("ECDSA", 256), "Opaque", {}, {}))
    assert (files.unmade, files.objects) == ({key}, {})


def test_uids_of_files_fit_into_a_status_whatever_the_names() -> None:
    keys = [ObjectKey(Kind.SECRET, 63 * "n", 253 * letter) for letter in "ab"]
    assert len({file_uid(key) for key in keys}) == len(keys)
    assert all(len(file_uid(key)) < UID_LIMIT for key in keys)


async def test_file_library_answers_from_files_and_waits_for_no_list() -> None:
    crl = PKI().root().crl()
    files = FileCluster()
    sources = {
        name: Subject(ObjectKey(Kind.REVOCATION_SOURCE, "shop", name), Version(name, "1"), 1, START, {}, status)
        for name, status in (("fetched", {}), ("judged", {"observedGeneration": 1, "conditions": [READY]}))
    }
    files.subjects = {each.key: each for each in sources.values()}
    library = FileLibrary(files, [NamespaceFacts("b", "2"), NamespaceFacts("a", "1")], "certwright-system")

    assert library.ask(Collection(Kind.REVOCATION_SOURCE, "shop")) == (sources["judged"],)
    assert [each.name for each in library.ask(Namespaces())] == ["a", "b"]
    assert (library.ask(Owned(STORE)), library.ask(RecordsOf("store-"))) == ({}, ())
    assert library.ask(Contact(STORE, "u", "o", START - START, None, None, troubled=False)) is IDLE
    assert library.ask(PublicRoots()).version == public_roots().version
    reading = await library.read(GivenList("`spec.crl`", crl.pem.encode()))
    recalled = await library.read(KeptList(reading.read.crl.fingerprint, ()))
    assert (recalled.crl, await library.read(KeptList("sha256:x", ()))) == (reading.read.crl, None)
    assert (await library.read(GivenList("`spec.crl`", b"nothing"))).reason is Reason.CRL_INVALID
    record = TrustRecord(1, (TrustedCertificate(ROOT),))
    parts, digest = pack_record(record, 1 << 20)
    key = ObjectKey(Kind.CONFIG_MAP, "certwright-system", "store-u-1-abc-0")
    await files.keep_record(KeepRecord(key, {"part": parts[0]}, STORE))
    kept = await library.read(KeptTrust(digest, (key,)))
    assert kept == record
    # Hundreds of decisions look at a record of hundreds of CAs: it is taken apart once.
    assert await library.read(KeptTrust(digest, (key,))) is kept
    assert await library.read(KeptTrust("sha256:other", (key,))) is None


async def test_no_library_knows_of_nothing_but_the_public_roots() -> None:
    library, contact = NoLibrary(), Contact(STORE, "u", "o", START - START, None, None, troubled=False)
    assert library.ask(contact) is IDLE
    assert [library.ask(each) for each in (Namespaces(), Owned(STORE), RecordsOf("store-"))] == [(), {}, ()]
    shipped = library.ask(PublicRoots())
    assert (shipped.certificates, shipped.version) == (public_roots().certificates, public_roots().version)
    assert await library.read(KeptTrust("sha256:x", ())) is None
