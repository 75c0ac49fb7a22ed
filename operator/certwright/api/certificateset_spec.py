"""The wish of a ClusterCertificateSet: which certificates there are, where they come from, and where they go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from certwright.api.fields import DNS_NAMES_LIMIT, DataKey, ObjectName, map_list, set_list
from certwright.api.importedcertificate_spec import DeletionPolicy, HostName, Usage
from certwright.api.model import WireModel
from certwright.api.reference import PasswordReference
from certwright.api.rules import Rule, at_most_one_of, refuses_private_keys, validated_by
from certwright.api.selector import LabelSelector
from certwright.api.truststore_spec import NamespaceName

SLOTS_LIMIT = 64
"""Most certificates of one set."""

FILLED_LIMIT = 2 * SLOTS_LIMIT
"""Most certificates that are deployed: those of the slots, and those that are kept of slots that were taken out."""

NODES_LIMIT = 2000
"""Most namespaces that are listed, and most slots times namespaces."""

SET_PEM_LIMIT = 24 * 1024
"""The longest inline PEM, in characters: there may be 64 of them, and a rule looks through each."""

SlotName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$")]
"""The name of a certificate within its set."""

SetPem = Annotated[str, Field(min_length=1, max_length=SET_PEM_LIMIT)]


class Slot(WireModel):
    """One certificate that the set has room for."""

    name: SlotName
    """name is the name of the certificate within the set; unique. Example: `proxy`."""

    required: bool = True
    """required says that the certificate must be there; one that is not required may be removed with `absent`.

    Default: true.
    """

    private_key: Literal["Required", "None"] = "Required"
    """privateKey is `Required`, or `None` for a certificate that is handed out without a key, such as that of a CA.

    Default: `Required`.
    """

    usages: Annotated[tuple[Usage, ...], set_list(2)] = ()
    """usages are what the certificate must be allowed to do: `ServerAuth`, `ClientAuth`, or both.

    Default: none demanded. Example: `[ServerAuth, ClientAuth]`.
    """

    dns_names: Annotated[tuple[HostName, ...], set_list(DNS_NAMES_LIMIT)] = ()
    """dnsNames are the host names that the certificate must be valid for, at most 100. Default: none demanded.

    Example: `[cluster.example.com, "*.cluster.example.com"]`.
    """

    secret_name: ObjectName
    """secretName is the name of the Secret to write in every namespace; unique among the slots.

    It gets `tls.crt` (leaf, then intermediates, no root), unless `privateKey` is `None` `tls.key` (PKCS#8), and with
    `trust` `ca.crt` (the trusted CA that the path ends at). A Secret that is already there and is not ours has the
    whole set refused until it carries the annotation
    `certwright.io/allow-write: ClusterCertificateSet/<name of the set>`. Example: `proxy-tls`.
    """


class SetStoreReference(WireModel):
    """Which store's CAs are trusted."""

    kind: Literal["ClusterTrustStore"] = "ClusterTrustStore"
    """kind is the kind of store: `ClusterTrustStore`, and nothing else; whoever decides in one namespace does not
    decide for others. Default: `ClusterTrustStore`.
    """

    name: ObjectName
    """name is the name of the store. Example: `corporate`.

    It may appear later: until it has deployed a CA the status says 404, and nothing is replaced.
    """


class SetTrust(WireModel):
    """What all certificates of the set are measured against, besides their own chains."""

    store_ref: SetStoreReference
    """storeRef names the store whose deployed CAs the path of every certificate must end at; one that it refuses has
    the whole set refused.

    A CA that is withdrawn from the store counts no more at once: what is deployed stays deployed, and the status says
    which certificates are no longer trusted. While the store is missing or has nothing deployed, nothing is replaced.
    Example: `{kind: ClusterTrustStore, name: corporate}`.
    """

    revocation: Literal["Off", "Prefer", "Require"] | None = None
    """revocation says whether revocation lists are used: those of the RevocationSources in the namespace where the
    store has its decisions, each for the certificates of its issuer. Those of other namespaces are not looked at.

    `Off` uses none. `Prefer` refuses a certificate that a list names, or whose list is expired or cannot be believed,
    and warns where there is no list at all. `Require` also refuses where there is no list for a certificate of the
    path. A certificate that was found revoked stays refused until a newer list no longer names it, even when its list
    is taken away. Default: what the store says.
    """


class SetCertificateReference(WireModel):
    """Where an uploaded certificate is, possibly with its chain and key."""

    namespace: NamespaceName
    """namespace is the namespace of the Secret or ConfigMap. Example: `certificates`."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"
    """kind is the kind of object that holds the certificate: `Secret` or `ConfigMap`. Default: `Secret`.

    A Secret is read when it carries the annotation `certwright.io/allow-read: ClusterCertificateSet/<name of the set>`.
    """

    name: ObjectName
    """name is the name of the Secret or ConfigMap. Example: `proxy-upload`."""

    key: DataKey = "tls.crt"
    """key is the key of the data that holds the certificate: PEM, DER, PKCS#7, or PKCS#12 together with
    `passwordRef`. Default: `tls.crt`.
    """

    password_ref: PasswordReference | None = None
    """passwordRef names the password of a PKCS#12 file, in the same namespace; its Secret must allow it as well."""


class SetChainReference(WireModel):
    """Where the other certificates of the path are."""

    namespace: NamespaceName
    """namespace is the namespace of the Secret or ConfigMap. Example: `certificates`."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"
    """kind is the kind of object that holds the certificates: `Secret` or `ConfigMap`. Default: `Secret`."""

    name: ObjectName
    """name is the name of the Secret or ConfigMap. Example: `corporate-chain`."""

    key: DataKey = "tls.crt"
    """key is the key of the data that holds the certificates, in PEM, DER or PKCS#7. Default: `tls.crt`."""


class SetPrivateKeyReference(WireModel):
    """Where the private key is."""

    namespace: NamespaceName
    """namespace is the namespace of the Secret. Example: `certificates`."""

    kind: Literal["Secret"] = "Secret"
    """kind is the kind of object that holds the key: `Secret`, and nothing else."""

    name: ObjectName
    """name is the name of the Secret; it must carry the annotation that allows it to be read. Example: `proxy-key`."""

    key: DataKey = "tls.key"
    """key is the key of the Secret's data that holds the private key, in PEM or DER. Default: `tls.key`."""

    password_ref: PasswordReference | None = None
    """passwordRef names the password of an encrypted key, in the same namespace; its Secret must allow it as well."""


class SetCertificate(WireModel):
    """What fills one slot."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="has(self.certificate) != has(self.certificateRef)",
                message="must be set when `certificate` is not, and must not be set together with it",
                field_path=".certificateRef",
            ),
            at_most_one_of("chain", "chainRef"),
            refuses_private_keys("certificate"),
            refuses_private_keys("chain"),
        )
    )

    name: SlotName
    """name is the name of the slot that it fills; one that the set does not have is answered with 403.

    Example: `proxy`.
    """

    certificate: SetPem | None = None
    """certificate is the certificate itself, as PEM text, at most 24 KiB; further certificates in it count as chain.

    It is public, and a private key in it is refused. Set this or `certificateRef`.
    """

    certificate_ref: SetCertificateReference | None = None
    """certificateRef names the Secret or ConfigMap that the certificate was uploaded to. Set this or `certificate`.

    Example: `{namespace: certificates, name: proxy-upload}`.
    """

    chain: SetPem | None = None
    """chain holds the intermediate certificates as PEM text, in any order, at most 24 KiB. Set this or `chainRef`."""

    chain_ref: SetChainReference | None = None
    """chainRef names the Secret or ConfigMap that holds the intermediate certificates. Set this or `chain`.

    Example: `{namespace: certificates, kind: ConfigMap, name: corporate-chain}`.
    """

    private_key_ref: SetPrivateKeyReference | None = None
    """privateKeyRef names the Secret with the private key; the key must match the certificate.

    Default: `tls.key` of the Secret that `certificateRef` names, or the key inside a PKCS#12 file. Example:
    `{namespace: certificates, name: proxy-key}`.
    """


class ClusterCertificateSetSpec(WireModel):
    """It says which certificates there are, where they come from, and which namespaces they go to."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="has(self.namespaces) != has(self.namespaceSelector)",
                message="must be set when `namespaces` is not, and must not be set together with it",
                field_path=".namespaceSelector",
            ),
        )
    )

    slots: Annotated[tuple[Slot, ...], map_list(SLOTS_LIMIT, "name")]
    """slots are the certificates that the set has room for, at most 64; all other names are unknown.

    A slot that is taken away while it is filled keeps its Secrets. Example:
    `[{name: proxy, secretName: proxy-tls, usages: [ServerAuth]}]`.
    """

    certificates: Annotated[tuple[SetCertificate, ...], map_list(SLOTS_LIMIT, "name")] = ()
    """certificates fill slots. All are validated before anything is replaced; a bad one has the whole set refused.

    A filled slot that is no longer listed is kept; `absent` removes it. Default: none. Example:
    `[{name: proxy, certificateRef: {namespace: certificates, name: proxy-upload}}]`.
    """

    absent: Annotated[tuple[SlotName, ...], set_list(SLOTS_LIMIT)] = ()
    """absent names slots whose certificates are removed everywhere; only those that are not required can be.

    Default: none. Example: `[syncer]`.
    """

    trust: SetTrust | None = None
    """trust says what all certificates are measured against, besides their own chains: those that are kept although
    they are not listed any more, too. Default: nothing else, the ends of their paths need not be trusted.

    Example: `{storeRef: {kind: ClusterTrustStore, name: corporate}}`.
    """

    namespaces: Annotated[tuple[NamespaceName, ...], set_list(NODES_LIMIT)] | None = None
    """namespaces are those that get the Secrets; each must exist. Set this or `namespaceSelector`.

    Example: `[gateway-a, gateway-b]`.
    """

    namespace_selector: LabelSelector | None = None
    """namespaceSelector selects the namespaces that get the Secrets; `{}` selects all. Set this or `namespaces`.

    `kube-…` and the operator's own are left out unless its settings name them. Whoever may label namespaces can have
    the keys brought there.
    """

    exclude: Annotated[tuple[NamespaceName, ...], set_list(NODES_LIMIT)] = ()
    """exclude names namespaces that get nothing although they are listed or selected. Default: none."""

    deletion_policy: DeletionPolicy = "Retain"
    """deletionPolicy says what becomes of the Secrets when the set is deleted, or a namespace leaves it: `Retain`, or
    `Delete`, which deletes those that certwright created, never an adopted one. Default: `Retain`.
    """
