"""What the judge of an ImportedCertificate hands to the planner; values only, picklable both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.importedcertificate_spec import Target
from certwright.findings import Finding, Severity
from certwright.pki.certificate import Certificate
from certwright.pki.render import SecretRecipe
from certwright.reconcile.importedcertificate.self_signed import Papers
from certwright.reconcile.objects import Version
from certwright.validation import KnownRevocation


@dataclass(frozen=True, slots=True)
class Content:
    """What one target is to hold.

    Attributes:
        findings: what is wrong with the wish for this target; then its Secret stays as it is.
        recipe: what to store; `None` when there is nothing good to store, or `findings` forbid it.
        digest: over the public part of the recipe.
        fits: the version of the Secret, as read, that holds what the recipe says; `None` when it holds other content.
        lost: the target was stored once, and what it held can neither be kept nor restored.
    """

    target: Target
    findings: tuple[Finding, ...] = ()
    recipe: SecretRecipe | None = field(default=None, repr=False)
    digest: str | None = None
    fits: Version | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a wish and its material.

    Attributes:
        spec: the wish; `None` when it cannot be read.
        findings: about the wish and the material, without those about single targets.
        leaf: the certificate of this generation, as far as one could be read.
        path: from the leaf upwards, as far as it was found; a root may be at its end.
        chain: the intermediates that are served with the leaf.
        anchor: the trusted CA that the path ends at; `None` without a trust store, and when none was reached.
        distrust: why the store that the wish names trusts nobody, or is not at hand.
        next_change: when the verdict on the material changes by time alone.
        pair_changed: when a half of a pair that does not match was last changed.
        contents: one for each target of the wish, in its order.
        held: time is in doubt, or a revocation list is not at hand, and nothing changed: the verdict of the status
            stands as it is.
        papers: what was made of the key of a PrivateKey; `None` leaves what there is.
        revocations: what is to be remembered of revoked certificates; `None` leaves what is remembered.
    """

    spec: ImportedCertificateSpec | None
    findings: tuple[Finding, ...] = ()
    leaf: Certificate | None = None
    path: tuple[Certificate, ...] = ()
    chain: tuple[Certificate, ...] = ()
    anchor: Certificate | None = None
    distrust: Finding | None = None
    next_change: datetime | None = None
    pair_changed: datetime | None = None
    contents: tuple[Content, ...] = ()
    held: bool = False
    papers: Papers | None = None
    revocations: tuple[KnownRevocation, ...] | None = None

    @property
    def accepted(self) -> bool:
        """Say whether the material may be served: nothing but warnings was found."""
        return self.leaf is not None and not errors_of(self.findings)


def errors_of(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Give the findings that refuse something."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)
