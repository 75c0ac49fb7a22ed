"""The verdicts as text: a tree for each path, findings below it, counts at the end."""

from __future__ import annotations

from rich.console import Console

from certwright.cli.check.verdicts import summarize
from certwright.cli.offline import facts
from certwright.cli.offline.report import Bundle, CertificateSet, Located, Outcome, Report
from certwright.cli.terminal import ERROR_STYLE, GOOD_STYLE, HEADING_STYLE, QUIET_STYLE, WARNING_STYLE, say
from certwright.dialects.cluster_certificates import OK
from certwright.findings import Reason, Severity
from certwright.pki.certificate import Certificate


def write_text(outcome: Outcome, console: Console, *, verbose: bool = False) -> None:
    """Write all of it; `verbose`: with every certificate of the bundles that stores would deploy."""
    for report in outcome.reports:
        _write_report(report, console, verbose=verbose)
    for problem in outcome.problems:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        say(console, ("not judged", ERROR_STYLE), f"  {place}: {problem.message}")
    for remark in outcome.remarks:
        say(console, ("note", QUIET_STYLE), f"  {remark}")
    _write_summary(outcome, console)


def _write_report(report: Report, console: Console, *, verbose: bool) -> None:
    style = _style(report)
    say(console, (report.reason.value, style), "  ", (str(report.identity), HEADING_STYLE), _place(report))
    for depth, certificate in enumerate(report.path):
        _write_certificate(certificate, depth, report, console)
    if report.decision is not None:
        say(console, "  ", (facts.describe_decision(report.decision), QUIET_STYLE))
    if report.bundle is not None:
        _write_bundle(report.bundle, console, verbose=verbose)
    if report.certificate_set is not None:
        _write_set(report.certificate_set, console)
    if report.made:
        say(console, ("  made by the operator; in a cluster with other dates and another serial number", QUIET_STYLE))
    for each in report.findings:
        _write_finding(each, console)
    for note in report.notes:
        say(console, ("  note ", QUIET_STYLE), note)


def _style(report: Report) -> str:
    if report.errors:
        return ERROR_STYLE
    return WARNING_STYLE if report.warnings or report.reason is Reason.NOT_CHECKED else GOOD_STYLE


def _place(report: Report) -> tuple[str, str]:
    same = report.identity.name == report.spot.file
    return ("" if same else f"  {report.spot.file}:{report.spot.line}", QUIET_STYLE)


def _write_certificate(certificate: Certificate, depth: int, report: Report, console: Console) -> None:
    branch = "  " + ("   " * (depth - 1) + "└─ " if depth else "")
    dates = f"  {facts.day(certificate.not_before)} to {facts.day(certificate.not_after)}"
    key = f"{certificate.public_key.description}, serial {facts.serial(certificate)}"
    trusted = "  anchor" if certificate == report.anchor else ""
    say(console, branch, facts.label(certificate), (f"{dates}, {key}", QUIET_STYLE), (trusted, GOOD_STYLE))


def _write_bundle(bundle: Bundle, console: Console, *, verbose: bool) -> None:
    say(console, "  deploys ", facts.describe_bundle(bundle), (f", revision {bundle.revision}", QUIET_STYLE))
    if bundle.first_approval is not None:
        say(console, "  approved the first time with ", bundle.first_approval)
    for each in bundle.entries if verbose else ():
        dates = f"  {facts.day(each.certificate.not_before)} to {facts.day(each.certificate.not_after)}"
        say(console, "  - ", facts.label(each.certificate), (f"{dates}, {facts.describe_trust(each)}", QUIET_STYLE))
        say(console, "    ", (each.fingerprint, QUIET_STYLE))


def _write_set(found: CertificateSet, console: Console) -> None:
    code = str(found.code) if found.code is not None else "no code"
    revision = f", revision {found.revision}" if found.revision is not None else ""
    places = facts.describe_places(found.namespaces)
    say(console, "  ", (code, GOOD_STYLE if found.code == OK else ""), f" for {places}", (revision, QUIET_STYLE))
    for each in found.slots:
        bad = each.code != OK
        number = str(each.code) if each.code is not None else " - "
        name = each.name if each.secret is None else f"{each.name} → {each.secret}"
        text = facts.describe_slot(each)
        say(console, "  ", (number, ERROR_STYLE if bad and each.code else QUIET_STYLE), f" {name}", (text, QUIET_STYLE))


def _write_finding(located: Located, console: Console) -> None:
    found, spot = located.finding, located.spot
    is_error = found.severity is Severity.ERROR
    title = found.reason.value + (f"/{found.detail.value}" if found.detail else "")
    say(
        console,
        ("  error " if is_error else "  warning ", ERROR_STYLE if is_error else WARNING_STYLE),
        (title, HEADING_STYLE),
        f"  {found.message}",
        (f"  {spot.file}:{spot.line}", QUIET_STYLE),
    )


def _write_summary(outcome: Outcome, console: Console) -> None:
    summary = summarize(outcome)
    if not summary.total and not summary.problems:
        say(console, ("Nothing to check: no certificate, and no object that certwright knows.", WARNING_STYLE))
        return
    parts = [
        (f"{summary.good} good", GOOD_STYLE if summary.good else QUIET_STYLE),
        (f"{summary.warned} with warnings", WARNING_STYLE if summary.warned else QUIET_STYLE),
        (f"{summary.unchecked} not checked", WARNING_STYLE if summary.unchecked else QUIET_STYLE),
        (f"{summary.bad} bad", ERROR_STYLE if summary.bad else QUIET_STYLE),
    ]
    if summary.problems:
        parts.append((f"{summary.problems} could not be judged", ERROR_STYLE))
    separated = [piece for part in parts for piece in (part, ", ")][:-1]
    say(console, f"{summary.total} checked: ", *separated, ".")
