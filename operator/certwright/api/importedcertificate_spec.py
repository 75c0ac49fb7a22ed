"""The wish of an ImportedCertificate: what was uploaded, what it must be, and where it goes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from certwright.api.fields import (
    DNS_NAMES_LIMIT,
    TARGETS_LIMIT,
    DataKey,
    ObjectName,
    Pem,
    map_list,
    set_list,
)
from certwright.api.importedcertificate_wish import SelfSigned, Subject
from certwright.api.model import WireModel
from certwright.api.reference import (
    CertificateReference,
    ChainReference,
    PasswordReference,
    PrivateKeyReference,
    StoreReference,
)
from certwright.api.rules import Rule, at_most_one_of, refuses_private_keys, validated_by

Usage = Literal["ServerAuth", "ClientAuth"]
DeletionPolicy = Literal["Retain", "Delete"]
WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet"]

HostName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^(\*\.)?[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?)*$",
    ),
]
"""A host name in ASCII, or one with `*` as its whole left-most label."""

IpAddress = Annotated[str, Field(min_length=1, max_length=45)]
"""An IPv4 or IPv6 address without a zone or prefix length; the API server parses it (`isIP`)."""


class Format(WireModel):
    """One more form in which a target stores the same certificate and key."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="!(self.key in ['tls.crt', 'tls.key', 'ca.crt'])",
                message="must be none of `tls.crt`, `tls.key` and `ca.crt`, which the PEM form takes: choose another, "
                "for example `keystore.p12`",
                field_path=".key",
            )
        )
    )

    type: Literal["PKCS12"]
    """type is the form: `PKCS12`, a key store with the certificate, its chain and its key (RFC 7292).

    No CA is in it, with or without `trust`: programs read whom they trust from a trust store, which is a target of a
    TrustStore.
    """

    key: DataKey
    """key is the key of the target's data that the file is written to, other than `tls.crt`, `tls.key` and `ca.crt`.

    Example: `keystore.p12`.
    """

    alias: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """alias is the friendly name of the entry, by which Java finds it. Default: the name of this object.

    Example: `shop`.
    """

    password_ref: PasswordReference
    """passwordRef names the password that the file is protected with. The file is made anew when the password
    changes.
    """


class Workload(WireModel):
    """A workload that has to take up a changed certificate."""

    kind: WorkloadKind
    """kind is the kind of workload: `Deployment`, `StatefulSet` or `DaemonSet` (of `apps/v1`)."""

    name: ObjectName
    """name is the name of the workload, in the namespace of this object. Example: `shop`."""


class Target(WireModel):
    """One Secret that is kept equal to the last certificate that was found good."""

    secret_name: ObjectName
    """secretName is the name of the Secret to write, in the namespace of this object; unique among the targets.

    It gets `tls.crt` (leaf, then intermediates, no root), `tls.key` (PKCS#8) and, with `trust.storeRef`, `ca.crt` (the
    trusted CA that the path ends at). A Secret that is already there and
    is not ours stays as it is until it carries the annotation
    `certwright.io/allow-write: ImportedCertificate/<name of this object>`. It must not be one of the Secrets that
    this object reads. Example: `shop-tls`.
    """

    entity_type: Annotated[str, Field(max_length=64)] | None = None
    """entityType says what kind of node uses the certificate: `SERVER` or `COLLECTOR`; it is repeated in the status.

    Any other value gives this target the status `BAD_REQUEST` (400) and leaves its Secret as it is.
    """

    entity_id: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """entityId is the number of the node that uses the certificate, from 0; it is repeated in the status.

    Example: `32`.
    """

    formats: Annotated[tuple[Format, ...], map_list(TARGETS_LIMIT, "key")] = ()
    """formats are further forms of the same certificate and key in the same Secret, each under a data key of its own.

    Default: none, PEM only. Example: `[{type: PKCS12, key: keystore.p12, passwordRef: {name: keystore-password}}]`.
    """

    refresh: Annotated[tuple[Workload, ...], map_list(TARGETS_LIMIT, "kind", "name")] = ()
    """refresh names workloads that read the certificate only when they start, at most 16.

    When the content of the Secret changed (not when it is first written), an annotation on the pod template rolls
    each out, at most once a minute; until all run the new certificate the status is
    `CERTIFICATE_STORED_BUT_NOT_REFRESHED` (528). It needs the component `refresh`, which lets certwright patch
    workloads. Default: none. Example: `[{kind: Deployment, name: shop}]`.
    """


