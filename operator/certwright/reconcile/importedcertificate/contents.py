"""What each target is to hold: the accepted material, or else the last good one, in the forms asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from certwright.api.importedcertificate import ImportedCertificateSpec
from certwright.api.importedcertificate_spec import Target
from certwright.api.importedcertificate_status import Served
from certwright.findings import Detail, Finding, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.pki.keys import matches
from certwright.pki.private_key import PrivateKey
from certwright.pki.render import Pkcs12Recipe, SecretRecipe, digest, matches_stored, read_stored
from certwright.reconcile.importedcertificate.cycles import follow_sources
from certwright.reconcile.importedcertificate.judgement import Content
from certwright.reconcile.importedcertificate.past import Past
from certwright.reconcile.importedcertificate.private_key import list_read_objects
from certwright.reconcile.importedcertificate.references import format_passwords, secret_key
from certwright.reconcile.importedcertificate.upload import Upload
from certwright.reconcile.objects import Snapshot
from certwright.reconcile.passwords import fetch_password

ENTITY_TYPES = ("SERVER", "COLLECTOR")
"""The entity types that source 1 documents; any other is answered with 400."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with what is served beside it, its key, and the trusted CA that its path ends at."""

    leaf: Certificate
    chain: tuple[Certificate, ...]
    key: PrivateKey | None = field(default=None, repr=False)
    anchor: Certificate | None = None


def find_contents(
    spec: ImportedCertificateSpec,
    snapshot: Snapshot,
    past: Past,
    *,
    accepted: Pair | None,
    upload: Upload | None,
    authorities: tuple[Certificate, ...] = (),
) -> tuple[Content, ...]:
    """Work out what the targets are to hold.

    Args:
        spec: the wish.
        snapshot: what was read.
        past: what was stored and served.
        accepted: the material of this generation, when nothing is wrong with it. If something is, targets that were
            stored once keep the last good.
        upload: what was handed in, good or not: it may well be what is served.
        authorities: CAs of the trust store; parts of what is served may come from there.
    """
    pair = accepted or _find_last_good(spec, snapshot, past, upload, authorities)
    return tuple(
        _content(spec, target, snapshot, past, pair=pair, accepted=accepted is not None) for target in spec.targets
    )


def _content(
    spec: ImportedCertificateSpec, target: Target, snapshot: Snapshot, past: Past, *, pair: Pair | None, accepted: bool
) -> Content:
    row = past.targets.get(target.secret_name)
    was_stored = row is not None and row.digest is not None
    findings = tuple(_find_defects(spec, target, snapshot))
    if pair is None or not (accepted or was_stored):
        return Content(target, findings, lost=pair is None and was_stored and not findings)
    formats = []
    for wanted, (data_key, place) in zip(
        target.formats, format_passwords(target, snapshot.subject.key.namespace), strict=True
    ):
        password = fetch_password(place, snapshot)
        if isinstance(password, Finding):
            findings = (*findings, password)
        else:
            formats.append(Pkcs12Recipe(data_key, wanted.alias or snapshot.subject.key.name, password))
    findings = (*findings, *_find_format_defects(target, pair, formats))
    if findings:
        return Content(target, findings)
    ca = (pair.anchor,) if pair.anchor is not None else ()
    recipe = SecretRecipe((pair.leaf, *pair.chain), pair.key, ca, tuple(formats))
    observed = snapshot.get(secret_key(snapshot.subject.key.namespace, target.secret_name))
    fits = observed is not None and matches_stored(recipe, observed.data)
    return Content(target, (), recipe, digest(recipe), observed.version if observed is not None and fits else None)


