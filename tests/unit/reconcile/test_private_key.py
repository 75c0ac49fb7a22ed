"""A PrivateKey from end to end in memory: made once, kept, lost, taken over, listed, and what each pass costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certwright.api.privatekey_status import CERTIFICATES_LIMIT
from certwright.findings import FailureCause, Reason, finding
from certwright.pki.keys import read_private_key
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import (
    ALLOW_WRITE_ANNOTATION,
    EPOCH_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    OWNER_ANNOTATION,
)
from certwright.runtime.passes import Surroundings, judge_inline, run_pass
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI, ec_key, ed25519_key, rsa_key
from tests.support.pki_files import converted, encrypted, openssl
from tests.support.pki_files import ec_key as file_ec_key
from tests.support.pki_files import rsa_key as file_rsa_key
from tests.support.worlds import MemoryWorld, Report
from tests.support.worlds.manifests import imported, private_key, secret

KEY = "PrivateKey"
NAME = "shop-key"
SECRET = ObjectKey(Kind.SECRET, NAMESPACE, NAME)
OWNER = ObjectKey(Kind.PRIVATE_KEY, NAMESPACE, NAME)
ALLOWED = {"annotations": {ALLOW_WRITE_ANNOTATION: f"PrivateKey/{NAME}"}}
EC = ec_key("x").pem.encode()
OURS = {OWNER_ANNOTATION: f"PrivateKey/{NAME}"}


class Scene(MemoryWorld):
    """A world with one PrivateKey called `shop-key`."""

    async def make(self, **spec: Any) -> Report:
        await self.apply(private_key(NAME, **spec))
        return await self.rested()

    async def rested(self) -> Report:
        await self.rest()
        return await self.status(NAME, kind=KEY)

    async def again(self) -> Report:
        """Make one pass more, whatever the evidence says."""
        self._memos.pop(OWNER, None)
        around = Surroundings(
            self.cluster, self.cluster, self.cluster.clock, judge_inline, self._engine.judged_by, library=self.library
        )
        reconciler = self._engine.reconcilers[Kind.PRIVATE_KEY]
        await run_pass(reconciler, self.cluster.subjects[OWNER], around=around, verified={}, full=True)
        return await self.status(NAME, kind=KEY)

    @property
    def secret(self) -> Observed:
        return self.cluster.objects[SECRET]

    @property
    def key(self) -> bytes:
        return self.secret.data["tls.key"]

    @property
    def told(self) -> list[str]:
        return [each.reason for each in self.cluster.events if each.subject.key == OWNER]

    def put_key(self, pem: str | bytes, **marks: Any) -> None:
        self.cluster.put_secret(NAME, {"tls.key": pem}, **marks)


def dsa_key() -> str:
    parameters = openssl("genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024")
    return openssl("genpkey", "-paramfile", "dsa.pem", files={"dsa.pem": parameters}).decode()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def fingerprint(pem: str | bytes) -> str:
    data = pem if isinstance(pem, bytes) else pem.encode()
    return read_private_key(data, what="`tls.key`").key.public.fingerprint


# ---- made once


@pytest.mark.parametrize(
    ("spec", "algorithm", "size"),
    [
        ({}, "ECDSA", 256),
        ({"size": 384}, "ECDSA", 384),
        ({"algorithm": "ECDSA", "size": 521}, "ECDSA", 521),
        ({"algorithm": "Ed25519"}, "Ed25519", 256),
        ({"algorithm": "RSA"}, "RSA", 2048),
    ],
)
async def test_key_is_made_as_wished(scene: Scene, spec: dict[str, Any], algorithm: str, size: int) -> None:
    report = await scene.make(**spec)

    assert report.conditions == {"Ready": ("True", "Valid")}
    assert (report.status["algorithm"], report.status["size"]) == (algorithm, size)
    assert report.status["fingerprint"] == fingerprint(scene.key)
    assert report.status["secretName"] == NAME
    assert scene.secret.type == "Opaque"
    assert set(scene.secret.data) == {"tls.key"}
    assert scene.secret.labels == {MANAGED_BY_LABEL: MANAGED_BY}
    assert scene.secret.annotations == {**OURS, EPOCH_ANNOTATION: "0"}
    assert scene.told == ["KeyStored"]


async def test_new_key_costs_one_write_of_its_secret_and_one_of_its_status(scene: Scene) -> None:
    await scene.make()

    assert (scene.cluster.calls["apply"], scene.cluster.calls["status"], scene.cluster.calls["read"]) == (1, 1, 0)


async def test_nothing_is_written_when_nothing_changed(scene: Scene) -> None:
    before = await scene.make()
    key = scene.key
    scene.cluster.forget_calls()

    for _ in range(100):
        await scene.again()
    assert (scene.cluster.writes, scene.key) == (0, key)
    await scene.restart()
    scene.cluster.forget_calls()
    after = await scene.rested()

    assert scene.cluster.calls.total() == 0
    assert (after.status, scene.key) == (before.status, key)


async def test_key_stays_the_same_over_restarts_lost_statuses_and_conflicts(scene: Scene) -> None:
    scene.cluster.fail("apply", SECRET, FailureCause.UNAVAILABLE, FailureCause.CONFLICT)
    scene.cluster.fail("status", OWNER, FailureCause.UNAVAILABLE, FailureCause.CONFLICT)
    await scene.make()
    await scene.wait(lambda: is_ready(scene), "the key")
    key = scene.key

    for _ in range(10):
        await scene.restart()
        await scene.patch(KEY, NAME, {"status": None})
        scene.cluster.fail("status", OWNER, FailureCause.CONFLICT)
        report = await scene.rested()
        assert report.condition("Ready") == ("True", "Valid")
        assert scene.key == key


async def test_key_is_that_of_the_first_when_two_operators_make_one(scene: Scene) -> None:
    theirs = ec_key("quicker").pem

    def overtake() -> None:
        scene.put_key(theirs, labels={MANAGED_BY_LABEL: MANAGED_BY}, annotations={**OURS, EPOCH_ANNOTATION: "7"})

    before = scene.cluster.apply_secret

    async def apply_secret(action: Any) -> Observed:
        if SECRET not in scene.cluster.objects:
            overtake()
        return await before(action)

    scene.cluster.apply_secret = apply_secret  # type: ignore[method-assign] - somebody else's write comes in between
    report = await scene.make()

    assert report.condition("Ready") == ("True", "Valid")
    assert scene.key == theirs.encode()
    assert report.status["fingerprint"] == fingerprint(theirs)
    assert scene.told == ["KeyFound"]


async def test_key_is_taken_up_again_when_its_object_is_made_anew(scene: Scene) -> None:
    await scene.make()
    key = scene.key
    await scene.delete(KEY, NAME)
    assert scene.key == key

    report = await scene.make()

    assert report.status["fingerprint"] == fingerprint(key)
    assert scene.key == key
    assert scene.told == ["KeyStored", "KeyFound"]


# ---- kept


@pytest.mark.parametrize(
    "drift",
    [
        {"labels": {}},
        {"annotations": {}},
        {"annotations": {OWNER_ANNOTATION: f"PrivateKey/{NAME}"}, "labels": {"theirs": "too"}},
    ],
)
async def test_marks_are_put_back_when_somebody_takes_them_away(scene: Scene, drift: dict[str, Any]) -> None:
    await scene.make()
    key = scene.key
    scene.cluster.change(SECRET, **drift)

    report = await scene.rested()

    assert report.condition("Ready") == ("True", "Valid")
    assert scene.key == key
    assert scene.secret.labels[MANAGED_BY_LABEL] == MANAGED_BY
    assert scene.secret.annotations[OWNER_ANNOTATION] == f"PrivateKey/{NAME}"


async def test_key_is_put_back_into_its_form_when_somebody_writes_it_otherwise(scene: Scene) -> None:
    await scene.make()
    key = scene.key
    scene.cluster.change(SECRET, data={"tls.key": converted(key, "-traditional"), "note": b"theirs"})

    await scene.rested()

    assert scene.secret.data == {"tls.key": key, "note": b"theirs"}


async def test_status_is_not_written_when_somebody_touches_the_metadata(scene: Scene) -> None:
    await scene.make()
    scene.cluster.change(SECRET, annotations={**scene.secret.annotations, "theirs": "too"})
    scene.cluster.forget_calls()
    await scene.rested()
    assert (scene.cluster.writes, scene.cluster.calls["read"]) == (0, 1)

    scene.cluster.forget_calls()
    scene._told.add(OWNER)
    await scene.rested()
    assert scene.cluster.calls.total() == 0


# ---- lost


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda scene: scene.cluster.remove(SECRET), "is gone"),
        (lambda scene: scene.put_key(ec_key("another").pem), "holds another key"),
        (lambda scene: scene.cluster.change(SECRET, data={}), "no longer holds it"),
        (lambda scene: scene.cluster.change(SECRET, data={"tls.key": b"-----"}), "no longer holds a key"),
    ],
    ids=["gone", "another", "emptied", "damaged"],
)
async def test_key_is_lost_and_not_made_again_when_it_is_no_longer_there(
    scene: Scene, damage: Callable[[Scene], object], words: str
) -> None:
    good = await scene.make()
    kept = scene.secret
    damage(scene)
    report = await scene.rested()

    assert report.conditions == {"Ready": ("False", "KeyLost"), "Stalled": ("True", "KeyLost")}
    assert words in report.message()
    assert report.status["fingerprint"] == good.status["fingerprint"]
    assert scene.told == ["KeyStored", "KeyLost"]
    for _ in range(3):
        await scene.restart()
        await scene.again()
    now = scene.cluster.objects.get(SECRET)
    assert now is None or now.data.get("tls.key") != kept.data["tls.key"]
    scene.cluster.forget_calls()
    await scene.again()
    assert scene.cluster.writes == 0

    scene.put_key(kept.data["tls.key"], labels=kept.labels, annotations=kept.annotations)
    report = await scene.rested()
    assert report.conditions == {"Ready": ("True", "Valid")}
    assert report.status["fingerprint"] == good.status["fingerprint"]


@pytest.mark.parametrize("data", [{}, {"tls.key": b"-----"}])
async def test_key_is_lost_when_status_and_key_are_and_only_our_marks_are_left(
    scene: Scene, data: dict[str, bytes]
) -> None:
    await scene.make()
    scene.cluster.change(SECRET, data=data)
    await scene.patch(KEY, NAME, {"status": None})

    report = await scene.rested()

    assert report.reason == "KeyLost"
    assert "the key of this object" in report.message()
    assert scene.secret.data == data


async def test_message_says_nothing_of_the_key_itself(scene: Scene) -> None:
    await scene.make()
    line = scene.key.splitlines()[1].decode()
    scene.cluster.change(SECRET, data={"tls.key": b"x" + scene.key})
    report = await scene.rested()

    assert line not in str(report.status)
    assert line not in str(scene.cluster.events)


# ---- whose Secret it is


async def test_message_speaks_of_a_new_object_when_the_secret_is_somebody_elses(scene: Scene) -> None:
    """The name of the Secret cannot be changed in a PrivateKey that is there."""
    scene.put_key(rsa_key().pem)
    report = await scene.make()

    assert " Make a new object with another `secretName`, or allow it: " in report.message()


async def test_foreign_secret_is_left_alone_until_it_allows_us(scene: Scene) -> None:
    pem = rsa_key().pem
    scene.put_key(pem)
    before = scene.secret
    report = await scene.make()

    assert report.conditions == {"Ready": ("False", "TargetNotOwned"), "Stalled": ("True", "TargetNotOwned")}
    assert report.message().endswith(
        f"kubectl annotate secret -n shop {NAME} {ALLOW_WRITE_ANNOTATION}=PrivateKey/{NAME}"
    )
    assert scene.secret == before

    scene.put_key(pem, **ALLOWED)
    report = await scene.rested()
    assert report.conditions == {"Ready": ("True", "Valid")}
    assert (report.status["algorithm"], report.status["fingerprint"]) == ("RSA", fingerprint(pem))
    assert scene.key == pem.encode()
    assert EPOCH_ANNOTATION not in scene.secret.annotations


async def test_foreign_secret_is_left_alone_when_it_was_made_in_the_place_of_the_lost_one(scene: Scene) -> None:
    await scene.make()
    key = scene.key
    scene.cluster.remove(SECRET)
    assert (await scene.rested()).reason == "KeyLost"
    scene.put_key(key)
    before = scene.secret
    for _ in range(3):
        report = await scene.again()
        assert report.reason == "TargetNotOwned"
    assert scene.secret == before

    scene.cluster.change(SECRET, **ALLOWED)
    report = await scene.rested()
    assert report.condition("Ready") == ("True", "Valid")
    assert scene.key == key


async def test_key_that_takes_long_is_announced_before_it_is_made(scene: Scene) -> None:
    subject = scene.cluster.put_subject(
        NAME, {"secretName": NAME, "algorithm": "RSA", "size": 4096}, kind=Kind.PRIVATE_KEY
    )
    reconciler = scene._engine.reconcilers[Kind.PRIVATE_KEY]
    snapshot = Snapshot(subject, scene.now, "rules", {SECRET: None})
    (write,) = reconciler.plan(reconciler.judge(snapshot), snapshot).stages[0]
    assert [each["reason"] for each in write.status["conditions"]] == ["NotChecked", "NotChecked"]
    assert "the key, RSA 4096, is being made" in write.status["conditions"][0]["message"]

    report = await scene.rested()
    assert report.conditions == {"Ready": ("True", "Valid")}
    assert report.status["fingerprint"] == fingerprint(scene.key)
    assert scene.told == ["KeyStored"]


async def test_key_is_made_in_an_empty_secret_when_that_was_made_for_it(scene: Scene) -> None:
    scene.cluster.put_secret(NAME, {"note": "theirs"}, **ALLOWED)
    uid = scene.secret.version.uid

    report = await scene.make()

    assert report.condition("Ready") == ("True", "Valid")
    assert scene.secret.version.uid == uid
    assert set(scene.secret.data) == {"note", "tls.key"}


@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        ({**ALLOWED, "immutable": True}, "TargetImmutable"),
        ({**ALLOWED, "type": "kubernetes.io/dockerconfigjson"}, "InvalidRequest"),
        ({"annotations": {"cert-manager.io/certificate-name": "shop"}}, "TargetNotOwned"),
    ],
)
async def test_secret_is_left_alone_when_it_cannot_be_written(scene: Scene, marks: dict[str, Any], reason: str) -> None:
    data = {} if marks.get("immutable") else {"tls.key": ec_key("theirs").pem}
    scene.cluster.put_secret(NAME, data, **marks)
    before = scene.secret
    report = await scene.make()

    assert report.reason == reason
    assert report.condition("Stalled") == ("True", reason)
    assert scene.secret == before


async def test_immutable_secret_is_said_when_its_key_is_in_another_form(scene: Scene) -> None:
    untidy = converted(ec_key("theirs").pem.encode(), "-traditional")
    scene.put_key(untidy, immutable=True, **ALLOWED)
    report = await scene.make()

    assert report.reason == "TargetImmutable"
    assert scene.key == untidy


async def test_key_waits_for_a_secret_to_be_gone_when_it_is_being_deleted(scene: Scene) -> None:
    scene.put_key("", labels={MANAGED_BY_LABEL: MANAGED_BY}, annotations=OURS)
    scene.cluster.change(SECRET, deleting=True)
    report = await scene.make()
    assert report.conditions == {"Ready": ("False", "TargetMissing"), "Reconciling": ("True", "TargetMissing")}

    scene.cluster.remove(SECRET)
    report = await scene.rested()
    assert report.condition("Ready") == ("True", "Valid")


async def test_key_in_a_secret_that_is_being_deleted_is_used_and_not_written(scene: Scene) -> None:
    await scene.make()
    scene.cluster.change(SECRET, deleting=True, labels={})
    scene.cluster.forget_calls()
    report = await scene.rested()

    assert report.condition("Ready") == ("True", "Valid")
    assert scene.cluster.writes == 0


async def test_second_key_that_names_the_same_secret_is_refused(scene: Scene) -> None:
    await scene.make()
    key = scene.key
    await scene.apply(private_key("late", secretName=NAME))
    await scene.rest()
    late = await scene.status("late", kind=KEY)

    assert late.reason == "TargetNotOwned"
    assert f"belongs to PrivateKey/{NAME}" in late.message()
    assert (await scene.rested()).condition("Ready") == ("True", "Valid")
    assert scene.key == key


# ---- deleted with its object, or not


@pytest.mark.parametrize(("policy", "stays"), [("Retain", {SECRET}), ("Delete", set())])
async def test_secret_goes_with_its_object_when_that_is_wished(
    scene: Scene, policy: str, stays: set[ObjectKey]
) -> None:
    await scene.make(deletionPolicy=policy)
    await scene.delete(KEY, NAME)
    await scene.rest()

    assert scene.cluster.objects.keys() == stays


async def test_policy_can_be_changed_and_the_key_stays(scene: Scene) -> None:
    await scene.make(deletionPolicy="Delete")
    key = scene.key
    assert scene.secret.owner_references
    await scene.make(deletionPolicy="Retain")

    assert not scene.secret.owner_references
    assert scene.key == key


async def test_secret_stays_when_its_object_is_made_anew_before_it_was_deleted(scene: Scene) -> None:
    await scene.make(deletionPolicy="Delete")
    key, before = scene.key, scene.secret
    scene.cluster.change(SECRET, owner_references=())
    await scene.delete(KEY, NAME)
    # The garbage collector is late: the reference to the object that is gone is still there.
    scene.cluster.change(SECRET, owner_references=before.owner_references)
    await scene.make(deletionPolicy="Retain")

    assert scene.secret.owner_references == ()
    assert scene.key == key


async def test_secret_that_was_there_before_is_not_deleted_with_the_object(scene: Scene) -> None:
    scene.put_key(ec_key("theirs").pem, **ALLOWED)
    await scene.make(deletionPolicy="Delete")

    assert not scene.secret.owner_references


async def test_object_that_is_going_is_left_alone(scene: Scene) -> None:
    subject = scene.cluster.put_subject(NAME, {"secretName": NAME}, kind=Kind.PRIVATE_KEY)
    scene.cluster.subjects[OWNER] = replace(subject, deleting=True)
    await scene.rest()
    await scene.again()

    assert scene.cluster.calls.total() == 0


# ---- taken from where it is


@pytest.mark.parametrize(
    ("pem", "algorithm", "size", "warnings"),
    [
        (ec_key("x").pem, "ECDSA", 256, []),
        (rsa_key().pem, "RSA", 2048, []),
        (ed25519_key("x").pem, "Ed25519", 256, ["UnusualKeyType"]),
    ],
)
async def test_existing_key_is_taken_and_never_written(
    scene: Scene, pem: str, algorithm: str, size: int, warnings: list[str]
) -> None:
    scene.put_key(pem, type="kubernetes.io/tls")
    before = scene.secret
    report = await scene.make(existingSecretName=NAME, deletionPolicy="Delete")

    assert report.conditions == {"Ready": ("True", "Valid")}
    assert report.warnings == warnings
    assert (report.status["algorithm"], report.status["size"]) == (algorithm, size)
    assert report.status["fingerprint"] == fingerprint(pem)
    assert scene.secret == before
    assert scene.told == ["KeyFound"]


async def test_existing_key_is_waited_for_and_lost_when_it_goes(scene: Scene) -> None:
    report = await scene.make(existingSecretName=NAME)
    assert report.conditions == {
        "Ready": ("False", "ReferenceNotFound"),
        "Reconciling": ("True", "ReferenceNotFound"),
    }
    await scene.travel(timedelta(minutes=11))
    report = await scene.rested()
    assert report.condition("Stalled") == ("True", "WaitedTooLong")
    report = await scene.again()
    assert report.condition("Stalled") == ("True", "WaitedTooLong")

    scene.put_key(ec_key("x").pem)
    report = await scene.rested()
    assert report.condition("Ready") == ("True", "Valid")
    scene.put_key(ec_key("y").pem)
    report = await scene.rested()
    assert report.reason == "KeyLost"
    scene.cluster.remove(SECRET)
    report = await scene.rested()
    assert report.reason == "KeyLost"


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        ({"tls.key": ""}, "KeyInvalid", "it is empty; a private key is expected"),
        ({"tls.key": "nothing"}, "KeyInvalid", "neither PEM, nor DER"),
        ({"tls.key": encrypted(ec_key("x").pem.encode()).decode()}, "KeyInvalid", "and a PrivateKey takes no password"),
        ({"tls.key": ec_key("x").pem + ec_key("y").pem}, "KeyInvalid", "several different private keys"),
        ({"tls.key": openssl("pkey", "-pubout", stdin=EC).decode()}, "KeyInvalid", "a public key"),
        ({"tls.key": dsa_key()}, "KeyInvalid", "type or curve that is not supported"),
        ({"tls.key": PKI().root("Corp Root").pem}, "KeyInvalid", "a certificate and no private key"),
    ],
    ids=["empty", "text", "encrypted", "two", "public", "DSA", "certificate"],
)
@pytest.mark.parametrize("wish", ["existingSecretName", "secretName"])
async def test_secret_is_refused_when_it_holds_no_key_that_can_be_used(
    scene: Scene, wish: str, data: dict[str, str], reason: str, words: str
) -> None:
    scene.cluster.put_secret(NAME, data, **(ALLOWED if wish == "secretName" else {}))
    before = scene.secret
    await scene.apply(private_key(NAME, **{wish: NAME}), hanging(targets=[{"secretName": "shop-tls"}]))
    report = await scene.rested()

    assert report.reason == reason
    assert words in report.message()
    assert report.message().removeprefix("Waiting: ").startswith(f"`spec.{wish}`: Secret `shop-key`, key `tls.key`: ")
    assert "passwordRef" not in report.message()
    assert "fingerprint" not in report.status
    assert scene.secret == before
    shop = await scene.status("shop")
    assert (shop.reason, shop.answer) == ("ReferenceNotFound", ("NOT_FOUND", 404))
    assert "PrivateKey `shop-key` has no key; its status says why" in shop.message()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"key.pem": ec_key("x").pem}, "it has `key.pem`. Store the private key there."),
        ({}, "it is empty. Store the private key there."),
    ],
)
async def test_existing_secret_is_waited_for_when_it_has_no_such_key(
    scene: Scene, data: dict[str, str], words: str
) -> None:
    scene.cluster.put_secret(NAME, data)
    report = await scene.make(existingSecretName=NAME)

    assert report.conditions["Reconciling"] == ("True", "ReferenceNotFound")
    assert report.message().endswith(f"Secret `shop-key`, key `tls.key`: the Secret has no such key; {words}")
    assert scene.secret.data == {name: value.encode() for name, value in data.items()}


async def test_existing_secret_is_refused_when_it_is_a_token(scene: Scene) -> None:
    scene.put_key(EC, type="kubernetes.io/service-account-token")
    report = await scene.make(existingSecretName=NAME)

    assert report.reason == "InvalidRequest"
    assert "Secrets of type `kubernetes.io/service-account-token` are not read" in report.message()


@pytest.mark.parametrize(
    ("pem", "size", "warned"),
    [
        (file_rsa_key(1024), ("RSA", 1024), "WeakKey"),
        (file_ec_key("prime192v1"), ("ECDSA", 192), "UnusualKeyType"),
        (file_ec_key("brainpoolP256r1"), ("ECDSA", 256), "UnusualKeyType"),
    ],
)
async def test_key_that_few_would_choose_is_used_and_warned_of(
    scene: Scene, pem: bytes, size: tuple[str, int], warned: str
) -> None:
    scene.put_key(pem)
    report = await scene.make(existingSecretName=NAME)
    await scene.apply(hanging())
    await scene.rest()
    shop = await scene.status("shop")

    assert (report.status["algorithm"], report.status["size"]) == size
    assert report.conditions == {"Ready": ("True", "Valid")}
    assert (report.warnings, set(shop.warnings)) == ([warned], {warned})
    assert shop.is_ok
    assert "issuer" not in str([each["message"] for each in shop.status["findings"]])


# ---- another key than wished for


@pytest.mark.parametrize("field", ["secretName", "existingSecretName"])
@pytest.mark.parametrize(
    ("spec", "wished"),
    [({"algorithm": "ECDSA"}, "ECDSA"), ({"algorithm": "RSA", "size": 4096}, "RSA 4096"), ({"size": 256}, "ECDSA 256")],
)
async def test_key_is_refused_when_it_is_not_what_is_wished_for(
    scene: Scene, field: str, spec: dict[str, Any], wished: str
) -> None:
    scene.put_key(rsa_key().pem, **ALLOWED)
    before = scene.secret
    await scene.apply(private_key(NAME, **{field: NAME}, **spec))
    report = await scene.rested()

    assert report.conditions == {"Ready": ("False", "KeyInvalid"), "Stalled": ("True", "KeyInvalid")}
    assert report.finding("KeyInvalid")["detail"] == "WrongType"
    assert f"holds a key of RSA 2048, and another is wished for ({wished})" in report.message()
    assert "fingerprint" not in report.status
    assert scene.secret == before


@pytest.mark.parametrize(
    ("spec", "detail"),
    [
        ({"algorithm": "RSA", "size": 1024}, "LimitExceeded"),
        ({"algorithm": "RSA", "size": 2049}, "LimitExceeded"),
        ({"algorithm": "ECDSA", "size": 2048}, "LimitExceeded"),
        ({"algorithm": "Ed25519", "size": 384}, "LimitExceeded"),
        ({"algorithm": "DSA"}, "WrongType"),
        ({"secretName": None}, "SourceMissing"),
        ({"secretName": NAME, "existingSecretName": "other"}, "ConflictingFields"),
    ],
)
async def test_wish_is_refused_when_no_such_key_can_be(scene: Scene, spec: dict[str, Any], detail: str) -> None:
    wish = {"secretName": NAME, **spec}
    await scene.apply(private_key(NAME, **{name: value for name, value in wish.items() if value is not None}))
    if wish["secretName"] is None:
        scene.cluster.put_subject(NAME, {}, kind=Kind.PRIVATE_KEY)
    report = await scene.rested()

    assert report.conditions == {"Ready": ("False", "InvalidRequest"), "Stalled": ("True", "InvalidRequest")}
    assert report.finding("InvalidRequest")["detail"] == detail
    assert SECRET not in scene.cluster.objects
    scene.cluster.forget_calls()
    await scene.again()
    assert scene.cluster.writes == 0


# ---- troubles


@pytest.mark.parametrize(
    ("cause", "detail", "state"),
    [
        (FailureCause.UNAVAILABLE, "WriteFailed", "Reconciling"),
        (FailureCause.INTERNAL, "WriteFailed", "Reconciling"),
        (FailureCause.FORBIDDEN, "Forbidden", "Stalled"),
        (FailureCause.QUOTA_EXCEEDED, "QuotaExceeded", "Stalled"),
        (FailureCause.NAMESPACE_TERMINATING, "NamespaceTerminating", "Stalled"),
    ],
)
async def test_failure_to_store_the_key_is_said(scene: Scene, cause: FailureCause, detail: str, state: str) -> None:
    scene.cluster.fail("apply", SECRET, *[cause] * 50)
    report = await scene.make()

    assert report.finding("StoreFailed")["detail"] == detail
    assert report.condition(state) == ("True", "StoreFailed")
    assert "fingerprint" not in report.status
    if cause is not FailureCause.NAMESPACE_TERMINATING:
        scene.cluster.fail("apply", SECRET)
        await scene.wait(lambda: is_ready(scene), "the key")


async def test_secret_that_cannot_be_read_is_no_loss(scene: Scene) -> None:
    await scene.make()
    key = scene.key
    scene.cluster.change(SECRET, labels={})
    scene.cluster.fail("read", SECRET, *[FailureCause.TIMEOUT] * 50)
    report = await scene.rested()
    assert report.conditions == {"Ready": ("False", "NotChecked"), "Reconciling": ("True", "NotChecked")}
    assert scene.told == ["KeyStored"]

    scene.cluster.fail("read", SECRET)
    await scene.wait(lambda: is_ready(scene), "the key")
    assert scene.key == key


async def test_status_is_minimal_when_the_api_server_takes_no_other(scene: Scene) -> None:
    scene.cluster.fail("status", OWNER, FailureCause.INVALID, None)
    report = await scene.make()

    assert report.conditions == {"Ready": ("False", "InternalError"), "Stalled": ("True", "InternalError")}
    assert report.status["fingerprint"] == fingerprint(scene.key)
    assert "findings" not in report.status


async def test_verdict_is_said_when_judging_was_cut_short(scene: Scene) -> None:
    reconciler = scene._engine.reconcilers[Kind.PRIVATE_KEY]
    good = await scene.make()
    snapshot = Snapshot(scene.cluster.subjects[OWNER], scene.now, "rules", {SECRET: scene.secret})
    judgement = reconciler.refuse(snapshot, finding(Reason.INTERNAL_ERROR, "A defect."))
    (write, *_) = reconciler.plan(judgement, snapshot).stages[0]

    assert write.status["conditions"][0]["reason"] == "InternalError"
    assert write.status["fingerprint"] == good.status["fingerprint"]
    assert not reconciler.is_heavy(snapshot)


# ---- what hangs under it


def hanging(name: str = "shop", key: str = NAME, **spec: Any) -> dict[str, Any]:
    return imported(name, privateKeyRef={"kind": KEY, "name": key}, dnsNames=[f"{name}.example.com"], **spec)


async def test_certificates_are_listed_when_they_name_the_key(scene: Scene) -> None:
    await scene.make()
    await scene.apply(hanging("shop"), hanging("blog", subject={"commonName": "Blog"}), hanging("else", key="other"))
    report = await scene.rested()

    uid = scene.cluster.subjects[ObjectKey(Kind.IMPORTED_CERTIFICATE, NAMESPACE, "blog")].version.uid
    dates = {"validFrom": "2026-06-01T12:00:00Z", "validThru": "2027-06-01T11:59:59Z"}
    blog, shop = report.status["certificates"]
    assert blog == {"id": uid, "name": "blog", "commonName": "Blog", **dates}
    assert (shop["name"], shop["commonName"]) == ("shop", "shop.example.com")
    assert report.status["certificatesCount"] == 2

    await scene.delete("ImportedCertificate", "blog")
    await scene.apply(hanging("shop", key="other"))
    report = await scene.rested()
    assert "certificates" not in report.status
    assert "certificatesCount" not in report.status


async def test_certificate_without_material_is_listed_by_its_name(scene: Scene) -> None:
    await scene.make()
    await scene.apply(hanging(certificateRef={"name": "absent"}))
    report = await scene.rested()

    (row,) = report.status["certificates"]
    assert set(row) == {"id", "name"}


async def test_certificate_is_listed_as_it_is_served_when_an_upload_is_refused(scene: Scene) -> None:
    await scene.make()
    await scene.apply(hanging())
    (before,) = (await scene.rested()).status["certificates"]
    await scene.apply(
        secret("upload", {"tls.crt": scene.corp.leaf().chain_pem}), hanging(certificateRef={"name": "upload"})
    )
    report = await scene.rested()

    assert (await scene.status("shop")).reason == "KeyMismatch"
    assert report.status["certificates"] == [before]


async def test_certificate_for_another_key_is_listed_by_its_name(scene: Scene) -> None:
    leaf = scene.corp.leaf()
    await scene.apply(
        secret("upload", {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem}),
        imported(certificateRef={"name": "upload"}, targets=[{"secretName": "shop-tls"}]),
    )
    await scene.make()
    await scene.apply(hanging(certificateRef={"name": "upload"}, targets=[{"secretName": "shop-tls"}]))
    report = await scene.rested()

    shop = await scene.status("shop")
    assert (shop.reason, shop.served["commonName"]) == ("KeyMismatch", "shop.example.com")
    (row,) = report.status["certificates"]
    assert set(row) == {"id", "name"}


async def test_list_is_cut_and_counted_when_there_are_many(scene: Scene) -> None:
    await scene.make()
    long = "x" * 60
    for number in range(CERTIFICATES_LIMIT + 20):
        subject = {"commonName": f"{long}{number:03}", "organizationName": "O"}
        await scene.apply(hanging(f"shop-{number:03}", subject=subject))
    report = await scene.rested()

    assert len(report.status["certificates"]) == CERTIFICATES_LIMIT
    assert report.status["certificates"][0]["name"] == "shop-000"
    assert report.status["certificatesCount"] == CERTIFICATES_LIMIT + 20
    scene.cluster.forget_calls()
    await scene.again()
    assert scene.cluster.writes == 0


async def test_list_is_cut_further_when_the_status_would_be_too_large(scene: Scene) -> None:
    await scene.make()
    for number in range(CERTIFICATES_LIMIT):
        key = ObjectKey(Kind.IMPORTED_CERTIFICATE, NAMESPACE, f"shop-{number:03}")
        await scene.apply(hanging(key.name))
    await scene.rest()
    for key in [each for each in scene.cluster.subjects if each.kind is Kind.IMPORTED_CERTIFICATE]:
        status = scene.cluster.subjects[key].status
        scene.cluster.put_status(key, {**status, "served": {**status["served"], "commonName": "\U0001f511" * 600}})
    report = await scene.again()

    assert len(report.status["certificates"]) == CERTIFICATES_LIMIT // 4
    assert report.status["certificatesCount"] == CERTIFICATES_LIMIT


async def test_other_certificates_are_nobodys_business(scene: Scene) -> None:
    await scene.make()
    scene.cluster.forget_calls()
    await scene.apply(secret("upload", {"tls.crt": scene.corp.leaf().pem}), imported(certificateRef={"name": "upload"}))
    await scene.rest()

    assert [key for key in scene.cluster.reads if key == SECRET] == []
    assert scene.told == []


async def is_ready(scene: Scene) -> bool:
    return (await scene.status(NAME, kind=KEY)).condition("Ready") == ("True", "Valid")
