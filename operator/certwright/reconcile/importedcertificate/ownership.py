"""Whether a Secret may be written as it stands."""

from __future__ import annotations

from certwright.findings import Detail, Finding, Reason, finding
from certwright.reconcile.marks import CERT_MANAGER_ANNOTATION, is_allowed, is_owned, refuse_foreign
from certwright.reconcile.objects import Observed, Subject

TLS_TYPE = "kubernetes.io/tls"
WRITABLE_TYPES = frozenset({TLS_TYPE, "Opaque"})


def find_obstacle(observed: Observed, subject: Subject, *, recorded_uid: str | None, fits: bool) -> Finding | None:
    """Say what forbids writing an existing Secret, if anything does.

    Args:
        observed: the Secret.
        subject: who wants to write it.
        recorded_uid: the UID that our status remembers for this target: it is ours even when label and annotation
            were taken away.
        fits: it already holds what is to be stored, so that only its metadata would be written.
    """
    name = observed.key.name
    if CERT_MANAGER_ANNOTATION in observed.annotations:
        return finding(
            Reason.TARGET_NOT_OWNED,
            f"Secret `{name}` is written by cert-manager (annotation `{CERT_MANAGER_ANNOTATION}`) and stays as it is. "
            "Choose another `secretName`; it may be an input.",
        )
    if not is_owned(observed, subject, recorded_uid=recorded_uid) and not is_allowed(observed, subject):
        return refuse_foreign(observed, subject, field="secretName")
    if observed.type not in WRITABLE_TYPES:
        return finding(
            Reason.TARGET_IMMUTABLE,
            f"Secret `{name}` has the type `{observed.type}`, which cannot be changed; a certificate with its key is "
            f"stored as `{TLS_TYPE}`. Delete it yourself, or choose another `secretName`.",
            detail=Detail.TYPE_DIFFERS,
        )
    if observed.immutable and not fits:
        return finding(
            Reason.TARGET_IMMUTABLE,
            f"Secret `{name}` is immutable and holds other content. Delete it yourself; it is then created anew.",
        )
    return None
