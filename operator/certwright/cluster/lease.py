"""One Lease of coordination.k8s.io/v1: read, create and replace it, each in one exchange and within a given time.

No request is tried again here: who holds a Lease must know at every moment how much of its time is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from certwright.cluster.answers import Answer, Refusal, error_of
from certwright.cluster.connection import Connection
from certwright.cluster.occurrence import micro_time
from certwright.cluster.requests import FIELD_MANAGER, Request, Verb, encode
from certwright.cluster.resources import Resource
from certwright.findings import ClusterError, FailureCause

LEASES = Resource("Lease", "coordination.k8s.io/v1", "leases")


@dataclass(frozen=True, slots=True)
class Claim:
    """What we want a Lease to say.

    Attributes:
        holder: who leads; empty: nobody.
        seconds: how long that holds after the Lease was last written.
        transitions: how often it has changed hands.
        renewed: now, for people who read it: nobody compares clocks.
        acquired: since when `holder` leads; `None` leaves what stands there.
    """

    holder: str
    seconds: int
    transitions: int
    renewed: datetime
    acquired: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A Lease as the API server gave it.

    Attributes:
        version: `metadata.resourceVersion`: it differs whenever anything was written.
        holder: empty when nobody holds it.
        seconds: how long the holder may be silent; `None` when nothing is said.
        transitions: how often it has changed hands.
        answered: the API server's own time, in whole seconds.
        manifest: all of it, for what others wrote there stays.
    """

    version: str
    holder: str
    seconds: int | None
    transitions: int
    answered: datetime | None
    manifest: Mapping[str, Any] = field(repr=False)


class Leases:
    """One Lease by name.

    Args:
        connection: the way to the API server.
        namespace: where it is.
        name: how it is called.
    """

    def __init__(self, connection: Connection, namespace: str, name: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._name = name

    async def read(self, *, seconds: float) -> Lease | None:
        """Read it; `None` when there is none.

        Raises:
            ClusterError: it could not be read within `seconds`.
        """
        try:
            return await self._exchange(Verb.GET, None, seconds)
        except ClusterError as error:
            if error.cause is FailureCause.NOT_FOUND:
                return None
            raise

    async def create(self, claim: Claim, *, seconds: float) -> Lease:
        """Create it.

        Raises:
            ClusterError: `ALREADY_EXISTS` when somebody was quicker; any other cause when it could not be written
                within `seconds`, and after `TIMEOUT` or `UNAVAILABLE` it may have been all the same.
        """
        manifest = {"metadata": {"name": self._name, "namespace": self._namespace}, "spec": _spec(claim, {})}
        return await self._exchange(Verb.CREATE, manifest, seconds)

    async def replace(self, lease: Lease, claim: Claim, *, seconds: float) -> Lease:
        """Replace it, if it is still as it was.

        Raises:
            ClusterError: `CONFLICT` when it was written meanwhile; `NOT_FOUND`; any other cause as for `create`.
        """
        metadata = {name: value for name, value in lease.manifest["metadata"].items() if name != "managedFields"}
        manifest = {"metadata": metadata, "spec": _spec(claim, lease.manifest.get("spec") or {})}
        return await self._exchange(Verb.UPDATE, manifest, seconds)

    async def _exchange(self, verb: Verb, manifest: Mapping[str, Any] | None, seconds: float) -> Lease:
        request = self._request(verb, manifest)
        try:
            # Of the whole, for credentials may have to be loaded first, and again after a 401.
            async with asyncio.timeout(seconds):
                answer = await self._connection.exchange(request, seconds=seconds)
        except TimeoutError:
            raise ClusterError(FailureCause.TIMEOUT, f"{request}: no answer in time") from None
        if not answer.ok:
            raise error_of(Refusal.of(answer), request)
        return _lease_of(answer)

    def _request(self, verb: Verb, manifest: Mapping[str, Any] | None) -> Request:
        target = LEASES.collection(self._namespace)
        if verb is not Verb.CREATE:
            target = LEASES.single(self._namespace, self._name)
        if manifest is None:
            return Request(verb, LEASES, target, self._namespace, self._name)
        body = encode({"apiVersion": LEASES.api_version, "kind": LEASES.kind, **manifest})
        return Request(verb, LEASES, f"{target}?fieldManager={FIELD_MANAGER}", self._namespace, self._name, body=body)


def _spec(claim: Claim, before: Mapping[str, Any]) -> dict[str, Any]:
    spec = {
        **before,
        "holderIdentity": claim.holder,
        "leaseDurationSeconds": claim.seconds,
        "leaseTransitions": claim.transitions,
        "renewTime": micro_time(claim.renewed),
    }
    if claim.acquired is not None:
        spec["acquireTime"] = micro_time(claim.acquired)
    return spec


def _lease_of(answer: Answer) -> Lease:
    manifest = answer.manifest()
    spec = manifest.get("spec") or {}
    return Lease(
        version=manifest["metadata"]["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds"),
        transitions=spec.get("leaseTransitions") or 0,
        answered=_date(answer),
        manifest=manifest,
    )


def _date(answer: Answer) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:  # something between us and the API server answered for it
        return None
