"""Where a piece of material stands, and what stands there, or the finding that says why it cannot be used.

An absent object is a finding that its appearance mends. An object that could not be read is none of the person's
doing: `NotChecked`, and tried again.
"""

from __future__ import annotations

from dataclasses import dataclass

from certwright.findings import Detail, FailureCause, Finding, Reason, finding
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import MANAGED_BY, MANAGED_BY_LABEL, OWNER_ANNOTATION

READ_TYPES = frozenset({"", "Opaque", "kubernetes.io/tls"})
"""Types of Secrets that are read, besides our own: tokens and registry passwords are nobody's certificates."""

_KEYS_LISTED = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of material stands: an object, a key of its data, and the field of the spec that names it.

    Attributes:
        field: the path of the field in the spec, for messages: `spec.certificateRef`.
    """

    object: ObjectKey
    data_key: str
    field: str

    def __str__(self) -> str:
        """Read as messages call it."""
        return f"`{self.field}`: {self.object.kind} `{self.object.name}`, key `{self.data_key}`"


def fetch(place: Place, snapshot: Snapshot) -> bytes | Finding:
    """Give the bytes that stand at a place, or what keeps us from them."""
    observed = snapshot.get(place.object)
    if observed is None:
        return _absence(place, snapshot)
    if observed.key.kind is Kind.SECRET and observed.type not in READ_TYPES and not is_ours(observed):
        return finding(
            Reason.INVALID_REQUEST,
            f"{place}: Secrets of type `{observed.type}` are not read. Put the material into a Secret of type `Opaque` "
            "or `kubernetes.io/tls`.",
            detail=Detail.SECRET_TYPE_NOT_READ,
        )
    data = observed.data.get(place.data_key)
    if data is None:
        return finding(
            Reason.REFERENCE_NOT_FOUND,
            f"{place}: the {observed.key.kind} has no such key; {describe_keys(observed)}. Add it, or name another "
            "`key`.",
            detail=Detail.SECRET_KEY_MISSING,
        )
    return data


def is_ours(observed: Observed) -> bool:
    """Say whether certwright wrote this Secret."""
    return observed.labels.get(MANAGED_BY_LABEL) == MANAGED_BY and OWNER_ANNOTATION in observed.annotations


def _absence(place: Place, snapshot: Snapshot) -> Finding:
    failure = snapshot.failures.get(place.object)
    if failure is None:
        return finding(
            Reason.REFERENCE_NOT_FOUND,
            f"`{place.field}`: there is no {place.object.kind} `{place.object.name}` in namespace "
            f"`{place.object.namespace}`. It is judged within a second of its appearance.",
        )
    forbidden = failure.cause is FailureCause.FORBIDDEN
    return finding(
        Reason.NOT_CHECKED,
        f"`{place.field}`: {place.object.kind} `{place.object.name}` could not be read: {failure.message}. "
        "It is tried again.",
        detail=Detail.FORBIDDEN if forbidden else Detail.READ_FAILED,
    )


def describe_keys(observed: Observed) -> str:
    """Say which keys an object has, as many as a message has room for."""
    names = sorted(observed.data)
    if not names:
        return "it is empty"
    shown = ", ".join(f"`{name}`" for name in names[:_KEYS_LISTED])
    return f"it has {shown}" + (f" and {len(names) - _KEYS_LISTED} more" if len(names) > _KEYS_LISTED else "")
