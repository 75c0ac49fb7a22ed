"""What a failed request about a Secret says, and whether time or a person mends it."""

from __future__ import annotations

from collections.abc import Mapping

from certwright.findings import Detail, FailureCause, Finding, Reason, finding
from certwright.reconcile.objects import Failure, ObjectKey

_PERMANENT: Mapping[FailureCause, Detail] = {
    FailureCause.INVALID: Detail.WRITE_FAILED,
    FailureCause.NAMESPACE_TERMINATING: Detail.NAMESPACE_TERMINATING,
    FailureCause.TOO_LARGE: Detail.LIMIT_EXCEEDED,
}
"""Refusals that no repetition mends."""

_FOR_A_PERSON: Mapping[FailureCause, Detail] = {
    FailureCause.FORBIDDEN: Detail.FORBIDDEN,
    FailureCause.QUOTA_EXCEEDED: Detail.QUOTA_EXCEEDED,
}
"""Refusals that end when somebody changes what is not watched, a role or a quota: said at once, and tried again."""

_ADVICE: Mapping[FailureCause, str] = {
    FailureCause.FORBIDDEN: "Allow the operator to create and patch Secrets there.",
    FailureCause.QUOTA_EXCEEDED: "Raise the quota, or remove what is not needed.",
    FailureCause.NAMESPACE_TERMINATING: "The namespace is being deleted.",
    FailureCause.TOO_LARGE: "The content is larger than a Secret can be; store fewer formats or certificates.",
    FailureCause.INVALID: "The API server does not accept the Secret.",
}


def describe_failure(key: ObjectKey, failure: Failure, *, was_read: bool) -> Finding:
    """Say what a request about a Secret that is written came to.

    Args:
        key: the Secret.
        failure: the request's end.
        was_read: it is known what the Secret was, so the failure is that of a write.
    """
    if failure.cause is FailureCause.IMMUTABLE:
        text = f"Secret `{key.name}` cannot be changed: {failure.message}. Delete it yourself; it is then created anew."
        return finding(Reason.TARGET_IMMUTABLE, text)
    detail = _PERMANENT.get(failure.cause) or _FOR_A_PERSON.get(failure.cause)
    fallback = Detail.WRITE_FAILED if was_read else Detail.READ_FAILED
    advice = _ADVICE.get(failure.cause, "It is tried again.")
    text = f"Secret `{key.name}`: {failure.message}. {advice}"
    return finding(Reason.STORE_FAILED, text, detail=detail or fallback)


def may_pass(failure: Failure) -> bool:
    """Say whether the same request may succeed later."""
    return failure.cause not in _PERMANENT and failure.cause is not FailureCause.IMMUTABLE


def passes_by_itself(failure: Failure) -> bool:
    """Say whether nobody has to do anything about it."""
    return may_pass(failure) and failure.cause not in _FOR_A_PERSON
