"""Every published test file of `cryptography`, whole and spoilt: read, or refused with a finding; nothing else."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from certwright.findings import MaterialError, Reason
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.pki.intake import read_material
from certwright.pki.keys import read_private_key
from certwright.pki.list_intake import read_list
from certwright.pki.origin import Origin
from certwright.pki.pem import has_markers, split_pem
from certwright.pki.pkcs7 import read_pkcs7
from certwright.validation import Options, Revocation, Role, validate, validate_crl
from tests.support.pki import NOW, PKI
from tests.support.pki_files import VECTORS

SUFFIXES = {".crl", ".crt", ".der", ".key", ".p7b", ".pem", ".pub"}
MUTATIONS = 20_000
ROOT = PKI().root("Corp Root")
REQUIRE = Options(revocation=Revocation.REQUIRE)
TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x18, 0x30, 0x31, 0x80, 0xA0, 0xA3, 0x1F, 0x00)
LENGTHS = (0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x89, 0xFF)


@cache
def files() -> tuple[Path, ...]:
    found = [path for path in sorted(VECTORS.rglob("*")) if path.suffix in SUFFIXES and path.stat().st_size < 1 << 18]
    return tuple(path for path in found if "pkcs12" not in path.parts)


@cache
def encodings() -> tuple[bytes, ...]:
    """The DER of every file."""
    found: dict[bytes, None] = {}
    for path in files():
        data = path.read_bytes()
        try:
            blocks = split_pem(data, Origin("file")).blocks if has_markers(data) else ()
        except MaterialError:
            blocks = ()
        found.update(dict.fromkeys([block.der for block in blocks] or [data]))
    return tuple(found)


def judge_whatever(data: bytes) -> Iterator[str]:
    """Put bytes through every reader, and what is read through a validation; yields what became of it."""
    readers: tuple[Callable[[bytes], object], ...] = (
        Certificate.from_der,
        RevocationList.from_der,
        partial(read_material, what="certificate"),
        partial(read_list, what="list"),
        partial(read_private_key, what="key"),
        partial(read_pkcs7, origin=Origin("certificate")),
    )
    for read in readers:
        try:
            found = read(data)
        except MaterialError as error:
            yield error.finding.reason
        else:
            yield from _judge(found)


def _judge(found: object) -> Iterator[str]:
    certificates = getattr(found, "certificates", (found,) if isinstance(found, Certificate) else ())
    crl = getattr(found, "crl", found if isinstance(found, RevocationList) else None)
    lists = [crl] if crl is not None else []
    for certificate in certificates:
        verdict = validate(
            certificate,
            intermediates=certificates,
            anchors=[ROOT.certificate],
            crls=lists,
            at=NOW,
            role=Role.BOTH,
            options=REQUIRE,
        )
        yield verdict.reason
    if crl is not None:
        yield validate_crl(crl, intermediates=(), anchors=[ROOT.certificate], at=NOW).reason


def spoil(data: bytes, dice: random.Random) -> bytes:
    """Break DER where it hurts: tags, lengths, ends, whole elements."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        place = dice.randrange(len(changed)) if changed else 0
        match dice.randrange(7):
            case 0:
                changed[place : place + 1] = bytes((dice.choice(TAGS),))
            case 1:
                changed[place : place + 1] = bytes((dice.choice(LENGTHS),))
            case 2:
                del changed[place:]
            case 3:
                del changed[place : place + dice.randrange(1, 9)]
            case 4:
                changed[place:place] = changed[place : place + dice.randrange(1, 40)]
            case 5:
                changed[place:place] = dice.randbytes(dice.randrange(1, 5))
            case _:
                changed[place : place + 1] = bytes((changed[place] ^ 1 << dice.randrange(8) if changed else 0,))
    return bytes(changed)


def test_published_files_are_read_or_refused_when_whole() -> None:
    outcomes = {outcome for path in files() for outcome in judge_whatever(path.read_bytes())}
    assert len(files()) > 700
    assert not outcomes & {Reason.VALIDATION_ERROR, Reason.CRL_ERROR}
    assert outcomes > {Reason.UNPARSABLE, Reason.UNDECODABLE, Reason.CRL_INVALID, Reason.KEY_INVALID, Reason.EXPIRED}


@pytest.mark.parametrize("seed", range(4))
def test_published_files_are_read_or_refused_when_spoilt(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    outcomes: Counter[str] = Counter()
    for _ in range(MUTATIONS // 4):
        outcomes.update(judge_whatever(spoil(dice.choice(encodings()), dice)))
    assert not outcomes.keys() & {Reason.VALIDATION_ERROR, Reason.CRL_ERROR}
    assert outcomes[Reason.UNDECODABLE] > MUTATIONS // 100
    assert outcomes[Reason.ISSUER_NOT_FOUND] > MUTATIONS // 100  # read, and judged
