"""Our verdicts beside those of `openssl verify` on the same bytes: an oracle that knows nothing of us."""

import shutil
import subprocess
from pathlib import Path

import pytest

from certwright.validation import Options, Revocation, Role
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.judging import judge
from tests.support.pki import NOW, PKI, Entity, RevokedEntry, SignedList, ec_key

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")

ROOT = PKI().root("Corp Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA", path_length=0)
CROSS = PKI().root("Other Root").issue_ca("Corp Issuing CA", key=ISSUING.key)
CONSTRAINED = ROOT.issue_ca("Constrained CA", extensions=[ext.name_constraints(permitted=[der.dns_name("corp.test")])])
TOO_DEEP = ISSUING.issue_ca("Too Deep CA")
POLICED = ROOT.issue_ca(
    "Policed CA", extensions=[ext.certificate_policies("1.2.3"), ext.policy_constraints(explicit=0)]
)
LEAF = ISSUING.issue_leaf("shop.example.com")
QUIET = [ROOT.crl(), ISSUING.crl()]

CASES: dict[str, tuple[Entity, list[Entity], list[SignedList] | None]] = {
    "good": (LEAF, [ISSUING], None),
    "issuer missing": (LEAF, [], None),
    # the other way round it gives up at the first issuer of that name, and does not come back
    "cross-signed beside": (LEAF, [ISSUING, CROSS], None),
    "root given too": (LEAF, [ISSUING, ROOT], None),
    "expired": (ISSUING.issue_leaf("a.test", not_after=NOW.replace(day=1)), [ISSUING], None),
    "not yet valid": (ISSUING.issue_leaf("a.test", not_before=NOW.replace(day=20)), [ISSUING], None),
    "forged": (ISSUING.issue_leaf("a.test", sign_with=ec_key("x")), [ISSUING], None),
    "client only": (ISSUING.issue_leaf("a.test", usages=["clientAuth"]), [ISSUING], None),
    "unknown critical": (ISSUING.issue_leaf("a.test", extensions=[ext.unknown()]), [ISSUING], None),
    "constrained inside": (CONSTRAINED.issue_leaf("a.corp.test"), [CONSTRAINED], None),
    "constrained outside": (CONSTRAINED.issue_leaf("a.evil.test"), [CONSTRAINED], None),
    "too deep": (TOO_DEEP.issue_leaf("a.test"), [TOO_DEEP, ISSUING], None),
    "policy held": (POLICED.issue_leaf("a.test", extensions=[ext.certificate_policies("1.2.3")]), [POLICED], None),
    "policy lost": (POLICED.issue_leaf("a.test"), [POLICED], None),
    "no ca": (LEAF.issue_leaf("a.test"), [LEAF, ISSUING], None),
    "self-signed": (PKI().self_signed("a.test"), [], None),
    "lists quiet": (LEAF, [ISSUING], QUIET),
    "list missing": (LEAF, [ISSUING], [ROOT.crl()]),
    "listed": (LEAF, [ISSUING], [ROOT.crl(), ISSUING.crl([RevokedEntry(LEAF.serial, reason=1)])]),
    "issuer listed": (LEAF, [ISSUING], [ROOT.crl([ISSUING]), ISSUING.crl()]),
    "list expired": (LEAF, [ISSUING], [ROOT.crl(), ISSUING.crl(next_update=NOW.replace(day=2))]),
    "list forged": (LEAF, [ISSUING], [ROOT.crl(), ISSUING.crl(sign_with=ec_key("x"))]),
    "list of another scope": (
        LEAF,
        [ISSUING],
        [ROOT.crl(), ISSUING.crl(extensions=[ext.issuing_distribution_point(only="cas")])],
    ),
}


def openssl_accepts(folder: Path, leaf: Entity, given: list[Entity], crls: list[SignedList] | None) -> bool:
    for name, text in (
        ("roots.pem", ROOT.pem),
        ("given.pem", "".join(entity.pem for entity in given) or ROOT.pem),
        ("crls.pem", "".join(crl.pem for crl in crls or [])),
        ("leaf.pem", leaf.pem),
    ):
        (folder / name).write_text(text)
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", "roots.pem", "-untrusted", "given.pem"]
    command += ["-partial_chain", "-check_ss_sig", "-policy_check", "-policy", "2.5.29.32.0", "-purpose", "sslserver"]
    command += ["-attime", str(int(NOW.timestamp()))]
    if crls is not None:
        command += ["-CRLfile", "crls.pem", "-crl_check_all", "-extended_crl"]
    return subprocess.run([*command, "leaf.pem"], cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("case", CASES)
def test_openssl_agrees(case: str, tmp_path: Path) -> None:
    leaf, given, crls = CASES[case]
    options = Options(revocation=Revocation.OFF if crls is None else Revocation.REQUIRE)
    verdict = judge(leaf, given, anchors=[ROOT], crls=crls or [], role=Role.SERVER, options=options)
    assert verdict.is_valid is openssl_accepts(tmp_path, leaf, given, crls)
