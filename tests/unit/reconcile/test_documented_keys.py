"""The answers that source 5 prints, field by field: its private key 1, with the certificate "MyCert" under it.

Both are made as the source makes them, at its instant. The contradictions of the source are in docs/parity.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.signing import make_authority, sign_request
from tests.support.worlds import MemoryWorld, Report
from tests.support.worlds.manifests import imported, private_key, secret

KEY = "PrivateKey"
BEGIN = datetime(2014, 9, 2, 12, 17, 55, tzinfo=UTC)
END = datetime(2024, 8, 30, 12, 17, 55, tzinfo=UTC)
DOCUMENTED_ROW = {
    "id": "1",
    "name": "MyCertificate",
    "common_name": "demo.d9tready.com",
    "valid_from": "2014-09-02T12:17:55Z",
    "valid_thru": "2024-08-30T12:17:55Z",
}
"""An element of `GET /rest/privatekeys/<ID>/certificates`, without its links."""

DOCUMENTED = {
    "name": "MyCert",
    "common_name": "demo.d9tready.com",
    "organization_name": "D9T GmbH",
    "organization_unit": "IT",
    "locality": "Ulm",
    "state_province": "BW",
    "country_code": "DE",
    "email": "oliver.roch@d9t.de",
    "ssl_certificate": "-----BEGIN CERTIFICATE-----...",
    "valid_from": "2014-09-02T12:17:55Z",
    "valid_thru": "2024-08-30T12:17:55Z",
}
"""`GET /rest/privatekeys/<PRIVATEKEY_ID>/certificates/<CERTIFICATE_ID>`, without its links."""

FIELDS = {
    "common_name": "commonName",
    "organization_name": "organizationName",
    "organization_unit": "organizationUnit",
    "locality": "locality",
    "state_province": "stateProvince",
    "country_code": "countryCode",
    "email": "email",
}
DATES = {"valid_from": "validFrom", "valid_thru": "validThru"}
NAME = "mycert"  # DOCUMENTED["name"], as names of objects are written


class Scene(MemoryWorld):
    """A world at the instant of the documented answers, with the private key 1."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster.clock.now = BEGIN

    async def post(self, **source: Any) -> Report:
        """Create the certificate from the documented payload."""
        payload = {ours: DOCUMENTED[theirs] for theirs, ours in FIELDS.items()}
        named = {"privateKeyRef": {"kind": KEY, "name": "1"}, "targets": [{"secretName": f"{NAME}-tls"}]}
        await self.apply(private_key("1"), imported(NAME, subject=payload, **named, **source))
        return await self.rested()

    async def put(self, ssl_certificate: str, **fields: Any) -> Report:
        """Update the `ssl_certificate` of the certificate."""
        await self.apply(secret("upload", {"tls.crt": ssl_certificate}))
        return await self.post(certificateRef={"name": "upload"}, **fields)

    async def rested(self) -> Report:
        await self.rest()
        return await self.status(NAME)

    def sign(self, report: Report) -> str:
        request = report.status["certificateSigningRequest"]
        authority = make_authority("D9T CA", begin=BEGIN, end=END)
        return sign_request(request, authority, begin=BEGIN, end=END)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def shown(report: Report) -> dict[str, Any]:
    """Give an answer of ours in the words of the source."""
    return {theirs: report.status.get(ours) for theirs, ours in {**FIELDS, **DATES}.items()}


def without(answer: dict[str, str], *fields: str) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name not in fields}


async def test_certificate_is_the_documented_one_when_none_was_provided(scene: Scene) -> None:
    report = await scene.post(selfSigned={"validityDays": (END - BEGIN).days})

    # Both ends are inclusive (RFC 5280 §4.1.2.5): 3650 days end a second before the documented end.
    assert shown(report) == {**without(DOCUMENTED, "name", "ssl_certificate"), "valid_thru": "2024-08-30T12:17:54Z"}
    assert report.status["sslCertificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert report.status["isSelfSigned"] == "true"
    assert report.is_ok


async def test_certificate_is_the_documented_one_when_it_was_uploaded(scene: Scene) -> None:
    signed = scene.sign(await scene.post())
    report = await scene.put(signed)

    assert shown(report) == without(DOCUMENTED, "name", "ssl_certificate")
    assert report.status["isSelfSigned"] == "false"
    # The source knows no names of hosts, and its certificate comes without a chain.
    assert (report.is_ok, set(report.warnings)) == (True, {"NoSubjectAltName", "IssuerMissing"})
    target = await scene.read("Secret", f"{NAME}-tls")
    assert target is not None
    assert target.data["tls.crt"].decode() == signed


async def test_list_is_the_documented_one_when_the_certificate_was_uploaded(scene: Scene) -> None:
    report = await scene.put(scene.sign(await scene.post()))
    (row,) = (await scene.status("1", kind=KEY)).status["certificates"]

    listed = {theirs: row[ours] for theirs, ours in {"common_name": "commonName", **DATES}.items()}
    assert listed == without(DOCUMENTED_ROW, "id", "name")
    assert (row["id"], row["name"]) == (report.subject.version.uid, NAME)
    assert set(row) == {"id", "name", "commonName", "validFrom", "validThru"}


async def test_links_are_the_object_and_the_request_when_the_certificate_is_there(scene: Scene) -> None:
    report = await scene.post()
    _, request = report.status["certificateSigningRequest"].split("-----BEGIN ", 1)
    assert request.startswith("CERTIFICATE REQUEST-----")


async def test_update_without_certificate_keeps_the_uploaded_one(scene: Scene) -> None:
    signed = scene.sign(await scene.post())
    await scene.put(signed)
    report = await scene.post()

    assert (report.reason, report.answer) == ("SourceRemoved", ("BAD_REQUEST", 400))
    target = await scene.read("Secret", f"{NAME}-tls")
    assert target is not None
    assert target.data["tls.crt"].decode() == signed


async def test_update_without_certificate_makes_a_self_signed_one_when_that_is_said(scene: Scene) -> None:
    await scene.put(scene.sign(await scene.post()))
    report = await scene.post(selfSigned={})

    assert report.is_ok
    assert report.status["isSelfSigned"] == "true"


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ({"certificate": "-----BEGIN CERTIFICATE-----..."}, ("PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525)),
        ({"certificateRef": {"name": "absent"}}, ("NOT_FOUND", 404)),
        ({"ipAddresses": ["d9tready.com"]}, ("BAD_REQUEST", 400)),
    ],
)
async def test_answer_is_an_error_when_the_payload_is(
    scene: Scene, source: dict[str, Any], answer: tuple[str, int]
) -> None:
    report = await scene.post(**source)
    assert report.answer == answer


async def test_list_loses_the_certificate_when_it_is_deleted(scene: Scene) -> None:
    await scene.post()
    await scene.delete("ImportedCertificate", NAME)
    await scene.rest()
    assert "certificates" not in (await scene.status("1", kind=KEY)).status


async def test_certificate_under_a_key_that_is_unknown_is_not_found(scene: Scene) -> None:
    await scene.post()
    await scene.delete("ImportedCertificate", NAME)
    await scene.delete(KEY, "1")
    await scene.apply(imported(NAME, privateKeyRef={"kind": KEY, "name": "2"}, subject={"commonName": "x"}))
    report = await scene.rested()
    assert (report.answer, "there is no PrivateKey `2`" in report.message()) == (("NOT_FOUND", 404), True)
