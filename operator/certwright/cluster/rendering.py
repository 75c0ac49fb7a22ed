"""From recipes of all kinds to the data of an object."""

from __future__ import annotations

from collections.abc import Mapping

from certwright.pki.key_recipe import KeyRecipe, render_key
from certwright.pki.render import SecretRecipe, render
from certwright.pki.trust_bundle import BundleRecipe, render_target

Recipe = SecretRecipe | BundleRecipe | KeyRecipe
"""Everything that can be rendered."""


def render_recipe(recipe: Recipe, stored: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Render the data of a target; PKCS#12 files in `stored` that still fit are kept byte for byte.

    Raises:
        MaterialError: a password, key or set of certificates that PKCS#12 cannot take, or a key that cannot be made.
    """
    match recipe:
        case SecretRecipe():
            return render(recipe, stored)
        case KeyRecipe():
            return render_key(recipe, stored or {})
        case BundleRecipe():
            return render_target(recipe, stored)


def is_heavy(recipe: Recipe) -> bool:
    """Say whether rendering belongs into a worker process: PKCS#12 derives keys, PEM is a matter of a millisecond."""
    match recipe:
        case SecretRecipe():
            return bool(recipe.formats)
        case KeyRecipe():
            return recipe.is_heavy
        case BundleRecipe():
            return recipe.format == "PKCS12"
