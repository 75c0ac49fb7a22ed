"""Where recipes are rendered: here, or in another process, each with the time that it may take."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from certwright.cluster.rendering import is_heavy
from certwright.findings import ClusterError, Detail, FailureCause, MaterialError, Reason, finding
from certwright.pki.key_recipe import KeyRecipe
from certwright.pki.keys import read_private_key
from certwright.pki.render import Pkcs12Recipe, SecretRecipe
from certwright.pki.trust_bundle import BundleRecipe
from certwright.runtime.heavy_work import MAKING_KEYS, RENDERING, render_in
from certwright.runtime.processes import Processes
from tests.support.pki import PKI

SHOP = PKI().root().issue_leaf("shop.example.com")
RSA = KeyRecipe("RSA", 2048)
PLAIN = SecretRecipe((SHOP.certificate,))
STORE = SecretRecipe((SHOP.certificate,), None, (), (Pkcs12Recipe("store.p12", "shop", b"changeit"),))


class Elsewhere:
    """Stand in for worker processes: notes who asked for what, and does it here or refuses."""

    def __init__(self, refusal: MaterialError | None = None) -> None:
        self.asked: list[tuple[str, float | None]] = []
        self._refusal = refusal

    async def run(
        self, func: Callable[..., Any], *args: Any, namespace: str, seconds: float | None = None
    ) -> dict[str, bytes]:
        self.asked.append((namespace, seconds))
        if self._refusal is not None:
            raise self._refusal
        result: dict[str, bytes] = func(*args)
        return result


async def render(recipe: Any, elsewhere: Elsewhere) -> dict[str, bytes]:
    return await render_in(cast("Processes", elsewhere), recipe, {}, key_seconds=77)


@pytest.mark.parametrize(
    ("recipe", "asked"),
    [
        (PLAIN, []),
        (STORE, [(RENDERING, None)]),
        (KeyRecipe("ECDSA", 256), []),
        (KeyRecipe("Ed25519", 256), []),
        (RSA, [(MAKING_KEYS, 77)]),
        (BundleRecipe((SHOP.certificate,), "ca.crt"), []),
    ],
)
async def test_recipe_is_rendered_elsewhere_when_it_takes_long(
    recipe: Any, asked: list[tuple[str, float | None]]
) -> None:
    elsewhere = Elsewhere()
    data = await render(recipe, elsewhere)
    assert elsewhere.asked == asked
    assert is_heavy(recipe) is bool(asked)
    assert data


async def test_key_comes_whole_from_a_real_process() -> None:
    processes = Processes(limit=1, seconds=0.001)
    try:
        data = await render_in(processes, RSA, {}, key_seconds=60)
    finally:
        await processes.close()
    key = read_private_key(data["tls.key"], what="it").key
    assert (key.algorithm, key.size) == ("RSA", 2048)


async def test_key_that_is_not_found_in_time_may_be_found_another_time() -> None:
    late = finding(Reason.VALIDATION_ERROR, "Judging took too long.", detail=Detail.LIMIT_EXCEEDED)
    with pytest.raises(ClusterError) as raised:
        await render(RSA, Elsewhere(MaterialError(late)))
    assert raised.value.cause is FailureCause.INTERNAL
    assert raised.value.message == "making the key took longer than 77 s (the operator's setting `key_seconds`)"


@pytest.mark.parametrize(("recipe", "reason"), [(RSA, Reason.KEY_LOST), (STORE, Reason.VALIDATION_ERROR)])
async def test_refusal_of_a_recipe_is_handed_through(recipe: Any, reason: Reason) -> None:
    with pytest.raises(MaterialError) as raised:
        await render(recipe, Elsewhere(MaterialError(finding(reason, "No."))))
    assert raised.value.finding.reason is reason
