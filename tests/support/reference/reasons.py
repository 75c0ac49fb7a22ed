"""The reasons, what they mean, and their codes in the documented vocabularies."""

from certwright.dialects.root_certificates import CODES
from certwright.dialects.store_status import ANSWERS, OK
from certwright.findings import Detail, Reason
from tests.support.reference.meanings import LISTS, MEANINGS
from tests.support.reference.page import code, page, table

INTRODUCTION = """\
Every problem has one reason. It stands in `status.findings[].reason`, and the worst one in the condition `Ready`. The
two numbers are translations of it: `validation` (`status.validation`) tells what is wrong with the certificate, and
`certificateStoreStatus` with `responseCode` how storing it went. Where `validation` is *unchanged*, the problem is not
the certificate, which keeps the code it has.

Material that is refused replaces nothing: what was served stays served. [Read the
states](../concepts.md#read-the-states) says which of several findings wins."""
WARNINGS = """\
## Warnings

The material is used, and something deserves a look. The state stays `OK` (200) and `validation` 0."""
REVOCATION = """\
## Revocation lists

These words belong to the vocabulary and to the engine; no resource of this version takes revocation lists yet."""
DETAILS = """\
## Details

`status.findings[].detail` names the precise defect where a reason covers several:"""
OWN = "unchanged"


def write_reasons() -> str:
    """Return the page."""
    warnings = [reason for reason in MEANINGS if ANSWERS.get(reason) is OK and reason is not Reason.VALID]
    errors = [reason for reason in MEANINGS if reason not in warnings and reason not in LISTS]
    lists = [reason for reason in MEANINGS if reason in LISTS]
    return page(
        "Reasons and codes",
        INTRODUCTION,
        "## States and errors",
        table(["reason", "means", "what to do", "validation", "store status"], map(_error, errors)),
        WARNINGS,
        table(["reason", "means", "what to do"], [(code(each), *MEANINGS[each]) for each in warnings]),
        REVOCATION,
        table(["reason", "means", "what to do", "validation", "store status"], map(_error, lists)),
        DETAILS,
        ", ".join(code(detail) for detail in Detail) + ".",
    )


def _error(reason: Reason) -> tuple[str, ...]:
    answer = ANSWERS.get(reason)
    stored = "none" if answer is None else f"{code(answer.status)} ({answer.response_code})"
    return (code(reason), *MEANINGS[reason], str(CODES.get(reason, OWN)), stored)
