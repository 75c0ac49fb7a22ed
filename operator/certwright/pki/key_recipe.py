"""What a Secret with nothing but a private key is to hold.

A new key is random, so a plan carries a recipe, and the key is made when the plan is carried out. A key that is there
is kept, in its one form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certwright.findings import MaterialError, Reason, finding
from certwright.pki.generate import generate_key
from certwright.pki.keys import read_private_key
from certwright.pki.render import PRIVATE_KEY_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class KeyRecipe:
    """The private key of a Secret.

    Attributes:
        algorithm: of a new key.
        size: of a new key, in bits.
        fingerprint: of the key that is there and stays; None makes a new one.
    """

    algorithm: str
    size: int
    fingerprint: str | None = None

    @property
    def is_heavy(self) -> bool:
        """Tell whether carrying it out takes more than a moment: the search for two large primes."""
        return self.fingerprint is None and self.algorithm == "RSA"

    @property
    def takes_long(self) -> bool:
        """Tell whether it takes so long that people ask what is going on: seconds, and now and then half a minute."""
        return self.is_heavy and self.size >= _LONG_RSA_BITS


_LONG_RSA_BITS = 4096


def render_key(recipe: KeyRecipe, stored: Mapping[str, bytes]) -> dict[str, bytes]:
    """Render the data of a Secret: a new key, or the one in `stored` as normalised PKCS#8 PEM.

    Raises:
        MaterialError: `InvalidRequest`: no such key can be made; `KeyInvalid`, `KeyLost`: what is stored is not the key
            that is to stay. A stored key is never replaced by a new one (`KeyLost`).
    """
    present = stored.get(PRIVATE_KEY_KEY)
    if recipe.fingerprint is None:
        if present:
            raise _another("holds a key already")
        return {PRIVATE_KEY_KEY: generate_key(recipe.algorithm, recipe.size).to_pem()}
    key = read_private_key(present or b"", what=f"`{PRIVATE_KEY_KEY}`").key
    if key.public.fingerprint != recipe.fingerprint:
        raise _another("holds another key than it did")
    return {PRIVATE_KEY_KEY: key.to_pem()}


def holds_key(recipe: KeyRecipe, stored: Mapping[str, bytes]) -> bool:
    """Tell whether `stored` holds the key that is to stay, byte for byte as it would be rendered."""
    try:
        return recipe.fingerprint is not None and render_key(recipe, stored).items() <= stored.items()
    except MaterialError:
        return False


def _another(what: str) -> MaterialError:
    return MaterialError(finding(Reason.KEY_LOST, f"the Secret {what}; it stays as it is."))
