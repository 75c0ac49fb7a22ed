"""Sets of certificates in manifests, as people write them."""

import json
from datetime import UTC, datetime
from typing import Any

import yaml

from certwright.pki.certificate import Certificate
from tests.support.pki import PKI, Entity
from tests.unit.cli.trust_files import Object, ours, run

ROOT = PKI().root()
ISSUING = ROOT.issue_ca("Corp Issuing CA 3", path_length=0)
PROXY = ISSUING.issue_leaf("proxy.example.com", usages=("serverAuth",))
API = ISSUING.issue_leaf("api.example.com")
SYNCER = ISSUING.issue_leaf("syncer.example.com")
OLD = ISSUING.issue_leaf("old.example.com", not_after=datetime(2026, 1, 1, tzinfo=UTC))
OWNER = "ClusterCertificateSet/gateway"
CONSENT = {"certwright.io/allow-read": OWNER}
KEY = "ClusterCertificateSet/gateway"


def namespace(name: str, **labels: str) -> Object:
    """Make a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


SPACES = [namespace("a", tier="edge"), namespace("b", tier="edge"), namespace("uploads")]


def upload(
    name: str, entity: Entity, *, key: Entity | None = None, consent: bool = True, at: str = "uploads"
) -> Object:
    """Make an upload that the set may read, or may not."""
    metadata = {"name": name, "namespace": at, "annotations": CONSENT if consent else {}}
    data = {"tls.crt": entity.chain_pem, "tls.key": (key or entity).key_pem}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "stringData": data}


UPLOADS = [upload("proxy", PROXY), upload("api", API)]


def slot(name: str, **spec: Any) -> dict[str, Any]:
    """Make a slot."""
    return {"name": name, "secretName": f"{name}-tls", **spec}


def given(name: str, source: str = "", **spec: Any) -> dict[str, Any]:
    """Fill a slot, by default from the upload of the same name."""
    return {"name": name, "certificateRef": {"namespace": "uploads", "name": source or name}, **spec}


def wish(**spec: Any) -> Object:
    """Make a set of three slots, one of them not required, of which two are filled; `None` takes a field away."""
    whole = {
        "slots": [slot("proxy"), slot("api"), slot("syncer", required=False)],
        "certificates": [given("proxy"), given("api")],
        "namespaces": ["a", "b"],
        **spec,
    }
    return ours(
        "ClusterCertificateSet", "gateway", "", **{name: each for name, each in whole.items() if each is not None}
    )


def text_of(*objects: Object) -> str:
    """Write objects as a manifest."""
    return "---\n".join(yaml.safe_dump(each, sort_keys=False) for each in objects)


def judge(*objects: Object) -> dict[str, Any]:
    """Judge objects and give the result of the set."""
    results = json.loads(run("check", "--output", "json", "-", stdin=text_of(*objects)).output)["results"]
    (found,) = (each for each in results if each["kind"] == "ClusterCertificateSet")
    return dict(found)


def errors(judged: dict[str, Any]) -> list[str]:
    """Give the reasons of the errors, with details."""
    found = (each for each in judged["findings"] if each["severity"] == "Error")
    return [f"{each['reason']}/{each['detail']}" if each["detail"] else each["reason"] for each in found]


def codes(judged: dict[str, Any]) -> dict[str, Any]:
    """Give the response code of each certificate."""
    return {each["name"]: each["responseCode"] for each in judged["set"]["certificates"]}


def fingerprint(entity: Entity) -> str:
    """Give the fingerprint of a certificate."""
    certificate: Certificate = entity.certificate
    return certificate.fingerprint
