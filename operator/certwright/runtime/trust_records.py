"""What stores have deployed, read from its records once although thousands of verdicts rest on it."""

from __future__ import annotations

from certwright.cluster.library import recall_parts
from certwright.cluster.ports import Cluster, MetadataCache
from certwright.reconcile.objects import Failure
from certwright.reconcile.questions import KeptTrust
from certwright.reconcile.trust.record import TrustRecord, unpack_record
from certwright.runtime.once import Once
from certwright.runtime.shelf import Shelf

RECORDS_BYTES = 32 * 1024 * 1024
"""How much of them is kept at hand; the public roots alone are 0.2 MiB as a record, and three times that in memory."""

WEIGHT = 3
"""Bytes of memory for a byte of a record."""


class TrustRecords:
    """Recall records.

    A record is parsed here, for its certificates are taken apart only when somebody looks at them: the public roots
    take a millisecond, the largest bundle that fits into a ConfigMap ten.

    Args:
        cluster: where records are kept.
        cache: what the metadata watch holds of that.
    """

    def __init__(self, cluster: Cluster, cache: MetadataCache) -> None:
        self._cluster = cluster
        self._cache = cache
        self._held: Shelf[TrustRecord] = Shelf(RECORDS_BYTES)
        self._once = Once()

    async def recall(self, need: KeptTrust) -> TrustRecord | Failure | None:
        """Give a record; `None` when a part is gone, or it is not the one of this digest: it is lost.

        One whose part was deleted is lost at once, not first with the next start, so that it is mended while all that
        it was made from is there.
        """
        if not need.parts or any(self._cache.is_absent(key) for key in need.parts):
            return None
        held = self._held.get(need.digest)
        if held is not None:
            return held
        answer: TrustRecord | Failure | None = await self._once.make(need.digest, lambda: self._load(need))
        return answer

    async def _load(self, need: KeptTrust) -> TrustRecord | Failure | None:
        parts = await recall_parts(need.parts, self._cluster)
        if parts is None or isinstance(parts, Failure):
            return parts
        record = unpack_record(parts, need.digest)
        if record is not None:
            self._held.put(need.digest, record, WEIGHT * sum(map(len, parts)))
        return record
