"""No key, no password and no Secret value leaves the operator, whatever is thrown at it and however much it logs."""

import hashlib
import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.pki import PKI, Entity, ed25519_key, rsa_key
from tests.support.waiting import wait_until
from tests.support.worlds.manifests import Manifest, config_map, decision, imported, private_key, secret, trust_store
from tests.support.worlds.material import Corp

DEFAULT = Path(__file__).parents[2] / "manifests" / "overlays" / "default"
PASSWORD = "correct-horse-battery-staple"
OTHER_PASSWORD = "wrong-horse-flat-battery"
TOKEN = "not-a-key-but-secret-all-the-same-7f3a"
APPLY = {"Content-Type": "application/apply-patch+yaml"}
PLURALS = {
    "ImportedCertificate": "importedcertificates",
    "PrivateKey": "privatekeys",
    "TrustDecision": "trustdecisions",
    "TrustStore": "truststores",
}
WINDOW = 24
"""Characters of a secret that count as a leak; shorter runs of base64 could be anything."""

PREAMBLE = 48
"""Characters of base64 before the private part of a PKCS#8 key begins: version, algorithm, curve."""


@dataclass(frozen=True)
class Leak:
    """Where a form of a secret was found."""

    place: str
    secret: str
    form: str


def openssl(*arguments: str, stdin: str | bytes = "") -> bytes:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def test_nothing_secret_is_said_anywhere_when_the_operator_runs_at_debug(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    control_plane.kubectl("apply", "-k", str(DEFAULT))
    corp = Corp(datetime.now(tz=UTC))
    secrets, manifests = material(corp, tmp_path)
    kubeconfig = control_plane.kubeconfig_for("certwright-system", "certwright")
    with OperatorProcess(kubeconfig, tmp_path / "operator.log", log_level="DEBUG") as operator:
        operator.wait_ready()
        wishes = [each for each in manifests if each["kind"] in PLURALS]
        everything = {"apiVersion": "v1", "kind": "List", "items": manifests}
        control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(everything))
        wait_until(
            lambda: all(is_judged(control_plane, namespace, each) for each in wishes),
            deadline_seconds=60,
            what="a verdict on every object",
        )
        secrets |= dict(generated(control_plane, namespace))
        said = dict(everything_said(control_plane, namespace, operator))
        said |= {f"API error {n}: ": text for n, text in enumerate(refusals(control_plane, namespace, corp.leaf()))}
    said["log"] = (tmp_path / "operator.log").read_text()

    assert len(said["log"].splitlines()) > len(wishes), "the log must say something for its silence to mean anything"
    assert "certwright_reconcile" in said["metrics"]
    found = [
        Leak(place, name, form)
        for name, value in secrets.items()
        for form, needle in private_forms(value)
        for place, text in said.items()
        if needle in text
    ]
    assert found == []


def test_forms_of_a_secret_are_found_when_they_are_there() -> None:
    value = rsa_key("a").pem.encode()
    body = "".join(value.decode().splitlines()[1:-1])
    for leaked in (body[100:140], b64encode(value).decode()[8:80], hashlib.sha256(value).hexdigest()):
        assert any(needle in f"… {leaked} …" for _, needle in forms(value)), leaked


@pytest.mark.parametrize("entity", [PKI().root(), PKI().root(key=rsa_key("a")), PKI().root(key=ed25519_key("a"))])
def test_forms_of_a_key_leave_out_its_public_half_and_nothing_else(entity: Entity) -> None:
    value = entity.key_pem.encode()
    spki = openssl("pkey", "-pubout", "-outform", "DER", stdin=value)
    for shift in range(3):
        said = b64encode(b"x" * shift + spki).decode()
        assert [name for name, form in private_forms(value) if form in said] == []
    der = b64decode("".join(value.decode().splitlines()[1:-1]))
    for shift in range(3):
        said = b64encode(b"x" * shift + der).decode()
        assert sum(form in said for _, form in private_forms(value)) >= 2


# ---- what is thrown at it


