"""`certwright check` over decisions and stores: the operator's verdicts, and what stores would deploy."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from certwright.reconcile.trust.change import change_id
from tests.support.pki import PKI, Entity
from tests.support.pki_files import secrets_of
from tests.unit.cli.trust_files import (
    G1,
    G2,
    ISSUING,
    SHOP,
    SOURCE,
    Object,
    check,
    cluster_store,
    decision,
    imported,
    ours,
    run,
    store,
    write,
)

OLD = PKI().root("Old Root", not_after=datetime(2025, 6, 1, tzinfo=UTC))
CLUSTER, LOCAL, CERTIFICATE = "ClusterTrustStore/corporate", "TrustStore/local", "ImportedCertificate/shop"


def reasons(judged: dict[str, Any], severity: str = "Error") -> list[str]:
    """Give the reasons of one severity, with details."""
    found = (each for each in judged["findings"] if each["severity"] == severity)
    return [f"{each['reason']}/{each['detail']}" if each["detail"] else each["reason"] for each in found]


def bundle(judged: dict[str, Any]) -> list[tuple[str, str]]:
    """Give subject and role of what a store would deploy."""
    return sorted((each["subject"], each["role"]) for each in judged["bundle"]["certificates"])


def config_map(name: str, text: str, **metadata: Any) -> Object:
    """Make a ConfigMap with a bundle."""
    labels = {"name": name, "namespace": "trust", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": labels, "data": {"ca.crt": text}}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"certificate": SHOP.pem}, ["UsageMismatch/CAFlagMissing", "UsageMismatch/KeyCertSignMissing"]),
        ({"certificate": G1.pem + G1.key_pem}, ["KeyInCertificate"]),
        ({"cert": base64.b64encode(G1.key_pem.encode()).decode()}, ["KeyInCertificate"]),
        ({"certificate": G1.pem + G2.pem}, ["InvalidRequest/SeveralCertificates"]),
        ({"certificate": OLD.pem}, ["Expired"]),
        ({"certificate": G1.pem, "fingerprint": G2.certificate.fingerprint}, ["FingerprintMismatch"]),
        ({"certificate": G1.pem, "cert": "AA=="}, ["InvalidRequest/ConflictingFields"]),
        ({"certificateRef": {"name": "absent"}}, ["InvalidRequest"]),
        ({"certificateRef": {"name": "absent"}, "fingerprint": G1.certificate.fingerprint}, ["ReferenceNotFound"]),
        ({"certificate": ISSUING.pem, "certUse": "intermediateCA"}, ["IssuerNotFound"]),
        ({"certificate": ISSUING.pem}, ["UsageMismatch"]),
        ({"certificate": G1.pem, "trustedUntil": "2027-01-01T00:00:00Z"}, ["InvalidRequest"]),
        ({}, ["InvalidRequest/SourceMissing"]),
    ],
)
def test_check_refuses_a_decision_when_its_certificate_is_no_good_ca(spec: dict[str, Any], found: list[str]) -> None:
    judged = check(decision("ca", None, **spec))["TrustDecision/ca"]
    assert [each.removesuffix("/WrongType") for each in reasons(judged)] == found


def test_check_exits_with_1_and_shows_no_key_when_one_stands_in_a_decision(tmp_path: Path) -> None:
    path = write(tmp_path, "ca.yaml", decision("ca", None, certificate=G1.pem + G1.key_pem))
    for form in ("text", "json", "sarif"):
        result = run("check", "--output", form, path)
        assert (result.exit_code, "KeyInCertificate" in result.output) == (1, True)
        assert [piece for piece in secrets_of(G1.key_pem.encode()) if piece in result.output.encode()] == []


def test_check_accepts_an_intermediate_when_a_decision_trusts_its_root_in_any_order() -> None:
    second = G1.issue_ca("Corp Issuing CA 2")
    judged = check(
        decision("b", second, certUse="intermediateCA"),
        decision("a", ISSUING, certUse="intermediateCA"),
        decision("root", G1),
    )
    assert {name: each["reason"] for name, each in judged.items()} == {
        "TrustDecision/b": "Valid",
        "TrustDecision/a": "Valid",
        "TrustDecision/root": "Valid",
    }


def test_check_refuses_an_intermediate_when_a_list_among_the_files_revokes_it() -> None:
    source = ours("RevocationSource", "lists", "trust", crl=G1.crl([ISSUING]).pem)
    judged = check(decision("issuing", ISSUING, certUse="intermediateCA"), decision("root", G1), source)
    assert judged["RevocationSource/lists"]["reason"] == "Valid"
    assert judged["RevocationSource/lists"]["path"][0]["subject"] == "CN=Corp Root G1"
    assert judged["TrustDecision/issuing"]["reason"] == "Revoked"


def test_check_finds_nothing_wrong_when_a_decision_is_as_wished() -> None:
    judged = check(
        decision("withdrawn", OLD, trustStateDesired="untrusted"),
        decision("over", G1, trustUntil="2026-01-01T00:00:00Z"),
        decision("until", G2, trustUntil="2027-01-01T00:00:00Z"),
    )
    withdrawn, over, until = (judged[f"TrustDecision/{name}"] for name in ("withdrawn", "over", "until"))
    assert [each["reason"] for each in (withdrawn, over, until)] == ["Valid", "Valid", "Valid"]
    assert (reasons(withdrawn, "Warning"), reasons(over, "Warning")) == (["Expired"], ["TrustEnded"])
    assert until["decision"] == {
        "trustState": "trusted",
        "trustStateDesired": "trusted",
        "certUse": "rootCA",
        "trustUntil": "2027-01-01T00:00:00Z",
    }
    assert until["nextChange"] == "2027-01-01T00:00:00Z"


def test_check_says_what_a_decision_comes_to_when_it_writes_text(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "trust.yaml",
        decision("a", G1, trustUntil="2027-01-01T00:00:00Z"),
        decision("b", G2, trustStateDesired="untrusted"),
        decision("c", OLD),
    )
    lines = [line.strip() for line in run("check", path).output.splitlines()]
    assert "rootCA, trusted until 2027-01-01T00:00:00Z" in lines
    assert "rootCA, not trusted, as wished" in lines
    assert "rootCA, to be trusted" in lines


def test_check_notes_when_the_secret_of_a_decision_is_not_among_the_files() -> None:
    reference = {"certificateRef": {"kind": "Secret", "name": "root"}, "fingerprint": G1.certificate.fingerprint}
    judged = check(SOURCE, decision("ca", None, **reference), cluster_store(), imported())
    assert (judged["TrustDecision/ca"]["reason"], reasons(judged["TrustDecision/ca"])) == ("NotChecked", [])
    assert judged["TrustDecision/ca"]["notes"] == [
        "Secret `root` (`spec.certificateRef`) is not among the files, so what it holds was not checked."
    ]
    assert judged[CLUSTER]["notes"] == ["TrustDecision `ca` was not checked, so what it adds is not known."]
    assert judged[CLUSTER]["reason"] == judged[CERTIFICATE]["reason"] == "NotChecked"


def test_check_points_at_the_config_map_when_the_certificate_stands_there(tmp_path: Path) -> None:
    held = config_map("root", SHOP.pem)
    reference = {"certificateRef": {"name": "root"}, "fingerprint": SHOP.certificate.fingerprint}
    text = yaml.safe_dump(decision("ca", None, **reference)) + "---\n" + yaml.safe_dump(held)
    (tmp_path / "ca.yaml").write_text(text)
    result = run("check", tmp_path / "ca.yaml")
    assert (result.exit_code, "1 checked: 0 good" in result.output) == (1, True)
    assert f"ca.yaml:{text[: text.index('ca.crt')].count(chr(10)) + 1}" in result.output


def test_check_deploys_what_a_store_gathers_and_leaves_out_what_is_bad() -> None:
    decisions = [decision("g1", G1), decision("old", OLD), decision("leaf", SHOP)]
    intermediate = decision("issuing", ISSUING, certUse="intermediateCA", trustUntil="2027-01-01T00:00:00Z")
    judged = check(SOURCE, *decisions, intermediate, cluster_store("Automatic"), imported())
    corporate = judged[CLUSTER]
    assert (corporate["reason"], corporate["namespace"]) == ("Valid", None)
    assert reasons(corporate, "Warning") == ["CertificateLeftOut", "CertificateLeftOut"]
    assert bundle(corporate) == [("CN=Corp Issuing CA", "intermediateCA"), ("CN=Corp Root G1", "rootCA")]
    assert (corporate["bundle"]["mode"], corporate["bundle"]["firstApproval"]) == ("Automatic", None)
    assert [each["role"] for each in judged[CERTIFICATE]["path"]] == ["leaf", "intermediate", "anchor"]


def test_check_gives_the_first_approval_when_a_store_is_manual(tmp_path: Path) -> None:
    path = write(tmp_path, "trust.yaml", SOURCE, decision("g1", G1), decision("g2", G2), cluster_store(), imported())
    found = check(*yaml.safe_load_all(path.read_text()))[CLUSTER]["bundle"]
    assert found["firstApproval"] == change_id(None, found["revision"])
    plain, verbose = run("check", path), run("check", "-v", path)
    assert (plain.exit_code, f"approved the first time with {found['firstApproval']}" in plain.output) == (0, True)
    assert f"  deploys 2 roots, revision {found['revision']}" in plain.output
    assert [G1.certificate.fingerprint in each.output for each in (plain, verbose)] == [False, True]
    assert "Corp Root G2  2025-01-01 to 2035-01-01, rootCA, TrustDecision g2" in verbose.output


def test_check_judges_the_chain_when_the_store_trusts_another_ca() -> None:
    judged = check(SOURCE, decision("g2", G2), cluster_store(), store(), imported())
    assert judged[CERTIFICATE]["reason"] == "IssuerNotFound"
    assert "ClusterTrustStore `corporate` trusts" in judged[CERTIFICATE]["findings"][0]["message"]


def test_check_notes_when_a_store_or_its_decisions_are_not_among_the_files() -> None:
    absent = check(imported())[CERTIFICATE]
    empty = check(cluster_store(), imported())
    assert (absent["reason"], absent["findings"]) == ("NotChecked", [])
    text = "ClusterTrustStore `corporate` is not among the files, so its trust was not checked."
    assert absent["notes"] == [f"{text} Give its CAs with `--anchors`."]
    assert (empty[CERTIFICATE]["reason"], empty[CLUSTER]["reason"]) == ("NotChecked", "NotChecked")
    assert [each.partition(",")[0] for each in empty[CLUSTER]["notes"]] == [
        "no TrustDecision of namespace `trust` is among the files",
        "Namespace `trust` is not among the files",
    ]


def test_check_refuses_when_the_namespace_of_the_decisions_is_no_source_of_trust() -> None:
    bare = {**SOURCE, "metadata": {"name": "trust"}}
    judged = check(bare, decision("g1", G1), cluster_store("Automatic"))
    assert reasons(judged[CLUSTER]) == ["InvalidRequest"]
    assert "certwright.io/trust-source=true" in judged[CLUSTER]["findings"][0]["message"]


@pytest.mark.parametrize("given", ["--anchors", "--crl"])
def test_check_takes_what_is_given_beside_what_the_store_trusts(given: str, tmp_path: Path) -> None:
    (tmp_path / "given.pem").write_text(G2.pem if given == "--anchors" else ISSUING.crl([SHOP]).pem)
    path = write(tmp_path, "trust.yaml", SOURCE, decision("g1", G1), cluster_store("Automatic"), imported())
    result = run("check", path, given, tmp_path / "given.pem")
    word = "IssuerNotFound" if given == "--anchors" else "Revoked"
    assert (result.exit_code, f"{word}  ImportedCertificate trust/shop" in result.output) == (1, True)


def test_check_uses_the_lists_and_the_mode_of_the_store_when_the_wish_says_nothing() -> None:
    lists = ours("RevocationSource", "lists", "trust", crl=ISSUING.crl([SHOP]).pem)
    issuing = decision("issuing", ISSUING, certUse="intermediateCA")
    wish = cluster_store("Automatic", revocation="Prefer")
    certificate = imported()
    certificate["metadata"]["namespace"] = "shop"
    assert check(SOURCE, decision("g1", G1), issuing, wish, lists, certificate)[CERTIFICATE]["reason"] == "Revoked"
    unlisted = check(SOURCE, decision("g1", G1), issuing, wish, certificate)[CERTIFICATE]
    assert (unlisted["reason"], unlisted["notes"][0].partition(":")[0]) == (
        "NotChecked",
        "revocation is asked for and was not checked",
    )


def test_check_refuses_when_the_target_of_a_store_is_somebody_elses() -> None:
    wish = store(targets=[{"name": "corporate-ca"}])
    taken = check(decision("g1", G1), wish, config_map("corporate-ca", G2.pem))[LOCAL]
    given = {"certwright.io/allow-write": "TrustStore/local"}
    free = check(decision("g1", G1), wish, config_map("corporate-ca", G2.pem, annotations=given))[LOCAL]
    assert (taken["reason"], free["reason"]) == ("TargetNotOwned", "Valid")


def test_check_notes_when_the_password_of_a_bundle_is_not_among_the_files() -> None:
    target = {"name": "java", "kind": "Secret", "format": "PKCS12", "key": "ca.p12", "passwordRef": {"name": "absent"}}
    judged = check(decision("g1", G1), store(targets=[target]))[LOCAL]
    assert (judged["reason"], judged["notes"]) == (
        "NotChecked",
        ["Secret `absent` is not among the files, so what it holds was not checked."],
    )
    password = {"apiVersion": "v1", "kind": "Secret", "stringData": {"password": "example"}}
    there = {**password, "metadata": {"name": "absent", "namespace": "trust"}}
    assert check(decision("g1", G1), store(targets=[target]), there)[LOCAL]["reason"] == "Valid"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (cluster_store(targets=[{"name": "ca"}]), "`spec.namespaceSelector` must be set"),
        (ours("ClusterTrustStore", "corporate", "", selector={}, deployment={"mode": "Manual"}), "`spec.decisionNam"),
        (cluster_store(clusterTrustBundle={"name": "a:b"}), "`spec.clusterTrustBundle.name` must begin"),
        (cluster_store(clusterTrustBundle={"name": "b", "signerName": "a.io/b"}), "`spec.clusterTrustBundle.name`"),
        (cluster_store(deployment={}), "deployment.mode"),
        (store(targets=[{"name": "ca"}, {"name": "ca"}]), "`spec.targets` must name each object once."),
        (store(targets=[{"name": "kube-root-ca.crt"}]), "Choose another name"),
        (store(selectors={}), "`spec.selectors` is not a field"),
    ],
)
def test_check_refuses_a_store_when_the_api_server_would(wish: Object, words: str) -> None:
    judged = check(SOURCE, decision("g1", G1), wish)[f"{wish['kind']}/{wish['metadata']['name']}"]
    assert any(words in each["message"] for each in judged["findings"] if each["severity"] == "Error")


def test_check_accepts_the_name_of_a_bundle_when_it_begins_with_the_signer() -> None:
    target = {"name": "a.io:b:corporate", "signerName": "a.io/b"}
    assert check(SOURCE, decision("g1", G1), cluster_store(clusterTrustBundle=target))[CLUSTER]["reason"] == "Valid"


def test_check_gathers_the_public_roots_when_a_store_wants_them(tmp_path: Path) -> None:
    judged = check(decision("g1", G1), store(publicRoots="Mozilla"))[LOCAL]["bundle"]
    assert judged["publicRoots"].startswith("certifi ")
    assert len([each for each in judged["certificates"] if each["public"]]) > 100
    path = write(tmp_path, "store.yaml", decision("g1", G1), store(publicRoots="Mozilla"))
    assert f" of them public ({judged['publicRoots']})" in run("check", path).output


def test_check_remarks_and_takes_the_last_when_a_decision_is_there_twice(tmp_path: Path) -> None:
    path = write(tmp_path, "twice.yaml", decision("ca", SHOP), decision("ca", G1))
    result = run("check", path)
    assert (result.exit_code, "TrustDecision trust/ca is there twice" in result.output) == (0, True)


@pytest.mark.parametrize("entity", [G1, OLD])
def test_check_names_objects_of_the_cluster_without_namespace_in_sarif(entity: Entity, tmp_path: Path) -> None:
    bad = cluster_store("Automatic", targets=[{"name": "ca"}])
    result = run("check", "--output", "sarif", write(tmp_path, "a.yaml", SOURCE, decision("ca", entity), bad))
    assert '"fullyQualifiedName": "ClusterTrustStore/corporate"' in result.output
