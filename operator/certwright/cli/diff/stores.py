"""Stores compared: what becomes of the deployment of the old side when the new side is applied, as the operator has it.

The old side is taken to be deployed, unless a status in the files says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from certwright.api.model import parse_leniently
from certwright.api.truststore_status import TrustStoreStatus
from certwright.cli.diff.comparison import Change, Flag
from certwright.cli.offline.judging import Judged
from certwright.cli.offline.objects import read_status
from certwright.cli.offline.report import Report
from certwright.cli.offline.wishes import find_unknown
from certwright.findings import Finding, Severity
from certwright.reconcile.objects import ObjectKey
from certwright.reconcile.trust.change import Difference, change_id
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.trust.staging import Staging
from certwright.reconcile.trust.withdrawal import Withdrawal
from certwright.reconcile.truststore.judgement import Judgement
from certwright.reconcile.truststore.wish import Spec, read_wish

NO_CHANGE = Difference()


@dataclass(frozen=True, slots=True)
class StoreDifference:
    """A store that is not as it was, or deploys something else.

    Attributes:
        old: the side it was on; absent for one that is added.
        new: absent for one that is removed.
        wish: what else changed in the wish of the store.
        difference: the CAs that are added, removed and changed, withdrawals aside.
        staging: what the operator would make of it; absent where nothing can be said.
        deployed_revision: what it starts from.
        approval: the id that approves it; absent where none is needed, or none can be told.
        approved: the new side names that id.
        remarks: what limits all this.
    """

    old: Report | None
    new: Report | None
    wish: tuple[str, ...] = ()
    difference: Difference = NO_CHANGE
    staging: Staging | None = None
    deployed_revision: str | None = None
    approval: str | None = None
    approved: bool = False
    flags: tuple[Flag, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """What happened."""
        if self.old is None:
            return Change.ADDED
        return Change.REMOVED if self.new is None else Change.CHANGED

    @property
    def report(self) -> Report:
        """The side that names it: the new one, if there is one."""
        found = self.new or self.old
        assert found is not None  # noqa: S101 - a difference has a side
        return found

    @property
    def withdrawals(self) -> tuple[Withdrawal, ...]:
        """What leaves at once."""
        return self.staging.withdrawals if self.staging is not None else ()

    @property
    def is_nothing(self) -> bool:
        """Say whether both sides come to the same."""
        if self.old is None or self.new is None:
            return False
        return not (self.wish or self.difference or self.withdrawals) and self.old.reason == self.new.reason


@dataclass(frozen=True, slots=True)
class _Base:
    """What a change starts from.

    Attributes:
        record: what is taken to be deployed.
        revision: of what is deployed; not that of the record when a status says otherwise.
        void: ids whose approval counts no more.
    """

    record: TrustRecord | None
    revision: str | None
    void: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Say whether what is deployed is at hand."""
        return self.revision == (self.record.revision if self.record is not None else None)


async def compare_stores(old: Judged, new: Judged) -> tuple[tuple[StoreDifference, ...], int]:
    """Compare the stores of two sides; give the differences, and how many are unchanged."""
    before, after = dict(_reports(old)), dict(_reports(new))
    found = []
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            found.append(StoreDifference(before[key], None))
        else:
            found.append(await _compare(key, before.get(key), after[key], old=old, new=new))
    differences = tuple(each for each in found if not each.is_nothing)
    return differences, len(found) - len(differences)


def _reports(side: Judged) -> Iterator[tuple[ObjectKey, Report]]:
    names = {(each.identity.kind, each.identity.namespace, each.identity.name): each for each in side.outcome.reports}
    for key in side.world.wishes:
        yield key, names[key.kind, key.namespace, key.name]


async def _compare(
    key: ObjectKey, before: Report | None, after: Report, *, old: Judged, new: Judged
) -> StoreDifference:
    base = await _find_base(key, old, new)
    judgement = await new.world.stage(key, base.record, base.void)
    specs = tuple(read_wish(side.world.wishes[key]) if key in side.world.wishes else None for side in (old, new))
    wished = [each for each in specs if each is not None and not isinstance(each, Finding)]
    found = StoreDifference(
        before,
        after,
        wish=tuple(_compare_wishes(wished[0], wished[1])) if len(wished) > 1 else (),
        staging=_read_staging(judgement),
        deployed_revision=base.revision,
    )
    found = _tell_approval(replace(found, difference=_find_difference(found)), base)
    unknown = any(True for side in (old, new) if key in side.world.files.subjects for _ in _unknown(side, key))
    if unknown and found.approval is not None:
        text = "the files lack decisions, so the id is not known: `status.pending.id` has it once this is applied."
        found = replace(found, approval=None, remarks=(*found.remarks, text))
    spec = wished[-1] if wished else None
    return replace(found, flags=tuple(_find_flags(found, wished)), approved=_is_approved(found, spec))


