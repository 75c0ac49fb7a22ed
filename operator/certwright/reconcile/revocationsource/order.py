"""Which of two lists is the newer one: an order that holds within one signer and scope, for lists that are authentic.

A list that nobody has verified takes no part in it: else one with the largest number there is, signed by nobody, would
keep every true list out for ever.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from certwright.api.revocationsource_status import KeptList
from certwright.findings import Detail, Finding, Reason, finding, printable
from certwright.pki.crl import RevocationList
from certwright.pki.names import Name
from certwright.reconcile.revocationsource.past import Past

_LABEL = 48
_NUMBER = 40


def scope_of(crl: RevocationList) -> str:
    """Identify issuer, distribution point and kind of a list."""
    parts = [crl.issuer.der.hex(), crl.is_delta, _plain(crl.issuing_point)]
    return "sha256:" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Write a value of any of the parts of a scope in the same way in every process."""
    if isinstance(value, Name):
        return value.der.hex()
    if is_dataclass(value):
        return [_plain(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return sorted(value) if isinstance(value, frozenset) else value if value in (None, True, False) else repr(value)


def order_of(crl: RevocationList) -> tuple[datetime, int]:
    """Give the place of a list among others of its signer and scope."""
    return crl.this_update, -1 if crl.number is None else crl.number


def find_misplaced(crl: RevocationList, entry: KeptList, past: Past, *, fetched: bool) -> Finding | None:
    """Say why an authentic list must not take the place of the one in use.

    Args:
        crl: the new list.
        entry: what would be recorded of it.
        past: what is in use.
        fetched: it came from a server. What a person hands in is meant; what the same URL delivers is another
            list of the same kind, or somebody on the way has put an authentic one about something else in its place.
    """
    kept, order = past.kept, past.order
    if kept is None or order is None or kept.digest == entry.digest:
        return None
    if kept.scope != entry.scope:
        return _elsewhere(crl) if fetched and kept.origin == entry.origin else None
    if kept.signer == entry.signer and order_of(crl) < order:
        return _older(crl, order)
    return None


def name_list(crl: RevocationList) -> str:
    """Name a list in a sentence: by its issuer, its number and its instant."""
    number = f", number {str(crl.number)[:_NUMBER]}" if crl.number is not None else ""
    made = f"{crl.this_update:%Y-%m-%d %H:%M:%S} UTC"
    return f'the list of "{printable(crl.issuer.label, limit=_LABEL)}"{number}, made {made}'


def _older(crl: RevocationList, order: tuple[datetime, int]) -> Finding:
    at, number = order
    named = f", number {str(number)[:_NUMBER]}" if number >= 0 else ""
    return finding(
        Reason.CRL_NOT_VALID,
        f"{name_list(crl)}, is older than the one in use (made {at:%Y-%m-%d %H:%M:%S} UTC{named}). Give the present "
        "one.",
        detail=Detail.OLDER,
        fingerprint=crl.fingerprint,
    )


def _elsewhere(crl: RevocationList) -> Finding:
    return finding(
        Reason.CRL_NOT_VALID,
        f"{name_list(crl)}, is about other certificates than the one in use, which came from the same `url`. If that "
        "is meant, make a RevocationSource of its own for it.",
        detail=Detail.SCOPE,
        fingerprint=crl.fingerprint,
    )
