"""The wish of a store, of either kind, and what is meant to hold the bundle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from certwright.api.model import parse
from certwright.api.selector import LabelSelector
from certwright.api.truststore import ClusterTrustStoreSpec, TrustStoreSpec
from certwright.api.truststore_spec import BundleContent, BundleTarget
from certwright.findings import Finding, MaterialError
from certwright.pki.trust_bundle import BundleFormat
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Snapshot, Subject
from certwright.reconcile.places import Place
from certwright.reconcile.plan import TRUST_BUNDLE_KEY
from certwright.reconcile.questions import Namespaces
from certwright.reconcile.remembering import remember
from certwright.settings import Settings

Spec = TrustStoreSpec | ClusterTrustStoreSpec

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public"})
"""Left out, with the operator's own, unless `bundle_namespaces` names them."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What targets of one kind and one name are to be, wherever they stand.

    Attributes:
        content: which of the CAs they hold.
        password: where the password of a PKCS#12 file stands.
        signer_name: of a ClusterTrustBundle.
        fanned: there is one in each selected namespace.
    """

    kind: Kind
    name: str
    data_key: str
    content: BundleContent = "Roots"
    format: BundleFormat = "PEM"
    password: Place | None = None
    signer_name: str | None = None
    fanned: bool = False

    @property
    def comments(self) -> bool:
        """Say whether lines for people may stand between the certificates."""
        return self.kind is not Kind.CLUSTER_TRUST_BUNDLE

    def __str__(self) -> str:
        """Read as messages call it."""
        return f"{self.kind} `{self.name}`"


@dataclass(frozen=True, slots=True)
class Group:
    """All targets of one aim."""

    aim: Aim
    keys: tuple[ObjectKey, ...]


@remember
def read_wish(subject: Subject) -> Spec | Finding:
    """Read the wish, or say why it cannot be read (an object of another version, or of a file)."""
    try:
        if subject.key.kind is Kind.CLUSTER_TRUST_STORE:
            return parse(ClusterTrustStoreSpec, subject.spec)
        return parse(TrustStoreSpec, subject.spec)
    except MaterialError as error:
        return error.finding


def find_aims(spec: Spec, namespace: str) -> tuple[Aim, ...]:
    """Give what a wish names as targets; `namespace` is that of the store."""
    if isinstance(spec, TrustStoreSpec):
        return tuple(_own_aim(each, namespace) for each in spec.targets)
    fanned = (
        Aim(Kind.CONFIG_MAP, each.name, each.key, each.content, fanned=True)
        for each in (spec.targets if spec.namespace_selector is not None else ())
    )
    bundle = spec.cluster_trust_bundle
    if bundle is None:
        return tuple(fanned)
    own = Aim(Kind.CLUSTER_TRUST_BUNDLE, bundle.name, TRUST_BUNDLE_KEY, signer_name=bundle.signer_name)
    return (own, *fanned)


def _own_aim(target: BundleTarget, namespace: str) -> Aim:
    reference, place = target.password_ref, None
    if reference is not None:
        field = f"spec.targets[{target.kind}/{target.name}].passwordRef"
        place = Place(ObjectKey(Kind.SECRET, namespace, reference.name), reference.key, field)
    return Aim(Kind(target.kind), target.name, target.key, target.content, target.format, place)


def find_groups(spec: Spec, snapshot: Snapshot, settings: Settings) -> tuple[Group, ...]:
    """Give every target there is to be, those of one name together."""
    namespace = snapshot.subject.key.namespace
    aims = find_aims(spec, namespace)
    selector = spec.namespace_selector if isinstance(spec, ClusterTrustStoreSpec) else None
    names = _choose_namespaces(selector, snapshot, settings) if selector is not None else ()
    return tuple(
        Group(aim, tuple(ObjectKey(aim.kind, name, aim.name) for name in (names if aim.fanned else (namespace,))))
        for aim in aims
    )


def list_namespaces(snapshot: Snapshot) -> tuple[NamespaceFacts, ...]:
    """Give all namespaces; none when nobody was asked."""
    answer: tuple[NamespaceFacts, ...] = snapshot.answers.get(Namespaces(), ())
    return answer


def _choose_namespaces(selector: LabelSelector, snapshot: Snapshot, settings: Settings) -> tuple[str, ...]:
    left_out = (SYSTEM_NAMESPACES | {settings.namespace}) - frozenset(settings.bundle_namespaces)
    served = frozenset(settings.watch_namespaces)
    selects_all = not (selector.match_labels or selector.match_expressions)
    return tuple(
        each.name
        for each in list_namespaces(snapshot)
        if not each.terminating
        and each.name not in left_out
        and (not served or each.name in served)
        and (selects_all or selector.matches(each.labels))
    )


def find_passwords(aims: Iterable[Aim]) -> frozenset[ObjectKey]:
    """Give the Secrets that hold passwords of targets."""
    return frozenset(aim.password.object for aim in aims if aim.password is not None)
