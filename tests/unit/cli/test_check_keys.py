"""`certwright check` over PrivateKeys and what hangs under them: the key is rarely a file, and its absence no fault."""

from __future__ import annotations

from typing import Any

import pytest

from certwright.reconcile.plan import ALLOW_WRITE_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL, OWNER_ANNOTATION
from tests.support.pki import ec_key, rsa_key
from tests.unit.cli.test_check import SHOP, check, imported, manifest, reasons, results, secret

NAMED = {"kind": "PrivateKey", "name": "shop-key"}
WISH: dict[str, Any] = {
    "privateKeyRef": NAMED,
    "dnsNames": ["shop.example.com"],
    "targets": [{"secretName": "shop-tls"}],
}


def private_key(**spec: Any) -> dict[str, Any]:
    """Make a PrivateKey."""
    return {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "PrivateKey",
        "metadata": {"name": "shop-key"},
        "spec": spec or {"secretName": "shop-key"},
    }


def held(pem: str, **annotations: str) -> dict[str, Any]:
    """Make the Secret of the key, as it would be exported."""
    made = secret("shop-key", tls_key=pem)
    made["metadata"] |= {"annotations": annotations, "labels": {MANAGED_BY_LABEL: MANAGED_BY}}
    return made


MADE_THERE = (
    "holds no key among the files: in a cluster one is made there if there is none. None is made here, so what needs "
    "it was not checked."
)
OURS = {OWNER_ANNOTATION: "PrivateKey/shop-key"}


