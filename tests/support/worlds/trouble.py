"""Material and wishes that something is wrong with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.support.pki import PKI, Entity, ec_key
from tests.support.worlds.manifests import Manifest, secret, serving
from tests.support.worlds.material import Corp

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Bad:
    """What somebody hands in: the data of the upload, and what the wish says beside it."""

    data: Mapping[str, str | bytes]
    spec: Mapping[str, Any] = field(default_factory=dict)
    type: str = "Opaque"

    def manifests(self, name: str) -> tuple[Manifest, ...]:
        """Write it for the ImportedCertificate of that name, the wish first: it may be what refuses the upload."""
        handed_in = (secret(f"{name}-upload", self.data, type=self.type),) if self.data else ()
        return (serving(name, **self.spec), *handed_in)


def pair(entity: Entity, *, crt: str | None = None, key: str | bytes | None = None, **spec: Any) -> Bad:
    """Hand in a certificate with its intermediates and its key, or something else instead of one of them."""
    certificates = entity.chain_pem if crt is None else crt
    return Bad({"tls.crt": certificates, "tls.key": entity.key_pem if key is None else key}, spec)


def expired_leaf(corp: Corp) -> Entity:
    """Issue a certificate that ended yesterday."""
    return corp.leaf(not_before=corp.at - 90 * DAY, not_after=corp.at - DAY)


def early_leaf(corp: Corp) -> Entity:
    """Issue a certificate that begins in three days."""
    return corp.leaf(not_before=corp.at + 3 * DAY, not_after=corp.at + 90 * DAY)


def below_expired_issuer(corp: Corp) -> Entity:
    """Issue a good leaf below a CA that ended yesterday."""
    issuing = corp.root.issue_ca("Corp Issuing CA 2", not_before=corp.at - 90 * DAY, not_after=corp.at - DAY)
    return corp.leaf(issuer=issuing)


def falsely_self_signed(corp: Corp) -> Entity:
    """Make a certificate that names itself as issuer and is signed by another key."""
    return corp.self_signed(sign_with=ec_key("another"))


def contradicting(corp: Corp) -> Entity:
    """Issue a certificate whose two signature algorithms differ."""
    return corp.leaf(outer_algorithm=ec_key("any").algorithm().replace(b"\x04\x03\x02", b"\x04\x03\x03"))


RUNGS = 3
WIDTH = 5


def laborious(corp: Corp, **wishes: Any) -> tuple[Entity, str]:
    """Issue a leaf below cross-signed CAs, all expired: so many paths that nobody judges them all.

    Returns:
        The leaf, and it with all those CAs as PEM.
    """
    dates = {"not_before": corp.at - 90 * DAY, "not_after": corp.at - DAY}
    above = PKI().root("Ladder", **dates)
    rungs: list[Entity] = []
    for rung in range(RUNGS):
        key = ec_key(f"rung {rung}")
        made = [above.issue_ca(f"Rung {rung}", key=key, **dates) for _ in range(WIDTH)]
        rungs += made
        above = made[0]
    leaf = corp.leaf(issuer=above, **wishes)
    return leaf, "".join(entity.pem for entity in (leaf, *rungs))
