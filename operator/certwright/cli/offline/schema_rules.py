"""What the API server would refuse before anything is judged: the rules of the definition that files escape.

The models read what fits and leave the rest out, for objects of other versions; a person who checks files wants to
know before `kubectl apply` says it. No message repeats a value: it may be somebody's key in the wrong field.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.model import WireModel
from certwright.api.rules import PRIVATE_KEY_ARMOUR
from certwright.findings import Finding, Reason, finding

_PUBLIC_FIELDS = ("certificate", "chain")
_SETS = ("dnsNames", "ipAddresses", "usages")
_RESERVED = frozenset({"tls.crt", "tls.key", "ca.crt"})


def find_refusals(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what the API server would refuse in an ImportedCertificate, apart from single values of the wrong form."""
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        return  # the judge says that there is no source
    yield from _find_keys(spec)
    yield from _find_unknown(ImportedCertificateSpec, spec, "spec")
    yield from _find_doubles(spec)
    for address in _items(spec, "ipAddresses"):
        if not _is_address(address):
            message = "`spec.ipAddresses` must hold only IPv4 and IPv6 addresses, without prefix length or zone."
            yield finding(Reason.INVALID_REQUEST, message)
    for target in _items(spec, "targets"):
        for wanted in _items(target, "formats"):
            if isinstance(wanted, Mapping) and wanted.get("key") in _RESERVED:
                message = "`spec.targets[].formats[].key` must be none of `tls.crt`, `tls.key` and `ca.crt`."
                yield finding(Reason.INVALID_REQUEST, message)


def _find_keys(spec: Mapping[str, Any]) -> Iterator[Finding]:
    for field in _PUBLIC_FIELDS:
        text = spec.get(field)
        if isinstance(text, str) and re.search(PRIVATE_KEY_ARMOUR, text):
            message = (
                f"`spec.{field}` holds a private key, and everybody who may read the file or the object can read it; "
                "the API server refuses it. Take it out, put it into a Secret that `spec.privateKeyRef` names, and "
                "treat the key as disclosed: have the certificate issued for a new one."
            )
            yield finding(Reason.KEY_IN_CERTIFICATE, message)


def _find_unknown(model: type[WireModel], data: Mapping[str, Any], path: str) -> Iterator[Finding]:
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    for name, value in data.items():
        if name not in fields:
            message = f"`{path}.{name}` is not a field of this version: it would be refused, or dropped unseen."
            yield finding(Reason.INVALID_REQUEST, message)
            continue
        inner = _model_in(fields[name])
        for item in value if isinstance(value, list) else [value]:
            if inner is not None and isinstance(item, Mapping):
                yield from _find_unknown(inner, item, f"{path}.{name}" + ("[]" if isinstance(value, list) else ""))


def _model_in(annotation: Any) -> type[WireModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, WireModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each)) is not None), None)


def _find_doubles(spec: Mapping[str, Any]) -> Iterator[Finding]:
    for field in _SETS:
        values = [each for each in _items(spec, field) if isinstance(each, str)]
        if len(values) != len(set(values)):
            yield finding(Reason.INVALID_REQUEST, f"`spec.{field}` must name each value once.")
    names = [each.get("secretName") for each in _items(spec, "targets") if isinstance(each, Mapping)]
    if len(names) != len(set(map(str, names))):
        yield finding(Reason.INVALID_REQUEST, "`spec.targets` must name each `secretName` once.")


def _items(holder: Any, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return value if isinstance(value, list) else []


def _is_address(text: object) -> bool:
    try:
        return isinstance(text, str) and "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False
