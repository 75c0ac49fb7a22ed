"""From the paths of a command line to bytes: files, folders with all that is in them, standard input."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from certwright.pki.objects import ObjectKind, identify

STANDARD_INPUT = "-"
MANIFEST_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
CERTIFICATE_SUFFIXES = frozenset(
    {".pem", ".crt", ".cer", ".cert", ".der", ".p7b", ".p7c", ".p7s", ".p7", ".p12", ".pfx"}
)
FILE_BYTES = 64 << 20
"""The largest file that is read, in bytes: a bundle of all public roots has a quarter of a million."""

_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_WANTED_LABELS = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE", b"PKCS7", b"CMS", b"PKCS12"})
_UNWANTED_KINDS = frozenset(
    {
        ObjectKind.CRL,
        ObjectKind.REQUEST,
        ObjectKind.PRIVATE_KEY,
        ObjectKind.ENCRYPTED_KEY,
        ObjectKind.PUBLIC_KEY,
        ObjectKind.PARAMETERS,
    }
)
_MANIFEST = re.compile(rb"""\A(?:\xef\xbb\xbf)?\s*\{|^["']?(?:apiVersion|kind)["']?[ \t]*:""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was read.

    Attributes:
        name: its path as given or found, `-` for standard input.
        data: what it holds.
        is_manifest: Kubernetes manifests, rather than certificates as such.
        relative: its path below the folder that was given; its name where the file itself was given.
    """

    name: str
    data: bytes = field(repr=False)
    is_manifest: bool
    relative: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps us from judging; `line` 0 is the file as a whole."""

    file: str
    message: str
    line: int = 0


def read_paths(paths: Iterable[str]) -> Iterator[Source | Problem]:
    """Read files, the certificates and manifests below folders, and standard input; in their order, folders sorted.

    Below folders the suffix decides what is read, hidden names are left out, and a file that holds only keys, requests
    or revocation lists is none of our business.
    """
    for path in paths:
        if path == STANDARD_INPUT:
            yield _classify(path, sys.stdin.buffer.read(FILE_BYTES + 1), "stdin")
        elif Path(path).is_dir():
            for found in _walk(Path(path)):
                source = _read(found, str(found.relative_to(path)))
                if isinstance(source, Problem) or source.is_manifest or _is_wanted(source.data):
                    yield source
        else:
            yield _read(Path(path), Path(path).name)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in MANIFEST_SUFFIXES | CERTIFICATE_SUFFIXES:
                yield Path(parent, name)


def _read(path: Path, relative: str) -> Source | Problem:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        return Problem(str(path), f"cannot be read: {error.strerror or type(error).__name__}")
    return _classify(str(path), data, relative)


def _classify(name: str, data: bytes, relative: str) -> Source | Problem:
    if len(data) > FILE_BYTES:
        return Problem(name, f"is larger than the {FILE_BYTES >> 20} MiB that are read")
    suffix = Path(name).suffix.lower()
    manifest = suffix in MANIFEST_SUFFIXES or (suffix not in CERTIFICATE_SUFFIXES and bool(_MANIFEST.search(data)))
    return Source(name, data, manifest, relative)


def _is_wanted(data: bytes) -> bool:
    labels = set(_LABEL.findall(data))
    if labels:
        return bool(labels & _WANTED_LABELS)
    return identify(data) not in _UNWANTED_KINDS
