"""What judging one file or object came to; the value that texts, JSON, SARIF and differences are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from certwright.api.trustdecision_spec import CertUse
from certwright.api.truststore_spec import DeploymentMode
from certwright.cli.offline.paths import Problem
from certwright.dialects.root_certificates import place
from certwright.dialects.store_status import ANSWERS, StoreStatus
from certwright.findings import Finding, Reason, Severity
from certwright.pki.certificate import Certificate
from certwright.reconcile.trust.record import TrustedCertificate


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file; lines count from 1."""

    file: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What was judged.

    Attributes:
        kind: of an object its kind, of a file `File`.
        namespace: of an object its namespace, of a file, or an object of the whole cluster, nothing.
        name: the object's name, or the file's path; with a part after it where one file holds several.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Read as headings call it: `Secret shop/upload`, `certs/shop.pem`."""
        if self.kind == FILE:
            return self.name
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


FILE = "File"
TRUSTED, UNTRUSTED = "trusted", "untrusted"


@dataclass(frozen=True, slots=True)
class Located:
    """A finding and where it is best looked at.

    Attributes:
        slots: of a set the certificates that it is about; none when it is about the whole.
    """

    finding: Finding
    spot: Spot
    slots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a TrustDecision comes to.

    Attributes:
        state: its `trustState`.
        desired: `trusted` or `untrusted`.
        until: `trustUntil`.
    """

    state: str
    desired: str
    use: CertUse
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a store would deploy.

    Attributes:
        mode: `Automatic` or `Manual`.
        entries: the CAs, sorted by fingerprint.
        revision: identifies them.
        public_roots: the version of the public roots among them.
        first_approval: what approves it in mode `Manual`, as long as nothing was ever deployed.
    """

    mode: DeploymentMode
    entries: tuple[TrustedCertificate, ...]
    revision: str
    public_roots: str | None = None
    first_approval: str | None = None


@dataclass(frozen=True, slots=True)
class SlotReport:
    """What one certificate of a set comes to.

    Attributes:
        secret: the Secret it goes to; `None` when the set has no slot of the name.
        given: the set lists a certificate for it.
        absent: it is to be removed.
        code: the response code of source 4; `None` when it was not checked.
        reason: one word for it.
        validation: the validation code of the certificate; `None` when there is no verdict.
        path: the certificate, with its intermediates when it is good.
    """

    name: str
    secret: str | None
    required: bool
    given: bool
    absent: bool
    code: int | None
    reason: str
    validation: int | None
    path: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateSet:
    """What a set comes to.

    Attributes:
        code: the response code of source 4; `None` when it was not checked.
        revision: identifies what it would deploy; `None` when it would deploy nothing.
        namespaces: where it would.
    """

    code: int | None
    revision: str | None
    namespaces: tuple[str, ...]
    slots: tuple[SlotReport, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found about one certificate, or another object of ours.

    Attributes:
        spot: where the file or object begins.
        findings: the worst first.
        notes: what could not be looked at, and why that is no fault.
        lacks_key: a private key, or another Secret, would be needed for a whole verdict.
        path: from the certificate upwards, as far as it was found; empty when there is no certificate.
        anchor: the trusted certificate at its end, where anchors were given.
        next_change: when the verdict changes by time alone.
        relative: of a file its path below the folder that was given.
        part: which certificate of several in one place it is; empty where there is one.
        decision: of a TrustDecision what it comes to.
        bundle: of a store what it would deploy; absent when it would deploy nothing.
        certificate_set: of a set what it comes to.
        made: the certificate is made by the operator; the one in a cluster has other dates and another serial number.
    """

    identity: Identity
    spot: Spot
    findings: tuple[Located, ...] = ()
    notes: tuple[str, ...] = ()
    lacks_key: bool = False
    path: tuple[Certificate, ...] = ()
    anchor: Certificate | None = None
    next_change: datetime | None = None
    relative: str = ""
    part: str = ""
    decision: Decision | None = None
    bundle: Bundle | None = None
    certificate_set: CertificateSet | None = None
    made: bool = False

    @property
    def errors(self) -> tuple[Located, ...]:
        """The findings that refuse something."""
        return tuple(each for each in self.findings if each.finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Located, ...]:
        """The findings that only inform."""
        return tuple(each for each in self.findings if each.finding.severity is Severity.WARNING)

    @property
    def reason(self) -> Reason:
        """The verdict in one word: that of the worst error, else whether all could be looked at."""
        errors = self.errors
        if errors:
            return errors[0].finding.reason
        return Reason.NOT_CHECKED if self.notes else Reason.VALID


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings of any kind of object as a status does, the worst first, each once; equals keep their order."""
    return tuple(sorted(dict.fromkeys(findings), key=_severity_of))


def _severity_of(found: Finding) -> tuple[int, int, int]:
    if found.severity is Severity.WARNING:
        return (1, 0, 0)
    # Source 1 knows of no stores: what is wrong with one comes after what its words are for.
    answer = ANSWERS.get(found.reason)
    return (0, answer.severity if answer is not None else len(StoreStatus), place(found.reason))


def locate_all(findings: Iterable[Finding], spots: dict[str, Spot], otherwise: Spot) -> tuple[Located, ...]:
    """Sort findings, the worst first, and give each the spot of the certificate it is about, if that is known."""
    return tuple(
        Located(each, spots.get(each.fingerprint, otherwise) if each.fingerprint else otherwise)
        for each in worst_first(findings)
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What judging everything came to.

    Attributes:
        problems: what could not be judged.
        remarks: about the set of files as a whole.
    """

    at: datetime
    reports: tuple[Report, ...]
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()
