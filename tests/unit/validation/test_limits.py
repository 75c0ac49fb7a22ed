"""Hostile sizes, end to end: what is given up is given up early, with the code for a limit and never an exception."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from certwright.dialects.root_certificates import CODES
from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.intake import read_material
from certwright.pki.limits import IntakeLimits
from certwright.pki.list_intake import read_list
from certwright.validation import Limits, Options, Revocation, validate_crl
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.judging import judge, worst
from tests.support.long_lists import long_list
from tests.support.pki import NOW, PKI, Entity, SignedList, ec_key

ROOT = PKI().root("Corp Root")
MEBIBYTE = 1 << 20
MEMORY_MIB = 500
CODE_OF_WORK, CODE_OF_INPUT, CODE_OF_PATH, CODE_OF_LIST_INPUT, CODE_OF_LIST_WORK = 2010, 2001, 2013, 2020, 2030


def code_of(reason: Reason, detail: Detail | None) -> int:
    assert detail is Detail.LIMIT_EXCEEDED
    return CODES[reason]


def refusal(read: object, *arguments: object, **wishes: object) -> tuple[int, str]:
    with pytest.raises(MaterialError) as caught:
        read(*arguments, **wishes)  # type: ignore[operator]
    found = caught.value.finding
    return code_of(found.reason, found.detail), found.message


def one_name(label: str, length: int) -> list[Entity]:
    """A chain in which all certificates have one and the same name."""
    chain = [PKI().root("Same", key=ec_key(f"{label} 0"))]
    for number in range(1, length):
        chain.append(chain[-1].issue_ca("Same", key=ec_key(f"{label} {number}"), without=["authorityKeyIdentifier"]))
    return chain


def test_verdict_names_the_limit_when_two_chains_of_a_hundred_share_one_subject() -> None:
    one, two = one_name("one", 100), one_name("two", 100)
    verdict = judge(one[-1].issue_leaf("a.example.com"), [*one[1:], *two], anchors=one[:1])
    assert code_of(*worst(verdict)) == CODE_OF_WORK
    assert "cannot be judged: more than 128 signature checks would be needed" in verdict.findings[0].message


def test_verdict_names_the_limit_when_every_ca_was_renewed_many_times() -> None:
    above, given = [ROOT], []
    for level in range(8):
        key = ec_key(f"level {level}")
        above = [above[0].issue_ca(f"CA {level}", key=key, path_length=0) for _ in range(10)]
        given += above
    verdict = judge(above[0].issue_leaf("a.example.com"), given, anchors=[ROOT])
    assert code_of(*worst(verdict)) == CODE_OF_WORK


@pytest.mark.parametrize("half", ["permitted", "excluded"])
def test_verdict_names_the_limit_when_names_meet_a_bomb_of_constraints(half: str) -> None:
    trees = [der.dns_name(f"d{number}.test") for number in range(300)]
    bomb = ROOT.issue_ca("Bomb CA", extensions=[ext.name_constraints(**{half: trees})])  # type: ignore[arg-type]
    leaf = bomb.issue_leaf("a.test", dns=[f"a.d{number}.test" for number in range(300)])
    verdict = judge(leaf, [bomb], anchors=[ROOT])
    assert code_of(*worst(verdict)) == CODE_OF_WORK
    assert "more than 65536 name comparisons" in verdict.findings[0].message


def test_verdict_names_the_limit_when_the_path_is_too_long() -> None:
    chain = [ROOT]
    for number in range(11):
        chain.append(chain[-1].issue_ca(f"CA {number}"))
    verdict = judge(chain[-1].issue_leaf("a.example.com"), chain[1:], anchors=[ROOT])
    assert code_of(*worst(verdict)) == CODE_OF_PATH


def test_verdict_names_the_limit_when_there_are_two_hundred_forged_lists() -> None:
    leaf = ROOT.issue_leaf("a.example.com")
    forged = [
        ROOT.crl(number=number, sign_with=ec_key("x"), without=["authorityKeyIdentifier"]) for number in range(200)
    ]
    verdict = judge(leaf, anchors=[ROOT], crls=forged, options=Options(revocation=Revocation.REQUIRE))
    assert code_of(*worst(verdict)) == CODE_OF_LIST_WORK


def test_list_names_the_limit_when_there_are_two_hundred_possible_signers() -> None:
    signers = [PKI().root("Corp Root", key=ec_key(f"signer {number}")).certificate for number in range(200)]
    crl = read_list(ROOT.crl(without=["authorityKeyIdentifier"]).der, what="`spec.crl`").crl
    verdict = validate_crl(crl, intermediates=signers, anchors=[ROOT.certificate], at=NOW)
    if verdict.is_valid:  # the right one was looked at early
        verdict = validate_crl(crl, intermediates=signers, anchors=signers[:1], at=NOW)
    assert code_of(*worst(verdict)) == CODE_OF_LIST_WORK


# --- files


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (IntakeLimits(), "bytes are more than the 1048576 that are read"),
        (IntakeLimits(file_bytes=64 * MEBIBYTE), "10000 certificates are more than the 64 allowed"),
    ],
)
def test_file_is_refused_when_it_holds_ten_thousand_certificates(limits: IntakeLimits, message: str) -> None:
    file = (ROOT.issue_leaf("a.example.com").pem * 10_000).encode()
    code, said = refusal(read_material, file, what="`spec.chain`", limits=limits)
    assert code == CODE_OF_INPUT
    assert message in said


def test_ten_thousand_intermediates_are_not_parsed_when_the_file_is_refused() -> None:
    broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" * 10_000
    code, _ = refusal(read_material, broken.encode(), what="`spec.chain`")
    assert code == CODE_OF_INPUT


def test_list_is_refused_when_it_is_larger_than_what_is_read() -> None:
    data, _ = long_list(ROOT, MEBIBYTE // 20)
    code, said = refusal(read_list, data, what="`spec.crl`")
    assert code == CODE_OF_LIST_INPUT
    assert "more than the 1048576 that are read" in said


def test_largest_list_is_judged_when_memory_and_work_are_bounded() -> None:
    """A process of its own, that peaks on its own, and is not traced: a million entries are read."""
    program = (
        "import json; from certwright.validation import Limits; from tests.bench.validate.lists import judge_largest; "
        "print(json.dumps(judge_largest(Limits(signature_checks=2, paths=1, candidates=3))))"
    )
    root = Path(__file__).parents[3]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={**environment, "PYTHONPATH": f"{root}{os.pathsep}{root / 'operator'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    size, entries, _, mebibytes = map(float, done.stdout.strip("[]\n").split(","))
    assert 31 * MEBIBYTE < size <= 32 * MEBIBYTE
    assert entries > 1_000_000
    assert mebibytes < MEMORY_MIB


def test_work_is_counted_when_a_path_and_its_lists_are_judged() -> None:
    """An ordinary verdict fits into a thousandth of what is allowed."""
    issuing = ROOT.issue_ca("Corp Issuing CA")
    lists: list[SignedList] = [ROOT.crl(), issuing.crl()]
    small = Limits(signature_checks=4, paths=1, candidates=6, name_comparisons=0)
    options = Options(revocation=Revocation.REQUIRE, limits=small)
    assert judge(issuing.issue_leaf("a.example.com"), [issuing], anchors=[ROOT], crls=lists, options=options).is_valid
