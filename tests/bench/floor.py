"""The floor: a bare client that sends the same two applies for each object and nothing else."""

import json
import time
from dataclasses import dataclass
from typing import Any

from tests.bench.api import APPLY, GROUP, METADATA_ONLY, Api, spread

ONLY_ANSWER_METADATA = {**APPLY, "Accept": METADATA_ONLY}
MANAGER = "fieldManager=certwright&force=true"


@dataclass(frozen=True)
class Sample:
    """What the operator wrote for one object: the floor sends bodies of the same content and size."""

    secret: dict[str, Any]
    status: dict[str, Any]

    @property
    def sizes(self) -> tuple[int, int]:
        """Return the bytes of the two bodies."""
        return len(json.dumps(self.secret)), len(json.dumps(self.status))


@dataclass(frozen=True)
class Errand:
    """Two requests for one object, made ready before the clock starts."""

    secret_path: str
    secret_body: bytes
    status_path: str
    status_body: bytes


def errand(custom_object: dict[str, Any], sample: Sample) -> Errand:
    """Make the two requests for a custom object that exists and whose target does not."""
    metadata = custom_object["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    target = f"{name}-tls"
    secret = {
        **sample.secret,
        "metadata": {**sample.secret["metadata"], "name": target, "namespace": namespace, "resourceVersion": "1"},
    }
    status = {
        "apiVersion": custom_object["apiVersion"],
        "kind": custom_object["kind"],
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "status": sample.status,
    }
    return Errand(
        f"/api/v1/namespaces/{namespace}/secrets/{target}?{MANAGER}",
        json.dumps(secret).encode(),
        f"{GROUP}/namespaces/{namespace}/importedcertificates/{name}/status?{MANAGER}",
        json.dumps(status).encode(),
    )


async def run_floor(api: Api, errands: list[Errand], *, in_flight: int) -> float:
    """Send everything and return the seconds it took."""

    async def run(work: Errand) -> None:
        await api.send("PATCH", work.secret_path, work.secret_body, headers=ONLY_ANSWER_METADATA)
        await api.send("PATCH", work.status_path, work.status_body, headers=APPLY)

    started = time.perf_counter()
    await spread(errands, run, in_flight=in_flight)
    return time.perf_counter() - started
