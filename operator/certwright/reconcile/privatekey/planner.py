"""The planner: from a judgement to what is left to be done.

The Secret first, then the status that says which key it holds: so a status never names a key that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.model import dump
from certwright.api.privatekey import PrivateKeyStatus
from certwright.api.privatekey_status import KeyRecord
from certwright.findings import FailureCause, Finding, Reason, finding
from certwright.pki.key_recipe import KeyRecipe
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.plan import Action, Plan, WriteStatus
from certwright.reconcile.private_keys import find_secret
from certwright.reconcile.privatekey.events import find_events
from certwright.reconcile.privatekey.holding import Holding, find_holding
from certwright.reconcile.privatekey.judgement import Judgement
from certwright.reconcile.privatekey.past import Past, read_past
from certwright.reconcile.privatekey.standing import find_standing
from certwright.reconcile.privatekey.status import build_minimal_status, build_status
from certwright.settings import Settings

REFUSALS = frozenset({FailureCause.TOO_LARGE, FailureCause.INVALID})
"""What the API server answers to a status that it does not take; a smaller one may pass."""


def plan(judgement: Judgement, snapshot: Snapshot, *, settings: Settings, judged_by: str) -> Plan:
    """Say what is left to be done; planned again after success, nothing is."""
    if snapshot.subject.deleting:
        return Plan()
    past = read_past(snapshot.subject)
    holding = find_holding(judgement, snapshot, past)
    if holding.action is not None:
        recipe, untold = holding.action.recipe, not past.conditions
        if not (untold and isinstance(recipe, KeyRecipe) and recipe.takes_long):
            return Plan(((holding.action,),))
        # Nobody should look at an empty status for half a minute.
        holding = Holding(findings=(_announce(recipe),), waiting=True)
    standing = find_standing(judgement, holding, snapshot, past=past, settings=settings)
    status = build_status(holding, standing, judged_by=judged_by, snapshot=snapshot, past=past)
    stage = tuple(_report(status, snapshot, past))
    return Plan((stage,) if stage else (), standing.requeue_at, holding.retry)


def _announce(recipe: KeyRecipe) -> Finding:
    text = f"the key, {recipe.algorithm} {recipe.size}, is being made, which may take half a minute."
    return finding(Reason.NOT_CHECKED, text)


def _report(full: PrivateKeyStatus, snapshot: Snapshot, past: Past) -> Iterator[Action]:
    """Write the status, with the events that it is worth, unless it says what the stored one says."""
    subject, status = snapshot.subject, full
    failure = snapshot.failures.get(subject.key)
    if failure is not None:
        if failure.cause not in REFUSALS:
            return
        status = build_minimal_status(full, failure, snapshot=snapshot, past=past)
    # Conditions of others stand in the same list and are theirs to write.
    ours = tuple(each for each in past.status.conditions if each.type in past.conditions)
    if dump(_as_recorded(status, snapshot, past)) == dump(past.status.model_copy(update={"conditions": ours})):
        return
    yield WriteStatus(subject.key, subject.version, dump(status), subject)
    if failure is None:
        yield from find_events(snapshot, past, full)


def _as_recorded(status: PrivateKeyStatus, snapshot: Snapshot, past: Past) -> PrivateKeyStatus:
    """Pass over the version of a Secret that somebody else touched: while the key is the same, it is no news."""
    key, before = find_secret(snapshot.subject), past.record.inputs
    observed = snapshot.get(key) if key is not None else None
    if status.record is None or observed is None or observed.written:
        return status
    if [each.uid for each in before] != [observed.version.uid]:
        return status
    record: KeyRecord = status.record.model_copy(update={"inputs": before})
    return status.model_copy(update={"record": record})
