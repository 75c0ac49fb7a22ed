"""What is to be done about each target, and how each stands.

A decision is made from the content wished for, the Secret as it is, and what an earlier write of this pass came to.
One target that fails does not stop the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certwright.api.importedcertificate_status import TargetStatus
from certwright.findings import Detail, FailureCause, Finding, Reason, finding
from certwright.reconcile.importedcertificate.judgement import Content, Judgement
from certwright.reconcile.importedcertificate.ownership import (
    TLS_TYPE,
    find_obstacle,
    intended_annotations,
    intended_labels,
    is_labelled,
    is_marked,
    is_owned,
    owner_reference,
    was_created_by_us,
)
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.references import all_inputs, secret_key
from certwright.reconcile.objects import Failure, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import Action, ApplySecret, Delete, Release


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one target stands.

    Attributes:
        row: what the status remembers of it.
        action: what is still to be done.
        findings: what keeps it from holding what it should.
        stored: the Secret holds the content wished for, and bears our marks.
        retry: time may mend what is wrong.
        waiting: there is nothing to do for a person yet.
        left: the target is no longer in the spec.
    """

    key: ObjectKey
    content: Content | None
    observed: Observed | None
    row: TargetStatus | None
    action: Action | None = None
    findings: tuple[Finding, ...] = ()
    stored: bool = False
    retry: bool = False
    waiting: bool = False
    left: bool = False


def decide_targets(judgement: Judgement, snapshot: Snapshot, past: Past) -> tuple[Outcome, ...]:
    """Decide for every target of the spec, in its order, then for those that left it."""
    spec, namespace = judgement.spec, snapshot.subject.key.namespace
    if spec is None:
        return ()
    delete = spec.deletion_policy == "Delete"
    wished = tuple(_decide(content, snapshot, past, delete=delete) for content in judgement.contents)
    names = {target.secret_name for target in spec.targets}
    kept = all_inputs(spec, namespace)
    left = (
        _decide_left(secret_key(namespace, name), row, snapshot, delete=delete, inputs=kept)
        for name, row in past.targets.items()
        if name not in names
    )
    return (*wished, *(each for each in left if each is not None))


def _decide(content: Content, snapshot: Snapshot, past: Past, *, delete: bool) -> Outcome:
    key = secret_key(snapshot.subject.key.namespace, content.target.secret_name)
    observed, failure = snapshot.get(key), snapshot.failures.get(key)
    bare = Outcome(key, content, observed, past.targets.get(content.target.secret_name))
    if content.findings:
        waiting = all(each.reason in {Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED} for each in content.findings)
        retry = any(each.reason is Reason.NOT_CHECKED for each in content.findings)
        return _with(bare, *content.findings, waiting=waiting, retry=retry)
    if content.recipe is None:
        return _with(bare, _lost(key)) if content.lost else bare
    if failure is not None:
        return _failed(bare, failure)
    if observed is None:
        return _act(bare, _apply(content, key, None, snapshot, delete=delete))
    if observed.deleting:
        return _with(bare, _deleting(key), waiting=True, retry=True)
    fits = observed.written or content.fits == observed.version
    uid = bare.row.uid if bare.row and bare.row.digest else None
    obstacle = find_obstacle(observed, snapshot.subject, recorded_uid=uid, fits=fits)
    if obstacle is not None:
        return _with(bare, obstacle)
    referenced = delete and was_created_by_us(observed, snapshot.subject)
    reshaped = bare.row is not None and bare.row.digest not in (None, content.digest) and not observed.written
    if fits and not reshaped and is_marked(observed, snapshot.subject, owned_reference=referenced):
        return Outcome(key, content, observed, bare.row, stored=True)
    return _act(bare, _apply(content, key, observed, snapshot, delete=delete))