def _find_defects(spec: ImportedCertificateSpec, target: Target, snapshot: Snapshot) -> Iterator[Finding]:
    namespace, name = snapshot.subject.key.namespace, target.secret_name
    if target.entity_type is not None and target.entity_type not in ENTITY_TYPES:
        yield finding(
            Reason.INVALID_REQUEST,
            f"target `{name}`: `entityType` must be one of {' and '.join(f'`{each}`' for each in ENTITY_TYPES)}, not "
            f"`{target.entity_type}`; its Secret stays as it is.",
            detail=Detail.ENTITY_TYPE_UNKNOWN,
        )
    if secret_key(namespace, name) in list_read_objects(spec, snapshot):
        yield finding(
            Reason.INVALID_REQUEST,
            f"target `{name}` is also an input of this object; it would be overwritten with itself. Choose another "
            "`secretName`.",
            detail=Detail.TARGET_IS_INPUT,
        )

    source = follow_sources(spec, snapshot).secrets.get(secret_key(namespace, name))
    if source is not None:
        yield finding(
            Reason.INVALID_REQUEST,
            f"target `{name}` is an input of {source.kind} `{source.name}`, whose target is an input of this object: "
            "nothing new can enter the circle. Choose another `secretName`, or another source.",
            detail=Detail.TARGET_CYCLE,
        )


def _find_format_defects(target: Target, pair: Pair, formats: list[Pkcs12Recipe]) -> Iterator[Finding]:
    for each in formats:
        try:
            each.password.decode()
        except UnicodeDecodeError:
            yield finding(
                Reason.INVALID_REQUEST,
                f"target `{target.secret_name}`, format `{each.data_key}`: the password must be UTF-8 text.",
                detail=Detail.PASSWORD_MISSING,
            )
    if formats and pair.key is not None and pair.key.algorithm.startswith("ML-DSA"):
        yield finding(
            Reason.INVALID_REQUEST,
            f"target `{target.secret_name}`: PKCS#12 cannot hold {pair.key.algorithm} keys. Leave `formats` out, or "
            "use another key.",
            detail=Detail.KEY_TYPE_UNSUPPORTED,
        )


def _find_last_good(
    spec: ImportedCertificateSpec,
    snapshot: Snapshot,
    past: Past,
    upload: Upload | None,
    authorities: tuple[Certificate, ...],
) -> Pair | None:
    """Find what is served: in the upload itself when only time or trust turned against it, else in a target."""
    served = past.status.served
    if served is None or not any(row.digest for row in past.targets.values()):
        return None
    stocks = [_Stock(upload.key, (*upload.certificates, *upload.others))] if upload is not None else []
    for name in dict.fromkeys([target.secret_name for target in spec.targets] + list(past.targets)):
        observed = snapshot.get(secret_key(snapshot.subject.key.namespace, name))
        stored = read_stored(observed.data) if observed is not None else None
        if stored is not None:
            stocks.append(_Stock(stored.key, (stored.leaf, *stored.chain, *stored.ca)))
    everybody = {each.fingerprint: each for stock in stocks for each in stock.certificates}
    everybody.update((each.fingerprint, each) for each in authorities)
    pairs = (_pick_served(stock, everybody, served) for stock in stocks)
    return next((pair for pair in pairs if pair is not None), None)


@dataclass(frozen=True, slots=True)
class _Stock:
    """What one place holds."""

    key: PrivateKey | None = field(repr=False)
    certificates: tuple[Certificate, ...]


def _pick_served(stock: _Stock, everybody: Mapping[str, Certificate], served: Served) -> Pair | None:
    """Pick the served certificate and its key out of one place, its chain and anchor out of all.

    Returns:
        `None` when a part is missing. Without the anchor, which may be distrusted and gone, the rest still serves.
    """
    key = stock.key
    leaf = next((each for each in stock.certificates if each.fingerprint == served.fingerprint), None)
    chain = [everybody[each.fingerprint] for each in served.chain if each.fingerprint in everybody]
    if leaf is None or len(chain) < len(served.chain) or key is None or not matches(key, leaf):
        return None
    anchor = everybody.get(served.anchor.fingerprint) if served.anchor is not None else None
    return Pair(leaf, tuple(chain), key, anchor)
