"""Short words for the tests of this floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from certwright.pki.crl import RevocationList
from certwright.validation import Role, Verdict, validate
from tests.support.pki import NOW, Entity, SignedList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from certwright.findings import Detail, Finding, Reason


def judge(
    target: Entity,
    given: Iterable[Entity] = (),
    *,
    anchors: Iterable[Entity] | None = None,
    crls: Iterable[SignedList] = (),
    **wishes: Any,
) -> Verdict:
    """Validate `target` as a server at the instant at which everything made with defaults is valid."""
    return validate(
        target.certificate,
        intermediates=[entity.certificate for entity in given],
        anchors=None if anchors is None else [entity.certificate for entity in anchors],
        crls=[RevocationList.from_der(crl.der) for crl in crls],
        **{"at": NOW, "role": Role.SERVER, **wishes},
    )


def worst(verdict: Verdict) -> tuple[Reason, Detail | None]:
    """The reason and detail that name the verdict."""
    if verdict.is_valid:
        return verdict.reason, None
    return verdict.findings[0].reason, verdict.findings[0].detail


def warned(verdict: Verdict, reason: Reason) -> Finding | None:
    """The warning of that reason, if there is one."""
    found = [item for item in verdict.findings if item.reason is reason and item not in verdict.errors]
    return found[0] if found else None


def labels(verdict: Verdict) -> list[str]:
    """The path from the target up."""
    return [certificate.label for certificate in verdict.path]
