"""`kubectl certwright approve`: look at the change that waits in a trust store, and approve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click
from rich.console import Console

from certwright.api.conditions import ConditionType, find_condition
from certwright.api.model import parse_leniently
from certwright.api.truststore import TrustStoreStatus
from certwright.api.truststore_status import ChangedCertificate, PendingChange
from certwright.cli.kubectl.ownership import who_writes
from certwright.cli.kubectl.session import DONE_EXIT, REFUSED_EXIT, complain, confirm, open_session, session_options
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
from certwright.findings import MESSAGE_LIMIT, ClusterError, FailureCause, Reason, printable
from certwright.reconcile.objects import Kind, ObjectKey

MANAGER = "certwright-approval"
"""Of its own, and not called kubectl…: what syncs from Git takes over what managers of that name have set."""

MOST_TRIES = 4
"""The status of a store is written often while it rolls out, and each writing makes the version that was read old."""

_NAME_LIMIT = 200


@click.command(epilog="Exit status: 0 approved, or was already; 1 not approved; 2 the API server cannot be asked.")
@click.argument("store")
@click.option("--cluster", is_flag=True, help="STORE is a ClusterTrustStore, and no TrustStore.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Have the API server try it, and change nothing.")
@session_options
def approve(store: str, *, cluster: bool, yes: bool, dry_run: bool, **where: Any) -> None:
    """Show the change that waits in the trust store STORE, ask, and approve it.

    Exactly the change that was shown is approved: `spec.deployment.approved` is set to its id. When another one waits
    by then, nothing is done. With the component `approval` this takes the verb `approve` on the store.
    """
    session = open_session(**where)
    key = ObjectKey(Kind.TRUST_STORE, session.namespace, store)
    if cluster:
        key = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", store)
    session.run(lambda objects: _approve(objects, key, yes=yes, dry_run=dry_run))


async def _approve(objects: ByHand, key: ObjectKey, *, yes: bool, dry_run: bool) -> int:
    found = await objects.read(key)
    status = parse_leniently(TrustStoreStatus, found.get("status") or {})
    pending = status.pending
    deployment = found["spec"].get("deployment") or {}
    if pending is None:
        _say_nothing_waits(key, deployment)
        return REFUSED_EXIT
    approved = find_condition(status.conditions, ConditionType.APPROVED)
    if approved is not None and approved.reason != Reason.APPROVAL_PENDING.value:
        _say_blocked(key, status)
        return REFUSED_EXIT
    console = open_console()
    show_change(console, key, pending)
    if deployment.get("approved") == pending.id:
        say(console, "It is approved already; certwright deploys it.")
        return DONE_EXIT
    _warn(console, found)
    if not dry_run and not confirm("Approve this change?", yes=yes):
        say(console, "Nothing was changed.")
        return REFUSED_EXIT
    answered = await _set(objects, key, found, pending=pending, dry_run=dry_run)
    if answered is None:
        complain(f"{key}: another change waits by now, and nothing was approved; look at it first.")
        return REFUSED_EXIT
    words = "would be approved (dry run)" if dry_run else "approved"
    say(console, (f"{key} {words}", GOOD_STYLE), f": {pending.id}")
    return DONE_EXIT


async def _set(
    objects: ByHand, key: ObjectKey, found: Mapping[str, Any], *, pending: PendingChange, dry_run: bool
) -> dict[str, Any] | None:
    for tried in range(1, MOST_TRIES + 1):
        try:
            spec = {"deployment": {"approved": pending.id}}
            return await objects.set_field(found, spec, manager=MANAGER, dry_run=dry_run)
        except ClusterError as error:
            if error.cause is not FailureCause.CONFLICT or tried == MOST_TRIES:
                raise
        again = await objects.read(key)
        now = _pending(again)
        if again["metadata"]["uid"] != found["metadata"]["uid"] or now is None or now.id != pending.id:
            return None
        found = again
    raise RuntimeError("an approval must be tried at least once")


def _pending(found: Mapping[str, Any]) -> PendingChange | None:
    return parse_leniently(TrustStoreStatus, found.get("status") or {}).pending


def _say_nothing_waits(key: ObjectKey, deployment: Mapping[str, Any]) -> None:
    if deployment.get("mode") == "Manual":
        complain(f"{key}: no change waits for approval.")
    else:
        complain(f"{key}: its mode is Automatic, so changes are deployed at once and none waits for approval.")


def _say_blocked(key: ObjectKey, status: TrustStoreStatus) -> None:
    # An id that is written now would be used as soon as that is mended, and then nobody looks at the change any more.
    ready = find_condition(status.conditions, ConditionType.READY)
    why = (
        printable(ready.message, limit=MESSAGE_LIMIT) if ready is not None and ready.message else "see its conditions."
    )
    complain(f"{key}: the change in its status waits for something else than approval: {why}")


def _warn(console: Console, found: Mapping[str, Any]) -> None:
    if (found.get("status") or {}).get("observedGeneration") != found["metadata"].get("generation"):
        words = "certwright has not looked at the store since it was last changed: another change may wait soon."
        say(console, ("warning ", WARNING_STYLE), words)
    for manager in who_writes(found, "deployment", "approved", besides=MANAGER):
        words = f'the field manager "{printable(manager, limit=_NAME_LIMIT)}" writes approvals of this store too'
        say(console, ("warning ", WARNING_STYLE), f"{words}, and may put its own back: approve where it reads them.")


def show_change(console: Console, key: ObjectKey, pending: PendingChange) -> None:
    """Write what a change does, whose it is, and its id."""
    say(console, (str(key), HEADING_STYLE), ": this change waits for approval")
    _list(console, ("+ add", GOOD_STYLE), pending.added, pending.added_count)
    _list(console, ("- remove", ERROR_STYLE), pending.removed, pending.removed_count)
    _list(console, ("~ change", WARNING_STYLE), pending.changed, pending.changed_count)
    if pending.public_roots is not None:
        say(console, f"  public roots: {printable(pending.public_roots, limit=_NAME_LIMIT)}")
    authors = ", ".join(printable(each, limit=_NAME_LIMIT) for each in pending.authors)
    say(console, "  authors: ", authors or ("not known", QUIET_STYLE))
    say(console, f"  id: {pending.id}")


def _list(
    console: Console, sign: tuple[str, str], certificates: Iterable[ChangedCertificate], count: int | None
) -> None:
    listed = tuple(certificates)
    for each in listed:
        origin = f"decision {printable(each.decision, limit=_NAME_LIMIT)}" if each.decision else "public root"
        name, effect = printable(each.name, limit=_NAME_LIMIT), printable(each.effect, limit=_NAME_LIMIT)
        what = f' "{name}", {effect} ' if effect else f' "{name}" '
        say(console, "  ", sign, what, (f"{origin}, {each.fingerprint}", QUIET_STYLE))
    if count is not None and count > len(listed):
        say(console, "  ", sign, f" and {count - len(listed)} more")
