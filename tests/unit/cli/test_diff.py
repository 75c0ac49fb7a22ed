"""`certwright diff`: the line a reviewer wants, and exit codes as users of diff expect them."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from certwright.cli import cli
from tests.support import pki_files
from tests.support.demo.examples import EXAMPLES
from tests.support.pki import PKI, Entity, rsa_key
from tests.support.pki_files import PASSWORD

AT = "2026-06-15T00:00:00Z"
ROOT = PKI().root()
ISSUING = ROOT.issue_ca("Corp Issuing CA 3", path_length=0)
OLD = ISSUING.issue_leaf("shop", dns=["shop"], serial=0x01AB, not_after=datetime(2026, 12, 2, tzinfo=UTC))
NEW = ISSUING.issue_leaf(
    "shop",
    dns=["shop", "api.shop"],
    serial=0x02CD,
    not_before=datetime(2026, 6, 1, tzinfo=UTC),
    not_after=datetime(2027, 11, 20, tzinfo=UTC),
)
NEW_LINE = "serial 01ab→02cd, until 2026-12-02→2027-11-20, names +api.shop, issuer unchanged, new key"


def diff(old: Path, new: Path, *arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["diff", "--at", AT, str(old), str(new), *map(str, arguments)])


def changes(old: Path, new: Path) -> list[dict[str, Any]]:
    """Run the command and give its changes as JSON."""
    found: list[dict[str, Any]] = json.loads(diff(old, new, "--output", "json").output)["changes"]
    return found


def write(folder: Path, name: str, *entities: Entity) -> Path:
    """Write a file with certificates and their chains."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(each.chain_pem for each in entities))
    return path


def imported(entity: Entity, name: str = "shop", namespace: str = "default") -> str:
    """Write an ImportedCertificate with an inline certificate."""
    lines = entity.chain_pem.replace("\n", "\n    ").rstrip()
    return (
        "apiVersion: certwright.io/v1alpha1\nkind: ImportedCertificate\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  usages: []\n  certificate: |\n    {lines}\n---\n"
    )


def test_diff_writes_the_line_when_a_certificate_is_renewed(tmp_path: Path) -> None:
    result = diff(write(tmp_path, "old.pem", OLD), write(tmp_path, "new.pem", NEW))
    assert (result.exit_code, result.output) == (1, f"new.pem: {NEW_LINE}\n")


def test_diff_names_the_object_when_it_compares_manifests(tmp_path: Path) -> None:
    for name, entity in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.yaml").write_text(imported(entity) + imported(entity, "shop", "team"))
    result = diff(tmp_path / "old.yaml", tmp_path / "new.yaml")
    assert (result.exit_code, result.output) == (1, f"shop: {NEW_LINE}\nteam/shop: {NEW_LINE}\n")


def test_diff_says_nothing_when_only_the_text_changed(tmp_path: Path) -> None:
    old = write(tmp_path, "old.pem", NEW)
    (tmp_path / "new.pem").write_text("a line of an export tool\n" + old.read_text().replace("\n", "\r\n"))
    result = diff(old, tmp_path / "new.pem")
    assert (result.exit_code, result.output) == (0, "")


def test_diff_pairs_files_when_it_compares_folders(tmp_path: Path) -> None:
    write(tmp_path, "old/shop.pem", OLD)
    write(tmp_path, "old/deep/same.pem", OLD)
    write(tmp_path, "old/gone.pem", OLD)
    write(tmp_path, "new/shop.pem", NEW)
    write(tmp_path, "new/deep/same.pem", OLD)
    write(tmp_path, "new/more.pem", NEW)
    result = diff(tmp_path / "old", tmp_path / "new")
    assert result.output.splitlines() == [
        "gone.pem: removed, serial 01ab, until 2026-12-02, names shop, issuer CN=Corp Issuing CA 3, ECDSA P-256",
        f"shop.pem: {NEW_LINE}",
        "more.pem: added, serial 02cd, until 2027-11-20, names shop api.shop, issuer CN=Corp Issuing CA 3, ECDSA P-256",
    ]
    document = json.loads(diff(tmp_path / "old", tmp_path / "new", "--output", "json").output)
    assert [each["change"] for each in document["changes"]] == ["removed", "changed", "added"]
    assert (document["schemaVersion"], document["exitCode"], document["unchanged"]) == (1, 1, 1)
    assert (document["changes"][0]["new"], document["changes"][2]["old"]) == (None, None)


