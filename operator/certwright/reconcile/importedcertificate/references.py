"""What an ImportedCertificate refers to: the keys of its inputs, its targets and its workloads.

Said once, here: gathering, the dependency index and the judgement all ask this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.importedcertificate_spec import Target
from certwright.api.reference import PasswordReference
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.places import Place
from certwright.reconcile.remembering import remember

TLS_KEY = "tls.key"


@dataclass(frozen=True, slots=True)
class References:
    """The places that a spec names, worked out for its namespace; what is absent was not named.

    Attributes:
        private_key: where the key is expected: what `privateKeyRef` names, else `tls.key` of the Secret that
            `certificateRef` names. A PKCS#12 file brings its own, and a PrivateKey knows where it is.
        private_key_named: the person named it, so its absence is a defect even when there are no targets.
        private_key_password: where the password of the key stands; of a key beside the certificate that is the same.
    """

    certificate: Place | None
    certificate_password: Place | None
    chain: Place | None
    private_key: Place | None
    private_key_password: Place | None
    private_key_named: bool

    def material(self) -> frozenset[ObjectKey]:
        """Give the objects that hold certificates and keys."""
        return frozenset(place.object for place in (self.certificate, self.chain, self.private_key) if place)

    def passwords(self) -> frozenset[ObjectKey]:
        """Give the objects that hold the passwords of those."""
        return frozenset(place.object for place in (self.certificate_password, self.private_key_password) if place)


@remember
def find_references(spec: ImportedCertificateSpec, namespace: str) -> References:
    """Work out where the material of a spec stands."""
    upload, chain, named = spec.certificate_ref, spec.chain_ref, spec.private_key_ref
    certificate = certificate_password = private_key = private_key_password = None
    if upload is not None:
        certificate = Place(ObjectKey(Kind(upload.kind), namespace, upload.name), upload.key, "spec.certificateRef")
        certificate_password = _password(upload.password_ref, namespace, "spec.certificateRef.passwordRef")
    if named is not None:
        if named.kind == Kind.SECRET.value:
            held = ObjectKey(Kind.SECRET, namespace, named.name)
            private_key = Place(held, named.key or TLS_KEY, "spec.privateKeyRef")
            private_key_password = _password(named.password_ref, namespace, "spec.privateKeyRef.passwordRef")
    elif certificate is not None and certificate.object.kind is Kind.SECRET:
        private_key = Place(certificate.object, TLS_KEY, "spec.certificateRef")
        private_key_password = certificate_password
    return References(
        certificate=certificate,
        certificate_password=certificate_password,
        chain=Place(ObjectKey(Kind(chain.kind), namespace, chain.name), chain.key, "spec.chainRef") if chain else None,
        private_key=private_key,
        private_key_password=private_key_password,
        private_key_named=named is not None,
    )


def _password(reference: PasswordReference | None, namespace: str, field: str) -> Place | None:
    if reference is None:
        return None
    return Place(ObjectKey(Kind.SECRET, namespace, reference.name), reference.key, field)


def secret_key(namespace: str, name: str) -> ObjectKey:
    """Give the key of a Secret of the subject's namespace."""
    return ObjectKey(Kind.SECRET, namespace, name)


def format_passwords(target: Target, namespace: str) -> Iterator[tuple[str, Place]]:
    """Give, for each format of a target, its data key and where its password stands."""
    for each in target.formats:
        field = f"spec.targets[{target.secret_name}].formats[{each.key}].passwordRef"
        yield each.key, Place(secret_key(namespace, each.password_ref.name), each.password_ref.key, field)


def target_passwords(spec: ImportedCertificateSpec, namespace: str) -> frozenset[ObjectKey]:
    """Give the objects that hold passwords of the targets' formats."""
    return frozenset(place.object for target in spec.targets for _, place in format_passwords(target, namespace))


@remember
def all_inputs(spec: ImportedCertificateSpec, namespace: str) -> frozenset[ObjectKey]:
    """Give every object that a verdict, or the content of a target, depends on."""
    references = find_references(spec, namespace)
    return references.material() | references.passwords() | target_passwords(spec, namespace)


def workload_keys(target: Target, namespace: str) -> tuple[ObjectKey, ...]:
    """Give the workloads that a target wants refreshed."""
    return tuple(ObjectKey(Kind(each.kind), namespace, each.name) for each in target.refresh)
