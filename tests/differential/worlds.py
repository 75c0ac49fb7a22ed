"""Random PKIs: one seed, one world of roots, CAs, leaves and lists, always the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certwright.validation import Revocation, Role
from tests.differential.authorities import Authority, cross_sign, make_ca, make_leaf, make_root
from tests.differential.dice import Dice
from tests.differential.lists import Publisher
from tests.support.pki import NOW

if TYPE_CHECKING:
    from datetime import datetime

    from tests.support.pki import Entity, SignedList

DEEPEST = 4


@dataclass(frozen=True)
class World:
    """What is asked of everybody.

    Attributes:
        seed: what it grew from.
        targets: the certificates to be judged, one question each.
        given: intermediates, in any order, some twice.
        anchors: what is trusted.
        crls: the lists; empty where revocation is off.
        traits: what is out of the ordinary in it.
    """

    seed: int
    targets: tuple[Entity, ...]
    given: tuple[Entity, ...]
    anchors: tuple[Entity, ...]
    crls: tuple[SignedList, ...]
    revocation: Revocation
    role: Role
    traits: frozenset[str]
    at: datetime = NOW


def make_world(seed: int) -> World:
    dice = Dice(seed)
    roots = [make_root(dice, number) for number in range(dice.one_of((1, 1, 2, 3)))]
    authorities = _grow(dice, roots)
    leaves = [make_leaf(dice, dice.one_of(authorities[-3:]), number) for number in range(dice.one_of((1, 2, 3)))]
    if dice.likely(0.05, "ca-target"):
        leaves.append(authorities[-1].entity)
    revocation = dice.one_of((Revocation.OFF, Revocation.REQUIRE))
    crls: list[SignedList] = []
    signers: list[Entity] = []
    if revocation is Revocation.REQUIRE:
        for authority in authorities:
            publisher = Publisher(dice, authority)
            crls += publisher.publish()
            signers += publisher.signers
    anchors = _trust(dice, roots, authorities)
    given = _give(dice, authorities, signers)
    return World(
        seed,
        tuple(leaves),
        tuple(given),
        tuple(anchors),
        tuple(dice.shuffled(crls)),
        revocation,
        dice.one_of((Role.ANY, Role.SERVER, Role.CLIENT)),
        frozenset(dice.traits),
    )


def _grow(dice: Dice, roots: list[Authority]) -> list[Authority]:
    authorities = list(roots)
    for number in range(dice.one_of((0, 1, 1, 2, 3, 5))):
        parents = [each for each in authorities if each.depth < DEEPEST]
        parent = parents[-1] if dice.likely(0.6) else dice.one_of(parents)
        authorities.append(make_ca(dice, parent, number))
        if dice.likely(0.15):
            others = [each for each in authorities if each.depth <= parent.depth and each is not authorities[-1]]
            cross_sign(dice, authorities[-1], dice.one_of(others))
    return authorities


def _trust(dice: Dice, roots: list[Authority], authorities: list[Authority]) -> list[Entity]:
    anchors = [root.entity for root in roots]
    if len(anchors) > 1 and dice.likely(0.4):
        anchors.remove(dice.one_of(anchors))
    if len(authorities) > len(roots) and dice.likely(0.08, "anchor-below-root"):
        anchors = [dice.one_of(authorities[len(roots) :]).entity, *([] if dice.likely(0.6) else anchors)]
    return anchors


def _give(dice: Dice, authorities: list[Authority], signers: list[Entity]) -> list[Entity]:
    given = [entity for each in authorities for entity in (each.entity, *each.twins)]
    given = [entity for entity in given if not dice.fault(0.06) and (entity.issuer or dice.likely(0.3))] + signers
    return dice.shuffled([*given, *given[: dice.one_of((0, 0, 1))]])
