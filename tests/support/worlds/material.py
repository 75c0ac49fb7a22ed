"""A company's PKI, made for the instant at which a story begins."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.support.pki import PKI, Entity
from tests.support.worlds.manifests import Manifest, secret

YEAR = timedelta(days=365)
HOST = "shop.example.com"

AGE = timedelta(days=30)
REST = timedelta(days=60)
"""A leaf has lived 30 of its 90 days; the warning comes when 18 are left."""

WARNS_AFTER = REST - timedelta(days=18)


class Corp:
    """A root, an issuing CA, and the leaves that a story asks for; nothing depends on the time of day.

    Attributes:
        at: the instant at which everything made with defaults is valid.
    """

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.root = self.ca("Corp Root")
        self.issuing = self.root.issue_ca("Corp Issuing CA 3", path_length=0, **self.dates)

    @property
    def dates(self) -> dict[str, datetime]:
        """The validity of a CA."""
        return {"not_before": self.at - YEAR, "not_after": self.at + 9 * YEAR}

    def ca(self, name: str) -> Entity:
        """Make another root."""
        return PKI().root(name, **self.dates)

    def leaf(self, name: str = HOST, issuer: Entity | None = None, **wishes: object) -> Entity:
        """Issue a server certificate, below the issuing CA unless told otherwise."""
        return (issuer or self.issuing).issue_leaf(name, **{**self.leaf_dates, **wishes})

    def self_signed(self, name: str = HOST, **wishes: object) -> Entity:
        """Make a self-signed server certificate."""
        return PKI().self_signed(name, **{**self.leaf_dates, **wishes})

    @property
    def leaf_dates(self) -> dict[str, datetime]:
        """The validity of a leaf."""
        return {"not_before": self.at - AGE, "not_after": self.at + REST}


def upload(entity: Entity, name: str = "shop", *, key: Entity | None = None, crt: str | None = None) -> Manifest:
    """Write the Secret `<name>-upload` with a certificate, its intermediates, and its key."""
    certificates = entity.chain_pem if crt is None else crt
    return secret(f"{name}-upload", {"tls.crt": certificates, "tls.key": (key or entity).key_pem})


def stored(entity: Entity) -> dict[str, bytes]:
    """Give the data of a target that serves a certificate."""
    return {"tls.crt": entity.chain_pem.encode(), "tls.key": entity.key_pem.encode()}
