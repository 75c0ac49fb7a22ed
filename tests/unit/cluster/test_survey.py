import pytest

from certwright.cluster.retries import Retrying
from certwright.cluster.survey import Listed, served_kinds, take_survey
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, ObjectKey, Version
from tests.support.scripted_server import ScriptedServer, answer, page, partial, refusal


async def test_survey_reads_every_page_when_asked(server: ScriptedServer, requests: Retrying) -> None:
    leaving = partial("b", 5, labels={"l": "1"})
    leaving["metadata"] |= {"generation": 3, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    server.script(page(10, partial("a", 4), more="x"), page(10, leaving))

    survey = await take_survey(requests, Kind.IMPORTED_CERTIFICATE, selector="a=b,c")

    assert survey.version == "10"
    assert survey.objects == (
        Listed(ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "a"), Version("uid-a", "4"), 0, {}, deleting=False),
        Listed(ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "b"), Version("uid-b", "5"), 3, {"l": "1"}, deleting=True),
    )
    assert server.received[1].query == {"limit": "500", "labelSelector": "a=b,c", "continue": "x"}


async def test_survey_looks_into_one_namespace_when_named(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10))

    await take_survey(requests, Kind.SECRET, namespace="shop")

    assert server.received[0].path == "/api/v1/namespaces/shop/secrets"


async def test_survey_starts_over_when_its_version_expired(server: ScriptedServer, requests: Retrying) -> None:
    server.script(page(10, partial("a", 4), more="x"), refusal(410, "Expired"), page(20))

    survey = await take_survey(requests, Kind.SECRET)

    assert (survey.version, survey.objects) == ("20", ())


async def test_survey_raises_when_it_expires_again_and_again(server: ScriptedServer, requests: Retrying) -> None:
    server.script(*[refusal(410, "Expired")] * 3)

    with pytest.raises(ClusterError) as caught:
        await take_survey(requests, Kind.SECRET)
    assert caught.value.cause is FailureCause.GONE


async def test_survey_raises_when_it_is_forbidden(server: ScriptedServer, requests: Retrying) -> None:
    server.script(refusal(403, "Forbidden"))

    with pytest.raises(ClusterError) as caught:
        await take_survey(requests, Kind.SECRET)
    assert caught.value.cause is FailureCause.FORBIDDEN


async def test_served_kinds_leaves_subresources_out(server: ScriptedServer, requests: Retrying) -> None:
    server.script(
        answer(
            {
                "resources": [
                    {"name": "importedcertificates", "kind": "ImportedCertificate"},
                    {"name": "importedcertificates/status", "kind": "ImportedCertificate"},
                ]
            }
        )
    )

    assert await served_kinds(requests) == {"ImportedCertificate"}
    assert server.received[0].path == "/apis/certwright.io/v1alpha1"


async def test_served_kinds_is_empty_when_our_group_is_not_there(server: ScriptedServer, requests: Retrying) -> None:
    server.script(refusal(404))

    assert await served_kinds(requests) == frozenset()


async def test_served_kinds_raises_when_it_is_not_answered(server: ScriptedServer, requests: Retrying) -> None:
    server.script(refusal(403, "Forbidden"))

    with pytest.raises(ClusterError):
        await served_kinds(requests)
