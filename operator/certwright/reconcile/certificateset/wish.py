"""The wish of a set: where its material stands, and which namespaces are its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.certificateset_spec import NODES_LIMIT, SetCertificate
from certwright.api.model import parse
from certwright.api.reference import PasswordReference
from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Snapshot, Subject
from certwright.reconcile.places import Place
from certwright.reconcile.questions import Namespaces
from certwright.reconcile.remembering import remember
from certwright.settings import Settings

TLS_KEY = "tls.key"
_SYSTEM_PREFIX = "kube-"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the material of one certificate stands; what is absent was not named.

    Attributes:
        private_key: what `privateKeyRef` names, else `tls.key` of the Secret that `certificateRef` names.
        private_key_named: the person named it.
    """

    certificate: Place | None
    certificate_password: Place | None
    chain: Place | None
    private_key: Place | None
    private_key_password: Place | None
    private_key_named: bool

    def objects(self) -> frozenset[ObjectKey]:
        """Give all of them."""
        places = (
            self.certificate,
            self.certificate_password,
            self.chain,
            self.private_key,
            self.private_key_password,
        )
        return frozenset(place.object for place in places if place is not None)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The namespaces that get the Secrets.

    Attributes:
        chosen: those that are there, by name, with their uids.
        missing: those that are listed and are not there, or are being deleted.
        findings: what is wrong with the choice.
    """

    chosen: dict[str, str]
    missing: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@remember
def read_wish(subject: Subject) -> ClusterCertificateSetSpec | Finding:
    """Read the wish, or say why it cannot be read (an object of another version, or of a file)."""
    try:
        return parse(ClusterCertificateSetSpec, subject.spec)
    except MaterialError as error:
        return error.finding


def find_sources(certificate: SetCertificate) -> Sources:
    """Work out where the material of a certificate stands."""
    upload, chain, named = certificate.certificate_ref, certificate.chain_ref, certificate.private_key_ref
    field = f"spec.certificates[{certificate.name}]"
    place = password = key = key_password = chain_place = None
    if upload is not None:
        named_object = ObjectKey(Kind(upload.kind), upload.namespace, upload.name)
        place = Place(named_object, upload.key, f"{field}.certificateRef")
        password = _password(upload.password_ref, upload.namespace, f"{field}.certificateRef.passwordRef")
    if chain is not None:
        chain_place = Place(ObjectKey(Kind(chain.kind), chain.namespace, chain.name), chain.key, f"{field}.chainRef")
    if named is not None:
        key = Place(ObjectKey(Kind.SECRET, named.namespace, named.name), named.key, f"{field}.privateKeyRef")
        key_password = _password(named.password_ref, named.namespace, f"{field}.privateKeyRef.passwordRef")
    elif place is not None and place.object.kind is Kind.SECRET:
        key, key_password = Place(place.object, TLS_KEY, f"{field}.certificateRef"), password
    return Sources(place, password, chain_place, key, key_password, named is not None)


def _password(reference: PasswordReference | None, namespace: str, field: str) -> Place | None:
    if reference is None:
        return None
    return Place(ObjectKey(Kind.SECRET, namespace, reference.name), reference.key, field)


def find_inputs(spec: ClusterCertificateSetSpec) -> frozenset[ObjectKey]:
    """Give every object that the verdict depends on."""
    return frozenset(key for each in spec.certificates for key in find_sources(each).objects())


def list_namespaces(snapshot: Snapshot) -> dict[str, NamespaceFacts]:
    """Give all namespaces by name."""
    answer: tuple[NamespaceFacts, ...] = snapshot.answers.get(Namespaces(), ())
    return {each.name: each for each in answer}


def find_nodes(spec: ClusterCertificateSetSpec, snapshot: Snapshot, settings: Settings) -> Nodes:
    """Choose the namespaces that a wish lists or selects."""
    there = list_namespaces(snapshot)
    excluded = frozenset(spec.exclude)
    if spec.namespaces is None:
        selector = spec.namespace_selector
        chosen = {
            each.name: each.uid
            for each in there.values()
            if selector is not None
            and selector.matches(each.labels)
            and not each.terminating
            and each.name not in excluded
            and not is_off_limits(each.name, settings)
        }
        return Nodes(chosen, findings=tuple(_find_excess(spec, len(chosen))))
    listed = [name for name in spec.namespaces if name not in excluded]
    refused = [name for name in listed if is_off_limits(name, settings)]
    present = {name: there[name].uid for name in listed if name in there and not there[name].terminating}
    missing = tuple(name for name in listed if name not in present and name not in refused)
    chosen = {name: uid for name, uid in present.items() if name not in refused}
    findings = (*_find_off_limits(refused), *_find_excess(spec, len(listed)))
    return Nodes(chosen, missing, findings)


def is_off_limits(namespace: str, settings: Settings) -> bool:
    """Say whether a namespace gets no keys unless the operator's settings name it."""
    if settings.watch_namespaces and namespace not in settings.watch_namespaces:
        return True
    if namespace in settings.set_namespaces:
        return False
    return namespace.startswith(_SYSTEM_PREFIX) or namespace == settings.namespace


def _find_off_limits(names: list[str]) -> Iterator[Finding]:
    if names:
        shown = ", ".join(f"`{name}`" for name in names[:_NAMED])
        yield finding(
            Reason.INVALID_REQUEST,
            f"`spec.namespaces` lists {shown}, which the operator's settings keep certificate sets out of. Take them "
            "out, or have an administrator allow them there.",
            detail=Detail.FORBIDDEN,
        )


def _find_excess(spec: ClusterCertificateSetSpec, count: int) -> Iterator[Finding]:
    places = len(spec.slots) * count
    if places > NODES_LIMIT:
        yield finding(
            Reason.INVALID_REQUEST,
            f"{len(spec.slots)} slots in {count} namespaces are {places} Secrets, and a set may write {NODES_LIMIT:,}. "
            "Divide it into several sets.",
            detail=Detail.LIMIT_EXCEEDED,
        )
