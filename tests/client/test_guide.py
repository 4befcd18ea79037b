"""The guide's /v1 dialect: signed as printed, read as printed, and at work against the simulated venue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from workbench.client import (
    Credentials,
    GuideClient,
    InsufficientBalance,
    MemoryTransport,
    OrderNotFound,
    TransportError,
    UnknownOutcome,
    Unlimited,
)
from workbench.errors import VenueError
from workbench.exchange import SIM_KEY, SIM_SECRET, SimulatedExchange, drive
from workbench.virtual_time import LoopClock, run_virtual

if TYPE_CHECKING:
    from tests.client.conftest import RecordingTransport

CREDENTIALS = Credentials("demo-key-not-real-0001", "demo-secret-not-real-0001")
ORDER = b'{"success":true,"data":{"id":"x1","symbol":"BTC-PERP","side":"buy","price":"1","size":"1","status":"open"}}'


def client_at(recorder: RecordingTransport, epoch_ms: int) -> GuideClient:
    clock = LoopClock(asyncio.get_running_loop(), epoch_ns=epoch_ms * 1_000_000)
    return GuideClient(recorder, CREDENTIALS, clock, Unlimited())


def test_ticker_and_position_are_read_as_the_guide_prints_them(
    recorder: RecordingTransport, sample: Callable[[str], bytes]
) -> None:
    guide = json.loads(sample("guide_v1.json"))
    recorder.answer("GET /v1/ticker/BTC-PERP", json.dumps(guide["replies"]["ticker"]).encode())
    recorder.answer("GET /v1/positions/BTC-PERP", json.dumps(guide["replies"]["positions"]).encode())

    async def main() -> None:
        client = client_at(recorder, 1780000000000)
        position = await client.position("BTC-PERP")
        ticker = await client.ticker("BTC-PERP")
        assert position.size == 120
        assert (ticker.last_price, ticker.mid) == (Decimal("77054.6"), Decimal("77054.6"))
        assert ticker.volume_24h == Decimal("1234567.8")

    run_virtual(main())
    signatures = [headers["LMEX-SIGNATURE"] for _, _, headers, _ in recorder.requests]
    assert signatures == [vector["digest"] for vector in guide["vectors"][:2]]


def test_an_order_is_written_and_signed_as_the_vector_has_it(
    recorder: RecordingTransport, sample: Callable[[str], bytes]
) -> None:
    vector = json.loads(sample("guide_v1.json"))["vectors"][2]
    recorder.answer("POST /v1/orders", ORDER)

    async def main() -> None:
        order = await client_at(recorder, int(vector["timestamp"])).place("BTC-PERP", 1, Decimal("77050.1"), 1000)
        assert (order.order_id, order.status) == ("x1", "open")

    run_virtual(main())
    ((_, _, headers, body),) = recorder.requests
    assert (body.decode(), headers["LMEX-SIGNATURE"]) == (vector["body"], vector["digest"])


def test_ids_that_would_reach_other_orders_are_refused_and_lost_answers_are_unknown(
    recorder: RecordingTransport,
) -> None:
    recorder.answer("DELETE /v1/orders/x1", TransportError("reset"))
    recorder.answer("GET /v1/ticker/BTC-PERP", TransportError("reset"))

    async def main() -> None:
        client = client_at(recorder, 1)
        for order_id in ("", "a/b"):
            with pytest.raises(VenueError, match="refused"):
                await client.cancel(order_id)
        assert recorder.requests == []
        with pytest.raises(UnknownOutcome):
            await client.cancel("x1")
        with pytest.raises(TransportError):
            await client.ticker("BTC-PERP")

    run_virtual(main())


def test_an_order_lives_and_dies_at_the_simulated_venue() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        exchange = SimulatedExchange("lively", seed=7, clock=clock)
        driver = loop.create_task(drive(exchange, clock))
        client = GuideClient(MemoryTransport(exchange), Credentials(SIM_KEY, SIM_SECRET), clock, Unlimited())
        await asyncio.sleep(1)
        ticker = await client.ticker("BTC-PERP")
        assert 0 < ticker.best_bid < ticker.mid < ticker.best_ask
        order = await client.place("BTC-PERP", 1, ticker.best_bid - 500, 10)
        assert (order.status, order.size, order.filled) == ("open", 10, 0)
        assert len(exchange.account().open_orders) == 1
        assert (await client.cancel(order.order_id)).status == "cancelled"
        assert not exchange.account().open_orders
        with pytest.raises(OrderNotFound):
            await client.cancel(order.order_id)
        with pytest.raises(InsufficientBalance):
            await client.place("BTC-PERP", 1, ticker.best_bid - 500, 7_000_000)
        taken = await client.place("BTC-PERP", 1, ticker.best_ask + 100, 10)
        assert taken.filled == (await client.position("BTC-PERP")).size == 10
        driver.cancel()

    run_virtual(main(), seed=7)
