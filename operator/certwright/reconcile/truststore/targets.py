"""What is to be done about each target: the loop that is walked for every namespace of a cluster, so it is kept light.

What is up to date is told from the metadata that the watch holds, and costs a look into two mappings. One target that
fails does not stop the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from certwright.findings import FailureCause, Reason
from certwright.pki.trust_bundle import target_matches
from certwright.reconcile.marks import is_marked, was_created_by_us
from certwright.reconcile.objects import Metadata, ObjectKey, Observed, Snapshot
from certwright.reconcile.offers import NAME_PREFIX as LISTS_PREFIX
from certwright.reconcile.plan import DIGEST_ANNOTATION, Action
from certwright.reconcile.questions import Owned
from certwright.reconcile.trust.record import NAME_PREFIX as RECORDS_PREFIX
from certwright.reconcile.truststore.contents import Content, find_content, is_taken
from certwright.reconcile.truststore.departures import decide_departures
from certwright.reconcile.truststore.intent import Intent, make_intent
from certwright.reconcile.truststore.judgement import Judgement
from certwright.reconcile.truststore.obstacles import (
    Trouble,
    describe_failure,
    find_obstacle,
    refuse_record_name,
)
from certwright.reconcile.truststore.wish import Group, find_groups
from certwright.settings import Settings

NOBODY: Mapping[ObjectKey, Metadata] = {}


def list_owned(snapshot: Snapshot) -> Mapping[ObjectKey, Metadata]:
    """Give the objects that bear our marks, as the metadata watch holds them."""
    answer: Mapping[ObjectKey, Metadata] = snapshot.answers.get(Owned(snapshot.subject.key), NOBODY)
    return answer


@dataclass(slots=True)
class Survey:
    """How the targets stand, and what is to be done about them; filled while they are looked at.

    Attributes:
        targets: how many are wished for.
        updated: how many hold what they should.
        failed: how many of them something keeps from that.
        actions: what is to be done, departures included.
        troubles: what keeps targets from being as they should be.
        single: of the targets that are not one in each namespace, what each holds; `None` when not what it should.
        digests: what the targets of each name bear; empty where none holds what it should.
    """

    targets: int = 0
    updated: int = 0
    failed: int = 0
    actions: list[Action] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    single: dict[ObjectKey, str | None] = field(default_factory=dict)
    digests: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Say whether everything is where it should be, and nothing where it should not."""
        return self.updated == self.targets and not self.troubles and not self.actions


def survey_targets(judgement: Judgement, snapshot: Snapshot, settings: Settings) -> Survey:
    """Look at every target, and at what is none any more."""
    survey = Survey()
    spec = judgement.spec
    if spec is None:
        return survey
    groups = find_groups(spec, snapshot, settings)
    owned = list_owned(snapshot)
    for group in groups:
        content = find_content(judgement.contents, group)
        survey.targets += len(group.keys)
        intent = make_intent(content, snapshot, delete=spec.deletion_policy == "Delete")
        before = survey.updated
        if content.problem is not None:
            survey.failed += len(group.keys)
            key = group.keys[0] if group.keys else ObjectKey(group.aim.kind, "", group.aim.name)
            retry = content.problem.reason is Reason.NOT_CHECKED
            waiting = retry or content.problem.reason is Reason.REFERENCE_NOT_FOUND
            survey.troubles.append(Trouble(key, content.problem, retry=retry, waiting=waiting))
        elif intent is not None:
            _survey_group(group, intent, owned, snapshot, survey, judgement.inputs, settings.namespace)
        if not group.aim.fanned:
            survey.single.update((key, survey.single.get(key)) for key in group.keys)
        survey.digests += (content.digest if survey.updated > before else "",)
    for each in decide_departures(spec, groups, owned, snapshot, inputs=judgement.inputs):
        if isinstance(each, Trouble):
            survey.troubles.append(each)
        else:
            survey.actions.append(each)
    return survey


def _survey_group(  # noqa: PLR0913, PLR0917 - the innermost loop: one call for all targets of one name
    group: Group,
    intent: Intent,
    owned: Mapping[ObjectKey, Metadata],
    snapshot: Snapshot,
    survey: Survey,
    inputs: frozenset[ObjectKey],
    records_namespace: str,
) -> None:
    objects, failures, digest = snapshot.objects, snapshot.failures, intent.content.digest
    special = bool(objects or failures)
    updated, single = 0, not group.aim.fanned
    like_records = group.aim.name.startswith((RECORDS_PREFIX, LISTS_PREFIX))
    for key in group.keys:
        if (inputs and key in inputs) or (like_records and key.namespace == records_namespace):
            problem = is_taken(group.aim, key, inputs)
            _fail(survey, Trouble(key, problem) if problem is not None else refuse_record_name(key))
        elif special and (key in objects or key in failures):
            if _survey_known(key, intent, snapshot, survey):
                updated += 1
                if single:
                    survey.single[key] = digest
        else:
            held = owned.get(key)
            if held is not None and held.intact and held.annotations.get(DIGEST_ANNOTATION) == digest:
                updated += 1
                if single:
                    survey.single[key] = digest
            else:
                survey.actions.append(intent.apply(key, held))
    survey.updated += updated


def _survey_known(key: ObjectKey, intent: Intent, snapshot: Snapshot, survey: Survey) -> bool:
    """Look at a target that was read, written or asked for in vain; say whether it holds what it should."""
    observed, failure = snapshot.objects.get(key), snapshot.failures.get(key)
    if failure is not None:
        if failure.cause is FailureCause.NAMESPACE_TERMINATING:
            survey.targets -= 1  # it goes with its namespace
        else:
            _fail(survey, describe_failure(key, failure, observed=observed, was_read=key in snapshot.objects))
        return False
    if observed is None:
        survey.actions.append(intent.apply(key, None))
        return False
    fits = _holds(observed, intent.content)
    trouble = find_obstacle(observed, intent.content.aim, snapshot.subject, fits=fits)
    if trouble is not None:
        _fail(survey, trouble)
        return False
    created = was_created_by_us(observed, snapshot.subject)
    marked = is_marked(observed, snapshot.subject, owned_reference=created and intent.reference is not None)
    if fits and marked and observed.annotations.get(DIGEST_ANNOTATION) == intent.content.digest:
        return True
    survey.actions.append(intent.apply(key, observed))
    return False


def _holds(observed: Observed, content: Content) -> bool:
    if observed.written:
        return observed.annotations.get(DIGEST_ANNOTATION) == content.digest
    if content.aim.format == "PKCS12":
        return content.fits.get(observed.key) == observed.version
    return content.recipe is not None and target_matches(content.recipe, observed.data)


def _fail(survey: Survey, trouble: Trouble) -> None:
    survey.failed += 1
    survey.troubles.append(trouble)
