"""Judging everything that was read: certificates as such, Secrets and ConfigMaps, ImportedCertificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from certwright.api.kind import GROUP
from certwright.cli.offline.demands import FILE_LIMITS, Demands
from certwright.cli.offline.imports import find_lists, report_import
from certwright.cli.offline.manifests import Document, read_manifests
from certwright.cli.offline.material import Judged as JudgedMaterial
from certwright.cli.offline.material import judge_material
from certwright.cli.offline.objects import (
    Holder,
    identify,
    is_holder,
    is_namespace,
    key_of,
    read_holder,
    read_namespace,
)
from certwright.cli.offline.paths import Problem, Source
from certwright.cli.offline.report import FILE, Identity, Outcome, Report, Spot, locate_all
from certwright.cli.offline.set_reports import report_set
from certwright.cli.offline.spots import find_in_documents, find_in_file
from certwright.cli.offline.trust_reports import report_decision, report_key, report_source, report_store
from certwright.cli.offline.world import OURS, Done, World
from certwright.findings import Detail
from certwright.reconcile.importedcertificate.ownership import TLS_TYPE
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey

_CERTIFICATE, _KEY = "tls.crt", "tls.key"
_MARK = b"-----BEGIN CERTIFICATE-----"
_LOCKED = frozenset({Detail.PASSWORD_MISSING, Detail.WRONG_PASSWORD, Detail.ENCRYPTED})


_ORDER = (
    Kind.PRIVATE_KEY,
    Kind.REVOCATION_SOURCE,
    Kind.TRUST_DECISION,
    Kind.TRUST_STORE,
    Kind.CLUSTER_TRUST_STORE,
    Kind.CLUSTER_CERTIFICATE_SET,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What everything came to, and the world that it makes."""

    outcome: Outcome
    world: World


@dataclass
class Inventory:
    """What the paths hold, sorted by what is done with it."""

    files: list[Source] = field(default_factory=list)
    imports: list[Document] = field(default_factory=list)
    trust: dict[ObjectKey, Document] = field(default_factory=dict)
    holders: dict[ObjectKey, Holder] = field(default_factory=dict)
    namespaces: list[NamespaceFacts] = field(default_factory=list)
    unknown: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def documents(self) -> Mapping[ObjectKey, Document]:
        """The documents of Secrets and ConfigMaps."""
        return {key: holder.document for key, holder in self.holders.items()}

    @property
    def ours(self) -> tuple[Document, ...]:
        """Our own objects, as they are told: whom to trust first, then what rests on it."""
        others = sorted(self.trust.items(), key=lambda each: _ORDER.index(each[0].kind))
        return (*(document for _, document in others), *self.imports)


def take_inventory(sources: Iterable[Source | Problem], demands: Demands) -> Inventory:
    """Sort what was read; of an object that is there twice the last one counts, and it is remarked."""
    inventory = Inventory()
    for source in sources:
        if isinstance(source, Problem):
            inventory.problems.append(source)
        elif source.is_manifest:
            for document in read_manifests(source):
                _take_document(inventory, document, demands)
        else:
            inventory.files.append(source)
    return inventory


def _take_document(inventory: Inventory, document: Document | Problem, demands: Demands) -> None:
    if isinstance(document, Problem):
        inventory.problems.append(document)
    elif is_holder(document):
        holder = read_holder(document, demands.at)
        before = inventory.holders.get(holder.observed.key)
        inventory.holders[holder.observed.key] = holder
        _remark_double(inventory, before.document if before is not None else None, document)
    elif is_namespace(document):
        inventory.namespaces.append(read_namespace(document))
    elif document.api_version.partition("/")[0] == GROUP:
        _take_ours(inventory, document)


def _take_ours(inventory: Inventory, document: Document) -> None:
    if document.kind == Kind.IMPORTED_CERTIFICATE:
        inventory.imports.append(document)  # each is judged, also those of overlays that have the same name
    elif document.kind in OURS:
        key = key_of(document)
        _remark_double(inventory, inventory.trust.get(key), document)
        inventory.trust[key] = document
    else:
        inventory.unknown.append(document)


def _remark_double(inventory: Inventory, before: Document | None, now: Document) -> None:
    if before is not None:
        there, here = f"{before.file}:{before.line}", f"{now.file}:{now.line}"
        inventory.remarks.append(f"{key_of(now)} is there twice, at {there} and {here}; the last one counts.")


def judge_sources(sources: Iterable[Source | Problem], demands: Demands) -> Outcome:
    """Judge all that the sources hold: files in their order, then our objects, then what none of them speaks for."""
    return asyncio.run(_judge(take_inventory(sources, demands), demands)).outcome


def judge_world(sources: Iterable[Source | Problem], demands: Demands) -> Judged:
    """Judge all that the sources hold, and give the world that they make."""
    return asyncio.run(_judge(take_inventory(sources, demands), demands))


