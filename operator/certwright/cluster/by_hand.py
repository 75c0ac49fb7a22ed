"""What a person does to single objects through the plugin: look at them whole, and set one field.

The operator never writes a wish; these writes are a person's, with the person's credentials, under a field manager of
their own, and a refusal is told in the API server's own words: they say which right is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from certwright.cluster.answers import Answer, Refusal, error_of
from certwright.cluster.connection import Connection
from certwright.cluster.requests import Patch, Request, Verb, encode, list_of
from certwright.cluster.resources import RESOURCES
from certwright.findings import ClusterError, printable
from certwright.reconcile.objects import Kind, ObjectKey

LONGEST_REFUSAL = 2000
"""Enough for the sentence of an admission policy, with the names of objects in it."""

MOST_TRIES = 4
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0
"""A person waits: a busy API server is asked again a few times, and not for long."""

_DENIED = "denied request: "
"""What stands between an admission policy's name and its own words."""


class ByHand:
    """Single objects, read and written as whom the connection speaks for.

    Args:
        connection: the way to the API server.
        sleep: how to wait a number of seconds.
    """

    def __init__(self, connection: Connection, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._connection = connection
        self._sleep = sleep

    async def read(self, key: ObjectKey) -> dict[str, Any]:
        """Read an object.

        Raises:
            ClusterError: it is not there (`NOT_FOUND`), or cannot be read.
        """
        resource = RESOURCES[key.kind]
        target = resource.single(key.namespace, key.name)
        answer = await self._send(Request(Verb.GET, resource, target, key.namespace, key.name))
        return answer.manifest()

    async def read_all(self, kind: Kind, namespace: str = "") -> list[dict[str, Any]]:
        """Read all objects of a kind, of one namespace or of all that there are.

        Raises:
            ClusterError: they cannot be read.
        """
        resource = RESOURCES[kind]
        answer = await self._send(Request(Verb.LIST, resource, resource.collection(namespace), namespace))
        found: list[dict[str, Any]] = answer.manifest().get("items") or []
        return found

    async def list_metadata(self, kind: Kind, namespace: str, fields: str) -> list[dict[str, Any]]:
        """List the metadata of the objects of a kind that a field selector chooses, and nothing else of them.

        Raises:
            ClusterError: they cannot be listed.
        """
        resource = RESOURCES[kind]
        request = list_of(resource, namespace=namespace, query=urlencode({"fieldSelector": fields}))
        found: list[dict[str, Any]] = (await self._send(request)).manifest().get("items") or []
        return found

    async def set_field(
        self, found: Mapping[str, Any], spec: Mapping[str, Any], *, manager: str, dry_run: bool
    ) -> dict[str, Any]:
        """Apply a part of the wish to an object as it was found, and give it as it is now.

        Server-side, so that a manager which does not mention the field later leaves it as it is; fenced by UID and
        version, so that nothing is changed but what the person has seen.

        Raises:
            ClusterError: somebody wrote the object meanwhile (`CONFLICT`), or it may not be changed.
        """
        metadata = found["metadata"]
        key = ObjectKey(Kind(found["kind"]), metadata.get("namespace", ""), metadata["name"])
        fence = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion") if name in metadata}
        body = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": fence, "spec": spec}
        query = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        resource = RESOURCES[key.kind]
        target = f"{resource.single(key.namespace, key.name)}?{urlencode(query)}"
        request = Request(
            Verb.PATCH,
            resource,
            target,
            key.namespace,
            key.name,
            body=encode(body),
            content_type=Patch.APPLY.value,
        )
        return (await self._send(request)).manifest()

    async def _send(self, request: Request) -> Answer:
        for tried in range(1, MOST_TRIES + 1):
            answer = await self._connection.exchange(request)
            if answer.ok:
                return answer
            refusal = Refusal.of(answer)
            # Every write is fenced, so sending one again changes nothing twice.
            if tried == MOST_TRIES or not refusal.may_pass():
                break
            await self._sleep(min(refusal.retry_after or PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
        error = error_of(refusal, request)
        words = refusal.prose.rpartition(_DENIED)[2] or error.message
        raise ClusterError(error.cause, printable(words, limit=LONGEST_REFUSAL), status=error.status)
