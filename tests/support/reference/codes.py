"""The codes of the documented sources, what they mean, and the reasons that they are given for."""

from collections.abc import Iterator

from certwright.dialects.code_book import CODE_BOOK, Code, Source
from certwright.dialects.explanations import REMARKS
from tests.support.reference.page import code, page, table

INTRODUCTION = """\
Each reason is translated into the codes of the documented sources; this page goes the other way. The sources are
numbered as in [parity](../parity.md). `certwright explain CODE` says the same at the terminal, and [reasons and
codes](reasons.md) has causes and cures."""


def write_codes() -> str:
    """Return the page."""
    sources = dict.fromkeys(each.source for each in CODE_BOOK)
    return page("Codes of the sources", INTRODUCTION, *(part for source in sources for part in _section(source)))


def _section(source: Source) -> Iterator[str]:
    yield f"## Source {source.number}: {source.title}"
    yield f"In {source.fields}."
    rows = [_row(each) for each in CODE_BOOK if each.source == source]
    yield table(["code", "word", "means", "given for"], rows)


def _row(each: Code) -> tuple[str, ...]:
    named = [f"[{code(reason)}](reasons.md#{reason.lower()})" for reason in each.reasons if reason not in REMARKS]
    warnings = ["every [warning](reasons.md#warnings)"] if any(reason in REMARKS for reason in each.reasons) else []
    reasons = ", ".join([*named, *warnings])
    word = code(each.word) if each.word else ""
    return each.number, f"HTTP {each.http}" if each.http else word, each.meaning, reasons or "no reason"
