"""The whole operator on a real control plane: how it starts, works, tells and stops."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.running_operator import apply_crds, create_wish, delete_crds, key_of, running
from tests.support.waiting import wait_until

SHUTDOWN_SECONDS = 3.0


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Run a control plane of our own: kinds come and go here, and the API server with them."""
    with ControlPlane(audit=False) as started:
        yield started


@pytest.fixture
def place(plane: ControlPlane) -> str:
    apply_crds(plane)
    return make_namespace(plane)


def make_namespace(plane: ControlPlane) -> str:
    name = f"test-{uuid4().hex[:10]}"
    plane.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


async def test_readyz_names_the_missing_kind_until_it_is_served(plane: ControlPlane) -> None:
    delete_crds(plane)
    async with running(plane) as operator:
        text = await operator.until_readyz(503, "does not serve ImportedCertificate, PrivateKey")
        assert "apply the CustomResourceDefinitions" in text
        assert await operator.ask("/healthz") == (200, "ok\n")
        apply_crds(plane)
        await operator.until_ready()
        namespace = make_namespace(plane)
        create_wish(plane, namespace, "first")
        await operator.until_judged(namespace, "first", reason="ReferenceNotFound")


async def test_a_verdict_follows_a_change_of_what_an_object_refers_to(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        create_wish(plane, place, "shop", upload="upload")
        await operator.until_judged(place, "shop", reason="ReferenceNotFound")
        secret = {"metadata": {"name": "upload"}, "stringData": {"tls.crt": "no certificate"}}
        began = time.monotonic()
        plane.client.create(f"/api/v1/namespaces/{place}/secrets", secret)
        await operator.until_judged(place, "shop", reason="Unparsable")
        assert time.monotonic() - began < 5


async def test_a_restart_with_nothing_changed_writes_and_reads_nothing(plane: ControlPlane, place: str) -> None:
    secret = {"metadata": {"name": "upload"}, "stringData": {"tls.crt": "no certificate"}}
    plane.client.create(f"/api/v1/namespaces/{place}/secrets", secret)
    async with running(plane) as operator:
        for number in range(20):
            create_wish(plane, place, f"shop-{number}", upload="upload")
        for number in range(20):
            await operator.until_judged(place, f"shop-{number}", reason="Unparsable")
    async with running(plane) as operator:
        await operator.until_ready()
        await operator.until(lambda: operator.count("certwright_reconcile_total") >= 20, "every object to be looked at")
        assert operator.count("certwright_reconcile_total", result="settled") >= 20
        assert operator.count("certwright_api_requests_total", verb="patch") == 0
        assert operator.count("certwright_api_requests_total", verb="get", resource="secrets") == 0


async def test_a_quiet_namespace_does_not_wait_for_a_crowded_one(plane: ControlPlane, place: str) -> None:
    crowd = 150
    quiet = make_namespace(plane)
    for number in range(crowd):
        create_wish(plane, place, f"crowd-{number:03}")
    create_wish(plane, quiet, "zz-alone")
    async with running(plane, workers=2) as operator:
        done = await operator.until(
            lambda: (
                operator.operator.parts
                and (entry := operator.parts.mirror.get(key_of(quiet, "zz-alone")))
                and entry.reason
                and sum(bool(each.reason) for key, each in operator.parts.mirror.items() if key.namespace == place)
            ),
            "the verdict of the quiet namespace",
        )
        assert done < crowd / 2


async def test_one_watch_for_each_named_namespace_and_none_elsewhere(plane: ControlPlane, place: str) -> None:
    elsewhere = make_namespace(plane)
    create_wish(plane, elsewhere, "foreign")
    async with running(plane, watch_namespaces=(place, make_namespace(plane))) as operator:
        await operator.until_ready()
        create_wish(plane, place, "ours")
        await operator.until_judged(place, "ours")
        assert [key.namespace for key, _ in operator.parts.mirror.items()] == [place]


async def test_readyz_names_the_right_that_is_missing(plane: ControlPlane, place: str) -> None:
    stranger = plane.kubeconfig_as_user("stranger")
    async with running(plane, kubeconfig=stranger) as operator:
        text = await operator.until_readyz(503, "certwright must be allowed to")
        assert "list importedcertificates, watch importedcertificates, list privatekeys" in text
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        name = f"stranger-{uuid4().hex[:8]}"
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        plane.client.create(f"{rbac}/clusterroles", {"metadata": {"name": name}, "rules": rules})
        plane.client.create(
            f"{rbac}/clusterrolebindings",
            {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "stranger"}],
            },
        )
        create_wish(plane, place, "late")
        await operator.until_judged(place, "late")
        await operator.until_ready()


