from collections.abc import AsyncIterator

import pytest

from certwright.cluster.watch_stream import EventType, parse_event, read_lines
from certwright.findings import ClusterError


async def arriving(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def lines(*chunks: bytes, longest: int = 100) -> list[bytes]:
    return [line async for line in read_lines(arriving(*chunks), longest=longest)]


@pytest.mark.parametrize(
    "chunks",
    [
        (b"one\ntwo\nthree\n",),
        (b"one\n", b"two\n", b"three\n"),
        (b"o", b"ne\ntw", b"o", b"\n", b"thr", b"ee\n"),
        (b"one\n\n\ntwo\nthree\nunfini", b"shed"),
    ],
)
async def test_read_lines_gives_whole_lines_however_they_arrive(chunks: tuple[bytes, ...]) -> None:
    assert await lines(*chunks) == [b"one", b"two", b"three"]


async def test_read_lines_gives_long_lines_when_they_are_within_the_limit() -> None:
    assert await lines(b"x" * 60, b"x" * 40 + b"\n", longest=100) == [b"x" * 100]


async def test_read_lines_raises_when_a_line_does_not_end() -> None:
    with pytest.raises(ClusterError, match="longer than 100 bytes"):
        await lines(b"x" * 60, b"x" * 60, longest=100)


def test_parse_event_gives_type_and_object() -> None:
    event = parse_event(b'{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"3"}}}')

    assert event.type is EventType.DELETED
    assert event.object["metadata"]["name"] == "a"


def test_parse_event_gives_the_status_when_it_is_an_error() -> None:
    assert parse_event(b'{"type":"ERROR","object":{"code":410}}').object == {"code": 410}


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"7",
        b'{"type":"ADDED"}',
        b'{"type":"NEW","object":{}}',
        b'{"type":"ADDED","object":[]}',
        b'{"type":"ADDED","object":{"metadata":{}}}',
        b"\xff\xfe",
    ],
)
def test_parse_event_raises_when_it_is_none(line: bytes) -> None:
    with pytest.raises(ClusterError, match="is no event") as caught:
        parse_event(line)

    assert caught.value.__suppress_context__
