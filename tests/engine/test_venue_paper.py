"""Paper trading on the public streams of the simulated LMEX: orders fill here, the venue never hears of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any

import pytest

from workbench.client import Connection, CutStream, FaultyTransport, MemoryTransport, Response, Unlimited
from workbench.config import MarketMakerConfig
from workbench.engine.engine import Engine
from workbench.engine.outcome import Outcome
from workbench.engine.protocol import EngineSpec
from workbench.engine.replay import maker_of, replay_rows
from workbench.engine.venues import PaperVenue
from workbench.errors import ConfigError, VenueError
from workbench.events import BookLost, Event, FundingPaid, MarkPrice, OwnFill, Place
from workbench.exchange import SimulatedExchange, drive
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual

PUBLIC = {"market_summary", "price", "orderbook/L2"}


class PublicWire(FaultyTransport):
    """Notes every request, what it carried, and every frame that left."""

    def __init__(self, exchange: SimulatedExchange, faults: list[Any]) -> None:
        super().__init__(MemoryTransport(exchange), faults)
        self.paths: set[str] = set()
        self.headers: set[str] = set()
        self.frames: list[bytes] = []

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float = 10.0
    ) -> Response:
        assert method == "GET"
        self.paths.add(path.partition("?")[0].removeprefix("/futures/api/v2.3/"))
        self.headers |= {name.lower() for name in headers}
        return await super().request(method, path, headers, body, timeout_s)

    async def connect(self, path: str) -> Connection:
        noted: Any = _Noted(await super().connect(path), self.frames)
        return noted


class _Noted:
    def __init__(self, connection: Connection, frames: list[bytes]) -> None:
        self._connection = connection
        self._frames = frames

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def send(self, frame: bytes) -> None:
        self._frames.append(frame)
        await self._connection.send(frame)


class World:
    """The simulated LMEX, the wire to it, and a session's clock."""

    def __init__(self, faults: list[Any] | None = None, **settings: Any) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        self.clock = LoopClock(loop)
        self.exchange = SimulatedExchange("lively", seed=7, clock=self.clock, funding_interval_s=60)
        self.wire = PublicWire(self.exchange, faults or [])
        self.config = MarketMakerConfig.from_dict({"venue.name": "paper", **settings})
        self.driver = loop.create_task(drive(self.exchange, self.clock))
        self.made: list[PaperVenue] = []

    def venue(self, emit: Callable[[Event], None]) -> PaperVenue:
        self.made.append(PaperVenue(self.config, self.wire, self.clock, emit, limiter=Unlimited()))
        return self.made[-1]

    async def session(self, seconds: float) -> tuple[Engine, Outcome]:
        spec = EngineSpec(run_id="paper1", config=self.config.model_dump(mode="json"), seed=7, seconds=seconds)
        engine = Engine(spec, self.config, self.venue, self.clock, ":memory:")
        await engine.start()
        return engine, await engine.run()


def in_world(script: Callable[[World], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    async def main() -> Any:
        world = World(**options)
        try:
            return await script(world)
        finally:
            world.driver.cancel()

    return run_virtual(main(), seed=7)


def test_a_paper_session_trades_and_no_signed_request_leaves() -> None:
    async def script(world: World) -> None:
        engine, outcome = await world.session(40)
        assert (outcome.venue, outcome.exit_code, outcome.open_orders_at_end) == ("paper", 0, 0)
        assert outcome.fills > 10
        assert outcome.venue_position == outcome.position_at_end
        assert sum(Decimal(part) for part in outcome.pnl.values()) == Decimal(outcome.equity_change)
        # The venue knows nothing of it.
        account = world.exchange.account()
        assert not account.fills
        assert not account.open_orders
        assert world.wire.paths == PUBLIC
        assert not [name for name in world.wire.headers if name.startswith("request-")]
        assert world.wire.frames
        assert not [frame for frame in world.wire.frames if b"login" in frame or b"authKey" in frame]
        # And the session is one like every other.
        rows = engine.journal.read()
        assert replay_rows(rows, lambda: maker_of(engine.journal.meta)).commands > 50
        assert world.made[0].account.position == outcome.position_at_end

    in_world(script)


def test_fees_are_those_to_be_assumed() -> None:
    async def script(world: World) -> None:
        instrument = await world.venue(lambda _: None).open()
        assert (instrument.maker_fee, instrument.taker_fee) == (Decimal("0.0002"), Decimal("0.0006"))
        assert instrument.tick_size == Decimal("0.1")

    in_world(script)


def test_a_symbol_that_is_not_listed_is_a_wrong_configuration() -> None:
    async def script(world: World) -> None:
        with pytest.raises(ConfigError, match="BTX-PERP"):
            await world.venue(lambda _: None).open()

    in_world(script, symbol="BTX-PERP")


def test_nothing_streams_before_it_is_open() -> None:
    async def script(world: World) -> None:
        with pytest.raises(VenueError, match="open"):
            await world.venue(lambda _: None).start_streams()

    in_world(script)


def test_a_lost_stream_loses_the_book_and_own_orders_rest_on() -> None:
    async def script(world: World) -> None:
        events: list[Event] = []
        venue = world.venue(events.append)
        await venue.open()
        await venue.start_streams()
        await asyncio.sleep(1)
        best = world.exchange.market("BTC-PERP").book.bids.best_shown
        venue.submit(Place("p1", 0, 1, best - 2_000, 10))
        await asyncio.sleep(9)
        assert [event for event in events if isinstance(event, BookLost)]
        assert venue.open_orders == 1
        assert await venue.cancel_all_and_verify(1.0) == 0
        await venue.close()
        await venue.close()

    in_world(script, faults=[CutStream("/ws/oss/futures", after_s=5.0)])


def test_funding_is_paid_once_at_the_rate_that_was_heard_before() -> None:
    async def script(world: World) -> None:
        events: list[Event] = []
        venue = world.venue(events.append)
        instrument = await venue.open()
        await venue.start_streams()
        await asyncio.sleep(1)
        best = world.exchange.market("BTC-PERP").book.asks.best_shown
        venue.submit(Place("p1", 0, 1, best + 200, 10, post_only=False, ioc=True))
        await asyncio.sleep(1)
        held = sum(event.side * event.size for event in events if isinstance(event, OwnFill))
        assert held == 10
        marks = [event for event in events if isinstance(event, MarkPrice)]
        stamp = marks[-1].funding_time_ns
        await asyncio.sleep((stamp - world.clock.now_ns()) / 1e9 + 5)
        marks = [event for event in events if isinstance(event, MarkPrice) and event.t_ns < stamp]
        (paid,) = [event for event in events if isinstance(event, FundingPaid)]
        expected = instrument.money(instrument.funding_units(marks[-1].mark, held, marks[-1].funding_rate))
        assert paid.amount == expected
        await venue.close()

    in_world(script)
