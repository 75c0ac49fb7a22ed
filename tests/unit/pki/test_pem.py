from __future__ import annotations

import base64
import re
import re._parser as pattern_parser  # type: ignore[import-not-found]
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki import pem
from certwright.pki.origin import Origin
from certwright.pki.pem import PemText, encode_pem, has_markers, split_pem

ORIGIN = Origin("`spec.certificate`")
CONTENTS = bytes(range(256))
BLOCK = encode_pem("CERTIFICATE", CONTENTS)


def split(data: bytes) -> PemText:
    return split_pem(data, ORIGIN)


def refusal(data: bytes) -> MaterialError:
    with pytest.raises(MaterialError) as caught:
        split(data)
    assert caught.value.finding.reason is Reason.UNPARSABLE
    assert caught.value.finding.message.startswith("`spec.certificate`: ")
    return caught.value


def test_encode_pem_writes_64_columns_and_lf_when_contents_are_long() -> None:
    lines = BLOCK.split(b"\n")
    assert lines[0] == b"-----BEGIN CERTIFICATE-----"
    assert [len(line) for line in lines[1:-2]] == [64, 64, 64, 64, 64, 24]
    assert lines[-2:] == [b"-----END CERTIFICATE-----", b""]


def test_split_pem_repairs_nothing_when_text_is_normalised() -> None:
    text = split(BLOCK + encode_pem("X509 CRL", b"crl"))
    assert [(block.label, block.der, block.number) for block in text.blocks] == [
        ("CERTIFICATE", CONTENTS, 1),
        ("X509 CRL", b"crl", 2),
    ]
    assert text.repairs == ()


@pytest.mark.parametrize(
    ("mangle", "repair"),
    [
        (lambda text: b"\xef\xbb\xbf" + text, pem.BYTE_ORDER_MARK),
        (lambda text: text.replace(b"\n", b"\r\n"), pem.CARRIAGE_RETURNS),
        (lambda text: text.replace(b"\n", b"\r"), pem.CARRIAGE_RETURNS),
        (lambda text: text.replace(b"\n", b"\\n"), pem.ESCAPED_LINE_ENDS),
        (lambda text: text.replace(b"\n", b"\\r\\n"), pem.ESCAPED_LINE_ENDS),
        (lambda text: b'{"crt": "' + text.replace(b"\n", b"\\n") + b'"}', pem.ESCAPED_LINE_ENDS),
        (lambda text: b"".join(b"    " + line + b"\n" for line in text.splitlines()), pem.INDENTATION),
        (lambda text: text.replace(b"\n", b"  \n"), pem.INDENTATION),
        (lambda text: text.replace(b"\n", b"\n\n"), pem.BLANK_LINES),
        (lambda text: text.replace(b"\n", b" "), pem.COLUMN_WIDTH),
        (lambda text: text.replace(b"\n", b""), pem.COLUMN_WIDTH),
        (lambda text: b"Bag Attributes\n    friendlyName: shop\n" + text, pem.SURROUNDING_TEXT),
        (lambda text: text + b"\nsent from my phone\n", pem.SURROUNDING_TEXT),
        (lambda text: text.removesuffix(b"\n"), pem.LAST_LINE_END),
    ],
)
def test_split_pem_names_the_repair_when_intent_is_certain(mangle: object, repair: str) -> None:
    text = split(mangle(BLOCK))  # type: ignore[operator]
    assert [block.der for block in text.blocks] == [CONTENTS]
    assert repair in text.repairs


@pytest.mark.parametrize("columns", [76, 1000, 10])
def test_split_pem_names_the_width_when_lines_are_not_64_columns(columns: int) -> None:
    encoded = base64.b64encode(CONTENTS)
    lines = [encoded[start : start + columns] for start in range(0, len(encoded), columns)]
    text = split(b"-----BEGIN A-----\n" + b"\n".join(lines) + b"\n-----END A-----\n")
    assert text.blocks[0].der == CONTENTS
    assert text.repairs == (pem.COLUMN_WIDTH,)


def test_split_pem_reads_all_when_byte_order_marks_and_blocks_are_glued() -> None:
    glued = (b"\xef\xbb\xbf" + BLOCK.removesuffix(b"\n")) * 3
    assert [block.der for block in split(glued).blocks] == [CONTENTS] * 3


def test_split_pem_keeps_headers_when_a_block_has_them() -> None:
    text = split(
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"
        b"-----END RSA PRIVATE KEY-----\n"
    )
    assert text.blocks[0].headers == ("Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00")
    assert text.blocks[0].der == b"\0\0\0"
    assert text.repairs == ()


def test_split_pem_says_truncated_when_the_end_line_is_missing() -> None:
    error = refusal(BLOCK + BLOCK[:-30])
    assert error.finding.detail is Detail.TRUNCATED
    assert "block 2 (CERTIFICATE) has no END line: the text was cut short" in str(error)


def test_split_pem_says_truncated_when_a_block_begins_inside_another() -> None:
    error = refusal(BLOCK.split(b"-----END")[0] + BLOCK)
    assert error.finding.detail is Detail.TRUNCATED
    assert "block 1 (CERTIFICATE) has no END line" in str(error)


