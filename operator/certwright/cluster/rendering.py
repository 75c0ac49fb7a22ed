"""From recipes of both kinds to the data of an object."""

from __future__ import annotations

from collections.abc import Mapping

from certwright.pki.render import SecretRecipe, render
from certwright.pki.trust_bundle import BundleRecipe, render_target


def render_recipe(recipe: SecretRecipe | BundleRecipe, stored: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Render the data of a target; PKCS#12 files in `stored` that still fit are kept byte for byte.

    Raises:
        MaterialError: a password, key or set of certificates that PKCS#12 cannot take.
    """
    return render(recipe, stored) if isinstance(recipe, SecretRecipe) else render_target(recipe, stored)


def is_heavy(recipe: SecretRecipe | BundleRecipe) -> bool:
    """Say whether rendering belongs into a worker process: PKCS#12 derives keys, PEM is a matter of a millisecond."""
    return bool(recipe.formats) if isinstance(recipe, SecretRecipe) else recipe.format == "PKCS12"
