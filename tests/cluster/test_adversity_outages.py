"""The API server is killed, or the operator, or the way between them is cut: all is done in the end, and once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.crowd import PATIENCE_SECONDS, Crowd
from tests.support.interposer import Interposer, calls, everything, watches
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import (
    OPERATOR,
    SECRETS,
    RoughWorld,
    fresh_namespace,
    installed,
    times_written,
)
from tests.support.running_operator import key_of
from tests.support.waiting import wait_until
from tests.support.worlds import Corp, OperatorThread, Report
from tests.support.worlds.manifests import serving
from tests.support.worlds.material import stored, upload

KIND = "importedcertificates"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def interposer(plane: ControlPlane) -> Iterator[Interposer]:
    with Interposer(plane) as running:
        yield running


@pytest.fixture(scope="module")
def kubeconfig(plane: ControlPlane, interposer: Interposer) -> Path:
    return interposer.kubeconfig(plane.kubeconfig_for(*OPERATOR))


@pytest.fixture
def namespace(plane: ControlPlane, interposer: Interposer) -> Iterator[str]:
    with fresh_namespace(plane) as name:
        yield name
        interposer.reset()


@pytest.fixture
def process(kubeconfig: Path, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Give `certwright run`, not yet started; whatever became of it, it must not have broken."""
    made = OperatorProcess(kubeconfig, tmp_path / f"{namespace}.log", log_format="text")
    yield made
    made.stop()
    said = made.log.read_text()  # kopf calls each interruption an error; we do not
    assert re.findall(r"(?:ERROR|CRITICAL) +certwright.*|Traceback.*|.*never awaited", said) == []


@pytest.fixture
def world(plane: ControlPlane, interposer: Interposer, kubeconfig: Path, namespace: str) -> Iterator[RoughWorld]:
    with OperatorThread(kubeconfig) as operator:
        yield RoughWorld(plane, operator, interposer, namespace)


def test_everything_is_written_once_when_the_api_server_is_killed_at_work(
    plane: ControlPlane, interposer: Interposer, namespace: str, process: OperatorProcess
) -> None:
    crowd = Crowd(plane, namespace, 100, corp())
    process.start()
    interposer.wait_for(statuses(namespace), 20)

    plane.stop_apiserver()
    done = len([call for call in interposer.of(statuses(namespace)) if call.code])
    assert done < len(crowd.names)
    plane.start_apiserver()

    crowd.wait_ready(process)
    crowd.assert_written_once(statuses=2)  # one may have said that the target cannot be written yet
    crowd.assert_told_once()
    process.wait_ready(deadline_seconds=PATIENCE_SECONDS)


def test_everything_is_written_once_when_the_operator_is_killed_at_work(
    plane: ControlPlane, interposer: Interposer, namespace: str, process: OperatorProcess
) -> None:
    crowd = Crowd(plane, namespace, 200, corp())
    process.start()
    interposer.wait_for(statuses(namespace), 40)

    process.kill()
    done = len([call for call in interposer.of(statuses(namespace)) if call.code])
    assert done < len(crowd.names)
    process.start()

    crowd.wait_ready(process)
    crowd.assert_written_once()
    crowd.assert_told_once()


# ---- killed between two writes

Killing = Callable[[Interposer, str], Any]

MOMENTS: dict[str, Killing] = {
    "before the target": lambda proxy, namespace: proxy.hold(targets(namespace)),
    "after the target, before its answer": lambda proxy, namespace: proxy.hold_answer(targets(namespace)),
    "before the status": lambda proxy, namespace: proxy.hold(statuses(namespace)),
    "after the status, before its answer": lambda proxy, namespace: proxy.hold_answer(statuses(namespace)),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=[name.replace(" ", "-") for name in MOMENTS])
def test_target_and_status_are_written_once_when_the_operator_is_killed_in_between(
    plane: ControlPlane, interposer: Interposer, namespace: str, process: OperatorProcess, moment: Killing
) -> None:
    process.start()
    process.wait_ready()
    held = moment(interposer, namespace)
    crowd = Crowd(plane, namespace, 1, corp())
    held.wait()
    process.kill()
    held.drop()
    process.start()

    crowd.wait_ready(process)
    process.wait_ready()
    crowd.assert_written_once()
    crowd.assert_told_once()


