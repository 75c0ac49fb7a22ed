"""`kubectl certwright inventory`: every certificate and CA that certwright knows, what ends first on top."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
import yaml

from certwright.api.kind import API_VERSION
from certwright.cli.kubectl.session import DONE_EXIT, REFUSED_EXIT, complain, open_session, session_options
from certwright.cli.terminal import HEADING_STYLE, open_console, say
from certwright.cluster.by_hand import ByHand
from certwright.findings import ClusterError, printable
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import MANAGED_BY, MANAGED_BY_LABEL

HEADS = ("UNTIL", "OBJECT", "CODE", "STORE", "ISSUER")
NOTHING = "-"
TLS_SECRETS = "type=kubernetes.io/tls"
TEXT_LIMIT = 120
_MILLISECONDS = 1000

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One certificate.

    Attributes:
        until: its last instant, as RFC 3339 in UTC; empty when none is known.
        code: the documented number or word of its state.
    """

    until: str
    name: str
    code: str
    store: str = ""
    issuer: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Give what the table shows."""
        cells = (self.until, self.name, self.code, self.store, self.issuer)
        return tuple(printable(each, limit=TEXT_LIMIT) or NOTHING for each in cells)


@click.command(epilog="Exit status: 0 listed; 1 something could not be; 2 the API server cannot be asked.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "manifests"]),
    default="table",
    help="`manifests` prints an ImportedCertificate for each TLS Secret that nobody watches yet.",
)
@session_options
def inventory(*, all_namespaces: bool, output: str, **where: Any) -> None:
    """List all certificates and CAs: until when they are valid, their code, their store, and who issued them.

    What an ImportedCertificate serves is listed, not what was refused. With `-o manifests` TLS Secrets that certwright
    does not write are listed by their metadata, and no Secret is read.
    """
    session = open_session(**where)
    namespace = "" if all_namespaces else session.namespace
    work = _list if output == "table" else _propose
    session.run(lambda objects: work(objects, namespace))


async def _list(objects: ByHand, namespace: str) -> int:
    rows: list[Row] = []
    code = DONE_EXIT
    for kind, describe in _KINDS.items():
        place = "" if kind is Kind.CLUSTER_CERTIFICATE_SET else namespace
        try:
            found = await objects.read_all(kind, place)
        except ClusterError as error:
            if error.status == 0 or kind is not Kind.CLUSTER_CERTIFICATE_SET:
                raise
            complain(error.message)  # to list what the whole cluster has is a right of its own
            code = REFUSED_EXIT
            continue
        rows += [row for each in found for row in describe(_name(kind, each), each)]
    _write(sorted(rows, key=lambda row: (not row.until, row.until, row.name)))
    return code


def _name(kind: Kind, found: Found) -> str:
    return str(ObjectKey(kind, found["metadata"].get("namespace", ""), found["metadata"]["name"]))


def _describe_certificate(name: str, found: Found) -> Iterator[Row]:
    status, trust = found.get("status") or {}, found["spec"].get("trust") or {}
    served = status.get("served") or {}
    above = [*(served.get("chain") or ()), *([served["anchor"]] if "anchor" in served else [])]
    # The issuer of the upload is that of another certificate when the upload was refused.
    same = not served or served.get("fingerprint") == status.get("fingerprint")
    issuer = status.get("issuer", "") if same else f"CN={above[0]['commonName']}" if _is_named(above) else ""
    yield Row(
        served.get("validThru", status.get("validThru", "")),
        name,
        str(status.get("responseCode", "")),
        (trust.get("storeRef") or {}).get("name", ""),
        issuer,
    )


def _is_named(above: list[Found]) -> bool:
    return bool(above) and bool(above[0].get("commonName"))


def _describe_decision(name: str, found: Found) -> Iterator[Row]:
    status = found.get("status") or {}
    stores = ",".join(each["name"] for each in status.get("stores") or ())
    issuer = ",".join(f"{each['fieldName']}={each['value']}" for each in status.get("issuer") or ())
    yield Row(_instant(status.get("expiry")), name, status.get("trustState", ""), stores, issuer)


def _describe_set(name: str, found: Found) -> Iterator[Row]:
    for each in (found.get("status") or {}).get("certificates") or ():
        yield Row(each.get("validThru", ""), f"{name} {each['name']}", str(each.get("responseCode", "")))


_KINDS: Mapping[Kind, Callable[[str, Found], Iterator[Row]]] = {
    Kind.IMPORTED_CERTIFICATE: _describe_certificate,
    Kind.TRUST_DECISION: _describe_decision,
    Kind.CLUSTER_CERTIFICATE_SET: _describe_set,
}


def _instant(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / _MILLISECONDS, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(rows: Iterable[Row]) -> None:
    console = open_console()
    lines = [row.cells for row in rows]
    if not lines:
        say(console, "There are no certificates of certwright here.")
        return
    widths = [max(len(line[column]) for line in (HEADS, *lines)) for column in range(len(HEADS))]
    for place, line in enumerate((HEADS, *lines)):
        text = "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        say(console, (text, "" if place else HEADING_STYLE))


# ---- manifests


async def _propose(objects: ByHand, namespace: str) -> int:
    """Print a wish for each TLS Secret that certwright neither writes nor watches."""
    wishes = await objects.read_all(Kind.IMPORTED_CERTIFICATE, namespace)
    known = {place for wish in wishes for place in _places(wish)}
    names = {(wish["metadata"]["namespace"], wish["metadata"]["name"]) for wish in wishes}
    secrets = (each["metadata"] for each in await objects.list_metadata(Kind.SECRET, namespace, TLS_SECRETS))
    found = [
        (each["namespace"], each["name"])
        for each in secrets
        if (each.get("labels") or {}).get(MANAGED_BY_LABEL) != MANAGED_BY
    ]
    proposed = [place for place in sorted(found) if place not in known]
    for place in proposed:
        if place in names:
            complain(f"Secret {'/'.join(place)} is left out: the ImportedCertificate of its name is about another.")
            continue
        click.echo(f"---\n{yaml.safe_dump(_watch(*place), sort_keys=False)}", nl=False)
    return REFUSED_EXIT if names.intersection(proposed) else DONE_EXIT


def _places(wish: Found) -> Iterator[tuple[str, str]]:
    namespace, spec = wish["metadata"]["namespace"], wish["spec"]
    for each in (spec.get("certificateRef"), spec.get("chainRef")):
        if isinstance(each, Mapping) and each.get("kind", Kind.SECRET) == Kind.SECRET:
            yield namespace, each["name"]
    for target in spec.get("targets") or ():
        yield namespace, target["secretName"]


def _watch(namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": Kind.IMPORTED_CERTIFICATE.value,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"certificateRef": {"name": name}},
    }
