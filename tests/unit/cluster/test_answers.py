from typing import Any

import pytest

from certwright.cluster.answers import Answer, Refusal, error_of
from certwright.cluster.requests import Request, get
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.scripted_server import status_object

SECRET = get(ObjectKey(Kind.SECRET, "shop", "tls"))
OURS = get(ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "tls"))
VALUE = "c2VjcmV0IHZhbHVl"


def error(
    code: int, reason: str = "", message: str = "", *, request: Request = SECRET, details: dict[str, Any] | None = None
) -> ClusterError:
    refusal = Refusal.of_status(status_object(code, reason, message, details=details), status=code)
    return error_of(refusal, request)


def cause(reason: str, *, field: str = "", message: str = "") -> dict[str, Any]:
    return {"causes": [{"reason": reason, "field": field, "message": message}]}


@pytest.mark.parametrize(
    ("code", "reason", "message", "details", "expected"),
    [
        (400, "BadRequest", "", {}, FailureCause.INVALID),
        (401, "Unauthorized", "", {}, FailureCause.UNAUTHORIZED),
        (403, "Forbidden", 'User "x" cannot get resource', {}, FailureCause.FORBIDDEN),
        (403, "Forbidden", "exceeded quota: q, requested: 1", {}, FailureCause.QUOTA_EXCEEDED),
        (403, "Forbidden", "", cause("NamespaceTerminating"), FailureCause.NAMESPACE_TERMINATING),
        (404, "NotFound", "", {"name": "tls", "kind": "secrets"}, FailureCause.NOT_FOUND),
        (404, "NotFound", "", {"name": "shop", "kind": "namespaces"}, FailureCause.NAMESPACE_TERMINATING),
        (404, "", "404 page not found", {}, FailureCause.UNAVAILABLE),
        (409, "Conflict", "", {"name": "tls", "kind": "secrets"}, FailureCause.CONFLICT),
        (409, "AlreadyExists", "", {}, FailureCause.ALREADY_EXISTS),
        (409, "Conflict", "", {"name": "q", "kind": "resourcequotas"}, FailureCause.UNAVAILABLE),
        (410, "Expired", "", {}, FailureCause.GONE),
        (413, "RequestEntityTooLarge", "", {}, FailureCause.TOO_LARGE),
        (422, "Invalid", "", cause("FieldValueInvalid", field="data[tls.crt]"), FailureCause.INVALID),
        (
            422,
            "Invalid",
            "",
            cause("FieldValueInvalid", field="type", message='Invalid value: "x": field is immutable'),
            FailureCause.IMMUTABLE,
        ),
        (
            422,
            "Invalid",
            "",
            cause(
                "FieldValueForbidden",
                field="data",
                message="Forbidden: field is immutable when `immutable` is set",
            ),
            FailureCause.IMMUTABLE,
        ),
        (422, "Invalid", "", cause("FieldValueTooLong", field="data"), FailureCause.TOO_LARGE),
        (422, "Invalid", "", cause("FieldValueTooLong", field="spec.chain"), FailureCause.INVALID),
        (422, "Invalid", "etcdserver: request is too large", {}, FailureCause.TOO_LARGE),
        (429, "TooManyRequests", "", {}, FailureCause.THROTTLED),
        (500, "", "etcdserver: request is too large", {}, FailureCause.TOO_LARGE),
        (500, "", "rpc error: trying to send message larger than max (4 vs. 2)", {}, FailureCause.TOO_LARGE),
        (500, "InternalError", "", {}, FailureCause.INTERNAL),
        (502, "", "", {}, FailureCause.UNAVAILABLE),
        (503, "ServiceUnavailable", "", {}, FailureCause.UNAVAILABLE),
        (504, "Timeout", "", {}, FailureCause.TIMEOUT),
        (418, "", "", {}, FailureCause.INTERNAL),
    ],
)
def test_error_names_the_cause_when_a_request_is_refused(
    code: int, reason: str, message: str, details: dict[str, Any], expected: FailureCause
) -> None:
    found = error(code, reason, message, details=details)

    assert found.cause is expected
    assert found.status == code


def test_error_keeps_codes_and_fields_only_when_it_is_about_a_secret() -> None:
    found = error(
        422,
        "Invalid",
        f"Secret is invalid: {VALUE}",
        details=cause("FieldValueInvalid", field="data[tls.key]", message=f"Invalid value: {VALUE}"),
    )

    assert found.message == "get Secret shop/tls: 422 Invalid (FieldValueInvalid at `data[tls.key]`)"


def test_error_names_the_missing_right_when_a_secret_is_forbidden() -> None:
    found = error(403, "Forbidden", f"no {VALUE}")

    assert found.message == "get Secret shop/tls: 403 Forbidden; certwright must be allowed to get secrets there"


def test_error_quotes_the_server_when_nothing_confidential_is_at_stake() -> None:
    found = error(403, "Forbidden", "policy 'x' denied\u202e it", request=OURS)

    assert found.message == r"get ImportedCertificate shop/tls: 403 Forbidden: policy 'x' denied\u202e it"


def test_error_carries_the_wait_when_the_server_asked_for_one() -> None:
    assert error(429, details={"retryAfterSeconds": 7}).retry_after == 7


def test_refusal_prefers_the_header_when_both_name_a_wait() -> None:
    body = b'{"details": {"retryAfterSeconds": 7}}'

    assert Refusal.of(Answer(429, {"Retry-After": "3"}, body)).retry_after == 3


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "inf", "nan", ""])
def test_refusal_ignores_a_wait_when_it_is_no_number_of_seconds(value: str) -> None:
    assert Refusal.of(Answer(429, {"Retry-After": value}, b"")).retry_after is None


@pytest.mark.parametrize(
    "body", [b"", b"404 page not found", b"[1]", b'{"details": "x"}', b'{"details": {"causes": [1]}}']
)
def test_refusal_survives_when_the_body_is_no_status(body: bytes) -> None:
    refusal = Refusal.of(Answer(503, {}, body))

    assert refusal.causes == []
    assert error_of(refusal, SECRET).cause is FailureCause.UNAVAILABLE


@pytest.mark.parametrize(
    ("code", "message", "details", "may_pass"),
    [
        (429, "", {}, True),
        (500, "etcd leader changed", {}, True),
        (500, "failed to create typed patch object", {}, False),
        (500, "failed to convert new object", {}, False),
        (500, "etcdserver: request is too large", {}, False),
        (504, "Timeout: Too large resource version: 9, current: 2", {}, False),
        (503, "", {}, True),
        (409, "", {}, False),
        (409, "", {"kind": "resourcequotas"}, True),
        (422, "", {}, False),
        (403, "", {}, False),
    ],
)
def test_refusal_says_whether_a_retry_may_help(
    code: int, message: str, details: dict[str, Any], *, may_pass: bool
) -> None:
    refusal = Refusal.of_status(status_object(code, "", message, details=details), status=code)

    assert refusal.may_pass() is may_pass


def test_manifest_refuses_when_the_answer_is_no_object() -> None:
    with pytest.raises(ClusterError) as caught:
        Answer(200, {}, b"<html>").manifest()

    assert caught.value.cause is FailureCause.UNAVAILABLE


def test_refusals_and_answers_hide_bodies_when_printed() -> None:
    answer = Answer(422, {}, VALUE.encode())
    refusal = Refusal.of_status(status_object(422, "", VALUE), status=422)

    assert VALUE not in repr(answer)
    assert VALUE not in repr(refusal)
