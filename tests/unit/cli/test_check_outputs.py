"""The forms of `certwright check` that programs read: JSON and SARIF."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from certwright import __version__
from certwright.cli import cli
from certwright.cli.diff.comparison import Flag
from certwright.dialects.explanations import EXPLANATIONS
from certwright.findings import Reason
from tests.support.demo.examples import EXAMPLES
from tests.support.pki import PKI
from tests.unit.cli.trust_files import G1, G2, cluster_store, decision, run, write

AT = "2026-06-15T00:00:00Z"
ROOT = PKI().root()
ISSUING = ROOT.issue_ca("Corp Issuing CA 3", path_length=0)
SHOP = ISSUING.issue_leaf("shop.example.com", serial=0x01AB)

KINDS = {"ImportedCertificate", "PrivateKey", "RevocationSource", "TrustDecision", "TrustStore"}


def check(form: str, *arguments: str | Path) -> dict[str, Any]:
    """Run the command and read what it wrote."""
    result = CliRunner().invoke(cli, ["check", "--at", AT, "--output", form, *map(str, arguments)])
    document: dict[str, Any] = json.loads(result.output)
    return document


def test_json_has_the_documented_shape_when_a_file_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "shop.pem"
    path.write_text(SHOP.chain_pem)
    (tmp_path / "root.pem").write_text(ROOT.pem)
    document = check("json", path, "--anchors", tmp_path / "root.pem", "--dns", "api.example.com")
    leaf, issuing = SHOP.certificate, ISSUING.certificate
    assert {key: value for key, value in document.items() if key != "results"} == {
        "schemaVersion": 1,
        "at": AT,
        "exitCode": 1,
        "summary": {"good": 0, "warned": 0, "unchecked": 0, "bad": 1, "problems": 0, "total": 1},
        "problems": [],
        "remarks": [],
    }
    (judged,) = document["results"]
    members = [("leaf", leaf), ("intermediate", issuing), ("anchor", ROOT.certificate)]
    assert judged["path"] == [
        {
            "role": role,
            "subject": each.subject.rfc4514,
            "issuer": each.issuer.rfc4514,
            "serialNumber": each.serial_hex,
            "notBefore": f"{each.not_before:%Y-%m-%dT%H:%M:%SZ}",
            "notAfter": f"{each.not_after:%Y-%m-%dT%H:%M:%SZ}",
            "names": list(each.dns_names),
            "keyAlgorithm": "ECDSA P-256",
            "keyFingerprint": each.public_key.fingerprint,
            "fingerprint": each.fingerprint,
        }
        for role, each in members
    ]
    message = judged["findings"][0].pop("message")
    assert message.startswith('the certificate does not cover the DNS name "api.example.com"')
    assert judged == {
        "file": str(path),
        "line": 1,
        "kind": "File",
        "namespace": None,
        "name": str(path),
        "reason": "NameMissing",
        "validation": 2012,
        "certificateStoreStatus": "PUBLIC_KEY_CERTIFICATE_IS_INVALID",
        "responseCode": 525,
        "path": judged["path"],
        "findings": [
            {
                "reason": "NameMissing",
                "detail": None,
                "severity": "Error",
                "code": 2012,
                "fingerprint": leaf.fingerprint,
                "file": str(path),
                "line": 1,
            }
        ],
        "notes": [],
        "nextChange": judged["nextChange"],
    }


def test_json_names_problems_when_something_cannot_be_judged() -> None:
    document = check("json", "absent.pem")
    assert (document["exitCode"], document["results"]) == (2, [])
    assert document["problems"] == [
        {"file": "absent.pem", "line": None, "message": "cannot be read: No such file or directory"}
    ]


@pytest.fixture(scope="module")
def log() -> dict[str, Any]:
    return check("sarif", EXAMPLES / "good", EXAMPLES / "bad", EXAMPLES / "refused", "absent.pem")


def test_sarif_is_one_run_of_version_2_1_0_when_written(log: dict[str, Any]) -> None:
    (run,) = log["runs"]
    assert set(log) == {"$schema", "version", "runs"}
    assert (log["version"], log["$schema"].endswith("sarif-schema-2.1.0.json")) == ("2.1.0", True)
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"], set(run)) == (
        "certwright",
        __version__,
        {"tool", "invocations", "results", "columnKind"},
    )


def test_sarif_rules_are_reasons_with_help_when_written(log: dict[str, Any]) -> None:
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    identifiers = [rule["id"] for rule in rules]
    assert identifiers == sorted(set(identifiers))
    for rule in rules:
        explanation = EXPLANATIONS[Reason(rule["id"])]
        assert rule["shortDescription"]["text"] == explanation.meaning
        assert explanation.fix in rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}


def test_sarif_results_name_rule_level_and_place_when_written(log: dict[str, Any]) -> None:
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert {each["level"] for each in run["results"]} == {"error", "warning", "note"}
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        assert each["message"]["text"]
        (location,) = each["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"].endswith(".yaml")
        assert physical["region"]["startLine"] >= 1
        kind, namespace, _ = location["logicalLocations"][0]["fullyQualifiedName"].split("/")
        assert (kind in KINDS, namespace) == (True, "default")
    prints = [each["partialFingerprints"]["certwright/v1"] for each in run["results"]]
    assert len(prints) == len(set(prints))


def test_sarif_notes_what_was_not_checked_when_a_secret_is_missing(log: dict[str, Any]) -> None:
    notes = [each for each in log["runs"][0]["results"] if each["level"] == "note"]
    assert {each["ruleId"] for each in notes} == {"NotChecked"}


def test_sarif_says_that_it_failed_when_something_could_not_be_judged(log: dict[str, Any]) -> None:
    (invocation,) = log["runs"][0]["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    assert notification["message"]["text"] == "cannot be read: No such file or directory"
    uri = notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "absent.pem"


def test_sarif_uris_are_relative_when_files_are_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "shop.pem").write_text(SHOP.chain_pem)
    monkeypatch.chdir(tmp_path)
    here = check("sarif", "a folder", "--dns", "api.example.com")
    absolute = check("sarif", tmp_path / "a folder", "--dns", "api.example.com")
    monkeypatch.chdir(tmp_path / "a folder")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    outside = check("sarif", tmp_path / "a folder", "--dns", "api.example.com")
    uris = [
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for log in (here, absolute, outside)
    ]
    assert uris == ["a%20folder/shop.pem", "a%20folder/shop.pem", (tmp_path / "a folder" / "shop.pem").as_uri()]


def test_sarif_fingerprints_stay_when_lines_move(tmp_path: Path) -> None:
    path = tmp_path / "shop.pem"
    prints = []
    for text in (SHOP.chain_pem, "a line of an export tool\n" + SHOP.chain_pem):
        path.write_text(text)
        found = check("sarif", path, "--dns", "api.example.com")["runs"][0]["results"]
        prints.append(next(each for each in found if each["ruleId"] == "NameMissing"))
    assert prints[0]["partialFingerprints"] == prints[1]["partialFingerprints"]
    assert prints[0]["locations"] != prints[1]["locations"]
    assert prints[0]["properties"] == {"certificate": SHOP.certificate.fingerprint}


def test_sarif_calls_standard_input_by_a_name_when_it_is_read() -> None:
    result = CliRunner().invoke(cli, ["check", "--output", "sarif", "-"], input="no certificate")
    (found,) = json.loads(result.output)["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "stdin"


def fields(value: Any) -> set[str]:
    """Give the names of all fields in a JSON value."""
    if isinstance(value, list):
        return set().union(*map(fields, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(fields(each) for each in value.values()))


def test_page_names_every_field_when_programs_get_it(tmp_path: Path) -> None:
    (tmp_path / "old.pem").write_text(SHOP.chain_pem)
    (tmp_path / "new.pem").write_text(ISSUING.issue_leaf("api.example.com").chain_pem)
    arguments = ["diff", "--output", "json", str(tmp_path / "old.pem"), str(tmp_path / "new.pem")]
    difference = json.loads(CliRunner().invoke(cli, arguments).output)
    page = (EXAMPLES.parents[1] / "docs" / "reference" / "output.md").read_text(encoding="utf-8")
    wishes = [cluster_store(), decision("g1", G1), decision("g2", G2, trustUntil="2027-01-01T00:00:00Z")]
    old, new = write(tmp_path, "old.yaml", *wishes), write(tmp_path, "new.yaml", wishes[0], decision("g2", G2))
    trust = json.loads(run("diff", "--output", "json", old, new).output)
    named = fields(difference) | fields(trust) | fields(check("json", EXAMPLES / "bad", new, "absent.pem"))
    assert {"approval", "was", "bundle"} <= named
    assert {name for name in named if f"`{name}`" not in page and f"`{name}[]`" not in page} == set()
    assert [flag.value for flag in Flag if f"`{flag.value}`" not in page] == []
