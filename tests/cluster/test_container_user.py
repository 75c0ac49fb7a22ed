"""The operator as a container runs it: by a number that no file of users knows."""

import subprocess
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.running_operator import apply_crds, create_wish, path_of
from tests.support.waiting import wait_until

AS_A_BARE_NUMBER = ["unshare", "--user", "--map-user=65532", "--map-group=65532"]
WITHOUT_A_NAME = ["env", *(f"--unset={name}" for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"))]

pytestmark = pytest.mark.skipif(
    subprocess.run([*AS_A_BARE_NUMBER, "true"], check=False, capture_output=True).returncode != 0,
    reason="needs user namespaces, which this machine does not allow",
)


def test_objects_are_seen_by_the_watch_when_the_user_has_no_name(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    apply_crds(control_plane)
    prefix = [*AS_A_BARE_NUMBER, *WITHOUT_A_NAME]
    with OperatorProcess(control_plane.kubeconfig_admin, tmp_path / "operator.log", prefix=prefix) as operator:
        operator.wait_ready()
        create_wish(control_plane, namespace, "shop")
        wait_until(
            lambda: "conditions" in (control_plane.client.get(path_of(namespace, "shop")) or {}).get("status", {}),
            deadline_seconds=30,
            what="the object to be judged",
        )
        log = operator.log.read_text(encoding="utf-8")
        assert "watching ended" not in log
        assert "the watch did not show a change" not in log
