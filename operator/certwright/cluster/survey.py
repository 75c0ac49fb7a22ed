"""What there is: lists of metadata, and which kinds the API server serves."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from certwright.api.kind import API_VERSION
from certwright.cluster.requests import Request, Verb, list_of
from certwright.cluster.resources import API_RESOURCES, Resource
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError

PAGE = 500


async def read_pages(
    requests: Retrying, resource: Resource, *, namespace: str = "", selector: str = ""
) -> AsyncGenerator[dict[str, Any]]:
    """Read a list of metadata as it is now, page by page.

    No resourceVersion is asked for: the answer is what etcd holds, not what a cache remembers.

    Raises:
        ClusterError: the API server did not answer; `GONE` when reading took so long that its version expired.
    """
    query = f"limit={PAGE}" + (f"&labelSelector={quote(selector, safe='')}" if selector else "")
    more = ""
    while True:
        answer = await requests.send(list_of(resource, namespace=namespace, query=query + more))
        page = answer.manifest()
        yield page
        token = page["metadata"].get("continue")
        if not token:
            return
        more = f"&continue={quote(token, safe='')}"


async def served_kinds(requests: Retrying, api_version: str = API_VERSION) -> frozenset[str]:
    """Ask which kinds of a group the API server serves, by default of ours; none at all when the group is not there.

    Raises:
        ClusterError: the API server did not answer.
    """
    try:
        answer = await requests.send(Request(Verb.GET, API_RESOURCES, f"/apis/{api_version}"))
    except ClusterError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return frozenset()
        raise
    resources = answer.manifest().get("resources") or ()
    return frozenset(resource["kind"] for resource in resources if "/" not in resource["name"])
