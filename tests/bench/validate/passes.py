"""A whole pass: from the bytes of an upload to the verdict."""

from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.asymmetric import rsa

from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.pki.intake import read_material
from certwright.pki.keys import read_private_key
from certwright.pki.private_key import matches
from certwright.validation import Options, Revocation, Role, Verdict, arrange, validate
from tests.bench.validate.clock import forget_everything, measure
from tests.bench.validate.report import Report
from tests.support.pki import NOW, PKI, Key, ec_key, rsa_key

_BITS = 2048
_TARGET = 1000.0


def measure_passes(report: Report, rounds: int) -> None:
    """Measure a chain of four certificates, with three signatures and three lists, as new and as known."""
    report.say("a whole pass over four certificates")
    fresh = Key(rsa.generate_private_key(65537, _BITS))
    for name, keys in (
        ("RSA-2048", [rsa_key("a"), rsa_key("b"), rsa_key("c"), fresh]),
        ("P-256", [ec_key(f"bench {number}") for number in range(4)]),
    ):
        judge = _pass_of(keys)
        verdict = judge()
        if not verdict.is_valid or len(verdict.path) != len(keys):
            raise AssertionError(verdict.findings)
        new = measure(judge, rounds, before=forget_everything)
        report.add(
            f"whole pass, {name}, everything new",
            new.median * 1e6,
            "µs",
            limit=_TARGET,
            note=f"median of {rounds}, at best {new.least * 1e6:.0f} µs; read four certificates, a key and three "
            "lists, match, verify three certificates and three lists, judge",
        )
        known = measure(judge, rounds)
        report.add(
            f"whole pass, {name}, seen before", known.median * 1e6, "µs", note=f"at best {known.least * 1e6:.0f}"
        )


def _pass_of(keys: list[Key]) -> Callable[[], Verdict]:
    root = PKI().root("Bench Root", key=keys[0])
    policy = root.issue_ca("Bench Policy CA", key=keys[1])
    issuing = policy.issue_ca("Bench Issuing CA", key=keys[2], path_length=0)
    leaf = issuing.issue_leaf("shop.example.com", key=keys[3])
    upload = (leaf.pem + issuing.pem + policy.pem).encode()
    lists = tuple(issuer.crl(range(9_000, 9_005)).der for issuer in (root, policy, issuing))
    return partial(_judge, upload, leaf.key_pem.encode(), root.der, lists)


def _judge(upload: bytes, key_file: bytes, root: bytes, lists: tuple[bytes, ...]) -> Verdict:
    key = read_private_key(key_file, what="key").key
    given = arrange(read_material(upload, what="certificate").certificates, key_matches=partial(matches, key))
    return validate(
        given.leaf,
        intermediates=given.others,
        anchors=[Certificate.from_der(root)],
        crls=[RevocationList.from_der(crl) for crl in lists],
        at=NOW,
        role=Role.SERVER,
        options=Options(revocation=Revocation.REQUIRE),
    )
