"""A change of a set of certificates, as a reviewer reads it: a line for the set, and one for each certificate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from rich.console import Console

from certwright.cli.diff.comparison import Change
from certwright.cli.diff.sets import Fate, SetDifference, SlotDifference
from certwright.cli.diff.text import describe, describe_side, list_warnings, some, write_errors, write_head
from certwright.cli.offline import facts
from certwright.cli.offline.report import Report
from certwright.cli.terminal import HEADING_STYLE, QUIET_STYLE, WARNING_STYLE, say
from certwright.findings import Reason

_VERBS = {Fate.ADDED: "adds", Fate.CHANGED: "changes", Fate.REMOVED: "removes", Fate.KEPT: "keeps"}


def write_sets(differences: Iterable[SetDifference], console: Console) -> None:
    """Write a line for each set, and below it one for each certificate that is not as it was."""
    for each in differences:
        write_head(console, each.report, describe_set(each), each.change, each.of_the_whole)
        for slot in each.slots:
            warnings = list_warnings(slot.difference.flags)
            say(
                console,
                f"  {_VERBS[slot.fate]} ",
                (slot.name, HEADING_STYLE),
                f": {describe_slot(slot)}",
                (f"  [{', '.join(warnings)}]" if warnings else "", WARNING_STYLE),
            )
        write_errors(console, _without_kept(each))
        for note in each.new.notes if each.new is not None else ():
            say(console, ("  note ", QUIET_STYLE), note)


def describe_set(found: SetDifference) -> str:
    """Say what changed, in one line without the name."""
    if found.change is not Change.CHANGED:
        return ", ".join((found.change.value, *_describe_side(found)))
    counts = [(fate, sum(each.fate is fate for each in found.slots)) for fate in Fate]
    parts = [f"{number} {fate.value}" for fate, number in counts if number]
    places = (*(f"+{each}" for each in found.joining), *(f"-{each}" for each in found.leaving))
    parts += [f"namespaces {some(places)}"] if places else []
    parts += [_describe_end("there", found)] if found.leaving else []
    parts += found.wish
    if found.old is not None and found.new is not None and found.old.reason != found.new.reason:
        parts.append(f"verdict {found.old.reason.value}→{found.new.reason.value}")
    return ", ".join(parts)


def describe_slot(found: SlotDifference) -> str:
    """Say what becomes of one certificate, without its name."""
    return ", ".join(_describe_slot(found)) or "other findings"


def list_slots(found: SetDifference) -> dict[str, Any]:
    """Give the change of a set as JSON has it."""
    return {
        "oldRevision": _revision(found.old),
        "newRevision": _revision(found.new),
        "joining": list(found.joining),
        "leaving": list(found.leaving),
        "certificates": [
            {
                "name": each.name,
                "change": each.fate.value,
                "text": describe_slot(each),
                "flags": [flag.value for flag in each.difference.flags],
                "old": _path(each.difference.old),
                "new": _path(each.difference.new),
            }
            for each in found.slots
        ],
    }


def _describe_side(found: SetDifference) -> Iterator[str]:
    judged = found.report.certificate_set
    filled = sum(each.given for each in judged.slots) if judged is not None else 0
    places = facts.describe_places(judged.namespaces) if judged is not None else ""
    yield f"{filled} certificate{'' if filled == 1 else 's'} for {places}"
    if found.new is None:
        yield _describe_end("in them", found)


def _describe_end(where: str, found: SetDifference) -> str:
    return f"the Secrets {where} that certwright created go" if found.deletes else f"the Secrets {where} stay"


def _describe_slot(found: SlotDifference) -> Iterator[str]:
    old, new = found.difference.old, found.difference.new
    match found.fate:
        case Fate.ADDED:
            yield from describe_side(found.difference.report)
        case Fate.REMOVED:
            yield "it is required, and stays" if found.required else "its Secrets are deleted in every namespace"
        case Fate.KEPT:
            yield "it is not listed any more, and stays"
            yield "it is required: list it again" if found.required else "`absent` would remove it"
        case Fate.CHANGED:
            both = old is not None and new is not None and old.path and new.path
            if both and old is not None and new is not None and (old.path, old.reason) != (new.path, new.reason):
                yield describe(found.difference)
            elif not both and old is not None and new is not None:
                yield from describe_side(new) if new.path else ()
                yield from (f"verdict {old.reason.value}→{new.reason.value}",) if old.reason != new.reason else ()
    yield from found.wish


def _without_kept(found: SetDifference) -> Report | None:
    """Leave out that required certificates are missing, which was said of those that are not listed any more."""
    kept = {each.name for each in found.slots if each.fate in {Fate.KEPT, Fate.REMOVED} and each.required}
    if found.new is None or not kept:
        return found.new
    told = (
        each.finding.reason is Reason.REQUIRED_CERTIFICATE and kept >= set(each.slots) for each in found.new.findings
    )
    rest = tuple(each for each, was in zip(found.new.findings, told, strict=True) if not was)
    return replace(found.new, findings=rest)


def _revision(report: Report | None) -> str | None:
    judged = report.certificate_set if report is not None else None
    return judged.revision if judged is not None else None


def _path(report: Report | None) -> list[dict[str, object]] | None:
    if report is None:
        return None
    return [facts.describe(each, "leaf" if place == 0 else "issuer") for place, each in enumerate(report.path)]
