"""The page for users of the library: its examples do what they show, and its tables hold what there is."""

import dataclasses
import doctest
import re
from pathlib import Path

import pytest

from certwright.validation import Options
from tests.support.pki import PKI

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "validation.md"


@pytest.fixture
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = PKI().root("Corp Root")
    issuing = root.issue_ca("Corp Issuing CA", path_length=0)
    shop = issuing.issue_leaf("shop.example.com")
    (tmp_path / "upload.pem").write_text(shop.pem + issuing.pem)
    (tmp_path / "roots.pem").write_text(root.pem)
    (tmp_path / "issuing.crl").write_bytes(issuing.crl().der)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_files")
def test_examples_print_what_the_page_shows_when_run() -> None:
    text = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    example = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    runner = doctest.DocTestRunner()
    failed, attempted = runner.run(example, out=said.append)
    assert failed == 0, "".join(said)
    assert attempted > 10


def test_page_names_every_option_when_read() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [field.name for field in dataclasses.fields(Options) if f"`{field.name}`" not in page]
    assert missing == []
