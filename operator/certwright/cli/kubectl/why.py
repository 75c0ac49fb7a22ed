"""`kubectl certwright why`: one object's conditions and findings, with what each finding means and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console

from certwright.api.crd import KINDS
from certwright.cli.kubectl.session import DONE_EXIT, open_session, session_options
from certwright.cli.terminal import (
    ERROR_STYLE,
    GOOD_STYLE,
    HEADING_STYLE,
    QUIET_STYLE,
    WARNING_STYLE,
    open_console,
    say,
)
from certwright.cluster.by_hand import ByHand
from certwright.dialects.explanations import DETAILS, EXPLANATIONS
from certwright.findings import Detail, Reason, printable
from certwright.reconcile.objects import Kind, ObjectKey

WIDTH = 100
_TEXT_LIMIT = 2000
_GOOD = {"True": GOOD_STYLE, "False": ERROR_STYLE, "Unknown": WARNING_STYLE}
_BAD_WHEN_TRUE = {"Stalled", "Reconciling", "ExpiringSoon"}


@click.command(epilog="Exit status: 0 told; 1 there is no such object; 2 the API server cannot be asked.")
@click.argument("target", metavar="KIND/NAME")
@session_options
def why(target: str, **where: Any) -> None:
    """Show the conditions and findings of an object, and what they mean.

    KIND is the name of a kind as kubectl takes it: ImportedCertificate, importedcertificates, impcert.
    """
    kind, namespaced, name = _parse(target)
    session = open_session(**where)
    key = ObjectKey(kind, session.namespace if namespaced else "", name)
    session.run(lambda objects: _explain(objects, key))


def _parse(target: str) -> tuple[Kind, bool, str]:
    word, _, name = target.partition("/")
    for kind in KINDS:
        if word.lower() in {kind.name.lower(), kind.plural, kind.short_name} and name:
            return Kind(kind.name), kind.scope == "Namespaced", name
    known = ", ".join(f"{kind.name} ({kind.short_name})" for kind in KINDS)
    raise click.UsageError(f"{target!r} must be KIND/NAME, and KIND one of {known}")


async def _explain(objects: ByHand, key: ObjectKey) -> int:
    found = await objects.read(key)
    status: Mapping[str, Any] = found.get("status") or {}
    console = open_console()
    say(console, (str(key), HEADING_STYLE))
    conditions = status.get("conditions") or ()
    if not conditions:
        say(console, "  certwright has not looked at it yet")
    elif status.get("observedGeneration") != found["metadata"].get("generation"):
        say(console, ("  certwright has not looked at it since it was last changed", WARNING_STYLE))
    for each in conditions:
        _show_condition(console, each)
    findings = status.get("findings") or ()
    for each in findings:
        _show_finding(console, each)
    shown, count = len(findings), status.get("findingsCount") or 0
    if count > shown:
        say(console, f"\nand {count - shown} more findings")
    for reason in dict.fromkeys(each["reason"] for each in findings):
        _show_explanation(console, reason)
    return DONE_EXIT


def _show_condition(console: Console, condition: Mapping[str, Any]) -> None:
    status = condition["status"]
    flipped = {"True": "False", "False": "True"} if condition["type"] in _BAD_WHEN_TRUE else {}
    style = _GOOD[flipped.get(status, status)]
    since = f"since {condition['lastTransitionTime']}"
    head = f"  {condition['type']}={status}"
    say(console, (head, style), f" {printable(condition['reason'], limit=_TEXT_LIMIT)} ", (since, QUIET_STYLE))
    if condition["message"]:
        _paragraph(console, printable(condition["message"], limit=_TEXT_LIMIT))


def _show_finding(console: Console, finding: Mapping[str, Any]) -> None:
    style = ERROR_STYLE if finding["severity"] == "Error" else WARNING_STYLE
    words = finding["reason"] + (f"/{finding['detail']}" if finding.get("detail") else "")
    say(console, "\n", (finding["severity"], style), f" {printable(words, limit=_TEXT_LIMIT)}")
    _paragraph(console, printable(finding["message"], limit=_TEXT_LIMIT))
    if finding.get("detail") in set(Detail):
        _paragraph(console, DETAILS[Detail(finding["detail"])], style=QUIET_STYLE)


def _show_explanation(console: Console, word: str) -> None:
    if word not in set(Reason):
        return  # a newer operator has words that this plugin does not know
    explanation = EXPLANATIONS[Reason(word)]
    say(console, "\n", (word, HEADING_STYLE))
    _paragraph(console, explanation.meaning)
    for cause in explanation.causes:
        _paragraph(console, f"- {cause}")
    _paragraph(console, f"What to do: {explanation.fix}")


def _paragraph(console: Console, text: str, *, style: str = "") -> None:
    for line in textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False):
        say(console, (line, style))
