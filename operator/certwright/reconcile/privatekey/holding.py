"""What the Secret of a PrivateKey holds, and what is to be done about it.

A key is made at most once: into a Secret that does not exist, by a write that can only create, or into one without a
key that its owner has handed over, by a write bound to that very version. Before there is a status, the Secret itself
remembers: one that bears our marks once held the key. From then on a key that is not there is lost, and said to be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.pki.key_recipe import KeyRecipe, holds_key
from certwright.pki.keys import read_private_key
from certwright.pki.public_key import PublicKey
from certwright.reconcile.marks import (
    CERT_MANAGER_ANNOTATION,
    LABELS,
    intended_annotations,
    is_allowed,
    is_marked,
    is_owned,
    owner_reference,
    refuse_foreign,
    was_created_by_us,
)
from certwright.reconcile.objects import ObjectKey, Observed, Snapshot
from certwright.reconcile.places import Place, fetch
from certwright.reconcile.plan import ApplySecret
from certwright.reconcile.private_keys import KEY_DATA_KEY, find_secret
from certwright.reconcile.privatekey.judgement import Judgement, errors_of
from certwright.reconcile.privatekey.past import Past
from certwright.reconcile.privatekey.words import find_weakness, speak_of_key
from certwright.reconcile.store_failures import describe_failure, may_pass, passes_by_itself

SECRET_TYPE = "Opaque"

_COMES_BY_ITSELF = frozenset({Reason.REFERENCE_NOT_FOUND, Reason.NOT_CHECKED})
_REMEDY = (
    "A new one is never made in its place, for certificates hang under it. Put the Secret back (the targets of its "
    "certificates hold the key, too), or make another PrivateKey."
)


@dataclass(frozen=True, slots=True)
class Holding:
    """What the Secret holds.

    Attributes:
        public: the public half of the key that is there and as it should be.
        findings: what is wrong, or worth a look.
        action: what is still to be done.
        retry: time may mend what is wrong.
        waiting: there is nothing to do for a person yet.
    """

    public: PublicKey | None = None
    findings: tuple[Finding, ...] = ()
    action: ApplySecret | None = None
    retry: bool = False
    waiting: bool = False


def find_holding(judgement: Judgement, snapshot: Snapshot, past: Past) -> Holding:
    """Look at the Secret as it is now, also after a write of this pass."""
    spec, key = judgement.spec, find_secret(snapshot.subject)
    if spec is None or key is None or errors_of(judgement.findings):
        return Holding()
    scene = _Scene(judgement, snapshot, past, key)
    if spec.existing_secret_name is not None:
        return scene.read("spec.existingSecretName")
    failure, observed = snapshot.failures.get(key), snapshot.get(key)
    if failure is not None and key in snapshot.objects:
        problem = describe_failure(key, failure, was_read=True)
        return Holding(None, (problem,), retry=may_pass(failure), waiting=passes_by_itself(failure))
    if observed is not None:
        return scene.examine(observed)
    if failure is None and past.status.fingerprint is None:
        return Holding(action=scene.apply(None, None))
    return scene.read("spec.secretName")


@dataclass(frozen=True, slots=True)
class _Scene:
    """A pass over one key."""

    judgement: Judgement
    snapshot: Snapshot
    past: Past
    key: ObjectKey

    def examine(self, observed: Observed) -> Holding:
        """Look at the Secret that the key is made in."""
        obstacle = self._find_obstacle(observed)
        if obstacle is not None:
            waits = obstacle.reason is Reason.TARGET_MISSING
            return Holding(None, (obstacle,), retry=waits, waiting=waits)
        if KEY_DATA_KEY not in observed.data and not self._once_held(observed):
            if observed.immutable:
                return Holding(None, (_immutable(observed),))
            return Holding(action=self.apply(observed, None))
        found = self.read("spec.secretName")
        if found.public is None or observed.deleting:
            return found
        return self._keep_in_form(observed, found)

    def read(self, field: str) -> Holding:
        """Read the key, and compare it with what it was and is to be."""
        data = fetch(Place(self.key, KEY_DATA_KEY, field), self.snapshot)
        if isinstance(data, Finding):
            lost = data.reason is Reason.REFERENCE_NOT_FOUND and self._once_held(self.snapshot.get(self.key))
            said = speak_of_key(data, self.key, field, self.snapshot.get(self.key))
            problem = self._lost("no longer holds it" if self._is_there else "is gone") if lost else said
            waiting = problem.reason in _COMES_BY_ITSELF
            return Holding(None, (problem,), retry=data.reason is Reason.NOT_CHECKED, waiting=waiting)
        try:
            material = read_private_key(data, what=f"`{field}`: Secret `{self.key.name}`, key `{KEY_DATA_KEY}`")
        except MaterialError as error:
            lost = self._once_held(self.snapshot.get(self.key))
            said = speak_of_key(error.finding, self.key, field, self.snapshot.get(self.key))
            found = self._lost("no longer holds a key that can be read") if lost else said
            return Holding(None, (found,))
        public = material.key.public
        if self.past.status.fingerprint not in {None, public.fingerprint}:
            return Holding(None, (self._lost("holds another key"),))
        differs = self._find_difference(public)
        if differs is not None:
            return Holding(None, (differs,))
        return Holding(public, (*material.warnings, *find_weakness(public, self.key, field)))

    def apply(self, observed: Observed | None, public: PublicKey | None) -> ApplySecret:
        """Write the Secret: with a new key when there is none, else with the one that it holds."""
        subject = self.snapshot.subject
        fingerprint = public.fingerprint if public is not None else None
        return ApplySecret(
            key=self.key,
            replaces=observed.version if observed is not None else None,
            recipe=KeyRecipe(self.judgement.algorithm, self.judgement.size, fingerprint),
            type=observed.type if observed is not None else SECRET_TYPE,
            labels=LABELS,
            annotations=intended_annotations(self.snapshot, observed),
            owner_reference=owner_reference(subject) if self._is_referenced(observed) else None,
            stored=observed.data if observed is not None else {},
        )

    @property
    def _is_there(self) -> bool:
        return self.snapshot.get(self.key) is not None

    def _once_held(self, observed: Observed | None) -> bool:
        """Say whether there was a key: the status remembers it, or the Secret bears the marks that came with it."""
        if self.past.status.fingerprint is not None:
            return True
        return observed is not None and is_owned(observed, self.snapshot.subject)

    def _find_obstacle(self, observed: Observed) -> Finding | None:
        subject = self.snapshot.subject
        uid = self._recorded_uid
        if CERT_MANAGER_ANNOTATION in observed.annotations:
            return finding(
                Reason.TARGET_NOT_OWNED,
                f"Secret `{self.key.name}` is written by cert-manager (annotation `{CERT_MANAGER_ANNOTATION}`) and "
                "stays as it is. Make a new object with another `secretName`, or this one as `existingSecretName`.",
            )
        if not is_owned(observed, subject, recorded_uid=uid) and not is_allowed(observed, subject):
            return refuse_foreign(observed, subject, field="secretName", instead="Make a new object with another")
        if observed.deleting and self.past.status.fingerprint is None:
            text = f"Secret `{self.key.name}` is being deleted. A key is made as soon as it is gone."
            return finding(Reason.TARGET_MISSING, text)
        return None

    @property
    def _recorded_uid(self) -> str | None:
        """The UID of the Secret that held the key: it is ours even when label and annotation were taken away."""
        return self.past.record.secret_uid if self.past.status.fingerprint is not None else None

    def _find_difference(self, public: PublicKey) -> Finding | None:
        spec = self.judgement.spec
        wished: str | None = spec.algorithm if spec is not None else None
        size = spec.size if spec is not None else None
        # A key is made for the default where nothing is said; one that is taken is then whatever it is.
        if wished is None and size is not None:
            wished = self.judgement.algorithm
        family = "RSA" if public.algorithm.startswith("RSA") else public.algorithm
        if wished in {None, family} and size in {None, public.size}:
            return None
        return finding(
            Reason.KEY_INVALID,
            f"Secret `{self.key.name}` holds a key of {public.description}, and another is wished for "
            f"({wished}{f' {size}' if size is not None else ''}). It stays as it is. Make a new object with the "
            "`algorithm` and `size` that it has, or with another Secret.",
            detail=Detail.WRONG_TYPE,
        )

    def _keep_in_form(self, observed: Observed, found: Holding) -> Holding:
        assert found.public is not None  # noqa: S101 - asked before
        recipe = KeyRecipe(self.judgement.algorithm, self.judgement.size, found.public.fingerprint)
        fits = holds_key(recipe, observed.data)
        if fits and is_marked(observed, self.snapshot.subject, owned_reference=self._is_referenced(observed)):
            return found
        if observed.immutable and not fits:
            return replace(found, findings=(*found.findings, _immutable(observed)))
        return replace(found, action=self.apply(observed, found.public))

    def _is_referenced(self, observed: Observed | None) -> bool:
        spec = self.judgement.spec
        if spec is None or spec.deletion_policy != "Delete":
            return False
        return observed is None or was_created_by_us(observed, self.snapshot.subject)

    def _lost(self, what: str) -> Finding:
        known = self.past.status.fingerprint
        key = f"the key `{known}`" if known is not None else "the key of this object"
        return finding(Reason.KEY_LOST, f"Secret `{self.key.name}`, which held {key}, {what}. {_REMEDY}")


def _immutable(observed: Observed) -> Finding:
    text = f"Secret `{observed.key.name}` is immutable and cannot be written. Make it anew without `immutable`."
    return finding(Reason.TARGET_IMMUTABLE, text)
