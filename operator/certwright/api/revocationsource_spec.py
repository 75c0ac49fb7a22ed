"""The wish of a RevocationSource: where a revocation list comes from, and whose it is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from certwright.api.fields import DataKey, ObjectName, Pem
from certwright.api.model import WireModel
from certwright.api.rules import PRIVATE_KEY_ARMOUR, Rule, at_most_one_of, validated_by

DEFAULT_INTERVAL_SECONDS = 3600
DEFAULT_ISSUER_KEY = "ca.crt"
SHORTEST_INTERVAL_SECONDS = 300
LONGEST_INTERVAL_SECONDS = 7 * 86_400

Url = Annotated[str, Field(min_length=1, max_length=2048)]
Interval = Annotated[
    int,
    Field(ge=SHORTEST_INTERVAL_SECONDS, le=LONGEST_INTERVAL_SECONDS, json_schema_extra={"format": "int32"}),
]


class ListReference(WireModel):
    """Where an uploaded revocation list is."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"
    """kind is the kind of object that holds the list: `Secret` or `ConfigMap`. Default: `Secret`."""

    name: ObjectName
    """name is the name of the Secret or ConfigMap, in the namespace of this object. Example: `corporate-crl`."""

    key: DataKey = "ca.crl"
    """key is the key of the data that holds the list, in PEM or DER. At most 1 MiB. Default: `ca.crl`."""


class CertificatesReference(WireModel):
    """Where certificates of CAs are."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"
    """kind is the kind of object that holds the certificates: `Secret` or `ConfigMap`. Default: `Secret`."""

    name: ObjectName
    """name is the name of the Secret or ConfigMap, in the namespace of this object. Example: `corporate-ca`."""

    key: DataKey = "ca.crt"
    """key is the key of the data that holds the certificates, in PEM, DER or PKCS#7. At most 1 MiB.

    Default: `ca.crt`.
    """


class IssuerReference(WireModel):
    """Where the certificate of the CA is that signs a list."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="self.kind != 'TrustDecision' || !has(self.key)",
                message="must not be set for a `TrustDecision`, which is about one certificate: remove it",
                field_path=".key",
            )
        )
    )

    kind: Literal["Secret", "ConfigMap", "TrustDecision"] = "Secret"
    """kind is the kind of object that holds the certificates, `Secret` or `ConfigMap`, or `TrustDecision`, whose
    certificate counts as long as it is trusted. Default: `Secret`.
    """

    name: ObjectName
    """name is the name of the object, in the namespace of this one. Example: `corporate-ca`."""

    key: DataKey | None = None
    """key is the key of the data that holds the certificates, in PEM, DER or PKCS#7. At most 1 MiB.

    Default: `ca.crt`. A TrustDecision has none.
    """

    @property
    def data_key(self) -> str:
        """The key of the data, the default filled in."""
        return self.key or DEFAULT_ISSUER_KEY


def _only_with_url(field: str) -> Rule:
    return Rule(
        rule=f"!has(self.{field}) || has(self.url)",
        message="must not be set without `url`, for it says how that is fetched: remove it",
        field_path=f".{field}",
    )


class RevocationSourceSpec(WireModel):
    """It says where the list is to be taken from, and which CA's it must be."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="has(self.crl) || has(self.crlRef) || has(self.url)",
                message="must be set, or else `crlRef` or `url`: a source has exactly one of the three",
                field_path=".crl",
                reason="FieldValueRequired",
            ),
            at_most_one_of("crl", "crlRef"),
            at_most_one_of("crl", "url"),
            at_most_one_of("crlRef", "url"),
            _only_with_url("caRef"),
            _only_with_url("intervalSeconds"),
            Rule(
                rule="!has(self.url) || self.url.matches('^https?://[^/?#@]+([/?#].*)?$')",
                message="must be an http or https URL with a host and without user or password, such as "
                "`http://crl.example.com/ca.crl`",
                field_path=".url",
            ),
            Rule(
                rule=f"!has(self.crl) || !self.crl.matches('{PRIVATE_KEY_ARMOUR}')",
                message="must hold a revocation list only, and it holds a private key: remove it, and treat a key "
                "that was sent here as disclosed",
                field_path=".crl",
            ),
        )
    )

    crl: Pem | None = None
    """crl is the revocation list itself, as PEM text, at most 128 KiB. Set exactly one of `crl`, `crlRef` and `url`."""

    crl_ref: ListReference | None = None
    """crlRef names the Secret or ConfigMap that holds the revocation list, in PEM or DER.

    Whenever that object changes, the new list is judged within a second; a bad or older one is refused and the one
    before stays in use. Set exactly one of `crl`, `crlRef` and `url`. Example:
    `{kind: ConfigMap, name: corporate-crl}`.
    """

    url: Url | None = None
    """url is where the list is fetched from, by http or https, without user and password; PEM or DER.

    The operator's setting `CERTWRIGHT_CRL_HOSTS` must allow its host. Lists are signed, so http does no harm to what
    they say. Redirects are followed as far as the settings allow their hosts too. Set exactly one of `crl`, `crlRef`
    and `url`. Example: `http://crl.example.com/corporate.crl`.
    """

    ca_ref: CertificatesReference | None = None
    """caRef names the CA certificates that the server of an https `url` is trusted by, and no others.

    Default: those of the operator's system. Example: `{kind: ConfigMap, name: corporate-ca}`.
    """

    interval_seconds: Interval | None = None
    """intervalSeconds is how long after a fetch the next one is made, from 300 to 604800, give or take a tenth.

    It is made earlier when the list ends earlier. Default: 3600.
    """

    issuer_ref: IssuerReference | None = None
    """issuerRef names the certificate of the CA that signs the list; several are allowed, and one must fit.

    Only a list whose signature was verified is used. When no certificate fits, the verdict is 2031
    (`CRLIssuerNotFound`). Default: the certificates of all trusted TrustDecisions of the namespace. Example:
    `{kind: TrustDecision, name: corporate-root}`.
    """

    @property
    def interval(self) -> int:
        """The seconds between two fetches, the default filled in."""
        return self.interval_seconds or DEFAULT_INTERVAL_SECONDS
