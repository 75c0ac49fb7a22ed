"""What there is: lists of metadata for the sweep, and which of our kinds the API server serves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from certwright.cluster.decode import version_of
from certwright.cluster.requests import Request, Verb, list_of
from certwright.cluster.resources import API_RESOURCES, DISCOVERY_PATH, RESOURCES, Resource
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Version

PAGE = 500
MOST_LISTS = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """The metadata of one object, as a sweep compares it."""

    key: ObjectKey
    version: Version
    generation: int
    labels: Mapping[str, str]
    deleting: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """All objects of a kind at one moment.

    Attributes:
        version: the resourceVersion of the list; one below any seen before says that etcd was restored.
    """

    version: str
    objects: tuple[Listed, ...]


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


async def take_survey(requests: Retrying, kind: Kind, *, namespace: str = "", selector: str = "") -> Survey:
    """List the metadata of all objects of a kind, everywhere or in one namespace.

    Raises:
        ClusterError: the list could not be read.
    """
    for _ in range(MOST_LISTS - 1):
        try:
            return await _take_survey(requests, kind, namespace, selector)
        except ClusterError as error:
            if error.cause is not FailureCause.GONE:
                raise
    return await _take_survey(requests, kind, namespace, selector)


async def _take_survey(requests: Retrying, kind: Kind, namespace: str, selector: str) -> Survey:
    version, objects = "", []
    async with aclosing(read_pages(requests, RESOURCES[kind], namespace=namespace, selector=selector)) as pages:
        async for page in pages:
            version = version or page["metadata"]["resourceVersion"]
            objects += [_listed(kind, item["metadata"]) for item in page.get("items") or ()]
    return Survey(version, tuple(objects))


async def served_kinds(requests: Retrying) -> frozenset[str]:
    """Ask which of our kinds the API server serves; none at all when our API group is not there.

    Raises:
        ClusterError: the API server did not answer.
    """
    try:
        answer = await requests.send(Request(Verb.GET, API_RESOURCES, DISCOVERY_PATH))
    except ClusterError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return frozenset()
        raise
    resources = answer.manifest().get("resources") or ()
    return frozenset(resource["kind"] for resource in resources if "/" not in resource["name"])


def _listed(kind: Kind, metadata: Mapping[str, Any]) -> Listed:
    return Listed(
        ObjectKey(kind, metadata.get("namespace", ""), metadata["name"]),
        version_of(metadata),
        metadata.get("generation", 0),
        metadata.get("labels") or {},
        "deletionTimestamp" in metadata,
    )
