"""`certwright explain`: every reason, detail and code has words, and people find them however they spell."""

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from certwright import reconcile
from certwright.cli import cli
from certwright.dialects import cluster_certificates
from certwright.dialects.code_book import CODE_BOOK, codes_of, find_codes
from certwright.dialects.explanations import DETAILS, EXPLANATIONS, REFUSALS, REMARKS, REVOCATION
from certwright.dialects.root_certificates import CODES, UNIQUE_CODES
from certwright.dialects.state_words import STATE_WORDS, StateWord
from certwright.dialects.store_status import ANSWERS, NO_STATUS
from certwright.dialects.trust_state import PROBLEMS, TrustState
from certwright.findings import Detail, Reason

RECONCILE = Path(reconcile.__file__).parent
NO_REASONS = {
    "Error",
    "Warning",
    "Automatic",
    "Complete",
    "Running",
    "Manual",
    "Delete",
    "Retain",
    "Situation",
    "Trusted",
}
"""What stands there too: values of fields, the name of a class, the beginning of a sentence."""

WITHOUT_CAUSES = {Reason.VALID, Reason.INTERNAL_ERROR}


def explain(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["explain", *words])


@pytest.mark.parametrize("reason", Reason)
def test_explanations_are_complete_when_a_reason_exists(reason: Reason) -> None:
    explanation = EXPLANATIONS[reason]
    assert explanation.meaning.endswith(".")
    assert explanation.fix.endswith(".")
    assert bool(explanation.causes) != (reason in WITHOUT_CAUSES)
    assert all(cause.endswith(".") for cause in explanation.causes)


def test_explanations_name_each_reason_once_when_put_together() -> None:
    assert len(REFUSALS) + len(REMARKS) + len(REVOCATION) == len(EXPLANATIONS) == len(Reason)


def test_details_are_explained_when_they_exist() -> None:
    assert set(DETAILS) == set(Detail)
    assert all(meaning.endswith(".") for meaning in DETAILS.values())


def test_code_book_holds_every_code_when_compared_with_the_tables() -> None:
    numbers = {(code.source.number, code.number, code.word) for code in CODE_BOOK}
    answers = {(1, str(each.response_code), each.status.value) for each in (*ANSWERS.values(), NO_STATUS)}
    validations = {(3, str(number), "") for number in (*CODES.values(), *UNIQUE_CODES.values())}
    states = {(2, "", state.value) for state in TrustState} | {(2, str(each.number), "") for each in PROBLEMS.values()}
    clusters = {(4, str(number), "") for number in cluster_certificates.ORDER}
    assert numbers == answers | states | validations | clusters


def test_codes_of_a_reason_are_those_of_the_tables_when_looked_up() -> None:
    titles = [code.title for code in codes_of(Reason.REFERENCE_NOT_FOUND)]
    assert titles == ["404 NOT_FOUND", "untrusted", "2 (HTTP 404)", "-1", "1002 (HTTP 404)", "404"]


@pytest.mark.parametrize("reason", Reason)
def test_explain_says_all_when_given_a_reason(reason: Reason) -> None:
    result = explain(reason.value)
    text = " ".join(result.output.split())
    explanation = EXPLANATIONS[reason]
    assert result.exit_code == 0
    assert all(part in text for part in (explanation.meaning, explanation.fix, *explanation.causes))
    assert all(code.title in text for code in codes_of(reason))


@pytest.mark.parametrize("code", CODE_BOOK, ids=lambda code: code.title)
def test_explain_says_what_it_means_when_given_a_code(code: object) -> None:
    assert code in CODE_BOOK
    (found,) = (each for each in CODE_BOOK if each == code)
    result = explain(found.number or found.word)
    text = " ".join(result.output.split())
    assert result.exit_code == 0
    assert found.meaning in text
    assert f"source {found.source.number}, {found.source.title}" in text
    assert all(reason.value in text for reason in found.reasons)


@pytest.mark.parametrize("word", ["IssuerNotFound", "issuernotfound", "issuer-not-found", "ISSUER_NOT_FOUND"])
def test_explain_understands_when_spelled_otherwise(word: str) -> None:
    result = explain(word)
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "IssuerNotFound")


def test_explain_names_each_source_when_a_number_stands_in_several() -> None:
    result = explain("404")
    assert "404 stands for 4 codes." in result.output
    assert "404 NOT_FOUND - source 1" in result.output
    assert "2 (HTTP 404) - source 2" in result.output
    assert "1002 (HTTP 404) - source 3" in result.output
    assert result.output.count("\nReferenceNotFound\n") == 1


def test_explain_understands_when_a_code_begins_with_a_hyphen() -> None:
    result = explain("-1")
    assert (result.exit_code, "Not validated" in result.output) == (0, True)


@pytest.mark.parametrize("word", StateWord)
def test_explain_says_all_when_given_a_reason_that_only_conditions_have(word: StateWord) -> None:
    explanation = STATE_WORDS[word]
    assert explanation.meaning.endswith(".")
    assert explanation.fix.endswith(".")
    result = explain(word.value.upper())
    text = " ".join(result.output.split())
    assert result.exit_code == 0
    assert f"{word.value} (a reason of conditions, and of no finding)" in text
    assert all(part in text for part in (explanation.meaning, explanation.fix, *explanation.causes))


def test_state_words_are_no_reasons() -> None:
    assert set(STATE_WORDS) == set(StateWord)
    assert {word.value for word in StateWord}.isdisjoint(reason.value for reason in Reason)


def test_every_reason_of_a_condition_can_be_explained() -> None:
    """No module that observes conditions, or says how an object stands, spells a word that is in no table."""
    explained = {*Reason, *StateWord, *Detail}
    spelled = {
        f"{path.relative_to(RECONCILE)}: {node.value}"
        for path in RECONCILE.rglob("*.py")
        if path.stem in {"conditions", "standing", "status", "verdict", "confession", "patience"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"(?:[A-Z][a-z]+)+", node.value) and node.value not in explained | NO_REASONS
    }
    assert spelled == set()


def test_explain_finds_the_word_of_a_code_when_in_lower_case() -> None:
    assert [code.number for code in find_codes("certificate_is_expired")] == ["525"]


def test_explain_says_what_a_detail_means_when_given_one() -> None:
    result = explain("pathlengthexceeded")
    assert "PathLengthExceeded (a detail, beside a reason)" in result.output
    assert DETAILS[Detail.PATH_LENGTH_EXCEEDED] in " ".join(result.output.split())


def test_explain_says_that_there_is_no_code_when_no_source_has_one() -> None:
    assert "none: no source has a word for it" in explain("HostNotAllowed").output


@pytest.mark.parametrize(
    ("word", "suggestion"), [("IsuerNotFound", "IssuerNotFound"), ("2012x", "2012"), ("CHAIN_INVALID_", "")]
)
def test_explain_suggests_when_the_word_is_nearly_one(word: str, suggestion: str) -> None:
    result = explain(word)
    assert suggestion in result.output


def test_explain_exits_with_2_when_the_word_is_unknown() -> None:
    result = explain("frobnicate")
    assert (result.exit_code, "there is no reason, detail or code 'frobnicate'" in result.output) == (2, True)


def test_explain_lists_everything_when_called_without_a_word() -> None:
    output = explain().output
    assert [name for name in (*Reason, *Detail, *StateWord) if name.value not in output] == []
    assert [code.title for code in CODE_BOOK if code.title not in output] == []
