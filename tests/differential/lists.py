"""Random revocation lists: complete, by scope, by place, by reason, delta, indirect, delegated; and faulty ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from certwright.pki.distribution_points import REVOCATION_REASONS
from tests.differential.authorities import list_issuer_name
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.pki import NOW, Entity, RevokedEntry, SignedList, ec_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.differential.authorities import Authority
    from tests.differential.dice import Dice

DAY = timedelta(days=1)
OLD = {"this_update": NOW - 20 * DAY, "number": 1}
NEW = {"this_update": NOW - 5 * DAY, "number": 5}
CODES = (None, 0, 1, 3, 4, 9)
HOLD, REMOVE = 6, 8


class Publisher:
    """Writes the lists of one authority in its style; separate signers are collected in `signers`."""

    def __init__(self, dice: Dice, authority: Authority) -> None:
        self.dice = dice
        self.authority = authority
        self.signers: list[Entity] = []
        self._revoked = [
            self._entry(entity) for entity in authority.issued if dice.likely(0.05 + 0.15 * dice.mischief, "revoked")
        ]
        self._others = [RevokedEntry(7_000 + number) for number in range(dice.one_of((0, 0, 3)))]

    def publish(self) -> list[SignedList]:
        if self.dice.fault(0.06):
            return []
        styles: dict[str, Callable[[], list[SignedList]]] = {
            "plain": lambda: [self._list(self._revoked, **NEW)],
            "renewed": self._renewed,
            "split": self._split,
            "located": self._located,
            "reasons": self._reasons,
            "delta": self._delta,
            "indirect": self._indirect,
            "delegated": self._delegated,
        }
        self.dice.traits.add(f"lists-{self.authority.style}")
        made = styles[self.authority.style]()
        if len(made) > 1 and self.dice.fault(0.08):
            made.pop()
        return made

    def _entry(self, entity: Entity) -> RevokedEntry:
        reason = HOLD if self.dice.likely(0.1, "hold") else self.dice.one_of(CODES)
        return RevokedEntry(entity.serial, date=NOW - 30 * DAY, reason=reason)

    def _list(self, revoked: list[RevokedEntry], signer: Entity | None = None, **wishes: Any) -> SignedList:
        dice = self.dice
        extensions, without = list(wishes.pop("extensions", ())), []
        if dice.fault(0.06, "list-expired"):
            wishes["next_update"] = NOW - dice.one_of((1, 3)) * DAY
        if dice.fault(0.03, "last-instant"):
            wishes["next_update"] = NOW
        if dice.fault(0.04, "list-future"):
            wishes["this_update"] = NOW + DAY
        if dice.fault(0.05, "list-forged"):
            wishes["sign_with"] = ec_key("stranger")
            without.append("authorityKeyIdentifier")
        if dice.fault(0.04, "list-unknown-critical"):
            extensions.append(ext.unknown())
        if dice.likely(0.08):
            without.append("authorityKeyIdentifier")
        if dice.fault(0.03, "list-endless"):
            wishes["next_update"] = None
        if dice.fault(0.03, "list-unnumbered") and "delta_base" not in wishes:
            without.append("crlNumber")
        entries = [*revoked, *self._others]
        if entries and dice.fault(0.05, "entry-unknown-critical"):
            entries[0] = replace(entries[0], extensions=[*entries[0].extensions, ext.unknown()])
        wishes = {**wishes, "extensions": extensions, "without": without}
        made = (signer or self.authority.entity).crl(entries, **wishes)
        return _flip(made) if dice.fault(0.04, "list-forged") else made

    def _renewed(self) -> list[SignedList]:
        before = self._revoked if self.dice.likely(0.5) else []
        now = [] if self.dice.fault(0.3, "forgotten") else self._revoked
        return [self._list(before, **OLD), self._list(now, **NEW)]

    def _split(self) -> list[SignedList]:
        return [
            self._list(self._revoked, **NEW, extensions=[ext.issuing_distribution_point(only=only)])
            for only in ("users", "cas")
        ]

    def _located(self) -> list[SignedList]:
        names = [der.uri(self.authority.location)]
        return [self._list(self._revoked, **NEW, extensions=[ext.issuing_distribution_point(names=names)])]

    def _reasons(self) -> list[SignedList]:
        halves = (REVOCATION_REASONS[1:4], REVOCATION_REASONS[4:])
        return [
            self._list(self._revoked, **NEW, extensions=[ext.issuing_distribution_point(reasons=half)])
            for half in halves
        ]

    def _delta(self) -> list[SignedList]:
        announced = [ext.freshest_crl()] if self.dice.likely(0.6) else []
        in_base = [entry for entry in self._revoked if entry.reason == HOLD or self.dice.likely(0.5)]
        changes = [
            replace(entry, reason=REMOVE) if entry in in_base and entry.reason == HOLD else entry
            for entry in self._revoked
            if self.dice.likely(0.8)
        ]
        base_number = 3 if self.dice.fault(0.15, "delta-unfit") else 1
        return [
            self._list(in_base, **OLD, extensions=announced),
            self._list(changes, **{**NEW, "delta_base": base_number}),
        ]

    def _indirect(self) -> list[SignedList]:
        """Have a certificate of its own, made by the authority, publish for it."""
        kind: dict[str, Any] = {"key_usage": ("cRLSign",), "usages": None}
        if self.dice.fault(0.15, "signer-unfit"):
            kind["key_usage"] = self.dice.one_of((("digitalSignature",), None))
        signer = self.authority.entity.issue_leaf("", subject=list_issuer_name(self.authority), **kind)
        self.signers.append(signer)
        scope = ext.issuing_distribution_point(names=[der.uri("http://crl.test/all")], indirect=True)
        named = [
            replace(entry, extensions=[ext.certificate_issuer(self.authority.entity.subject)])
            for entry in self._revoked
        ]
        return [
            self._list(named, signer, **NEW, extensions=[scope]),
            self._list([], **NEW),  # about the signer
        ]

    def _delegated(self) -> list[SignedList]:
        """Have a second key of the authority's name sign lists and nothing else."""
        name, parent = self.authority.entity.subject, self.authority.entity.issuer or self.authority.entity
        kind: dict[str, Any] = {"key_usage": ("cRLSign",), "usages": None, "subject": name}
        signer = parent.issue_leaf("", key=ec_key(f"lists {self.authority.entity.serial}"), **kind)
        self.signers.append(signer)
        return [self._list(self._revoked, signer, **NEW)]


def _flip(crl: SignedList) -> SignedList:
    changed = bytearray(crl.der)
    changed[-3] ^= 1
    return SignedList(bytes(changed))
