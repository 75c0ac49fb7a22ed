from collections.abc import AsyncGenerator
from typing import Any

import pytest

from certwright.cluster.resources import RESOURCES
from certwright.cluster.retries import Retrying
from certwright.cluster.survey import read_pages, served_kinds
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind
from tests.support.scripted_server import ScriptedServer, answer, page, partial, refusal

SECRETS = RESOURCES[Kind.SECRET]


async def names(pages: AsyncGenerator[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] async for page in pages for item in page["items"]]


async def test_read_pages_reads_to_the_end_when_there_are_several(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10, partial("a", 4), more="x"), page(10, partial("b", 5)))

    assert await names(read_pages(requests, SECRETS, selector="a=b,c")) == ["a", "b"]
    assert server.received[0].path == "/api/v1/secrets"
    assert server.received[1].query == {"limit": "500", "labelSelector": "a=b,c", "continue": "x"}


async def test_read_pages_looks_into_one_namespace_when_named(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10))

    assert await names(read_pages(requests, SECRETS, namespace="shop")) == []
    assert server.received[0].path == "/api/v1/namespaces/shop/secrets"


async def test_read_pages_raises_gone_when_the_version_expired(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10, partial("a", 4), more="x"), refusal(410, "Expired"))

    with pytest.raises(ClusterError) as caught:
        await names(read_pages(requests, SECRETS))
    assert caught.value.cause is FailureCause.GONE


async def test_served_kinds_leaves_subresources_out(server: ScriptedServer, requests: Retrying) -> None:
    server.script(
        answer(
            {
                "resources": [
                    {"name": "importedcertificates", "kind": "ImportedCertificate"},
                    {"name": "importedcertificates/status", "kind": "ImportedCertificate"},
                ]
            }
        )
    )

    assert await served_kinds(requests) == {"ImportedCertificate"}
    assert server.received[0].path == "/apis/certwright.io/v1alpha1"


async def test_served_kinds_is_empty_when_our_group_is_not_there(server: ScriptedServer, requests: Retrying) -> None:
    server.script(refusal(404))

    assert await served_kinds(requests) == frozenset()


async def test_served_kinds_raises_when_it_is_not_answered(server: ScriptedServer, requests: Retrying) -> None:
    server.script(refusal(403, "Forbidden"))

    with pytest.raises(ClusterError):
        await served_kinds(requests)
