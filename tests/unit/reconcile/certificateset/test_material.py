"""Where the material of a slot may stand, and what is said of it when it cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from certwright.findings import ClusterError, Detail, FailureCause, Reason, finding
from certwright.pki.intake import read_material
from certwright.pki.keys import read_private_key
from certwright.pki.pkcs12 import write_pkcs12
from certwright.reconcile.importedcertificate import judged_by
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot
from certwright.runtime.passes import Surroundings, run_pass
from tests.unit.reconcile.certificateset.conftest import (
    API,
    CONSENT,
    ISSUING,
    NODES,
    PROXY,
    UPLOADS,
    SetWorld,
    Term,
    from_upload,
)

SLOT = [{"name": "proxy", "secretName": "proxy-tls", "usages": ["ServerAuth", "ClientAuth"]}]
PLAIN = [{"name": "proxy", "secretName": "proxy-tls", "usages": ["ClientAuth"]}]


def place(name: str, **more: Any) -> dict[str, Any]:
    return {"namespace": UPLOADS, "name": name, **more}


def put(world: SetWorld, name: str, data: dict[str, str | bytes]) -> ObjectKey:
    return world.cluster.put_secret(name, data, annotations=CONSENT, namespace=UPLOADS)


async def judge(world: SetWorld, slots: Any = None, **certificate: Any) -> tuple[int | None, list[str]]:
    """Wish for one slot, settle, and give the code and the details."""
    world.wish(
        slots=slots or [{"name": "proxy", "secretName": "proxy-tls"}], certificates=[{"name": "proxy", **certificate}]
    )
    await world.settle()
    details = [str(each.get("detail") or each["reason"]) for each in world.status.get("findings", ())]
    return world.code, details


def pkcs12(password: bytes = b"secret") -> bytes:
    certificates = read_material(PROXY.chain_pem.encode(), what="x").certificates
    key = read_private_key(PROXY.key_pem.encode(), what="x").key
    return write_pkcs12(key, certificates, alias="proxy", password=password)


async def test_certificate_is_taken_inline_with_its_key_elsewhere(world: SetWorld) -> None:
    put(world, "key", {"tls.key": PROXY.key_pem})
    code, _ = await judge(world, certificate=PROXY.pem, chain=ISSUING.pem, privateKeyRef=place("key"))
    assert code == 200
    target = world.target(NODES[0], "proxy-tls")
    assert target is not None
    assert target.data["tls.crt"] == PROXY.chain_pem.encode()


async def test_pkcs12_file_gives_certificate_and_key_when_its_password_is_named(world: SetWorld) -> None:
    put(world, "file", {"keystore.p12": pkcs12()})
    put(world, "password", {"password": "secret\n"})
    reference = place("file", key="keystore.p12", passwordRef={"name": "password"})
    code, _ = await judge(world, certificateRef=reference)
    assert code == 200
    put(world, "password", {"password": "other"})
    code, details = await judge(world, certificateRef=reference)
    assert (code, details) == (400, ["WrongPassword"])


async def test_password_needs_consent_of_its_own(world: SetWorld) -> None:
    put(world, "file", {"keystore.p12": pkcs12()})
    world.cluster.put_secret("password", {"password": "secret"}, namespace=UPLOADS)
    reference = place("file", key="keystore.p12", passwordRef={"name": "password"})
    assert await judge(world, certificateRef=reference) == (400, ["ConsentMissing"])


@pytest.mark.parametrize(
    ("data", "more", "code", "details"),
    [
        ({"tls.crt": PROXY.chain_pem}, {}, 400, ["NoKey"]),
        ({"tls.crt": "nothing", "tls.key": PROXY.key_pem}, {}, 400, ["NoCertificate"]),
        ({"tls.key": PROXY.key_pem}, {}, 404, ["SecretKeyMissing"]),
        ({"tls.crt": PROXY.chain_pem, "tls.key": "nothing"}, {}, 400, ["NoKey"]),
        ({"tls.crt": PROXY.chain_pem}, {"privateKeyRef": place("upload")}, 404, ["SecretKeyMissing"]),
        ({"tls.crt": PROXY.pem + API.pem}, {"privateKeyRef": place("upload", key="tls.crt")}, 400, None),
    ],
)
async def test_material_is_refused_with_its_defect_when_it_cannot_be_used(
    world: SetWorld, data: dict[str, str | bytes], more: dict[str, Any], code: int, details: list[str] | None
) -> None:
    put(world, "upload", data)
    found, said = await judge(world, certificateRef=place("upload"), **more)
    assert found == code
    assert details is None or said == details
    assert world.targets() == {}


async def test_leaves_that_nothing_tells_apart_are_refused_when_there_is_no_key(world: SetWorld) -> None:
    world.cluster.put_secret("ca", {"ca.pem": PROXY.pem + API.pem}, kind=Kind.CONFIG_MAP, namespace=UPLOADS)
    slots = [{"name": "proxy", "secretName": "proxy-tls", "privateKey": "None"}]
    reference = place("ca", kind="ConfigMap", key="ca.pem")
    assert await judge(world, slots, certificateRef=reference) == (400, ["SeveralLeaves"])


async def test_nothing_named_is_an_invalid_request_when_the_schema_was_not_asked(world: SetWorld) -> None:
    assert await judge(world) == (400, ["SourceMissing"])


async def test_usages_and_names_are_demanded_when_the_slot_says_so(world: SetWorld) -> None:
    server = ISSUING.issue_leaf("proxy.example.com", usages=["serverAuth"])
    world.upload("proxy", server)
    code, _ = await judge(world, SLOT, **from_upload("proxy"))
    assert code == 400
    code, _ = await judge(world, PLAIN, **from_upload("proxy"))
    assert code == 400
    names = [{"name": "proxy", "secretName": "proxy-tls", "dnsNames": ["other.example.com"]}]
    await judge(world, names, **from_upload("proxy"))
    assert world.condition("Ready") == ("False", "NameMissing")


async def test_source_that_cannot_be_read_is_tried_again_when_the_api_server_is_down(world: SetWorld) -> None:
    key = world.upload("proxy", PROXY)
    world.cluster.fail("read", key, *[FailureCause.UNAVAILABLE] * 2)
    world.wish(slots=[{"name": "proxy", "secretName": "proxy-tls"}], certificates=[from_upload("proxy")])
    world.clock.advance(seconds=6)
    await world.reconcile()
    assert world.code is None
    assert world.condition("Valid") == ("Unknown", "NotChecked")


# ---- the steps under the names that the runtime knows


async def test_steps_know_what_a_set_refers_to_and_whether_it_is_heavy(deployed: SetWorld) -> None:
    steps, subject = deployed.reconciler, deployed.subject
    uploads = {ObjectKey(Kind.SECRET, UPLOADS, name) for name in ("proxy", "api")}
    assert uploads < steps.references(subject)
    assert steps.face(subject) == ""
    snapshot = Snapshot(subject, deployed.clock.now, "rules")
    assert not steps.is_heavy(snapshot)
    locked = {"name": "proxy", "certificateRef": place("file", passwordRef={"name": "password"})}
    assert steps.is_heavy(Snapshot(deployed.wish(certificates=[locked]), deployed.clock.now, "rules"))
    broken = deployed.cluster.put_subject("gateway", {"slots": 7}, kind=deployed.kind)
    assert not steps.is_heavy(Snapshot(broken, deployed.clock.now, "rules"))
    assert steps.references(broken) == frozenset()


async def test_blocked_places_are_among_the_references_when_they_could_not_be_written(world: SetWorld) -> None:
    key = world.cluster.put_secret("proxy-tls", {"theirs": "x"}, namespace=NODES[1])
    world.upload("proxy", PROXY)
    world.upload("api", API)
    world.wish()
    await world.settle()
    assert key in world.reconciler.references(world.subject)


async def test_what_is_deployed_stays_when_judging_was_cut_short(deployed: SetWorld) -> None:
    before = deployed.contents()
    problem = finding(Reason.INTERNAL_ERROR, "it took too long", detail=Detail.BUSY)

    async def cut_short(reconciler: Any, snapshot: Snapshot) -> Any:
        return reconciler.refuse(snapshot, problem)

    around = Surroundings(
        deployed.cluster,
        deployed.cluster,
        deployed.clock,
        cut_short,
        judged_by(deployed.settings),
        library=deployed.library,
        gate=Term(1),
    )
    await run_pass(deployed.reconciler, deployed.subject, around=around, verified={}, full=True)
    assert (deployed.code, deployed.contents()) == (500, before)


@pytest.mark.parametrize("cause", [FailureCause.TOO_LARGE, FailureCause.INVALID])
async def test_minimal_status_is_written_when_the_full_one_is_refused(world: SetWorld, cause: FailureCause) -> None:
    world.upload("proxy", PROXY)
    world.upload("api", API)
    subject = world.wish()
    await world.settle()
    world.upload("proxy", API)
    world.clock.advance(seconds=6)
    refused: list[int] = []

    def refuse(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "status" and not refused:
            refused.append(1)
            world.cluster.answers["status", key] = [_error(cause)]

    world.cluster.mishaps.before = refuse
    await world.reconcile()
    assert world.code == 500
    assert world.condition("Stalled") == ("True", "InternalError")
    assert world.status["observedGeneration"] == subject.generation


def _error(cause: FailureCause) -> ClusterError:
    return ClusterError(cause, "refused", status=422)
