"""What people ask of a running engine, two of them at the same moment included."""

from __future__ import annotations

import asyncio

from workbench.engine import simulate
from workbench.engine.simulation import SimulatedWorld


def test_two_updates_at_the_same_moment_both_count() -> None:
    seen = []

    async def two_people(world: SimulatedWorld) -> None:
        await asyncio.sleep(2)
        await asyncio.gather(
            world.ask("update", {"max_position_size": 30}),
            world.ask("update", {"spread_bps": 30}),
        )
        seen.extend((world.engine.maker.config, world.engine.config))

    simulate(seed=3, seconds=4, script=two_people)
    assert [(config.max_position_size, config.spread_bps) for config in seen] == [(30, 30)] * 2