def test_split_pem_says_truncated_when_the_begin_line_is_missing() -> None:
    error = refusal(BLOCK.split(b"\n", 1)[1])
    assert error.finding.detail is Detail.TRUNCATED
    assert "its BEGIN line is missing" in str(error)


def test_split_pem_names_both_labels_when_they_differ() -> None:
    error = refusal(BLOCK.replace(b"END CERTIFICATE", b"END PRIVATE KEY"))
    assert error.finding.detail is Detail.TRUNCATED
    assert "block 1 begins as CERTIFICATE and ends as PRIVATE KEY" in str(error)


@pytest.mark.parametrize("marker", [b"----BEGIN CERTIFICATE----", b"-----begin certificate-----", b"--- END X ---"])
def test_split_pem_names_the_line_when_a_marker_is_damaged(marker: bytes) -> None:
    error = refusal(BLOCK + b"\n" + marker + b"\nAAAA\n")
    assert error.finding.detail is Detail.TRUNCATED
    assert "the BEGIN or END line at line 10 is damaged" in str(error)


def test_split_pem_names_the_line_when_a_character_is_not_base64() -> None:
    damaged = bytearray(BLOCK)
    damaged[BLOCK.index(b"\n") + 70] = ord("!")
    error = refusal(bytes(damaged))
    assert error.finding.detail is Detail.BASE64_DAMAGED
    assert "the base64 of block 1 (CERTIFICATE) is damaged: line 2 of it holds a character that is not base64" in str(
        error
    )


@pytest.mark.parametrize("body", [b"AAA", b"AA=A", b"AAAA=", b"A"])
def test_split_pem_says_characters_are_missing_when_the_padding_is_wrong(body: bytes) -> None:
    error = refusal(b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----\n")
    assert error.finding.detail is Detail.BASE64_DAMAGED
    assert "characters are missing, or stand after the padding" in str(error)


def test_split_pem_finds_no_block_when_there_is_none() -> None:
    assert split(b"hello") == PemText((), (pem.SURROUNDING_TEXT,))


def test_pem_block_hides_its_contents_when_shown() -> None:
    shown = repr(split(encode_pem("PRIVATE KEY", b"very secret")))
    assert "secret" not in shown
    assert "PRIVATE KEY" in shown


@given(st.lists(st.tuples(st.sampled_from(["CERTIFICATE", "X509 CRL", "PKCS7"]), st.binary(min_size=1)), max_size=4))
def test_split_pem_returns_what_was_encoded_whatever_it_was(items: list[tuple[str, bytes]]) -> None:
    text = split(b"".join(encode_pem(label, der) for label, der in items))
    assert [(block.label, block.der) for block in text.blocks] == items
    assert text.repairs == ()


_PIECES = [
    b"-----",
    b"BEGIN ",
    b"END ",
    b"CERTIFICATE",
    b"\n",
    b"\r",
    b"\\n",
    b"AAAA",
    b"=",
    b" ",
    b":",
    b"\xef\xbb\xbf",
]


@given(st.lists(st.one_of(st.binary(max_size=8), st.sampled_from(_PIECES)), max_size=30).map(b"".join))
def test_split_pem_raises_only_material_errors_whatever_the_bytes(data: bytes) -> None:
    try:
        text = split(data)
    except MaterialError:
        return
    assert split(b"".join(encode_pem(block.label, block.der) for block in text.blocks)).repairs == ()


def _unbounded_repeats(parsed: object) -> int:
    count = 0
    for operation, argument in parsed:  # type: ignore[attr-defined]
        if operation in (pattern_parser.MAX_REPEAT, pattern_parser.MIN_REPEAT):
            count += argument[1] is pattern_parser.MAXREPEAT
            count += _unbounded_repeats(argument[2])
        elif operation is pattern_parser.SUBPATTERN:
            count += _unbounded_repeats(argument[3])
        elif operation is pattern_parser.BRANCH:
            count += sum(_unbounded_repeats(branch) for branch in argument[1])
    return count


def test_patterns_repeat_boundedly_so_that_scans_are_linear() -> None:
    patterns = [value for value in vars(pem).values() if isinstance(value, re.Pattern)]
    assert len(patterns) == 4
    for pattern in patterns:
        assert _unbounded_repeats(pattern_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)) == 0


def _executed_lines(data: bytes) -> int:
    count = 0

    def trace(_frame: object, event: str, _argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        split(data)
    except MaterialError:
        pass
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("junk", [b"-", b"-----BEGIN ", b"A\n", b"-----BEGIN A-----\nAAAA\n-----END A-----\n"])
def test_split_pem_does_twice_the_work_when_the_text_is_twice_as_long(junk: bytes) -> None:
    once, twice = (_executed_lines(junk * count) for count in (500, 1000))
    assert twice <= 2.1 * once


def test_has_markers_tells_text_that_was_meant_as_pem() -> None:
    assert has_markers(b"----- begin certificate")
    assert not has_markers(b"MIIB" * 10)
