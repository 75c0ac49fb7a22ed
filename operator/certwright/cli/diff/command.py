"""`certwright diff`: what it means that certificates were exchanged, or CAs, in one line each."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from certwright.api.model import timestamp
from certwright.cli.diff.comparison import Difference, compare
from certwright.cli.diff.set_text import describe_set, list_slots, write_sets
from certwright.cli.diff.sets import SetDifference, compare_sets
from certwright.cli.diff.store_text import describe_store, list_changes, write_stores
from certwright.cli.diff.stores import StoreDifference, compare_stores
from certwright.cli.diff.text import describe, name_of, write_text
from certwright.cli.offline import facts
from certwright.cli.offline.demands import Demands
from certwright.cli.offline.judging import Judged, judge_world
from certwright.cli.offline.options import Instant, now, read_password
from certwright.cli.offline.paths import Problem, Source, read_paths
from certwright.cli.offline.report import Report
from certwright.cli.offline.wishes import STORES
from certwright.cli.terminal import ERROR_STYLE, open_console, say
from certwright.reconcile.objects import Kind

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes; fields may be added without it."""

_OF_MANY = STORES | {Kind.CLUSTER_CERTIFICATE_SET}

SAME_EXIT, DIFFERENT_EXIT, UNJUDGED_EXIT = 0, 1, 2


@click.command(epilog="Exit status: 0 nothing changed; 1 something did; 2 something could not be read.")
@click.argument("old", type=click.Path(exists=True))
@click.argument("new", type=click.Path(exists=True))
@click.option("--at", type=Instant(), help="Judge both sides at this instant (RFC 3339) instead of now.")
@click.option("--password-file", type=click.Path(), help="The password of PKCS#12 files.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="Form of the differences.")
def diff(old: str, new: str, at: datetime | None, password_file: str | None, output: str) -> None:
    """Say what the change from OLD to NEW means for certificates and trust: files, manifests, or folders of either.

    Only the certificates themselves are compared, never their text: another order of blocks or other line ends are no
    change. Changes that deserve a second look are marked: an earlier end, a shorter validity, names or usages that
    went, another type of key, a certificate that would be refused.

    Of stores it is said which CAs are added, removed, changed and withdrawn, and the id by which the change is
    approved. What OLD makes is taken to be deployed, unless a status among the files (kubectl get -o yaml) says
    otherwise.

    Of sets it is said which certificates are exchanged, added, removed, and kept although they are not listed any more.
    """
    demands = Demands(at=at or now(), password=read_password(password_file))
    before, after = _judge(old, demands), _judge(new, demands)
    problems = (*before.outcome.problems, *after.outcome.problems)
    folders = Path(old).is_dir() and Path(new).is_dir()
    differences, unchanged = compare(_single(before), _single(after), folders=folders)
    stores, same_stores = asyncio.run(compare_stores(before, after))
    sets, same_sets = compare_sets(before, after)
    status = UNJUDGED_EXIT if problems else DIFFERENT_EXIT if differences or stores or sets else SAME_EXIT
    if output == "json":
        changes = [*map(_change, differences), *map(_store_change, stores), *map(_set_change, sets)]
        click.echo(_write_json(changes, unchanged + same_stores + same_sets, problems, at=demands.at, status=status))
    else:
        console = open_console()
        write_text(differences, console)
        write_stores(stores, console)
        write_sets(sets, console)
        errors = open_console(stderr=True)
        for each in problems:
            say(errors, ("certwright: ", ERROR_STYLE), f"{each.file}: {each.message}")
    sys.exit(status)


def _judge(path: str, demands: Demands) -> Judged:
    return judge_world(_without_empty(path), demands)


def _single(side: Judged) -> list[Report]:
    """Give what is about one certificate."""
    return [each for each in side.outcome.reports if each.identity.kind not in _OF_MANY]


def _without_empty(path: str) -> Iterator[Source | Problem]:
    # `git difftool` gives an empty file for one that is not there on its side.
    return (each for each in read_paths((path,)) if isinstance(each, Problem) or each.data.strip())


def _write_json(
    changes: list[dict[str, Any]], unchanged: int, problems: tuple[Problem, ...], *, at: datetime, status: int
) -> str:
    document = {
        "schemaVersion": SCHEMA_VERSION,
        "at": timestamp(at),
        "exitCode": status,
        "changes": changes,
        "unchanged": unchanged,
        "problems": [{"file": each.file, "line": each.line or None, "message": each.message} for each in problems],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _change(difference: Difference) -> dict[str, Any]:
    return {
        "name": name_of(difference.report),
        "kind": difference.report.identity.kind,
        "change": difference.change.value,
        "text": describe(difference),
        "flags": [flag.value for flag in difference.flags],
        "old": _side(difference.old),
        "new": _side(difference.new),
    }


def _store_change(found: StoreDifference) -> dict[str, Any]:
    return {
        "name": name_of(found.report),
        "kind": found.report.identity.kind,
        "change": found.change.value,
        "text": describe_store(found),
        "flags": [flag.value for flag in found.flags],
        "old": _side(found.old),
        "new": _side(found.new),
        **({"store": list_changes(found)} if found.new is not None else {}),
    }


def _set_change(found: SetDifference) -> dict[str, Any]:
    return {
        "name": name_of(found.report),
        "kind": found.report.identity.kind,
        "change": found.change.value,
        "text": describe_set(found),
        "flags": [flag.value for flag in found.flags],
        "old": _side(found.old),
        "new": _side(found.new),
        "set": list_slots(found),
    }


def _side(report: Report | None) -> dict[str, Any] | None:
    if report is None:
        return None
    path = [facts.describe(each, "leaf" if place == 0 else "issuer") for place, each in enumerate(report.path)]
    usages = list(facts.purposes(report.path[0])) if report.path else []
    return {
        "file": report.spot.file,
        "line": report.spot.line,
        "reason": report.reason.value,
        "path": path,
        "usages": usages,
    }
