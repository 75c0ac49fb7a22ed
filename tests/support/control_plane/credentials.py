"""Make the certificates, the ServiceAccount key and the kubeconfigs of one control plane.

Any user with any groups is a client certificate away, so a test can be exactly the person it is about; nobody has to
be known when the API server starts.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ADMIN = "admin"
ADMIN_GROUP = "system:masters"
LIFETIME = timedelta(days=30)
# Another machine's clock is not involved, but a clock set back a little during a test run is.
BACKDATED = timedelta(hours=1)


class Credentials:
    """Be the certificate authority of one control plane; all files stand in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.crt"
        self.server_cert_file = folder / "server.crt"
        self.server_key_file = folder / "server.key"
        self.service_account_key_file = folder / "service-accounts.key"
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        self._ca_name = _name("certwright test control plane")

    def write(self) -> None:
        """Write the CA, the server's certificate and the ServiceAccount key."""
        self.folder.mkdir(parents=True, exist_ok=True)
        authority = (
            self._builder(self._ca_name, self._ca_key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._ca_key, hashes.SHA256())
        )
        self.ca_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        server = self._leaf(_name("kube-apiserver"), key, ExtendedKeyUsageOID.SERVER_AUTH, names)
        self.server_cert_file.write_bytes(server)
        _write_key(self.server_key_file, key)
        _write_key(self.service_account_key_file, ec.generate_private_key(ec.SECP256R1()))

    def user_files(self, user: str, groups: Sequence[str]) -> tuple[Path, Path]:
        """Write a client certificate for a user in groups; return the paths of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._leaf(_name(user, groups), key, ExtendedKeyUsageOID.CLIENT_AUTH, [])
        serial = x509.load_pem_x509_certificate(certificate).serial_number
        certificate_file, key_file = self.folder / f"user-{serial:x}.crt", self.folder / f"user-{serial:x}.key"
        certificate_file.write_bytes(certificate)
        _write_key(key_file, key)
        return certificate_file, key_file

    def write_kubeconfig(self, path: Path, *, server: str, user: dict[str, str], namespace: str = "default") -> Path:
        """Write a kubeconfig whose one context is the given `user` entry; JSON, which every reader of YAML reads."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "test", "cluster": {"server": server, "certificate-authority-data": _encoded(self.ca_file)}}
            ],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
            "current-context": "test",
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        return path

    def _leaf(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        usage: x509.ObjectIdentifier,
        names: Sequence[x509.GeneralName],
    ) -> bytes:
        builder = (
            self._builder(subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._ca_name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca_key.public_key()), critical=False
            )
        )


def certificate_entry(files: tuple[Path, Path]) -> dict[str, str]:
    """Return the `user` entry of a kubeconfig for a certificate and its key, both embedded."""
    certificate, key = files
    return {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}


def _name(common_name: str, groups: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _encoded(path: Path) -> str:
    return b64encode(path.read_bytes()).decode()


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    # SEC 1 ("EC PRIVATE KEY"), because Kubernetes does not find the public half in a PKCS#8 file.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
