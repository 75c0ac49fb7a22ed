"""Certificate policies (RFC 5280 §6.1.2 to §6.1.5), kept as a graph instead of a tree (RFC 9618).

In the tree each policy may have many parents' worth of copies, and a few certificates with mappings make it grow
without bound. In the graph a policy stands once a level and knows its parents; the outcome is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.extensions import ANY_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certwright.pki.certificate import Certificate
    from certwright.validation.options import Options


@dataclass(slots=True)
class _Node:
    """One valid policy of one level: which policies satisfy it below, and which nodes above it satisfies."""

    expected: set[str]
    parents: set[str] = field(default_factory=set)


_Level = dict[str, _Node]


class PolicyState:
    """valid_policy_graph, explicit_policy, inhibit_anyPolicy and policy_mapping of RFC 5280 §6.1.2."""

    def __init__(self, length: int, options: Options) -> None:
        self._acceptable = options.initial_policies
        self._said = False  # one finding tells it all
        self._levels: list[_Level] | None = [{ANY_POLICY: _Node({ANY_POLICY})}]
        self._explicit = 0 if options.require_explicit_policy else length + 1
        self._inhibit_any = 0 if options.inhibit_any_policy else length + 1
        self._mapping = 0 if options.inhibit_policy_mapping else length + 1

    def start_from(self, top: Certificate) -> None:
        """Let the top of the path restrict what is acceptable below it (RFC 5937 §3)."""
        policies = frozenset(top.certificate_policies or ())
        if policies and ANY_POLICY not in policies:
            self._acceptable = policies if ANY_POLICY in self._acceptable else self._acceptable & policies
        self._constrain(top)

    def enter(self, certificate: Certificate, *, is_target: bool) -> Iterator[Finding]:
        """Take the policies of the next certificate into the graph (§6.1.3 (d), (e), (f))."""
        if certificate.certificate_policies is None:
            self._levels = None  # (e)
        elif self._levels is not None:
            any_allowed = self._inhibit_any > 0 or (not is_target and certificate.is_self_issued)
            self._grow(frozenset(certificate.certificate_policies), any_allowed=any_allowed)
        if self._explicit <= 0 and self._levels is None and not self._said:  # (f)
            self._said = True
            yield _wrong(certificate, "a CA above it demands a policy, and none holds for the whole path")

    def leave(self, certificate: Certificate) -> Iterator[Finding]:
        """Apply mappings and constraints to what follows (§6.1.4 (a), (b), (h), (i), (j))."""
        mappings = certificate.policy_mappings or ()
        if any(ANY_POLICY in pair for pair in mappings):  # (a)
            yield _wrong(certificate, "it maps anyPolicy, which is not allowed")
        if self._levels is not None:
            self._map(mappings)  # (b)
        if not certificate.is_self_issued:  # (h)
            self._explicit = max(self._explicit - 1, 0)
            self._mapping = max(self._mapping - 1, 0)
            self._inhibit_any = max(self._inhibit_any - 1, 0)
        self._constrain(certificate)

    def wrap_up(self, target: Certificate) -> Iterator[Finding]:
        """Judge the policies at the end of the path (§6.1.5 (a), (b), (g))."""
        explicit = max(self._explicit - 1, 0)  # (a)
        constraints = target.policy_constraints
        if constraints is not None and constraints.require_explicit_policy == 0:  # (b)
            explicit = 0
        if explicit == 0 and not self._said and not self._is_acceptable():
            yield _wrong(target, "a policy is demanded, and no acceptable one holds for the whole path")

    def _constrain(self, certificate: Certificate) -> None:
        constraints = certificate.policy_constraints
        if constraints is not None:  # (i)
            if constraints.require_explicit_policy is not None:
                self._explicit = min(self._explicit, constraints.require_explicit_policy)
            if constraints.inhibit_policy_mapping is not None:
                self._mapping = min(self._mapping, constraints.inhibit_policy_mapping)
        if certificate.inhibit_any_policy is not None:  # (j)
            self._inhibit_any = min(self._inhibit_any, certificate.inhibit_any_policy)

    def _grow(self, policies: frozenset[str], *, any_allowed: bool) -> None:
        assert self._levels is not None  # noqa: S101 - the caller asked
        above = self._levels[-1]
        expecting: dict[str, set[str]] = {}
        for policy, node in above.items():
            for expected in node.expected:
                expecting.setdefault(expected, set()).add(policy)
        level: _Level = {}
        for policy in policies - {ANY_POLICY}:  # (d)(1)
            if policy in expecting:  # (i)
                level[policy] = _Node({policy}, expecting[policy])
            elif ANY_POLICY in above:  # (ii)
                level[policy] = _Node({policy}, {ANY_POLICY})
        if ANY_POLICY in policies and any_allowed:  # (d)(2)
            for policy, parents in expecting.items():
                if policy not in level:
                    level[policy] = _Node({policy}, parents)
        self._levels.append(level)
        self._prune()  # (d)(3)

    def _map(self, mappings: tuple[tuple[str, str], ...]) -> None:
        assert self._levels is not None  # noqa: S101 - the caller asked
        level = self._levels[-1]
        targets: dict[str, set[str]] = {}
        for issuer_policy, subject_policy in mappings:
            targets.setdefault(issuer_policy, set()).add(subject_policy)
        for policy, mapped in targets.items():
            if self._mapping <= 0:  # (b)(2)
                level.pop(policy, None)
            elif policy in level:  # (b)(1)
                level[policy].expected = mapped
            elif ANY_POLICY in level:
                level[policy] = _Node(mapped, {ANY_POLICY})
        self._prune()

    def _prune(self) -> None:
        # Nodes without children go, from the bottom up; when the last level is empty so is the graph.
        assert self._levels is not None  # noqa: S101 - the callers asked
        for below, above in zip(self._levels[:0:-1], self._levels[-2::-1], strict=True):
            needed = {parent for node in below.values() for parent in node.parents}
            for policy in above.keys() - needed:
                del above[policy]
        if not self._levels[-1]:
            self._levels = None

    def _is_acceptable(self) -> bool:
        # (g): the graph as it is when every policy is acceptable; else one that an authority granted from
        # anyPolicy must be among the acceptable ones, or anyPolicy still holds at the end.
        if self._levels is None:
            return False
        if ANY_POLICY in self._acceptable or ANY_POLICY in self._levels[-1]:
            return bool(self._acceptable)
        granted = {
            policy
            for level in self._levels[1:]
            for policy, node in level.items()
            if policy != ANY_POLICY and ANY_POLICY in node.parents
        }
        return bool(granted & self._acceptable)


def _wrong(certificate: Certificate, what: str) -> Finding:
    message = f'the path is invalid: policies of the certificate "{certificate.label}": {what}.'
    return finding(Reason.CHAIN_INVALID, message, detail=Detail.POLICY, fingerprint=certificate.fingerprint)
