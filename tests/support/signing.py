"""A CA that signs requests, as the `openssl` command does: not the library under test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""


class Issuer(Protocol):
    """A CA that signs, with the certificates that belong under what it signed."""

    @property
    def pem(self) -> str:
        """Its certificate."""
        ...

    @property
    def key_pem(self) -> str:
        """Its key."""
        ...

    @property
    def chain_pem(self) -> str:
        """The intermediates that are handed out with what it signed."""
        ...


@dataclass(frozen=True)
class Authority:
    """A root that `openssl` made."""

    pem: str
    key_pem: str
    chain_pem: str = ""


def make_authority(name: str, *, begin: datetime, end: datetime) -> Authority:
    """Make a root by `openssl ca -selfsign`, with a key by `openssl genpkey`."""
    key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    request = openssl("req", "-new", "-key", "ca.key", "-subj", f"/CN={name}", files={"ca.key": key})
    start, stop = (f"{at:%Y%m%d%H%M%SZ}" for at in (begin, end))
    certificate = openssl(
        *("ca", "-batch", "-notext", "-config", "ca.cnf", "-selfsign", "-extensions", "authority"),
        *("-keyfile", "ca.key", "-startdate", start, "-enddate", stop, "-in", "request.pem"),
        files={"ca.cnf": _CONFIG, "index.txt": b"", "ca.key": key, "request.pem": request},
    )
    return Authority(certificate.decode(), key.decode())


def verify_request(request: str) -> str:
    """Verify the signature of a request by `openssl req -verify`, and give what that says of it.

    Raises:
        RuntimeError: it does not verify.
    """
    files = {"request.pem": request.encode()}
    return openssl("req", "-verify", "-noout", "-text", "-in", "request.pem", files=files).decode()


def sign_request(request: str, issuer: Issuer, *, begin: datetime, end: datetime) -> str:
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
