"""The reasons, what they mean, and their codes in the documented vocabularies."""

from collections.abc import Iterable, Iterator

from certwright.dialects import cluster_certificates
from certwright.dialects.explanations import DETAILS, EXPLANATIONS, REFUSALS, REMARKS, REVOCATION
from certwright.dialects.root_certificates import CODES, UNIQUE_CODES
from certwright.dialects.state_words import STATE_WORDS
from certwright.dialects.store_status import ANSWERS
from certwright.dialects.trust_state import STATES
from certwright.findings import Reason
from tests.support.reference.page import code, page, table

INTRODUCTION = """\
Every problem has one reason. It stands in `status.findings[].reason`, and the worst one in the condition `Ready`. The
numbers are translations of it: `validation` (`status.validation`) tells what is wrong with the certificate, and
`certificateStoreStatus` with `responseCode` how storing it went, `trustState` whether a CA is trusted, and the
`responseCode` of a set how replacing all its certificates went. Where
`validation` is *unchanged*, the problem is not the certificate, which keeps the code it has.

Material that is refused replaces nothing: what was served stays served. [Read the
states](../concepts.md#read-the-states) says which of several findings wins. `certwright explain REASON`, or any code in
its place, says the same at the terminal."""
WARNINGS = """\
The material is used, and something deserves a look. The state stays `OK` (200) and `validation` 0."""
LISTS = """\
Lists come from [RevocationSources](../how-to/revocation.md), or with `certwright check --crl` from files."""
STATES_ALONE = """\
Conditions have these reasons, too, where nothing is wrong, or nothing but time. No finding has them."""
DETAIL = """\
`status.findings[].detail` names the precise defect where a reason covers several."""


def write_reasons() -> str:
    """Return the page."""
    return page(
        "Reasons and codes",
        INTRODUCTION,
        "## At a glance",
        table(["reason", "validation", "store status", "trust state", "set"], map(_row, [*REFUSALS, *REVOCATION])),
        "## States and errors",
        *_explain(REFUSALS),
        "## Warnings",
        WARNINGS,
        *_explain(REMARKS),
        "## Revocation lists",
        LISTS,
        *_explain(REVOCATION),
        "## States",
        STATES_ALONE,
        table(
            ["reason", "means", "do"],
            [(code(word), explained.meaning, explained.fix) for word, explained in STATE_WORDS.items()],
        ),
        "## Details",
        DETAIL,
        table(["detail", "means"], [(code(detail), meaning) for detail, meaning in DETAILS.items()]),
    )


def _row(reason: Reason) -> tuple[str, str, str, str, str]:
    answer = ANSWERS.get(reason)
    stored = "none" if answer is None else f"{code(answer.status)} ({answer.response_code})"
    number = str(CODES.get(reason, "unchanged"))
    unique = f"; `code` {UNIQUE_CODES[reason]}" if reason in UNIQUE_CODES else ""
    trust = code(STATES[reason]) if reason in STATES else "none"
    return (
        f"[{code(reason)}](#{reason.lower()})",
        number + unique,
        stored,
        trust,
        str(cluster_certificates.CODES.get(reason, "none")),
    )


def _explain(reasons: Iterable[Reason]) -> Iterator[str]:
    for reason in reasons:
        explained = EXPLANATIONS[reason]
        yield f"### {reason}"
        yield explained.meaning
        yield "\n".join(f"- {cause}" for cause in explained.causes)
        yield f"**Do:** {explained.fix}"
