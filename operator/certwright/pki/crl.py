"""Certificate revocation lists: read once, looked up often (RFC 5280 §5).

A list may have a hundred thousand entries. They are walked once and indexed by serial number. What breaks a rule of
structure but leaves the list readable is kept as a defect, so that a verdict can name the list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from certwright.findings import Detail, MaterialError, Reason, finding
from certwright.pki import der
from certwright.pki.certificate_parts import Signed, fingerprint_of, read_signature, split_signed
from certwright.pki.crl_entries import EntryIndex, index_entries
from certwright.pki.distribution_points import read_distribution_points, read_issuing_point
from certwright.pki.extensions import read_authority_key_id, read_integer, split_extensions
from certwright.pki.names import Name
from certwright.pki.objects import ObjectKind, identify

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from certwright.pki.algorithms import SignatureAlgorithm
    from certwright.pki.crl_entries import RevokedEntry
    from certwright.pki.distribution_points import DistributionPoint, IssuingPoint
    from certwright.pki.extensions import AuthorityKeyId
    from certwright.pki.public_key import PublicKey

V1, V2 = 1, 2
_MOST_ANSWERS = 64
_EXTENSIONS = 0xA0
_TIMES = (der.UTC_TIME, der.GENERALIZED_TIME)
_CRL_NUMBER = "2.5.29.20"
_DECODERS: dict[str, tuple[str, Callable[[bytes], object]]] = {
    _CRL_NUMBER: ("number", read_integer),
    "2.5.29.27": ("delta_base", read_integer),
    "2.5.29.28": ("issuing_point", read_issuing_point),
    "2.5.29.35": ("authority_key_id", read_authority_key_id),
    "2.5.29.46": ("freshest_crl", read_distribution_points),
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RevocationList:
    """A revocation list, complete or delta; equal to another when the encodings are.

    Attributes:
        der: the whole encoding.
        fingerprint: SHA-256 of `der`, as `sha256:` and 64 hexadecimal digits.
        version: 1 or 2.
        issuer: the name of the signer.
        this_update: when it was made, aware UTC.
        next_update: when a newer one will be there at the latest, aware UTC; None when it does not say.
        signature_algorithm: how it was signed.
        tbs_span: where in `der` the bytes that were signed begin and end.
        signature: the signature over them.
        entries: where its entries stand.
        number: cRLNumber, None when absent.
        number_critical: whether cRLNumber is critical, which RFC 5280 §5.2.3 forbids.
        delta_base: of a delta, the number of the list it builds on; None for a complete list.
        issuing_point: its scope, None for everything of its issuer.
        authority_key_id: which key signed it.
        freshest_crl: where deltas are, None when absent.
        critical_unknown: critical extensions that nothing here processes, of the list and of its entries.
        defects: sentences about rules of structure that it breaks; with one it is of no use.
    """

    der: bytes
    fingerprint: str
    version: int
    issuer: Name
    this_update: datetime
    next_update: datetime | None
    signature_algorithm: SignatureAlgorithm
    tbs_span: tuple[int, int]
    signature: bytes = field(repr=False)
    entries: EntryIndex = field(repr=False)
    number: int | None = None
    number_critical: bool = False
    delta_base: int | None = None
    issuing_point: IssuingPoint | None = None
    authority_key_id: AuthorityKeyId | None = None
    freshest_crl: tuple[DistributionPoint, ...] | None = None
    critical_unknown: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    _answers: dict[PublicKey, bool] = field(default_factory=dict)

    @staticmethod
    def from_der(data: bytes) -> RevocationList:
        """Read a revocation list; nothing fails later.

        Raises:
            MaterialError: `CRLInvalid` when it cannot be read. What is merely against the rules is in `defects`.
        """
        data = bytes(data)
        try:
            return _read(data)
        except ValueError:
            raise _refusal(data) from None

    def __eq__(self, other: object) -> bool:
        return self.der == other.der if isinstance(other, RevocationList) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"RevocationList({self.issuer.label!r}, number {self.number}, {self.entries.count} entries)"

    @property
    def is_delta(self) -> bool:
        """Tell whether it only lists changes to another list (RFC 5280 §5.2.4)."""
        return self.delta_base is not None

    @property
    def is_indirect(self) -> bool:
        """Tell whether it may list certificates of other issuers (RFC 5280 §5.2.5)."""
        return self.issuing_point is not None and self.issuing_point.indirect

    def find(self, serial_number: int, issuer: Name) -> RevokedEntry | None:
        """Find the entry of a certificate by its serial number **and** issuer; None when it is not listed."""
        return self.entries.find(serial_number, issuer, self.issuer)

    @property
    def tbs(self) -> bytes:
        """The bytes that were signed."""
        start, stop = self.tbs_span
        return self.der[start:stop]

    def signed_by(self, key: PublicKey) -> bool:
        """Tell whether `key` verifies the signature over the bytes as they were received; never raises.

        Each key is tried once: thousands of verdicts ask the same of a list of megabytes.
        """
        known = self._answers.get(key)
        if known is None:
            known = key.verifies(self.signature, self.tbs, self.signature_algorithm)
            if len(self._answers) < _MOST_ANSWERS:
                self._answers[key] = known
        return known


def _read(data: bytes) -> RevocationList:
    # RFC 5280 §5.1: version?, signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, [0] extensions?
    signed = split_signed(data)
    nodes = der.inside(data, signed.tbs, der.SEQUENCE)[::-1]
    version = der.integer(data, nodes.pop()) + 1 if _next_is(nodes, der.INTEGER) else V1
    algorithm, issuer = _take(nodes, der.SEQUENCE), _take(nodes, der.SEQUENCE)
    this_update = der.time(data, _take(nodes, *_TIMES))
    next_update = der.time(data, nodes.pop()) if _next_is(nodes, *_TIMES) else None
    _, start, stop = nodes.pop() if _next_is(nodes, der.SEQUENCE) else (0, 0, 0)
    entries = index_entries(data, start, stop)
    wrapped = nodes.pop() if _next_is(nodes, _EXTENSIONS) else None
    if nodes:
        raise der.DerError("unknown parts")
    defects: list[str] = []
    extensions = _read_extensions(data, wrapped, defects) if wrapped else {}
    facts = {
        **extensions,
        "critical_unknown": (*extensions.get("critical_unknown", ()), *sorted(entries.critical_unknown)),
    }
    if version != V2 and (version != V1 or wrapped or entries.has_extensions):
        defects.append("its version does not allow extensions")  # §5.1.2.1
    if next_update is not None and next_update < this_update:
        defects.append("its next update is before its own")  # §5.1.2.5
    signature_algorithm, signature = _read_signature(data, signed, algorithm, defects=defects)
    return RevocationList(
        data,
        fingerprint_of(data),
        version,
        Name.from_der(der.encoding(data, issuer)),
        this_update,
        next_update,
        signature_algorithm,
        _span(data, signed.tbs),
        signature,
        entries,
        defects=tuple(defects),
        **facts,
    )


def _span(data: bytes, node: der.Node) -> tuple[int, int]:
    return node[2] - len(der.encoding(data, node)), node[2]


def _next_is(nodes: list[der.Node], *tags: int) -> bool:
    return bool(nodes) and nodes[-1][0] in tags


def _take(nodes: list[der.Node], *tags: int) -> der.Node:
    if not _next_is(nodes, *tags):
        raise der.DerError("a part is missing")
    return nodes.pop()


def _read_signature(
    data: bytes, signed: Signed, inner: der.Node, *, defects: list[str]
) -> tuple[SignatureAlgorithm, bytes]:
    try:
        return read_signature(data, signed, inner)
    except der.DerError as error:
        defects.append(str(error))
    # name the algorithm all the same; the signature verifies nothing
    return read_signature(data, signed._replace(algorithm=inner), inner)[0], b""


def _read_extensions(data: bytes, node: der.Node, defects: list[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    unknown: list[str] = []
    try:
        extensions = split_extensions(data, der.inside(data, node, _EXTENSIONS)[0])
    except (der.DerError, IndexError) as error:
        defects.append(f"its extensions are damaged: {error}")
        return facts
    for extension in extensions:
        decoder = _DECODERS.get(extension.oid)
        if decoder is None:
            if extension.critical:
                unknown.append(extension.oid)
            continue
        attribute, decode = decoder
        try:
            facts[attribute] = decode(extension.value)
        except ValueError as error:
            defects.append(f"its extension {extension.oid} is damaged: {error}")
        if extension.oid == _CRL_NUMBER:
            facts["number_critical"] = extension.critical
    return {**facts, "critical_unknown": tuple(unknown)}


def _refusal(data: bytes) -> MaterialError:
    # By shape: the library's parser warns of some certificates.
    kind = identify(data)
    if kind in (ObjectKind.CERTIFICATE, ObjectKind.REQUEST):
        message = f"this is {kind}, not a revocation list. Give one X.509 CRL."
        return MaterialError(finding(Reason.CRL_INVALID, message, detail=Detail.WRONG_TYPE))
    message = "the bytes are not a revocation list, or it is damaged. Give one X.509 CRL."
    return MaterialError(finding(Reason.CRL_INVALID, message, detail=Detail.DER_DAMAGED))
