"""The kinds of value that fields hold, with the bound each needs.

Every string, list and map has a maximum: the API server estimates the cost of a CEL rule from them and refuses the
whole CustomResourceDefinition when a rule is too dear, and a status must stay below 64 KiB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PEM_LIMIT = 128 * 1024
"""The longest inline PEM, in characters; larger material belongs into a Secret or ConfigMap, which hold up to 1 MiB."""

CHAIN_LIMIT = 16
"""Most certificates of a chain that a status lists."""

DNS_NAMES_LIMIT = 100
"""Most names that a spec demands or a status lists."""

FINDINGS_LIMIT = 32
"""Most findings that a status lists."""

TARGETS_LIMIT = 16
"""Most targets of one object, formats of one target and workloads of one target."""

INPUTS_LIMIT = 64
"""Most references that one object can have: certificate, chain, key, their passwords, and one a format."""

TEXT_LIMIT = 512
"""The longest attribute of a name in a status, in characters."""

DN_LIMIT = 2048
"""The longest distinguished name in a status, in characters."""

DETAIL_LIMIT = 1024
"""The longest `detailedError`, in characters."""

_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
"""The name of an object: a DNS subdomain (RFC 1123)."""

DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$")]
"""A key in the data of a Secret or ConfigMap, by the API server's own rule."""

Pem = Annotated[str, Field(min_length=1, max_length=PEM_LIMIT)]
"""Inline PEM. Public material only: each field of this kind needs the rule `refuses_private_keys` on its parent."""

STATUS_PEM_LIMIT = 8 * 1024
"""The longest PEM in a status, in characters."""

PublicPem = Annotated[str, Field(max_length=STATUS_PEM_LIMIT)]
"""PEM in a status: one certificate or request that certwright made."""

Text = Annotated[str, Field(max_length=TEXT_LIMIT)]
"""An attribute of a name, or another short text out of a certificate, made printable."""

DistinguishedName = Annotated[str, Field(max_length=DN_LIMIT)]
"""A distinguished name as RFC 4514 writes it."""

Fingerprint = Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{64}$")]
"""A SHA-256 digest: `sha256:` and 64 hexadecimal digits."""

Timestamp = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
"""An instant, RFC 3339 in UTC with whole seconds."""

SerialNumber = Annotated[str, Field(max_length=128)]
"""A serial number in hexadecimal digits."""

Word = Annotated[str, Field(max_length=64)]
"""One word of a fixed vocabulary that may grow: a reason, a kind, a name of an algorithm."""

Uid = Annotated[str, Field(max_length=128)]
"""The UID of an object, or its resourceVersion."""

Generation = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
"""A `metadata.generation`."""

Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int32"})]
"""How many there are, also where a list beside it is cut."""

Parts = Annotated[int, Field(ge=0, le=1024, json_schema_extra={"format": "int32"})]
"""How many ConfigMaps hold something of ours. Each is named one by one: a number out of the air would fill memory."""


def atomic_list(limit: int) -> FieldInfo:
    """Describe a list of at most `limit` items that is written as a whole."""
    return _list(limit, {"x-kubernetes-list-type": "atomic"})


def set_list(limit: int) -> FieldInfo:
    """Describe a list of at most `limit` scalars without duplicates, which several managers may own parts of."""
    return _list(limit, {"x-kubernetes-list-type": "set"})


def map_list(limit: int, *keys: str) -> FieldInfo:
    """Describe a list of at most `limit` items, each known by the values of `keys`, which are unique together."""
    return _list(limit, {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)})


def _list(limit: int, extra: dict[str, Any]) -> FieldInfo:
    info: FieldInfo = Field(max_length=limit, json_schema_extra=extra)
    return info
