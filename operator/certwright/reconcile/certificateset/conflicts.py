"""What cannot be in one wish: two slots for one Secret, and a target that is an input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.api.certificateset_spec import FILLED_LIMIT
from certwright.findings import Detail, Finding, Reason, finding
from certwright.reconcile.certificateset.material import SlotVerdict
from certwright.reconcile.certificateset.wish import Nodes, find_inputs
from certwright.reconcile.objects import Kind


def find_conflicts(spec: ClusterCertificateSetSpec) -> Iterator[Finding]:
    """Find slots that are to have the same Secret."""
    seen: dict[str, str] = {}
    for slot in spec.slots:
        other = seen.setdefault(slot.secret_name, slot.name)
        if other != slot.name:
            text = f"the slots `{other}` and `{slot.name}` have the same `secretName`. Choose another for one of them."
            yield finding(Reason.INVALID_REQUEST, text, detail=Detail.CONFLICTING_FIELDS)


def find_shared(slots: Iterable[SlotVerdict]) -> Iterator[Finding]:
    """Find what is kept in a Secret that another slot is to have now."""
    seen: dict[str, str] = {}
    for each in slots:
        other = seen.setdefault(each.part.secret, each.name) if each.part is not None else each.name
        if other != each.name and each.part is not None:
            text = (
                f"`{each.part.secret}` is to hold `{other}` and `{each.name}`, one of which is kept there because "
                "it is not listed any more. List both, or choose another `secretName`."
            )
            yield finding(Reason.INVALID_REQUEST, text, detail=Detail.CONFLICTING_FIELDS)


def find_too_many(slots: Iterable[SlotVerdict]) -> Iterator[Finding]:
    """Find that more would be deployed than a set may hold, because what slots held that were taken out is kept."""
    filled = sum(each.part is not None for each in slots)
    if filled > FILLED_LIMIT:
        text = (
            f"{filled} certificates would be deployed, those among them that are kept of slots taken out, and a set "
            f"may hold {FILLED_LIMIT}. Put some of those slots back, optional, and name them in `spec.absent`."
        )
        yield finding(Reason.INVALID_REQUEST, text, detail=Detail.LIMIT_EXCEEDED)


def find_own_inputs(spec: ClusterCertificateSetSpec, nodes: Nodes) -> Iterator[Finding]:
    """Find targets that are inputs as well."""
    names = {slot.secret_name for slot in spec.slots}
    for key in sorted(find_inputs(spec)):
        if key.kind is Kind.SECRET and key.namespace in nodes.chosen and key.name in names:
            text = f"the target `{key.name}` in `{key.namespace}` is also an input of this set. Choose another name."
            yield finding(Reason.INVALID_REQUEST, text, detail=Detail.TARGET_IS_INPUT)
