"""Objects that bear our marks and are no target any more: deleted or released by the policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from certwright.reconcile.marks import is_owned, was_created_by_us
from certwright.reconcile.objects import Kind, Metadata, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import Action, Delete, Release
from certwright.reconcile.truststore.obstacles import Trouble, describe_failure
from certwright.reconcile.truststore.wish import Group, Spec, list_namespaces


def decide_departures(
    spec: Spec,
    groups: tuple[Group, ...],
    owned: Mapping[ObjectKey, Metadata],
    snapshot: Snapshot,
    *,
    inputs: frozenset[ObjectKey],
) -> Iterator[Action | Trouble]:
    """Say what is to be done about every object of ours that nobody wishes for, or what keeps it from being done.

    What has become an input is given up, never deleted.
    """
    delete = spec.deletion_policy == "Delete"
    for key in find_surplus(groups, owned, snapshot):
        observed, failure = snapshot.objects.get(key), snapshot.failures.get(key)
        if failure is not None:
            yield describe_failure(key, failure, version=(observed or owned[key]).version, was_read=True, left=True)
            continue
        if key in snapshot.objects and (observed is None or not _is_held(observed, snapshot)):
            continue
        target = observed or owned[key]
        deletes = delete and key not in inputs and was_created_by_us(target, snapshot.subject)
        yield Delete(key, target.version) if deletes else Release(key, target.version)


def find_surplus(
    groups: tuple[Group, ...], owned: Mapping[ObjectKey, Metadata], snapshot: Snapshot
) -> tuple[ObjectKey, ...]:
    """Give what bears our marks and is no target; what goes with its namespace is left to that."""
    wanted = sum(key in owned for group in groups for key in group.keys)
    if wanted == len(owned):
        return ()
    keys = {key for group in groups for key in group.keys}
    left = [key for key in owned if key not in keys]
    if snapshot.subject.key.namespace:
        return tuple(sorted(left))
    alive = {each.name for each in list_namespaces(snapshot) if not each.terminating}
    return tuple(sorted(key for key in left if key.kind is Kind.CLUSTER_TRUST_BUNDLE or key.namespace in alive))


def _is_held(observed: Observed, snapshot: Snapshot) -> bool:
    return is_owned(observed, snapshot.subject) and not observed.deleting
