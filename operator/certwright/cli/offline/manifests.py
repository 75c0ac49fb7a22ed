"""From YAML to objects, each with the line it begins at and the lines its certificates stand at.

YAML is read as the API server's tools read it: no dates, no sets, only what JSON has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from certwright.cli.offline.paths import Problem, Source

DEFAULT_NAMESPACE = "default"
_PUBLIC_FIELDS = ("certificate", "chain", "cert")
_NAMED_ITEMS = ("slots", "certificates")
_DATA_FIELDS = ("data", "stringData", "binaryData")
_DEPTH_LIMIT = 256
_DEEP_LINE = re.compile(rb"^(?: {256}|(?: *[-?]){64})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A text in a manifest.

    Attributes:
        name: the path of its field: `data.tls.crt`; of an item of a list with its name: `spec.slots[proxy]`, which is
            a place only, without text.
        line: where its first line stands in the file, from 1.
        text: the text.
        spread: each line of the text is a line of the file; else all of it stands at `line`.
    """

    name: str
    line: int
    text: str = field(repr=False)
    spread: bool


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a manifest.

    Attributes:
        file: where it stands.
        line: its first line, from 1.
        namespace: `default` where it names none.
        body: the whole object.
        pieces: the texts in it that may hold certificates, and the named items of a set.
    """

    file: str
    line: int
    api_version: str
    kind: str
    namespace: str
    name: str
    body: Mapping[str, Any] = field(repr=False)
    pieces: tuple[Piece, ...] = field(repr=False)


class _Loader(yaml.CSafeLoader):
    """Reads what JSON can say; a date stays the text it is."""


_Loader.yaml_implicit_resolvers = {
    char: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for char, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def read_manifests(source: Source) -> Iterator[Document | Problem]:
    """Read the Kubernetes objects of a file, those inside lists too; other documents are passed over."""
    if _is_suspicious(source.data) and _is_too_deep(source.data):
        yield Problem(source.name, "is nested too deeply to be a manifest")
        return
    try:
        loader = _Loader(source.data)
    except (yaml.YAMLError, UnicodeDecodeError):
        yield Problem(source.name, "is not text that YAML can be read from")
        return
    try:
        while loader.check_node():
            node = loader.get_node()
            if isinstance(node, yaml.MappingNode):
                yield from _read_object(loader, node, source.name)
    except yaml.YAMLError as error:
        # Of the error only what is wrong and where: its full text may quote the file.
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 0
        yield Problem(source.name, f"cannot be read as YAML: {getattr(error, 'problem', None) or 'damaged'}", line)
    except RecursionError:
        yield Problem(source.name, "holds something that contains itself")
    finally:
        loader.dispose()


def _is_suspicious(data: bytes) -> bool:
    """Say whether a text could be nested deeply; what people write never is, and need not be parsed twice."""
    return data.count(b"[") + data.count(b"{") > _DEPTH_LIMIT or _DEEP_LINE.search(data) is not None


def _is_too_deep(data: bytes) -> bool:
    # The composer recurses in C without a limit and would take the process down; events do not.
    depth = 0
    try:
        for event in yaml.parse(data, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH_LIMIT:
                return True
    except (yaml.YAMLError, UnicodeDecodeError):
        return False  # the reader says what is wrong
    return False


def _read_object(loader: _Loader, node: yaml.MappingNode, file: str) -> Iterator[Document | Problem]:
    fields = _fields(node)
    kind, version = _text(fields.get("kind")), _text(fields.get("apiVersion"))
    if not (kind and version):
        return
    items = fields.get("items")
    if kind.endswith("List") and isinstance(items, yaml.SequenceNode):
        for item in items.value:
            if isinstance(item, yaml.MappingNode):
                yield from _read_object(loader, item, file)
        return
    body = loader.construct_document(node)
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    line = node.start_mark.line + 1
    if not isinstance(name, str):
        yield Problem(file, f"the {kind} has no `metadata.name`", line)
        return
    namespace = metadata.get("namespace") or DEFAULT_NAMESPACE
    yield Document(file, line, version, kind, str(namespace), name, body, tuple(_pieces(fields)))


def _fields(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _text(node: yaml.Node | None) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _pieces(fields: Mapping[str, yaml.Node]) -> Iterator[Piece]:
    for holder in _DATA_FIELDS:
        for name, node in _fields(fields.get(holder)).items():
            if isinstance(node, yaml.ScalarNode):
                yield _piece(f"{holder}.{name}", node)
    spec = _fields(fields.get("spec"))
    for name in _PUBLIC_FIELDS:
        value = spec.get(name)
        if isinstance(value, yaml.ScalarNode):
            yield _piece(f"spec.{name}", value)
    for name in _NAMED_ITEMS:
        items = spec.get(name)
        for item in items.value if isinstance(items, yaml.SequenceNode) else ():
            yield from _pieces_of_item(f"spec.{name}", item)


def _pieces_of_item(path: str, item: yaml.Node) -> Iterator[Piece]:
    inner = _fields(item)
    place = f"{path}[{_text(inner.get('name'))}]"
    yield Piece(place, item.start_mark.line + 1, "", spread=False)
    for name in _PUBLIC_FIELDS:
        value = inner.get(name)
        if isinstance(value, yaml.ScalarNode):
            yield _piece(f"{place}.{name}", value)


def _piece(name: str, node: yaml.ScalarNode) -> Piece:
    line = node.start_mark.line + 1
    return Piece(name, line + 1 if node.style == "|" else line, node.value, spread=node.style == "|")
