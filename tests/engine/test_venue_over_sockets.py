"""The same adapter over real HTTP and WebSocket on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from workbench.client import AiohttpTransport, Credentials, LmexClient
from workbench.clock import SystemClock
from workbench.engine.venues import LmexVenue
from workbench.events import (
    BookDelta,
    BookSnapshot,
    Cancel,
    Event,
    MarkPrice,
    OrderReport,
    OwnFill,
    Place,
    Reconcile,
    ReconcileDone,
    StreamState,
)
from workbench.exchange import SIM_KEY, SIM_SECRET, SimulatedExchange, drive, serve

DEADLINE_S = 20.0


async def until(condition: Callable[[], object]) -> None:
    """Wait on a condition, not on time."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another library
            await asyncio.sleep(0.01)


def test_a_session_over_sockets_trades_reconciles_and_leaves_nothing_open() -> None:
    async def main() -> None:
        clock = SystemClock()
        exchange = SimulatedExchange("lively", seed=7, clock=clock)
        runner, port = await serve(exchange)
        driver = asyncio.create_task(drive(exchange, clock))
        transport = AiohttpTransport(f"http://127.0.0.1:{port}")
        events: list[Event] = []
        client = LmexClient(transport, Credentials(SIM_KEY, SIM_SECRET), clock)
        venue = LmexVenue(client, transport, clock, "BTC-PERP", events.append)

        def heard(kind: type[Event]) -> list[Event]:
            return [event for event in events if isinstance(event, kind)]

        def statuses(client_id: str) -> set[str]:
            return {event.status for event in events if isinstance(event, OrderReport) and event.client_id == client_id}

        try:
            instrument = await venue.open()
            await venue.start_streams()
            await until(lambda: len(heard(StreamState)) == 3 and heard(BookSnapshot) and heard(MarkPrice))
            assert all(event.up for event in events if isinstance(event, StreamState))
            book = exchange.market("BTC-PERP").book
            venue.submit(Place("far1", 0, 1, book.bids.best_shown - 5000, 10))
            venue.submit(Place("take1", 1, 1, book.asks.best_shown + 500, 10, post_only=False, ioc=True))
            await until(lambda: "open" in statuses("far1") and "filled" in statuses("take1") and heard(OwnFill))
            venue.submit(Reconcile("test"))
            await until(lambda: heard(ReconcileDone))
            assert all(event.ok for event in events if isinstance(event, ReconcileDone))
            venue.submit(Cancel("far1", ""))
            await until(lambda: "cancelled" in statuses("far1"))
            venue.submit(Place("far2", 0, -1, book.asks.best_shown + 5000, 10))
            assert await venue.cancel_all_and_verify(10.0) == 0
            await until(lambda: len(heard(BookDelta)) > 5)
        finally:
            await venue.close()
            await transport.close()
            driver.cancel()
            await runner.cleanup()
        account = exchange.account()
        fills = [event for event in events if isinstance(event, OwnFill)]
        assert not account.open_orders
        assert account.position(instrument.symbol) == sum(fill.side * fill.size for fill in fills) == 10
        assert account.money == 10_000 - sum((fill.fee for fill in fills), Decimal(0))

    asyncio.run(main())
