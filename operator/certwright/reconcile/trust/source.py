"""Whether a namespace is a source of trust: a ClusterTrustStore gathers only where the label says so."""

from __future__ import annotations

from collections.abc import Iterable

from certwright.findings import Finding, Reason, finding
from certwright.reconcile.objects import Kind, NamespaceFacts, Subject
from certwright.reconcile.trust.deployed import decision_namespace_of

TRUST_SOURCE_LABEL = "certwright.io/trust-source"


def find_closed(store: Subject, namespaces: Iterable[NamespaceFacts]) -> Finding | None:
    """Say why nothing is gathered from the namespace of a store's decisions; `None` when it is.

    The namespace of a TrustStore is its own, and whoever may write decisions there decides for that namespace alone.
    """
    named = decision_namespace_of(store)
    if store.key.kind is Kind.TRUST_STORE or named is None:
        return None
    facts = next((each for each in namespaces if each.name == named), None)
    stays = "Nothing is gathered from it until then, and what is deployed stays."
    if facts is None:
        text = f"The namespace {named} of `spec.decisionNamespace` does not exist. Create it. {stays}"
        return finding(Reason.REFERENCE_NOT_FOUND, text)
    if facts.labels.get(TRUST_SOURCE_LABEL) != "true":
        text = (
            f"The namespace {named} is no source of trust for the cluster. If it is to be one: "
            f"`kubectl label namespace {named} {TRUST_SOURCE_LABEL}=true`. {stays}"
        )
        return finding(Reason.INVALID_REQUEST, text)
    return None
