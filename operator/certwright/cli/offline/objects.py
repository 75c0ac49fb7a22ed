"""From documents to the values that the operator works with: as if the API server had stored them just now."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certwright.cli.offline.manifests import Document
from certwright.cli.offline.report import Identity
from certwright.cluster.files import file_uid
from certwright.cluster.resources import RESOURCES
from certwright.findings import Finding, Reason, finding
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Observed, Subject, Version

CORE = "v1"
HOLDERS = frozenset({Kind.SECRET.value, Kind.CONFIG_MAP.value})
KINDS = frozenset(each.value for each in Kind)


@dataclass(frozen=True, slots=True)
class Holder:
    """A Secret or ConfigMap, and what of it cannot be read."""

    document: Document
    observed: Observed
    defects: tuple[Finding, ...] = ()


def is_holder(document: Document) -> bool:
    """Say whether a document is a Secret or ConfigMap."""
    return document.api_version == CORE and document.kind in HOLDERS


def is_namespace(document: Document) -> bool:
    """Say whether a document is a Namespace."""
    return document.api_version == CORE and document.kind == Kind.NAMESPACE.value


def read_holder(document: Document, at: datetime) -> Holder:
    """Read a Secret or ConfigMap; a value that the API server would refuse is left out and said."""
    key = ObjectKey(Kind(document.kind), document.namespace, document.name)
    metadata, defects = document.body.get("metadata"), []
    data: dict[str, bytes] = {}
    binary = "data" if key.kind is Kind.SECRET else "binaryData"
    text = "stringData" if key.kind is Kind.SECRET else "data"
    for field in (binary, text):  # text wins over what is encoded
        for name, value in _mapping(document.body, field).items():
            decoded = _decode(value) if field == binary else _encode(value)
            if decoded is None:
                must = "base64" if field == binary else "text"
                defects.append(finding(Reason.INVALID_REQUEST, f"`{field}.{name}` must be {must}."))
            else:
                data[str(name)] = decoded
    observed = Observed(
        key=key,
        version=Version(file_uid(key), "1"),
        labels=_texts(metadata, "labels"),
        annotations=_texts(metadata, "annotations"),
        changed=at,
        type=str(document.body.get("type") or "") if key.kind is Kind.SECRET else "",
        immutable=document.body.get("immutable") is True,
        data=data,
    )
    return Holder(document, observed, tuple(defects))


def key_of(document: Document) -> ObjectKey:
    """Give the key of an object of a kind that is known; the namespace of cluster-scoped kinds is empty."""
    kind = Kind(document.kind)
    return ObjectKey(kind, document.namespace if RESOURCES[kind].namespaced else "", document.name)


def identify(document: Document) -> Identity:
    """Give what reports call an object."""
    known = document.kind in KINDS
    return Identity(document.kind, key_of(document).namespace if known else document.namespace, document.name)


def read_subject(document: Document, at: datetime) -> Subject:
    """Read one of our own objects as if it had just been created: a status in a file is of no account."""
    key = key_of(document)
    metadata = document.body.get("metadata")
    return Subject(
        key=key,
        version=Version(file_uid(key), "1"),
        generation=1,
        created=at,
        spec=_mapping(document.body, "spec"),
        labels=_texts(metadata, "labels"),
        annotations=_texts(metadata, "annotations"),
    )


def read_status(document: Document) -> Mapping[str, Any]:
    """Read the status of an object that was exported from a cluster; empty when there is none."""
    return _mapping(document.body, "status")


def read_namespace(document: Document) -> NamespaceFacts:
    """Read a Namespace."""
    labels = _texts(document.body.get("metadata"), "labels")
    return NamespaceFacts(document.name, file_uid(key_of(document)), labels)


def _mapping(holder: Any, name: str) -> Mapping[str, Any]:
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _texts(holder: Any, name: str) -> dict[str, str]:
    return {str(key): text for key, text in _mapping(holder, name).items() if isinstance(text, str)}


def _decode(value: object) -> bytes | None:
    if value is None:
        return b""
    try:
        return base64.b64decode("".join(value.split()), validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None


def _encode(value: object) -> bytes | None:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else None
