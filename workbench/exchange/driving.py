"""The task that lets simulated time follow a clock, on a real loop or a virtual one."""

from __future__ import annotations

import asyncio

from workbench.clock import NS, Clock
from workbench.exchange.venue import SimulatedExchange

__all__ = ["drive"]


async def drive(exchange: SimulatedExchange, clock: Clock) -> None:
    """Let the exchange's time follow the clock, until cancelled."""
    while True:
        exchange.advance(clock.now_ns())
        delay_ns = exchange.next_event_ns() - clock.now_ns()
        # Another market may wake up meanwhile, with an earlier event: look again at least every 50 ms.
        await asyncio.sleep(min(max(delay_ns, 0), NS // 20) / NS)
