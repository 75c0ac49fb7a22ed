"""The keys that PrivateKeys offer to the certificates of a namespace, told from their wishes and statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from certwright.api.conditions import ConditionType, find_condition
from certwright.api.model import parse_leniently
from certwright.api.privatekey import PrivateKeyStatus
from certwright.findings import Reason
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.remembering import remember

KEY_DATA_KEY = "tls.key"
"""Where a Secret holds a private key, as everybody expects it."""

LISTED_FACTS = ("keyFingerprint", "commonName", "validFrom", "validThru")
"""What a PrivateKey looks at of what is served by a certificate that hangs under it."""


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """What a PrivateKey offers.

    Attributes:
        secret: the Secret that holds the key; `None` when the wish names none.
        fingerprint: of the public half; `None` as long as there is no key.
        algorithm: of the key.
        size: in bits.
        is_judged: it is known whether there is a key, and the status says so.
        is_lost: there was one, and it is gone.
    """

    secret: ObjectKey | None
    fingerprint: str | None
    algorithm: str | None
    size: int | None
    is_judged: bool
    is_lost: bool


@remember
def read_offer(owner: Subject) -> OfferedKey:
    """Read what a PrivateKey offers."""
    status = parse_leniently(PrivateKeyStatus, owner.status)
    ready = find_condition(status.conditions, ConditionType.READY)
    return OfferedKey(
        secret=find_secret(owner),
        fingerprint=status.fingerprint,
        algorithm=status.algorithm,
        size=status.size,
        is_judged=(
            ready is not None
            and ready.reason != Reason.NOT_CHECKED.value
            and status.observed_generation == owner.generation
        ),
        is_lost=ready is not None and ready.reason == Reason.KEY_LOST.value,
    )


def find_secret(owner: Subject) -> ObjectKey | None:
    """Give the Secret that a PrivateKey lives in; `None` when the wish names none."""
    name = owner.spec.get("secretName") or owner.spec.get("existingSecretName")
    return ObjectKey(Kind.SECRET, owner.key.namespace, name) if isinstance(name, str) else None


def find_made(owner: Subject) -> ObjectKey | None:
    """Give the Secret that a PrivateKey makes its key in; `None` when it takes one that is there."""
    return find_secret(owner) if owner.spec.get("secretName") else None


def face_of(owner: Subject) -> str:
    """Digest what certificates see of a PrivateKey: which key it is, where it is, and whether it is there."""
    offer = read_offer(owner)
    parts = (offer.secret, offer.fingerprint, offer.algorithm, offer.size, offer.is_judged, offer.is_lost)
    return "|".join(map(str, parts))


def read_served(certificate: Subject) -> Mapping[str, Any]:
    """Read what consumers have of a certificate, as its status says it; nothing as long as that is nothing."""
    served = certificate.status.get("served")
    return served if isinstance(served, Mapping) else {}


def face_of_certificate(certificate: Subject) -> str:
    """Digest what a key lists of a certificate."""
    if "observedGeneration" not in certificate.status:
        return ""
    served = read_served(certificate)
    return "|".join(str(served.get(name) or "") for name in LISTED_FACTS)
