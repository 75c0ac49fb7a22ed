"""What happens over time, told as people would live it; each story in memory and on a real API server."""

from __future__ import annotations

from tests.support.worlds import World
from tests.support.worlds.manifests import serving
from tests.support.worlds.material import stored, upload


async def test_target_is_served_again_when_a_refused_upload_is_mended(world: World) -> None:
    good, late = world.corp.leaf(), world.corp.leaf()
    await world.apply(upload(good), serving())
    await world.settle("shop", lambda report: report.is_ok)
    before = await world.read("Secret", "shop-tls")
    assert before is not None
    assert before.data == stored(good)

    await world.apply(upload(late, crt=late.pem))
    await world.settle("shop", lambda report: report.reason == "IssuerNotFound")
    assert await world.read("Secret", "shop-tls") == before

    await world.apply(upload(late))
    await world.settle("shop", lambda report: report.is_ok)
    after = await world.read("Secret", "shop-tls")
    assert after is not None
    assert after.data == stored(late)
