"""The command line: quick where it can be, clear where a setting is wrong."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from certwright import __version__
from certwright.cli import COMMANDS, cli
from certwright.settings import Settings


def test_version_is_said() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"certwright, version {__version__}\n"


def test_help_lists_every_command_and_imports_none() -> None:
    code = """
import sys
from click.testing import CliRunner
from certwright.cli import cli
print(CliRunner().invoke(cli, ["--help"]).output)
assert not {"kopf", "aiohttp", "pydantic", "cryptography", "kubernetes", "asyncio"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, (_, _, words) in COMMANDS.items():
        assert f"{name} " in done.stdout
        assert words.split()[0] in done.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert (result.exit_code, result.output.startswith("Usage: cli " + name)) == (0, True)


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["frobnicate"])
    assert (result.exit_code, "No such command 'frobnicate'" in result.output) == (2, True)


def test_help_of_run_names_every_setting() -> None:
    output = CliRunner().invoke(cli, ["run", "--help"]).output
    for name in Settings.model_fields:
        assert f"CERTWRIGHT_{name.upper()}=" in output


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CERTWRIGHT_WORKERS", "many", "CERTWRIGHT_WORKERS: Input should be a valid integer"),
        ("CERTWRIGHT_WORKERS", "0", "CERTWRIGHT_WORKERS: Input should be greater than or equal to 1"),
        ("CERTWRIGHT_WATCH_NAMESPACES", "not json", "watch_namespaces"),
        ("CERTWRIGHT_LOG_LEVEL", "LOUD", "CERTWRIGHT_LOG_LEVEL: Input should be 'DEBUG', 'INFO'"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(variable: str, value: str, words: str) -> None:
    result = CliRunner().invoke(cli, ["run"], env={variable: value})
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert result.output.startswith("certwright: the settings do not fit: ")
    assert words in result.output


def test_a_kubeconfig_that_is_not_there_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["run", "--kubeconfig", "/nowhere/at/all"])
    assert (result.exit_code, "does not exist" in result.output) == (2, True)


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "certwright", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"certwright, version {__version__}\n"
