"""From places to passwords; what else stands at a place is `certwright.reconcile.places`' to say."""

from __future__ import annotations

from certwright.findings import Detail, Finding, Reason, finding
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.places import Place, fetch


def fetch_password(place: Place, snapshot: Snapshot) -> bytes | Finding:
    """Give a password, without the one line break that editors and `echo` leave at its end."""
    data = fetch(place, snapshot)
    if isinstance(data, Finding):
        return data
    password = data.removesuffix(b"\n").removesuffix(b"\r")
    if password:
        return password
    return finding(
        Reason.INVALID_REQUEST,
        f"{place}: the password is empty. Store one of at least one character.",
        detail=Detail.PASSWORD_MISSING,
    )
