"""The plan of the house: what a reviewer would otherwise have to look for."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "certwright"
MODULE_LINES = 300
# One letter in brackets, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.:-])/(?:root|work|Users|home/(?!certwright|nonroot)\w+)/")
REGISTRY_HOST = re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|proxy\.golan[g]|npmj[s]\.(?:org|com)")
LEFTOVER = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b")
BINARY_SUFFIXES = {".der", ".p12", ".png", ".pfx"}


def tracked_files() -> list[Path]:
    """Return the files of the project, committed or about to be, as git sees them."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listing.stdout.decode().split("\0")
    return [path for path in (ROOT / name for name in names if name) if path.is_file()]


def matches(pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield `path:line: text` for every line of the project that the pattern is found in."""
    for path in tracked_files():
        if path.suffix in BINARY_SUFFIXES:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def modules() -> list[Path]:
    """Return the modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def relative(path: Path) -> str:
    """Name a module as a person would."""
    return str(path.relative_to(PACKAGE))


def test_imports_keep_every_contract_when_linted() -> None:
    # As a program of its own: in this process it would silence the loggers that other tests listen to.
    program = (
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    )
    outcome = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


def test_files_name_no_machine_path_when_tracked() -> None:
    assert list(matches(MACHINE_PATH)) == []


def test_files_name_no_package_registry_when_tracked() -> None:
    assert list(matches(REGISTRY_HOST)) == []


def test_files_hold_no_leftover_mark_when_tracked() -> None:
    assert list(matches(LEFTOVER)) == []


def test_source_root_holds_only_the_package_when_listed() -> None:
    beside = {path.name for path in (ROOT / "operator").iterdir()} - {"__pycache__"}
    assert beside == {"certwright"}, "anything beside the package could shadow the standard library's `operator`"


def test_modules_are_split_when_they_would_pass_the_limit() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def test_modules_silence_no_size_rule_when_linted() -> None:
    silenced = re.compile(r"noqa:[^#]*\bPLR0915\b")
    assert [relative(path) for path in modules() if silenced.search(path.read_text(encoding="utf-8"))] == []


def test_modules_hold_no_stub_when_read() -> None:
    found = {relative(path): list(stubs(ast.parse(path.read_text(encoding="utf-8")))) for path in modules()}
    assert {name: names for name, names in found.items() if names} == {}


def stubs(tree: ast.AST, *, in_protocol: bool = False) -> Iterator[str]:
    """Yield the functions that stand for code to come, other than the methods of protocols and overloads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not in_protocol and is_stub(node):
            yield f"{node.name} (line {node.lineno})"
        inside = isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)
        yield from stubs(node, in_protocol=inside)


def is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether a function consists of `...` or raises NotImplementedError; a null object's empty method is none."""
    if any("overload" in ast.unparse(item) or "abstract" in ast.unparse(item) for item in function.decorator_list):
        return False
    last = function.body[-1]
    if isinstance(last, ast.Raise):
        return last.exc is not None and "NotImplemented" in ast.unparse(last.exc)
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is ...