def test_diff_flags_when_the_new_certificate_is_the_lesser_one(tmp_path: Path) -> None:
    lesser = ROOT.issue_ca("Corp Issuing CA 4").issue_leaf(
        "shop",
        dns=["shop"],
        usages=["serverAuth"],
        serial=5,
        key=rsa_key(),
        not_before=datetime(2026, 5, 1, tzinfo=UTC),
    )
    old, new = write(tmp_path, "new.pem", NEW), write(tmp_path, "lesser.pem", lesser)
    (change,) = changes(old, new)
    assert change["flags"] == [
        "EndsEarlier",
        "ShorterValidity",
        "NamesRemoved",
        "UsagesRemoved",
        "KeyTypeChanged",
        "IssuerChanged",
    ]
    for part in (
        "until 2027-11-20→2027-01-01",
        "valid for 537→245 days",
        "names -api.shop",
        "issuer CN=Corp Issuing CA 3→CN=Corp Issuing CA 4",
        "new key ECDSA P-256→RSA 2048",
        "usages -clientAuth",
        'chain +"Corp Issuing CA 4"',
    ):
        assert part in change["text"]
    assert diff(old, new).output.endswith(
        "[ends earlier, shorter validity, names removed, usages removed, another type of key]\n"
    )


def test_diff_says_same_key_when_it_is_kept(tmp_path: Path) -> None:
    again = ISSUING.issue_leaf("shop", dns=["shop"], serial=0x02CD, key=OLD.key)
    (change,) = changes(write(tmp_path, "old.pem", OLD), write(tmp_path, "new.pem", again))
    assert ("same key" in change["text"], change["flags"]) == (True, ["SameKey"])


def test_diff_says_the_time_when_the_end_moves_within_a_day(tmp_path: Path) -> None:
    later = ISSUING.issue_leaf("shop", dns=["shop"], serial=1, not_after=datetime(2026, 12, 2, 8, tzinfo=UTC))
    (change,) = changes(write(tmp_path, "old.pem", OLD), write(tmp_path, "new.pem", later))
    assert "until 2026-12-02 00:00:00→2026-12-02 08:00:00" in change["text"]


def test_diff_says_what_changed_when_only_the_chain_did(tmp_path: Path) -> None:
    old = write(tmp_path, "old.pem", OLD)
    (tmp_path / "new.pem").write_text(OLD.pem)
    (change,) = changes(old, tmp_path / "new.pem")
    assert change["text"].startswith('same certificate, chain -"Corp Issuing CA 3" (')


def test_diff_says_what_changed_when_it_becomes_a_ca_of_another_subject(tmp_path: Path) -> None:
    authority = ROOT.issue_ca("Shop CA")
    (change,) = changes(write(tmp_path, "old.pem", OLD), write(tmp_path, "new.pem", authority))
    assert "subject CN=shop→CN=Shop CA" in change["text"]
    assert "now a CA" in change["text"]
    assert "CAChanged" in change["flags"]
    (back,) = changes(tmp_path / "new.pem", tmp_path / "old.pem")
    assert "no longer a CA" in back["text"]


