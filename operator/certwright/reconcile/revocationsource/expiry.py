"""The warning before a list ends that nobody fetches: a person has to bring the next one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from certwright.findings import Finding, Reason, warning
from certwright.pki.crl import RevocationList
from certwright.reconcile.revocationsource.order import name_list

LEFT = 0.2
"""The part of its time that is left when the warning begins."""


def warning_instant(crl: RevocationList | None, *, fetched: bool) -> datetime | None:
    """Give the instant at which the warning begins; `None` when there is none, as for a list that is fetched anew."""
    if crl is None or crl.next_update is None or fetched:
        return None
    return (crl.next_update - (crl.next_update - crl.this_update) * LEFT).replace(microsecond=0)


def warn_of_expiry(crl: RevocationList | None, now: datetime, *, fetched: bool) -> Iterator[Finding]:
    """Warn while little time is left."""
    begins = warning_instant(crl, fetched=fetched)
    if crl is not None and crl.next_update is not None and begins is not None and begins <= now <= crl.next_update:
        text = f"{name_list(crl)}, ends on {crl.next_update:%Y-%m-%d %H:%M:%S} UTC. Hand in its successor."
        yield warning(Reason.EXPIRING_SOON, text, fingerprint=crl.fingerprint)
