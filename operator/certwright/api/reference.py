"""References: how a spec names material that somebody else put into Secrets and ConfigMaps of the same namespace."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from certwright.api.fields import DataKey, ObjectName
from certwright.api.model import WireModel
from certwright.api.rules import Rule, validated_by


class PasswordReference(WireModel):
    """Where a password is: one key of a Secret."""

    name: ObjectName
    """name is the name of the Secret that holds the password, in the namespace of this object.

    Example: `shop-keystore-password`.
    """

    key: DataKey = "password"
    """key is the key of the Secret's data that holds the password, as UTF-8 text of which one line break at the end
    is ignored. Default: `password`.
    """


class CertificateReference(WireModel):
    """Where an uploaded certificate is, possibly with its chain and key."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"
    """kind is the kind of object that holds the certificate: `Secret` or `ConfigMap`. Default: `Secret`.

    Of Secrets, the types `Opaque` and `kubernetes.io/tls` are read, and those that certwright wrote.
    """

    name: ObjectName
    """name is the name of the Secret or ConfigMap, in the namespace of this object.

    It may appear later: until then the status says `NOT_FOUND` (404), and it is judged within a second of appearing.
    Example: `upload`.
    """

    key: DataKey = "tls.crt"
    """key is the key of the data that holds the certificate: PEM, DER, PKCS#7, or PKCS#12 together with
    `passwordRef`. At most 1 MiB. Default: `tls.crt`.
    """

    password_ref: PasswordReference | None = None
    """passwordRef names the password of a PKCS#12 file.

    A PKCS#12 file also gives the private key and the chain, so `privateKeyRef` can be left out.
    """


class ChainReference(WireModel):
    """Where the other certificates of the path are."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"
    """kind is the kind of object that holds the certificates: `Secret` or `ConfigMap`. Default: `Secret`."""

    name: ObjectName
    """name is the name of the Secret or ConfigMap, in the namespace of this object. Example: `corporate-chain`."""

    key: DataKey = "tls.crt"
    """key is the key of the data that holds the certificates, in PEM, DER or PKCS#7. At most 1 MiB.

    Default: `tls.crt`. Many issuers write their own certificate to `ca.crt`.
    """


class PrivateKeyReference(WireModel):
    """Where the private key is."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            *(
                Rule(
                    rule=f"self.kind != 'PrivateKey' || !has(self.{field})",
                    message="must not be set for a `PrivateKey`, which knows where its key is: remove it",
                    field_path=f".{field}",
                )
                for field in ("key", "passwordRef")
            )
        )
    )

    kind: Literal["Secret", "PrivateKey"] = "Secret"
    """kind is the kind of object that holds the key: `Secret`, or `PrivateKey`, with which there can be a request for
    a CA to sign, and a self-signed certificate. Never a ConfigMap, for that is not secret. Default: `Secret`.
    """

    name: ObjectName
    """name is the name of the Secret or PrivateKey, in the namespace of this object. Example: `upload`."""

    key: DataKey | None = None
    """key is the key of the Secret's data that holds the private key, in PEM (PKCS#8, PKCS#1 or SEC 1) or DER.

    Default: `tls.key`.
    """

    password_ref: PasswordReference | None = None
    """passwordRef names the password of an encrypted key. The key is stored without it, as servers expect."""


class StoreReference(WireModel):
    """Which store's CAs are trusted."""

    kind: Literal["TrustStore", "ClusterTrustStore"] = "TrustStore"
    """kind is the kind of store: `TrustStore`, one in the namespace of this object, or `ClusterTrustStore`.

    Default: `TrustStore`.
    """

    name: ObjectName
    """name is the name of the store. Example: `corporate`.

    It may appear later: until it has deployed a CA the status says `NOT_FOUND` (404), and nothing new is served.
    """
