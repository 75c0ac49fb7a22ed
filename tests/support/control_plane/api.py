"""Speak HTTP to the API server with nothing but the standard library: the harness must not test a client by itself."""

import http.client
import json
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.support.control_plane.errors import ControlPlaneError

TIMEOUT_SECONDS = 20.0
USER_AGENT = "certwright-test-harness"


@dataclass(frozen=True)
class Response:
    """Hold the status code and the body of an answer."""

    code: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Say whether the code is one of success."""
        return HTTPStatus.OK <= self.code < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class ApiClient:
    """Send single requests as the administrator, each on a connection of its own."""

    def __init__(self, port: int, *, ca_file: Path, user_files: tuple[Path, Path]) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(ca_file))
        self._context.load_cert_chain(*map(str, user_files))

    def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        *,
        headers: dict[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Response:
        """Send one request, `body` as JSON, and return the answer whatever its code.

        Raises:
            OSError: the API server is not there, or did not answer in time.
            http.client.HTTPException: it broke off in the middle of an answer.
        """
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, context=self._context, timeout=timeout_seconds
        )
        sent = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": USER_AGENT}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent | (headers or {}))
            answer = connection.getresponse()
            return Response(answer.status, answer.read())
        finally:
            connection.close()

    def apply(self, path: str, manifest: dict[str, Any], *, manager: str = USER_AGENT) -> dict[str, Any]:
        """Apply `manifest` server-side, taking over conflicting fields, and return the object.

        Raises:
            ControlPlaneError: the API server refused it.
        """
        headers = {"Content-Type": "application/apply-patch+yaml"}
        answer = self.request("PATCH", f"{path}?fieldManager={manager}&force=true", manifest, headers=headers)
        return self._expect_object("apply", path, answer)

    def create(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """POST `manifest` and return the object.

        Raises:
            ControlPlaneError: the API server refused it.
        """
        return self._expect_object("create", path, self.request("POST", path, manifest))

    def get(self, path: str) -> dict[str, Any] | None:
        """Return the object at `path`, `None` when there is none.

        Raises:
            ControlPlaneError: the API server refused the request.
        """
        answer = self.request("GET", path)
        return None if answer.code == HTTPStatus.NOT_FOUND else self._expect_object("get", path, answer)

    def delete(self, path: str) -> None:
        """Delete the object at `path`; that it is gone already is fine.

        Raises:
            ControlPlaneError: the API server refused it.
        """
        answer = self.request("DELETE", path)
        if answer.code != HTTPStatus.NOT_FOUND:
            self._expect_object("delete", path, answer)

    @staticmethod
    def _expect_object(verb: str, path: str, answer: Response) -> dict[str, Any]:
        if not answer.ok:
            raise ControlPlaneError(f"{verb} {path}: {answer.code} {answer.body[:2000].decode(errors='replace')}")
        found: dict[str, Any] = answer.json()
        return found


def is_ready(client: ApiClient) -> bool:
    """Say whether `/readyz` is fine; an API server that does not listen yet, or just died, is not ready."""
    try:
        return client.request("GET", "/readyz", timeout_seconds=2).code == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