def material(corp: Corp, folder: Path) -> tuple[dict[str, bytes], list[Manifest]]:
    """Give what must not be said, by name, and objects whose judgement handles all of it."""
    leaf, other, rsa = corp.leaf(), corp.leaf("other.example.com"), corp.leaf("rsa.example.com", key=rsa_key("a"))
    files = {name: folder / f"{name}.pem" for name in ("key", "certificate")}
    files["key"].write_text(leaf.key_pem)
    files["certificate"].write_text(leaf.chain_pem)
    locked = openssl("pkcs8", "-topk8", "-in", str(files["key"]), "-passout", f"pass:{PASSWORD}")
    keystore = openssl(
        "pkcs12", "-export", "-inkey", str(files["key"]), "-in", str(files["certificate"]),
        "-passout", f"pass:{PASSWORD}",
    )  # fmt: skip
    broken = rsa.key_pem.replace(rsa.key_pem[200:240], "A" * 40)
    secrets = {
        "EC key": leaf.key_pem.encode(),
        "other EC key": other.key_pem.encode(),
        "RSA key": rsa.key_pem.encode(),
        "encrypted key": locked,
        "PKCS#12 file": keystore,
        "password": PASSWORD.encode(),
        "wrong password": OTHER_PASSWORD.encode(),
        "token": TOKEN.encode(),
    }
    pair = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem}
    cases: dict[str, tuple[dict[str, str | bytes], dict[str, Any]]] = {
        "good": (pair, {}),
        "rsa": ({"tls.crt": rsa.chain_pem, "tls.key": rsa.key_pem}, {}),
        "mismatch": ({"tls.crt": leaf.chain_pem, "tls.key": other.key_pem}, {}),
        "swapped": ({"tls.crt": leaf.key_pem, "tls.key": leaf.chain_pem}, {}),
        "both": ({"tls.crt": leaf.chain_pem + leaf.key_pem, "tls.key": leaf.key_pem}, {}),
        "glued": ({"tls.crt": leaf.key_pem + leaf.chain_pem}, {}),
        "broken": ({"tls.crt": rsa.chain_pem, "tls.key": broken}, {}),
        "truncated": ({"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem[:-60]}, {}),
        "token": ({"tls.crt": TOKEN, "tls.key": TOKEN}, {}),
        "encoded": ({"tls.crt": leaf.chain_pem, "tls.key": b64encode(leaf.key_pem.encode())}, {}),
        "locked": ({"tls.crt": leaf.chain_pem, "tls.key": locked}, {}),
        "wrong-password": (
            {"tls.crt": leaf.chain_pem, "tls.key": locked},
            {"privateKeyRef": {"name": "wrong-password-upload", "passwordRef": {"name": "wrong-password"}}},
        ),
        "opened": (
            {"tls.crt": leaf.chain_pem, "tls.key": locked},
            {"privateKeyRef": {"name": "opened-upload", "passwordRef": {"name": "password"}}},
        ),
        "keystore-in": (
            {"tls.crt": keystore},
            {"certificateRef": {"name": "keystore-in-upload", "passwordRef": {"name": "password"}}},
        ),
        "keystore-locked": ({"tls.crt": keystore}, {}),
        "keystore-wrong": (
            {"tls.crt": keystore},
            {"certificateRef": {"name": "keystore-wrong-upload", "passwordRef": {"name": "wrong-password"}}},
        ),
        "keystore-out": (
            pair,
            {
                "targets": [
                    {
                        "secretName": "keystore-out-tls",
                        "formats": [{"type": "PKCS12", "key": "keystore.p12", "passwordRef": {"name": "password"}}],
                    }
                ]
            },
        ),
    }
    manifests = [
        secret("password", {"password": PASSWORD}),
        secret("wrong-password", {"password": OTHER_PASSWORD}),
        config_map("misplaced", {"tls.crt": leaf.key_pem}),
        imported("misplaced", certificateRef={"kind": "ConfigMap", "name": "misplaced"}),
        secret("foreign-tls", {"tls.key": other.key_pem, "note": TOKEN}),
        secret("foreign-upload", pair),
        imported("foreign", certificateRef={"name": "foreign-upload"}, targets=[{"secretName": "foreign-tls"}]),
        *keys(leaf, broken),
    ]
    for name, (data, spec) in cases.items():
        wish = {"certificateRef": {"name": f"{name}-upload"}, "targets": [{"secretName": f"{name}-tls"}], **spec}
        manifests += [secret(f"{name}-upload", data), imported(name, **wish)]
    return secrets, [*manifests, *about_trust(corp, leaf, keystore)]


def about_trust(corp: Corp, leaf: Entity, keystore: bytes) -> Iterator[Manifest]:
    """Yield decisions about keys and key stores, and stores that lock bundles with passwords, good and bad."""
    fingerprint = corp.root.certificate.fingerprint
    yield decision("root", certificate=corp.root.pem)
    yield config_map("key-as-ca", {"ca.crt": leaf.key_pem})
    yield config_map("keystore-as-ca", binary={"ca.crt": keystore})
    yield secret("both-as-ca", {"ca.crt": corp.root.pem + leaf.key_pem})
    for name, kind in (("key-as-ca", "ConfigMap"), ("keystore-as-ca", "ConfigMap"), ("both-as-ca", "Secret")):
        yield decision(name, certificateRef={"kind": kind, "name": name}, fingerprint=fingerprint)
    yield secret("not-text", {"password": b"\xff\xfe" + PASSWORD.encode()})
    yield secret("taken", {"trust.p12": keystore, "note": TOKEN})
    for name, target, password in (
        ("locked", "java", "password"),
        ("relocked", "taken", "wrong-password"),
        ("misspelt", "other-java", "not-text"),
    ):
        java = {"kind": "Secret", "name": target, "key": "trust.p12", "format": "PKCS12"}
        yield trust_store(name, selector={}, targets=[{**java, "passwordRef": {"name": password}}])


def keys(leaf: Entity, broken: str) -> Iterator[Manifest]:
    """Yield PrivateKeys, made and taken, good and bad, and what hangs under each."""
    made, ours = ("made-ec", "made-rsa", "made-ed"), {"certwright.io/owner": "PrivateKey/taken-lost"}
    for name, algorithm in zip(made, ("ECDSA", "RSA", "Ed25519"), strict=True):
        yield private_key(name, algorithm=algorithm)
    yield secret("taken-good", {"tls.key": leaf.key_pem})
    yield secret("taken-broken", {"tls.key": broken})
    yield secret("taken-token", {"tls.key": TOKEN, "note": TOKEN})
    yield secret("taken-lost", {"tls.key": broken}, annotations=ours)
    yield secret("taken-foreign", {"tls.key": leaf.key_pem})
    taken = ("taken-good", "taken-broken", "taken-token")
    yield from (private_key(name, existingSecretName=name) for name in taken)
    yield from (private_key(name) for name in ("taken-lost", "taken-foreign"))
    for name in (*made, *taken, "taken-lost", "taken-foreign"):
        named = {"kind": "PrivateKey", "name": name}
        yield imported(
            f"under-{name}", privateKeyRef=named, dnsNames=["x.example.com"], targets=[{"secretName": f"{name}-tls"}]
        )


def generated(control_plane: ControlPlane, namespace: str) -> Iterator[tuple[str, bytes]]:
    """Yield the keys that the operator has made."""
    for name in ("made-ec", "made-rsa", "made-ed"):
        found = control_plane.client.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        assert found is not None, f"{name} must have been made"
        yield f"key of {name}", b64decode(found["data"]["tls.key"])


def refusals(control_plane: ControlPlane, namespace: str, leaf: Entity) -> Iterator[str]:
    """Yield what the API server answers to keys in a spec."""
    encoded = b64encode(leaf.key_pem.encode()).decode()
    path = f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/importedcertificates/refused?fieldManager=kubectl"
    for field in ("certificate", "chain"):
        for value in (leaf.key_pem, leaf.chain_pem + leaf.key_pem, encoded, b64encode(b"x" + leaf.key_pem.encode())):
            wish = imported("refused", **{field: value if isinstance(value, str) else value.decode()})
            answer = control_plane.client.request("PATCH", path, wish, headers=APPLY)
            assert answer.code == HTTPStatus.UNPROCESSABLE_ENTITY, f"a key in `spec.{field}` must be refused"
            yield answer.body.decode()


# ---- where it could be said


def everything_said(
    control_plane: ControlPlane, namespace: str, operator: OperatorProcess
) -> Iterator[tuple[str, str]]:
    for kind in (*PLURALS.values(), "events", "events.v1."):
        yield kind, control_plane.kubectl("get", kind, "-n", namespace, "-o", "json").stdout
    # Only metadata: that a target holds its key is the point of it.
    for kind in ("secrets", "configmaps"):
        items = json.loads(control_plane.kubectl("get", kind, "-n", namespace, "-o", "json").stdout)["items"]
        for item in items:
            # kubectl repeats what a person applied, Secrets included; that is not ours to prevent.
            item["metadata"].get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
        yield f"metadata of {kind}", json.dumps([each["metadata"] for each in items])
    for path in ("/metrics", "/readyz", "/healthz"):
        yield path.strip("/"), operator.answer(path)[1]


def is_judged(control_plane: ControlPlane, namespace: str, wish: Manifest) -> bool:
    plural, name = PLURALS[wish["kind"]], wish["metadata"]["name"]
    found = control_plane.client.get(f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/{plural}/{name}")
    conditions = ((found or {}).get("status") or {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] != "Unknown" for each in conditions)


# ---- in which forms


def forms(value: bytes) -> Iterator[tuple[str, str]]:
    """Yield the forms of a secret that count as a leak, each with a name."""
    for name, part in parts(value):
        for kind, digest in (("SHA-1", hashlib.sha1(part)), ("SHA-256", hashlib.sha256(part))):  # noqa: S324 - see name
            yield f"{kind} of {name}", digest.hexdigest()
            yield f"{kind} of {name} in base64", b64encode(digest.digest()).decode().rstrip("=")
        for shift in range(3):
            # What stands around a secret moves its base64 by nought, one or two bytes; both ends depend on it.
            encoded = b64encode(b"\0" * shift + part).decode()[4:-4]
            yield from ((f"base64 of {name}", each) for each in windows(encoded))
        if part.isascii():
            yield from ((f"{name}", each) for each in windows(part.decode()))
        else:
            yield from ((f"hex of {name}", each) for each in windows(part.hex()))


def private_forms(value: bytes) -> Iterator[tuple[str, str]]:
    """Yield the forms without what a certificate or request for the key says as well: its public half."""
    public = public_texts(value)
    yield from ((name, form) for name, form in forms(value) if not any(form in text for text in public))


def public_texts(value: bytes) -> list[str]:
    if not value.startswith(b"-----BEGIN PRIVATE KEY"):
        return []
    spki = openssl("pkey", "-pubout", "-outform", "DER", stdin=value)
    return [spki.hex(), *(b64encode(b"\0" * shift + spki).decode() for shift in range(3))]


def parts(value: bytes) -> Iterator[tuple[str, bytes]]:
    yield "all", value
    yield "all, stripped", value.strip()
    if value.startswith(b"-----BEGIN"):
        body = b"".join(value.strip().splitlines()[1:-1])
        yield "body", body
        yield "DER", b64decode(body)


def windows(text: str) -> Iterator[str]:
    if len(text) <= WINDOW:
        yield text
    # The first bytes of every key of one kind are alike, and public.
    start = PREAMBLE if len(text) > 2 * PREAMBLE else 0
    for at in range(start, len(text) - WINDOW + 1, WINDOW // 2):
        window = text[at : at + WINDOW]
        if "-----" not in window:
            yield window


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_libraries_keep_bodies_to_themselves_at_every_level(level: str) -> None:
    program = (
        "import logging; from certwright.runtime.logs import set_up_logs; "
        f"set_up_logs(level={level!r}, style='json'); "
        "print([n for n in ('kopf', 'kopf.objects', 'aiohttp', 'kubernetes', 'urllib3') "
        "if logging.getLogger(n).isEnabledFor(logging.DEBUG)])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout == "[]\n"
