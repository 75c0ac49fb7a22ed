"""Read from the API server's audit log who asked for what: the only exact count of an operator's requests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from tests.support.control_plane.api import ApiClient
from tests.support.waiting import wait_until

WRITE_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})
METADATA_KINDS = frozenset({"PartialObjectMetadata", "PartialObjectMetadataList"})
MARKER = "certwright-audit-marker"
FLUSH_SECONDS = 10.0
CONTROLLER_MANAGER = "system:kube-controller-manager"

# Reads of Secrets are recorded with their answer, because only its kind tells a metadata-only read from one that
# carried data. The bodies stay in the log file of a throw-away control plane and never reach `AuditedRequest`.
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "None", "users": ["system:apiserver"]},
        {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"]},
        {"level": "Metadata", "users": [CONTROLLER_MANAGER]},
        {
            "level": "RequestResponse",
            "verbs": ["get", "list"],
            "resources": [{"group": "", "resources": ["secrets"]}],
        },
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class AuditedRequest:
    """Say what one request was; `name` is empty for lists and watches, `code` is 0 while a watch has no answer yet."""

    received: datetime
    verb: str
    user: str
    user_agent: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    uri: str
    answer_kind: str

    @property
    def is_write(self) -> bool:
        """Say whether the request may change something; a dry run counts, for it costs the same."""
        return self.verb in WRITE_VERBS

    @property
    def reads_secret_data(self) -> bool:
        """Say whether the answer carried Secret data: a get or list of Secrets not answered with metadata only.

        A watch of Secrets cannot be judged: its answers are not recorded. A `Table`, which kubectl asks for, can
        embed whole objects and counts as data.
        """
        return self.resource == "secrets" and bool(self.answer_kind) and self.answer_kind not in METADATA_KINDS

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Self:
        """Read one line of the audit log."""
        target = event.get("objectRef", {})
        user = event.get("impersonatedUser") or event["user"]
        # An answer that failed is a Status, which carries no data.
        kind = event.get("responseObject", {}).get("kind", "")
        return cls(
            received=datetime.fromisoformat(event["requestReceivedTimestamp"]),
            verb=event["verb"],
            user=user.get("username", ""),
            user_agent=event.get("userAgent", ""),
            group=target.get("apiGroup", ""),
            resource=target.get("resource", ""),
            subresource=target.get("subresource", ""),
            namespace=target.get("namespace", ""),
            name=target.get("name", ""),
            code=event.get("responseStatus", {}).get("code", 0),
            uri=event.get("requestURI", ""),
            answer_kind="" if kind == "Status" else kind,
        )


def read_requests(log: Path, offset: int) -> list[AuditedRequest]:
    """Return the requests recorded in `log` from a byte `offset` on, in the order in which they were answered.

    A watch stands twice in the log, when it starts and when it ends; here once, as it was last seen.
    """
    latest: dict[str, AuditedRequest] = {}
    for event in _events(log, offset):
        if not event.get("userAgent", "").startswith(MARKER):
            latest[event["auditID"]] = AuditedRequest.from_event(event)
    return list(latest.values())


def flush(log: Path, client: ApiClient) -> None:
    """Wait until every request answered so far stands in `log`.

    The API server writes a request's line just after its answer, so a reader could be a moment too early. A request of
    our own, answered later than all others, is waited for; its line is left out of what is read.
    """
    offset = log.stat().st_size
    marker = f"{MARKER}/{uuid4()}"
    client.request("GET", "/version", headers={"User-Agent": marker})
    wait_until(
        lambda: any(event.get("userAgent") == marker for event in _events(log, offset)),
        deadline_seconds=FLUSH_SECONDS,
        what="the audit log to hold the latest request",
    )


def _events(log: Path, offset: int) -> Iterator[dict[str, Any]]:
    with log.open("rb") as file:
        file.seek(offset)
        for line in file:
            if line.endswith(b"\n"):  # the last one may be half written
                yield json.loads(line)
