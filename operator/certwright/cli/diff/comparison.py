"""Two sides compared: which certificates came, went and changed, and what a reviewer should look at twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from certwright.cli.offline import facts
from certwright.cli.offline.report import FILE, Decision, Report
from certwright.pki.certificate import Certificate

Key = tuple[str, str, str, str]


class Change(StrEnum):
    """What happened to a certificate."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Flag(StrEnum):
    """What deserves a second look in a change that may be meant."""

    ENDS_EARLIER = "EndsEarlier"
    SHORTER_VALIDITY = "ShorterValidity"
    NAMES_REMOVED = "NamesRemoved"
    USAGES_REMOVED = "UsagesRemoved"
    KEY_TYPE_CHANGED = "KeyTypeChanged"
    SAME_KEY = "SameKey"
    ISSUER_CHANGED = "IssuerChanged"
    CA_CHANGED = "CAChanged"
    VERDICT_WORSE = "VerdictWorse"
    TRUST_WITHDRAWN = "TrustWithdrawn"
    TRUST_GIVEN = "TrustGiven"
    APPROVAL_DROPPED = "ApprovalDropped"
    OTHER_APPROVED = "OtherApproved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One certificate that is not as it was; one of the sides is absent where it was added or removed."""

    old: Report | None
    new: Report | None

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
    def flags(self) -> tuple[Flag, ...]:
        """What deserves a second look, in the order of `Flag`."""
        if self.old is None or self.new is None:
            return ()
        flags = [Flag.VERDICT_WORSE] if self.new.errors and self.new.reason != self.old.reason else []
        if self.old.path and self.new.path:
            old, new = self.old.path[0], self.new.path[0]
            flags += [flag for flag, holds in _SIGNS.items() if old != new and holds(old, new)]
        if self.old.decision is not None and self.new.decision is not None:
            flags += _find_turn(self.old.decision, self.new.decision)
        return tuple(sorted(flags, key=list(Flag).index))


def _find_turn(old: Decision, new: Decision) -> list[Flag]:
    match old.desired, new.desired:
        case "trusted", "untrusted":
            return [Flag.TRUST_WITHDRAWN]
        case "untrusted", "trusted":
            return [Flag.TRUST_GIVEN]
        case _:
            return []


def lifetime_days(certificate: Certificate) -> int:
    """Give how many days a certificate is valid, rounded down."""
    return (certificate.not_after - certificate.not_before).days


_SIGNS: Mapping[Flag, Callable[[Certificate, Certificate], bool]] = {
    Flag.ENDS_EARLIER: lambda old, new: new.not_after < old.not_after,
    Flag.SHORTER_VALIDITY: lambda old, new: lifetime_days(new) < lifetime_days(old),
    Flag.NAMES_REMOVED: lambda old, new: bool(set(facts.names(old)) - set(facts.names(new))),
    Flag.USAGES_REMOVED: lambda old, new: bool(set(facts.purposes(old)) - set(facts.purposes(new))),
    Flag.KEY_TYPE_CHANGED: lambda old, new: old.public_key.description != new.public_key.description,
    Flag.SAME_KEY: lambda old, new: old.public_key == new.public_key,
    Flag.ISSUER_CHANGED: lambda old, new: old.issuer != new.issuer,
    Flag.CA_CHANGED: lambda old, new: old.is_ca != new.is_ca,
}


def compare(old: Iterable[Report], new: Iterable[Report], *, folders: bool) -> tuple[tuple[Difference, ...], int]:
    """Compare two sides.

    Objects belong together by kind, namespace and name; files of folders by their path below the folder; a file
    that was named belongs to the one certificate of the other side, whatever it is called.

    Args:
        old: what was found on the old side.
        new: what was found on the new side.
        folders: the sides are folders, so that paths mean something.

    Returns:
        The differences in the order of the old side, then what was added; and how many are unchanged.
    """
    before = {_key(each, folders=folders): each for each in old}
    after = {_key(each, folders=folders): each for each in new}
    if len(before) == len(after) == 1 and not folders and FILE in {next(iter(before))[0], next(iter(after))[0]}:
        after = dict(zip(before, after.values(), strict=True))
    keys = dict.fromkeys([*before, *after])
    pairs = [Difference(before.get(key), after.get(key)) for key in keys]
    differences = tuple(each for each in pairs if not _is_unchanged(each))
    return differences, len(pairs) - len(differences)


def _key(report: Report, *, folders: bool) -> Key:
    identity = report.identity
    if identity.kind != FILE:
        return identity.kind, identity.namespace, identity.name, report.part
    return identity.kind, "", report.relative if folders else "", report.part


def _is_unchanged(difference: Difference) -> bool:
    old, new = difference.old, difference.new
    if old is None or new is None:
        return False
    if (old.path, old.reason, old.decision) != (new.path, new.reason, new.decision):
        return False
    # Where there is no certificate on either side, what is said about it is all there is to compare.
    return bool(old.path) or [each.finding for each in old.errors] == [each.finding for each in new.errors]
