"""The wish of a TrustStore and of a ClusterTrustStore: which CAs are gathered, how a change goes out, and where to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from certwright.api.fields import TARGETS_LIMIT, DataKey, Fingerprint, ObjectName, map_list
from certwright.api.importedcertificate_spec import DeletionPolicy
from certwright.api.model import WireModel
from certwright.api.reference import PasswordReference
from certwright.api.rules import Rule, validated_by
from certwright.api.selector import LabelSelector

PublicRoots = Literal["None", "Mozilla"]
RevocationMode = Literal["Off", "Prefer", "Require"]
DeploymentMode = Literal["Automatic", "Manual"]
BundleContent = Literal["Roots", "RootsAndIntermediates"]

NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""The name of a namespace: a DNS label (RFC 1123)."""

BundleName = Annotated[str, Field(min_length=1, max_length=253)]
"""The name of a ClusterTrustBundle; with a signer it holds colons."""

DEFAULT_KEY = "ca.crt"

_RESERVED = "must be none of the names that Kubernetes itself writes (`kube-root-ca.crt` and others): choose another"

RESERVED_NAMES = (
    "kube-root-ca.crt",
    "openshift-service-ca.crt",
    "istio-ca-root-cert",
    "extension-apiserver-authentication",
)
"""ConfigMaps that other parts of a cluster own everywhere."""

_NOT_RESERVED = Rule(
    rule=f"!(self.name in {list(RESERVED_NAMES)!r})",
    message=_RESERVED,
    field_path=".name",
)


class AutomaticDeployment(WireModel):
    """How a change goes out."""

    mode: DeploymentMode = "Automatic"
    """mode is `Automatic` (a change is deployed at once) or `Manual` (after approval). Withdrawals never wait.

    Default: `Automatic`.
    """

    approved: Fingerprint | None = None
    """approved is the `status.pending.id` of the change that is approved, with mode `Manual`.

    It approves this change and no other. Clearing it un-deploys nothing. `kubectl certwright approve` sets it, and
    `certwright diff` prints the id for approvals in Git.
    """


class ChosenDeployment(AutomaticDeployment):
    """How a change goes out; the mode must be said."""

    mode: DeploymentMode
    """mode is `Automatic` (a change is deployed at once) or `Manual` (after approval). Withdrawals never wait."""


class BundleTarget(WireModel):
    """One ConfigMap or Secret that holds the bundle."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            _NOT_RESERVED,
            Rule(
                rule="(has(self.format) && self.format == 'PKCS12') == has(self.passwordRef)",
                message="must be set with format `PKCS12`, and with no other",
                field_path=".passwordRef",
            ),
        )
    )

    kind: Literal["ConfigMap", "Secret"] = "ConfigMap"
    """kind is `ConfigMap` or `Secret`. Default: `ConfigMap`."""

    name: ObjectName
    """name is the name of the object to write, in the namespace of the store. Example: `corporate-ca`.

    One that is there already and is not ours stays as it is until it carries the annotation
    `certwright.io/allow-write: <kind of the store>/<its name>`.
    """

    key: DataKey = DEFAULT_KEY
    """key is the key of the data that the bundle is written to. Default: `ca.crt`."""

    format: Literal["PEM", "PKCS12"] = "PEM"
    """format is `PEM`, or `PKCS12`: a trust store that Java reads. Default: `PEM`."""

    password_ref: PasswordReference | None = None
    """passwordRef names the Secret with the password of the PKCS#12 file, in the namespace of the store."""

    content: BundleContent = "Roots"
    """content is `Roots`, or `RootsAndIntermediates` for programs that cannot get intermediates otherwise.

    Default: `Roots`.
    """


class FannedTarget(WireModel):
    """One ConfigMap that holds the bundle in every selected namespace."""

    model_config = ConfigDict(json_schema_extra=validated_by(_NOT_RESERVED))

    kind: Literal["ConfigMap"] = "ConfigMap"
    """kind is `ConfigMap`."""

    name: ObjectName
    """name is the name of the ConfigMap to write in each namespace. Example: `corporate-ca`.

    One that is there already and is not ours stays as it is until it carries the annotation
    `certwright.io/allow-write: ClusterTrustStore/<name of the store>`.
    """

    key: DataKey = DEFAULT_KEY
    """key is the key of the data that the bundle is written to. Default: `ca.crt`."""

    content: BundleContent = "Roots"
    """content is `Roots`, or `RootsAndIntermediates`. Default: `Roots`."""


