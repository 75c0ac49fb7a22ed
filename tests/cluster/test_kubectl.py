"""What people do with kubectl all day works on an ImportedCertificate as it does on built-in kinds."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.support.control_plane import ControlPlane
from tests.support.waiting import wait_until
from tests.support.worlds import OperatorThread
from tests.support.worlds.manifests import Manifest, serving
from tests.support.worlds.material import Corp, upload

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

DEFAULT = Path(__file__).parents[2] / "manifests" / "overlays" / "default"
CORP = Corp(datetime.now(tz=UTC))
PATIENCE = "--timeout=60s"


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Iterator[OperatorThread]:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(DEFAULT))
    control_plane.kubectl("wait", "--for=condition=Established", "crd/importedcertificates.certwright.io")
    with OperatorThread(control_plane.kubeconfig_for("certwright-system", "certwright")) as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    """Write manifests to a file, as a person has them, and give its path."""

    def write(*manifests: Manifest) -> str:
        path = tmp_path / "shop.yaml"
        path.write_text(yaml.safe_dump_all(manifests))
        return str(path)

    return write


@pytest.mark.usefixtures("operator")
def test_wait_returns_when_the_certificate_is_stored(
    kubectl: Kubectl, namespace: str, files: Callable[..., str]
) -> None:
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf()), serving()))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "impcert/shop", PATIENCE)
    assert kubectl("get", "secret", "-n", namespace, "shop-tls", "-o", "name").stdout == "secret/shop-tls\n"


@pytest.mark.usefixtures("operator")
def test_wait_sees_a_refusal_when_the_upload_is_bad(
    kubectl: Kubectl, namespace: str, files: Callable[..., str]
) -> None:
    expired = CORP.leaf(not_before=CORP.at - timedelta(days=30), not_after=CORP.at - timedelta(days=1))
    kubectl("apply", "-n", namespace, "-f", files(upload(expired), serving()))
    kubectl("wait", "-n", namespace, "--for=condition=Stalled", "impcert/shop", PATIENCE)
    shown = kubectl("get", "impcert", "-n", namespace, "shop").stdout.splitlines()
    assert re.split(r"\s{2,}", shown[0]) == ["NAME", "READY", "REASON", "EXPIRES", "AGE"]
    assert re.match(r"shop +False +Expired +\d+s", shown[1])


@pytest.mark.usefixtures("operator")
def test_apply_says_unchanged_when_the_same_file_is_applied_twice(
    kubectl: Kubectl, namespace: str, files: Callable[..., str]
) -> None:
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf()), serving()))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "impcert/shop", PATIENCE)
    wish = files(serving())
    assert kubectl("apply", "-n", namespace, "-f", wish).stdout.endswith("shop unchanged\n")
    kubectl("apply", "-n", namespace, "--server-side", "-f", wish, "--force-conflicts")
    before = kubectl("get", "impcert", "-n", namespace, "shop", "-o", "jsonpath={.metadata.resourceVersion}").stdout
    kubectl("apply", "-n", namespace, "--server-side", "-f", wish)
    after = kubectl("get", "impcert", "-n", namespace, "shop", "-o", "jsonpath={.metadata.resourceVersion}").stdout
    assert before == after


@pytest.mark.usefixtures("operator")
def test_diff_shows_the_wish_and_nothing_else_when_it_differs(
    kubectl: Kubectl, namespace: str, files: Callable[..., str]
) -> None:
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf()), serving()))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "impcert/shop", PATIENCE)
    assert kubectl("diff", "-n", namespace, "-f", files(serving()), check=False).returncode == 0
    changed = kubectl("diff", "-n", namespace, "-f", files(serving(warnBeforePercentage=30)), check=False)
    assert changed.returncode == 1
    lines = [line for line in changed.stdout.splitlines() if re.match(r"[+-] ", line)]
    assert [line.split() for line in lines if "generation" not in line] == [
        ["-", "warnBeforePercentage:", "20"],
        ["+", "warnBeforePercentage:", "30"],
    ]


@pytest.mark.usefixtures("operator")
def test_dry_run_touches_nothing_when_the_server_tries_it(
    kubectl: Kubectl, namespace: str, files: Callable[..., str]
) -> None:
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf())))
    said = kubectl("apply", "-n", namespace, "--dry-run=server", "-f", files(serving())).stdout
    assert said == "importedcertificate.certwright.io/shop created (server dry run)\n"
    assert "NotFound" in kubectl("get", "impcert", "-n", namespace, "shop", check=False).stderr
    assert "NotFound" in kubectl("get", "secret", "-n", namespace, "shop-tls", check=False).stderr


def test_watch_shows_each_transition_once_when_one_looks_on(
    control_plane: ControlPlane, operator: OperatorThread, kubectl: Kubectl, namespace: str, files: Callable[..., str]
) -> None:
    path = f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/importedcertificates"
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf()), serving()))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "impcert/shop", PATIENCE)
    listed = control_plane.client.get(path)
    assert listed is not None
    since = listed["metadata"]["resourceVersion"]
    other = CORP.leaf("other.example.com")
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf(), key=other)))
    kubectl("wait", "-n", namespace, "--for=condition=Ready=False", "impcert/shop", PATIENCE)
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf())))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "impcert/shop", PATIENCE)
    wait_until(lambda: operator.is_idle, deadline_seconds=20, what="the operator to be idle")
    seen = watched(control_plane, f"{path}?watch=1&resourceVersion={since}&timeoutSeconds=1")
    assert seen == ["KeyMismatch", "Valid"]


def watched(control_plane: ControlPlane, path: str) -> list[str]:
    """Give the reasons of `Ready` that `kubectl get -w` would have shown, a line for each."""
    events = [json.loads(line) for line in control_plane.client.request("GET", path).body.splitlines()]
    return [
        next(each["reason"] for each in event["object"]["status"]["conditions"] if each["type"] == "Ready")
        for event in events
        if event["type"] == "MODIFIED"
    ]


@pytest.mark.usefixtures("operator")
def test_delete_returns_at_once_when_nothing_holds_the_object(
    kubectl: Kubectl, namespace: str, files: Callable[..., str]
) -> None:
    kubectl("apply", "-n", namespace, "-f", files(upload(CORP.leaf()), serving()))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "impcert/shop", PATIENCE)
    assert kubectl("get", "impcert", "-n", namespace, "shop", "-o", "jsonpath={.metadata.finalizers}").stdout == ""
    kubectl("delete", "impcert", "-n", namespace, "shop", "--timeout=20s")
    assert "shop-tls" in kubectl("get", "secret", "-n", namespace, "-o", "name").stdout
