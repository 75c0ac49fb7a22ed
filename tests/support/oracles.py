"""Two other validators of certificates, asked the same question: `openssl verify` and pyhanko-certvalidator."""

from __future__ import annotations

import asyncio
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asn1crypto.crl import CertificateList
from asn1crypto.x509 import Certificate
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, REQUIRE_REVINFO, CertRevTrustPolicy

from certwright.validation import Role
from tests.support.pki import armor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

_PURPOSES = {Role.SERVER: ("-purpose", "sslserver"), Role.CLIENT: ("-purpose", "sslclient")}
_ERROR = re.compile(r"^error (\d+) at (\d+) depth lookup", re.MULTILINE)
_FAILED = re.compile(r"^error (\d+)\.pem: verification failed$", re.MULTILINE)
_GOOD = re.compile(r"^(\d+)\.pem: OK$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """DER of everything that takes part; `crls` None is: do not look at revocation."""

    targets: Sequence[bytes]
    given: Sequence[bytes]
    anchors: Sequence[bytes]
    crls: Sequence[bytes] | None
    at: datetime
    role: Role = Role.ANY


@dataclass(frozen=True)
class Answer:
    """What an oracle said about one target.

    Attributes:
        accepted: whether it is good.
        kinds: why not, in the oracle's words: numbers and depths (`23@1`) of OpenSSL, exceptions of pyhanko.
        text: the whole of it, for a person.
    """

    accepted: bool
    kinds: tuple[str, ...] = ()
    text: str = ""


def ask_openssl(question: Question, folder: Path) -> list[Answer]:
    """Ask `openssl verify` about all targets in one process."""
    _write(folder / "roots", "CERTIFICATE", question.anchors)
    _write(folder / "given", "CERTIFICATE", question.given or question.anchors)
    names = [f"{number}.pem" for number in range(len(question.targets))]
    for name, target in zip(names, question.targets, strict=True):
        _write(folder / name, "CERTIFICATE", [target])
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", "roots", "-untrusted", "given"]
    command += ["-partial_chain", "-check_ss_sig", "-policy_check", "-policy", "2.5.29.32.0"]
    command += [*_PURPOSES.get(question.role, ()), "-attime", str(int(question.at.timestamp()))]
    if question.crls is not None:
        _write(folder / "crls", "X509 CRL", question.crls)
        command += [*(("-CRLfile", "crls") if question.crls else ()), "-crl_check_all", "-extended_crl", "-use_deltas"]
    done = subprocess.run(
        [*command, *names], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return _read_answers(done.stdout, len(names))


def _write(path: Path, label: str, encodings: Iterable[bytes]) -> None:
    path.write_text("".join(armor(label, encoding) for encoding in encodings))


def _read_answers(output: str, count: int) -> list[Answer]:
    answers = dict.fromkeys(range(count), Answer(accepted=False, kinds=("unread",), text=output[-400:]))
    answers |= {int(number): Answer(accepted=True) for number in _GOOD.findall(output)}
    start = 0
    for failed in _FAILED.finditer(output):
        said = output[start : failed.start()]
        kinds = tuple(f"{number}@{depth}" for number, depth in _ERROR.findall(said))
        answers[int(failed[1])] = Answer(accepted=False, kinds=kinds, text=said.strip())
        start = failed.end()
    return [answers[number] for number in range(count)]


def ask_pyhanko(question: Question) -> list[Answer]:
    """Ask pyhanko-certvalidator; roles are not compared."""
    given = [Certificate.load(encoding) for encoding in question.given]
    anchors = [Certificate.load(encoding) for encoding in question.anchors]
    crls = [CertificateList.load(encoding) for encoding in question.crls or ()]
    rule = NO_REVOCATION if question.crls is None else REQUIRE_REVINFO
    answers = []
    for target in question.targets:
        context = ValidationContext(
            trust_roots=anchors,
            other_certs=given,
            crls=crls,
            moment=question.at,
            revinfo_policy=CertRevTrustPolicy(rule),
            weak_hash_algos=(),
        )
        answers.append(asyncio.run(_validate(Certificate.load(target), context)))
    return answers


async def _validate(target: Certificate, context: ValidationContext) -> Answer:
    try:
        await CertificateValidator(target, validation_context=context).async_validate_path()
    except Exception as error:  # noqa: BLE001 - it crashes on odd input, which is an answer too
        return Answer(accepted=False, kinds=(type(error).__name__,), text=str(error))
    return Answer(accepted=True)
