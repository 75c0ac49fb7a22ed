"""Split text into labelled blocks, and write them in the one normalised form (RFC 7468).

Ours instead of the library's loader, which is lenient where it harms (its single loader ignores everything after the
first block, its list loader skips what it does not know) and silent about it. Here the intent decides: what can only
have been meant one way is read, and every such mercy is named in `repairs`; everything else is refused with the
block's number. All patterns are bounded, so that a megabyte of junk takes linear time.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from certwright.findings import Detail

if TYPE_CHECKING:
    from certwright.findings import MaterialError
    from certwright.pki.origin import Origin

COLUMNS = 64
"""Base64 characters a line in what we write (RFC 7468 §2)."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARKER = re.compile(rb"-----(BEGIN|END) ([A-Z0-9][A-Z0-9 ._/#+]{0,63})-----")
_DAMAGED_MARKER = re.compile(rb"--[ \t]{0,8}(?:BEGIN|END)[ \t]", re.IGNORECASE)
_ESCAPED_LINE_END = re.compile(rb"-----\\(?:r\\)?n|\\n[ \t]{0,8}-----")
_FOREIGN_CHARACTER = re.compile(rb"[^A-Za-z0-9+/=\s]")

BYTE_ORDER_MARK = "a byte order mark"
CARRIAGE_RETURNS = "line ends other than LF"
ESCAPED_LINE_ENDS = "line ends written as backslash and n"
INDENTATION = "indented lines"
BLANK_LINES = "blank lines inside a block"
COLUMN_WIDTH = "lines that are not 64 columns wide"
SURROUNDING_TEXT = "text outside the blocks"
HEADERS = "header lines inside a block"
LAST_LINE_END = "no line end after the last line"


@dataclass(frozen=True, slots=True)
class PemBlock:
    """What stood between one BEGIN and its END line.

    Attributes:
        label: the words after BEGIN, for example `CERTIFICATE`.
        der: the decoded contents.
        headers: RFC 1421 header lines (`Proc-Type: 4,ENCRYPTED`), in order.
        number: 1 for the first block of the file.
    """

    label: str
    der: bytes = field(repr=False)
    headers: tuple[str, ...] = field(repr=False)
    number: int


@dataclass(frozen=True, slots=True)
class PemText:
    """All blocks of a text, in order, and what had to be overlooked to read them, as noun phrases."""

    blocks: tuple[PemBlock, ...]
    repairs: tuple[str, ...]


def has_markers(data: bytes) -> bool:
    """Tell whether `data` holds anything that was meant as a BEGIN or END line, damaged ones included."""
    return _DAMAGED_MARKER.search(data) is not None


def split_pem(data: bytes, origin: Origin) -> PemText:
    """Split a text into its blocks.

    Raises:
        MaterialError: a block has no end or no beginning, its END names another label, a BEGIN or END line is
            damaged, or the base64 is.
    """
    repairs: dict[str, None] = {}  # an ordered set
    text = _mend_lines(data, repairs)
    blocks: list[PemBlock] = []
    opened: re.Match[bytes] | None = None
    position = 0
    for marker in _MARKER.finditer(text):
        number = len(blocks) + 1
        if marker[1] == b"BEGIN":
            if opened:
                raise _unterminated(opened, number, origin)
            _note_gap(text, position, marker.start(), repairs, origin)
            opened = marker
            continue
        if not opened or opened[2] != marker[2]:
            raise _unmatched(opened, marker, number, origin)
        blocks.append(_decode_block(opened[2], text[opened.end() : marker.start()], number, repairs, origin))
        opened, position = None, marker.end()
    if opened:
        raise _unterminated(opened, len(blocks) + 1, origin)
    _note_gap(text, position, len(text), repairs, origin)
    if blocks and not text.endswith(b"\n"):
        repairs[LAST_LINE_END] = None
    return PemText(tuple(blocks), tuple(repairs))


def encode_pem(label: str, der: bytes) -> bytes:
    """Write one block in normalised form: 64 columns, LF, a line end after the last line (RFC 7468 §2)."""
    encoded = base64.b64encode(der)
    lines = [encoded[start : start + COLUMNS] for start in range(0, len(encoded), COLUMNS)]
    name = label.encode("ascii")
    return b"\n".join((b"-----BEGIN " + name + b"-----", *lines, b"-----END " + name + b"-----", b""))


def decode_base64(data: bytes) -> bytes | None:
    """Decode base64 that may hold white space and nothing else that is not its own; None when it does."""
    encoded = b"".join(data.split())
    try:
        return binascii.a2b_base64(encoded, strict_mode=True) if len(encoded) % 4 == 0 else None
    except binascii.Error:
        return None


def _mend_lines(data: bytes, repairs: dict[str, None]) -> bytes:
    if _BYTE_ORDER_MARK in data:  # not only in front: files were joined with `cat`
        data = data.replace(_BYTE_ORDER_MARK, b"")
        repairs[BYTE_ORDER_MARK] = None
    if _ESCAPED_LINE_END.search(data):
        data = data.replace(b"\\r\\n", b"\n").replace(b"\\n", b"\n")
        repairs[ESCAPED_LINE_ENDS] = None
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        repairs[CARRIAGE_RETURNS] = None
    return data


def _note_gap(text: bytes, start: int, end: int, repairs: dict[str, None], origin: Origin) -> None:
    damaged = _DAMAGED_MARKER.search(text, start, end)
    if damaged:
        line = text.count(b"\n", 0, damaged.start()) + 1
        raise origin.refusal(
            Detail.TRUNCATED,
            f"the BEGIN or END line at line {line} is damaged; it must read like `-----BEGIN CERTIFICATE-----`, "
            "with five hyphens on each side.",
        )
    gap = text[start:end]
    if gap.strip():
        repairs[SURROUNDING_TEXT] = None
    elif gap.strip(b"\n"):
        repairs[INDENTATION] = None


def _decode_block(label: bytes, body: bytes, number: int, repairs: dict[str, None], origin: Origin) -> PemBlock:
    lines = [line.strip() for line in body.strip().split(b"\n")]
    if body.strip(b"\n") != b"\n".join(lines):
        repairs[INDENTATION] = None
    count = 0
    while count < len(lines) and b":" in lines[count]:
        count += 1
    headers = tuple(line.decode("latin-1") for line in lines[:count])
    rest = lines[count + 1 :] if headers and lines[count : count + 1] == [b""] else lines[count:]
    if b"" in rest:
        repairs[BLANK_LINES] = None
    encoded = [line for line in rest if line]
    glued = not (body.startswith(b"\n") and body.rstrip(b" \t").endswith(b"\n"))
    if glued or any(len(line) != COLUMNS for line in encoded[:-1]) or len(b"".join(encoded[-1:])) > COLUMNS:
        repairs[COLUMN_WIDTH] = None
    name = label.decode("ascii")
    der = decode_base64(b"".join(encoded))
    if der is None:
        raise _damaged(name, body, number, origin)
    return PemBlock(name, der, headers, number)


def _damaged(label: str, body: bytes, number: int, origin: Origin) -> MaterialError:
    foreign = _FOREIGN_CHARACTER.search(body)
    line = body.count(b"\n", 0, foreign.start()) if foreign else 0
    where = (
        f"line {line} of it holds a character that is not base64"
        if foreign
        else "characters are missing, or stand after the padding"
    )
    return origin.refusal(
        Detail.BASE64_DAMAGED,
        f"the base64 of block {number} ({label}) is damaged: {where}. Copy the file again, as a whole.",
    )


def _unterminated(opened: re.Match[bytes], number: int, origin: Origin) -> MaterialError:
    label = opened[2].decode("ascii")
    return origin.refusal(
        Detail.TRUNCATED,
        f"block {number} ({label}) has no END line: the text was cut short. Copy the file again, as a whole.",
    )


def _unmatched(opened: re.Match[bytes] | None, end: re.Match[bytes], number: int, origin: Origin) -> MaterialError:
    label = end[2].decode("ascii")
    if opened is None:
        fault = f"an END line ({label}) stands where block {number} should begin: its BEGIN line is missing"
    else:
        fault = f"block {number} begins as {opened[2].decode('ascii')} and ends as {label}"
    return origin.refusal(Detail.TRUNCATED, f"{fault}. Copy the file again, as a whole.")
