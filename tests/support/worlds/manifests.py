"""Manifests as people write them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

Manifest = dict[str, Any]
Data = Mapping[str, str | bytes]


def secret(name: str, data: Data, **fields: Any) -> Manifest:
    """Write a Secret; `annotations`, `labels` and `finalizers` go to its metadata, other fields stand beside it."""
    return _object("v1", "Secret", name, {"type": "Opaque", "data": encode(data), **fields})


def config_map(name: str, data: Mapping[str, str] | None = None, binary: Mapping[str, bytes] | None = None) -> Manifest:
    """Write a ConfigMap."""
    return _object("v1", "ConfigMap", name, {"data": dict(data or {}), "binaryData": encode(binary or {})})


def imported(name: str = "shop", **spec: Any) -> Manifest:
    """Write an ImportedCertificate."""
    return _object("certwright.io/v1alpha1", "ImportedCertificate", name, {"spec": spec})


def private_key(name: str = "shop-key", **spec: Any) -> Manifest:
    """Write a PrivateKey; without a Secret it is made in one of its own name."""
    where = {} if "existingSecretName" in spec else {"secretName": name}
    return _object("certwright.io/v1alpha1", "PrivateKey", name, {"spec": {**where, **spec}})


def source(name: str = "corp", **spec: Any) -> Manifest:
    """Write a RevocationSource."""
    return _object("certwright.io/v1alpha1", "RevocationSource", name, {"spec": spec})


def decision(name: str = "root", **spec: Any) -> Manifest:
    """Write a TrustDecision; `labels`, `annotations` and `namespace` go to its metadata."""
    return _ours("TrustDecision", name, spec)


def trust_store(name: str = "corporate", **spec: Any) -> Manifest:
    """Write a TrustStore, as `decision` does."""
    return _ours("TrustStore", name, spec)


def cluster_trust_store(name: str, **spec: Any) -> Manifest:
    """Write a ClusterTrustStore, as `decision` does; see `World.own` for its name."""
    return _ours("ClusterTrustStore", name, spec)


def workload(kind: str, name: str, **spec: Any) -> Manifest:
    """Write a workload of one container that never runs, for there are no nodes."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": name}]}}
    more = {"serviceName": name} if kind == "StatefulSet" else {}
    body = {"selector": {"matchLabels": labels}, "template": template, **more, **spec}
    return _object("apps/v1", kind, name, {"spec": body})


def serving(name: str = "shop", *targets: Mapping[str, Any] | str, **spec: Any) -> Manifest:
    """Write an ImportedCertificate that stores the Secret `<name>-upload` in its targets, `<name>-tls` by default."""
    wanted = [{"secretName": each} if isinstance(each, str) else dict(each) for each in targets or (f"{name}-tls",)]
    source = {} if "certificate" in spec else {"certificateRef": {"name": f"{name}-upload"}}
    return imported(name, **{**source, "targets": wanted, **spec})


def encode(data: Data) -> dict[str, str]:
    """Encode values as the API has them."""
    return {
        name: b64encode(value.encode() if isinstance(value, str) else value).decode() for name, value in data.items()
    }


def _ours(kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
    marks = {each: spec[each] for each in ("labels", "annotations", "namespace") if each in spec}
    wish = {each: value for each, value in spec.items() if each not in marks}
    return _object("certwright.io/v1alpha1", kind, name, {"spec": wish, **marks})


def _object(api_version: str, kind: str, name: str, body: Mapping[str, Any]) -> Manifest:
    metadata: dict[str, Any] = {"name": name}
    rest = dict(body)
    if "namespace" in rest:
        metadata["namespace"] = rest.pop("namespace")
    for each in ("annotations", "labels"):
        if each in rest:
            metadata[each] = dict(rest.pop(each))
    if "finalizers" in rest:
        finalizers: Sequence[str] = rest.pop("finalizers")
        metadata["finalizers"] = list(finalizers)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
