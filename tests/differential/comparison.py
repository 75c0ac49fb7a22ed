"""One world, three verdicts a target: what agrees, what is a known disagreement, what is neither."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from certwright.pki.crl import RevocationList
from certwright.validation import Options, Revocation, Role, Verdict, validate
from tests.differential.kinds import is_same_kind
from tests.support.oracles import Answer, Question, ask_openssl, ask_pyhanko

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.differential.worlds import World
    from tests.support.pki import Entity

TABLE = Path(__file__).with_name("disagreements.csv")
VALID = "Valid"


@dataclass(frozen=True)
class Disagreement:
    """A line of the table: a difference that is known, and why it is right.

    Attributes:
        name: of the line.
        oracle: `openssl` or `pyhanko`.
        ours: pattern of our verdict, `Valid` or `Reason/Detail …`.
        theirs: pattern of theirs, `Valid` or kinds and text.
        facts: what must be true of the world and the target.
        seed: a world in which it is met.
        why: which of the two is right, by which rule.
    """

    name: str
    oracle: str
    ours: re.Pattern[str]
    theirs: re.Pattern[str]
    facts: frozenset[str]
    seed: int
    why: str

    def explains(self, comparison: Comparison) -> bool:
        return (
            self.oracle == comparison.oracle
            and self.facts <= comparison.facts
            and self.ours.fullmatch(comparison.ours) is not None
            and self.theirs.fullmatch(comparison.theirs) is not None
        )


@cache
def disagreements() -> tuple[Disagreement, ...]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return tuple(
        Disagreement(
            row["name"],
            row["oracle"],
            re.compile(row["ours"], re.DOTALL),
            re.compile(row["theirs"], re.DOTALL),
            frozenset(row["facts"].split()),
            int(row["seed"]),
            row["why"],
        )
        for row in csv.DictReader(lines)
    )


@dataclass(frozen=True)
class Comparison:
    """What we and one oracle said about one target."""

    seed: int
    number: int
    oracle: str
    verdict: Verdict
    answer: Answer
    facts: frozenset[str]

    @property
    def ours(self) -> str:
        return " ".join(sorted(errors_of(self.verdict))) or VALID

    @property
    def theirs(self) -> str:
        return VALID if self.answer.accepted else f"{' '.join(self.answer.kinds)} {self.answer.text}"

    @property
    def agrees(self) -> bool:
        return self.verdict.is_valid is self.answer.accepted

    @property
    def agrees_in_kind(self) -> bool | None:
        """Tell whether both refuse for one reason; None where each may name another path or list."""
        if self.verdict.is_valid or self.answer.accepted or self.facts & {"several-paths", "several-lists"}:
            return None
        return is_same_kind(self.answer.kinds, errors_of(self.verdict))

    def __str__(self) -> str:
        return (
            f"world {self.seed} target {self.number}: we say {self.ours}; {self.oracle} says {self.theirs[:300]} "
            f"({' '.join(sorted(self.facts))})"
        )


def errors_of(verdict: Verdict) -> set[str]:
    return {f"{item.reason}/{item.detail}" if item.detail else str(item.reason) for item in verdict.errors}


@dataclass
class Tally:
    """The count of a run."""

    compared: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)
    filtered: Counter[str] = field(default_factory=Counter)
    kinds_compared: Counter[str] = field(default_factory=Counter)
    kinds_agreed: Counter[str] = field(default_factory=Counter)
    valid: int = 0
    unexplained: list[Comparison] = field(default_factory=list)

    def add(self, comparison: Comparison) -> None:
        oracle = comparison.oracle
        self.compared[oracle] += 1
        self.valid += comparison.verdict.is_valid
        same_kind = comparison.agrees_in_kind
        self.agreed[oracle] += comparison.agrees
        if same_kind is not None:
            self.kinds_compared[oracle] += 1
            self.kinds_agreed[oracle] += same_kind
        if comparison.agrees and same_kind is not False:
            return
        known = next((line for line in disagreements() if line.explains(comparison)), None)
        if known is None:
            self.unexplained.append(comparison)
        else:
            self.filtered[known.name] += 1

    def describe(self) -> Iterator[str]:
        for oracle in sorted(self.compared):
            filtered = sum(self.filtered[line.name] for line in disagreements() if line.oracle == oracle)
            yield (
                f"{oracle}: {self.compared[oracle]} compared, {self.agreed[oracle]} agreed on good or bad; why it is "
                f"bad was comparable in {self.kinds_compared[oracle]} and agreed in {self.kinds_agreed[oracle]}; "
                f"{filtered} filtered"
            )
        for line in disagreements():
            yield f"  filter {line.name}: {self.filtered[line.name]}"
        share = 100 * self.valid / max(1, sum(self.compared.values()))
        yield f"{len(self.unexplained)} unexplained; {share:.0f} % of the targets were valid"


def compare(world: World, folder: Path) -> Iterator[Comparison]:
    """Ask all three about every target of `world`."""
    crls = None if world.revocation is Revocation.OFF else [crl.der for crl in world.crls]
    question = Question(
        [entity.der for entity in world.targets],
        [entity.der for entity in world.given],
        [entity.der for entity in world.anchors],
        crls,
        world.at,
        world.role,
    )
    lists = [RevocationList.from_der(crl) for crl in crls or ()]
    answers = zip(world.targets, ask_openssl(question, folder), ask_pyhanko(question), strict=True)
    for number, (target, openssl, pyhanko) in enumerate(answers):
        ours = _judge(world, target, lists, role=world.role)
        yield Comparison(world.seed, number, "openssl", ours, openssl, _facts(world, ours, lists, openssl))
        majority = {"openssl-accepts" if openssl.accepted else "openssl-refuses"}
        # it neither judges anchors nor compares roles in our way
        ours = _judge(world, target, lists, role=Role.ANY, anchor_constraints=False)
        yield Comparison(world.seed, number, "pyhanko", ours, pyhanko, _facts(world, ours, lists, pyhanko) | majority)


def _judge(
    world: World, target: Entity, lists: list[RevocationList], *, role: Role, anchor_constraints: bool = True
) -> Verdict:
    return validate(
        target.certificate,
        intermediates=[entity.certificate for entity in world.given],
        anchors=[entity.certificate for entity in world.anchors],
        crls=lists,
        at=world.at,
        role=role,
        options=Options(revocation=world.revocation, anchor_constraints=anchor_constraints),
    )


def _facts(world: World, verdict: Verdict, lists: list[RevocationList], answer: Answer) -> frozenset[str]:
    """Return the traits of the world and what else a disagreement may hang on."""
    facts = set(world.traits)
    pool = {entity.certificate for entity in (*world.given, *world.anchors)}
    subjects = Counter(certificate.subject for certificate in pool)
    if any(subjects[certificate.issuer] > 1 for certificate in verdict.path):
        facts.add("several-paths")
    issuers = Counter(crl.issuer for crl in lists)
    if any(issuers[certificate.issuer] > 1 for certificate in verdict.path):
        facts.add("several-lists")
    depths = {int(kind.partition("@")[2]) for kind in answer.kinds if "@" in kind}
    if depths and verdict.anchor and depths == {len(verdict.path) - 1}:
        facts.add("about-anchor")
    return frozenset(facts)
