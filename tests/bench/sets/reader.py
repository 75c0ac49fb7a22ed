"""What somebody who watches all Secrets sees of a replacement."""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.bench.api import Api

Place = tuple[str, str]
ABSENT = ""


class Reader:
    """Note every change of content of the Secrets in some namespaces; a change of metadata alone is none."""

    def __init__(self, namespaces: frozenset[str]) -> None:
        self._namespaces = namespaces
        self.contents: dict[Place, str] = {}
        self.switches: Counter[Place] = Counter()
        self.first = 0.0
        self.last = 0.0

    def see(self, event: dict[str, Any]) -> bool:
        """Take in one event of a watch; it goes on for ever."""
        found = event["object"]
        metadata = found["metadata"]
        place = (metadata["namespace"], metadata["name"])
        if place[0] in self._namespaces:
            digest = ABSENT if event["type"] == "DELETED" else digest_of(found)
            if digest != self.contents.get(place, ABSENT):
                self.contents[place] = digest
                self.switches[place] += 1
                self.last = time.perf_counter()
                self.first = self.first or self.last
        return False

    @property
    def present(self) -> dict[Place, str]:
        """Return a digest of type and data of every Secret that is there."""
        return {place: digest for place, digest in self.contents.items() if digest}

    @property
    def mixed_seconds(self) -> float:
        """Return how long old and new stood side by side."""
        return self.last - self.first


def digest_of(secret: dict[str, Any]) -> str:
    """Digest what a consumer of a Secret reads: type and data."""
    return hashlib.sha256(json.dumps([secret["type"], secret.get("data")], sort_keys=True).encode()).hexdigest()


@asynccontextmanager
async def reading(api: Api, namespaces: frozenset[str]) -> AsyncIterator[Reader]:
    """Watch, from what is there now on."""
    reader = Reader(namespaces)
    page = await api.get("/api/v1/secrets")
    for each in page["items"]:
        reader.see({"type": "ADDED", "object": each})
    reader.switches.clear()
    reader.first = 0.0
    watch = asyncio.create_task(
        api.watch(f"/api/v1/secrets?resourceVersion={page['metadata']['resourceVersion']}", reader.see)
    )
    try:
        yield reader
        await asyncio.wait_for(_caught_up(api, reader, watch), timeout=60)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _caught_up(api: Api, reader: Reader, watch: asyncio.Task[None]) -> None:
    """Wait until the watch has brought what a list says."""
    while True:
        if watch.done():
            raise RuntimeError("the watch of all Secrets ended")
        listed = Reader(reader._namespaces)
        for each in await api.list("/api/v1/secrets"):
            listed.see({"type": "ADDED", "object": each})
        if listed.present == reader.present:
            return
        await asyncio.sleep(0.1)
