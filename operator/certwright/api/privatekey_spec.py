"""The wish of a PrivateKey: which key, and where it lives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from certwright.api.fields import ObjectName
from certwright.api.importedcertificate_spec import DeletionPolicy
from certwright.api.model import WireModel
from certwright.api.rules import Rule, at_most_one_of, never_changes, validated_by

DEFAULT_ALGORITHM = "ECDSA"
"""What a key is made for when nothing is said."""

KeyAlgorithm = Literal["ECDSA", "RSA", "Ed25519"]

_SMALLEST, _LARGEST = 256, 8192
_RSA_SIZE = "self.size >= 2048 && self.size <= 8192 && self.size % 8 == 0"
_SIZE_FITS = (
    f"!has(self.size) || (has(self.algorithm) && self.algorithm == 'RSA' ? {_RSA_SIZE} : "
    "(has(self.algorithm) && self.algorithm == 'Ed25519' ? self.size == 256 : self.size in [256, 384, 521]))"
)


class PrivateKeySpec(WireModel):
    """It says which key there is to be and which Secret holds it; only `deletionPolicy` can be changed later."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="has(self.secretName) || has(self.existingSecretName)",
                message="must be set, or `existingSecretName`: a key is made in the one, or taken from the other",
                field_path=".secretName",
                reason="FieldValueRequired",
            ),
            at_most_one_of("secretName", "existingSecretName"),
            Rule(
                rule=_SIZE_FITS,
                message="must be 256, 384 or 521 for ECDSA, from 2048 to 8192 and a multiple of 8 for RSA, and 256 or "
                "left out for Ed25519",
                field_path=".size",
            ),
            *(never_changes(field) for field in ("algorithm", "size", "secretName", "existingSecretName")),
        )
    )

    algorithm: KeyAlgorithm | None = None
    """algorithm is what the key is for: `ECDSA`, `RSA` or `Ed25519`. Many public CAs and browsers take no `Ed25519`.

    Default: `ECDSA`; with `existingSecretName` whatever is there, and a key of another algorithm than the one that is
    set is refused.
    """

    size: Annotated[int, Field(ge=_SMALLEST, le=_LARGEST, json_schema_extra={"format": "int32"})] | None = None
    """size is the size of the key in bits: 256, 384 or 521 for `ECDSA`, 2048 to 8192 for `RSA`, 256 for `Ed25519`.

    Default: 256, and 2048 for `RSA`; with `existingSecretName` whatever is there, and a key of another size than the
    one that is set is refused. An `RSA` key of 8192 bits may take half a minute to make.
    """

    secret_name: ObjectName | None = None
    """secretName is the Secret that the key is made in, under `tls.key` (PKCS#8), in the namespace of this object.

    A Secret of that name that is there already and is not ours stays as it is until it carries the annotation
    `certwright.io/allow-write: PrivateKey/<name of this object>`; the key that it then holds is taken, and one is made
    only if it holds none. Set this or `existingSecretName`, not both. Example: `shop-key`.
    """

    existing_secret_name: ObjectName | None = None
    """existingSecretName is a Secret with a key that somebody else made, under `tls.key`; it is read and never written.

    Set this or `secretName`, not both. Example: `shop-key`.
    """

    deletion_policy: DeletionPolicy = "Retain"
    """deletionPolicy says what becomes of the Secret of `secretName` when this object is deleted.

    `Retain` leaves it: an object of the same name takes the key up again. `Delete` deletes it, and the key with it,
    unless it was there before. Default: `Retain`.
    """
