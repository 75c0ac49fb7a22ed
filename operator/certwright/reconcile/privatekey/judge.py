"""The judge: whether such a key can be wished for. What became of it is the planner's to see, for it acts on that."""

from __future__ import annotations

from collections.abc import Iterator

from certwright.api.model import parse
from certwright.api.privatekey import PrivateKeySpec
from certwright.api.privatekey_spec import DEFAULT_ALGORITHM
from certwright.findings import Detail, Finding, MaterialError, Reason, finding
from certwright.pki.generate import choose_size
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.privatekey.judgement import Judgement


def judge(snapshot: Snapshot) -> Judgement:
    """Judge the wish; pure."""
    try:
        spec = parse(PrivateKeySpec, snapshot.subject.spec)
    except MaterialError as error:
        return Judgement(None, (error.finding,))
    algorithm = spec.algorithm or DEFAULT_ALGORITHM
    findings = tuple(find_conflicts(spec))
    try:
        return Judgement(spec, findings, algorithm, choose_size(algorithm, spec.size))
    except MaterialError as error:
        return Judgement(spec, (*findings, error.finding))


def refuse(snapshot: Snapshot, problem: Finding) -> Judgement:
    """Give the judgement that stands when there is no other."""
    return Judgement(judge(snapshot).spec, (problem,))


def find_conflicts(spec: PrivateKeySpec) -> Iterator[Finding]:
    """Find what the API server refuses, and files and older definitions may hold."""
    if spec.secret_name is not None and spec.existing_secret_name is not None:
        yield finding(
            Reason.INVALID_REQUEST,
            "`spec.secretName` and `spec.existingSecretName` must not both be set. Make a new object with one of them.",
            detail=Detail.CONFLICTING_FIELDS,
        )
    if spec.secret_name is None and spec.existing_secret_name is None:
        yield finding(
            Reason.INVALID_REQUEST,
            "the spec names no Secret. Set `spec.secretName` to have a key made, or `spec.existingSecretName`.",
            detail=Detail.SOURCE_MISSING,
        )
