"""How far the deployed revision has got: counts, and the rows of `status.targets`."""

from __future__ import annotations

from certwright.api.truststore_status import Rollout, TargetRow
from certwright.findings import MESSAGE_LIMIT, printable
from certwright.reconcile.objects import ObjectKey, Version
from certwright.reconcile.truststore.obstacles import Trouble
from certwright.reconcile.truststore.past import Past
from certwright.reconcile.truststore.targets import Survey


def describe_rollout(survey: Survey, past: Past, *, deployed: bool, lost: bool) -> Rollout:
    """Describe how far the targets are.

    Args:
        survey: how they stand.
        past: what was said of them before.
        deployed: something is deployed.
        lost: what is deployed is not at hand, so that nothing can be said of them now.
    """
    if lost and past.status.rollout is not None:
        return past.status.rollout
    if not deployed:
        return Rollout(state="Pending", targets=survey.targets, updated_targets=0, percent_complete=0, failed=0)
    done, first = survey.done, next(iter(survey.troubles), None)
    stuck = any(not each.waiting for each in survey.troubles)
    return Rollout(
        state="Complete" if done else "Failed" if stuck else "Running",
        targets=survey.targets,
        updated_targets=survey.updated,
        percent_complete=100 * survey.updated // survey.targets if survey.targets else 100,
        failed=survey.failed,
        message=printable(first.found.message, limit=MESSAGE_LIMIT) if first is not None else "",
    )


def describe_targets(survey: Survey, past: Past) -> tuple[TargetRow, ...]:
    """Describe the targets that are not up to date, and then those that are not one in each namespace."""
    troubles = {each.key: each for each in sorted(survey.troubles, key=lambda each: each.key)}
    rows = [_describe_trouble(each, past.rows.get(each.key)) for each in troubles.values()]
    single = sorted((key, digest) for key, digest in survey.single.items() if key not in troubles)
    rows.extend(_row(key, digest) for key, digest in single if digest is None)
    rows.extend(_row(key, digest) for key, digest in single if digest is not None)
    return tuple(rows)


def _row(key: ObjectKey, digest: str | None) -> TargetRow:
    return TargetRow(
        kind=key.kind.value, namespace=key.namespace, name=key.name, updated=digest is not None, digest=digest
    )


def _describe_trouble(trouble: Trouble, before: TargetRow | None) -> TargetRow:
    key = trouble.key
    row = TargetRow(
        kind=key.kind.value,
        namespace=key.namespace,
        name=key.name,
        updated=False,
        message=printable(trouble.found.message, limit=MESSAGE_LIMIT),
    )
    return _with_version(row, trouble.version, before)


def _with_version(row: TargetRow, version: Version | None, before: TargetRow | None) -> TargetRow:
    """Remember what stands in the way: as long as it is the same object, its changes alone are no news."""
    if version is None:
        return row
    same = before is not None and (before.uid, before.message) == (version.uid, row.message)
    recorded = before.resource_version if before is not None and same else version.resource_version
    return row.model_copy(update={"uid": version.uid, "resource_version": recorded})
