"""What a person does by hand: one field under a manager of their own, fenced, and refusals in the server's words."""

import pytest
from aiohttp import web

from certwright.cluster.by_hand import LONGEST_REFUSAL, MOST_TRIES, PAUSE_SECONDS, ByHand
from certwright.cluster.connection import Connection
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.scripted_server import Answer, ScriptedServer

STORE = ObjectKey(Kind.TRUST_STORE, "shop", "corporate")
FOUND = {
    "apiVersion": "certwright.io/v1alpha1",
    "kind": "TrustStore",
    "metadata": {"name": "corporate", "namespace": "shop", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}},
    "spec": {"deployment": {"mode": "Manual"}},
}


def answer(status: int, body: object) -> Answer:
    async def give(request: web.Request) -> web.Response:
        del request
        return web.json_response(body, status=status)

    return give


def refusal(status: int, reason: str, message: str) -> Answer:
    return answer(status, {"kind": "Status", "reason": reason, "message": message, "details": {"name": "corporate"}})


@pytest.mark.parametrize(("dry_run", "extra"), [(False, {}), (True, {"dryRun": "All"})])
async def test_one_field_is_applied_with_the_version_that_was_seen(
    server: ScriptedServer, connection: Connection, *, dry_run: bool, extra: dict[str, str]
) -> None:
    server.script(answer(200, {**FOUND, "spec": {}}))

    given = await ByHand(connection).set_field(FOUND, {"deployment": {"approved": "x"}}, manager="m", dry_run=dry_run)

    (sent,) = server.received
    assert given["spec"] == {}
    assert sent.method == "PATCH"
    assert sent.path == "/apis/certwright.io/v1alpha1/namespaces/shop/truststores/corporate"
    assert sent.query == {"fieldManager": "m", "force": "true"} | extra
    assert sent.headers["Content-Type"] == "application/apply-patch+yaml"
    assert sent.json() == {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "TrustStore",
        "metadata": {"name": "corporate", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
        "spec": {"deployment": {"approved": "x"}},
    }


async def test_sentence_of_a_policy_is_told_without_what_stands_before_it(
    server: ScriptedServer, connection: Connection
) -> None:
    before = "truststores.certwright.io \"corporate\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' "
    sentence = "ada may not change deployment.approved: that needs the verb approve" + " …" * 200
    server.script(refusal(403, "Forbidden", f"{before}denied request: {sentence}"))

    with pytest.raises(ClusterError) as caught:
        await ByHand(connection).read(STORE)

    assert (caught.value.cause, caught.value.message) == (FailureCause.FORBIDDEN, sentence)


@pytest.mark.parametrize(
    ("status", "reason", "cause"),
    [
        (403, "Forbidden", FailureCause.FORBIDDEN),
        (404, "NotFound", FailureCause.NOT_FOUND),
        (409, "Conflict", FailureCause.CONFLICT),
    ],
)
async def test_refusal_is_told_in_the_servers_words(
    server: ScriptedServer, connection: Connection, status: int, reason: str, cause: FailureCause
) -> None:
    server.script(refusal(status, reason, "no, because\x1b[31m" + "x" * 3000))

    with pytest.raises(ClusterError) as caught:
        await ByHand(connection).read(STORE)

    assert caught.value.cause is cause
    assert caught.value.status == status
    assert caught.value.message.startswith("no, because\\x1b[31mxxx")
    assert len(caught.value.message) == LONGEST_REFUSAL


async def test_refusal_without_words_is_told_in_ours(server: ScriptedServer, connection: Connection) -> None:
    server.script(answer(403, {}))
    with pytest.raises(ClusterError, match=r"get TrustStore shop/corporate: 403"):
        await ByHand(connection).read(STORE)


@pytest.mark.parametrize(("body", "count"), [({"items": [FOUND]}, 1), ({"items": None}, 0), ({"kind": "List"}, 0)])
async def test_all_of_a_namespace_or_of_the_cluster_are_listed(
    server: ScriptedServer, connection: Connection, body: object, count: int
) -> None:
    server.script(answer(200, body), answer(200, body))

    assert len(await ByHand(connection).read_all(Kind.TRUST_STORE, "shop")) == count
    assert len(await ByHand(connection).read_all(Kind.TRUST_STORE)) == count
    assert [each.path.removeprefix("/apis/certwright.io/v1alpha1/") for each in server.received] == [
        "namespaces/shop/truststores",
        "truststores",
    ]


async def test_busy_server_is_asked_again_and_not_for_ever(server: ScriptedServer, connection: Connection) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    objects = ByHand(connection, sleep=note)
    server.script(refusal(429, "TooManyRequests", "storage is (re)initializing"), answer(200, FOUND))
    assert (await objects.read(STORE))["kind"] == "TrustStore"
    assert waits == [PAUSE_SECONDS]

    server.script(*[refusal(429, "TooManyRequests", "busy")] * MOST_TRIES)
    with pytest.raises(ClusterError, match="busy"):
        await objects.read(STORE)
    assert len(waits) == MOST_TRIES
    assert len(server.received) == 2 + MOST_TRIES
