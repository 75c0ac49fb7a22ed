"""What is to be done about each target: the loop that is walked for every namespace of a cluster, so it is kept light.

What is up to date is told from the metadata that the watch holds, and costs a look into two mappings. One target that
fails does not stop the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from certwright.findings import FailureCause, Finding, Reason
from certwright.pki.trust_bundle import target_matches
from certwright.reconcile.horizon import Horizon, extend_horizon, is_believed, read_horizon
from certwright.reconcile.marks import is_marked, was_created_by_us
from certwright.reconcile.objects import Failure, Kind, Metadata, ObjectKey, Observed, Snapshot, Version
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
from certwright.reconcile.truststore.past import read_past
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
        horizon: up to where metadata may be believed after a start.
    """

    targets: int = 0
    updated: int = 0
    failed: int = 0
    actions: list[Action] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    single: dict[ObjectKey, str | None] = field(default_factory=dict)
    digests: tuple[str, ...] = ()
    horizon: dict[Kind, int] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Say whether everything is where it should be, and nothing where it should not."""
        return self.updated == self.targets and not self.troubles and not self.actions


def survey_targets(judgement: Judgement, snapshot: Snapshot, settings: Settings) -> Survey:
    """Look at every target, and at what is none any more."""
    spec = judgement.spec
    if spec is None:
        return Survey()
    groups = find_groups(spec, snapshot, settings)
    horizon = read_horizon(read_past(snapshot.subject).record.horizon)
    walk = _Walk(snapshot, list_owned(snapshot), judgement.inputs, settings.namespace, horizon)
    for group in groups:
        content = find_content(judgement.contents, group)
        walk.look_at(group, content, make_intent(content, snapshot, delete=spec.deletion_policy == "Delete"))
    for each in decide_departures(spec, groups, walk.owned, snapshot, inputs=judgement.inputs):
        if isinstance(each, Trouble):
            walk.survey.troubles.append(each)
        else:
            walk.survey.actions.append(each)
    return walk.survey


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk over all targets, and what it has seen so far.

    Attributes:
        owned: what bears our marks, as the metadata watch holds it.
        inputs: what certificates of selected decisions are read from.
        records_namespace: where the records of the operator are.
        horizon: up to where metadata is believed.
    """

    snapshot: Snapshot
    owned: Mapping[ObjectKey, Metadata]
    inputs: frozenset[ObjectKey]
    records_namespace: str
    horizon: Horizon = field(default_factory=dict)
    survey: Survey = field(default_factory=Survey)

    def look_at(self, group: Group, content: Content, intent: Intent | None) -> None:
        """Look at all targets of one name; without an intent nothing is deployed, or nothing can be."""
        survey, updated = self.survey, 0
        survey.targets += len(group.keys)
        if content.problem is not None:
            self._refuse_all(group, content.problem)
        elif intent is not None:
            updated = self._look_at_each(group, intent)
        survey.updated += updated
        survey.digests += (content.digest if updated else "",)
        if not group.aim.fanned:
            whole = updated == len(group.keys)
            survey.single.update((key, content.digest if whole else None) for key in group.keys)

    def _look_at_each(self, group: Group, intent: Intent) -> int:
        # This is walked for every namespace of a cluster.
        owned, objects, failures, digest = self.owned, self.snapshot.objects, self.snapshot.failures, intent.digest
        special, updated = bool(objects or failures), 0
        forbidden = self._find_forbidden(group)
        for key in group.keys:
            if forbidden and key in forbidden:
                self._fail(Trouble(key, forbidden[key], self._version_of(key)))
            elif special and (key in objects or key in failures):
                updated += self._look_closely(key, intent)
            else:
                held = owned.get(key)
                if held is not None and held.annotations.get(DIGEST_ANNOTATION) == digest and self._believes(key, held):
                    updated += 1
                    extend_horizon(self.survey.horizon, key, held.version.resource_version)
                else:
                    self.survey.actions.append(intent.apply(key, held))
        return updated

    def _look_closely(self, key: ObjectKey, intent: Intent) -> bool:
        """Look at a target that was read, written or asked for in vain; say whether it holds what it should."""
        observed, failure = self.snapshot.objects.get(key), self.snapshot.failures.get(key)
        if failure is not None:
            self._note_failure(key, failure)
            return False
        if observed is None:
            self.survey.actions.append(intent.apply(key, None))
            return False
        fits, subject = _holds(observed, intent.content), self.snapshot.subject
        trouble = find_obstacle(observed, intent.content.aim, subject, fits=fits)
        if trouble is not None:
            self._fail(trouble)
            return False
        referenced = intent.reference is not None and was_created_by_us(observed, subject)
        marked = is_marked(observed, subject, owned_reference=referenced)
        if fits and marked and observed.annotations.get(DIGEST_ANNOTATION) == intent.digest:
            extend_horizon(self.survey.horizon, key, observed.version.resource_version)
            return True
        self.survey.actions.append(intent.apply(key, observed))
        return False

    def _believes(self, key: ObjectKey, held: Metadata) -> bool:
        return is_believed(key, held, self.horizon)

    def _note_failure(self, key: ObjectKey, failure: Failure) -> None:
        if failure.cause is FailureCause.NAMESPACE_TERMINATING:
            self.survey.targets -= 1  # it goes with its namespace
            return
        held = self.owned.get(key)
        was_read = key in self.snapshot.objects or (held is not None and held.intact)
        self._fail(describe_failure(key, failure, version=self._version_of(key), was_read=was_read))

    def _refuse_all(self, group: Group, problem: Finding) -> None:
        """Refuse what is wrong with all targets of one name, and say it once."""
        key = group.keys[0] if group.keys else ObjectKey(group.aim.kind, "", group.aim.name)
        retry = problem.reason is Reason.NOT_CHECKED
        waiting = retry or problem.reason is Reason.REFERENCE_NOT_FOUND
        self.survey.failed += len(group.keys)
        self.survey.troubles.append(Trouble(key, problem, self._version_of(key), retry=retry, waiting=waiting))

    def _find_forbidden(self, group: Group) -> Mapping[ObjectKey, Finding]:
        """Give the targets that must not be written, whatever stands there."""
        found: dict[ObjectKey, Finding] = {}
        records = ObjectKey(group.aim.kind, self.records_namespace, group.aim.name)
        if group.aim.name.startswith((RECORDS_PREFIX, LISTS_PREFIX)):
            found[records] = refuse_record_name(records)
        for key in self.inputs:
            problem = is_taken(group.aim, key, self.inputs)
            if problem is not None and key.name == group.aim.name:
                found[key] = problem
        return found

    def _version_of(self, key: ObjectKey) -> Version | None:
        target = self.snapshot.objects.get(key) or self.owned.get(key)
        return target.version if target is not None else None

    def _fail(self, trouble: Trouble) -> None:
        self.survey.failed += 1
        self.survey.troubles.append(trouble)


def _holds(observed: Observed, content: Content) -> bool:
    if observed.written:
        return observed.annotations.get(DIGEST_ANNOTATION) == content.digest
    if content.aim.format == "PKCS12":
        return content.fits.get(observed.key) == observed.version
    return content.recipe is not None and target_matches(content.recipe, observed.data)
