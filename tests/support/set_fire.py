"""What sets of certificates meet on a bad day: requests that end an operator, and refusals; and what was seen of it."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.control_plane import ControlPlane
from tests.support.interposer import Call, Held, Interposer
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import OPERATOR
from tests.support.set_stage import PATIENCE_SECONDS, SetStage
from tests.support.waiting import wait_until

SETTINGS = {"log_format": "text", "set_settling_seconds": "0.5"}
WRITTEN = {"secrets", "configmaps", "clustercertificatesets"}

_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
_REVISION = "metadata.?annotations[?'certwright.io/revision'].orValue('')"
REPLACING = f"request.operation == 'DELETE' || (oldObject != null && object.{_REVISION} == oldObject.{_REVISION})"
"""What passes where no revision may be replaced: deletions, and what leaves the revision as it is."""
DELETING = "request.operation != 'DELETE'"
"""What passes where nothing may be deleted."""


@contextmanager
def replica(
    plane: ControlPlane, folder: Path, name: str, **settings: str
) -> Iterator[tuple[OperatorProcess, Interposer]]:
    """Make an operator and its way to the API server."""
    kubeconfig = plane.kubeconfig_for(*OPERATOR)
    own = kubeconfig.with_stem(f"{kubeconfig.stem}-{name}")
    own.write_bytes(kubeconfig.read_bytes())
    with Interposer(plane) as way:
        process = OperatorProcess(way.kubeconfig(own), folder / f"{name}.log", **{**SETTINGS, **settings})
        try:
            yield process, way
        finally:
            process.stop()


class Nth:
    """Choose the n-th write of a replacement, counted from the first that says a word: a phase of the journal."""

    def __init__(self, number: int, since: str = "") -> None:
        self.number = number
        self.since = since.encode()
        self.count = 0

    def __call__(self, call: Call) -> bool:
        if call.verb in {"get", "list", "watch"} or call.resource not in WRITTEN:
            return False
        if not self.count and self.since not in call.body:
            return False
        self.count += 1
        return self.count == self.number + 1


def kill_and_restart(process: OperatorProcess, way: Interposer, held: Held) -> None:
    """End the operator while a request is held, which is lost with it, and start it again."""
    process.kill()
    held.drop()
    way.reset()
    process.start()
    process.wait_ready()


@contextmanager
def refusing(plane: ControlPlane, stage: SetStage, namespace: str, passing: str = REPLACING) -> Iterator[None]:
    """Have admission refuse writes to the Secrets of one namespace, but for dry runs: no pre-flight can foresee it."""
    name = f"refusal-{uuid4().hex[:8]}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets"]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [
            {"expression": f"(has(request.dryRun) && request.dryRun) || ({passing})", "message": "not here"}
        ],
    }
    where = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [namespace, stage.uploads]}
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchExpressions": [where]}},
    }
    for path, spec in ((_POLICIES, policy), (_BINDINGS, binding)):
        plane.client.create(path, {"metadata": {"name": name}, "spec": spec})
    wait_until(lambda: not _passes(plane, stage), deadline_seconds=PATIENCE_SECONDS, what="the policy to hold")
    try:
        yield
    finally:
        for path in (_BINDINGS, _POLICIES):
            plane.client.delete(f"{path}/{name}")
        wait_until(lambda: _passes(plane, stage), deadline_seconds=PATIENCE_SECONDS, what="the policy to hold no more")


def _passes(plane: ControlPlane, stage: SetStage) -> bool:
    """Say whether a Secret can be made and unmade among the uploads, where nobody counts them."""
    path = f"/api/v1/namespaces/{stage.uploads}/secrets"
    made = plane.client.request("POST", path, {"metadata": {"name": "probe"}})
    gone = plane.client.request("DELETE", f"{path}/probe")
    return (made.ok or made.code == 409) and gone.ok


class History:
    """What becomes of the Secrets of a set from now on.

    The API server is asked for all events after the fact: no reader could see more.
    """

    def __init__(self, plane: ControlPlane, stage: SetStage) -> None:
        self._plane = plane
        self._stage = stage
        self._before = {place: data for place, (_, data) in stage.contents().items()}
        self._since = plane.client.request("GET", "/api/v1/secrets?limit=1").json()["metadata"]["resourceVersion"]

    def switches(self) -> dict[tuple[str, str], int]:
        """Say how often each Secret changed its content; coming and going are changes, too."""
        counts: dict[tuple[str, str], int] = {}
        contents: dict[tuple[str, str], dict[str, bytes] | None] = {**self._before}
        for event in self._events():
            metadata = event["object"]["metadata"]
            place = metadata["namespace"], metadata["name"]
            if place[0] not in self._stage.nodes:
                continue
            data = {name: b64decode(text) for name, text in (event["object"].get("data") or {}).items()}
            now = None if event["type"] == "DELETED" else data
            counts[place] = counts.get(place, 0) + (now != contents.get(place))
            contents[place] = now
        return counts

    def _events(self) -> list[dict[str, Any]]:
        marker = f"marker-{uuid4().hex[:8]}"
        self._plane.client.create(f"/api/v1/namespaces/{self._stage.uploads}/secrets", {"metadata": {"name": marker}})

        def look() -> list[dict[str, Any]]:
            path = f"/api/v1/secrets?watch=1&resourceVersion={self._since}&timeoutSeconds=1"
            events = [json.loads(line) for line in self._plane.client.request("GET", path).body.splitlines()]
            assert all(each["type"] != "ERROR" for each in events), events
            return events if any(each["object"]["metadata"]["name"] == marker for each in events) else []

        return wait_until(look, deadline_seconds=PATIENCE_SECONDS, what="all events up to now")


def versions(plane: ControlPlane, stage: SetStage) -> dict[tuple[str, str], tuple[str, str]]:
    """Give uid and resourceVersion of every Secret in the namespaces of a set: what nobody wrote keeps both."""
    found = {}
    for node in stage.nodes:
        for each in plane.client.request("GET", f"/api/v1/namespaces/{node}/secrets").json()["items"]:
            metadata = each["metadata"]
            found[node, metadata["name"]] = (metadata["uid"], metadata["resourceVersion"])
    return found


def read_journal(plane: ControlPlane, stage: SetStage) -> dict[str, Any]:
    """Read the journal of a set."""
    uid = stage.read()["metadata"]["uid"]
    found = plane.client.get(f"/api/v1/namespaces/certwright-system/configmaps/set-{uid}")
    assert found is not None
    journal: dict[str, Any] = json.loads(found["data"]["journal.json"])
    return journal
