"""The journal of a set: what is deployed, and how far a replacement, or its undoing, has got.

It is a ConfigMap in the operator's namespace, changed only together with its resourceVersion. Namespaces, Secrets and
slots stand in tables and the entries name them by number, so that 2,000 entries stay far below the limit of 1 MiB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from certwright.api.model import timestamp

FORMAT = 1


class Phase(StrEnum):
    """How far a set is."""

    IDLE = "Idle"
    COMMITTING = "Committing"
    DELETING = "Deleting"
    ROLLING_BACK = "RollingBack"


@dataclass(frozen=True, slots=True)
class Pre:
    """What stood at a place before the commit.

    Attributes:
        revision: it held this revision, whose payload is kept.
        backup: the name of the Secret that it is kept in, when it held anything else.
        adopted: it was somebody else's, who allows us to write it.
    """

    uid: str
    resource_version: str
    revision: str | None = None
    backup: str | None = None
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One place that a commit touches.

    Attributes:
        namespace_uid: a namespace that is created anew under its name is another one.
        slot: what the place is to hold; `None`: what it holds is to be deleted.
        pre: what it held; `None`: there was nothing.
    """

    namespace: str
    namespace_uid: str
    secret: str
    slot: str | None
    pre: Pre | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The last revision that was rolled back, and why.

    Attributes:
        circumstances: digests the wish and the namespaces it failed with.
        count: how often it failed.
        at: when it failed last.
        reason: a word of `certwright.findings.Reason`.
    """

    revision: str
    circumstances: str
    count: int
    at: datetime
    namespace: str
    reason: str
    message: str


Contents = Mapping[str, str]
"""Which slot of a revision goes to which Secret."""


@dataclass(frozen=True, slots=True)
class Journal:
    """How a set stands.

    Attributes:
        epoch: grows with every take-over and every beginning of a commit or a roll-back.
        holder: the process that works on it.
        origin: the revision that the open commit replaces; `None`: there was none.
        target: the revision that it brings.
        deployed: what all namespaces hold when nothing is open.
        started: when the open commit began, or was taken over: for so long what may pass has been waited for.
        circumstances: digests the wish and the namespaces that it began with.
        contents: of every revision that is named here.
    """

    set_uid: str
    epoch: int = 0
    holder: str = ""
    phase: Phase = Phase.IDLE
    origin: str | None = None
    target: str | None = None
    deployed: str | None = None
    started: datetime | None = None
    circumstances: str = ""
    failed: Failed | None = None
    contents: Mapping[str, Contents] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    def contents_of(self, revision: str | None) -> Contents:
        """Give which slot of a revision goes to which Secret; nothing for no revision."""
        return self.contents.get(revision, {}) if revision is not None else {}


def encode_journal(journal: Journal) -> bytes:
    """Write a journal as JSON; equal journals are equal bytes."""
    namespaces = sorted({(each.namespace, each.namespace_uid) for each in journal.entries})
    secrets = sorted({each.secret for each in journal.entries})
    slots = sorted({each.slot for each in journal.entries if each.slot is not None})
    numbers = {place: number for number, place in enumerate(namespaces)}
    failed = journal.failed
    document = {
        "format": FORMAT,
        "setUID": journal.set_uid,
        "epoch": journal.epoch,
        "holder": journal.holder,
        "phase": journal.phase.value,
        "from": journal.origin,
        "to": journal.target,
        "deployed": journal.deployed,
        "started": timestamp(journal.started) if journal.started is not None else None,
        "circumstances": journal.circumstances,
        "failedRevision": failed.revision if failed is not None else None,
        "failed": _failed(failed) if failed is not None else None,
        "contents": {revision: dict(contents) for revision, contents in journal.contents.items()},
        "namespaces": [list(place) for place in namespaces],
        "secrets": secrets,
        "slots": slots,
        "entries": [
            [
                numbers[each.namespace, each.namespace_uid],
                secrets.index(each.secret),
                slots.index(each.slot) if each.slot is not None else None,
                _pre(each.pre) if each.pre is not None else None,
            ]
            for each in journal.entries
        ],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode_journal(data: bytes) -> Journal | None:
    """Read a journal; `None` when it is none that this version wrote."""
    try:
        document = json.loads(data)
        return _decode(document) if document["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def _decode(document: Mapping[str, Any]) -> Journal:
    namespaces, secrets, slots = document["namespaces"], document["secrets"], document["slots"]
    failed = document["failed"]
    return Journal(
        set_uid=document["setUID"],
        epoch=int(document["epoch"]),
        holder=document["holder"],
        phase=Phase(document["phase"]),
        origin=document["from"],
        target=document["to"],
        deployed=document["deployed"],
        started=_instant(document["started"]) if document["started"] is not None else None,
        circumstances=document["circumstances"],
        failed=Failed(**{**failed, "at": _instant(failed["at"])}) if failed is not None else None,
        contents=document["contents"],
        entries=tuple(
            Entry(
                namespace=namespaces[place][0],
                namespace_uid=namespaces[place][1],
                secret=secrets[secret],
                slot=slots[slot] if slot is not None else None,
                pre=Pre(*pre) if pre is not None else None,
            )
            for place, secret, slot, pre in document["entries"]
        ),
    )


def _pre(pre: Pre) -> list[Any]:
    return [pre.uid, pre.resource_version, pre.revision, pre.backup, pre.adopted]


def _failed(failed: Failed) -> dict[str, Any]:
    return {
        "revision": failed.revision,
        "circumstances": failed.circumstances,
        "count": failed.count,
        "at": timestamp(failed.at),
        "namespace": failed.namespace,
        "reason": failed.reason,
        "message": failed.message,
    }


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant must have a time zone")
    return instant
