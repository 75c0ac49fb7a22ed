"""The work of one validation: what it may cost, and what it has seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certwright.pki.certificate import Certificate
    from certwright.pki.crl import RevocationList
    from certwright.pki.public_key import PublicKey
    from certwright.validation.options import Limits

_SECOND = timedelta(seconds=1)


class BudgetError(Exception):
    """A limit on work is used up; the message names it."""


@dataclass(slots=True)
class Work:
    """Counts the work of one validation against its limits and remembers signatures that were verified.

    Attributes:
        limits: what it may cost.
        at: the instant that is judged, whole seconds.
    """

    limits: Limits
    at: datetime
    _spent: dict[str, int] = field(default_factory=dict)
    _signatures: dict[tuple[str, PublicKey], bool] = field(default_factory=dict)

    def spend(self, what: str, amount: int = 1) -> None:
        """Count `amount` against the limit of that name.

        Raises:
            BudgetError: the limit is exceeded.
        """
        spent = self._spent.get(what, 0) + amount
        self._spent[what] = spent
        limit = getattr(self.limits, what)
        if spent > limit:
            raise BudgetError(f"more than {limit} {what.replace('_', ' ')}")

    def is_signed_by(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Tell whether the key of `issuer` verifies `certificate`; each pair is verified once.

        Raises:
            BudgetError: too many signatures were verified.
        """
        pair = (certificate.fingerprint, issuer.public_key)
        known = self._signatures.get(pair)
        if known is None:
            self.spend("signature_checks")
            known = self._signatures[pair] = certificate.signed_by(issuer)
        return known

    def is_list_signed_by(self, crl: RevocationList, key: PublicKey) -> bool:
        """Tell whether `key` verifies `crl`; each pair is verified once.

        Raises:
            BudgetError: too many signatures were verified.
        """
        pair = (crl.fingerprint, key)
        known = self._signatures.get(pair)
        if known is None:
            self.spend("signature_checks")
            known = self._signatures[pair] = crl.signed_by(key)
        return known


class Instants:
    """Collects the instants after `at` from which something is judged differently."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._found: set[datetime] = set()

    def begins(self, first: datetime) -> None:
        """Note that something begins at `first`, inclusive."""
        if first > self._at:
            self._found.add(first)

    def ends(self, last: datetime) -> None:
        """Note that something ends after `last`, inclusive to the second; the end of the calendar is never."""
        if last >= self._at and last < datetime.max.replace(microsecond=0, tzinfo=last.tzinfo):
            self._found.add(last + _SECOND)

    def covers(self, certificate: Certificate) -> None:
        """Note when `certificate` begins and ends to be valid."""
        self.begins(certificate.not_before)
        self.ends(certificate.not_after)

    @property
    def next(self) -> datetime | None:
        """The earliest of them; None when there is none."""
        return min(self._found, default=None)