def _apply(
    content: Content, key: ObjectKey, observed: Observed | None, snapshot: Snapshot, *, delete: bool
) -> ApplySecret:
    subject = snapshot.subject
    assert content.recipe is not None  # noqa: S101 - for the type checker; asked above
    referenced = delete and (observed is None or was_created_by_us(observed, subject))
    return ApplySecret(
        key=key,
        replaces=observed.version if observed else None,
        recipe=content.recipe,
        type=observed.type if observed else TLS_TYPE,
        labels=intended_labels(),
        annotations=intended_annotations(snapshot, observed),
        owner_reference=owner_reference(subject) if referenced else None,
        stored=observed.data if observed else {},
    )


def _decide_left(
    key: ObjectKey, row: TargetStatus, snapshot: Snapshot, *, delete: bool, inputs: frozenset[ObjectKey]
) -> Outcome | None:
    """Delete or release a target that left the spec; `None` when there is nothing to remember about it."""
    subject, observed, failure = snapshot.subject, snapshot.get(key), snapshot.failures.get(key)
    if row.digest is None:
        return None  # nothing of ours ever stood there
    bare = Outcome(key, None, observed, row, left=True)
    if failure is not None:
        return _failed(bare, failure)
    if observed is None or observed.deleting or observed.version.uid != row.uid:
        return None
    if not (is_labelled(observed) or is_owned(observed, subject, recorded_uid=None)):
        return None  # released already, or taken from us
    if not is_owned(observed, subject, recorded_uid=row.uid):
        return None  # another of our objects holds it now
    if delete and was_created_by_us(observed, subject) and key not in inputs:
        return _act(bare, Delete(key, observed.version))
    return _act(bare, Release(key, observed.version))


_PERMANENT: Mapping[FailureCause, Detail] = {
    FailureCause.INVALID: Detail.WRITE_FAILED,
    FailureCause.NAMESPACE_TERMINATING: Detail.NAMESPACE_TERMINATING,
    FailureCause.TOO_LARGE: Detail.LIMIT_EXCEEDED,
}
"""Refusals that no repetition mends."""

_FOR_A_PERSON: Mapping[FailureCause, Detail] = {
    FailureCause.FORBIDDEN: Detail.FORBIDDEN,
    FailureCause.QUOTA_EXCEEDED: Detail.QUOTA_EXCEEDED,
}
"""Refusals that end when somebody changes what is not watched, a role or a quota: said at once, and tried again."""

_ADVICE: Mapping[FailureCause, str] = {
    FailureCause.FORBIDDEN: "Allow the operator to create and patch Secrets there.",
    FailureCause.QUOTA_EXCEEDED: "Raise the quota, or remove what is not needed.",
    FailureCause.NAMESPACE_TERMINATING: "The namespace is being deleted.",
    FailureCause.TOO_LARGE: "The content is larger than a Secret can be; store fewer formats or certificates.",
    FailureCause.INVALID: "The API server does not accept the Secret.",
}


def _failed(bare: Outcome, failure: Failure) -> Outcome:
    name = bare.key.name
    if failure.cause is FailureCause.IMMUTABLE:
        text = f"Secret `{name}` cannot be changed: {failure.message}. Delete it yourself; it is then created anew."
        return _with(bare, finding(Reason.TARGET_IMMUTABLE, text))
    read = bare.observed is None and failure.cause not in _PERMANENT and failure.cause not in _FOR_A_PERSON
    detail = _PERMANENT.get(failure.cause) or _FOR_A_PERSON.get(failure.cause)
    fallback = Detail.READ_FAILED if read else Detail.WRITE_FAILED
    advice = _ADVICE.get(failure.cause, "It is tried again.")
    problem = finding(Reason.STORE_FAILED, f"Secret `{name}`: {failure.message}. {advice}", detail=detail or fallback)
    return _with(bare, problem, retry=failure.cause not in _PERMANENT, waiting=detail is None)


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


def _with(bare: Outcome, *findings: Finding, waiting: bool = False, retry: bool = False) -> Outcome:
    return Outcome(
        bare.key,
        bare.content,
        bare.observed,
        bare.row,
        findings=findings,
        retry=retry,
        waiting=waiting,
        left=bare.left,
    )


def _act(bare: Outcome, action: Action) -> Outcome:
    return Outcome(bare.key, bare.content, bare.observed, bare.row, action, left=bare.left)
