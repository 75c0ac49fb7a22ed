"""Up to where the metadata of targets is believed: what is younger is looked into once.

Managed fields tell who wrote what, and anybody who may write an object may call himself what he likes in them, and copy
our digest. While we run, every foreign change is looked into as its event comes. What was changed while nobody ran is
told by its resourceVersion: no request can choose it, and it is above that of all targets that were found in order.
"""

from __future__ import annotations

from collections.abc import Mapping

from certwright.reconcile.objects import Kind, Metadata, ObjectKey

Horizon = Mapping[Kind, int]
"""The newest resourceVersion of the targets that were in order, by kind: versions of two kinds cannot be compared."""

_KINDS = {each.value: each for each in (Kind.CONFIG_MAP, Kind.SECRET, Kind.CLUSTER_TRUST_BUNDLE)}


def read_horizon(text: str | None) -> Horizon:
    """Read it as `status.record.horizon` has it; what cannot be read is believed of nothing."""
    pairs = (each.partition("=") for each in (text or "").split(","))
    return {_KINDS[kind]: int(version) for kind, _, version in pairs if kind in _KINDS and version.isdecimal()}


def write_horizon(horizon: Horizon) -> str | None:
    """Write it; `None` when it says nothing."""
    return ",".join(f"{kind.value}={version}" for kind, version in sorted(horizon.items())) or None


def is_believed(key: ObjectKey, held: Metadata, horizon: Horizon) -> bool:
    """Say whether a target that bears our digest holds what the digest says."""
    if not held.intact:
        return False
    version = held.version.resource_version
    return held.seen or (version.isdecimal() and int(version) <= horizon.get(key.kind, -1))


def extend_horizon(horizon: dict[Kind, int], key: ObjectKey, version: str) -> None:
    """Take note of a target that is in order."""
    if version.isdecimal() and int(version) > horizon.get(key.kind, -1):
        horizon[key.kind] = int(version)
