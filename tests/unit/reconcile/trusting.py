"""A world with trust stores in it: their statuses and records stand as the store's own passes leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from certwright.api.conditions import ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.model import dump
from certwright.api.revocationsource import RevocationSourceStatus
from certwright.api.revocationsource_status import KeptList, SourceRecord
from certwright.api.truststore_status import DeployedRecord, StoreRecord, TrustStoreStatus
from certwright.pki.list_intake import read_and_pack
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.offers import part_keys
from certwright.reconcile.plan import KeepRecord
from certwright.reconcile.trust.record import (
    DATA_KEY,
    Distrust,
    TrustedCertificate,
    TrustRecord,
    pack_record,
    record_keys,
)
from certwright.runtime.library import PART_BYTES
from tests.support.memory_cluster import NAMESPACE
from tests.support.memory_library import MemoryLibrary
from tests.support.pki import Entity, SignedList
from tests.unit.reconcile.conftest import World

STORE = {"storeRef": {"name": "corporate"}}
CLUSTER_STORE = {"storeRef": {"kind": "ClusterTrustStore", "name": "corporate"}}
TRUST = "trust"
"""The namespace of the decisions of the cluster's store."""


def trusted(entity: Entity, **fields: Any) -> TrustedCertificate:
    """Describe a CA as a record does."""
    return TrustedCertificate(entity.certificate, **{"decisions": ("some",), **fields})


@dataclass
class TrustingWorld(World):
    """A world whose passes may ask for stores, decisions and lists."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.library = MemoryLibrary(self.cluster, self.settings)

    def restart(self) -> None:
        super().restart()
        self.library = MemoryLibrary(self.cluster, self.settings)

    def put_store(self, kind: Kind = Kind.TRUST_STORE, **spec: Any) -> Subject:
        """Wish for the store `corporate`."""
        wish = {"decisionNamespace": TRUST, **spec} if kind is Kind.CLUSTER_TRUST_STORE else spec
        return self.cluster.put_subject("corporate", wish, kind=kind)

    async def deploy(
        self,
        *cas: Entity | TrustedCertificate,
        kind: Kind = Kind.TRUST_STORE,
        distrusts: tuple[Distrust, ...] = (),
        **spec: Any,
    ) -> Sequence[ObjectKey]:
        """Deploy some CAs; give the objects that hold the record."""
        store = self.put_store(kind, **spec)
        entries = [each if isinstance(each, TrustedCertificate) else trusted(each) for each in cas]
        number = store.status.get("record", {}).get("deployed", {}).get("number", 0) + 1
        sorted_entries = tuple(sorted(entries, key=lambda each: each.fingerprint))
        record = TrustRecord(number, sorted_entries, distrusts=distrusts)
        parts, digest = pack_record(record, PART_BYTES)
        deployed = DeployedRecord(revision=record.revision, number=number, parts=len(parts), digest=digest)
        keys = record_keys(store.version.uid, deployed, self.settings.namespace)
        for key, part in zip(keys, parts, strict=True):
            await self.cluster.keep_record(KeepRecord(key, {DATA_KEY: part}, store.key))
        status = TrustStoreStatus(deployed_revision=record.revision, record=StoreRecord(deployed=deployed))
        self.cluster.subjects[store.key] = replace(store, status=dump(status))
        return keys

    def drop_store(self, kind: Kind = Kind.TRUST_STORE) -> None:
        namespace = NAMESPACE if kind is Kind.TRUST_STORE else ""
        self.cluster.subjects.pop(ObjectKey(kind, namespace, "corporate"), None)

    async def offer(self, crl: SignedList, name: str = "corp", *, namespace: str = NAMESPACE) -> Subject:
        """Have a RevocationSource that offers a list."""
        read, parts = read_and_pack(crl.der, "the list", PART_BYTES, self.settings.crl_record_bytes)
        source = self.cluster.put_subject(name, {"crl": crl.pem}, kind=Kind.REVOCATION_SOURCE, namespace=namespace)
        digest = read.crl.fingerprint
        keys = part_keys(self.settings.namespace, source.version.uid, digest, len(parts))
        for key, part in zip(keys, parts, strict=True):
            if key not in self.cluster.objects:
                await self.cluster.keep_record(KeepRecord(key, {DATA_KEY: part}, source.key))
        status = RevocationSourceStatus(
            observed_generation=source.generation,
            record=SourceRecord(kept=KeptList(digest=digest, parts=len(parts))),
            conditions=merge_conditions(
                (),
                [Observation(ConditionType.READY, ConditionStatus.TRUE, "Valid")],
                generation=source.generation,
                at=self.clock.now,
            ),
        )
        self.cluster.subjects[source.key] = replace(source, status=dump(status))
        return self.cluster.subjects[source.key]
