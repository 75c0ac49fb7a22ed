"""What the API server answered, and what kind of failure that is.

Decided from status codes, reasons and causes. The server's prose is looked at only where it alone tells two cases
apart, and is never kept for a Secret: it can quote values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from certwright.cluster.requests import Request
from certwright.findings import ClusterError, FailureCause, printable

LONGEST_PROSE = 200
MOST_CAUSES = 5

# These two are our own defects (the intent does not fit the schema), answered with 500: a retry mends nothing.
OUR_DEFECTS = ("failed to create typed patch", "failed to convert")

# etcd refuses what is over its limit with a 500 of the API server; there is no reason or code that says so.
TOO_LARGE_PROSE = ("request is too large", "larger than max")

# Quota has no reason of its own either: it is a 403 like any other.
QUOTA_PROSE = ("exceeded quota:", "failed quota:")

IMMUTABLE_PROSE = "field is immutable"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Say whether the code is one of success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def manifest(self) -> dict[str, Any]:
        """Give the body as an object of the API.

        Raises:
            ClusterError: it is none; something between us and the API server answered.
        """
        parsed = _parse(self.body)
        if not parsed:
            raise ClusterError(
                FailureCause.UNAVAILABLE, "the answer of the API server is not a JSON object", status=self.status
            )
        return parsed


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success, taken apart."""

    status: int
    reason: str
    prose: str = field(repr=False)
    details: Mapping[str, Any] = field(repr=False)
    retry_after: float | None

    @classmethod
    def of(cls, answer: Answer) -> Refusal:
        """Read the `Status` object of an answer, as far as there is one."""
        return cls.of_status(_parse(answer.body), status=answer.status, retry_after=answer.headers.get("Retry-After"))

    @classmethod
    def of_status(cls, body: Mapping[str, Any], *, status: int, retry_after: str | None = None) -> Refusal:
        """Read a `Status` object, which is also what an ERROR event of a watch carries."""
        details = body.get("details") or {}
        if not isinstance(details, dict):
            details = {}
        wait = retry_after if retry_after is not None else details.get("retryAfterSeconds")
        return cls(status, str(body.get("reason") or ""), str(body.get("message") or ""), details, _seconds(wait))

    @property
    def causes(self) -> list[Mapping[str, Any]]:
        """Give the causes, each with a type, and perhaps a field and prose."""
        found = self.details.get("causes") or ()
        return [cause for cause in found if isinstance(cause, dict)]

    def has_cause(self, kind: str) -> bool:
        """Say whether one of the causes is of this type."""
        return any(cause.get("reason") == kind for cause in self.causes)

    def may_pass(self) -> bool:
        """Say whether the same request, sent again a little later, may well succeed."""
        if self.status == HTTPStatus.CONFLICT:
            return self.is_quota_race()
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return True
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not any(
            prose in self.prose for prose in (*OUR_DEFECTS, *TOO_LARGE_PROSE, "Too large resource version")
        )

    def is_quota_race(self) -> bool:
        """Say whether the conflict is about the counters of a quota and not about the object."""
        return self.status == HTTPStatus.CONFLICT and self.details.get("kind") == "resourcequotas"


def error_of(refusal: Refusal, request: Request) -> ClusterError:
    """Make the error that the caller is to see."""
    return ClusterError(
        _cause(refusal, request),
        _message(refusal, request),
        status=refusal.status,
        retry_after=refusal.retry_after,
    )


CAUSES: dict[int, FailureCause] = {
    HTTPStatus.BAD_REQUEST: FailureCause.INVALID,
    HTTPStatus.UNAUTHORIZED: FailureCause.UNAUTHORIZED,
    HTTPStatus.GONE: FailureCause.GONE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: FailureCause.TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS: FailureCause.THROTTLED,
    HTTPStatus.BAD_GATEWAY: FailureCause.UNAVAILABLE,
    HTTPStatus.SERVICE_UNAVAILABLE: FailureCause.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: FailureCause.TIMEOUT,
}
"""Codes that say everything by themselves."""


def _cause(refusal: Refusal, request: Request) -> FailureCause:
    if refusal.status == HTTPStatus.NOT_FOUND:
        return _cause_of_not_found(refusal, request)
    if judge := JUDGES.get(refusal.status):
        return judge(refusal)
    if any(prose in refusal.prose for prose in TOO_LARGE_PROSE):
        return FailureCause.TOO_LARGE
    return CAUSES.get(refusal.status, FailureCause.INTERNAL)


def _cause_of_not_found(refusal: Refusal, request: Request) -> FailureCause:
    if request.name and refusal.details.get("name") == request.name:
        return FailureCause.NOT_FOUND
    if refusal.details.get("kind") == "namespaces":
        return FailureCause.NAMESPACE_TERMINATING  # it is gone: the end of the same story
    return FailureCause.UNAVAILABLE  # the kind is not served (yet), or a proxy answered


def _cause_of_forbidden(refusal: Refusal) -> FailureCause:
    if refusal.has_cause("NamespaceTerminating"):
        return FailureCause.NAMESPACE_TERMINATING
    if any(prose in refusal.prose for prose in QUOTA_PROSE):
        return FailureCause.QUOTA_EXCEEDED
    return FailureCause.FORBIDDEN


def _cause_of_invalid(refusal: Refusal) -> FailureCause:
    if any(IMMUTABLE_PROSE in str(cause.get("message")) for cause in refusal.causes):
        return FailureCause.IMMUTABLE
    whole = [cause for cause in refusal.causes if cause.get("field") in {"data", "", None}]
    if any(cause.get("reason") == "FieldValueTooLong" for cause in whole):
        return FailureCause.TOO_LARGE
    if any(prose in refusal.prose for prose in TOO_LARGE_PROSE):
        return FailureCause.TOO_LARGE
    return FailureCause.INVALID


def _cause_of_conflict(refusal: Refusal) -> FailureCause:
    if refusal.is_quota_race():
        return FailureCause.UNAVAILABLE
    return FailureCause.ALREADY_EXISTS if refusal.reason == "AlreadyExists" else FailureCause.CONFLICT


JUDGES: dict[int, Callable[[Refusal], FailureCause]] = {
    HTTPStatus.FORBIDDEN: _cause_of_forbidden,
    HTTPStatus.CONFLICT: _cause_of_conflict,
    HTTPStatus.UNPROCESSABLE_ENTITY: _cause_of_invalid,
}
"""Codes that stand for several causes."""


def _message(refusal: Refusal, request: Request) -> str:
    text = f"{request}: {refusal.status}"
    if refusal.reason:
        text += f" {printable(refusal.reason, limit=60)}"
    places = [_describe(cause) for cause in refusal.causes[:MOST_CAUSES]]
    if places:
        text += f" ({', '.join(places)})"
    if refusal.prose and not request.is_confidential:
        text += f": {printable(refusal.prose, limit=LONGEST_PROSE)}"
    elif refusal.status == HTTPStatus.FORBIDDEN and not places:
        text += f"; certwright must be allowed to {request.verb} {request.resource.plural} there"
    return text


def _describe(cause: Mapping[str, Any]) -> str:
    kind, place = str(cause.get("reason") or "?"), str(cause.get("field") or "")
    return printable(f"{kind} at `{place}`" if place else kind, limit=120)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:  # absent, or an HTTP date, which the API server never sends
        return None
    return seconds if 0 <= seconds < float("inf") else None
