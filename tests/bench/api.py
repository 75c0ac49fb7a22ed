"""A lean asynchronous client: the floor sends with it, so it does nothing that is not needed to send a request."""

import asyncio
import json
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

T = TypeVar("T")

APPLY = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
MERGE = {"Content-Type": "application/merge-patch+json", "Accept": "application/json"}
IN_FLIGHT = 32
GROUP = "/apis/certwright.io/v1alpha1"


class RequestError(RuntimeError):
    """The API server refused what the benchmark asked for."""


class Api:
    """Send requests as the user of a kubeconfig, over at most `in_flight` connections."""

    def __init__(self, kubeconfig: Path, *, in_flight: int = IN_FLIGHT) -> None:
        config = json.loads(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._url = cluster["server"]
        self._context = _context(cluster, user)
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._in_flight = in_flight

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=self._in_flight + 8, ssl=self._context)
        self._session = aiohttp.ClientSession(
            self._url, connector=connector, headers=self._headers, timeout=aiohttp.ClientTimeout(total=300)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, method: str, path: str, body: bytes | None = None, *, headers: dict[str, str] = JSON) -> bytes:
        """Send one request and return the bytes of its answer.

        Raises:
            RequestError: the answer is not a success.
        """
        async with self._session.request(method, path, data=body, headers=headers) as answer:
            content = await answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise RequestError(f"{method} {path}: {answer.status} {content[:500].decode(errors='replace')}")
        return content

    async def get(self, path: str) -> dict[str, Any]:
        """Return an object."""
        found: dict[str, Any] = json.loads(await self.send("GET", path))
        return found

    async def create(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """POST an object and return it."""
        made: dict[str, Any] = json.loads(await self.send("POST", path, json.dumps(manifest).encode()))
        return made

    async def merge(self, path: str, change: dict[str, Any]) -> dict[str, Any]:
        """Send a merge patch and return the object."""
        made: dict[str, Any] = json.loads(await self.send("PATCH", path, json.dumps(change).encode(), headers=MERGE))
        return made

    async def list(self, path: str) -> list[dict[str, Any]]:
        """Return all objects below a path, page by page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.get(f"{path}?limit=500{cursor}")
            found += page["items"]
            if not (token := page["metadata"].get("continue")):
                return found
            cursor = f"&continue={token}"

    async def watch(self, path: str, see: Callable[[dict[str, Any]], bool]) -> None:
        """Hand every event of a watch to `see`, until that returns true."""
        # A line of the stream is one event, and may be longer than the reader's default of 64 KiB.
        async with self._session.get(f"{path}&watch=1", headers=JSON, read_bufsize=2**22) as answer:
            async for line in answer.content:
                if see(json.loads(line)):
                    return


async def spread(items: Iterable[T], work: Callable[[T], Awaitable[object]], *, in_flight: int = IN_FLIGHT) -> None:
    """Do `work` for every item, `in_flight` at once, and stop at the first failure."""
    queue = iter(items)

    async def worker() -> None:
        for item in queue:  # shared: each worker takes the next one
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker())


def _context(cluster: dict[str, str], user: dict[str, str]) -> ssl.SSLContext:
    authority = b64decode(cluster["certificate-authority-data"]).decode("ascii")
    context = ssl.create_default_context(cadata=authority)
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as pair:  # the ssl module reads key and certificate from files only
            pair.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
    return context
