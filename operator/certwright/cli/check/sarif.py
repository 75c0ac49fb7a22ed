"""The verdicts as SARIF 2.1.0, which code hosts show beside the lines of a change (OASIS Standard, 27 March 2020)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from certwright import __version__
from certwright.cli.offline.report import FILE, Identity, Outcome, Spot
from certwright.dialects.code_book import codes_of
from certwright.dialects.explanations import EXPLANATIONS, REMARKS
from certwright.findings import Finding, Reason, Severity

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def write_sarif(outcome: Outcome, *, exit_code: int) -> str:
    """Write all of it as one run."""
    results = list(_results(outcome))
    rules = sorted({Reason(each["ruleId"]) for each in results})
    places = {reason.value: place for place, reason in enumerate(rules)}
    for each in results:
        each["ruleIndex"] = places[each["ruleId"]]
    run = {
        "tool": {"driver": {"name": "certwright", "version": __version__, "rules": [_rule(each) for each in rules]}},
        "invocations": [
            {
                "executionSuccessful": not outcome.problems,
                "exitCode": exit_code,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": each.message},
                        "locations": [_location(Spot(each.file, max(each.line, 1)))],
                    }
                    for each in outcome.problems
                ],
            }
        ],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": VERSION, "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(reason: Reason) -> Mapping[str, Any]:
    explanation = EXPLANATIONS[reason]
    codes = ", ".join(f"{code.title} ({code.source})" for code in codes_of(reason))
    causes = "\n".join(f"- {cause}" for cause in explanation.causes)
    paragraphs = [explanation.meaning, causes and f"Usual causes:\n\n{causes}", f"What to do: {explanation.fix}"]
    text = "\n\n".join(filter(None, [*paragraphs, codes and f"Codes: {codes}."]))
    level = "note" if reason is Reason.NOT_CHECKED else "warning" if reason in REMARKS else "error"
    return {
        "id": reason.value,
        "name": reason.value,
        "shortDescription": {"text": explanation.meaning},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": level},
    }


def _results(outcome: Outcome) -> Iterator[dict[str, Any]]:
    for report in outcome.reports:
        for each in report.findings:
            found = each.finding
            yield _result(found.reason, _LEVELS[found.severity], found.message, each.spot, report.identity) | _more(
                found
            )
        for note in report.notes:
            yield _result(Reason.NOT_CHECKED, "note", note, report.spot, report.identity)


def _result(reason: Reason, level: str, message: str, spot: Spot, identity: Identity) -> dict[str, Any]:
    location = _location(spot)
    if identity.kind != FILE:
        name = "/".join(filter(None, (identity.kind, identity.namespace, identity.name)))
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "object"}]
    # The same finding about the same object is the same alert, also when lines move.
    stable = _digest((reason.value, str(identity), message))
    return {
        "ruleId": reason.value,
        "level": level,
        "message": {"text": message},
        "locations": [location],
        "partialFingerprints": {"certwright/v1": stable},
    }


def _more(found: Finding) -> dict[str, Any]:
    properties = {"detail": found.detail and found.detail.value, "certificate": found.fingerprint}
    given = {name: value for name, value in properties.items() if value}
    return {"properties": given} if given else {}


def _location(spot: Spot) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(spot.file)}, "region": {"startLine": spot.line}}}


def _uri(file: str) -> str:
    """Give a URI reference, relative to where the command runs if the file is below; standard input has a name."""
    if file == "-":
        return "stdin"
    path = Path(file)
    if path.is_absolute():
        try:
            path = path.relative_to(Path.cwd())
        except ValueError:
            return path.as_uri()
    return quote(path.as_posix())


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
