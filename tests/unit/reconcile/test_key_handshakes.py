"""Every kind of key that can be made, in the hands of OpenSSL: key, request, certificate, and a handshake with them.

What is handed to OpenSSL is what stands in the Secrets and in the status, byte for byte.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.pki_files import openssl
from tests.support.signing import verify_request
from tests.support.worlds import MemoryWorld
from tests.support.worlds.manifests import imported, private_key
from tests.support.worlds.material import HOST

KINDS = [
    ({}, "ASN1 OID: prime256v1"),
    ({"size": 384}, "ASN1 OID: secp384r1"),
    ({"size": 521}, "ASN1 OID: secp521r1"),
    ({"algorithm": "RSA"}, "(2048 bit, 2 primes)"),
    ({"algorithm": "RSA", "size": 3072}, "(3072 bit, 2 primes)"),
    ({"algorithm": "RSA", "size": 4096}, "(4096 bit, 2 primes)"),
    ({"algorithm": "Ed25519"}, "ED25519 Private-Key"),
]
ADDRESS = "192.0.2.7"
ROUNDS = 10


@pytest.mark.parametrize(("spec", "described"), KINDS, ids=["P-256", "P-384", "P-521", "2048", "3072", "4096", "Ed"])
async def test_key_request_and_certificate_serve_a_client_when_openssl_reads_them(
    tmp_path: Path, spec: dict[str, Any], described: str
) -> None:
    world = MemoryWorld()
    world.cluster.clock.now = datetime.now(UTC)  # OpenSSL knows no other clock while it shakes hands
    wish = {"dnsNames": [HOST, "*.example.net"], "ipAddresses": [ADDRESS], "targets": [{"secretName": "shop-tls"}]}
    owner = {"privateKeyRef": {"kind": "PrivateKey", "name": "shop-key"}}
    await world.apply(private_key("shop-key", **spec), imported("shop", **wish, **owner))
    await world.rest()
    status = (await world.status("shop")).status
    key, pair = await world.read("Secret", "shop-key"), await world.read("Secret", "shop-tls")
    assert key is not None
    assert pair is not None

    checked = openssl("pkey", "-check", "-noout", "-text", stdin=key.data["tls.key"]).decode()
    assert described in checked
    assert "Key is valid" in checked
    assert f"DNS:{HOST}, DNS:*.example.net, IP Address:{ADDRESS}" in verify_request(status["certificateSigningRequest"])
    look_with_openssl(pair.data, at=f"{world.now.timestamp():.0f}")
    shake_hands(pair.data, trusted=status["sslCertificate"], folder=tmp_path)


def look_with_openssl(pair: Mapping[str, bytes], *, at: str) -> None:
    """Have OpenSSL find the certificate good, and its key the one that is stored beside it."""
    files = {"tls.crt": pair["tls.crt"]}
    flags = ["-x509_strict", "-check_ss_sig", "-purpose", "sslserver", "-attime", at, "-no-CApath", "-no-CAstore"]
    for name in (["-verify_hostname", HOST], ["-verify_hostname", "a.example.net"], ["-verify_ip", ADDRESS]):
        assert openssl("verify", *flags, *name, "-trusted", "tls.crt", "tls.crt", files=files) == b"tls.crt: OK\n"
    public = openssl("pkey", "-pubout", stdin=pair["tls.key"])
    assert openssl("x509", "-in", "tls.crt", "-noout", "-pubkey", files=files) == public


def shake_hands(pair: Mapping[str, bytes], *, trusted: str, folder: Path) -> None:
    """Let a server show what is stored, and a client trust what the status shows."""
    for name, data in pair.items():
        (folder / name).write_bytes(data)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    client.load_verify_locations(cadata=trusted)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(back, there, server_side=False, server_hostname=HOST),
        server.wrap_bio(there, back, server_side=True),
    ]
    for _ in range(ROUNDS):
        ends = [end for end in ends if not _advance(end)]
        if not ends:
            return
    raise AssertionError("the handshake came to no end")


def _advance(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
