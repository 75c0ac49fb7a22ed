"""Workloads as the API server describes them: has everything taken up the new template, and if not, why.

A roll-out is complete when the controller has seen this generation and every wanted replica is updated and available;
the fields differ by kind. What stands still until a person acts is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from certwright.reconcile.objects import Kind, Observed


class Progress(StrEnum):
    """Where a roll-out stands."""

    COMPLETE = "Complete"
    RUNNING = "Running"
    BLOCKED = "Blocked"


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a roll-out stands, and in words what it waits for."""

    progress: Progress
    message: str = ""


def template_annotation(workload: Observed, name: str) -> str | None:
    """Give an annotation of the pod template."""
    template = _mapping(_mapping(workload.manifest, "spec"), "template")
    value = _mapping(_mapping(template, "metadata"), "annotations").get(name)
    return value if isinstance(value, str) else None


def has_no_replicas(workload: Observed) -> bool:
    """Say whether no pod is wanted: then every pod that comes later starts with the new certificate."""
    spec, status = _mapping(workload.manifest, "spec"), _mapping(workload.manifest, "status")
    if workload.key.kind is Kind.DAEMON_SET:
        return _is_observed(workload) and _number(status, "desiredNumberScheduled") == 0
    return _number(spec, "replicas", default=1) == 0 and _number(status, "replicas") == 0


def observe_rollout(workload: Observed) -> Rollout:
    """Say where the roll-out of the present template stands."""
    spec = _mapping(workload.manifest, "spec")
    missing = _missing(workload)
    if missing is None:
        return Rollout(Progress.COMPLETE)
    if spec.get("paused") is True:
        return Rollout(Progress.BLOCKED, "its roll-outs are paused: run `kubectl rollout resume`")
    if _mapping(spec, "updateStrategy").get("type") == "OnDelete":
        return Rollout(Progress.BLOCKED, "its update strategy is `OnDelete`: delete its pods to restart them")
    return Rollout(Progress.RUNNING, missing)


def _missing(workload: Observed) -> str | None:
    if not _is_observed(workload):
        return "its controller has not seen the change yet"
    status, spec = _mapping(workload.manifest, "status"), _mapping(workload.manifest, "spec")
    if workload.key.kind is Kind.DAEMON_SET:
        wanted = _number(status, "desiredNumberScheduled")
        updated, available = _number(status, "updatedNumberScheduled"), _number(status, "numberAvailable")
        total = wanted
    else:
        wanted = _number(spec, "replicas", default=1)
        updated, available = _number(status, "updatedReplicas"), _number(status, "availableReplicas")
        total = _number(status, "replicas")
    if updated < wanted:
        return f"{updated} of {wanted} replicas are updated"
    if total > updated:
        return f"{total - updated} old replicas are still running"
    if available < wanted:
        return f"{available} of {wanted} replicas are available"
    return None


def _is_observed(workload: Observed) -> bool:
    generation = _number(_mapping(workload.manifest, "metadata"), "generation")
    return _number(_mapping(workload.manifest, "status"), "observedGeneration") >= generation


def _mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(holder: Mapping[str, Any], name: str, *, default: int = 0) -> int:
    value = holder.get(name, default)
    return value if isinstance(value, int) else default
