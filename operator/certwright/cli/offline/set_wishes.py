"""Sets of certificates as far as files can answer them: which namespaces there are is known only in a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from certwright.api.certificateset import ClusterCertificateSetSpec
from certwright.findings import Finding
from certwright.reconcile.certificateset.wish import find_nodes, read_wish
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Observed, Snapshot, Subject
from certwright.reconcile.plan import ALLOW_WRITE_ANNOTATION, EPOCH_ANNOTATION, OWNER_ANNOTATION
from certwright.reconcile.questions import Namespaces
from certwright.reconcile.set_actions import COMMIT_ANNOTATION, KEPT_ANNOTATION, REVISION_ANNOTATION, SLOT_ANNOTATION
from certwright.settings import Settings

_MARKS = frozenset({OWNER_ANNOTATION, EPOCH_ANNOTATION, COMMIT_ANNOTATION, REVISION_ANNOTATION, SLOT_ANNOTATION})
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Places:
    """Where a set would write.

    Attributes:
        namespaces: all of them.
        assumed: those that are listed, and are not among the files.
        selected: they were selected among the files; a cluster may have others.
    """

    namespaces: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    selected: bool = False

    def notes(self) -> Iterator[str]:
        """Say what was assumed."""
        if self.selected:
            yield (
                f"`spec.namespaceSelector` selects {name_some(self.namespaces)} among the files; which other "
                "namespaces of a cluster it selects is not known."
            )
        elif self.assumed:
            yield (
                f"of `spec.namespaces` {name_some(self.assumed)} {'is' if len(self.assumed) == 1 else 'are'} not among "
                "the files. Each is taken to be there, with room for the Secrets and none of the same names in it."
            )


def name_some(names: Iterable[str]) -> str:
    """Name a few, and count the others."""
    listed = tuple(names)
    shown = ", ".join(f"`{name}`" for name in listed[:_NAMED])
    return (shown or "none") + (f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else "")


def walk_set(subject: Subject, known: Mapping[str, NamespaceFacts], settings: Settings) -> tuple[Subject, Places]:
    """Have a set list its namespaces, those that it selects among the files.

    Args:
        subject: the set.
        known: the namespaces among the files.
        settings: those of the operator.

    Returns:
        The set as it is walked, and where it would write.
    """
    spec = read_wish(subject)
    if isinstance(spec, Finding):
        return subject, Places()
    if spec.namespaces is None:
        everywhere = Snapshot(subject, subject.created, "").with_answer(Namespaces(), tuple(known.values()))
        chosen = tuple(sorted(find_nodes(spec, everywhere, settings).chosen))
        wish: dict[str, Any] = {name: value for name, value in subject.spec.items() if name != "namespaceSelector"}
        return replace(subject, spec={**wish, "namespaces": list(chosen)}), Places(chosen, selected=True)
    listed = tuple(name for name in spec.namespaces if name not in spec.exclude)
    return subject, Places(listed, tuple(name for name in listed if name not in known))


def list_namespaces(subjects: Iterable[Subject]) -> Iterator[str]:
    """Give the namespaces that sets list."""
    for each in subjects:
        spec = read_set(each)
        if spec is not None:
            yield from spec.namespaces or ()


def list_targets(subject: Subject) -> Iterator[ObjectKey]:
    """Give the Secrets that a set would write."""
    spec = read_set(subject)
    for namespace in (spec.namespaces or ()) if spec is not None else ():
        if spec is not None and namespace not in spec.exclude:
            yield from (ObjectKey(Kind.SECRET, namespace, slot.secret_name) for slot in spec.slots)


def read_set(subject: Subject) -> ClusterCertificateSetSpec | None:
    """Give the wish of a set; `None` when it cannot be read, or is that of another kind."""
    spec = read_wish(subject) if subject.key.kind is Kind.CLUSTER_CERTIFICATE_SET else None
    return spec if isinstance(spec, ClusterCertificateSetSpec) else None


def as_handed_over(observed: Observed, sets: frozenset[str]) -> Observed:
    """Give a Secret that a set wrote in a cluster as one that it may write: its journal is in no file.

    Args:
        observed: the Secret.
        sets: the owners among the files: `ClusterCertificateSet/gateway`.
    """
    owner = observed.annotations.get(OWNER_ANNOTATION)
    if owner not in sets or owner is None or KEPT_ANNOTATION in observed.annotations:
        return observed
    others = {name: text for name, text in observed.annotations.items() if name not in _MARKS}
    return replace(observed, annotations={**others, ALLOW_WRITE_ANNOTATION: owner})
