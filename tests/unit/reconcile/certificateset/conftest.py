"""A world for sets of certificates: a cluster in memory, a PKI, three namespaces, and a set called `gateway`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from certwright.reconcile.certificateset import ClusterCertificateSets
from certwright.reconcile.certificateset.journal import Journal, decode_journal
from certwright.reconcile.certificateset.kept import JOURNAL_KEY, journal_key
from certwright.reconcile.importedcertificate import judged_by
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Subject, Version
from certwright.reconcile.set_actions import KEPT_ANNOTATION, REVISION_ANNOTATION
from certwright.runtime.leadership import AlwaysLeader
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings
from tests.support.memory_cluster import MemoryClock
from tests.support.memory_library import MemoryLibrary
from tests.support.pki import PKI, Entity
from tests.support.set_cluster import Mishaps, SetCluster

OWN = "certwright-system"
NODES = ("node-a", "node-b", "node-c")
UPLOADS = "uploads"
NAME = "gateway"
OWNER = f"ClusterCertificateSet/{NAME}"
CONSENT = {"certwright.io/allow-read": OWNER}

ROOT = PKI().root("Corp Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA 3", path_length=0)
LEAVES = [ISSUING.issue_leaf(f"{name}.example.com") for name in ("proxy", "api", "proxy", "api", "syncer")]
PROXY, API, NEXT_PROXY, NEXT_API, SYNCER = LEAVES

SLOTS = [
    {"name": "proxy", "secretName": "proxy-tls", "usages": ["ServerAuth"]},
    {"name": "api", "secretName": "api-tls", "usages": ["ServerAuth"]},
    {"name": "syncer", "secretName": "syncer-tls", "required": False},
]


def from_upload(name: str) -> dict[str, Any]:
    """Give the certificate of a spec that was uploaded under its own name."""
    return {"name": name, "certificateRef": {"namespace": UPLOADS, "name": name}}


SPEC: dict[str, Any] = {
    "slots": SLOTS,
    "certificates": [from_upload("proxy"), from_upload("api")],
    "namespaces": list(NODES),
}


class Term(AlwaysLeader):
    """A term of a leader."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch


@dataclass
class SetWorld:
    """A cluster in memory with the passes that the runtime would make."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    settings: Settings = field(default_factory=lambda: Settings(namespace=OWN))
    term: int = 1
    process: int = 1
    verified: Mapping[ObjectKey, Version] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cluster = SetCluster(self.clock)
        for name in (OWN, UPLOADS, *NODES):
            self.cluster.put_namespace(name)
        self.restart()

    def restart(self, *, new_term: bool = False) -> None:
        """Be another process, which remembers nothing."""
        self.process += 1
        self.term += new_term
        self.reconciler = ClusterCertificateSets(self.settings, holder=f"process-{self.process}")
        self.library = MemoryLibrary(self.cluster, self.settings)
        self.verified = {}
        self.cluster.vouched.clear()
        self.cluster.doubted.clear()

    def upload(self, name: str, entity: Entity, *, key: Entity | None = None, consent: bool = True) -> ObjectKey:
        """Do what `kubectl create secret tls` and `kubectl annotate` do."""
        data = {"tls.crt": entity.chain_pem, "tls.key": (key or entity).key_pem}
        annotations = CONSENT if consent else {}
        return self.cluster.put_secret(name, data, type="kubernetes.io/tls", annotations=annotations, namespace=UPLOADS)

    def wish(self, **changes: Any) -> Subject:
        spec = {**SPEC, **changes}
        return self.cluster.put_subject(NAME, {k: v for k, v in spec.items() if v is not None}, kind=self.kind)

    @property
    def kind(self) -> Kind:
        return Kind.CLUSTER_CERTIFICATE_SET

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.kind, "", NAME)

    @property
    def subject(self) -> Subject:
        return self.cluster.subjects[self.key]

    async def reconcile(self, *, full: bool = False) -> PassResult:
        """Make one pass, as the runtime makes it."""
        around = Surroundings(
            self.cluster,
            self.cluster,
            self.clock,
            judge_inline,
            judged_by(self.settings),
            library=self.library,
            gate=Term(self.term),
        )
        result = await run_pass(self.reconciler, self.subject, around=around, verified=self.verified, full=full)
        self.verified = result.verified
        return result

    async def settle(self, *, minutes: float = 0, passes: int = 40) -> PassResult:
        """Make passes, moving the clock to when the runtime would look again, until nothing is left to do.

        Args:
            minutes: how far the clock may be moved.
            passes: how many it may take at most.
        """
        end = self.clock.now.timestamp() + 60 * minutes + 10
        result = await self.reconcile()
        for _ in range(passes):
            due = result.requeue_at
            if result.conflict or (due is not None and due <= self.clock.now):
                pass
            elif result.retry:
                self.clock.advance(seconds=1)
                if self.clock.now.timestamp() > end:
                    return result
            elif due is not None and due.timestamp() <= end:
                self.clock.now = due
            else:
                return result
            if self.key not in self.cluster.subjects:
                return result
            result = await self.reconcile()
        raise AssertionError(f"not settled after {passes} passes: {self.status.get('conditions')}")

    @property
    def status(self) -> Mapping[str, Any]:
        return self.subject.status

    def condition(self, wanted: str) -> tuple[str, str] | None:
        for each in self.status["conditions"]:
            if each["type"] == wanted:
                return each["status"], each["reason"]
        return None

    @property
    def code(self) -> int | None:
        return self.status.get("responseCode")

    def codes(self) -> dict[str, int | None]:
        """Give the code of each certificate."""
        return {each["name"]: each.get("responseCode") for each in self.status.get("certificates", ())}

    def target(self, namespace: str, name: str) -> Observed | None:
        return self.cluster.objects.get(ObjectKey(Kind.SECRET, namespace, name))

    def targets(self) -> dict[tuple[str, str], Observed]:
        """Give all Secrets of the nodes."""
        return {
            (key.namespace, key.name): each
            for key, each in self.cluster.objects.items()
            if key.kind is Kind.SECRET and key.namespace in NODES
        }

    def contents(self) -> dict[tuple[str, str], tuple[str, Mapping[str, bytes]]]:
        """Give type and data of all Secrets of the nodes."""
        return {place: (each.type, dict(each.data)) for place, each in self.targets().items()}

    def revisions(self) -> set[str | None]:
        """Give the revisions that the targets bear."""
        return {each.annotations.get(REVISION_ANNOTATION) for each in self.targets().values()}

    @property
    def journal(self) -> Journal | None:
        observed = self.cluster.objects.get(journal_key(OWN, self.subject.version.uid))
        return decode_journal(observed.data[JOURNAL_KEY]) if observed is not None else None

    def kept(self) -> list[str]:
        """Give what kinds of things are kept for the set."""
        return sorted(
            each.annotations[KEPT_ANNOTATION]
            for each in self.cluster.objects.values()
            if KEPT_ANNOTATION in each.annotations
        )

    def reset(self) -> None:
        """Have no mishaps any more, and count writes from 0."""
        self.cluster.mishaps = Mishaps()


@pytest.fixture
def world() -> SetWorld:
    return SetWorld()


@pytest.fixture
async def deployed(world: SetWorld) -> SetWorld:
    """Give a world in which proxy and api are deployed."""
    world.upload("proxy", PROXY)
    world.upload("api", API)
    world.wish()
    await world.settle()
    world.reset()
    return world
