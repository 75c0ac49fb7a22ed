"""`certwright check` over files of certificates, as the `openssl` command and people make them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from certwright.cli import cli
from tests.support import pki_files
from tests.support.pki import PKI, rsa_key
from tests.support.pki_files import PASSWORD, secrets_of

AT = "2026-06-15T00:00:00Z"
ROOT = PKI().root()
ISSUING = ROOT.issue_ca("Corp Issuing CA 3", path_length=0)
SHOP = ISSUING.issue_leaf("shop.example.com", ips=["192.0.2.10"])


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    """Run the command as of now."""
    return CliRunner().invoke(cli, ["check", *map(str, arguments)], input=stdin)


def check(*arguments: str | Path, stdin: bytes = b"") -> Result:
    """Run the command as of the instant at which what the tests make is valid."""
    return run("--at", AT, *arguments, stdin=stdin)


def results(result: Result) -> list[dict[str, Any]]:
    """Give the results of a run with JSON."""
    found: list[dict[str, Any]] = json.loads(result.output)["results"]
    return found


def judge(*arguments: str | Path) -> dict[str, Any]:
    """Run the command and give its only result."""
    (judged,) = results(check("--output", "json", *arguments))
    return judged


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.pem"
    path.write_text(SHOP.chain_pem)
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("chain.pem", pki_files.chain()),
        ("leaf.der", pki_files.issued("leaf").der),
        ("chain.p7b", pki_files.pkcs7()),
        ("chain.p7c", pki_files.pkcs7("-outform", "DER")),
        ("windows.crt", pki_files.chain().replace(b"\n", b"\r\n")),
        ("without-suffix", pki_files.chain()),
    ],
)
def test_check_reads_every_form_when_openssl_made_it(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    result = run("--output", "json", tmp_path / name)
    (judged,) = results(result)
    assert (result.exit_code, judged["reason"], judged["kind"]) == (0, "Valid", "File")
    assert judged["path"][0]["names"] == ["shop.example.com"]


def test_check_opens_a_key_store_when_the_password_is_given(tmp_path: Path) -> None:
    (tmp_path / "shop.p12").write_bytes(pki_files.pkcs12())
    (tmp_path / "password").write_bytes(PASSWORD + b"\n")
    opened = run(tmp_path / "shop.p12", "--password-file", tmp_path / "password")
    locked = run(tmp_path / "shop.p12")
    assert (opened.exit_code, locked.exit_code) == (0, 2)
    assert "`--password-file`" in locked.output
    assert [piece for piece in secrets_of(pki_files.issued("leaf").key) if piece in opened.output.encode()] == []


def test_check_exits_with_2_when_the_password_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "shop.p12").write_bytes(pki_files.pkcs12())
    (tmp_path / "password").write_bytes(b"another")
    assert run(tmp_path / "shop.p12", "--password-file", tmp_path / "password").exit_code == 2


def test_check_shows_the_path_as_a_tree_when_it_is_text(shop: Path) -> None:
    lines = check(shop).output.splitlines()
    assert lines[0] == f"Valid  {shop}"
    assert lines[1].startswith("  shop.example.com  2026-01-01 to 2027-01-01, ECDSA P-256, serial ")
    assert lines[2].startswith("  └─ Corp Issuing CA 3  2025-01-01 to 2035-01-01, ECDSA P-256")
    assert lines[-1] == "1 checked: 1 good, 0 with warnings, 0 not checked, 0 bad."


def test_check_demands_that_the_path_ends_at_an_anchor_when_one_is_given(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(ROOT.pem)
    (tmp_path / "other.pem").write_text(PKI().root("Other Root").pem)
    good = check(shop, "--anchors", tmp_path / "root.pem")
    assert good.exit_code == 0
    assert any(line.endswith("  anchor") and "Corp Root" in line for line in good.output.splitlines())
    assert judge(shop, "--anchors", tmp_path / "other.pem")["reason"] == "IssuerNotFound"


@pytest.mark.parametrize("form", ["pem", "der"])
def test_check_says_revoked_when_a_list_names_the_certificate(shop: Path, tmp_path: Path, form: str) -> None:
    crl = ISSUING.crl([SHOP])
    (tmp_path / "list").write_bytes(crl.pem.encode() if form == "pem" else crl.der)
    assert judge(shop, "--crl", tmp_path / "list")["reason"] == "Revoked"


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2025-12-31T23:59:59Z", "NotYetValid"),
        ("2027-01-01T01:00:00+01:00", "Valid"),
        ("2027-01-01T00:00:01Z", "Expired"),
    ],
)
def test_check_judges_at_another_instant_when_asked(shop: Path, at: str, reason: str) -> None:
    assert results(run("--output", "json", "--at", at, shop))[0]["reason"] == reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--dns", "shop.example.com", "--ip", "192.0.2.10"], "Valid"),
        (["--dns", "api.example.com"], "NameMissing"),
        (["--ip", "192.0.2.11"], "NameMissing"),
        (["--purpose", "server"], "Valid"),
        (["--purpose", "both"], "Valid"),
        (["--purpose", "ca"], "UsageMismatch"),
    ],
)
def test_check_demands_names_and_purpose_when_asked(shop: Path, arguments: list[str], reason: str) -> None:
    assert judge(shop, *arguments)["reason"] == reason


def test_check_warns_of_the_end_when_less_than_the_asked_part_is_left(shop: Path) -> None:
    assert [each["reason"] for each in judge(shop, "--warn-before", "60")["findings"]] == ["ExpiringSoon"]
    assert judge(shop, "--warn-before", "0")["findings"] == []


def test_check_compares_the_key_when_one_is_given(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "right.key").write_text(SHOP.key_pem)
    (tmp_path / "wrong.key").write_text(rsa_key().pem)
    assert judge(shop, "--key", tmp_path / "right.key")["reason"] == "Valid"
    assert judge(shop, "--key", tmp_path / "wrong.key")["reason"] == "KeyMismatch"
    assert judge(shop, "--key", shop)["reason"] == "KeyInvalid"


def test_check_exits_with_2_when_a_key_is_given_for_several_files(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_text(SHOP.pem)
    result = check(shop, tmp_path / "other.pem", "--key", shop)
    assert (result.exit_code, "--key goes with exactly one certificate file" in result.output) == (2, True)


def test_check_judges_each_certificate_when_a_file_is_a_bundle(tmp_path: Path) -> None:
    stranger = PKI().root("Other Root").issue_ca("Other CA")
    (tmp_path / "roots.pem").write_text(
        ROOT.pem + ISSUING.pem + stranger.pem + PKI().root("Corp Root", key=rsa_key()).pem
    )
    judged = results(check("--output", "json", tmp_path / "roots.pem"))
    assert [(each["name"].partition(": ")[2], each["reason"]) for each in judged] == [
        ("Corp Root", "Valid"),
        ("Corp Issuing CA 3", "Valid"),
        ("Other CA", "Valid"),
        ("Corp Root (2)", "Valid"),
    ]
    assert [len(each["path"]) for each in judged] == [1, 2, 1, 1]


def test_check_refuses_when_a_file_holds_several_leaves(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_text(SHOP.pem + ISSUING.issue_leaf("api.example.com").pem)
    assert judge(tmp_path / "both.pem")["findings"][0]["detail"] == "SeveralLeaves"


def test_check_passes_over_keys_when_it_walks_a_folder(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "api.crt").write_text(ISSUING.issue_leaf("api.example.com").chain_pem)
    (tmp_path / "shop.key").write_text(SHOP.key_pem)
    (tmp_path / "key.pem").write_text(SHOP.key_pem)
    (tmp_path / "request.pem").write_bytes(pki_files.request(pki_files.ec_key()))
    (tmp_path / "list.pem").write_text(ISSUING.crl().pem)
    (tmp_path / "key.der").write_bytes(pki_files.pem_to_der(SHOP.key_pem.encode()))
    (tmp_path / "notes.txt").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "bad.pem").write_text("-----BEGIN CERTIFICATE-----")
    judged = results(check("--output", "json", tmp_path))
    assert [each["name"] for each in judged] == [str(shop), str(tmp_path / "deep" / "er" / "api.crt")]


def test_check_judges_what_is_named_when_it_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(SHOP.key_pem)
    judged = judge(tmp_path / "key.pem")
    assert (judged["reason"], judged["findings"][0]["detail"]) == ("Unparsable", "WrongType")


def test_check_points_at_the_block_when_a_finding_is_about_an_issuer(tmp_path: Path) -> None:
    old = ROOT.issue_ca("Old CA", not_after=PKI().root().certificate.not_before.replace(year=2025, month=6))
    (tmp_path / "shop.pem").write_text(old.issue_leaf("shop.example.com").chain_pem)
    text = (tmp_path / "shop.pem").read_text()
    (found,) = judge(tmp_path / "shop.pem")["findings"]
    assert (found["detail"], found["line"]) == ("IssuerExpired", text[: text.rindex("-----BEGIN")].count("\n") + 1)


def test_check_reads_certificates_from_standard_input() -> None:
    result = check("-", stdin=SHOP.chain_pem.encode())
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "Valid  -")


def test_check_escapes_control_characters_when_a_name_holds_them(tmp_path: Path) -> None:
    (tmp_path / "odd.pem").write_text(ISSUING.issue_leaf("evil\x1b[31m\u202ename", dns=["odd.example.com"]).chain_pem)
    output = check(tmp_path / "odd.pem").output
    assert ("\x1b" in output, "\u202e" in output, r"evil\x1b[31m" in output) == (False, False, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.pem"], "cannot be read: No such file or directory"),
        (["-", "--anchors", "absent.pem"], "--anchors: absent.pem cannot be read"),
        (["-", "--password-file", "absent"], "--password-file: absent cannot be read"),
        (["-", "--at", "tomorrow"], "must be an instant with its time zone"),
        (["-", "--at", "2026-01-01T00:00:00"], "must be an instant with its time zone"),
        (["-", "--ip", "example.com"], "--ip: 'example.com' is no IP address"),
        (["-", "--purpose", "fun"], "Invalid value for '--purpose'"),
        ([], "Missing argument"),
    ],
)
def test_check_exits_with_2_when_it_is_called_wrongly(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, words in result.output) == (2, True)


@pytest.mark.parametrize("option", ["--anchors", "--crl"])
def test_check_exits_with_2_when_a_file_of_trust_holds_something_else(shop: Path, tmp_path: Path, option: str) -> None:
    (tmp_path / "key.pem").write_text(SHOP.key_pem)
    result = check(shop, option, tmp_path / "key.pem")
    assert (result.exit_code, "it holds a private key" in result.output) == (2, True)


def test_check_exits_with_2_when_one_of_several_cannot_be_read(shop: Path) -> None:
    result = check(shop, "absent.pem")
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        2,
        "1 checked: 1 good, 0 with warnings, 0 not checked, 0 bad, 1 could not be judged.",
    )


def test_check_judges_a_thousand_certificates_when_they_are_in_a_folder(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number}.pem").write_text(SHOP.chain_pem)
    assert check(tmp_path).output.splitlines()[-1].startswith("1000 checked: 1000 good")
