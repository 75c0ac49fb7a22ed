"""NIST PKITS, the same 223 questions to three validators: how many are answered right, and how quickly."""

from __future__ import annotations

import csv
import logging
import resource
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import cryptography_vectors

from certwright.findings import MaterialError
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.pki.names import Name
from certwright.validation import Options, Revocation, Role, validate
from certwright.validation.crl_scope import names_of_issuers
from tests.bench.validate.clock import forget_everything
from tests.bench.validate.report import Report
from tests.support.oracles import Question, ask_openssl, ask_pyhanko

_SUITE = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
_TABLE = Path(__file__).parents[2] / "unit" / "validation" / "pkits.csv"
_ANCHOR = "TrustAnchorRootCertificate"
_AT = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """One question: a certificate and what its names lead to, or everything of the suite."""

    name: str
    is_valid: bool
    question: Question


def measure_suite(report: Report) -> None:
    """Ask certwright, OpenSSL and pyhanko-certvalidator in turn."""
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    suite = Suite.read()
    cases = suite.cases()
    report.say(f"{len(cases)} cases of PKITS, each with the certificates and lists that its names lead to")
    with tempfile.TemporaryDirectory(prefix="certwright-bench-") as folder:
        _score(report, "certwright", cases, _ask_certwright, limit=1.0, note="reading everything anew for each case")
        _score(report, "openssl verify", cases, partial(_ask_openssl, Path(folder)), note="a process a case")
        _score(report, "pyhanko-certvalidator", cases, _ask_pyhanko)
    ask = _know_everything(suite)
    note = f"beside all {len(suite.given)} CAs and {len(suite.crls)} lists of the suite, read before"
    _score(report, "certwright, with everything at hand", cases, ask, note=note)


def _score(
    report: Report,
    who: str,
    cases: list[Case],
    accepts: Callable[[Question], bool],
    *,
    limit: float | None = None,
    note: str = "",
) -> None:
    forget_everything()
    started = _cpu_seconds()
    right = sum(accepts(case.question) is case.is_valid for case in cases)
    seconds = _cpu_seconds() - started
    said = f"{right} of {len(cases)} right" + (f"; {note}" if note else "")
    report.add(f"a case of PKITS: {who}", seconds / len(cases) * 1e3, "ms", limit=limit, note=said)


def _cpu_seconds() -> float:
    books = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(book.ru_utime + book.ru_stime for book in books)


def _ask_certwright(question: Question) -> bool:
    given = [Certificate.from_der(each) for each in question.given]
    anchors = [Certificate.from_der(each) for each in question.anchors]
    crls = [RevocationList.from_der(crl) for crl in question.crls or ()]
    return _is_valid(question.targets[0], given, anchors, crls)


def _know_everything(suite: Suite) -> Callable[[Question], bool]:
    given = list(suite.given.values())
    crls = list(suite.crls.values())
    return lambda question: _is_valid(question.targets[0], given, [suite.anchor], crls)


def _is_valid(target: bytes, given: list[Certificate], anchors: list[Certificate], crls: list[RevocationList]) -> bool:
    try:
        certificate = Certificate.from_der(target)
    except MaterialError:
        return False
    options = Options(revocation=Revocation.REQUIRE)
    return validate(
        certificate, intermediates=given, anchors=anchors, crls=crls, at=_AT, role=Role.ANY, options=options
    ).is_valid


def _ask_openssl(folder: Path, question: Question) -> bool:
    return ask_openssl(question, folder)[0].accepted


def _ask_pyhanko(question: Question) -> bool:
    return ask_pyhanko(question)[0].accepted


@dataclass(frozen=True)
class Suite:
    """The files of the suite, by their encodings."""

    rows: list[dict[str, str]]
    targets: dict[str, bytes]
    given: dict[bytes, Certificate]
    anchor: Certificate
    crls: dict[bytes, RevocationList]

    @staticmethod
    def read() -> Suite:
        lines = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        encodings = {path.stem: path.read_bytes() for path in sorted((_SUITE / "certs").glob("*.crt"))}
        given = [
            encoding
            for name, encoding in encodings.items()
            if not (name.endswith("EE") or name == _ANCHOR or name.startswith("DSA"))
        ]
        crls = [path.read_bytes() for path in sorted((_SUITE / "crls").glob("*.crl"))]
        return Suite(
            list(csv.DictReader(lines)),
            encodings,
            {encoding: Certificate.from_der(encoding) for encoding in given},
            Certificate.from_der(encodings[_ANCHOR]),
            {encoding: RevocationList.from_der(encoding) for encoding in crls},
        )

    def cases(self) -> list[Case]:
        """Give every case with what its names lead to, as the suite describes them."""
        return [
            Case(row["case"], row["expected"] == "valid", self._question(self.targets[row["case"]]))
            for row in self.rows
        ]

    def _question(self, target: bytes) -> Question:
        names: set[Name] = set()
        try:
            waiting = [Certificate.from_der(target)]
        except MaterialError:  # a key that is not supported: nothing leads on
            waiting = []
        given: dict[bytes, None] = {}
        while waiting:
            certificate = waiting.pop()
            named = set(names_of_issuers(certificate)) - names
            names |= named
            waiting += [each for each in self.given.values() if each.subject in named]
            given.update({each.der: None for each in waiting})
        lists = [encoding for encoding, crl in self.crls.items() if crl.issuer in names]
        return Question([target], list(given), [self.anchor.der], lists, _AT)
