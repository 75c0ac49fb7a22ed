"""From documents to the values that the operator works with: as if the API server had stored them just now."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certwright.cli.offline.manifests import Document
from certwright.findings import Finding, Reason, finding
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Subject, Version

CORE = "v1"
HOLDERS = frozenset({Kind.SECRET.value, Kind.CONFIG_MAP.value})


@dataclass(frozen=True, slots=True)
class Holder:
    """A Secret or ConfigMap, and what of it cannot be read."""

    document: Document
    observed: Observed
    defects: tuple[Finding, ...] = ()


def is_holder(document: Document) -> bool:
    """Say whether a document is a Secret or ConfigMap."""
    return document.api_version == CORE and document.kind in HOLDERS


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
        version=Version(f"file:{key}", "1"),
        labels=_texts(metadata, "labels"),
        annotations=_texts(metadata, "annotations"),
        changed=at,
        type=str(document.body.get("type") or "") if key.kind is Kind.SECRET else "",
        immutable=document.body.get("immutable") is True,
        data=data,
    )
    return Holder(document, observed, tuple(defects))


def read_subject(document: Document, at: datetime) -> Subject:
    """Read an ImportedCertificate as if it had just been created: a status in a file is of no account."""
    key = ObjectKey(Kind.IMPORTED_CERTIFICATE, document.namespace, document.name)
    metadata = document.body.get("metadata")
    return Subject(
        key=key,
        version=Version(f"file:{key}", "1"),
        generation=1,
        created=at,
        spec=_mapping(document.body, "spec"),
        labels=_texts(metadata, "labels"),
        annotations=_texts(metadata, "annotations"),
    )


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