class ClusterTrustBundleTarget(WireModel):
    """The ClusterTrustBundle that holds the bundle."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="has(self.signerName) ? self.name.startsWith(self.signerName.replace('/', ':') + ':') "
                ": !self.name.contains(':')",
                message="must begin with the signer's name, `/` replaced by `:`, and a `:`; without a signer it must "
                "hold no `:`",
                field_path=".name",
            )
        )
    )

    name: BundleName
    """name is the name of the ClusterTrustBundle. Example: `corporate`."""

    signer_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """signerName is the signer whose roots these are; whoever may write it needs the right `attest` on that signer.

    Default: none. Example: `example.com/corporate`.
    """


class _Gathering(WireModel):
    """What both kinds of store have in common."""

    selector: LabelSelector | None = None
    """selector selects TrustDecisions by their labels; `{}` selects all, and without it none are gathered."""

    public_roots: PublicRoots = "None"
    """publicRoots adds the roots that Mozilla trusts (`Mozilla`), as the operator ships them, or none (`None`).

    A TrustDecision that distrusts one of them keeps it out. Default: `None`.
    """

    revocation: RevocationMode = "Off"
    """revocation says whether certificates that are judged against this store are looked up in revocation lists, unless
    they say otherwise: `Off`, `Prefer` or `Require`. Default: `Off`.
    """

    allow_empty: bool = False
    """allowEmpty lets a change empty a bundle that was deployed. Default: false, the last CAs stay in the bundle."""

    deletion_policy: DeletionPolicy = "Delete"
    """deletionPolicy says what becomes of the targets when the store, or a target in it, is deleted: `Delete`, or
    `Retain`, which leaves them without our label and annotation. Default: `Delete`.
    """


class TrustStoreSpec(_Gathering):
    """It says which CAs of the namespace are gathered, how a change goes out, and what holds the bundle."""

    deployment: Annotated[
        AutomaticDeployment,
        Field(default_factory=AutomaticDeployment, json_schema_extra={"default": {"mode": "Automatic"}}),
    ]
    """deployment says how a change goes out. Default: `{mode: Automatic}`."""

    targets: Annotated[tuple[BundleTarget, ...], map_list(TARGETS_LIMIT, "kind", "name")] = ()
    """targets are ConfigMaps and Secrets of the namespace that hold the bundle, at most 16. Default: none."""


class ClusterTrustStoreSpec(_Gathering):
    """It says which CAs are gathered, how a change goes out, and what holds the bundle in which namespaces."""

    model_config = ConfigDict(
        json_schema_extra=validated_by(
            Rule(
                rule="!has(self.targets) || size(self.targets) == 0 || has(self.namespaceSelector)",
                message="must be set when there are `targets`: it says which namespaces get them; `{}` is all",
                field_path=".namespaceSelector",
                reason="FieldValueRequired",
            ),
            Rule(
                rule="!has(self.selector) || has(self.decisionNamespace)",
                message="must be set when there is a `selector`: it says where the TrustDecisions are",
                field_path=".decisionNamespace",
                reason="FieldValueRequired",
            ),
        )
    )

    decision_namespace: NamespaceName | None = None
    """decisionNamespace is the namespace of the TrustDecisions; it must bear the label
    `certwright.io/trust-source: "true"`. Example: `trust`.
    """

    deployment: ChosenDeployment
    """deployment says how a change goes out; the mode must be said. Example: `{mode: Manual}`."""

    namespace_selector: LabelSelector | None = None
    """namespaceSelector selects the namespaces that get the targets; `{}` selects all.

    `kube-system`, `kube-public` and the operator's own are left out unless its settings name them.
    """

    targets: Annotated[tuple[FannedTarget, ...], map_list(TARGETS_LIMIT, "kind", "name")] = ()
    """targets are the ConfigMaps that hold the bundle in each of those namespaces, at most 16. Default: none."""

    cluster_trust_bundle: ClusterTrustBundleTarget | None = None
    """clusterTrustBundle is a ClusterTrustBundle that holds the roots. Default: none."""
