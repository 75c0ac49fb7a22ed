"""A CA that signs requests, as the `openssl` command does: not the library under test."""

from __future__ import annotations

from datetime import datetime

from tests.support.pki import Entity
from tests.support.pki_files import openssl

_CONFIG = b"""[ca]
default_ca = corp
[corp]
database = index.txt
new_certs_dir = .
default_md = sha256
rand_serial = yes
policy = any
copy_extensions = copy
x509_extensions = leaf
[any]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
emailAddress = optional
[leaf]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def verify_request(request: str) -> str:
    """Verify the signature of a request by `openssl req -verify`, and give what that says of it.

    Raises:
        RuntimeError: it does not verify.
    """
    files = {"request.pem": request.encode()}
    return openssl("req", "-verify", "-noout", "-text", "-in", "request.pem", files=files).decode()


def sign_request(request: str, issuer: Entity, *, begin: datetime, end: datetime) -> str:
    """Sign a request by `openssl ca`, and give the certificate with the intermediates above it."""
    start, stop = (f"{at:%Y%m%d%H%M%SZ}" for at in (begin, end))
    certificate = openssl(
        *("ca", "-batch", "-notext", "-config", "ca.cnf", "-preserveDN", "-cert", "ca.pem", "-keyfile", "ca.key"),
        *("-startdate", start, "-enddate", stop, "-in", "request.pem"),
        files={
            "ca.cnf": _CONFIG,
            "index.txt": b"",
            "ca.pem": issuer.pem.encode(),
            "ca.key": issuer.key_pem.encode(),
            "request.pem": request.encode(),
        },
    )
    return certificate.decode() + issuer.chain_pem
