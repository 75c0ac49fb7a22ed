"""PrivateKey: a key that certificates hang under."""

from __future__ import annotations

from certwright.api.kind import MESSAGE_COLUMN, READY_COLUMNS, Column, Kind
from certwright.api.privatekey_spec import PrivateKeySpec
from certwright.api.privatekey_status import PrivateKeyStatus

__all__ = ["PRIVATE_KEY", "PrivateKeySpec", "PrivateKeyStatus"]

PRIVATE_KEY = Kind(
    name="PrivateKey",
    plural="privatekeys",
    short_name="privkey",
    scope="Namespaced",
    description=(
        "PrivateKey makes a private key once and keeps it in a Secret, or takes one that is in a Secret already, and "
        "lists the certificates that hang under it. An ImportedCertificate that names it in `spec.privateKeyRef` gets "
        "a request for a CA to sign and serves a self-signed certificate until the signed one is handed in. A key that "
        "is lost is never silently made again."
    ),
    spec=PrivateKeySpec,
    status=PrivateKeyStatus,
    columns=(
        *READY_COLUMNS,
        Column("Algorithm", ".status.algorithm", "The algorithm of the key."),
        Column("Size", ".status.size", "The size of the key in bits.", type="integer"),
        Column("Secret", ".status.secretName", "The Secret that holds the key.", priority=1),
        Column("Fingerprint", ".status.fingerprint", "The SHA-256 digest of the public half.", priority=1),
        MESSAGE_COLUMN,
    ),
)
