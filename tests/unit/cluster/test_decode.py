from datetime import UTC, datetime

from certwright.cluster.decode import metadata_of, metadata_of_observed, observed_of, subject_of
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Version
from tests.support.scripted_server import partial


def test_observed_merges_data_and_binary_data_when_it_is_a_config_map() -> None:
    manifest = partial("ca", 1) | {"data": {"ca.crt": "gültig"}, "binaryData": {"ca.der": "AP8="}}

    observed = observed_of(ObjectKey(Kind.CONFIG_MAP, "shop", "ca"), manifest)

    assert observed.data == {"ca.crt": "gültig".encode(), "ca.der": b"\x00\xff"}


def test_observed_gives_the_newest_write_when_several_managers_wrote() -> None:
    manifest = partial("ca", 1)
    manifest["metadata"]["managedFields"] = [
        {"time": "2026-03-01T00:00:00Z"},
        {"time": "2026-04-01T00:00:00Z"},
        {"manager": "no time"},
    ]

    assert observed_of(ObjectKey(Kind.SECRET, "shop", "ca"), manifest).changed == datetime(2026, 4, 1, tzinfo=UTC)


def test_observed_has_neither_data_nor_manifest_when_it_is_a_namespace_without_spec() -> None:
    observed = observed_of(ObjectKey(Kind.NAMESPACE, "", "shop"), partial("shop", 1))

    assert (observed.data, observed.manifest) == ({}, {})


def test_observed_knows_no_change_when_there_is_no_time_at_all() -> None:
    manifest = partial("ca", 1)
    del manifest["metadata"]["creationTimestamp"]

    assert observed_of(ObjectKey(Kind.SECRET, "shop", "ca"), manifest).changed is None


def test_subject_is_empty_where_the_object_is() -> None:
    subject = subject_of(ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "site"), partial("site", 1))

    assert (subject.spec, subject.status, subject.generation, subject.deleting) == ({}, {}, 0, False)


def test_metadata_keeps_our_annotations_and_no_others() -> None:
    metadata = partial(
        "tls",
        3,
        labels={"app.kubernetes.io/managed-by": "certwright"},
        annotations={"certwright.io/owner": "x", "kubectl.kubernetes.io/last-applied-configuration": "long"},
    )["metadata"]

    expected = Metadata(Version("uid-tls", "3"), {"certwright.io/owner": "x"}, managed=True)
    assert metadata_of(metadata) == expected
    assert metadata_of_observed(observed_of(ObjectKey(Kind.SECRET, "shop", "tls"), {"metadata": metadata})) == expected


def test_metadata_is_not_managed_when_another_manages_it() -> None:
    metadata = partial("tls", 3, labels={"app.kubernetes.io/managed-by": "Helm"})["metadata"]

    assert metadata_of(metadata) == Metadata(Version("uid-tls", "3"))
