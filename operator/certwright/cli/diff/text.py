"""A difference as the line a reviewer wants."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from rich.console import Console

from certwright.api.model import timestamp
from certwright.cli.diff.comparison import Change, Difference, Flag, lifetime_days
from certwright.cli.offline import facts
from certwright.cli.offline.manifests import DEFAULT_NAMESPACE
from certwright.cli.offline.report import FILE, Decision, Report
from certwright.cli.terminal import ERROR_STYLE, GOOD_STYLE, HEADING_STYLE, WARNING_STYLE, say
from certwright.findings import Reason
from certwright.pki.certificate import Certificate
from certwright.reconcile.objects import Kind

_SHOWN = 8
_WHOLE_SERIAL = 16
_STYLES = {Change.ADDED: GOOD_STYLE, Change.REMOVED: ERROR_STYLE, Change.CHANGED: ""}
_WARNINGS = {
    Flag.ENDS_EARLIER: "ends earlier",
    Flag.SHORTER_VALIDITY: "shorter validity",
    Flag.NAMES_REMOVED: "names removed",
    Flag.USAGES_REMOVED: "usages removed",
    Flag.KEY_TYPE_CHANGED: "another type of key",
    Flag.CA_CHANGED: "another kind of certificate",
    Flag.VERDICT_WORSE: "refused",
    Flag.TRUST_WITHDRAWN: "withdrawn",
    Flag.TRUST_GIVEN: "trusted again",
    Flag.APPROVAL_DROPPED: "no approval any more",
    Flag.OTHER_APPROVED: "another change is approved",
}
"""Flags that are worth a word of their own; the others stand in the line."""


def write_text(differences: Iterable[Difference], console: Console) -> None:
    """Write a line for each difference, and below it why the new certificate would be refused."""
    for each in differences:
        write_head(console, each.report, describe(each), each.change, each.flags)
        write_errors(console, each.new)


def write_head(console: Console, report: Report, text: str, change: Change, flags: Collection[Flag]) -> None:
    """Write the line of a difference."""
    warnings = list_warnings(flags)
    say(
        console,
        (name_of(report), HEADING_STYLE),
        ": ",
        (text, _STYLES[change]),
        (f"  [{', '.join(warnings)}]" if warnings else "", WARNING_STYLE),
    )


def list_warnings(flags: Collection[Flag]) -> list[str]:
    """Give the words of the flags that are worth one."""
    return [words for flag, words in _WARNINGS.items() if flag in flags]


def write_errors(console: Console, report: Report | None, *, told: Reason | None = None) -> None:
    """Write why something would be refused, but for the reason that was told already."""
    for located in report.errors if report is not None else ():
        found = located.finding
        if found.reason is not told:
            say(console, ("  error ", ERROR_STYLE), f"{found.reason.value}  {found.message}")


def name_of(report: Report) -> str:
    """Give what a line begins with: the name of an ImportedCertificate, others with their kind, files as they are."""
    identity = report.identity
    if identity.kind == FILE:
        return f"{report.relative}: {report.part}" if report.part else report.relative
    name = identity.name if identity.namespace in {"", DEFAULT_NAMESPACE} else f"{identity.namespace}/{identity.name}"
    return name if identity.kind == Kind.IMPORTED_CERTIFICATE else f"{identity.kind} {name}"


def describe(difference: Difference) -> str:
    """Say what changed, in one line without the name."""
    old, new = difference.old, difference.new
    if old is None or new is None:
        return ", ".join((difference.change.value, *describe_side(difference.report)))
    parts = []
    if old.path and new.path:
        parts += [*_describe_leaves(old.path[0], new.path[0]), *_describe_chains(old.path[1:], new.path[1:])]
    elif old.path:
        parts.append("no longer a certificate")
    elif new.path:
        parts += ["now a certificate", *describe_side(new)]
    if old.decision is not None and new.decision is not None:
        parts += _describe_decisions(old.decision, new.decision)
    if old.reason != new.reason:
        parts.append(f"verdict {old.reason.value}→{new.reason.value}")
    return ", ".join(parts) or "other findings"


def describe_side(report: Report) -> Iterator[str]:
    """Say what a certificate is."""
    if not report.path:
        yield f"no certificate ({report.reason.value})"
        return
    leaf = report.path[0]
    yield f"serial {_short(facts.serial(leaf))}"
    yield f"until {facts.day(leaf.not_after)}"
    if facts.names(leaf):
        yield f"names {some(facts.names(leaf))}"
    yield f"issuer {facts.issuer(leaf)}"
    yield leaf.public_key.description
    if report.decision is not None:
        yield facts.describe_decision(report.decision)


def _describe_decisions(old: Decision, new: Decision) -> Iterator[str]:
    if old.use != new.use:
        yield f"{old.use}→{new.use}"
    if old.desired != new.desired:
        yield f"{old.desired}→{new.desired}"
    if old.until != new.until:
        yield f"trusted until {_instant(old.until)}→{_instant(new.until)}"


def _instant(until: datetime | None) -> str:
    return timestamp(until) if until is not None else "its own end"


def _describe_leaves(old: Certificate, new: Certificate) -> Iterator[str]:
    if old == new:
        yield "same certificate"
        return
    yield _describe_serials(facts.serial(old), facts.serial(new))
    yield from _describe_dates(old, new)
    yield _describe_sets("names", facts.names(old), facts.names(new)) or "names unchanged"
    if old.subject != new.subject:
        yield f"subject {facts.subject(old)}→{facts.subject(new)}"
    yield "issuer unchanged" if old.issuer == new.issuer else f"issuer {facts.issuer(old)}→{facts.issuer(new)}"
    yield "same key" if old.public_key == new.public_key else _describe_new_key(old, new)
    usages = _describe_sets("usages", facts.purposes(old), facts.purposes(new))
    if usages:
        yield usages
    if old.is_ca != new.is_ca:
        yield "now a CA" if new.is_ca else "no longer a CA"


def _describe_serials(old: str, new: str) -> str:
    if old == new:
        return f"serial {_short(old)} unchanged"
    shown = (_short(old), _short(new))
    return "serial " + "→".join(shown if shown[0] != shown[1] else (old, new))


def _describe_dates(old: Certificate, new: Certificate) -> Iterator[str]:
    if old.not_after != new.not_after:
        days = facts.day(old.not_after), facts.day(new.not_after)
        precise = f"{old.not_after:%Y-%m-%d %H:%M:%S}", f"{new.not_after:%Y-%m-%d %H:%M:%S}"
        yield "until " + "→".join(days if days[0] != days[1] else precise)
    if lifetime_days(new) < lifetime_days(old):
        yield f"valid for {lifetime_days(old)}→{lifetime_days(new)} days"


def _describe_new_key(old: Certificate, new: Certificate) -> str:
    before, after = old.public_key.description, new.public_key.description
    return "new key" if before == after else f"new key {before}→{after}"


def _describe_sets(what: str, old: Iterable[str], new: Iterable[str]) -> str:
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    added = [f"+{each}" for each in after if each not in before]
    removed = [f"-{each}" for each in before if each not in after]
    return f"{what} {some((*added, *removed), ' ')}" if added or removed else ""


def _describe_chains(old: tuple[Certificate, ...], new: tuple[Certificate, ...]) -> list[str]:
    if old == new:
        return []
    if set(old) == set(new):
        return ["chain in another order"]
    return [_describe_sets("chain", map(_link, old), map(_link, new))]


def _link(certificate: Certificate) -> str:
    return f'"{facts.label(certificate)}" ({_short(facts.serial(certificate))})'


def _short(serial: str) -> str:
    return serial if len(serial) <= _WHOLE_SERIAL else f"{serial[:8]}…"


def some(texts: tuple[str, ...], separator: str = " ") -> str:
    """Name a few, and count the others."""
    more = f"{separator}and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return separator.join(texts[:_SHOWN]) + more
