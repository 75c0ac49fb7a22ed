"""`certwright check`: judge files as the operator would, without a cluster."""

from __future__ import annotations

import ipaddress
import sys
from datetime import datetime
from typing import Any

import click

from certwright.cli.check.json_output import write_json
from certwright.cli.check.sarif import write_sarif
from certwright.cli.check.text import write_text
from certwright.cli.check.verdicts import exit_status
from certwright.cli.offline.demands import DEFAULT_WARN_BEFORE, Demands, read_anchors, read_crls
from certwright.cli.offline.judging import judge_sources
from certwright.cli.offline.options import Instant, now, read_option, read_password, read_trust
from certwright.cli.offline.paths import Source, read_paths
from certwright.cli.terminal import open_console
from certwright.validation import Role

_FILE = click.Path(dir_okay=True)


@click.command(epilog="Exit status: 0 good, warnings allowed; 1 something is wrong; 2 something could not be judged.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--anchors", multiple=True, type=_FILE, help="Trusted certificates: paths must end at one of them.")
@click.option("--crl", "crls", multiple=True, type=_FILE, help="Revocation lists, PEM or DER.")
@click.option("--at", type=Instant(), help="Judge at this instant (RFC 3339) instead of now.")
@click.option(
    "--purpose",
    type=click.Choice([str(role) for role in Role]),
    default=Role.ANY.value,
    help="What certificates are for.",
)
@click.option("--dns", "dns_names", multiple=True, metavar="NAME", help="A DNS name that certificates must cover.")
@click.option("--ip", "ip_addresses", multiple=True, metavar="ADDRESS", help="An IP address that they must cover.")
@click.option("--key", type=_FILE, help="The private key of the one certificate file.")
@click.option("--password-file", type=_FILE, help="The password of PKCS#12 files and of the key.")
@click.option(
    "--require-keys", is_flag=True, help="Exit with 2 when a Secret that is referred to is not among the files."
)
@click.option(
    "--warn-before",
    type=click.IntRange(0, 100),
    default=DEFAULT_WARN_BEFORE,
    metavar="PERCENT",
    help="Part of the lifetime left at which warning begins; 0 never warns.",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="With every certificate of the bundles that stores would deploy (text)."
)
@click.option("--output", type=click.Choice(["text", "json", "sarif"]), default="text", help="Form of the verdicts.")
def check(paths: tuple[str, ...], output: str, *, require_keys: bool, verbose: bool, **wishes: Any) -> None:
    """Judge certificates in files as the operator would in a cluster.

    PATH is a file with certificates (PEM, DER, PKCS#7, PKCS#12), Kubernetes manifests in YAML or JSON, a folder with
    either, or - for standard input:

        kustomize build overlays/production | certwright check -

    Each file is judged as a server would send it: the certificate with the chain beside it; of CA bundles each
    certificate. ImportedCertificates are judged with the Secrets, ConfigMaps, revocation lists and stores among the
    files, and say themselves what they are for; --purpose, --dns, --ip and --warn-before are for everything else.
    TrustDecisions are judged, and stores gather them as if every change were approved. ClusterCertificateSets are
    judged certificate by certificate. A Secret, a store or a namespace that is not among the files is a note and no
    fault: keys are rarely in Git. No key is made here.
    """
    sources = list(read_paths(paths))
    demands = _read_demands(wishes)
    if demands.key is not None and sum(isinstance(each, Source) and not each.is_manifest for each in sources) != 1:
        raise click.UsageError("--key goes with exactly one certificate file")
    outcome = judge_sources(sources, demands)
    status = exit_status(outcome, require_keys=require_keys)
    if output == "json":
        click.echo(write_json(outcome, exit_code=status))
    elif output == "sarif":
        click.echo(write_sarif(outcome, exit_code=status))
    else:
        write_text(outcome, open_console(), verbose=verbose)
    sys.exit(status)


def _read_demands(wishes: dict[str, Any]) -> Demands:
    at: datetime = wishes["at"] or now()
    for address in wishes["ip_addresses"]:
        _demand_address(address)
    key = wishes["key"]
    return Demands(
        at=at,
        anchors=read_trust(wishes["anchors"], "--anchors", read_anchors) if wishes["anchors"] else None,
        crls=read_trust(wishes["crls"], "--crl", read_crls),
        role=Role(wishes["purpose"]),
        dns_names=wishes["dns_names"],
        ip_addresses=wishes["ip_addresses"],
        warn_before=wishes["warn_before"],
        password=read_password(wishes["password_file"]),
        key=read_option(key, "--key") if key else None,
    )


def _demand_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise click.UsageError(f"--ip: {text!r} is no IP address") from None
