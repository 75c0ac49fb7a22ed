"""What keeps a change from being deployed, approved or not."""

from __future__ import annotations

from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.trust_bundle import BUNDLE_LIMITS, render_bundle
from certwright.reconcile.trust.gathering import Sources
from certwright.reconcile.trust.record import TrustedCertificate
from certwright.reconcile.trust.withdrawal import has_roots

BUNDLE_BYTES = (1 << 20) - 4096
"""The largest bundle in bytes: a ConfigMap has room for 1 MiB, the names of its keys included."""


def find_block(
    sources: Sources,
    wanted: tuple[TrustedCertificate, ...],
    rest: tuple[TrustedCertificate, ...],
    *,
    allow_empty: bool,
) -> Finding | None:
    """Say why what is wanted is not deployed, and nothing but withdrawals is; `None` when nothing is in the way.

    Args:
        sources: what it was gathered from.
        wanted: what is wanted.
        rest: what is deployed and not withdrawn.
        allow_empty: `spec.allowEmpty`.
    """
    if sources.closed is not None:
        return sources.closed
    if sources.deployed is None and not has_roots(wanted):
        text = (
            "There is nothing to deploy: no root among the selected TrustDecisions is trusted, and public roots are "
            "not wished for. Look at the decisions that `spec.selector` selects."
        )
        return finding(Reason.EMPTY_BUNDLE, text)
    if not allow_empty and has_roots(rest) and not has_roots(wanted):
        text = (
            "What is deployed stays: the change would leave the bundle without any root, and programs that read an "
            "empty bundle fail. Select a trusted decision, or allow it with `spec.allowEmpty`."
        )
        return finding(Reason.EMPTY_BUNDLE, text)
    return _find_excess(wanted)


def _find_excess(entries: tuple[TrustedCertificate, ...]) -> Finding | None:
    most = BUNDLE_LIMITS.certificates
    if len(entries) > most:
        found = f"{len(entries):,} certificates, and at most {most:,} are deployed"
    else:
        size = len(render_bundle((each.certificate for each in entries), comments=True))
        if size <= BUNDLE_BYTES:
            return None
        found = f"{size:,} bytes, and a ConfigMap has room for {BUNDLE_BYTES:,}"
    text = (
        f"What is deployed stays: the bundle would have {found}. Select fewer decisions, or divide them among several "
        "stores."
    )
    return finding(Reason.INVALID_REQUEST, text, detail=Detail.LIMIT_EXCEEDED)