def judge(*objects: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Check objects, and give what was found by kind."""
    return {each["kind"]: each for each in results("-", stdin=manifest(*objects))}


def test_key_is_a_note_when_its_secret_is_not_among_the_files() -> None:
    found = judge(private_key(), imported(**WISH))

    key, shop = found["PrivateKey"], found["ImportedCertificate"]
    assert (key["reason"], key["findings"]) == (shop["reason"], shop["findings"]) == ("NotChecked", [])
    assert key["notes"] == ["Secret `shop-key` (`spec.secretName`) " + MADE_THERE]
    assert shop["notes"] == ["Secret `shop-key` (`spec.privateKeyRef`) " + MADE_THERE]
    text = manifest(private_key(), imported(**WISH))
    assert check("-", stdin=text).exit_code == 0
    assert check("--require-keys", "-", stdin=text).exit_code == 2


def test_key_that_is_taken_is_a_note_of_its_own_when_its_secret_is_not_among_the_files() -> None:
    found = judge(private_key(existingSecretName="shop-key"), imported(**WISH))

    rest = "is not among the files, so what it holds was not checked."
    assert found["PrivateKey"]["notes"] == [f"Secret `shop-key` (`spec.existingSecretName`) {rest}"]
    assert found["ImportedCertificate"]["notes"] == [f"Secret `shop-key` (`spec.privateKeyRef`) {rest}"]


def test_no_key_is_made_here_when_its_secret_was_handed_over_empty() -> None:
    empty = secret("shop-key")
    empty["metadata"]["annotations"] = {ALLOW_WRITE_ANNOTATION: "PrivateKey/shop-key"}
    found = judge(private_key(), empty, imported(**WISH))

    assert {kind: (each["reason"], each["path"]) for kind, each in found.items()} == {
        "PrivateKey": ("NotChecked", []),
        "ImportedCertificate": ("NotChecked", []),
    }
    assert [each["notes"] for each in found.values()] == [
        ["Secret `shop-key` (`spec.secretName`) " + MADE_THERE],
        ["Secret `shop-key` (`spec.privateKeyRef`) " + MADE_THERE],
    ]


def test_self_signed_certificate_is_said_to_be_made_when_none_is_among_the_files() -> None:
    objects = (private_key(), held(SHOP.key_pem, **OURS), imported(**WISH))
    words = "made by the operator; in a cluster with other dates and another serial number"
    assert judge(*objects)["ImportedCertificate"]["made"]
    assert words in check("-", stdin=manifest(*objects)).output

    uploaded = (private_key(), held(SHOP.key_pem, **OURS), imported(**{**WISH, "certificate": SHOP.chain_pem}))
    assert "made" not in judge(*uploaded)["ImportedCertificate"]
    assert words not in check("-", stdin=manifest(*uploaded)).output


def test_wish_for_a_request_is_judged_when_a_certificate_was_handed_in() -> None:
    objects = (private_key(), held(SHOP.key_pem, **OURS))
    good = imported(**{**WISH, "certificate": SHOP.chain_pem, "subject": {"commonName": "shop.example.com"}})
    bad = imported(**{**WISH, "certificate": SHOP.chain_pem, "subject": {"countryCode": "Germany"}})

    assert judge(*objects, good)["ImportedCertificate"]["findings"] == []
    assert reasons(judge(*objects, bad)["ImportedCertificate"], "Error") == {"InvalidRequest"}


def test_certificate_is_judged_without_its_key_when_that_is_nowhere() -> None:
    found = judge(imported(**{**WISH, "certificate": SHOP.chain_pem}))["ImportedCertificate"]

    assert (found["reason"], found["findings"]) == ("NotChecked", [])
    assert found["notes"] == [
        "PrivateKey `shop-key` (`spec.privateKeyRef`) is not among the files, so what it holds was not checked."
    ]
    expired = check("--at", "2030-01-01T00:00:00Z", "-", stdin=manifest(imported(**{**WISH, "certificate": SHOP.pem})))
    assert expired.exit_code == 1


def test_certificate_is_judged_with_the_key_when_that_is_among_the_files() -> None:
    good = judge(private_key(), held(SHOP.key_pem, **OURS), imported(**{**WISH, "certificate": SHOP.chain_pem}))
    assert [each["reason"] for each in good.values()] == ["Valid", "Valid"]

    other = held(ec_key("another").pem, **OURS)
    bad = judge(private_key(), other, imported(**{**WISH, "certificate": SHOP.chain_pem}))
    assert (bad["PrivateKey"]["reason"], bad["ImportedCertificate"]["reason"]) == ("Valid", "KeyMismatch")


@pytest.mark.parametrize(
    ("spec", "marks"),
    [
        ({"secretName": "shop-key"}, OURS),
        ({"secretName": "shop-key"}, {ALLOW_WRITE_ANNOTATION: "PrivateKey/shop-key"}),
        ({"existingSecretName": "shop-key"}, {}),
    ],
)
def test_self_signed_certificate_is_good_when_the_key_is_among_the_files(
    spec: dict[str, str], marks: dict[str, str]
) -> None:
    found = judge(private_key(**spec), held(SHOP.key_pem, **marks), imported(**WISH))

    assert [each["reason"] for each in found.values()] == ["Valid", "Valid"]
    assert found["ImportedCertificate"]["path"][0]["names"] == ["shop.example.com"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"dnsNames": []}, "nobody is named"),
        ({"privateKeyRef": {"name": "shop-key"}, "selfSigned": {}}, "name a PrivateKey"),
        ({"privateKeyRef": {**NAMED, "key": "tls.key"}}, "neither `key` nor `passwordRef`"),
        ({"selfSigned": {"days": 3}}, "`spec.selfSigned.days` is not a field"),
    ],
)
def test_wish_is_refused_when_no_key_is_needed_to_say_so(spec: dict[str, Any], words: str) -> None:
    found = judge(private_key(), imported(**{**WISH, **spec}))["ImportedCertificate"]

    assert reasons(found, "Error") == {"InvalidRequest"}
    assert words in str(found["findings"])


@pytest.mark.parametrize(
    ("spec", "objects", "reason"),
    [
        ({"secretName": "shop-key", "algorithm": "RSA", "size": 1000}, [], "InvalidRequest"),
        ({"secretName": "shop-key", "existingSecretName": "shop-key"}, [], "InvalidRequest"),
        ({"secretName": "shop-key", "bits": 256}, [], "InvalidRequest"),
        ({"secretName": "shop-key"}, [held(SHOP.key_pem)], "TargetNotOwned"),
        ({"secretName": "shop-key", "algorithm": "ECDSA"}, [held(rsa_key().pem, **OURS)], "KeyInvalid"),
    ],
)
def test_key_is_refused_when_the_operator_would(
    spec: dict[str, Any], objects: list[dict[str, Any]], reason: str
) -> None:
    found = judge(private_key(**spec), *objects)["PrivateKey"]

    assert reasons(found, "Error") == {reason}


def test_no_key_is_ever_printed_when_there_is_one() -> None:
    text = manifest(private_key(), held(SHOP.key_pem, **OURS), imported(**WISH))
    shown = check("-", stdin=text).output + check("--output", "json", "-", stdin=text).output

    assert not [line for line in SHOP.key_pem.splitlines()[1:-1] if line in shown]
