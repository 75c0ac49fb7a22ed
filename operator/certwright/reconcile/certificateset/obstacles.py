"""What forbids writing a place, and what a request about one came to."""

from __future__ import annotations

from collections.abc import Mapping

from certwright.findings import Detail, FailureCause, Finding, Reason, finding
from certwright.pki.render import PRIVATE_KEY_KEY
from certwright.reconcile.certificateset.scene import TLS_TYPE, Trouble
from certwright.reconcile.marks import CERT_MANAGER_ANNOTATION, is_allowed, is_owned, refuse_foreign
from certwright.reconcile.objects import Failure, ObjectKey, Observed, Snapshot, Subject

LASTING: Mapping[FailureCause, Detail] = {
    FailureCause.FORBIDDEN: Detail.FORBIDDEN,
    FailureCause.QUOTA_EXCEEDED: Detail.QUOTA_EXCEEDED,
    FailureCause.INVALID: Detail.WRITE_FAILED,
    FailureCause.IMMUTABLE: Detail.TYPE_DIFFERS,
    FailureCause.TOO_LARGE: Detail.LIMIT_EXCEEDED,
}
"""Refusals that end only when somebody changes something."""

_ADVICE: Mapping[FailureCause, str] = {
    FailureCause.QUOTA_EXCEEDED: "Raise the quota, or remove what is not needed.",
    FailureCause.IMMUTABLE: "Delete it yourself; it is then created anew.",
    FailureCause.TOO_LARGE: "The content is larger than a Secret can be.",
}
_WRITABLE_TYPES = frozenset({TLS_TYPE, "Opaque"})


def find_obstacle(observed: Observed, subject: Subject, data: Mapping[str, bytes], *, fits: bool) -> Finding | None:
    """Say what forbids writing an existing Secret, if anything does.

    Args:
        observed: the Secret.
        subject: the set.
        data: what it is to hold.
        fits: it holds that already.
    """
    key = observed.key
    place = f"Secret `{key.name}` in namespace `{key.namespace}`"
    if CERT_MANAGER_ANNOTATION in observed.annotations:
        text = f"{place} is written by cert-manager and stays as it is. Choose another `secretName`."
        return finding(Reason.TARGET_NOT_OWNED, text)
    if not is_owned(observed, subject) and not is_allowed(observed, subject):
        return refuse_foreign(observed, subject, field="secretName")
    if observed.deleting:
        text = f"{place} is being deleted. If it stays, remove its finalizers."
        return finding(Reason.TARGET_MISSING, text)
    if observed.type not in _WRITABLE_TYPES or (observed.type == TLS_TYPE and PRIVATE_KEY_KEY not in data):
        # One of ours that is deleted comes back as it is deployed, type and all.
        remedy = "Choose another `secretName`." if is_owned(observed, subject) else "Delete it yourself."
        text = f"{place} has the type `{observed.type}`, which does not fit and cannot be changed. {remedy}"
        return finding(Reason.TARGET_IMMUTABLE, text, detail=Detail.TYPE_DIFFERS)
    if observed.immutable and not fits:
        text = f"{place} is immutable and holds other content. Delete it yourself; it is then created anew."
        return finding(Reason.TARGET_IMMUTABLE, text)
    return None


def describe_failed(key: ObjectKey, snapshot: Snapshot) -> Trouble:
    """Say what the last request about an object came to, which was to read it when nothing is known of it."""
    return describe_failure(key, snapshot.failures[key], reading=key not in snapshot.objects)


def describe_failure(key: ObjectKey, failure: Failure, *, reading: bool = False) -> Trouble:
    """Say what a request about a Secret, or about the journal, came to.

    Args:
        key: the object.
        failure: the request's end.
        reading: it was to be read.
    """
    lasting = failure.cause in LASTING
    detail = LASTING.get(failure.cause) or (Detail.READ_FAILED if reading else Detail.WRITE_FAILED)
    advice = _ADVICE.get(failure.cause, "" if lasting else "It is tried again.")
    if failure.cause is FailureCause.FORBIDDEN:
        advice = f"Allow the operator to {'read' if reading else 'write'} {key.kind}s there."
    text = f"{key.kind} `{key.name}` in namespace `{key.namespace}`: {failure.message}. {advice}".rstrip()
    reason = Reason.TARGET_IMMUTABLE if failure.cause is FailureCause.IMMUTABLE else Reason.STORE_FAILED
    return Trouble(key.namespace, key.name, finding(reason, text, detail=detail), retry=True, waiting=not lasting)


def trouble(key: ObjectKey, found: Finding) -> Trouble:
    """Say what is wrong with a place that a person has to look at."""
    return Trouble(key.namespace, key.name, found)
