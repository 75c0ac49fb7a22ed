"""What the benchmark of bundles puts into the cluster, and what it waits for."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from certwright.pki.certificate import Certificate
from certwright.pki.trust_bundle import render_bundle
from tests.bench.api import APPLY, GROUP, METADATA_ONLY, Api, spread
from tests.support.pki import PKI

SOURCE = "trust"
STORE = "corporate"
BUNDLE = "corporate-ca"
LABEL = "bench.example.com/bundle"
ROOTS = 10
STORE_PATH = f"{GROUP}/clustertruststores/{STORE}"
DECISIONS = f"{GROUP}/namespaces/{SOURCE}/trustdecisions"
MANAGER = "fieldManager=certwright&force=true"
ONLY_ANSWER_METADATA = {**APPLY, "Accept": METADATA_ONLY}
DEADLINE_SECONDS = 300

Seen = Callable[[dict[str, Any]], bool]


def root_pem(number: int) -> str:
    """Give the certificate of a CA."""
    return PKI().root(f"Bench Root {number}").pem


def bundle_path(namespace: str, name: str = BUNDLE) -> str:
    """Give the path of a ConfigMap."""
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


async def create_namespace(api: Api, name: str, labels: dict[str, str] | None = None) -> None:
    """Create a namespace."""
    metadata = {"name": name, "labels": labels or {}}
    await api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


async def create_namespaces(api: Api, names: Sequence[str]) -> None:
    """Create the namespaces that get the bundle."""

    async def create(name: str) -> None:
        await create_namespace(api, name, {LABEL: "wanted"})

    await spread(names, create)


async def create_decision(api: Api, number: int) -> None:
    """Trust a CA."""
    head = {"apiVersion": "certwright.io/v1alpha1", "kind": "TrustDecision", "metadata": {"name": f"root-{number}"}}
    await api.create(DECISIONS, {**head, "spec": {"certificate": root_pem(number)}})


async def create_store(api: Api) -> None:
    """Ask for the bundle everywhere."""
    spec = {
        "selector": {},
        "decisionNamespace": SOURCE,
        "deployment": {"mode": "Automatic"},
        "namespaceSelector": {"matchLabels": {LABEL: "wanted"}},
        "targets": [{"kind": "ConfigMap", "name": BUNDLE}],
    }
    head = {"apiVersion": "certwright.io/v1alpha1", "kind": "ClusterTrustStore", "metadata": {"name": STORE}}
    await api.create(STORE_PATH.rpartition("/")[0], {**head, "spec": spec})


async def timed(api: Api, path: str, act: Callable[[], Any], seen: Seen) -> float:
    """Do something, and give the seconds until a watch of `path` has seen what it causes."""
    # The watch begins before, so that nothing is missed.
    watching = asyncio.create_task(api.watch(path, lambda event: seen(event["object"])))
    await asyncio.sleep(0.3)
    started = time.perf_counter()
    await act()
    await asyncio.wait_for(watching, timeout=DEADLINE_SECONDS)
    return time.perf_counter() - started


def watch_store() -> str:
    """Give the path of a watch of the store."""
    return f"{STORE_PATH.rpartition('/')[0]}?fieldSelector=metadata.name={STORE}"


def is_deployed(targets: int, certificates: int) -> Seen:
    """Say when so many certificates are in so many targets, and nothing is left to do."""

    def seen(store: dict[str, Any]) -> bool:
        status = store.get("status", {})
        rollout = status.get("rollout", {})
        return (status.get("certificates"), rollout.get("state"), rollout.get("updatedTargets")) == (
            certificates,
            "Complete",
            targets,
        )

    return seen


async def measure_floor(api: Api, names: Sequence[str], *, in_flight: int) -> tuple[float, float]:
    """Let a bare client create such ConfigMaps, and change them; give the seconds of each."""
    roots = [Certificate.from_der(PKI().root(f"Bench Root {number}").der) for number in range(ROOTS + 1)]
    first, second = (render_bundle(roots[:count], comments=True).decode() for count in (ROOTS, ROOTS + 1))
    bodies = [(bundle_path(name, "floor"), _body(first, name, {"resourceVersion": "1"})) for name in names]
    made: list[dict[str, Any]] = []

    async def send(item: tuple[str, bytes]) -> None:
        answer = await api.send("PATCH", f"{item[0]}?{MANAGER}", item[1], headers=ONLY_ANSWER_METADATA)
        made.append(json.loads(answer)["metadata"])

    started = time.perf_counter()
    await spread(bodies, send, in_flight=in_flight)
    created = time.perf_counter() - started
    changes = []
    for each in made:
        fence = {"uid": each["uid"], "resourceVersion": each["resourceVersion"]}
        changes.append((bundle_path(each["namespace"], "floor"), _body(second, each["namespace"], fence)))
    started = time.perf_counter()
    await spread(changes, send, in_flight=in_flight)
    changed = time.perf_counter() - started

    async def clear(name: str) -> None:
        await api.send("DELETE", bundle_path(name, "floor"))

    await spread(names, clear)
    return created, changed


def _body(text: str, namespace: str, fence: dict[str, str]) -> bytes:
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    metadata = {
        "name": "floor",
        "namespace": namespace,
        **fence,
        # Not the operator's own: it would watch what it did not write.
        "labels": {"app.kubernetes.io/managed-by": "somebody-else"},
        "annotations": {"example.com/owner": f"Bench/{STORE}", "example.com/digest": digest, "example.com/epoch": "0"},
    }
    return json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": text}}
    ).encode()
