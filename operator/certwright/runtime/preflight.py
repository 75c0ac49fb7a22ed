"""Whether watching can begin: are our kinds served, and may we list and watch them.

kopf would say neither: of a kind that is not served it logs a line and watches the others, and a 403 it retries in
silence for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from certwright.cluster.requests import Request, Verb, encode
from certwright.cluster.resources import RESOURCES, Resource
from certwright.cluster.retries import Retrying
from certwright.cluster.survey import served_kinds
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind

ACCESS_REVIEW = Resource(
    "SelfSubjectAccessReview", "authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False
)
WATCH_VERBS = (Verb.LIST, Verb.WATCH)
MOST_NAMED = 6


class Preflight:
    """Ask the API server what watching needs.

    Args:
        requests: the way to the API server.
        kinds: what is to be watched.
        namespaces: where; empty means everywhere.
    """

    def __init__(self, requests: Retrying, kinds: Sequence[Kind], namespaces: Sequence[str]) -> None:
        self._requests = requests
        self._kinds = kinds
        self._namespaces = namespaces

    async def missing_kinds(self) -> str:
        """Name the kinds that are not served, with what to do; empty when all are.

        Raises:
            ClusterError: the API server cannot be asked.
        """
        served = await served_kinds(self._requests)
        missing = [str(kind) for kind in self._kinds if kind.value not in served]
        if not missing:
            return ""
        return f"the API server does not serve {_join(missing)} yet; apply the CustomResourceDefinitions of certwright"

    async def missing_rights(self) -> str:
        """Name the rights that are missing; empty when none is.

        Raises:
            ClusterError: the API server cannot be asked.
        """
        wanted = product(self._kinds, self._namespaces or ("",), WATCH_VERBS)
        missing = [
            f"{verb} {RESOURCES[kind].plural}{f' in namespace {namespace}' if namespace else ''}"
            for kind, namespace, verb in wanted
            if not await self._may(kind, namespace, verb)
        ]
        return f"certwright must be allowed to {_join(missing)}; see its ClusterRole" if missing else ""

    async def _may(self, kind: Kind, namespace: str, verb: Verb) -> bool:
        resource = RESOURCES[kind]
        group, _, _ = resource.api_version.rpartition("/")
        attributes = {"group": group, "resource": resource.plural, "verb": verb.value}
        if namespace and resource.namespaced:
            attributes["namespace"] = namespace
        review = {
            "apiVersion": ACCESS_REVIEW.api_version,
            "kind": ACCESS_REVIEW.kind,
            "spec": {"resourceAttributes": attributes},
        }
        request = Request(Verb.CREATE, ACCESS_REVIEW, ACCESS_REVIEW.collection(), body=encode(review))
        try:
            answer = await self._requests.send(request, tries=1)
        except ClusterError as error:
            if error.cause is not FailureCause.FORBIDDEN:
                raise
            return True  # who may not even ask must find out by trying
        return bool((answer.manifest().get("status") or {}).get("allowed"))


def _join(parts: list[str]) -> str:
    named = parts[:MOST_NAMED]
    more = len(parts) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
