"""Certificate and key files as the `openssl` command writes them, made once a test run.

Real files of a real tool: what people upload is written by it, not by the library under test.
"""

from __future__ import annotations

import base64
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cryptography_vectors

PASSWORD = b"correct horse"
VECTORS = Path(cryptography_vectors.__path__[0])

_SUBJECTS = {"root": "/O=Corp/CN=Corp Root", "issuing": "/O=Corp/CN=Corp Issuing CA", "leaf": "/CN=shop.example.com"}
_EXTENSIONS = {
    "root": "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign",
    "issuing": "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign",
    "leaf": "subjectAltName=DNS:shop.example.com\nextendedKeyUsage=serverAuth",
}


def openssl(*arguments: str, stdin: bytes = b"", files: dict[str, bytes] | None = None) -> bytes:
    """Run `openssl` in a directory that holds `files`, and return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (files or {}).items():
            (Path(folder) / name).write_bytes(content)
        done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, cwd=folder, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode()}")
    return done.stdout


@cache
def ec_key(curve: str = "prime256v1", name: str = "leaf", encoding: str = "named_curve") -> bytes:
    """Return a SEC1 key with its EC PARAMETERS block, as `openssl ecparam -genkey` writes it."""
    del name  # only tells keys of the same curve apart
    return openssl("ecparam", "-name", curve, "-genkey", "-param_enc", encoding)


@cache
def rsa_key(bits: int = 2048, name: str = "a") -> bytes:
    """Return an RSA key as PKCS#8 PEM."""
    del name
    return openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")


@cache
def other_key(algorithm: str) -> bytes:
    """Return a PKCS#8 key of another algorithm: `ED25519`, `ED448`, `X25519`, `RSA-PSS`."""
    return openssl("genpkey", "-algorithm", algorithm)


@cache
def converted(key: bytes, *options: str) -> bytes:
    """Return a key in another form, by `openssl pkey OPTIONS`."""
    return openssl("pkey", *options, stdin=key)


@cache
def encrypted(key: bytes, *options: str) -> bytes:
    """Return a key as PKCS#8 encrypted under `PASSWORD`, by `openssl pkcs8 -topk8 OPTIONS`."""
    return openssl("pkcs8", "-topk8", "-passout", f"pass:{PASSWORD.decode()}", *options, stdin=key)


@cache
def legacy_encrypted(key: bytes, command: str = "rsa") -> bytes:
    """Return a key with `Proc-Type: 4,ENCRYPTED`, as OpenSSL wrote it for twenty years."""
    options = ["-traditional"] if command == "rsa" else []
    return openssl(command, "-aes128", "-passout", f"pass:{PASSWORD.decode()}", *options, stdin=key)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    @property
    def der(self) -> bytes:
        """The DER of the certificate."""
        return pem_to_der(self.certificate)


@cache
def request(key: bytes, subject: str = "/CN=shop.example.com") -> bytes:
    """Return a CSR as PEM."""
    return openssl("req", "-new", "-key", "key.pem", "-subj", subject, files={"key.pem": key})


@cache
def issued(role: str, key: bytes | None = None) -> Issued:
    """Return the `root`, the `issuing` CA under it, or the `leaf` under that."""
    own = key if key is not None else ec_key(name=role)
    files = {"request.pem": request(own, _SUBJECTS[role]), "key.pem": own, "ext.cnf": _EXTENSIONS[role].encode()}
    options = ["-req", "-in", "request.pem", "-days", "3650", "-extfile", "ext.cnf"]
    if role == "root":
        return Issued(openssl("x509", *options, "-signkey", "key.pem", files=files), own)
    issuer = issued("root" if role == "issuing" else "issuing")
    files |= {"ca.pem": issuer.certificate, "ca.key": issuer.key}
    return Issued(openssl("x509", *options, "-CA", "ca.pem", "-CAkey", "ca.key", files=files), own)


def chain() -> bytes:
    """Return leaf, issuing CA and root as one PEM file."""
    return b"".join(issued(role).certificate for role in ("leaf", "issuing", "root"))


@cache
def pkcs7(*options: str) -> bytes:
    """Return the chain as PKCS#7."""
    return openssl("crl2pkcs7", "-nocrl", "-certfile", "chain.pem", *options, files={"chain.pem": chain()})


@cache
def pkcs12(*options: str, password: bytes = PASSWORD, key: bytes | None = None) -> bytes:
    """Return leaf, key and chain as PKCS#12."""
    leaf = issued("leaf") if key is None else issued("leaf", key)
    files = {"leaf.pem": leaf.certificate, "key.pem": leaf.key, "chain.pem": issued("issuing").certificate}
    inputs = ["-in", "leaf.pem", "-inkey", "key.pem", "-certfile", "chain.pem"]
    return openssl("pkcs12", "-export", *inputs, "-passout", f"pass:{password.decode()}", *options, files=files)


@cache
def revocation_list() -> bytes:
    """Return an empty CRL of the root as PEM."""
    root = issued("root")
    settings = b"[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\n"
    files = {"ca.pem": root.certificate, "ca.key": root.key, "index.txt": b"", "ca.cnf": settings}
    return openssl("ca", "-config", "ca.cnf", "-gencrl", "-keyfile", "ca.key", "-cert", "ca.pem", files=files)


def pem_to_der(pem: bytes) -> bytes:
    """Decode the last block of a PEM file."""
    body = pem.split(b"-----BEGIN ")[-1].split(b"-----")[1]
    return base64.b64decode(body)


def secrets_of(key: bytes) -> tuple[bytes, ...]:
    """Return what must never be shown of a PEM key: a piece of its DER, and of its base64 at the three alignments."""
    der = pem_to_der(key)
    middle = der[len(der) // 2 :][:24]
    return (middle, *(base64.b64encode(middle[shift:21]) for shift in range(3)), middle.hex().encode())
