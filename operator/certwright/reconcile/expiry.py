"""What changes by time alone: the warning before a certificate ends, and when to look next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from certwright.api.importedcertificate_status import Served
from certwright.findings import Finding, Reason, warning
from certwright.pki.certificate import Certificate
from certwright.reconcile.bookkeeping import read_instant

_ONE_SECOND = timedelta(seconds=1)
_LAST = datetime.max.replace(tzinfo=UTC, microsecond=0)


def warning_instant(not_before: datetime, not_after: datetime, percentage: int) -> datetime | None:
    """Give the instant at which less than `percentage` of the lifetime is left; `None` when nobody is to be warned."""
    if percentage == 0:
        return None
    lifetime = max(not_after - not_before, timedelta(0))
    return (not_after - lifetime * percentage / 100).replace(microsecond=0)


def end_instant(not_after: datetime) -> datetime:
    """Give the first instant after the end: both ends of a validity are inclusive (RFC 5280 §4.1.2.5)."""
    # Year 9999 means "no end" (RFC 5280 §4.1.2.5), and adding to it overflows.
    return not_after + _ONE_SECOND if not_after < _LAST else _LAST


def served_instants(served: Served | None, percentage: int) -> tuple[datetime | None, datetime | None]:
    """Give the warning instant and the end of what is served."""
    if served is None:
        return None, None
    start, end = read_instant(served.valid_from), read_instant(served.valid_thru)
    if start is None or end is None:
        return None, None
    return warning_instant(start, end, percentage), end_instant(end)


def first_after(now: datetime, instants: Iterable[datetime | None]) -> datetime | None:
    """Give the earliest of the instants that is still to come."""
    return min((each for each in instants if each is not None and each > now), default=None)


def find_expiry(leaf: Certificate, warns_at: datetime | None, now: datetime) -> Iterator[Finding]:
    """Warn of the end from `warns_at` until it has come."""
    if warns_at is not None and warns_at <= now < end_instant(leaf.not_after):
        yield warning(
            Reason.EXPIRING_SOON,
            f'the certificate "{leaf.label}" (serial {leaf.serial_hex[:40]}) expires on '
            f"{leaf.not_after.date().isoformat()}. Hand in its successor.",
            fingerprint=leaf.fingerprint,
        )