# ---- the way is cut


@contextmanager
def history_lost(world: RoughWorld) -> Iterator[None]:
    """Cut everything, and let nobody go on where he was."""
    with world.interposer.cut(everything):
        yield
        world.plane.expire_resource_versions()


@contextmanager
def watches_cut(world: RoughWorld) -> Iterator[None]:
    """Cut the watches; requests go through."""
    with world.interposer.cut(watches):
        yield


Cut = Callable[[RoughWorld], AbstractContextManager[None]]


@pytest.mark.parametrize("cut", [watches_cut, history_lost])
async def test_what_changed_meanwhile_is_handled_when_the_watches_were_cut(world: RoughWorld, cut: Cut) -> None:
    leaves = {name: world.corp.leaf() for name in ("renewed", "deleted", "changed", "drifting", "replaced", "new")}
    for name, leaf in leaves.items():
        await world.apply(upload(leaf, name), *([serving(name)] if name != "new" else []))
    for name in leaves.keys() - {"new"}:
        await world.settle(name, is_ok)
    await world.rest()

    renewed = world.corp.leaf()
    with cut(world):
        await world.apply(upload(renewed, "renewed"), serving("new"), serving("changed", dnsNames=["api.example.com"]))
        await world.delete("ImportedCertificate", "deleted")
        await world.delete("Secret", "drifting-tls")
        await world.delete("ImportedCertificate", "replaced")
        await world.apply(serving("replaced", "elsewhere-tls"))

    await world.settle("renewed", lambda report: report.served["fingerprint"] == renewed.certificate.fingerprint)
    await world.settle("changed", lambda report: report.errors == ["NameMissing"])
    await world.settle("new", is_ok)
    await world.settle("replaced", is_ok)

    async def is_back() -> bool:
        return await world.read("Secret", "drifting-tls") is not None

    await world.wait(is_back, "the target that was deleted")
    await world.settle("drifting", is_ok)
    mirror = world.operator._operator.parts.mirror
    wait_until(
        lambda: key_of(world.namespace, "deleted") not in mirror,
        deadline_seconds=PATIENCE_SECONDS,
        what="the deletion to be found",
    )
    await world.rest()
    for name, leaf in {**leaves, "renewed": renewed}.items():
        assert (await world.read("Secret", f"{name}-tls")).data == stored(leaf)
    wrote = times_written(world.plane, SECRETS, world.namespace)
    assert {name: wrote[f"{name}-tls"] for name in leaves} == {**dict.fromkeys(leaves, 1), "renewed": 2}
    assert wrote["elsewhere-tls"] == 1


async def test_deletion_is_heard_when_the_watches_are_cut_again_and_again(world: RoughWorld) -> None:
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving())
    await world.settle("shop", is_ok)
    for turn in range(3):
        with world.interposer.cut(watches):
            await world.delete("Secret", "shop-tls")

        async def is_back() -> bool:
            return await world.read("Secret", "shop-tls") is not None

        await world.wait(is_back, f"the target, deleted {turn + 1} times")
    await world.rest()
    assert world.writes(SECRETS, "shop-tls") == 1


async def test_lists_are_asked_for_again_when_the_api_server_refuses_watches(world: RoughWorld) -> None:
    world.interposer.refuse(watches, HTTPStatus.GONE, reason="Expired", times=4)
    world.interposer.refuse(watches, HTTPStatus.SERVICE_UNAVAILABLE, times=2)
    with world.interposer.cut(watches):
        await world.apply(upload(leaf := world.corp.leaf()), serving())

    await world.settle("shop", is_ok)

    assert (await world.read("Secret", "shop-tls")).data == stored(leaf)


def is_ok(report: Report) -> bool:
    return report.is_ok


def corp() -> Corp:
    return Corp(datetime.now(UTC).replace(microsecond=0))


def targets(namespace: str) -> Any:
    return calls("patch", "secrets", namespace=namespace)


def statuses(namespace: str) -> Any:
    return calls("patch", KIND, namespace=namespace, subresource="status")
