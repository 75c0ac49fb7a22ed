import pytest

from certwright.cluster.resources import RESOURCES, can_exist
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (Kind.SECRET, "/api/v1/namespaces/shop/secrets/tls"),
        (Kind.CONFIG_MAP, "/api/v1/namespaces/shop/configmaps/tls"),
        (Kind.NAMESPACE, "/api/v1/namespaces/tls"),
        (Kind.DEPLOYMENT, "/apis/apps/v1/namespaces/shop/deployments/tls"),
        (Kind.IMPORTED_CERTIFICATE, "/apis/certwright.io/v1alpha1/namespaces/shop/importedcertificates/tls"),
    ],
)
def test_single_gives_the_path_when_names_are_good(kind: Kind, path: str) -> None:
    assert RESOURCES[kind].single("shop", "tls") == path


def test_single_names_the_subresource_when_there_is_one() -> None:
    path = RESOURCES[Kind.IMPORTED_CERTIFICATE].single("shop", "tls", subresource="status")

    assert path.endswith("/importedcertificates/tls/status")


def test_resources_know_every_kind() -> None:
    assert set(RESOURCES) == set(Kind)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a%2fb", "x" * 254])
def test_single_refuses_when_a_name_addresses_something_else(name: str) -> None:
    with pytest.raises(ClusterError) as caught:
        RESOURCES[Kind.SECRET].single("shop", name)
    assert caught.value.cause is FailureCause.INVALID

    with pytest.raises(ClusterError):
        RESOURCES[Kind.SECRET].single(name, "tls")

    assert not can_exist(ObjectKey(Kind.SECRET, "shop", name))
    assert not can_exist(ObjectKey(Kind.SECRET, name, "tls"))


def test_single_escapes_when_a_name_holds_other_characters() -> None:
    assert RESOURCES[Kind.SECRET].single("shop", "a?b#c d").endswith("/secrets/a%3Fb%23c%20d")


def test_can_exist_needs_no_namespace_when_the_kind_is_cluster_scoped() -> None:
    assert can_exist(ObjectKey(Kind.NAMESPACE, "", "shop"))
    assert not can_exist(ObjectKey(Kind.SECRET, "", "shop"))
