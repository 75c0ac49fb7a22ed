"""Ask etcd itself for what the API server gives nobody."""

import http.client
import json
from typing import Any

from tests.support.control_plane.errors import ControlPlaneError

TIMEOUT_SECONDS = 30.0
ANY_KEY = "AA=="  # one zero byte, in base64; every answer carries the revision


def compact(port: int) -> int:
    """Forget every revision of every key before the present one, and return the present revision.

    Raises:
        ControlPlaneError: etcd refused.
    """
    revision = int(_call(port, "/v3/kv/range", {"key": ANY_KEY})["header"]["revision"])
    _call(port, "/v3/kv/compaction", {"revision": str(revision), "physical": True})
    return revision


def _call(port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", path, json.dumps(body))
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ControlPlaneError(f"etcd {path}: {answer.status} {content[:500].decode(errors='replace')}")
    found: dict[str, Any] = json.loads(content)
    return found
