"""Sets of certificates compared: which are exchanged, added, removed and kept, and for which namespaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.certificateset_spec import SetCertificate, Slot
from certwright.cli.diff.comparison import Change, Difference, Flag
from certwright.cli.offline.judging import Judged
from certwright.cli.offline.objects import read_subject
from certwright.cli.offline.report import CertificateSet, Report, SlotReport
from certwright.cli.offline.set_wishes import read_set
from certwright.findings import Reason
from certwright.reconcile.objects import Kind

_TOLD_APART = frozenset({"slots", "certificates", "absent", "namespaces"})
_EMPTY = CertificateSet(None, None, (), ())


class Fate(StrEnum):
    """What becomes of a certificate of a set."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class SlotDifference:
    """One certificate of a set that is not as it was.

    Attributes:
        difference: the certificates and verdicts; a side without one has an empty path.
        wish: what else changed in what is said of it.
        required: the new side requires it.
    """

    name: str
    fate: Fate
    difference: Difference
    wish: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class SetDifference:
    """A set that is not as it was.

    Attributes:
        old: the side it was on; absent for one that is added.
        new: absent for one that is removed.
        slots: its certificates that are not as they were.
        wish: what else changed in its wish.
        joining: the namespaces that come to it, as far as they are known.
        leaving: those that leave it.
        deletes: Secrets that certwright created go with the set, or where a namespace leaves it.
    """

    old: Report | None
    new: Report | None
    slots: tuple[SlotDifference, ...] = ()
    wish: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    deletes: bool = False

    @property
    def change(self) -> Change:
        """What happened."""
        return Difference(self.old, self.new).change

    @property
    def report(self) -> Report:
        """The side that names it: the new one, if there is one."""
        return Difference(self.old, self.new).report

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What deserves a second look, in the order of `Flag`."""
        found = {flag for each in self.slots for flag in each.difference.flags}
        found.update(self.of_the_whole)
        return tuple(sorted(found, key=list(Flag).index))

    @property
    def of_the_whole(self) -> tuple[Flag, ...]:
        """Those of the flags that are not about one certificate."""
        return Difference(self.old, self.new).flags

    @property
    def is_nothing(self) -> bool:
        """Say whether both sides come to the same."""
        if self.old is None or self.new is None:
            return False
        return not (self.slots or self.wish or self.joining or self.leaving) and self.old.reason == self.new.reason


@dataclass(frozen=True, slots=True)
class _Side:
    """A set on one side."""

    report: Report
    spec: ClusterCertificateSetSpec | None

    @property
    def found(self) -> CertificateSet:
        return self.report.certificate_set or _EMPTY

    @property
    def rows(self) -> Mapping[str, SlotReport]:
        return {each.name: each for each in self.found.slots}

    @property
    def slots(self) -> Mapping[str, Slot]:
        return {each.name: each for each in self.spec.slots} if self.spec is not None else {}

    @property
    def given(self) -> Mapping[str, SetCertificate]:
        return {each.name: each for each in self.spec.certificates} if self.spec is not None else {}

    def report_of(self, name: str) -> Report:
        """Report one certificate of the set."""
        row = self.rows.get(name)
        return replace(
            self.report,
            findings=tuple(each for each in self.report.findings if name in each.slots),
            notes=("not checked",) if row is not None and row.reason == Reason.NOT_CHECKED else (),
            path=row.path if row is not None else (),
            part=name,
        )


def compare_sets(old: Judged, new: Judged) -> tuple[tuple[SetDifference, ...], int]:
    """Compare the sets of two sides; give the differences, and how many are unchanged."""
    before, after = dict(_list_sides(old)), dict(_list_sides(new))
    found = [_compare(before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])]
    differences = tuple(each for each in found if not each.is_nothing)
    return differences, len(found) - len(differences)


def _list_sides(side: Judged) -> Iterator[tuple[str, _Side]]:
    reports = {each.identity.name: each for each in side.outcome.reports if each.certificate_set is not None}
    for done in side.world.done:
        if done.subject.key.kind is Kind.CLUSTER_CERTIFICATE_SET:
            # As it is written: what it was walked as lists what it selects.
            spec = read_set(read_subject(done.document, side.world.demands.at))
            yield done.subject.key.name, _Side(reports[done.subject.key.name], spec)


def _compare(old: _Side | None, new: _Side | None) -> SetDifference:
    last = new or old
    deletes = last is not None and last.spec is not None and last.spec.deletion_policy == "Delete"
    if old is None or new is None:
        return SetDifference(
            old.report if old is not None else None, new.report if new is not None else None, deletes=deletes
        )
    names = dict.fromkeys([*old.rows, *new.rows])
    before, after = old.found.namespaces, new.found.namespaces
    return SetDifference(
        old.report,
        new.report,
        slots=tuple(each for name in names if (each := _compare_slot(name, old, new)) is not None),
        wish=tuple(_compare_wishes(old.spec, new.spec)),
        joining=tuple(each for each in after if each not in before),
        leaving=tuple(each for each in before if each not in after),
        deletes=deletes,
    )


def _compare_slot(name: str, old: _Side, new: _Side) -> SlotDifference | None:
    """Say what becomes of one certificate, `None` when nothing does."""
    was, now = name in old.given, name in new.given
    absent = new.spec is not None and name in new.spec.absent
    repeated = old.spec is not None and name in old.spec.absent
    wish = tuple(_compare_slots(old.slots.get(name), new.slots.get(name)))
    slot = new.slots.get(name)
    difference = Difference(old.report_of(name), new.report_of(name))
    found = SlotDifference(name, Fate.CHANGED, difference, wish, required=slot is not None and slot.required)
    if now and not was:
        return replace(found, fate=Fate.ADDED, difference=Difference(None, new.report_of(name)))
    if absent and not now:
        return replace(found, fate=Fate.REMOVED) if was or not repeated else None
    if was and not now:
        return replace(found, fate=Fate.KEPT)
    if now and not (difference.old and difference.old.path and difference.new and difference.new.path):
        wish = (*wish, *(("another source",) if old.given[name] != new.given[name] else ()))
    before, after = old.report_of(name), new.report_of(name)
    same = before.path == after.path and before.reason == after.reason
    return replace(found, wish=wish) if wish or not same else None


def _compare_slots(old: Slot | None, new: Slot | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield "a new slot" if old is None else "its slot is gone"
        return
    if old.secret_name != new.secret_name:
        yield f"Secret {old.secret_name}→{new.secret_name}"
    if old.required != new.required:
        yield "required" if new.required else "no longer required"
    if old.private_key != new.private_key:
        yield f"privateKey {old.private_key}→{new.private_key}"
    for name, before, after in (
        ("usages", old.usages, new.usages),
        ("dnsNames", old.dns_names, new.dns_names),
    ):
        if set(before) != set(after):
            yield f"other {name} demanded"


def _compare_wishes(old: ClusterCertificateSetSpec | None, new: ClusterCertificateSetSpec | None) -> Iterator[str]:
    if old is None or new is None:
        return
    if old.deletion_policy != new.deletion_policy:
        yield f"deletionPolicy {old.deletion_policy}→{new.deletion_policy}"
    for name, field in type(new).model_fields.items():
        if name not in _TOLD_APART | {"deletion_policy"} and getattr(old, name) != getattr(new, name):
            yield f"{field.alias or name} changed"
