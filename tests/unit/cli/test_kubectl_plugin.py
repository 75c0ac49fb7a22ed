"""The plugin without an API server: its options, its errors, and whom it says would undo what a person sets."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from certwright import __version__
from certwright.cli.kubectl import PLUGIN_COMMANDS, plugin
from certwright.cli.kubectl.ownership import CLIENT_SIDE, LAST_APPLIED, who_writes
from certwright.cluster.credentials import Login

CONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "ada", "user": {"token": "t"}}],
    "contexts": [
        {"name": "plain", "context": {"cluster": "here", "user": "ada"}},
        {"name": "shop", "context": {"cluster": "here", "user": "ada", "namespace": "shop"}},
    ],
    "current-context": "shop",
}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(json.dumps(CONFIG), encoding="utf-8")
    return path


def test_help_lists_every_command_and_imports_none() -> None:
    code = """
import sys
from click.testing import CliRunner
from certwright.cli.kubectl import plugin
print(CliRunner().invoke(plugin, ["--help"]).output)
assert not {"kopf", "aiohttp", "pydantic", "cryptography", "kubernetes", "asyncio"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, (_, _, words) in PLUGIN_COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert words.split()[0] in done.stdout


def test_version_is_said() -> None:
    assert CliRunner().invoke(plugin, ["--version"]).output == f"kubectl certwright, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["approve"], "Missing argument 'STORE'"),
        (["distrust"], "Missing argument 'NAME'"),
        (["why", "trustdec"], "'trustdec' must be KIND/NAME"),
        (["why", "trustdec/"], "'trustdec/' must be KIND/NAME"),
        (["why", "pod/x"], "TrustDecision (trustdec)"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_wrong_use_is_an_error_of_use(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(plugin, arguments)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["approve", "s"],
        ["approve", "s", "--cluster"],
        ["distrust", "d"],
        ["status"],
        ["why", "trustdec/d"],
        ["inventory"],
    ],
)
def test_server_that_cannot_be_reached_is_one_line_and_exit_status_2(kubeconfig: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(plugin, [*arguments, "--kubeconfig", str(kubeconfig)])

    assert result.exit_code == 2
    assert result.stderr.startswith("certwright: ")
    assert result.stderr.endswith("the API server cannot be reached (ClientConnectorError)\n")


def test_context_that_is_not_there_is_one_line_and_exit_status_2(kubeconfig: Path) -> None:
    result = CliRunner().invoke(plugin, ["status", "--kubeconfig", str(kubeconfig), "--context", "other"])

    assert result.exit_code == 2
    assert result.stderr.startswith("certwright: the credentials for the API server cannot be loaded")


@pytest.mark.parametrize(("context", "namespace"), [(None, "shop"), ("shop", "shop"), ("plain", "default")])
def test_namespace_is_that_of_the_context(kubeconfig: Path, context: str | None, namespace: str) -> None:
    assert Login(kubeconfig=kubeconfig, context=context).namespace() == namespace


def test_namespace_is_the_default_when_nothing_names_one(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Login(kubeconfig=kubeconfig, context="other").namespace() == "default"
    assert Login(kubeconfig=tmp_path / "none").namespace() == "default"
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert Login().namespace() == "default"


# ---- who would undo it


def found(*entries: tuple[str, str, dict[str, Any]], applied: str | None = None) -> dict[str, Any]:
    managed = [{"manager": name, "operation": how, "fieldsV1": fields} for name, how, fields in entries]
    annotations = {} if applied is None else {LAST_APPLIED: applied}
    return {"metadata": {"managedFields": managed, "annotations": annotations}}


HELD = {"f:spec": {"f:deployment": {"f:approved": {}}}}
ELSE = {"f:spec": {"f:deployment": {"f:mode": {}}}}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], ()),
        ([("flux", "Apply", HELD)], ("flux",)),
        ([("flux", "Apply", ELSE)], ()),
        ([("flux", "Apply", {})], ()),
        ([("flux", "Apply", HELD), ("flux", "Apply", HELD), ("argo", "Apply", HELD)], ("flux", "argo")),
        ([("ours", "Apply", HELD)], ()),
        ([("kubectl-create", "Update", HELD)], ()),
    ],
)
def test_appliers_of_a_field_are_named_when_they_hold_it(
    entries: list[tuple[str, str, dict[str, Any]]], expected: tuple[str, ...]
) -> None:
    assert who_writes(found(*entries), "deployment", "approved", besides="ours") == expected


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        ('{"spec": {"trustStateDesired": "trusted"}}', (CLIENT_SIDE,)),
        ('{"spec": {"certificate": "x"}}', ()),
        ('{"metadata": {}}', ()),
        ('{"spec": "x"}', ()),
        ("no JSON", ()),
    ],
)
def test_client_side_apply_is_named_when_what_it_noted_holds_the_field(applied: str, expected: tuple[str, ...]) -> None:
    assert who_writes(found(applied=applied), "trustStateDesired", besides="ours") == expected


def test_nobody_is_named_when_the_object_tells_nothing() -> None:
    assert who_writes({"metadata": {}}, "trustStateDesired", besides="ours") == ()
