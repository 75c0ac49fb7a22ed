"""What keeps a target from being written: whose it is, what it is, and what requests about it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certwright.findings import Detail, FailureCause, Finding, Reason, finding
from certwright.reconcile.marks import CERT_MANAGER_ANNOTATION, is_allowed, is_owned, refuse_foreign
from certwright.reconcile.objects import Failure, Kind, ObjectKey, Observed, Subject, Version
from certwright.reconcile.truststore.intent import SECRET_TYPE
from certwright.reconcile.truststore.wish import Aim


@dataclass(frozen=True, slots=True)
class Trouble:
    """A target that does not hold what it should.

    Attributes:
        found: why.
        version: of what stands there; `None` when nothing does.
        retry: time may mend it: look again with back-off.
        waiting: nobody has to do anything yet.
        left: it is no longer wished for, and still there.
    """

    key: ObjectKey
    found: Finding
    version: Version | None = None
    retry: bool = False
    waiting: bool = False
    left: bool = False


_PERMANENT: Mapping[FailureCause, Detail] = {
    FailureCause.INVALID: Detail.WRITE_FAILED,
    FailureCause.TOO_LARGE: Detail.LIMIT_EXCEEDED,
}
"""Refusals that no repetition mends."""

_FOR_A_PERSON: Mapping[FailureCause, Detail] = {
    FailureCause.FORBIDDEN: Detail.FORBIDDEN,
    FailureCause.QUOTA_EXCEEDED: Detail.QUOTA_EXCEEDED,
}
"""Refusals that end when somebody changes what is not watched: said at once, and tried again."""

_ADVICE: Mapping[FailureCause, str] = {
    FailureCause.QUOTA_EXCEEDED: "Raise the quota, or remove what is not needed.",
    FailureCause.TOO_LARGE: "With its other content it is larger than it can be: choose another name.",
    FailureCause.INVALID: "The API server does not accept it.",
}


def find_obstacle(observed: Observed, aim: Aim, subject: Subject, *, fits: bool) -> Trouble | None:
    """Say what forbids writing an existing object, if anything does; `fits`: only its metadata would be written."""
    name = _name(observed.key)
    if CERT_MANAGER_ANNOTATION in observed.annotations:
        found = finding(
            Reason.TARGET_NOT_OWNED,
            f"{name} is written by cert-manager (annotation `{CERT_MANAGER_ANNOTATION}`) and stays as it is. Choose "
            "another name.",
        )
    elif not is_owned(observed, subject) and not is_allowed(observed, subject):
        found = refuse_foreign(observed, subject, field="name")
    elif observed.deleting:
        found = finding(
            Reason.TARGET_MISSING,
            f"{name} is being deleted. It is created anew as soon as it is gone; if it stays, remove its finalizers.",
        )
        return Trouble(observed.key, found, observed.version, retry=True, waiting=True)
    elif aim.kind is Kind.SECRET and observed.type != SECRET_TYPE:
        found = finding(
            Reason.TARGET_IMMUTABLE,
            f"{name} has the type `{observed.type}`, which cannot be changed; a bundle is stored as `{SECRET_TYPE}`. "
            "Delete it yourself, or choose another name.",
            detail=Detail.TYPE_DIFFERS,
        )
    elif observed.immutable and not fits:
        text = f"{name} is immutable and holds other content. Delete it yourself; it is then created anew."
        found = finding(Reason.TARGET_IMMUTABLE, text)
    else:
        return None
    return Trouble(observed.key, found, observed.version)


def describe_failure(
    key: ObjectKey, failure: Failure, *, version: Version | None, was_read: bool, left: bool = False
) -> Trouble:
    """Say what a request about a target came to.

    Args:
        key: the target.
        failure: the request's end.
        version: of what stands there; `None` when nothing does.
        was_read: it is known what stood there, so the failure is that of a write.
        left: the request was to delete or release it.
    """
    name, cause = _name(key), failure.cause
    if cause is FailureCause.IMMUTABLE:
        text = f"{name} cannot be changed: {failure.message}. Delete it yourself; it is then created anew."
        return Trouble(key, finding(Reason.TARGET_IMMUTABLE, text), version, left=left)
    if cause is FailureCause.NOT_SERVED:
        text = (
            f"{name}: this API server does not serve ClusterTrustBundles. Enable `certificates.k8s.io/v1beta1` and the "
            "feature gate `ClusterTrustBundle`, or remove `spec.clusterTrustBundle`."
        )
        return Trouble(key, finding(Reason.BUNDLE_NOT_SERVED, text), version, retry=True, left=left)
    detail = _PERMANENT.get(cause) or _FOR_A_PERSON.get(cause)
    fallback = Detail.WRITE_FAILED if was_read else Detail.READ_FAILED
    advice = _advise_rights(key) if cause is FailureCause.FORBIDDEN else _ADVICE.get(cause, "It is tried again.")
    found = finding(Reason.STORE_FAILED, f"{name}: {failure.message}. {advice}", detail=detail or fallback)
    retry = cause not in _PERMANENT
    return Trouble(key, found, version, retry=retry, waiting=retry and cause not in _FOR_A_PERSON, left=left)


def _advise_rights(key: ObjectKey) -> str:
    if key.kind is Kind.CLUSTER_TRUST_BUNDLE:
        return "Allow the operator to write ClusterTrustBundles, and to `attest` for the signer."
    return f"Allow the operator to create, patch and delete {key.kind}s there."


def refuse_record_name(key: ObjectKey) -> Finding:
    """Refuse to write a target over the records of the operator."""
    text = (
        f"{_name(key)}: names that begin like this are those of the operator's own records in this namespace. Choose "
        "another name."
    )
    return finding(Reason.INVALID_REQUEST, text, detail=Detail.CONFLICTING_FIELDS)


def _name(key: ObjectKey) -> str:
    return f"{key.kind} `{key.name}`" + (f" in namespace `{key.namespace}`" if key.namespace else "")
