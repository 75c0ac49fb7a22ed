"""`certwright explain`: what a reason, a detail, a state or a documented code means, its usual causes and the fix."""

from __future__ import annotations

import difflib
import sys
import textwrap

import click
from rich.console import Console

from certwright.cli.terminal import ERROR_STYLE, HEADING_STYLE, QUIET_STYLE, open_console, say
from certwright.dialects.code_book import CODE_BOOK, Code, codes_of, find_codes
from certwright.dialects.explanations import DETAILS, EXPLANATIONS, Explanation
from certwright.dialects.state_words import STATE_WORDS, StateWord
from certwright.findings import Detail, Reason

USAGE_EXIT = 2
_INDENT = 2
_WIDTH = 100
_SUGGESTIONS = 5


# A code may begin with a hyphen: -1 is no option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("word", required=False)
def explain(word: str | None) -> None:
    """Explain a REASON, a detail or a CODE of any table: what it means, its usual causes, and the fix.

    Spelling is forgiving: IssuerNotFound, issuer-not-found, 2011, 522 and CERTIFICATE_CHAIN_IS_INVALID are all
    understood. A number that several sources use is explained for each. Without WORD everything is listed.

    Exit status: 0, or 2 when there is no such word.
    """
    console = open_console()
    if word is None:
        _list_all(console)
        return
    reasons = [reason for reason in Reason if _plain(reason) == _plain(word)]
    details = [detail for detail in Detail if _plain(detail) == _plain(word)]
    states = [state for state in StateWord if _plain(state) == _plain(word)]
    codes = find_codes(word.strip())
    if not (reasons or details or states or codes):
        _suggest(word)
        sys.exit(USAGE_EXIT)
    for reason in reasons:
        _explain_reason(console, reason)
    for detail in details:
        _explain_detail(console, detail)
    for state in states:
        _explain_state(console, state)
    _explain_codes(console, codes, word.strip())


def _plain(word: str) -> str:
    return "".join(char for char in word if char.isalnum()).casefold()


def _explain_reason(console: Console, reason: Reason) -> None:
    say(console, (reason.value, HEADING_STYLE))
    _tell(console, EXPLANATIONS[reason])
    say(console, "\nCodes")
    for code in codes_of(reason):
        _paragraph(console, f"{code.source}: {code.title}")
    if not codes_of(reason):
        _paragraph(console, "none: no source has a word for it")
    say(console)


def _explain_state(console: Console, state: StateWord) -> None:
    say(console, (state.value, HEADING_STYLE), " (a reason of conditions, and of no finding)")
    _tell(console, STATE_WORDS[state])
    say(console)


def _tell(console: Console, explanation: Explanation) -> None:
    _paragraph(console, explanation.meaning)
    if explanation.causes:
        say(console, "\nUsual causes")
        for cause in explanation.causes:
            _paragraph(console, cause, bullet="- ")
    say(console, "\nWhat to do")
    _paragraph(console, explanation.fix)


def _explain_detail(console: Console, detail: Detail) -> None:
    say(console, (detail.value, HEADING_STYLE), " (a detail, beside a reason)")
    _paragraph(console, DETAILS[detail])
    say(console)


def _explain_codes(console: Console, codes: tuple[Code, ...], word: str) -> None:
    if len(codes) > 1:
        say(console, f"{word} stands for {len(codes)} codes.\n")
    for code in codes:
        say(console, (code.title, HEADING_STYLE), f" - {code.source}")
        _paragraph(console, code.meaning)
        for reason in code.reasons if len(code.reasons) > 1 else ():
            _paragraph(console, f"{reason.value}: {EXPLANATIONS[reason].meaning}", bullet="- ")
        _paragraph(console, f"It stands in {code.source.fields}.", style=QUIET_STYLE)
        say(console)
    for reason in dict.fromkeys(code.reasons[0] for code in codes if len(code.reasons) == 1):
        _explain_reason(console, reason)


def _paragraph(console: Console, text: str, *, bullet: str = "", style: str = "") -> None:
    indent = " " * _INDENT
    width = min(console.width, _WIDTH)
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=indent + bullet,
        subsequent_indent=indent + " " * len(bullet),
        break_on_hyphens=False,
    )
    for line in lines:
        say(console, (line, style))


def _list_all(console: Console) -> None:
    say(console, ("Reasons", HEADING_STYLE))
    width = max(len(reason) for reason in Reason)
    for reason in EXPLANATIONS:
        say(console, f"  {reason.value:<{width}}  {EXPLANATIONS[reason].meaning}")
    say(console, ("\nReasons of conditions alone", HEADING_STYLE))
    width = max(len(state) for state in StateWord)
    for state, explanation in STATE_WORDS.items():
        say(console, f"  {state.value:<{width}}  {explanation.meaning}")
    for source in dict.fromkeys(code.source for code in CODE_BOOK):
        say(console, ("\n" + str(source).capitalize(), HEADING_STYLE))
        codes = [code for code in CODE_BOOK if code.source == source]
        width = max(len(code.title) for code in codes)
        for code in codes:
            say(console, f"  {code.title:<{width}}  {code.meaning}")
    say(console, ("\nDetails", HEADING_STYLE))
    width = max(len(detail) for detail in Detail)
    for detail, meaning in DETAILS.items():
        say(console, f"  {detail.value:<{width}}  {meaning}")


def _suggest(word: str) -> None:
    console = open_console(stderr=True)
    known = {
        _plain(name): name for name in (*Reason, *Detail, *StateWord, *(code.word for code in CODE_BOOK if code.word))
    }
    known |= {code.number: code.number for code in CODE_BOOK if code.number}
    near = difflib.get_close_matches(_plain(word), known, n=_SUGGESTIONS, cutoff=0.5)
    say(console, ("certwright: ", ERROR_STYLE), f"there is no reason, detail or code {word!r}.")
    if near:
        say(console, f"Did you mean {', '.join(str(known[each]) for each in near)}?")
    say(console, "`certwright explain` lists all.")
