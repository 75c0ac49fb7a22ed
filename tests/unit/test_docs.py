"""The documentation says what is: pages match the code, links lead somewhere, examples are taken by the models."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from certwright.api.crd import KINDS
from certwright.api.model import parse
from certwright.cli import COMMANDS
from certwright.dialects.root_certificates import CODES
from certwright.dialects.store_status import ANSWERS, NO_STATUS, StoreStatus
from certwright.findings import Reason
from certwright.settings import Settings
from tests.support.reference import FOLDER, PAGES
from tests.support.reference.metrics import metric_families

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
PARITY_CODES = {*map(str, CODES.values())}


def pages() -> list[Path]:
    """Return every page that a person reads."""
    return [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "manifests/examples/README.md",
        *sorted(DOCS.rglob("*.md")),
    ]


def text_of(*paths: Path) -> str:
    """Return the text of some pages."""
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def anchors(path: Path) -> set[str]:
    """Return the anchors that headings of a page make."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere in this repository."""
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def examples() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each object of ours that a page shows whole."""
    for path in pages():
        text = re.sub(
            r"<<'YAML'\n(.*?)\nYAML", r"\n```yaml\n\1\n```", path.read_text(encoding="utf-8"), flags=re.DOTALL
        )
        for block in BLOCK.findall(text):
            for found in yaml.safe_load_all(block):
                if isinstance(found, dict) and found.get("apiVersion", "").startswith("certwright.io/"):
                    yield path, found


@pytest.mark.parametrize("name", PAGES)
def test_reference_matches_the_code_when_written_anew(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_links_lead_somewhere_when_followed() -> None:
    broken = {str(path.relative_to(ROOT)): list(broken_links(path)) for path in pages()}
    assert {name: links for name, links in broken.items() if links} == {}


def test_every_page_is_linked_when_looked_for() -> None:
    linked = {
        (path.parent / link.partition("#")[0]).resolve() for path in pages() for link in LINK.findall(text_of(path))
    }
    assert [str(path.relative_to(ROOT)) for path in sorted(DOCS.rglob("*.md")) if path.resolve() not in linked] == []


def test_examples_are_taken_by_the_models_when_shown_whole() -> None:
    specs = {kind.name: kind.spec for kind in KINDS}
    shown = list(examples())
    for _, found in shown:
        parse(specs[found["kind"]], found["spec"])
    assert {path.name for path, _ in shown} >= {"README.md", "bring-a-certificate.md", "pkcs12.md", "refresh.md"}


def test_commands_exist_when_named() -> None:
    named = set(re.findall(r"`certwright ([a-z]+)", text_of(*pages())))
    assert named <= set(COMMANDS)


def test_make_targets_exist_when_named() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)(?:\w+=\w+ )?make ([a-z-]+)", text_of(*pages()), re.MULTILINE))
    assert named <= targets


def test_settings_exist_when_named() -> None:
    settings = {f"CERTWRIGHT_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"CERTWRIGHT_[A-Z_]+", text_of(*pages()))) <= settings


def test_metrics_exist_when_named() -> None:
    metrics = {name for name, _, _ in metric_families()}
    assert set(re.findall(r"\bcertwright_[a-z_]+", text_of(*pages()))) <= metrics


def test_reasons_exist_when_named_in_a_rule() -> None:
    rules = re.findall(r'reason!~"([^"]+)"', text_of(*pages()))
    assert {word for rule in rules for word in rule.split("|")} <= set(Reason)


def test_parity_names_every_status_and_code_when_read() -> None:
    page = text_of(DOCS / "parity.md")
    answers = {str(answer.response_code) for answer in (*ANSWERS.values(), NO_STATUS)}
    missing = {word for word in (*StoreStatus, *answers, *PARITY_CODES) if not re.search(rf"(?<!\w){word}\b", page)}
    assert missing == set()


def test_concepts_name_every_status_when_read() -> None:
    page = text_of(DOCS / "concepts.md")
    assert [status for status in StoreStatus if f"`{status}`" not in page] == []