async def test_readyz_says_that_the_api_server_is_not_there_and_the_operator_waits(
    plane: ControlPlane, place: str
) -> None:
    plane.stop_apiserver()
    try:
        async with running(plane) as operator:
            await operator.until_readyz(503, "the API server cannot be reached")
            assert (await operator.ask("/metrics"))[0] == 200
            await asyncio.to_thread(plane.start_apiserver)
            await operator.until_ready()
            create_wish(plane, place, "after")
            await operator.until_judged(place, "after")
    finally:
        plane.restart_apiserver()


async def test_metrics_tell_what_there_is(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        create_wish(plane, place, "shop")
        await operator.until_judged(place, "shop")
        status, text = await operator.ask("/metrics")
        assert status == 200
        for expected in (
            r'certwright_objects\{kind="ImportedCertificate",reason="ReferenceNotFound"\} [1-9]',
            r'certwright_reconcile_total\{kind="ImportedCertificate",result="done"\} [1-9]',
            r'certwright_api_requests_total\{code="200",resource="importedcertificates",verb="patch"\} [1-9]',
            r"certwright_leader 1.0",
            r"certwright_ready 1.0",
            r"certwright_queue_depth \d",
        ):
            assert re.search(expected, text), expected


class Process:
    """`certwright run` as a process of its own."""

    def __init__(self, plane: ControlPlane, log: Path) -> None:
        self.log = log
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CERTWRIGHT_")}
        arguments = ["run", "--listen-host", "127.0.0.1", "--listen-port", "0", "--log-format", "text"]
        with log.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "certwright", *arguments, "--kubeconfig", str(plane.kubeconfig_admin)],
                stdout=stream,
                stderr=stream,
                env={**environment, "PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "0"},
            )

    def wait_ready(self) -> None:
        wait_until(
            lambda: self.process.poll() is not None or "readiness: ready" in self.log.read_text(),
            deadline_seconds=60,
            what="the process to be ready",
        )
        assert self.process.poll() is None, self.log.read_text()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def process(plane: ControlPlane, place: str, tmp_path: Path) -> Iterator[Process]:
    create_wish(plane, place, "shop")
    started = Process(plane, tmp_path / "log")
    yield started
    started.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_soon_and_well(process: Process, number: signal.Signals) -> None:
    process.wait_ready()
    asked = time.monotonic()
    process.process.send_signal(number)
    assert process.process.wait(30) == 0
    assert time.monotonic() - asked < SHUTDOWN_SECONDS
    text = process.log.read_text()
    assert f"{number.name}: stopping" in text
    for unwanted in ("Traceback", "Warning", "never awaited", "was destroyed", "Unclosed", "ERROR", "CRITICAL"):
        assert unwanted not in text, text


def test_a_signal_ends_the_process_before_it_is_ready(plane: ControlPlane, tmp_path: Path) -> None:
    plane.stop_apiserver()
    process = Process(plane, tmp_path / "log")
    try:
        wait_until(
            lambda: "not ready: " in process.log.read_text(), deadline_seconds=60, what="the process to look around"
        )
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(30) == 0
        assert "Traceback" not in process.log.read_text()
    finally:
        process.end()
        plane.start_apiserver()


def test_a_signal_ends_the_process_while_the_api_server_hangs(
    plane: ControlPlane, place: str, process: Process
) -> None:
    process.wait_ready()
    for number in range(50):
        create_wish(plane, place, f"busy-{number}")
    plane.pause_apiserver()
    try:
        asked = time.monotonic()
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(30) == 0
        assert time.monotonic() - asked < SHUTDOWN_SECONDS
        assert "Traceback" not in process.log.read_text()
    finally:
        plane.resume_apiserver()


def test_an_idle_process_needs_next_to_no_processor(process: Process) -> None:
    process.wait_ready()

    def busy() -> float:
        fields = Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    spans: list[float] = []

    def is_idle() -> bool:
        before = busy()
        time.sleep(1)  # the span that is measured, not a wait for something
        spans.append(busy() - before)
        return len(spans) >= 3 and min(spans) <= 0.03

    wait_until(is_idle, deadline_seconds=30, what=f"a second with next to no work; seen {spans}")
