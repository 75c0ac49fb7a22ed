"""What the API server would refuse before anything is judged: the rules of the definition that files escape.

The models read what fits and leave the rest out, for objects of other versions; a person who checks files wants to
know before `kubectl apply` says it. No message repeats a value: it may be somebody's key in the wrong field.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.model import WireModel
from certwright.api.privatekey import PrivateKeySpec
from certwright.api.revocationsource import RevocationSourceSpec
from certwright.api.rules import PRIVATE_KEY_ARMOUR
from certwright.api.trustdecision import TrustDecisionSpec
from certwright.api.truststore import ClusterTrustStoreSpec, TrustStoreSpec
from certwright.cli.offline.set_rules import find_refusals_of_sets
from certwright.findings import Finding, Reason, finding
from certwright.reconcile.objects import Kind

_SETS = ("dnsNames", "ipAddresses", "usages")
_RESERVED = frozenset({"tls.crt", "tls.key", "ca.crt"})
_SPECS: Mapping[str, type[WireModel]] = {
    Kind.IMPORTED_CERTIFICATE: ImportedCertificateSpec,
    Kind.PRIVATE_KEY: PrivateKeySpec,
    Kind.REVOCATION_SOURCE: RevocationSourceSpec,
    Kind.TRUST_DECISION: TrustDecisionSpec,
    Kind.TRUST_STORE: TrustStoreSpec,
    Kind.CLUSTER_TRUST_STORE: ClusterTrustStoreSpec,
    Kind.CLUSTER_CERTIFICATE_SET: ClusterCertificateSetSpec,
}
_PUBLIC_FIELDS: Mapping[str, tuple[str, ...]] = {
    Kind.IMPORTED_CERTIFICATE: ("certificate", "chain"),
    Kind.REVOCATION_SOURCE: ("crl",),
    Kind.TRUST_DECISION: ("certificate", "cert"),
}
_KEY_REMEDIES: Mapping[str, str] = {
    Kind.IMPORTED_CERTIFICATE: "Take it out, put it into a Secret that `spec.privateKeyRef` names, and treat the key "
    "as disclosed: have the certificate issued for a new one.",
}
_KEY_REMEDY = "Take it out, for none is needed here, and treat the key as disclosed."


def find_refusals(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what the API server would refuse in an object of ours, apart from single values of the wrong form."""
    kind, spec = str(body.get("kind")), body.get("spec")
    if not isinstance(spec, Mapping):
        return  # the judge says that there is no source
    yield from _find_keys(kind, spec)
    yield from _find_unknown(_SPECS[kind], spec, "spec")
    if kind == Kind.IMPORTED_CERTIFICATE:
        yield from _find_refusals_of_imports(spec)
    elif kind in {Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE}:
        yield from _find_refusals_of_stores(kind, spec)
    elif kind == Kind.CLUSTER_CERTIFICATE_SET:
        yield from find_refusals_of_sets(spec)


def _find_refusals_of_imports(spec: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _find_doubles(spec)
    for address in _items(spec, "ipAddresses"):
        if not _is_address(address):
            message = "`spec.ipAddresses` must hold only IPv4 and IPv6 addresses, without prefix length or zone."
            yield finding(Reason.INVALID_REQUEST, message)
    named = spec.get("privateKeyRef")
    if isinstance(named, Mapping) and named.get("kind") == Kind.PRIVATE_KEY and {"key", "passwordRef"} & named.keys():
        message = "`spec.privateKeyRef` must hold neither `key` nor `passwordRef` when it names a `PrivateKey`."
        yield finding(Reason.INVALID_REQUEST, message)
    for target in _items(spec, "targets"):
        for wanted in _items(target, "formats"):
            if isinstance(wanted, Mapping) and wanted.get("key") in _RESERVED:
                message = "`spec.targets[].formats[].key` must be none of `tls.crt`, `tls.key` and `ca.crt`."
                yield finding(Reason.INVALID_REQUEST, message)


def _find_refusals_of_stores(kind: str, spec: Mapping[str, Any]) -> Iterator[Finding]:
    targets = [each for each in _items(spec, "targets") if isinstance(each, Mapping)]
    names = [(each.get("kind", Kind.CONFIG_MAP), each.get("name")) for each in targets]
    if len(names) != len(set(names)):
        yield finding(Reason.INVALID_REQUEST, "`spec.targets` must name each object once.")
    if kind == Kind.CLUSTER_TRUST_STORE:
        yield from _find_refusals_of_cluster_stores(spec)


def _find_refusals_of_cluster_stores(spec: Mapping[str, Any]) -> Iterator[Finding]:
    if _items(spec, "targets") and "namespaceSelector" not in spec:
        message = "`spec.namespaceSelector` must be set with `spec.targets`: it says which namespaces get them."
        yield finding(Reason.INVALID_REQUEST, message)
    if "selector" in spec and "decisionNamespace" not in spec:
        message = "`spec.decisionNamespace` must be set with `spec.selector`: it says where the TrustDecisions are."
        yield finding(Reason.INVALID_REQUEST, message)
    bundle = spec.get("clusterTrustBundle")
    if isinstance(bundle, Mapping) and not _is_bundle_name(str(bundle.get("name")), bundle.get("signerName")):
        message = (
            "`spec.clusterTrustBundle.name` must begin with the name of the signer, `/` replaced by `:`, and a `:`; "
            "without a signer it must hold no `:`."
        )
        yield finding(Reason.INVALID_REQUEST, message)


def _is_bundle_name(name: str, signer: object) -> bool:
    return name.startswith(f"{signer}:".replace("/", ":")) if isinstance(signer, str) else ":" not in name


def _find_keys(kind: str, spec: Mapping[str, Any]) -> Iterator[Finding]:
    for field in _PUBLIC_FIELDS.get(kind, ()):
        text = spec.get(field)
        if isinstance(text, str) and (_holds_key(text) or (field == "cert" and _holds_key("".join(text.split())))):
            message = (
                f"`spec.{field}` holds a private key, and everybody who may read the file or the object can read it; "
                f"the API server refuses it. {_KEY_REMEDIES.get(kind, _KEY_REMEDY)}"
            )
            yield finding(Reason.KEY_IN_CERTIFICATE, message)


def _holds_key(text: str) -> bool:
    return re.search(PRIVATE_KEY_ARMOUR, text) is not None


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