def _unknown(side: Judged, key: ObjectKey) -> Iterator[str]:
    return find_unknown(side.world.files.subjects[key], side.world.files)


async def _find_base(key: ObjectKey, old: Judged, new: Judged) -> _Base:
    """Find what is deployed: as a status says, the old side's if it has one, else what the old side makes."""
    record = await old.world.recall(key) if key in old.world.wishes else None
    for side in (old, new):
        for done in side.world.done:
            status = parse_leniently(TrustStoreStatus, read_status(done.document)) if done.subject.key == key else None
            if status is not None and status.observed_generation is not None:
                void = status.record.void if status.record is not None else ()
                return _Base(record if status.deployed_revision else None, status.deployed_revision, void)
    return _Base(record, record.revision if record is not None else None)


def _read_staging(judgement: Judgement) -> Staging | None:
    staged = judgement.staged
    if staged is None:
        return None
    errors = (each for each in judgement.findings if each.severity is Severity.ERROR)
    return Staging(
        entries=judgement.record.entries if judgement.record is not None else (),
        revision=staged.revision,
        withdrawals=staged.withdrawals,
        deployment=staged.deployment,
        pending=staged.pending,
        blocked=next(errors, None) if staged.is_blocked else None,
    )


def _find_difference(found: StoreDifference) -> Difference:
    staging = found.staging
    if staging is None:
        return NO_CHANGE
    if staging.pending is not None:
        return staging.pending.difference
    if staging.deployment is None:
        return NO_CHANGE
    gone = {each.entry.fingerprint for each in staging.withdrawals}
    difference = staging.deployment.difference
    return replace(difference, removed=tuple(each for each in difference.removed if each.fingerprint not in gone))


def _tell_approval(found: StoreDifference, base: _Base) -> StoreDifference:
    """Tell the id to approve, from the revision that is deployed."""
    staging = found.staging
    if staging is None or staging.pending is None or staging.blocked is not None:
        return found
    roots = staging.pending.public_roots
    remarks = [f"the id is for the public roots of {roots}: an operator may ship others."] if roots else []
    if base.is_exact:
        return replace(found, approval=staging.pending.id, remarks=tuple(remarks))
    text = f"the status says that {base.revision} is deployed, which is not what the old side makes."
    if staging.revision == base.revision:
        return replace(found, remarks=(*remarks, f"{text} What the new side makes is deployed: nothing is to approve."))
    if staging.withdrawals:
        text = f"{text} With a withdrawal the id cannot be told: `status.pending.id` has it once this is applied."
        return replace(found, remarks=(*remarks, text))
    identity = change_id(base.revision, staging.revision, base.void)
    text = f"{text} The id is for the change from there."
    return replace(found, approval=identity, remarks=(*remarks, text))


def _compare_wishes(old: Spec, new: Spec) -> Iterator[str]:
    if old.deployment.mode != new.deployment.mode:
        yield f"mode {old.deployment.mode}→{new.deployment.mode}"
    for name, field in type(new).model_fields.items():
        if name != "deployment" and getattr(old, name, None) != getattr(new, name):
            yield f"{field.alias or name} changed"


def _find_flags(found: StoreDifference, wished: list[Spec]) -> Iterator[Flag]:
    if found.withdrawals:
        yield Flag.TRUST_WITHDRAWN
    if len(wished) > 1 and (wished[0].deployment.mode, wished[1].deployment.mode) == ("Manual", "Automatic"):
        yield Flag.APPROVAL_DROPPED
    approved = [each.deployment.approved for each in wished]
    is_new = approved and approved[-1] is not None and (len(approved) < 2 or approved[0] != approved[1])  # noqa: PLR2004
    if is_new and found.approval is not None and approved[-1] != found.approval:
        yield Flag.OTHER_APPROVED


def _is_approved(found: StoreDifference, spec: Spec | None) -> bool:
    return spec is not None and found.approval is not None and spec.deployment.approved == found.approval


def count_changes(found: StoreDifference) -> Iterable[str]:
    """Count what becomes of the CAs."""
    difference = found.difference
    counts = (
        (len(found.withdrawals), "withdrawn"),
        (len(difference.added), "added"),
        (len(difference.removed), "removed"),
        (len(difference.changed), "changed"),
    )
    return [f"{number} {what}" for number, what in counts if number]
