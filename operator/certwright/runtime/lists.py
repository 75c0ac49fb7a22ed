"""All there is of our own kinds, as the API server knows it: versions from lists of metadata, and single objects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from itertools import product
from typing import NamedTuple, Protocol

from certwright.cluster.resources import RESOURCES
from certwright.cluster.retries import Retrying
from certwright.cluster.survey import read_pages
from certwright.reconcile.objects import Kind, ObjectKey, Subject


class Reader(Protocol):
    """Who reads one of our objects by name; in practice `certwright.cluster.client.ApiServer`."""

    async def read_subject(self, key: ObjectKey) -> Subject | None:
        """Read one of our own objects; `None` when it does not exist."""
        ...


class Facts(NamedTuple):
    """What a sweep compares of an object."""

    uid: str
    version: int


class Lists:
    """Read what exists.

    Args:
        requests: the way to the API server.
        reader: reads single objects.
        kinds: which kinds.
        namespaces: where; empty means everywhere.

    Attributes:
        scopes: pairs of kind and namespace; each needs a list of its own.
    """

    def __init__(self, requests: Retrying, reader: Reader, kinds: Sequence[Kind], namespaces: Sequence[str]) -> None:
        self._requests = requests
        self._reader = reader
        self.scopes = sorted(
            {
                (kind, namespace if RESOURCES[kind].namespaced else "")
                for kind, namespace in product(kinds, namespaces or ("",))
            }
        )

    async def versions(self, kind: Kind, namespace: str) -> tuple[int, dict[ObjectKey, Facts]]:
        """List a kind from etcd itself; give the version of the list and what is in it.

        Raises:
            ClusterError: the list cannot be read to its end.
        """
        version, found = 0, {}
        async with aclosing(read_pages(self._requests, RESOURCES[kind], namespace=namespace)) as pages:
            async for page in pages:
                version = int(page["metadata"]["resourceVersion"])  # the same for all pages
                for item in page.get("items") or ():
                    metadata = item["metadata"]
                    key = ObjectKey(kind, metadata.get("namespace") or "", metadata["name"])
                    found[key] = Facts(metadata["uid"], int(metadata["resourceVersion"]))
        return version, found

    async def read(self, key: ObjectKey) -> Subject | None:
        """Read one object; `None` when it does not exist.

        Raises:
            ClusterError: it cannot be read.
        """
        return await self._reader.read_subject(key)
