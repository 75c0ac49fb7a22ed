"""Where in a file a certificate stands: the line of its BEGIN line, found by its fingerprint."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator

from certwright.cli.offline.manifests import Document
from certwright.cli.offline.report import Spot

_BLOCK = re.compile(rb"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----(.*?)-----END", re.DOTALL)


def find_in_file(name: str, data: bytes) -> dict[str, Spot]:
    """Give the spot of every certificate of a PEM file by its fingerprint; of DER and the like there is none."""
    return {fingerprint: Spot(name, 1 + offset) for fingerprint, offset in _find_blocks(data)}


def find_in_documents(documents: Iterable[Document]) -> dict[str, Spot]:
    """Give the spot of every certificate in objects of manifests; the first of several is given."""
    spots: dict[str, Spot] = {}
    for document in documents:
        for piece in document.pieces:
            text = piece.text.encode()
            for fingerprint, offset in _find_blocks(text if b"-----BEGIN" in text else _decode(text)):
                line = piece.line + offset if piece.spread and b"-----BEGIN" in text else piece.line
                spots.setdefault(fingerprint, Spot(document.file, line))
    return spots


def _find_blocks(data: bytes) -> Iterator[tuple[str, int]]:
    found = False
    line, counted = 0, 0
    for block in _BLOCK.finditer(data):
        found = True
        line, counted = line + data.count(b"\n", counted, block.start()), block.start()
        der = _decode(block[1])
        if der:
            yield _fingerprint(der), line
    if not found and data:
        yield _fingerprint(data), 0


def _fingerprint(der: bytes) -> str:
    return "sha256:" + hashlib.sha256(der).hexdigest()


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return b""
