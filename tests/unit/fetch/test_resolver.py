"""Names to addresses, by the system."""

import socket

import pytest

from certwright.fetch.resolver import SystemResolver


async def test_resolve_asks_for_the_complete_name_when_the_pod_has_search_domains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def getaddrinfo(host: str, port: int, **wishes: object) -> list[object]:
        asked.append((host, port, wishes))
        inner = [("10.0.0.1", port), ("10.0.0.1", port), ("fe80::1", port, 0, 3)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in inner]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert await SystemResolver().resolve("crl.example.com", 80) == ["10.0.0.1", "fe80::1"]
    assert asked == [("crl.example.com.", 80, {"type": socket.SOCK_STREAM})]


async def test_resolve_fails_when_the_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OSError, match="unknown"):
        await SystemResolver().resolve("crl.example.com", 80)
