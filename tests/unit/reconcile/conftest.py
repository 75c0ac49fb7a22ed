"""A world to reconcile in: a cluster in memory, a PKI, and one ImportedCertificate called `shop`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from certwright.cluster.library import NoLibrary
from certwright.cluster.ports import Library
from certwright.reconcile.importedcertificate import ImportedCertificates, judged_by
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Snapshot, Subject, Version
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings
from tests.support.memory_cluster import NAMESPACE, MemoryClock, MemoryCluster
from tests.support.pki import PKI, Entity

ROOT = PKI().root("Corp Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA 3", path_length=0)
SHOP = ISSUING.issue_leaf("shop.example.com")
NEXT = ISSUING.issue_leaf("shop.example.com")

REFERENCED = {"certificateRef": {"name": "upload"}}
SERVING = {**REFERENCED, "targets": [{"secretName": "shop-tls"}]}


def secret_key(name: str) -> ObjectKey:
    return ObjectKey(Kind.SECRET, NAMESPACE, name)


TARGET = secret_key("shop-tls")
UPLOAD = secret_key("upload")


@dataclass
class World:
    """A cluster in memory with the passes that the runtime would make."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    settings: Settings = field(default_factory=Settings)
    verified: Mapping[ObjectKey, Version] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cluster = MemoryCluster(self.clock)
        self.reconciler = ImportedCertificates(self.settings)
        self.library: Library = NoLibrary()

    def upload(self, entity: Entity, *, key: Entity | None = None, name: str = "upload", chain: bool = True) -> None:
        """Do what `kubectl create secret tls` does, with the intermediates in the certificate's file."""
        data = {"tls.crt": entity.chain_pem if chain else entity.pem, "tls.key": (key or entity).key_pem}
        self.cluster.put_secret(name, data, type="kubernetes.io/tls")

    def wish(self, spec: Mapping[str, Any]) -> Subject:
        return self.cluster.put_subject("shop", spec)

    async def reconcile(self, *, full: bool = False) -> PassResult:
        """Make one pass, as the runtime makes it."""
        self.cluster.calls.clear()
        self.cluster.reads.clear()
        rules = judged_by(self.settings)
        around = Surroundings(self.cluster, self.cluster, self.clock, judge_inline, rules, library=self.library)
        result = await run_pass(self.reconciler, self.subject, around=around, verified=self.verified, full=full)
        self.verified = result.verified
        return result

    async def judge(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """Wish, reconcile, and read the status."""
        self.wish(spec)
        await self.reconcile()
        return self.status

    def restart(self) -> None:
        """Forget what only the process remembers."""
        self.verified = {}

    @property
    def subject(self) -> Subject:
        return self.cluster.subjects[ObjectKey(Kind.IMPORTED_CERTIFICATE, NAMESPACE, "shop")]

    @property
    def status(self) -> Mapping[str, Any]:
        return self.subject.status

    @property
    def target(self) -> Observed:
        return self.cluster.objects[TARGET]

    def condition(self, wanted: str) -> tuple[str, str] | None:
        """Give status and reason of a condition."""
        for each in self.status["conditions"]:
            if each["type"] == wanted:
                return each["status"], each["reason"]
        return None

    def condition_map(self) -> dict[str, str]:
        """Give the status of every condition."""
        return {each["type"]: each["status"] for each in self.status["conditions"]}

    def message(self, wanted: str = "Ready") -> str:
        return str(next(each["message"] for each in self.status["conditions"] if each["type"] == wanted))

    @property
    def reasons(self) -> list[str]:
        return [each["reason"] for each in self.status.get("findings", ())]

    @property
    def events(self) -> list[str]:
        return [each.reason for each in self.cluster.events]

    def snapshot(self) -> Snapshot:
        """Give what a pass would know if it read everything that exists."""
        return Snapshot(self.subject, self.clock.now, judged_by(self.settings), dict(self.cluster.objects))


@pytest.fixture
def world() -> World:
    return World()
