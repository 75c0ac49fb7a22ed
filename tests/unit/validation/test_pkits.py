"""NIST PKITS: 223 end-entity cases with their revocation lists, from the package `cryptography-vectors`."""

import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import cryptography_vectors
import pytest

from certwright.findings import MaterialError
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.validation import Options, Revocation, Role, validate

SUITE = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
TABLE = Path(__file__).with_name("pkits.csv")
AT = datetime(2026, 6, 1, tzinfo=UTC)
UNSUPPORTED = {"ValidDSASignaturesTest4EE", "ValidDSAParameterInheritanceTest5EE"}


def rows() -> list[dict[str, str]]:
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


@cache
def certificate(name: str) -> Certificate:
    return Certificate.from_der((SUITE / "certs" / f"{name}.crt").read_bytes())


@cache
def intermediates() -> tuple[Certificate, ...]:
    found = []
    for path in sorted((SUITE / "certs").glob("*.crt")):
        if path.stem.endswith("EE") or path.stem == "TrustAnchorRootCertificate" or path.stem.startswith("DSA"):
            continue
        found.append(certificate(path.stem))
    return tuple(found)


@cache
def crls() -> tuple[RevocationList, ...]:
    return tuple(RevocationList.from_der(path.read_bytes()) for path in sorted((SUITE / "crls").glob("*.crl")))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["case"])
def test_pkits(row: dict[str, str]) -> None:
    try:
        target = certificate(row["case"])
    except MaterialError as error:
        reason, detail = error.finding.reason.value, str(error.finding.detail)
    else:
        verdict = validate(
            target,
            intermediates=intermediates(),
            anchors=[certificate("TrustAnchorRootCertificate")],
            crls=crls(),
            at=AT,
            role=Role.ANY,
            options=Options(revocation=Revocation.REQUIRE),
        )
        reason = verdict.reason.value
        detail = str(verdict.errors[0].detail or "") if verdict.errors else ""
    assert (reason, detail) == (row["reason"], row["detail"])
    assert (reason == "Valid") is (row["expected"] == "valid" and row["case"] not in UNSUPPORTED)


def test_the_table_holds_every_case_of_the_suite() -> None:
    assert {row["case"] for row in rows()} == {path.stem for path in (SUITE / "certs").glob("*EE.crt")}
    assert len(rows()) == 223
