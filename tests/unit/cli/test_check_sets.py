"""`certwright check` over sets of certificates: the operator's codes, and what only a cluster knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.pki_files import secrets_of
from tests.unit.cli.set_files import (
    API,
    ISSUING,
    OLD,
    OWNER,
    PROXY,
    ROOT,
    SPACES,
    SYNCER,
    UPLOADS,
    codes,
    errors,
    fingerprint,
    given,
    judge,
    namespace,
    slot,
    text_of,
    upload,
    wish,
)
from tests.unit.cli.trust_files import G1, SOURCE, Object, cluster_store, decision, run, write

GOOD = [*SPACES, *UPLOADS]
ASSUMED = ". Each is taken to be there, with room for the Secrets and none of the same names in it."
ABSENT = "is not among the files, so what it holds was not checked."
INLINE = {"name": "proxy", "certificate": PROXY.chain_pem}


def secret(name: str, space: str, entity: Any = OLD, **annotations: str) -> Object:
    """Make a Secret that stands where the set would write."""
    made = upload(name, entity, at=space)
    made["metadata"]["annotations"] = {name.replace("_", "-"): text for name, text in annotations.items()}
    return made


def test_check_accepts_a_set_when_all_it_names_is_among_the_files() -> None:
    judged = judge(*GOOD, wish())
    found = judged["set"]
    assert (judged["reason"], judged["responseCode"], judged["certificateStoreStatus"]) == ("Valid", 200, None)
    assert (judged["notes"], judged["namespace"]) == ([], None)
    assert (found["namespaces"], found["revision"][:7]) == (["a", "b"], "sha256:")
    assert [(each["name"], each["secretName"], each["required"]) for each in found["certificates"]] == [
        ("proxy", "proxy-tls", True),
        ("api", "api-tls", True),
        ("syncer", "syncer-tls", False),
    ]
    assert [[link["fingerprint"] for link in each["path"]] for each in found["certificates"]] == [
        [fingerprint(PROXY), fingerprint(ISSUING)],
        [fingerprint(API), fingerprint(ISSUING)],
        [],
    ]
    assert codes(judged) == {"proxy": 200, "api": 200, "syncer": 200}


@pytest.mark.parametrize(
    ("spec", "uploads", "code", "found", "rows"),
    [
        ({}, [upload("proxy", PROXY), upload("api", OLD)], 406, ["Expired"], {"api": 406}),
        (
            {},
            [upload("proxy", PROXY), upload("api", API, consent=False)],
            400,
            ["InvalidRequest/ConsentMissing"],
            {"api": 400},
        ),
        (
            {},
            [upload("proxy", PROXY, key=API), upload("api", API, key=PROXY)],
            400,
            ["KeyMismatch", "KeyMismatch"],
            {"proxy": 400, "api": 400},
        ),
        (
            {"certificates": [given("proxy"), given("api"), given("nginx", "api")]},
            UPLOADS,
            403,
            ["UnknownName"],
            {"nginx": 403},
        ),
        ({"certificates": [given("proxy")]}, UPLOADS, 403, ["RequiredCertificate"], {"api": 403}),
        (
            {"certificates": [given("proxy")], "absent": ["api"]},
            UPLOADS,
            403,
            ["RequiredCertificate"],
            {"api": 403},
        ),
        ({"absent": ["nginx"]}, UPLOADS, 404, ["UnknownName"], {"nginx": 404}),
        ({"absent": ["syncer"]}, UPLOADS, 200, [], {"syncer": 200}),
        ({"absent": ["api"]}, UPLOADS, 400, ["InvalidRequest/ConflictingFields"], {"api": 400}),
        (
            {"slots": [slot("proxy", usages=["ClientAuth"], dnsNames=["proxy.example.com"]), slot("api")]},
            UPLOADS,
            400,
            ["UsageMismatch"],
            {"proxy": 400},
        ),
        (
            {"slots": [slot("proxy", dnsNames=["www.example.com"]), slot("api")]},
            UPLOADS,
            400,
            ["NameMissing"],
            {"proxy": 400},
        ),
        (
            {"certificates": [given("proxy"), {"name": "api", "certificate": API.chain_pem}]},
            UPLOADS,
            400,
            ["InvalidRequest/NoKey"],
            {"api": 400},
        ),
        (
            {
                "certificates": [
                    given("proxy"),
                    given("api", certificateRef={"namespace": "uploads", "kind": "ConfigMap", "name": "x"}),
                ]
            },
            UPLOADS,
            404,
            ["ReferenceNotFound"],
            {"api": 404},
        ),
        ({"namespaces": ["a", "kube-system"]}, UPLOADS, 400, ["InvalidRequest/Forbidden"], {}),
        (
            {"namespaces": [f"n{number}" for number in range(700)]},
            UPLOADS,
            400,
            ["InvalidRequest/LimitExceeded"],
            {},
        ),
        (
            {"slots": [slot("proxy"), slot("api", secretName="proxy-tls")]},
            UPLOADS,
            400,
            ["InvalidRequest/ConflictingFields"],
            {},
        ),
    ],
)
def test_check_gives_the_codes_of_the_operator_when_a_set_is_refused(
    spec: dict[str, Any], uploads: list[Object], code: int, found: list[str], rows: dict[str, int]
) -> None:
    judged = judge(*SPACES, *uploads, wish(**spec))
    assert (judged["responseCode"], errors(judged)) == (code, found)
    assert {name: row for name, row in codes(judged).items() if row != 200} == {
        name: row for name, row in rows.items() if row != 200
    }


def test_check_tells_the_worst_code_when_several_certificates_are_bad() -> None:
    uploads = [upload("proxy", OLD), upload("api", API, consent=False)]
    judged = judge(*SPACES, *uploads, wish(certificates=[given("proxy"), given("api"), given("nginx", "api")]))
    assert (judged["responseCode"], judged["set"]["revision"]) == (403, None)
    assert codes(judged) == {"proxy": 406, "api": 400, "syncer": 200, "nginx": 403}


def test_check_points_at_certificate_and_line_when_a_finding_is_about_one(tmp_path: Path) -> None:
    path = write(tmp_path, "set.yaml", wish(), *SPACES, upload("proxy", OLD), upload("api", API, consent=False))
    lines = path.read_text().splitlines()
    result = run("check", path)
    assert result.exit_code == 1
    text = [line.strip() for line in result.output.splitlines()]
    assert text[0] == f"InvalidRequest  ClusterCertificateSet gateway  {path}:1"
    assert text[1] == "400 for 2 namespaces: a, b"
    assert text[2].startswith("406 proxy → proxy-tls  Expired  old.example.com  ")
    assert text[3] == "400 api → api-tls  InvalidRequest"
    assert text[4] == "200 syncer → syncer-tls  not listed, and not required"
    place = lines.index("  - name: api", lines.index("  certificates:")) + 1
    assert text[5].startswith(
        "error InvalidRequest/ConsentMissing  `spec.certificates[api]`: the Secret does not allow"
    )
    assert text[5].endswith(f"kubectl annotate secret -n uploads api certwright.io/allow-read={OWNER}  {path}:{place}")
    assert text[6].startswith("error Expired  `proxy`: the certificate")
    findings = json.loads(run("check", "--output", "json", path).output)["results"][0]["findings"]
    assert [(each["reason"], each["certificates"]) for each in findings if each["severity"] == "Error"] == [
        ("InvalidRequest", ["api"]),
        ("Expired", ["proxy"]),
    ]
    where = next(number for number, line in enumerate(lines, 1) if "tls.crt" in line)
    assert findings[1]["line"] >= where > findings[0]["line"]


def test_check_names_every_certificate_when_two_have_the_same_defect() -> None:
    judged = judge(*SPACES, upload("old", OLD), wish(certificates=[given("proxy", "old"), given("api", "old")]))
    found = [each for each in judged["findings"] if each["reason"] == "Expired"]
    assert [(each["certificates"], each["message"][:8]) for each in found] == [
        (["proxy"], "`proxy`:"),
        (["api"], "`api`: t"),
    ]


def test_sarif_names_the_certificate_of_the_set_when_the_message_does_not(tmp_path: Path) -> None:
    path = write(tmp_path, "set.yaml", wish(), *SPACES, upload("proxy", OLD), upload("api", API))
    result = run("check", "--output", "sarif", path)
    (found,) = json.loads(result.output)["runs"][0]["results"]
    assert (result.exit_code, found["ruleId"], found["level"]) == (1, "Expired", "error")
    assert found["message"]["text"].startswith("`proxy`: ")
    place = found["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert place == "ClusterCertificateSet/gateway"


# ---- what only a cluster knows


def test_check_assumes_namespaces_and_says_so_when_they_are_not_among_the_files() -> None:
    judged = judge(*UPLOADS, namespace("a"), wish())
    assert (judged["reason"], judged["responseCode"], judged["findings"]) == ("NotChecked", 200, [])
    assert judged["notes"] == ["of `spec.namespaces` `b` is not among the files" + ASSUMED]
    assert run("check", "-", stdin=text_of(*UPLOADS, wish())).exit_code == 0


def test_check_takes_the_namespaces_among_the_files_when_a_set_selects_them() -> None:
    selector = {"namespaces": None, "namespaceSelector": {"matchLabels": {"tier": "edge"}}}
    judged = judge(*GOOD, namespace("kube-edge", tier="edge"), wish(**selector, exclude=["b"]))
    assert (judged["reason"], judged["responseCode"], judged["set"]["namespaces"]) == ("NotChecked", 200, ["a"])
    (note,) = judged["notes"]
    assert note.startswith("`spec.namespaceSelector` selects `a` among the files; which other namespaces of a cluster")
    nowhere = judge(*UPLOADS, wish(namespaces=None, namespaceSelector={}))
    assert (nowhere["findings"], nowhere["set"]["namespaces"]) == ([], [])
    assert "selects none among the files" in nowhere["notes"][0]


def test_check_notes_when_the_secret_of_a_certificate_is_not_among_the_files() -> None:
    judged = judge(*SPACES, upload("proxy", PROXY), wish())
    assert (judged["reason"], judged["responseCode"], errors(judged)) == ("NotChecked", None, [])
    assert judged["notes"] == [
        f"Secret `api` (`spec.certificates[api].certificateRef`) {ABSENT}",
    ]
    assert codes(judged) == {"proxy": 200, "api": None, "syncer": 200}
    text = text_of(*SPACES, upload("proxy", PROXY), wish())
    assert (run("check", "-", stdin=text).exit_code, run("check", "--require-keys", "-", stdin=text).exit_code) == (
        0,
        2,
    )
    assert "   -  api → api-tls  NotChecked" in run("check", "-", stdin=text).output


def test_check_judges_what_it_has_when_a_key_is_not_among_the_files() -> None:
    expired = {"name": "api", "certificate": OLD.chain_pem}
    keys = {"privateKeyRef": {"namespace": "vault", "name": "keys"}}
    judged = judge(*SPACES, wish(certificates=[INLINE | keys, expired | keys]))
    assert (judged["reason"], judged["responseCode"], codes(judged)["api"]) == ("Expired", 406, 406)
    assert len(judged["notes"]) == 1


# ---- what stands where the set would write


def test_check_refuses_a_set_when_a_place_is_somebody_elses() -> None:
    taken = judge(*GOOD, secret("api-tls", "b"), wish())
    assert (taken["responseCode"], errors(taken)) == (409, ["TargetNotOwned"])
    given_up = secret("api-tls", "b")
    given_up["metadata"]["annotations"] = {"certwright.io/allow-write": OWNER}
    assert judge(*GOOD, given_up, wish())["responseCode"] == 200


def test_check_says_nothing_of_a_place_of_its_own_when_the_set_speaks_for_it() -> None:
    held = secret("api-tls", "b", OLD)
    held["metadata"]["annotations"] = {"certwright.io/owner": OWNER, "certwright.io/revision": f"sha256:{64 * '0'}"}
    held["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "certwright"}
    text = text_of(*GOOD, held, wish(certificates=[given("proxy"), given("api")]))
    results = json.loads(run("check", "--output", "json", "-", stdin=text).output)["results"]
    assert [(each["kind"], each["reason"]) for each in results] == [("ClusterCertificateSet", "Valid")]
    forgotten = judge(
        *GOOD, held, wish(slots=[slot("proxy"), slot("api", required=False)], certificates=[given("proxy")])
    )
    assert (forgotten["reason"], errors(forgotten)) == ("Valid", [])


def test_check_judges_again_when_a_certificate_is_written_for_a_set() -> None:
    imported: Object = {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "metadata": {"name": "watch", "namespace": "a"},
        "spec": {"certificateRef": {"name": "api-tls"}},
    }
    text = text_of(imported, wish(), *GOOD)
    results = json.loads(run("check", "--output", "json", "-", stdin=text).output)["results"]
    judged = {each["kind"]: each for each in results}
    assert judged["ImportedCertificate"]["reason"] == "Valid"
    assert judged["ImportedCertificate"]["path"][0]["fingerprint"] == fingerprint(API)


# ---- what the API server refuses


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"slots": [slot("proxy"), slot("proxy", secretName="x"), slot("api")]},
            "`spec.slots` must have each `name` on",
        ),
        ({"certificates": [given("proxy"), given("proxy"), given("api")]}, "`spec.certificates` must have each `name`"),
        ({"absent": ["syncer", "syncer"]}, "`spec.absent` must name each value once"),
        ({"namespaces": ["a", "a"]}, "`spec.namespaces` must name each value once"),
        ({"exclude": ["a", "a"]}, "`spec.exclude` must name each value once"),
        ({"slots": [slot("proxy", usages=["ServerAuth", "ServerAuth"])]}, "`spec.slots[proxy].usages` must name each"),
        ({"namespaces": None}, "exactly one of `spec.namespaces` and `spec.namespaceSelector`"),
        ({"namespaceSelector": {}}, "exactly one of `spec.namespaces` and `spec.namespaceSelector`"),
        ({"certificates": [INLINE | given("proxy")]}, "must not have both `certificate` and `certificateRef`"),
        ({"certificates": [given("proxy", chain="x", chainRef={"namespace": "a", "name": "b"})]}, "both `chain` and"),
        ({"certificates": [given("proxy", passwort="x")]}, "`spec.certificates[].passwort` is not a field"),
        ({"slots": 5}, "spec.slots"),
        ({"slots": [slot(f"s{number}") for number in range(65)], "certificates": []}, "spec.slots"),
        ({"certificates": [{"name": "proxy"}]}, "names no certificate"),
    ],
)
def test_check_refuses_a_set_when_the_api_server_would(spec: dict[str, Any], words: str) -> None:
    judged = judge(*GOOD, wish(**spec))
    assert words in " ".join(each["message"] for each in judged["findings"] if each["severity"] == "Error")
    assert judged["responseCode"] in {400, 403}


def test_check_shows_no_key_when_one_stands_in_a_set(tmp_path: Path) -> None:
    leak = {"name": "proxy", "certificate": SYNCER.pem + SYNCER.key_pem}
    path = write(tmp_path, "set.yaml", *GOOD, wish(certificates=[leak, given("api")]))
    for form in ("text", "json", "sarif"):
        result = run("check", "--output", form, path)
        assert (result.exit_code, "KeyInCertificate" in result.output) == (1, True)
        shown = result.output.encode()
        assert [piece for key in (SYNCER, API) for piece in secrets_of(key.key_pem.encode()) if piece in shown] == []


# ---- trust


def test_check_measures_a_set_against_its_store_when_that_is_among_the_files() -> None:
    trust = {"storeRef": {"name": "corporate"}}
    decisions = [SOURCE, cluster_store("Automatic")]
    good = judge(*GOOD, *decisions, decision("root", ROOT), wish(trust=trust))
    bad = judge(*GOOD, *decisions, decision("root", G1), wish(trust=trust))
    assert (good["reason"], good["responseCode"]) == ("Valid", 200)
    assert (bad["responseCode"], codes(bad)) == (400, {"proxy": 400, "api": 400, "syncer": 200})
    alone = judge(*GOOD, wish(trust=trust))
    assert (alone["reason"], alone["findings"]) == ("NotChecked", [])
    assert alone["notes"] == [
        "ClusterTrustStore `corporate` is not among the files, so the trust of the certificates was not checked."
    ]
    unlisted = judge(*GOOD, *decisions, decision("root", ROOT), wish(trust={**trust, "revocation": "Require"}))
    assert (unlisted["reason"], unlisted["notes"][0].partition(":")[0]) == (
        "NotChecked",
        "revocation is asked for and was not checked",
    )
