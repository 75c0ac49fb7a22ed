"""Judging everything that was read: certificates as such, Secrets and ConfigMaps, ImportedCertificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from certwright.api.kind import GROUP
from certwright.cli.offline.demands import FILE_LIMITS, Demands
from certwright.cli.offline.imports import Neighbours, find_referenced, judge_imports
from certwright.cli.offline.lists import SOURCE, find_list_inputs, judge_list_source
from certwright.cli.offline.manifests import Document, read_manifests
from certwright.cli.offline.material import Judged, judge_material
from certwright.cli.offline.objects import Holder, is_holder, read_holder
from certwright.cli.offline.paths import Problem, Source
from certwright.cli.offline.report import FILE, Identity, Outcome, Report, Spot, locate_all
from certwright.cli.offline.spots import find_in_documents, find_in_file
from certwright.cluster.files import FileCluster
from certwright.findings import Detail
from certwright.pki.crl import RevocationList
from certwright.reconcile.importedcertificate.ownership import TLS_TYPE
from certwright.reconcile.objects import Kind, ObjectKey

_CERTIFICATE, _KEY = "tls.crt", "tls.key"
_MARK = b"-----BEGIN CERTIFICATE-----"
_LOCKED = frozenset({Detail.PASSWORD_MISSING, Detail.WRONG_PASSWORD, Detail.ENCRYPTED})


@dataclass
class Inventory:
    """What the paths hold, sorted by what is done with it."""

    files: list[Source] = field(default_factory=list)
    imports: list[Document] = field(default_factory=list)
    holders: dict[ObjectKey, Holder] = field(default_factory=dict)
    lists: list[Document] = field(default_factory=list)
    unknown: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def documents(self) -> Mapping[ObjectKey, Document]:
        """The documents of Secrets and ConfigMaps."""
        return {key: holder.document for key, holder in self.holders.items()}


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
        if before is not None:
            there = f"{before.document.file}:{before.document.line}"
            here = f"{document.file}:{document.line}"
            inventory.remarks.append(
                f"{holder.observed.key} is there twice, at {there} and {here}; the last one counts."
            )
        inventory.holders[holder.observed.key] = holder
    elif document.api_version.partition("/")[0] == GROUP:
        known = {Kind.IMPORTED_CERTIFICATE.value: inventory.imports, SOURCE: inventory.lists}
        known.get(document.kind, inventory.unknown).append(document)


def judge_sources(sources: Iterable[Source | Problem], demands: Demands) -> Outcome:
    """Judge all that the sources hold: files in their order, then ImportedCertificates, then what none speaks for."""
    inventory = take_inventory(sources, demands)
    referenced = find_referenced(inventory.imports, demands) | find_list_inputs(inventory.lists)
    objects = {key: holder.observed for key, holder in inventory.holders.items()}
    reports: list[Report] = []
    for source in inventory.files:
        for report in _judge_file(source, demands):
            problem = _find_lock(report)
            if problem is None:
                reports.append(report)
            else:
                inventory.problems.append(problem)
    lists: dict[str, list[RevocationList]] = {}
    for document in inventory.lists:
        report, crl = judge_list_source(document, objects, demands)
        reports.append(report)
        if crl is not None:
            lists.setdefault(document.namespace, []).append(crl)
    if inventory.imports:
        surroundings = Neighbours(inventory.documents, FileCluster(objects.values()), lists)
        reports += asyncio.run(judge_imports(inventory.imports, surroundings, demands))
    for key, holder in inventory.holders.items():
        reports += _judge_holder(holder, demands, alone=key not in referenced)
    reports += [_pass_over(document) for document in inventory.unknown]
    return Outcome(demands.at, tuple(reports), tuple(inventory.problems), tuple(inventory.remarks))


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
    judged: Judged,
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
    return Report(
        Identity(document.kind, document.namespace, document.name), Spot(document.file, document.line), notes=(note,)
    )
