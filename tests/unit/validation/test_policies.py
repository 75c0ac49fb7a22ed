"""Certificate policies with inputs that PKITS does not vary, mappings, and graphs that would explode as trees."""

import time

import pytest

from certwright.findings import Detail, Reason
from certwright.pki.extensions import ANY_POLICY
from certwright.validation import Options, Role, Verdict
from tests.support import extension_writer as ext
from tests.support.judging import judge, worst
from tests.support.pki import PKI, Entity

P1, P2, P3 = "1.2.3.1", "1.2.3.2", "1.2.3.3"
EXPLICIT = Options(require_explicit_policy=True)
VALID = (Reason.VALID, None)
INVALID = (Reason.CHAIN_INVALID, Detail.POLICY)


def verdict_of(*levels: list[ext.Ext], options: Options = EXPLICIT, root: list[ext.Ext] | None = None) -> Verdict:
    """Judge a path whose certificates below the root carry `levels`, the last of them the leaf's."""
    anchor = PKI().root("Root", extensions=root or [])
    chain: list[Entity] = [anchor]
    for place, extensions in enumerate(levels[:-1]):
        chain.append(chain[-1].issue_ca(f"CA {place}", extensions=extensions))
    leaf = chain[-1].issue_leaf("a.example.com", extensions=levels[-1])
    return judge(leaf, chain[1:], anchors=[anchor], role=Role.ANY, options=options)


def holding(*policies: str) -> ext.Ext:
    return ext.certificate_policies(*policies)


def acceptable(*policies: str) -> Options:
    return Options(require_explicit_policy=True, initial_policies=frozenset(policies))


def test_a_policy_must_hold_for_the_whole_path_when_one_is_demanded() -> None:
    assert worst(verdict_of([holding(P1)], [holding(P1)])) == VALID
    assert worst(verdict_of([holding(P1)], [holding(P2)])) == INVALID
    assert worst(verdict_of([holding(P1)], [])) == INVALID
    assert worst(verdict_of([holding(P1)], [], options=Options())) == VALID


def test_the_policy_must_be_acceptable_to_the_user() -> None:
    assert worst(verdict_of([holding(P1)], [holding(P1)], options=acceptable(P1))) == VALID
    assert worst(verdict_of([holding(P1)], [holding(P1)], options=acceptable(P2))) == INVALID
    assert worst(verdict_of([holding(ANY_POLICY)], [holding(P2)], options=acceptable(P2))) == VALID
    assert worst(verdict_of([holding(ANY_POLICY)], [holding(ANY_POLICY)], options=acceptable(P3))) == VALID


def test_any_policy_may_be_inhibited() -> None:
    inhibited = Options(require_explicit_policy=True, inhibit_any_policy=True)
    assert worst(verdict_of([holding(ANY_POLICY)], [holding(P1)], options=inhibited)) == INVALID
    assert worst(verdict_of([holding(ANY_POLICY), ext.inhibit_any_policy(0)], [holding(ANY_POLICY)])) == INVALID


def test_mapped_policies_hold_unless_mapping_is_inhibited() -> None:
    mapping = [holding(P1), ext.policy_mappings((P1, P2))]
    assert worst(verdict_of(mapping, [holding(P2)], options=acceptable(P1))) == VALID
    assert worst(verdict_of(mapping, [holding(P1)])) == INVALID
    inhibited = Options(require_explicit_policy=True, inhibit_policy_mapping=True)
    assert worst(verdict_of(mapping, [holding(P2)], options=inhibited)) == INVALID
    from_any = [holding(ANY_POLICY), ext.policy_mappings((P1, P2))]
    assert worst(verdict_of(from_any, [holding(P2)], options=acceptable(P1))) == VALID
    assert worst(verdict_of([*mapping, ext.policy_constraints(mapping=0)], mapping, [holding(P2)])) == INVALID


@pytest.mark.parametrize("pair", [(ANY_POLICY, P1), (P1, ANY_POLICY)])
def test_any_policy_is_never_mapped(pair: tuple[str, str]) -> None:
    verdict = verdict_of([holding(P1), ext.policy_mappings(pair)], [holding(P1)], options=Options())
    assert worst(verdict) == INVALID


def test_the_policies_of_the_anchor_restrict_what_is_acceptable() -> None:
    assert worst(verdict_of([holding(P1)], [holding(P1)], root=[holding(P2)])) == INVALID
    assert worst(verdict_of([holding(P1)], [holding(P1)], root=[holding(P1, P2)])) == VALID
    assert worst(verdict_of([holding(P1)], [holding(P1)], root=[holding(ANY_POLICY)])) == VALID
    assert worst(verdict_of([holding(P1)], [holding(P1)], options=acceptable(P1), root=[holding(P2)])) == INVALID
    demanding = [ext.policy_constraints(explicit=0)]
    assert worst(verdict_of([], [], options=Options(), root=demanding)) == INVALID


def test_the_leaf_itself_may_demand_a_policy() -> None:
    assert worst(verdict_of([], [ext.policy_constraints(explicit=0)], options=Options())) == INVALID


def test_mappings_that_explode_as_a_tree_are_judged_at_once() -> None:
    policies = [f"1.2.3.{number}" for number in range(10, 22)]
    every = [(one, other) for one in policies for other in policies]
    level = [holding(*policies), ext.policy_mappings(*every)]
    started = time.process_time()
    assert worst(verdict_of(*[level] * 9, [holding(*policies)])) == VALID
    assert time.process_time() - started < 1
