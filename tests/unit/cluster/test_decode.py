from datetime import UTC, datetime
from typing import Any

import pytest

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


# ---- whether content is as we wrote it


def entry(
    manager: str = "certwright", operation: str = "Apply", *, part: str = "f:data", names: tuple[str, ...] = ("ca.crt",)
) -> dict[str, Any]:
    fields = {part: {".": {}} | {f"f:{name}": {} for name in names}, "f:metadata": {"f:labels": {}}}
    return {"manager": manager, "operation": operation, "fieldsV1": fields, "time": "2026-03-01T00:00:00Z"}


def bundle(*entries: dict[str, Any], ours: bool = True) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "certwright"} if ours else {}
    manifest = partial("ca", 3, labels=labels)
    manifest["metadata"]["managedFields"] = list(entries)
    return manifest


EDIT = entry("kubectl-edit", "Update")


@pytest.mark.parametrize(
    ("manifest", "intact"),
    [
        (bundle(entry()), True),
        (bundle(entry(part="f:binaryData")), True),
        (bundle(entry(part="f:spec", names=("trustBundle",))), True),
        (bundle(entry(), entry("helm", names=("other.crt",))), True),
        (bundle(entry(), entry("kubectl", "Update", part="f:binaryData", names=("x",))), True),
        (bundle(entry(), entry("kubectl", "Update", part="f:metadata", names=("annotations",))), True),
        (bundle(entry(), entry("helm")), False),
        (bundle(entry(part="f:spec", names=("signerName",)), entry("kubectl", "Update", part="f:spec")), False),
        (bundle(entry(names=()), EDIT), False),
        (bundle(EDIT), False),
        (bundle(entry("certwright", "Update")), False),
        (bundle(entry() | {"subresource": "status"}), False),
        (bundle({"manager": "certwright", "operation": "Apply"}), False),
        (bundle(), False),
        (bundle(entry(), ours=False), False),
    ],
)
def test_object_is_intact_when_nobody_else_wrote_what_we_wrote(manifest: dict[str, Any], intact: bool) -> None:  # noqa: FBT001
    observed = observed_of(ObjectKey(Kind.CONFIG_MAP, "shop", "ca"), manifest)

    assert (metadata_of(manifest["metadata"]).intact, observed.intact) == (intact, intact)
    assert metadata_of_observed(observed) == metadata_of(manifest["metadata"])


@pytest.mark.parametrize(
    ("references", "uid"),
    [
        ([], None),
        ([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "uid": "d"}], None),
        ([{"apiVersion": "apps/v1", "uid": "d"}, {"apiVersion": "certwright.io/v1alpha1", "uid": "set"}], "set"),
    ],
)
def test_metadata_tells_which_of_ours_an_object_is_deleted_with(
    references: list[dict[str, str]], uid: str | None
) -> None:
    manifest = bundle(entry())
    manifest["metadata"]["ownerReferences"] = references
    observed = observed_of(ObjectKey(Kind.CONFIG_MAP, "shop", "ca"), manifest)

    assert metadata_of(manifest["metadata"]).owner_uid == uid
    assert metadata_of_observed(observed) == metadata_of(manifest["metadata"])


def test_cluster_trust_bundle_gives_its_text_as_data_when_it_is_read() -> None:
    key = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", "corporate")
    spec = {"signerName": "example.com/corp", "trustBundle": "-----BEGIN"}

    assert observed_of(key, partial("corporate", 1) | {"spec": spec}).data == {"trustBundle": b"-----BEGIN"}
    assert observed_of(key, partial("corporate", 1) | {"spec": spec}).manifest["spec"] == spec
    assert observed_of(key, partial("corporate", 1)).data == {"trustBundle": b""}


# ---- subjects


def test_subject_knows_who_holds_it_and_when_its_spec_was_written() -> None:
    manifest = partial("root", 1)
    manifest["metadata"] |= {
        "finalizers": ["certwright.io/deployed", "other.io/x"],
        "managedFields": [
            {"time": "2026-05-01T00:00:00Z", "fieldsV1": {"f:status": {}}, "subresource": "status"},
            {"time": "2026-03-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:certUse": {}}}},
            {"time": "2026-04-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:trustStateDesired": {}}}},
            {"fieldsV1": {"f:spec": {}}},
            {"manager": "no fields", "time": "2026-06-01T00:00:00Z"},
        ],
    }

    subject = subject_of(ObjectKey(Kind.TRUST_DECISION, "trust", "root"), manifest)

    assert subject.finalizers == ("certwright.io/deployed", "other.io/x")
    assert subject.modified == datetime(2026, 4, 1, tzinfo=UTC)
