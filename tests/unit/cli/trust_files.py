"""Decisions and stores in manifests, as people write them, and the commands over them."""

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from certwright.cli import cli
from tests.support.pki import PKI, Entity

AT = "2026-06-15T00:00:00Z"
G1 = PKI().root("Corp Root G1")
G2 = PKI().root("Corp Root G2")
G3 = PKI().root("Corp Root G3")
ISSUING = G1.issue_ca("Corp Issuing CA", path_length=0)
SHOP = ISSUING.issue_leaf("shop.example.com")

SOURCE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "trust", "labels": {"certwright.io/trust-source": "true"}},
}
LABELS = {"tier": "corporate"}
SELECTOR = {"matchLabels": LABELS}

Object = dict[str, Any]


def ours(kind: str, name: str, namespace: str, **spec: Any) -> Object:
    """Make an object of ours; without a namespace one of the whole cluster."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "certwright.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def decision(name: str, entity: Entity | None, *, namespace: str = "trust", **spec: Any) -> Object:
    """Make a decision with the label that the stores select."""
    wish = {"certificate": entity.pem, **spec} if entity is not None else spec
    made = ours("TrustDecision", name, namespace, **wish)
    made["metadata"]["labels"] = LABELS
    return made


def cluster_store(mode: str = "Manual", **spec: Any) -> Object:
    """Make a store of the cluster."""
    wish = {"decisionNamespace": "trust", "selector": SELECTOR, "deployment": {"mode": mode}, **spec}
    return ours("ClusterTrustStore", "corporate", "", **wish)


def store(**spec: Any) -> Object:
    """Make a store of the namespace `trust`."""
    return ours("TrustStore", "local", "trust", **{"selector": SELECTOR, **spec})


def imported(kind: str = "ClusterTrustStore", name: str = "corporate", entity: Entity = SHOP, **spec: Any) -> Object:
    """Make an ImportedCertificate that a store is to vouch for."""
    trust = {"storeRef": {"kind": kind, "name": name}}
    return ours("ImportedCertificate", "shop", "trust", certificate=entity.chain_pem, trust=trust, **spec)


def write(folder: Path, name: str, *objects: Object) -> Path:
    """Write a manifest."""
    path = folder / name
    path.write_text("---\n".join(yaml.safe_dump(each, sort_keys=False) for each in objects))
    return path


def run(*arguments: str | Path, stdin: str = "") -> Result:
    """Run a command at the instant of all these certificates."""
    command, *rest = map(str, arguments)
    return CliRunner().invoke(cli, [command, "--at", AT, *rest], input=stdin, catch_exceptions=False)


def check(*objects: Object) -> dict[str, dict[str, Any]]:
    """Judge objects; give the results by kind and name."""
    text = "---\n".join(yaml.safe_dump(each) for each in objects)
    results = json.loads(run("check", "--output", "json", "-", stdin=text).output)["results"]
    return {f"{each['kind']}/{each['name']}": each for each in results}


def changes(old: Path, new: Path) -> dict[str, dict[str, Any]]:
    """Compare two sides; give the changes by name."""
    found = json.loads(run("diff", "--output", "json", old, new).output)["changes"]
    return {each["name"]: each for each in found}


def names(entries: list[dict[str, Any]]) -> list[str]:
    """Give the names of CAs, sorted."""
    return sorted(each["name"] for each in entries)
