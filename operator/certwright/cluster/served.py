"""In which version the API server serves a kind that not every API server has."""

from __future__ import annotations

from dataclasses import replace

from certwright.cluster.resources import OLDER_VERSIONS, RESOURCES, Resource
from certwright.cluster.retries import Retrying
from certwright.cluster.survey import served_kinds
from certwright.reconcile.objects import Kind


class Served:
    """Ask once for each kind, and again when told that it is served no more, or was not served.

    Args:
        requests: the way to the API server.
    """

    def __init__(self, requests: Retrying) -> None:
        self._requests = requests
        self._found: dict[Kind, Resource] = {}

    async def resource(self, kind: Kind) -> Resource | None:
        """Give where a kind lives, in the newest version that is served; `None` when none is.

        Raises:
            ClusterError: the API server did not answer.
        """
        preferred = RESOURCES[kind]
        if kind not in OLDER_VERSIONS:
            return preferred
        found = self._found.get(kind)
        if found is not None:
            return found
        for version in (preferred.api_version, *OLDER_VERSIONS[kind]):
            if kind.value in await served_kinds(self._requests, version):
                return self._found.setdefault(kind, replace(preferred, api_version=version))
        return None

    def forget(self, kind: Kind) -> None:
        """Ask anew the next time: what was found is not served any more."""
        self._found.pop(kind, None)
