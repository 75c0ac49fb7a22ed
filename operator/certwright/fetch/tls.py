"""Whom to trust as a server that lists are fetched from."""

from __future__ import annotations

import ssl
from functools import lru_cache

from certwright.fetch.failures import ca_unusable

REMEMBERED = 32


@lru_cache(maxsize=REMEMBERED)
def client_context(ca_pem: bytes | None) -> ssl.SSLContext:
    """Make a context that demands a certificate for the server's name; TLS 1.2 at least. Reads files: not on a loop.

    Args:
        ca_pem: the CAs to trust, and no others; absent: the system's, as they were when first asked for.

    Raises:
        FetchError: `ca_pem` holds no certificate, or something that cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525 §2: a common name is no name of a server
    context.set_alpn_protocols(["http/1.1"])
    if ca_pem is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cadata=ca_pem.decode("ascii"))
    except (ValueError, ssl.SSLError):
        raise ca_unusable() from None
    return context
