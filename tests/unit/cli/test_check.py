"""`certwright check` over manifests: the operator's verdicts, from the examples and from single defects."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from certwright.cli import cli
from certwright.pki.certificate import Certificate
from tests.support.demo.examples import EXAMPLES, Example, Expectation, read_examples
from tests.support.pki import PKI, Entity
from tests.support.pki_files import secrets_of

AT = "2026-06-15T00:00:00Z"
ROOT = PKI().root()
ISSUING = ROOT.issue_ca("Corp Issuing CA 3", path_length=0)
SHOP = ISSUING.issue_leaf("shop.example.com")

WITHOUT_MATERIAL = {"not-found", "list-not-allowed", "self-signed"}
"""Examples that hang on what is in no file: a Secret that nobody made, a host that is not asked, a key to be made."""


def check(*arguments: str | Path, stdin: str | bytes = b"") -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["check", "--at", AT, *map(str, arguments)], input=stdin)


def results(*arguments: str | Path, stdin: str | bytes = b"") -> list[dict[str, Any]]:
    """Run the command and give its results as JSON."""
    found: list[dict[str, Any]] = json.loads(check("--output", "json", *arguments, stdin=stdin).output)["results"]
    return found


def reasons(result: dict[str, Any], severity: str) -> set[str]:
    """Give the reasons of one severity."""
    return {each["reason"] for each in result["findings"] if each["severity"] == severity}


def secret(name: str, **data: str) -> dict[str, Any]:
    """Make a Secret."""
    keys = {key.replace("_", "."): text for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys}


def imported(name: str = "shop", **spec: Any) -> dict[str, Any]:
    """Make an ImportedCertificate."""
    return {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "metadata": {"name": name},
        "spec": spec,
    }


def manifest(*objects: dict[str, Any]) -> str:
    """Write objects as `kustomize build` does, texts of several lines as blocks."""
    return "---\n".join(yaml.dump(each, Dumper=_Blocks, sort_keys=False) for each in objects)


class _Blocks(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


_Blocks.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def pair(entity: Entity = SHOP, name: str = "upload") -> dict[str, Any]:
    """Make a Secret with a certificate, its chain and its key."""
    return secret(name, tls_crt=entity.chain_pem, tls_key=entity.key_pem)


@pytest.mark.parametrize(
    "example", [*read_examples("good"), *read_examples("cluster")], ids=lambda example: example.path.stem
)
def test_check_exits_with_0_when_an_example_is_good(example: Example) -> None:
    assert check(example.path).exit_code == 0
    for expected, judged in judged_in(example):
        if example.path.stem in WITHOUT_MATERIAL:
            assert judged["reason"] == "NotChecked"
            continue
        assert (judged["reason"], state_of(judged)) == ("Valid", expected.state)
        assert expected.reasons <= reasons(judged, "Warning")


@pytest.mark.parametrize(
    "example", [*read_examples("bad"), *read_examples("cluster-bad")], ids=lambda example: example.path.stem
)
def test_check_exits_with_1_when_an_example_is_bad(example: Example) -> None:
    result = check(example.path)
    for expected, judged in judged_in(example):
        if example.path.stem in WITHOUT_MATERIAL:
            assert (result.exit_code, judged["reason"]) == (0, "NotChecked")
            continue
        assert (result.exit_code, state_of(judged)) == (1, expected.state)
        assert expected.reasons <= reasons(judged, "Error") | reasons(judged, "Warning")
        assert not expected.says or expected.says in judged["findings"][0]["message"]
        assert judged["reason"] in expected.reasons or judged["kind"] != "ImportedCertificate"


def judged_in(example: Example) -> Iterator[tuple[Expectation, dict[str, Any]]]:
    """Give what is expected of each object of an example, and what is found of it."""
    found = {f"{each['kind']}/{each['name']}": each for each in results(example.path)}
    for expected in example.expectations:
        yield expected, found[expected.identity]


def state_of(judged: dict[str, Any]) -> str:
    """Give the state in the words of `examples.certwright.io/expect`."""
    match judged["kind"]:
        case "RevocationSource":
            return f"{judged['reason']} {judged['validation']}"
        case "ClusterCertificateSet":
            return f"{judged['reason']} {judged['responseCode']}"
        case "TrustDecision":
            return f"{judged['decision']['trustState']} {judged['validation']}"
        case "TrustStore" | "ClusterTrustStore":
            return f"{judged['reason']} {100 if judged['bundle'] else 0}"
    return f"{judged['certificateStoreStatus']} {judged['responseCode']}"


@pytest.mark.parametrize("example", read_examples("refused"), ids=lambda example: example.path.stem)
def test_check_exits_with_1_when_the_api_server_would_refuse(example: Example) -> None:
    result = check(example.path)
    assert (result.exit_code, "this-would-be-a-key" in result.output) == (1, False)


def test_check_judges_all_at_once_when_given_a_folder() -> None:
    result = check(EXAMPLES / "good")
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        0,
        "32 checked: 23 good, 7 with warnings, 2 not checked, 0 bad.",
    )


def test_check_reads_standard_input_when_given_a_hyphen() -> None:
    text = manifest(pair(), imported(certificateRef={"name": "upload"}, targets=[{"secretName": "shop-tls"}]))
    (judged,) = results("-", stdin=text)
    assert (judged["file"], judged["reason"], judged["name"], judged["namespace"]) == ("-", "Valid", "shop", "default")


def test_check_reads_what_is_inside_when_given_a_list() -> None:
    objects = [pair(), imported(certificateRef={"name": "upload"})]
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    (judged,) = results("-", stdin=json.dumps(listed))
    assert judged["reason"] == "Valid"


def test_check_notes_when_a_secret_is_not_among_the_files() -> None:
    wish = imported(
        certificate=SHOP.chain_pem, privateKeyRef={"name": "shop-key"}, targets=[{"secretName": "shop-tls"}]
    )
    result = check("-", stdin=manifest(wish))
    (judged,) = results("-", stdin=manifest(wish))
    assert result.exit_code == 0
    assert (judged["reason"], judged["findings"]) == ("NotChecked", [])
    assert judged["notes"] == [
        "Secret `shop-key` (`spec.privateKeyRef`) is not among the files, so what it holds was not checked."
    ]
    assert [each["role"] for each in judged["path"]] == ["leaf", "intermediate"]
    assert check("--require-keys", "-", stdin=manifest(wish)).exit_code == 2


def test_check_judges_the_certificate_when_only_its_key_is_missing() -> None:
    wish = imported(
        certificate=SHOP.pem, chain=ROOT.pem, privateKeyRef={"name": "key"}, targets=[{"secretName": "shop-tls"}]
    )
    result = check("-", stdin=manifest(wish))
    assert (result.exit_code, "IssuerNotFound" in result.output) == (1, True)


def test_check_refuses_when_a_config_map_is_not_among_the_files() -> None:
    wish = imported(certificate=SHOP.chain_pem, chainRef={"kind": "ConfigMap", "name": "chain"})
    (judged,) = results("-", stdin=manifest(wish))
    assert (judged["reason"], judged["responseCode"]) == ("ReferenceNotFound", 404)


def test_check_finds_the_secret_when_both_are_in_one_namespace_only() -> None:
    here, there = pair(), imported(certificateRef={"name": "upload"})
    here["metadata"]["namespace"] = "shop"
    (alone, elsewhere) = sorted(results("-", stdin=manifest(here, there)), key=lambda each: str(each["kind"]))
    assert (alone["kind"], alone["reason"]) == ("ImportedCertificate", "NotChecked")
    assert (elsewhere["kind"], elsewhere["reason"]) == ("Secret", "Valid")


def test_check_judges_again_when_one_object_reads_what_another_writes() -> None:
    second = imported("second", certificateRef={"name": "shop-tls"})
    first = imported("first", certificateRef={"name": "upload"}, targets=[{"secretName": "shop-tls"}])
    judged = results("-", stdin=manifest(second, first, pair()))
    assert [(each["name"], each["reason"]) for each in judged] == [("second", "Valid"), ("first", "Valid")]


def test_check_refuses_when_two_objects_write_the_same_target() -> None:
    wishes = [
        imported(name, certificateRef={"name": "upload"}, targets=[{"secretName": "shop-tls"}]) for name in ("a", "b")
    ]
    judged = results("-", stdin=manifest(pair(), *wishes))
    assert [each["reason"] for each in judged] == ["Valid", "TargetNotOwned"]


def test_check_refuses_when_a_private_key_stands_in_the_spec() -> None:
    wish = imported(certificate=SHOP.pem + SHOP.key_pem)
    result = check("-", stdin=manifest(wish))
    (judged,) = results("-", stdin=manifest(wish))
    assert result.exit_code == 1
    assert ("KeyInCertificate" in reasons(judged, "Error"), judged["responseCode"]) == (True, 400)
    assert "KeyInCertificate" not in reasons(judged, "Warning")
    shown = result.output.encode() + json.dumps(judged).encode()
    assert [piece for piece in secrets_of(SHOP.key_pem.encode()) if piece in shown] == []


def test_check_refuses_when_a_field_is_misspelt() -> None:
    wish = imported(certificate=SHOP.chain_pem, dnsName=["shop.example.com"], targets=[{"secretname": "x"}])
    messages = [each["message"] for each in results("-", stdin=manifest(wish))[0]["findings"]]
    assert any(message.startswith("`spec.dnsName` is not a field") for message in messages)
    assert any(message.startswith("`spec.targets[].secretname` is not a field") for message in messages)


def test_check_refuses_when_a_list_names_a_value_twice() -> None:
    wish = imported(certificate=SHOP.chain_pem, dnsNames=["shop.example.com", "shop.example.com"])
    assert "`spec.dnsNames` must name each value once." in check("-", stdin=manifest(wish)).output


def test_check_ignores_a_status_when_a_manifest_was_exported() -> None:
    wish = imported(certificate=SHOP.pem)
    served = {"fingerprint": "sha256:" + 64 * "0", "chain": [{"commonName": "x", "fingerprint": "sha256:" + 64 * "1"}]}
    wish["status"] = {"served": served}
    (judged,) = results("-", stdin=manifest(wish))
    assert (judged["reason"], reasons(judged, "Warning")) == ("Valid", {"IssuerMissing"})


def test_check_judges_a_secret_itself_when_no_object_speaks_for_it() -> None:
    other = ISSUING.issue_leaf("other.example.com")
    wrong = secret("upload", tls_crt=SHOP.chain_pem, tls_key=other.key_pem) | {"type": "kubernetes.io/tls"}
    (judged,) = results("-", stdin=manifest(wrong))
    assert (judged["kind"], judged["name"], judged["reason"]) == ("Secret", "upload", "KeyMismatch")
    assert judged["certificateStoreStatus"] == "PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE"


def test_check_notes_when_a_tls_secret_has_no_key() -> None:
    bare = secret("upload", tls_crt=SHOP.chain_pem) | {"type": "kubernetes.io/tls"}
    (judged,) = results("-", stdin=manifest(bare))
    assert (judged["reason"], judged["notes"]) == (
        "NotChecked",
        ["the Secret holds no `tls.key`, so the key was not checked."],
    )
    assert check("--require-keys", "-", stdin=manifest(bare)).exit_code == 2


def test_check_judges_each_certificate_when_a_config_map_holds_a_bundle() -> None:
    old = PKI().root("Old Root", not_after=Certificate.from_der(ROOT.der).not_before.replace(year=2025, month=6))
    bundle = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "roots"},
        "data": {"ca.crt": ROOT.pem + old.pem, "notes": "none"},
    }
    judged = results("-", stdin=manifest(bundle))
    assert [(each["name"], each["reason"]) for each in judged] == [
        ("roots: ca.crt, Corp Root", "Valid"),
        ("roots: ca.crt, Old Root", "Expired"),
    ]
    assert judged[1]["line"] > judged[0]["line"] > 1


def test_check_refuses_when_the_data_of_a_secret_is_no_base64() -> None:
    damaged = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "upload"}, "data": {"tls.crt": "%%%"}}
    (judged,) = results("-", stdin=manifest(damaged))
    assert judged["reason"] == "InvalidRequest"
    assert judged["findings"][0]["message"] == "`data.tls.crt` must be base64."


def test_check_reads_text_over_base64_when_a_secret_has_both() -> None:
    both = pair() | {"data": {"tls.crt": base64.b64encode(b"old").decode()}, "type": "kubernetes.io/tls"}
    assert results("-", stdin=manifest(both))[0]["reason"] == "Valid"


def test_check_points_at_the_block_when_a_finding_is_about_a_certificate(tmp_path: Path) -> None:
    wish = imported(certificate=SHOP.chain_pem, dnsNames=["api.example.com"])
    text = manifest(wish)
    (tmp_path / "shop.yaml").write_text("# a comment\n" + text)
    (judged,) = results(tmp_path / "shop.yaml")
    line = ("# a comment\n" + text).splitlines().index("    -----BEGIN CERTIFICATE-----") + 1
    assert (judged["findings"][0]["reason"], judged["findings"][0]["line"], judged["line"]) == ("NameMissing", line, 2)


def test_check_notes_when_a_kind_is_not_checked_yet() -> None:
    later = {"apiVersion": "certwright.io/v1alpha1", "kind": "Unheard", "metadata": {"name": "x"}, "spec": {}}
    result = check("-", stdin=manifest(later))
    assert (result.exit_code, "objects of kind Unheard are not checked by this version" in result.output) == (0, True)


def test_check_remarks_when_an_object_is_there_twice() -> None:
    wish = imported(certificateRef={"name": "upload"})
    result = check("-", stdin=manifest(pair(), pair(), wish))
    assert (result.exit_code, "Secret default/upload is there twice" in result.output) == (0, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("apiVersion: v1\nkind: [", "cannot be read as YAML"),
        ("apiVersion: v1\nkind: Secret\ndata: !vault x\nmetadata: {name: x}", "cannot be read as YAML"),
        ("apiVersion: v1\nkind: Secret\n", "has no `metadata.name`"),
        ("apiVersion: v1\nkind: Secret\nmetadata: " + 5000 * "[", "nested too deeply"),
        ("apiVersion: v1\nkind: Secret\nmetadata:\n  " + 5000 * "- ", "nested too deeply"),
        ("&all\napiVersion: v1\nkind: List\nitems: [*all]", "contains itself"),
        ("apiVersion: v1\nkind: \0", "cannot be read as YAML"),
    ],
)
def test_check_exits_with_2_when_a_manifest_cannot_be_read(text: str, words: str) -> None:
    result = check("-", stdin=text)
    assert (result.exit_code, words in result.output) == (2, True)


def test_check_passes_over_when_documents_are_others() -> None:
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n---\n- a list\n---\nkey: value\n"
    result = check("-", stdin=text)
    assert (result.exit_code, result.output) == (
        0,
        "Nothing to check: no certificate, and no object that certwright knows.\n",
    )


def test_check_demands_anchors_when_they_are_given(tmp_path: Path) -> None:
    stranger = PKI().root("Other Root")
    (tmp_path / "root.pem").write_text(ROOT.pem)
    (tmp_path / "other.pem").write_text(stranger.pem)
    text = manifest(imported(certificate=SHOP.chain_pem))
    (good,) = results("-", "--anchors", tmp_path / "root.pem", stdin=text)
    (bad,) = results("-", "--anchors", tmp_path / "other.pem", stdin=text)
    assert (good["reason"], [each["role"] for each in good["path"]]) == ("Valid", ["leaf", "intermediate", "anchor"])
    assert bad["reason"] == "IssuerNotFound"


def test_check_refuses_when_a_list_names_the_certificate_of_an_object(tmp_path: Path) -> None:
    (tmp_path / "list.pem").write_text(ISSUING.crl([SHOP]).pem)
    text = manifest(imported(certificate=SHOP.chain_pem))
    (judged,) = results("-", "--crl", tmp_path / "list.pem", stdin=text)
    assert (judged["reason"], judged["validation"]) == ("Revoked", 2005)


def test_check_notes_when_revocation_is_asked_for_without_lists(tmp_path: Path) -> None:
    text = manifest(imported(certificate=SHOP.chain_pem, trust={"revocation": "Require"}))
    (tmp_path / "list.pem").write_text(ISSUING.crl().pem + ROOT.crl().pem)
    (without,), (listed,) = results("-", stdin=text), results("-", "--crl", tmp_path / "list.pem", stdin=text)
    assert without["notes"] == [
        "revocation is asked for and was not checked: no list is among the files. Give lists with `--crl`."
    ]
    assert (without["reason"], listed["reason"]) == ("NotChecked", "CRLIssuerNotFound")
    complete = manifest(imported(certificate=SHOP.chain_pem + ROOT.pem, trust={"revocation": "Require"}))
    assert results("-", "--crl", tmp_path / "list.pem", stdin=complete)[0]["reason"] == "Valid"


def source(**spec: Any) -> dict[str, Any]:
    """Make a RevocationSource."""
    return imported("lists", **spec) | {"kind": "RevocationSource"}


def issuers(*entities: Entity) -> dict[str, Any]:
    """Make a ConfigMap with certificates of CAs."""
    data = {"ca.crt": "".join(each.pem for each in entities)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cas"}, "data": data}


def test_check_uses_the_lists_of_the_namespace_when_the_wish_asks_for_them() -> None:
    lists = source(crl=ISSUING.crl([SHOP]).pem, issuerRef={"kind": "ConfigMap", "name": "cas"})
    wishes = [imported(certificate=SHOP.chain_pem, trust={"revocation": mode}) for mode in ("Prefer", "Off")]
    judged = results("-", stdin=manifest(lists, issuers(ISSUING, ROOT), *wishes))
    assert [(each["kind"], each["reason"]) for each in judged] == [
        ("RevocationSource", "Valid"),
        ("ImportedCertificate", "Revoked"),
        ("ImportedCertificate", "Valid"),
    ]


@pytest.mark.parametrize(
    ("spec", "reason", "status"),
    [
        ({"crl": ISSUING.crl().pem}, "CRLIssuerNotFound", 1),
        ({"crl": SHOP.pem}, "CRLInvalid", 1),
        ({}, "InvalidRequest", 1),
        ({"crl": 5}, "InvalidRequest", 1),
        ({"crlRef": {"kind": "ConfigMap", "name": "absent"}}, "ReferenceNotFound", 1),
        ({"crlRef": {"kind": "ConfigMap", "name": "cas"}}, "ReferenceNotFound", 1),
        ({"crlRef": {"name": "absent"}}, "NotChecked", 0),
        ({"url": "http://crl.example.com/ca.crl"}, "NotChecked", 0),
        ({"crl": ISSUING.crl().pem, "issuerRef": {"name": "absent"}}, "NotChecked", 0),
    ],
)
def test_check_judges_a_source_of_lists_when_it_is_among_the_files(
    spec: dict[str, Any], reason: str, status: int
) -> None:
    text = manifest(source(**spec), issuers(ROOT))
    judged = next(each for each in results("-", stdin=text) if each["kind"] == "RevocationSource")
    assert (judged["reason"], check("-", stdin=text).exit_code) == (reason, status)


def test_check_shows_no_secret_when_everything_is_printed() -> None:
    text = manifest(pair(), imported(certificateRef={"name": "upload"}, targets=[{"secretName": "shop-tls"}]))
    for form in ("text", "json", "sarif"):
        shown = check("--output", form, "-", stdin=text).output.encode()
        assert [piece for piece in secrets_of(SHOP.key_pem.encode()) if piece in shown] == []


@pytest.mark.parametrize(("folder", "status"), [("good", 0), ("bad", 1), ("absent", 2)])
def test_check_exits_as_documented_when_run_as_a_process(folder: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "certwright", "check", str(EXAMPLES / folder)], capture_output=True, check=False
    )
    assert done.returncode == status
    assert b"\x1b[" not in done.stdout
