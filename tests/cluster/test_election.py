"""Two replicas, one of which works: killed, ended, stopped and woken, nothing is lost and nothing is written twice."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.crowd import PATIENCE_SECONDS, Crowd, is_ready, wait_at_rest
from tests.support.interposer import Call, Held, Interposer, calls
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import MANIFESTS, OPERATOR, SECRETS, WISHES, fresh_namespace, installed, times_written
from tests.support.running_operator import path_of
from tests.support.waiting import wait_until
from tests.support.worlds import Corp
from tests.support.worlds.material import upload

LEASES = "/apis/coordination.k8s.io/v1/namespaces/certwright-system/leases"
LEASE = f"{LEASES}/certwright"
QUICK = {"lease_seconds": "3", "lease_renew_seconds": "2", "lease_retry_seconds": "0.4"}
KILLS = 10
BATCH = 20
TAKE_OVER_SECONDS = 20.0
HAND_OVER_SECONDS = 3.0
CUT_OFF = 0
"""The code of a request that ended before it was answered, as those do that run when the Lease is lost."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture
def namespace(plane: ControlPlane) -> Iterator[str]:
    with fresh_namespace(plane) as name:
        yield name


@dataclass
class Replica:
    """One replica and its way to the API server."""

    process: OperatorProcess
    way: Interposer

    @property
    def leads(self) -> bool:
        self.process.check()
        return self.figure("certwright_leader") == 1

    def figure(self, series: str) -> float:
        """Read a metric; 0 when there is none."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.process.answer("/metrics")[1], re.MULTILINE)
        return float(found[1]) if found else 0.0

    def restart(self) -> None:
        """Begin anew after a kill."""
        self.process.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it until the end of the block; then it goes on as if no time had passed."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def writes(self, since: float = 0.0) -> list[Call]:
        """Give what it tried to write, but for the Lease, questions about its rights, and events."""
        unimportant = {"leases", "selfsubjectaccessreviews", "events"}
        found = self.way.of(lambda call: call.verb not in {"get", "list", "watch"}, since)
        return [call for call in found if call.resource not in unimportant]


class Pair:
    """Two replicas."""

    def __init__(self, plane: ControlPlane, replicas: list[Replica]) -> None:
        self._plane = plane
        self.replicas = replicas

    def start(self) -> Replica:
        """Start both, and give the one that leads."""
        for each in self.replicas:
            each.process.start()
        for each in self.replicas:
            each.process.wait_ready()
        return self.wait_for_leader(self.replicas)

    def wait_for_leader(self, among: list[Replica], *, seconds: float = PATIENCE_SECONDS) -> Replica:
        """Wait until one of these leads."""
        found = wait_until(
            lambda: [each for each in among if each.leads], deadline_seconds=seconds, what="one of them to lead"
        )
        return found[0]

    def other(self, replica: Replica) -> Replica:
        """Give the one that is not meant."""
        (found,) = (each for each in self.replicas if each is not replica)
        return found

    @property
    def epoch(self) -> int:
        """Read which term it is."""
        lease = self._plane.client.get(LEASE)
        assert lease is not None
        return int(lease["spec"]["leaseTransitions"])


@contextmanager
def pair_of(plane: ControlPlane, folder: Path, **settings: str) -> Iterator[Pair]:
    """Make two replicas, not yet started; whatever became of them, they must not have broken."""
    kubeconfig = plane.kubeconfig_for(*OPERATOR)
    with Interposer(plane) as one, Interposer(plane) as other:
        replicas = []
        for name, way in (("a", one), ("b", other)):
            own = kubeconfig.with_stem(f"{kubeconfig.stem}-{name}")
            own.write_bytes(kubeconfig.read_bytes())
            process = OperatorProcess(
                way.kubeconfig(own), folder / f"{name}.log", log_format="text", leader_election="true", **settings
            )
            replicas.append(Replica(process, way))
        try:
            yield Pair(plane, replicas)
        finally:
            for each in replicas:
                each.process.stop()
            plane.client.delete(LEASE)
        for each in replicas:
            said = each.process.log.read_text()  # kopf calls each interruption an error; we do not
            assert re.findall(r"(?:ERROR|CRITICAL) +certwright.*|Traceback.*|.*never awaited", said) == []


@pytest.fixture
def pair(plane: ControlPlane, tmp_path: Path) -> Iterator[Pair]:
    with pair_of(plane, tmp_path, **QUICK) as made:
        yield made


def corp() -> Corp:
    return Corp(datetime.now(UTC).replace(microsecond=0))


def targets(namespace: str, name: str = "") -> Any:
    return calls("patch", "secrets", namespace=namespace, name=name)


def renew(plane: ControlPlane, namespace: str, pki: Corp) -> None:
    """Upload another certificate."""
    plane.client.apply(f"/api/v1/namespaces/{namespace}/secrets/shop-upload", upload(pki.leaf()))


def written(plane: ControlPlane, namespace: str) -> list[dict[str, int]]:
    """Say how often each Secret and each wish was written."""
    return [times_written(plane, registry, namespace) for registry in (SECRETS, WISHES)]


def wait_fulfilled(plane: ControlPlane, namespace: str, name: str, *, seconds: float) -> None:
    wait_until(
        lambda: is_ready(plane.client.get(path_of(namespace, name)) or {}),
        deadline_seconds=seconds,
        what=f"{name} to be ready",
    )


# ---- killed, and ended


def test_nothing_is_lost_or_written_twice_when_the_leader_is_killed_ten_times_at_work(
    plane: ControlPlane, namespace: str, pair: Pair
) -> None:
    random = Random(5)  # noqa: S311 - a story, not a secret
    leader = pair.start()
    crowd = Crowd(plane, namespace, 0, corp())
    caught_at_work = 0
    for kill in range(KILLS):
        names = set(crowd.grow(BATCH))
        enough = random.randint(1, BATCH // 2)
        wait_until(
            lambda names=names, enough=enough: len(names & crowd.ready()) >= enough,
            deadline_seconds=PATIENCE_SECONDS,
            what=f"the leader to be at work before kill {kill + 1}",
        )
        leader.process.kill()
        killed_at = time.monotonic()
        caught_at_work += bool(names - crowd.ready())
        second = pair.wait_for_leader([pair.other(leader)], seconds=TAKE_OVER_SECONDS)
        assert time.monotonic() - killed_at < TAKE_OVER_SECONDS
        leader.restart()
        leader.process.wait_ready()
        leader = second

    crowd.wait_ready(leader.process)
    crowd.assert_written_once()
    crowd.assert_told_once()
    assert caught_at_work > KILLS // 2, "most kills must have met a leader with work left to do"
    assert pair.epoch == KILLS + 1


def test_work_goes_on_in_20_seconds_after_a_kill_and_in_3_after_an_order_when_times_are_default(
    plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    with pair_of(plane, tmp_path) as pair:
        first = pair.start()
        second = pair.other(first)
        crowd = Crowd(plane, namespace, 5, corp())
        crowd.wait_ready(first.process)

        first.process.kill()
        (name,) = crowd.grow(1)
        wait_fulfilled(plane, namespace, name, seconds=TAKE_OVER_SECONDS)
        assert second.leads

        first.restart()
        first.process.wait_ready()
        os.kill(second.process.pid, signal.SIGTERM)
        (name,) = crowd.grow(1)
        wait_fulfilled(plane, namespace, name, seconds=HAND_OVER_SECONDS)
        assert first.leads
        second.process.stop()

        crowd.wait_ready(first.process)
        crowd.assert_written_once()


def test_nothing_is_written_and_no_secret_is_read_when_another_replica_takes_over_at_rest(
    plane: ControlPlane, namespace: str, pair: Pair
) -> None:
    first = pair.start()
    second = pair.other(first)
    pki = corp()
    crowd = Crowd(plane, namespace, BATCH, pki)
    crowd.wait_ready(first.process)
    second.process.stop()
    second.restart()
    second.process.wait_ready()
    renew(plane, namespace, pki)  # so that the follower sees the leader write each status
    wait_until(
        lambda: set(written(plane, namespace)[1].values()) == {3},
        deadline_seconds=PATIENCE_SECONDS,
        what="the leader to speak of the new certificate",
    )
    wait_at_rest(first.process)
    before = written(plane, namespace)
    began = time.monotonic()

    first.process.stop()
    pair.wait_for_leader([second], seconds=HAND_OVER_SECONDS + 1)
    wait_until(
        lambda: second.figure('certwright_reconcile_total{kind="ImportedCertificate",result="settled"}') >= BATCH,
        deadline_seconds=PATIENCE_SECONDS,
        what="a look at each wish",
    )
    wait_at_rest(second.process)

    assert [call for call in second.writes(began) if call.namespace == namespace] == []
    assert second.way.of(calls("get", "secrets", namespace=namespace), began) == []
    assert written(plane, namespace) == before


def test_follower_is_ready_and_says_that_it_does_not_lead(plane: ControlPlane, pair: Pair) -> None:
    second = pair.other(pair.start())

    assert second.process.answer("/readyz") == (HTTPStatus.OK, "ok\n")
    assert "\ncertwright_leader 0.0\n" in second.process.answer("/metrics")[1]
    lease = plane.client.get(LEASE)
    assert lease is not None
    assert (lease["spec"]["leaseDurationSeconds"], lease["spec"]["leaseTransitions"]) == (3, 1)


# ---- stopped, and woken


def test_no_write_of_a_former_leader_takes_effect_when_it_goes_on_after_a_take_over(
    plane: ControlPlane, namespace: str, pair: Pair
) -> None:
    """What was on its way when it was stopped may still arrive, and is refused; once it knows, it sends nothing."""
    first = pair.start()
    second = pair.other(first)
    pki = corp()
    crowd = Crowd(plane, namespace, 4, pki)
    crowd.wait_ready(first.process)
    update, creation = (first.way.hold(targets(namespace, f"site-00{number}-tls")) for number in (0, 4))
    renew(plane, namespace, pki)
    crowd.grow(1)
    update.wait()
    creation.wait()

    with first.frozen():
        pair.wait_for_leader([second], seconds=TAKE_OVER_SECONDS)
        crowd.wait_ready(second.process)
        before = written(plane, namespace)
        for held in (update, creation):
            held.release()
        for number in (0, 4):
            call = first.way.wait_for(targets(namespace, f"site-00{number}-tls"), 1 + (number == 0))[-1]
            assert call.code == HTTPStatus.CONFLICT
        woken_at = time.monotonic()
    noticed_at = wait_until_noticed(first)

    assert [each.leads for each in (first, second)] == [False, True]
    assert {call.code for call in first.writes(woken_at)} <= {CUT_OFF, HTTPStatus.CONFLICT}
    assert written(plane, namespace) == before
    assert before[0] == {"shop-upload": 2, **{f"site-00{number}-tls": 2 for number in range(4)}, "site-004-tls": 1}

    renew(plane, namespace, pki)
    once_more = {name: count + 1 for name, count in before[0].items()}
    wait_until(
        lambda: written(plane, namespace)[0] == once_more,
        deadline_seconds=PATIENCE_SECONDS,
        what="the leader to write the newest certificate",
    )
    wait_at_rest(second.process)
    assert written(plane, namespace)[0] == once_more
    assert first.writes(noticed_at) == []


def wait_until_noticed(former: Replica) -> float:
    """Wait until a replica knows that it does not lead any more; give when all was seen that it had sent before."""
    wait_until(
        lambda: "not leading any more" in former.process.log.read_text(),
        deadline_seconds=TAKE_OVER_SECONDS,
        what="the former leader to notice",
    )
    former.process.wait_ready()
    former.way.reset()  # a turn of its loop: it has read what was sent before
    return time.monotonic()


@pytest.fixture
def late(plane: ControlPlane, namespace: str, pair: Pair) -> Iterator[Late]:
    """Have a leader stopped while it creates a target, and another take over whose owner is deleted then."""
    first = pair.start()
    second = pair.other(first)
    held = first.way.hold(targets(namespace))
    crowd = Crowd(plane, namespace, 1, corp())
    held.wait()
    with first.frozen():
        pair.wait_for_leader([second], seconds=TAKE_OVER_SECONDS)
        crowd.wait_ready(second.process)
        plane.client.delete(path_of(namespace, "site-000"))
        wait_until(
            lambda: f'namespace="{namespace}"' not in second.process.answer("/metrics")[1],
            deadline_seconds=PATIENCE_SECONDS,
            what="the leader to hear that the owner is gone",
        )
        plane.client.delete(f"/api/v1/namespaces/{namespace}/secrets/site-000-tls")
        yield Late(first, second, held)


@dataclass
class Late:
    """A creation that has not arrived yet, by one who does not lead any more."""

    first: Replica
    second: Replica
    held: Held

    def arrive(self, namespace: str) -> int:
        """Let it arrive, and say what the API server answered."""
        self.held.release()
        return self.first.way.wait_for(targets(namespace))[0].code


def test_late_creation_of_a_former_leader_is_deleted_when_nobody_refers_to_it(
    plane: ControlPlane, namespace: str, late: Late
) -> None:
    assert late.arrive(namespace) == HTTPStatus.CREATED

    wait_until(
        lambda: plane.client.get(f"/api/v1/namespaces/{namespace}/secrets/site-000-tls") is None,
        deadline_seconds=PATIENCE_SECONDS,
        what="the late creation to be deleted",
    )
    assert "deleted: a former leader created it too late" in late.second.process.log.read_text()


# ---- the component `fence`


@pytest.fixture(scope="module")
def fence(plane: ControlPlane) -> None:
    """Install the policy and wait until it is in force; from then on it stands."""
    plane.kubectl("apply", "-f", str(MANIFESTS / "components" / "fence" / "policy.yaml"))
    wait_until(
        lambda: "fence.certwright.io" in create(plane, "default", "probe", epoch="-1", dry_run=True),
        deadline_seconds=PATIENCE_SECONDS,
        what="the policy to be in force",
    )


@pytest.fixture
def term(plane: ControlPlane, namespace: str, fence: None) -> Iterator[int]:  # noqa: ARG001 - it stands
    """Have a Lease that says a term, and wait until the policy knows it."""
    spec = {"holderIdentity": "pod-0", "leaseDurationSeconds": 15, "leaseTransitions": 5}
    plane.client.create(LEASES, {"metadata": {"name": "certwright"}, "spec": spec})
    wait_until(
        lambda: not create(plane, namespace, "probe", epoch="5", dry_run=True),
        deadline_seconds=PATIENCE_SECONDS,
        what="the policy to know the Lease",
    )
    yield 5
    plane.client.delete(LEASE)


def create(  # noqa: PLR0913 - an object has many sides
    plane: ControlPlane,
    namespace: str,
    name: str,
    *,
    epoch: str | None,
    kind: str = "Secret",
    by: str = "certwright",
    dry_run: bool = False,
) -> str:
    """Create, or update, an object as certwright does; say why that was refused, nothing if it was not."""
    annotations = {} if epoch is None else {"certwright.io/epoch": epoch}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {}}
    more = ["--dry-run=server"] if dry_run else []
    done = plane.kubectl(
        *("apply", "--server-side", "--field-manager=certwright", "--force-conflicts", "-f", "-", *more),
        input=json.dumps(manifest),
        check=False,
        kubeconfig=plane.kubeconfig_for(*OPERATOR) if by == "certwright" else plane.kubeconfig_admin,
    )
    assert (done.returncode == 0) is (done.stderr == "")
    return done.stderr


@pytest.mark.parametrize("epoch", ["4", "0", "-1", "today"])
def test_creation_is_refused_when_it_is_of_a_former_term(
    plane: ControlPlane, namespace: str, term: int, epoch: str
) -> None:
    refusal = create(plane, namespace, "late", epoch=epoch)

    assert "fence.certwright.io" in refusal
    if epoch.isdigit():
        assert f"created in term {epoch} of certwright; the Lease says term {term}" in refusal
    assert plane.client.get(f"/api/v1/namespaces/{namespace}/secrets/late") is None


@pytest.mark.parametrize("epoch", ["5", "6", None])
def test_creation_passes_when_it_is_of_this_term_or_of_none(
    plane: ControlPlane, namespace: str, term: int, epoch: str | None
) -> None:
    assert term == 5
    assert create(plane, namespace, "now", epoch=epoch) == ""


def test_others_may_create_what_they_like_and_certwright_may_update_when_the_fence_stands(
    plane: ControlPlane, namespace: str, term: int
) -> None:
    assert term > 4
    assert create(plane, namespace, "old", epoch="4", by="admin") == ""
    assert create(plane, namespace, "old", epoch="3") == ""
    config_map = create(plane, namespace, "other", epoch="4", kind="ConfigMap", by="admin")
    assert config_map == ""


def test_creation_is_refused_when_there_is_no_lease(plane: ControlPlane, namespace: str, term: int) -> None:
    plane.client.delete(LEASE)
    wait_until(
        lambda: "fence.certwright.io" in create(plane, namespace, "now", epoch=str(term), dry_run=True),
        deadline_seconds=PATIENCE_SECONDS,
        what="the policy to miss the Lease",
    )


@pytest.mark.usefixtures("fence")
def test_late_creation_of_a_former_leader_is_refused_when_the_fence_stands(
    plane: ControlPlane, namespace: str, late: Late
) -> None:
    assert late.arrive(namespace) == HTTPStatus.FORBIDDEN

    assert plane.client.get(f"/api/v1/namespaces/{namespace}/secrets/site-000-tls") is None
    assert "deleted: a former leader" not in late.second.process.log.read_text()
