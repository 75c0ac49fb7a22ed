"""One request to the API server, as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from certwright.cluster.resources import RESOURCES, Resource
from certwright.reconcile.objects import ObjectKey

FIELD_MANAGER = "certwright"

JSON = "application/json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Verb(StrEnum):
    """The verbs of RBAC that we use."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"


METHODS = {
    Verb.GET: "GET",
    Verb.LIST: "GET",
    Verb.WATCH: "GET",
    Verb.CREATE: "POST",
    Verb.UPDATE: "PUT",
    Verb.PATCH: "PATCH",
    Verb.DELETE: "DELETE",
}


class Patch(StrEnum):
    """The two ways we patch: the full intent, or the few fields named."""

    APPLY = "application/apply-patch+yaml"  # JSON is YAML
    MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for, of which resource, and how to speak of it.

    Attributes:
        target: path and query.
        name: of the object; empty when the request is about a collection.
        body: never printed: it may hold a Secret's data.
    """

    verb: Verb
    resource: Resource
    target: str
    namespace: str = ""
    name: str = ""
    body: bytes | None = field(default=None, repr=False)
    content_type: str = JSON
    accept: str = JSON

    @property
    def method(self) -> str:
        """Give the HTTP method."""
        return METHODS[self.verb]

    @property
    def is_confidential(self) -> bool:
        """Say whether an error about it may quote a Secret's values."""
        return self.resource.kind == "Secret"

    @property
    def is_write(self) -> bool:
        """Say whether it may change something."""
        return self.method != "GET"

    def __str__(self) -> str:
        """Read as people write it: `patch Secret shop/shop-tls`."""
        place = "/".join(part for part in (self.namespace, self.name) if part)
        return f"{self.verb} {self.resource.kind} {place}" if place else f"{self.verb} {self.resource.plural}"


class RequestMetrics(Protocol):
    """What is counted about requests."""

    def requests(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Count one request that was answered with `code` after `seconds`; 0 when no answer came."""
        ...


def get(key: ObjectKey, *, accept: str = JSON, resource: Resource | None = None) -> Request:
    """Ask for one object; `resource` where it is not served in the version that is preferred."""
    resource = resource or RESOURCES[key.kind]
    return Request(Verb.GET, resource, resource.single(key.namespace, key.name), key.namespace, key.name, accept=accept)


def patch(
    key: ObjectKey,
    intent: Mapping[str, Any] | bytes,
    *,
    how: Patch,
    subresource: str = "",
    accept: str = JSON,
    resource: Resource | None = None,
) -> Request:
    """Ask for a change of one object; an apply also takes fields over from other managers."""
    resource = resource or RESOURCES[key.kind]
    target = f"{resource.single(key.namespace, key.name, subresource=subresource)}?fieldManager={FIELD_MANAGER}"
    if how is Patch.APPLY:
        target += "&force=true"
    return Request(
        Verb.PATCH,
        resource,
        target,
        key.namespace,
        key.name,
        body=intent if isinstance(intent, bytes) else encode(intent),
        content_type=how.value,
        accept=accept,
    )


def delete(key: ObjectKey, options: Mapping[str, Any], *, resource: Resource | None = None) -> Request:
    """Ask for the end of one object; the answer need not repeat what it held."""
    resource = resource or RESOURCES[key.kind]
    return Request(
        Verb.DELETE,
        resource,
        resource.single(key.namespace, key.name),
        key.namespace,
        key.name,
        body=encode({"apiVersion": "v1", "kind": "DeleteOptions", **options}),
        accept=METADATA_ONLY,
    )


def list_of(resource: Resource, *, namespace: str = "", query: str = "") -> Request:
    """Ask for the metadata of a page of objects."""
    target = resource.collection(namespace)
    return Request(Verb.LIST, resource, f"{target}?{query}" if query else target, namespace, accept=METADATA_LIST)


def watch_of(resource: Resource, *, namespace: str = "", query: str = "") -> Request:
    """Ask for the changes of metadata from now on."""
    target = resource.collection(namespace)
    return Request(Verb.WATCH, resource, f"{target}?{query}", namespace, accept=METADATA_ONLY)


def encode(manifest: Mapping[str, Any]) -> bytes:
    """Write JSON as compactly as it goes."""
    return json.dumps(manifest, separators=(",", ":")).encode()