def test_diff_says_why_when_the_new_certificate_would_be_refused(tmp_path: Path) -> None:
    expired = ISSUING.issue_leaf("shop", dns=["shop"], serial=1, not_after=datetime(2026, 2, 1, tzinfo=UTC))
    old, new = write(tmp_path, "old.pem", OLD), write(tmp_path, "new.pem", expired)
    (change,) = changes(old, new)
    lines = diff(old, new).output.splitlines()
    assert change["flags"] == ["EndsEarlier", "ShorterValidity", "VerdictWorse"]
    assert change["text"].endswith("verdict Valid→Expired")
    assert lines[1].startswith("  error Expired  the certificate expired on 2026-02-01")


def test_diff_says_so_when_there_is_no_certificate_any_more(tmp_path: Path) -> None:
    old = write(tmp_path, "old.pem", OLD)
    (tmp_path / "new.pem").write_text("nothing of the kind")
    (gone,), (came,) = changes(old, tmp_path / "new.pem"), changes(tmp_path / "new.pem", old)
    assert gone["text"].startswith("no longer a certificate")
    assert came["text"].startswith("now a certificate, serial 01ab")
    assert diff(tmp_path / "new.pem", tmp_path / "new.pem").exit_code == 0


def test_diff_says_added_when_the_old_side_is_an_empty_file(tmp_path: Path) -> None:
    new = write(tmp_path, "new.pem", NEW)
    assert [each["change"] for each in changes(Path("/dev/null"), new)] == ["added"]
    assert [each["change"] for each in changes(new, Path("/dev/null"))] == ["removed"]


def test_diff_compares_bundles_certificate_by_certificate_when_they_hold_cas(tmp_path: Path) -> None:
    (tmp_path / "old.pem").write_text(ROOT.pem + PKI().root("Old Root").pem)
    (tmp_path / "new.pem").write_text(PKI().root("New Root").pem + ROOT.pem)
    found = changes(tmp_path / "old.pem", tmp_path / "new.pem")
    assert [(each["name"], each["change"]) for each in found] == [
        ("old.pem: Old Root", "removed"),
        ("new.pem: New Root", "added"),
    ]


def test_diff_compares_a_file_with_an_object_when_each_side_has_one(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(imported(NEW))
    assert diff(write(tmp_path, "old.pem", OLD), tmp_path / "new.yaml").output == f"shop: {NEW_LINE}\n"


def test_diff_pairs_nothing_when_objects_have_other_names(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(imported(OLD, "shop"))
    (tmp_path / "new.yaml").write_text(imported(NEW, "api"))
    assert [each["change"] for each in changes(tmp_path / "old.yaml", tmp_path / "new.yaml")] == ["removed", "added"]


def test_diff_opens_key_stores_when_the_password_is_given(tmp_path: Path) -> None:
    (tmp_path / "old.p12").write_bytes(pki_files.pkcs12())
    (tmp_path / "new.pem").write_bytes(pki_files.issued("leaf").certificate + pki_files.issued("issuing").certificate)
    (tmp_path / "password").write_bytes(PASSWORD)
    arguments = ["diff", str(tmp_path / "old.p12"), str(tmp_path / "new.pem")]
    opened = CliRunner().invoke(cli, [*arguments, "--password-file", str(tmp_path / "password")])
    locked = CliRunner().invoke(cli, arguments)
    assert (opened.exit_code, locked.exit_code) == (0, 2)
    assert "`--password-file`" in locked.output


def test_diff_shortens_serials_when_they_are_long(tmp_path: Path) -> None:
    long = ISSUING.issue_leaf("shop", dns=["shop"], serial=0x0123456789ABCDEF0123456789)
    (change,) = changes(write(tmp_path, "old.pem", OLD), write(tmp_path, "new.pem", long))
    assert change["text"].startswith("serial 01ab→01234567…, ")
    assert change["new"]["path"][0]["serialNumber"] == "0123456789abcdef0123456789"


@pytest.mark.parametrize(("new", "status"), [("good", 0), ("bad", 1), ("absent", 2)])
def test_diff_exits_as_documented_when_run_as_a_process(new: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "certwright", "diff", str(EXAMPLES / "good"), str(EXAMPLES / new)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == status
