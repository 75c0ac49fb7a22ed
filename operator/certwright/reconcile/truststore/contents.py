"""What each target is to hold: the CAs of the deployed record in the form asked for, and never live decisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from certwright.api.truststore_spec import RESERVED_NAMES
from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.trust_bundle import BundleRecipe, target_digest, target_matches
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject, Version
from certwright.reconcile.passwords import fetch_password
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.truststore.wish import Aim, Group, Spec, find_aims, find_passwords

EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Content:
    """What the targets of one aim are to hold.

    Attributes:
        recipe: what to store; `None` while nothing is deployed, or nothing can be stored.
        digest: of the recipe and of whom it belongs to, as the targets bear it.
        problem: why nothing can be stored.
        fits: the versions of PKCS#12 files that were opened and hold what they should.
    """

    aim: Aim
    recipe: BundleRecipe | None = field(default=None, repr=False)
    digest: str = EMPTY
    problem: Finding | None = None
    fits: Mapping[ObjectKey, Version] = field(default_factory=dict)


def find_contents(
    spec: Spec, snapshot: Snapshot, record: TrustRecord | None, *, inputs: frozenset[ObjectKey]
) -> tuple[Content, ...]:
    """Work out what the targets are to hold.

    Args:
        spec: the wish.
        snapshot: what was read.
        record: what is deployed, or is about to be.
        inputs: what certificates of selected decisions are read from.
    """
    namespace = snapshot.subject.key.namespace
    aims = find_aims(spec, namespace)
    taken = inputs | find_passwords(aims)
    return tuple(_find_content(aim, spec, snapshot, record=record, taken=taken) for aim in aims)


def is_taken(aim: Aim, key: ObjectKey, inputs: frozenset[ObjectKey]) -> Finding | None:
    """Refuse to write what the store reads: it would be fed with itself."""
    if key not in inputs:
        return None
    return finding(
        Reason.INVALID_REQUEST,
        f"target {aim} is also what this store reads{f' in namespace `{key.namespace}`' if aim.fanned else ''}: it "
        "would be fed with itself. Choose another name.",
        detail=Detail.TARGET_IS_INPUT,
    )


def _find_content(
    aim: Aim, spec: Spec, snapshot: Snapshot, *, record: TrustRecord | None, taken: frozenset[ObjectKey]
) -> Content:
    problem = next(_find_defects(aim, snapshot, taken), None)
    if record is None or problem is not None:
        return Content(aim, problem=problem)
    password = None
    if aim.password is not None:
        found = fetch_password(aim.password, snapshot)
        if isinstance(found, Finding):
            return Content(aim, problem=found)
        password = found
        if not _is_text(password):
            return Content(aim, problem=_not_text(aim))
    certificates = choose_certificates(record, aim)
    if not certificates and not _may_be_empty(aim):
        return Content(aim, problem=_empty(aim))
    recipe = BundleRecipe(certificates, aim.data_key, aim.format, password, aim.comments)
    digest = digest_target(recipe, aim, snapshot.subject if spec.deletion_policy == "Delete" else None)
    return Content(aim, recipe, digest, fits=_find_fitting(aim, recipe, snapshot))


def choose_certificates(record: TrustRecord, aim: Aim) -> tuple[Certificate, ...]:
    """Give the certificates that the targets of an aim hold."""
    everything = aim.content == "RootsAndIntermediates"
    return tuple(each.certificate for each in record.entries if everything or each.role == "rootCA")


def digest_target(recipe: BundleRecipe, aim: Aim, owner: Subject | None) -> str:
    """Digest what is written into a target.

    Args:
        recipe: its content.
        aim: what it is.
        owner: whose deletion deletes it; `None` when none does. When that changes it is written again, though its
            content is the same.
    """
    parts = [target_digest(recipe), aim.signer_name, owner.version.uid if owner is not None else None]
    return "sha256:" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _find_defects(aim: Aim, snapshot: Snapshot, taken: frozenset[ObjectKey]) -> Iterator[Finding]:
    if aim.name in RESERVED_NAMES:
        yield finding(
            Reason.INVALID_REQUEST,
            f"target {aim}: other parts of a cluster write objects of this name. Choose another name.",
            detail=Detail.CONFLICTING_FIELDS,
        )
    if not aim.fanned:
        problem = is_taken(aim, ObjectKey(aim.kind, snapshot.subject.key.namespace, aim.name), taken)
        if problem is not None:
            yield problem
    if (aim.format == "PKCS12") != (aim.password is not None):
        yield finding(
            Reason.INVALID_REQUEST,
            f"target {aim}: `passwordRef` must be set with format `PKCS12`, and with no other.",
            detail=Detail.PASSWORD_MISSING if aim.password is None else Detail.CONFLICTING_FIELDS,
        )


def _is_text(password: bytes) -> bool:
    try:
        password.decode()
    except UnicodeDecodeError:
        return False
    return True


def _not_text(aim: Aim) -> Finding:
    text = f"{aim.password}: the password of target {aim} must be UTF-8 text. Store another."
    return finding(Reason.INVALID_REQUEST, text, detail=Detail.PASSWORD_MISSING)


def _may_be_empty(aim: Aim) -> bool:
    return aim.format == "PEM" and aim.kind is not Kind.CLUSTER_TRUST_BUNDLE


def _empty(aim: Aim) -> Finding:
    what = "a ClusterTrustBundle" if aim.kind is Kind.CLUSTER_TRUST_BUNDLE else "a PKCS#12 file"
    return finding(
        Reason.EMPTY_BUNDLE,
        f"target {aim}: what is deployed holds no certificate for it, and {what} cannot be empty. It stays as it is; "
        "remove the target, or trust a CA.",
    )


def _find_fitting(aim: Aim, recipe: BundleRecipe, snapshot: Snapshot) -> Mapping[ObjectKey, Version]:
    if aim.format == "PEM":
        return {}  # compared where it is planned, for that is quick
    key = ObjectKey(aim.kind, snapshot.subject.key.namespace, aim.name)
    observed = snapshot.get(key)
    fits = observed is not None and target_matches(recipe, observed.data)
    return {key: observed.version} if observed is not None and fits else {}


def find_content(contents: tuple[Content, ...], group: Group) -> Content:
    """Give what the targets of a group are to hold."""
    return next((each for each in contents if each.aim == group.aim), Content(group.aim))
