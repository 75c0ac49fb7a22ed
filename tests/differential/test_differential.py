"""Random PKIs: our verdicts beside those of OpenSSL and pyhanko-certvalidator (`make differential` compares more)."""

import shutil
from pathlib import Path

import pytest

from tests.differential.comparison import Disagreement, Tally, disagreements
from tests.differential.run import compare_worlds
from tests.differential.worlds import make_world

WORLDS = 200

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


def test_verdicts_agree_with_both_oracles_when_pkis_are_random(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tally: Tally = compare_worlds(range(WORLDS), tmp_path)
    with capsys.disabled():
        print(f"\n{WORLDS} random PKIs", *(line for line in tally.describe() if not line.endswith(": 0")), sep="\n")  # noqa: T201
    assert [str(comparison) for comparison in tally.unexplained] == []
    assert min(tally.compared.values()) >= WORLDS
    targets = sum(tally.compared.values())
    assert targets / 4 < tally.valid < 3 * targets / 4  # neither answer can be guessed


@pytest.mark.parametrize("line", disagreements(), ids=lambda line: line.name)
def test_disagreement_is_used_when_its_world_is_compared(line: Disagreement, tmp_path: Path) -> None:
    assert compare_worlds([line.seed], tmp_path).filtered[line.name]


def test_world_is_the_same_when_made_twice() -> None:
    one, other = make_world(7), make_world(7)
    assert [entity.der for entity in one.given] == [entity.der for entity in other.given]
    assert [crl.der for crl in one.crls] == [crl.der for crl in other.crls]
    assert one.traits == other.traits