class Trust(WireModel):
    """What the certificate is measured against, besides its own chain."""

    store_ref: StoreReference | None = None
    """storeRef names the store whose deployed CAs the path of the certificate must end at; what it refuses is not
    served.

    A CA that is withdrawn from the store counts no more at once: what was served stays served, and the status says
    that it is no longer trusted. While the store is missing or has nothing deployed, nothing new is served. Default:
    none, the path is checked as far as it was given, and its end need not be trusted. Example:
    `{kind: ClusterTrustStore, name: corporate}`.
    """

    revocation: Literal["Off", "Prefer", "Require"] | None = None
    """revocation says whether revocation lists are used: those of the RevocationSources in the namespace of this
    object, and in the one where the store has its decisions, each for the certificates of its issuer.

    `Off` uses none. `Prefer` refuses a certificate that a list names, or whose list is expired or cannot be believed,
    and warns where there is no list. `Require` also refuses where there is no list for a certificate of the path. Only
    certificates whose issuer is given (in the upload, the chain or the store) can be judged. A certificate that was
    found revoked stays refused until a newer list no longer names it, even when its list is taken away. Default: what
    the store says, and `Off` without a store.
    """


class ImportedCertificateSpec(WireModel):
    """It says what was uploaded, what that must be, and which Secrets it goes to."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            at_most_one_of("certificate", "certificateRef"),
            at_most_one_of("certificate", "selfSigned"),
            at_most_one_of("certificateRef", "selfSigned"),
            at_most_one_of("chain", "chainRef"),
            refuses_private_keys("certificate"),
            refuses_private_keys("chain"),
            Rule(
                rule="!has(self.ipAddresses) || self.ipAddresses.all(address, isIP(address))",
                message="must hold only IPv4 and IPv6 addresses, without prefix length or zone, such as `192.0.2.10`",
                field_path=".ipAddresses",
            ),
        )
    )

    certificate: Pem | None = None
    """certificate is the certificate itself, as PEM text, at most 128 KiB; further certificates in it count as chain.

    It is public: everybody who may read this object can read it, and a private key in it is refused. Set this or
    `certificateRef`, not both. With `targets`, name the key in `privateKeyRef`.
    """

    certificate_ref: CertificateReference | None = None
    """certificateRef names the Secret or ConfigMap that the certificate was uploaded to, for example with
    `kubectl create secret tls upload --cert=… --key=…`.

    Whenever that object changes, the new certificate is judged within a second; a bad one is refused and what was
    served stays served. Set this or `certificate`, not both. Example: `{name: upload}`.
    """

    chain: Pem | None = None
    """chain holds the intermediate certificates as PEM text, in any order, at most 128 KiB; a root may be among them
    and is left out of what is served.

    It is needed when the upload holds the leaf alone and its issuer is not a root. Set this or `chainRef`, not both.
    """

    chain_ref: ChainReference | None = None
    """chainRef names the Secret or ConfigMap that holds the intermediate certificates, in any order.

    Several objects can share one. Set this or `chain`, not both. Example: `{kind: ConfigMap, name: corporate-chain}`.
    """

    private_key_ref: PrivateKeyReference | None = None
    """privateKeyRef names the Secret or PrivateKey with the private key of the certificate; the key must match it.

    With a PrivateKey, `status.certificateSigningRequest` holds a request for what `subject`, `dnsNames`, `ipAddresses`
    and `usages` say, to be signed by a CA; until a certificate is handed in, a self-signed one is served.
    Default: `tls.key` of the Secret that `certificateRef` names, or the key inside a PKCS#12 file. A key is required
    when there are `targets`; without targets one that is found is checked. Example: `{name: shop-key}`.
    """

    self_signed: SelfSigned | None = None
    """selfSigned asks for a certificate that is signed with its own key; `privateKeyRef` must name a PrivateKey.

    It is made anew, with the same key, when its warning begins (`warnBeforePercentage`), and when the wish changes. Set
    this, `certificate` or `certificateRef`; with none of them and a PrivateKey it is made as if this were `{}`, unless
    a certificate was handed in before: that stays (`SourceRemoved`) until you set this. Example: `{validityDays: 90}`.
    """

    subject: Subject | None = None
    """subject is what the subject of a request or self-signed certificate says, and what that of an upload is expected
    to say; attributes that are left out are not compared.

    A difference is a warning (`SubjectDiffers`), never a refusal. Example: `{commonName: shop.example.com}`.
    """

    dns_names: Annotated[tuple[HostName, ...], set_list(DNS_NAMES_LIMIT)] = ()
    """dnsNames are the host names that the certificate must be valid for, at most 100; one that is missing refuses it.
    A request or self-signed certificate is made for them.

    Names are compared with the certificate's subject alternative names, never with the common name; a certificate
    for `*.example.com` covers `shop.example.com`. Internationalised names are written as A-labels (`xn--…`).
    Default: none demanded. Example: `[shop.example.com]`.
    """

    ip_addresses: Annotated[tuple[IpAddress, ...], set_list(DNS_NAMES_LIMIT)] = ()
    """ipAddresses are the IP addresses, IPv4 or IPv6, that the certificate must be valid for, at most 100; one that is
    missing refuses it. A request or self-signed certificate is made for them.

    Default: none demanded. Example: `[192.0.2.10, "2001:db8::10"]`.
    """

    usages: Annotated[tuple[Usage, ...], set_list(2)] = ("ServerAuth",)
    """usages are what the certificate must be allowed to do: `ServerAuth` (be a TLS server), `ClientAuth` (be a TLS
    client), or both; a certificate that forbids one of them is refused. A request or self-signed certificate is made
    for them.

    An empty list demands nothing, for example to watch a CA certificate. Default: `[ServerAuth]`.
    """

    trust: Trust | None = None
    """trust says what the certificate is measured against, besides its own chain. Default: nothing else.

    Example: `{storeRef: {kind: ClusterTrustStore, name: corporate}}`.
    """

    warn_before_percentage: Annotated[int, Field(ge=0, le=100, json_schema_extra={"format": "int32"})] = 20
    """warnBeforePercentage is the part of the certificate's lifetime, in per cent, that is left when the warning
    `ExpiringSoon` begins; 0 never warns before the end.

    Default: 20, which is 18 days for a certificate of 90 days and 73 days for one of a year.
    """

    deletion_policy: DeletionPolicy = "Retain"
    """deletionPolicy says what becomes of the target Secrets when this object, or a target in it, is deleted.

    `Retain` leaves them, without our label and annotation, so that removing certwright takes nobody's TLS down;
    `Delete` deletes those that certwright created, never an adopted one. Default: `Retain`.
    """

    targets: Annotated[tuple[Target, ...], map_list(TARGETS_LIMIT, "secretName")] = ()
    """targets are the Secrets that get the certificate and its key once they were found good, at most 16.

    A certificate that is refused never replaces or removes what a target holds; a target that somebody else changed
    is put back within seconds. Without targets the certificate is only watched and judged. Default: none. Example:
    `[{secretName: shop-tls, refresh: [{kind: Deployment, name: shop}]}]`.
    """