async def _judge(inventory: Inventory, demands: Demands) -> Judged:
    reports: list[Report] = []
    for source in inventory.files:
        for report in _judge_file(source, demands):
            problem = _find_lock(report)
            if problem is None:
                reports.append(report)
            else:
                inventory.problems.append(problem)
    objects = (holder.observed for holder in inventory.holders.values())
    world = World(inventory.ours, objects, inventory.namespaces, demands)
    await world.walk()
    reports += [await _report_ours(done, world, inventory) for done in world.done]
    referenced = world.references()
    for key, holder in inventory.holders.items():
        reports += _judge_holder(holder, demands, alone=key not in referenced)
    reports += [_pass_over(document) for document in inventory.unknown]
    outcome = Outcome(demands.at, tuple(reports), tuple(inventory.problems), tuple(inventory.remarks))
    return Judged(outcome, world)


async def _report_ours(done: Done, world: World, inventory: Inventory) -> Report:
    match done.subject.key.kind:
        case Kind.PRIVATE_KEY:
            return report_key(done)
        case Kind.REVOCATION_SOURCE:
            return report_source(done)
        case Kind.TRUST_DECISION:
            return report_decision(done, inventory.documents)
        case Kind.IMPORTED_CERTIFICATE:
            return report_import(done, find_lists(done, world), inventory.documents, world.demands)
        case Kind.CLUSTER_CERTIFICATE_SET:
            return report_set(done, inventory.documents)
        case _:
            return await report_store(done, world)


def _judge_file(source: Source, demands: Demands) -> Iterator[Report]:
    key = (demands.key, "`--key`") if demands.key is not None else None
    judged = judge_material(source.data, what=source.relative, demands=demands, key=key, limits=FILE_LIMITS)
    spots = find_in_file(source.name, source.data) if any(each.findings for each in judged) else {}
    for each in judged:
        yield _report(each, Identity(FILE, "", source.name), Spot(source.name), spots, relative=source.relative)


def _find_lock(report: Report) -> Problem | None:
    for each in report.errors:
        if each.finding.detail in _LOCKED:
            return Problem(report.spot.file, f"{each.finding.message} Here it is given with `--password-file`.")
    return None


def _judge_holder(holder: Holder, demands: Demands, *, alone: bool) -> Iterator[Report]:
    """Judge a Secret or ConfigMap: that it can be read, and, if nobody else does, the certificates in it."""
    document, observed = holder.document, holder.observed
    identity, spot = Identity(document.kind, document.namespace, document.name), Spot(document.file, document.line)
    if holder.defects:
        yield Report(identity, spot, locate_all(holder.defects, {}, spot))
        return
    if not alone:
        return
    data = observed.data
    if observed.type == TLS_TYPE or (observed.key.kind is Kind.SECRET and {_CERTIFICATE, _KEY} <= data.keys()):
        yield from _judge_pair(holder, identity, spot, demands)
        return
    for name in sorted(each for each in data if _MARK in data[each]):
        spots = find_in_documents((document,))
        for judged in judge_material(data[name], what=f"`{name}`", demands=demands):
            part = f"{name}, {judged.part}" if judged.part else name
            yield _report(judged, identity, spot, spots, part=part)


def _judge_pair(holder: Holder, identity: Identity, spot: Spot, demands: Demands) -> Iterator[Report]:
    data, spots = holder.observed.data, find_in_documents((holder.document,))
    key = (data[_KEY], f"`{_KEY}`") if data.get(_KEY) else None
    notes = () if key else (f"the Secret holds no `{_KEY}`, so the key was not checked.",)
    for judged in judge_material(data.get(_CERTIFICATE, b""), what=f"`{_CERTIFICATE}`", demands=demands, key=key):
        yield _report(judged, identity, spot, spots, notes=notes)


def _report(  # noqa: PLR0913 - a report has many sides
    judged: JudgedMaterial,
    identity: Identity,
    spot: Spot,
    spots: dict[str, Spot],
    *,
    part: str = "",
    notes: tuple[str, ...] = (),
    relative: str = "",
) -> Report:
    part = part or judged.part
    name = f"{identity.name}: {part}" if part else identity.name
    leaf = judged.path[0] if judged.path else None
    place = spots.get(leaf.fingerprint, spot) if leaf is not None and part else spot
    return Report(
        identity=Identity(identity.kind, identity.namespace, name),
        spot=place,
        findings=locate_all(judged.findings, spots, place),
        notes=notes,
        lacks_key=bool(notes),
        path=judged.path,
        anchor=judged.anchor,
        next_change=judged.next_change,
        relative=relative,
        part=part,
    )


def _pass_over(document: Document) -> Report:
    note = f"objects of kind {document.kind} are not checked by this version."
    return Report(identify(document), Spot(document.file, document.line), notes=(note,))
