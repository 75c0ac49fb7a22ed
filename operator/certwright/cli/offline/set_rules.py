"""What the API server would refuse in a ClusterCertificateSet before anything is judged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from certwright.api.rules import PRIVATE_KEY_ARMOUR
from certwright.findings import Finding, Reason, finding

_PUBLIC_FIELDS = ("certificate", "chain")
_NAMED_LISTS = ("slots", "certificates")
_VALUE_LISTS = ("absent", "namespaces", "exclude")
_PAIRS = (("certificate", "certificateRef"), ("chain", "chainRef"))


def find_refusals_of_sets(spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what contradicts itself in the wish of a set, and keys where certificates belong; no value is repeated."""
    for field in _NAMED_LISTS:
        names = [each.get("name") for each in _objects(spec, field)]
        if len(names) != len(set(map(str, names))):
            yield _refuse(f"`spec.{field}` must have each `name` once.")
    for field in _VALUE_LISTS:
        yield from _find_doubles(spec, field, f"spec.{field}")
    for slot in _objects(spec, "slots"):
        for field in ("usages", "dnsNames"):
            yield from _find_doubles(slot, field, f"spec.slots[{slot.get('name')}].{field}")
    if ("namespaces" in spec) == ("namespaceSelector" in spec):
        yield _refuse("exactly one of `spec.namespaces` and `spec.namespaceSelector` must be set.")
    for each in _objects(spec, "certificates"):
        yield from _find_refusals_of_certificate(each, f"spec.certificates[{each.get('name')}]")


def _find_refusals_of_certificate(certificate: Mapping[str, Any], field: str) -> Iterator[Finding]:
    for first, second in _PAIRS:
        if first in certificate and second in certificate:
            yield _refuse(f"`{field}` must not have both `{first}` and `{second}`: remove one of the two.")
    for name in _PUBLIC_FIELDS:
        text = certificate.get(name)
        if isinstance(text, str) and re.search(PRIVATE_KEY_ARMOUR, text):
            message = (
                f"`{field}.{name}` holds a private key, and everybody who may read the file or the object can read it; "
                "the API server refuses it. Take it out, put it into a Secret that `privateKeyRef` names, and treat "
                "the key as disclosed: have the certificate issued for a new one."
            )
            yield finding(Reason.KEY_IN_CERTIFICATE, message)


def _find_doubles(holder: Mapping[str, Any], name: str, field: str) -> Iterator[Finding]:
    listed = holder.get(name)
    values = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    if len(values) != len(set(values)):
        yield _refuse(f"`{field}` must name each value once.")


def _objects(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = holder.get(name)
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def _refuse(message: str) -> Finding:
    return finding(Reason.INVALID_REQUEST, message)
