"""What is to be done about each target of the wish.

A decision is made from the content wished for, the Secret as it is, and what an earlier write of this pass came to.
One target that fails does not stop the others.
"""

from __future__ import annotations

from dataclasses import replace

from certwright.findings import Finding, Reason, finding
from certwright.pki.render import SecretRecipe
from certwright.reconcile.importedcertificate.departures import decide_departures
from certwright.reconcile.importedcertificate.judgement import Content, Judgement
from certwright.reconcile.importedcertificate.outcome import Outcome, fail
from certwright.reconcile.importedcertificate.ownership import TLS_TYPE, find_obstacle
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.references import secret_key
from certwright.reconcile.marks import LABELS, intended_annotations, is_marked, owner_reference, was_created_by_us
from certwright.reconcile.objects import ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import ApplySecret


def decide_targets(judgement: Judgement, snapshot: Snapshot, past: Past) -> tuple[Outcome, ...]:
    """Decide for every target of the spec, in its order, then for those that left it."""
    spec = judgement.spec
    if spec is None:
        return ()
    delete = spec.deletion_policy == "Delete"
    wished = tuple(_decide(content, snapshot, past, delete=delete) for content in judgement.contents)
    return (*wished, *decide_departures(spec, snapshot, past))


def _decide(content: Content, snapshot: Snapshot, past: Past, *, delete: bool) -> Outcome:
    key = secret_key(snapshot.subject.key.namespace, content.target.secret_name)
    failure = snapshot.failures.get(key)
    bare = Outcome(key, content, snapshot.get(key), past.targets.get(content.target.secret_name))
    if content.findings:
        waiting = all(each.reason in {Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED} for each in content.findings)
        retry = any(each.reason is Reason.NOT_CHECKED for each in content.findings)
        return replace(bare, findings=content.findings, waiting=waiting, retry=retry)
    if content.recipe is None:
        return replace(bare, findings=(_lost(key),)) if content.lost else bare
    if failure is not None:
        return fail(bare, failure, snapshot)
    if bare.observed is None:
        return replace(bare, action=_apply(content.recipe, key, None, snapshot=snapshot, delete=delete))
    return _decide_existing(bare, content, content.recipe, bare.observed, snapshot=snapshot, delete=delete)


def _decide_existing(
    bare: Outcome, content: Content, recipe: SecretRecipe, observed: Observed, *, snapshot: Snapshot, delete: bool
) -> Outcome:
    if observed.deleting:
        return replace(bare, findings=(_deleting(bare.key),), waiting=True, retry=True)
    fits = observed.written or content.fits == observed.version
    uid = bare.row.uid if bare.row is not None and bare.row.digest is not None else None
    obstacle = find_obstacle(observed, snapshot.subject, recorded_uid=uid, fits=fits)
    if obstacle is not None:
        return replace(bare, findings=(obstacle,))
    referenced = delete and was_created_by_us(observed, snapshot.subject)
    # A format that left the wish is still in the Secret, and the rest fits.
    reshaped = bare.row is not None and bare.row.digest not in {None, content.digest} and not observed.written
    if fits and not reshaped and is_marked(observed, snapshot.subject, owned_reference=referenced):
        return replace(bare, stored=True)
    return replace(bare, action=_apply(recipe, bare.key, observed, snapshot=snapshot, delete=delete))


def _apply(
    recipe: SecretRecipe,
    key: ObjectKey,
    observed: Observed | None,
    *,
    snapshot: Snapshot,
    delete: bool,
) -> ApplySecret:
    subject = snapshot.subject
    referenced = delete and (observed is None or was_created_by_us(observed, subject))
    return ApplySecret(
        key=key,
        replaces=observed.version if observed else None,
        recipe=recipe,
        type=observed.type if observed else TLS_TYPE,
        labels=LABELS,
        annotations=intended_annotations(snapshot, observed),
        owner_reference=owner_reference(subject) if referenced else None,
        stored=observed.data if observed else {},
    )


def _lost(key: ObjectKey) -> Finding:
    return finding(
        Reason.LAST_GOOD_LOST,
        f"Secret `{key.name}` no longer holds what was served, and the material of the spec cannot replace it. Hand in "
        "a valid certificate with its key.",
    )


def _deleting(key: ObjectKey) -> Finding:
    return finding(
        Reason.TARGET_MISSING,
        f"Secret `{key.name}` is being deleted. It is created anew as soon as it is gone; if it stays, remove its "
        "finalizers.",
    )
