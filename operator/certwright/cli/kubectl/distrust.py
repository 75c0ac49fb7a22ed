"""`kubectl certwright distrust`: see who rests on a CA, and withdraw the trust in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import click
from rich.console import Console

from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.model import parse_leniently
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.api.trustdecision_status import StoreEntry
from certwright.api.truststore import TrustStoreStatus
from certwright.cli.kubectl.ownership import who_writes
from certwright.cli.kubectl.session import DONE_EXIT, REFUSED_EXIT, confirm, open_session, session_options
from certwright.cli.terminal import GOOD_STYLE, HEADING_STYLE, QUIET_STYLE, WARNING_STYLE, open_console, say
from certwright.cluster.by_hand import ByHand
from certwright.findings import ClusterError, FailureCause, printable
from certwright.reconcile.objects import Kind, ObjectKey

MANAGER = "certwright-distrust"
"""Of its own, and not called kubectl…: what syncs from Git takes over what managers of that name have set."""

FIELD = "trustStateDesired"
WITHDRAWN = {FIELD: "untrusted"}
STORE_KINDS = {Kind.TRUST_STORE.value, Kind.CLUSTER_TRUST_STORE.value}
MOST_SHOWN = 20
MOST_TRIES = 4
_NAME_LIMIT = 200


@click.command(epilog="Exit status: 0 withdrawn, or was already; 1 not withdrawn; 2 the API server cannot be asked.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Have the API server try it, and change nothing.")
@session_options
def distrust(name: str, *, yes: bool, dry_run: bool, **where: Any) -> None:
    """Show the CA of the TrustDecision NAME and who rests on it, ask, and withdraw the trust in it.

    The CA leaves every store and every verdict at once, without approval. `spec.trustStateDesired` is set to
    `untrusted`, and stays so when manifests that do not mention the field are applied later. To trust it again takes,
    with the component `approval`, the verb `trust`; to withdraw takes no verb.
    """
    session = open_session(**where)
    key = ObjectKey(Kind.TRUST_DECISION, session.namespace, name)
    session.run(lambda objects: _distrust(objects, key, yes=yes, dry_run=dry_run))


async def _distrust(objects: ByHand, key: ObjectKey, *, yes: bool, dry_run: bool) -> int:
    found = await objects.read(key)
    status = parse_leniently(TrustDecisionStatus, found.get("status") or {})
    console = open_console()
    _show_authority(console, key, status)
    if found["spec"].get(FIELD) == "untrusted":
        say(console, "It is untrusted already.")
        return DONE_EXIT
    for entry in status.stores:
        say(console, "  ", await _describe_store(objects, entry))
    if status.stores_count is not None and status.stores_count > len(status.stores):
        say(console, f"  and {status.stores_count - len(status.stores)} more stores")
    if not status.stores:
        say(console, "  no store holds it")
    await _show_certificates(console, objects, status)
    for manager in who_writes(found, FIELD, besides=MANAGER):
        words = f'"{printable(manager, limit=_NAME_LIMIT)}" applies this object with `{FIELD}` in it'
        say(console, ("warning ", WARNING_STYLE), f"{words}, and will put that back: take it out there, or change it.")
    if not dry_run and not confirm("Withdraw the trust in this CA?", yes=yes):
        say(console, "Nothing was changed.")
        return REFUSED_EXIT
    await _set(objects, key, found, dry_run=dry_run)
    words = "would be untrusted (dry run)" if dry_run else "untrusted"
    say(console, (f"{key} {words}", GOOD_STYLE))
    return DONE_EXIT


async def _set(objects: ByHand, key: ObjectKey, found: Mapping[str, Any], *, dry_run: bool) -> None:
    for tried in range(1, MOST_TRIES + 1):
        try:
            await objects.set_field(found, WITHDRAWN, manager=MANAGER, dry_run=dry_run)
        except ClusterError as error:
            if error.cause is not FailureCause.CONFLICT or tried == MOST_TRIES:
                raise
        else:
            return
        again = await objects.read(key)
        if again["metadata"]["uid"] != found["metadata"]["uid"] or again["spec"] != found["spec"]:
            raise ClusterError(FailureCause.CONFLICT, f"{key} was changed meanwhile; look at it again.")
        found = again


def _show_authority(console: Console, key: ObjectKey, status: TrustDecisionStatus) -> None:
    say(console, (str(key), HEADING_STYLE))
    if status.fingerprint is None:
        say(console, ("  its certificate is not known yet", QUIET_STYLE))
        return
    name = printable(status.cn or "", limit=_NAME_LIMIT)
    say(console, f'  CA "{name}", {status.trust_state or "not judged yet"}, until {status.expiry_timestamp or "?"}')
    say(console, f"  {status.fingerprint}")


async def _describe_store(objects: ByHand, entry: StoreEntry) -> str:
    """Say what a store loses; one that may not be read is named all the same."""
    if entry.kind not in STORE_KINDS:
        return f"{entry.kind} {entry.name}"  # a newer version knows it
    key = ObjectKey(Kind(entry.kind), entry.namespace, entry.name)
    words = f"{key}: {entry.deploy_status}"
    if entry.deploy_status == "DEPLOY_PENDING":
        return f"{words}, waits to be deployed there, and will not be"
    try:
        found = await objects.read(key)
    except ClusterError as error:
        return f"{words}, cannot be read ({error.cause})"
    status = parse_leniently(TrustStoreStatus, found.get("status") or {})
    if status.rollout is not None:
        words += f", taken out of {status.rollout.targets} targets"
    if status.certificates == 1:
        words += ", and it is the last one there: targets keep it unless `allowEmpty` is set, but nothing rests on it"
    return words


async def _show_certificates(console: Console, objects: ByHand, status: TrustDecisionStatus) -> None:
    if status.fingerprint is None:
        return
    try:
        resting = [each async for each in _resting_on(objects, status.fingerprint, _namespaces(status))]
    except ClusterError as error:
        say(console, (f"  certificates that rest on it cannot be listed ({error.cause})", QUIET_STYLE))
        return
    for key in resting[:MOST_SHOWN]:
        say(console, f"  {key}: trusted by this CA, and no more")
    if len(resting) > MOST_SHOWN:
        say(console, f"  and {len(resting) - MOST_SHOWN} more ImportedCertificates")


def _namespaces(status: TrustDecisionStatus) -> tuple[str, ...]:
    """Say where certificates may rest on it: everywhere when a store of the whole cluster holds it."""
    if any(entry.kind == Kind.CLUSTER_TRUST_STORE for entry in status.stores):
        return ("",)
    return tuple(sorted({entry.namespace for entry in status.stores if entry.namespace}))


async def _resting_on(objects: ByHand, fingerprint: str, namespaces: tuple[str, ...]) -> AsyncIterator[ObjectKey]:
    for namespace in namespaces:
        for found in await objects.read_all(Kind.IMPORTED_CERTIFICATE, namespace):
            status = parse_leniently(ImportedCertificateStatus, found.get("status") or {})
            served = status.served
            # Without an anchor no store was asked, and nothing is withdrawn from it.
            path = (*served.chain, served.anchor) if served is not None and served.anchor is not None else ()
            if any(each.fingerprint == fingerprint for each in path):
                metadata = found["metadata"]
                yield ObjectKey(Kind.IMPORTED_CERTIFICATE, metadata["namespace"], metadata["name"])
