"""A recorded market played again: what is heard and when, how orders end, and that a session on it is a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from workbench.backtest import ConstantLatency, Feed, MeasuredLatency, queue_model, run_configurations
from workbench.backtest.run import Options
from workbench.clock import NS
from workbench.config import MarketMakerConfig, VenueConfig
from workbench.data import (
    CLEAR,
    DEPTH,
    FUNDING,
    GAP,
    MARK,
    RESYNC,
    SNAPSHOT,
    TRADE,
    Catalog,
    event_table,
    synthetic_day,
    synthetic_events,
)
from workbench.engine import replay_market
from workbench.engine.preflight import check_before_start
from workbench.engine.venues import ReplayVenue
from workbench.engine.venues.local_terms import queue_of
from workbench.engine.venues.recording import within_seconds
from workbench.errors import ConfigError, VenueError
from workbench.events import (
    Amend,
    ArmDeadMan,
    BookDelta,
    BookLost,
    BookSnapshot,
    Cancel,
    CancelAll,
    Command,
    DeadManArmed,
    Event,
    FundingPaid,
    MarketTrade,
    MarkPrice,
    OpenOrders,
    OrderReport,
    OwnFill,
    Place,
    PositionReport,
    Query,
    Reconcile,
    ReconcileDone,
    StreamState,
    WalletReport,
)
from workbench.exchange.listing import LISTINGS
from workbench.instruments import Instrument
from workbench.virtual_time import LoopClock, VirtualTimeLoop, run_virtual

E = TypeVar("E", bound=Event)

MS = 1_000_000
START = 1_700_000_000 * NS
COIN = Instrument("COIN-PERP", "COIN", "USDT", Decimal("0.5"), Decimal("0.1"), min_notional=Decimal(1))
Row = tuple[int, int, int, int, int, float, int]
"""Milliseconds at the venue, kind, side, price, size, value, value_ns; heard 2 ms later."""

BOOK: list[Row] = [
    (0, RESYNC, 0, 0, 0, np.nan, 0),
    (0, CLEAR, 0, 0, 0, np.nan, 0),
    (0, SNAPSHOT, 1, 200, 5, np.nan, 0),
    (0, SNAPSHOT, 1, 199, 8, np.nan, 0),
    (0, SNAPSHOT, -1, 202, 5, np.nan, 0),
    (0, SNAPSHOT, -1, 203, 8, np.nan, 0),
    (1, MARK, 0, 0, 0, 100.5, 0),
]


def level(at: int, side: int, price: int, size: int) -> Row:
    return at, DEPTH, side, price, size, np.nan, 0


def trade(at: int, side: int, price: int, size: int) -> Row:
    return at, TRADE, side, price, size, np.nan, 0


def feed_of(*rows: Row) -> Feed:
    names = ("venue_ns", "kind", "side", "price_ticks", "size", "value", "value_ns")
    columns = {name: np.array(values) for name, values in zip(names, zip(*BOOK, *rows, strict=True), strict=True)}
    columns["venue_ns"] = START + columns["venue_ns"] * MS
    columns["t_ns"] = columns["venue_ns"] + 2 * MS
    columns["seq"] = np.arange(len(columns["kind"]))
    return Feed.prepare(event_table(columns), COIN, cache=False)


class Desk:
    """The venue on a recording, with everything it emitted."""

    def __init__(self, feed: Feed, **venue: Any) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        self.clock = LoopClock(loop, feed.start_ns - NS)
        self.events: list[Event] = []
        self.ended = 0
        config = MarketMakerConfig.from_dict({"symbol": "COIN-PERP", "venue": {"name": "replay", **venue}})
        self.venue = ReplayVenue(config, feed, self.clock, self.events.append, self._finished)

    def _finished(self) -> None:
        self.ended += 1

    async def until(self, ms: float) -> None:
        """Let the recording run to so many milliseconds after its start."""
        await asyncio.sleep((START + round(ms * MS) - self.clock.now_ns()) / NS)

    async def send(self, ms: int, *commands: Command) -> None:
        """Send commands at a time of the recording."""
        await self.until(ms)
        for command in commands:
            self.venue.submit(command)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def heard(self, kind: type[E]) -> list[float]:
        """When events of a kind were heard, milliseconds."""
        return [(event.t_ns - START) / MS for event in self.of(kind)]

    def reports(self) -> list[tuple[str, str, str, float]]:
        return [(r.client_id, r.request, r.status, (r.t_ns - START) / MS) for r in self.of(OrderReport)]


def at_the_desk(feed: Feed, script: Callable[[Desk], Coroutine[Any, Any, None]], **venue: Any) -> Desk:
    async def main() -> Desk:
        desk = Desk(feed, **venue)
        await desk.venue.open()
        await desk.venue.start_streams()
        await script(desk)
        await desk.venue.close()
        return desk

    return run_virtual(main())


def bid(client_id: str, price: int, size: int = 2, **options: bool) -> Place:
    return Place(client_id, 0, 1, price, size, **options)


def ask(client_id: str, price: int, size: int = 2, **options: bool) -> Place:
    return Place(client_id, 0, -1, price, size, **options)


# --- the market -----------------------------------------------------------------------------------------------------


def test_the_market_is_heard_at_its_times_of_receipt() -> None:
    feed = feed_of(level(10, 1, 201, 3), trade(20, -1, 201, 1), level(20, 1, 201, 2), level(30, -1, 202, 0))
    desk = at_the_desk(feed, lambda desk: desk.until(100))
    assert [event.stream for event in desk.of(StreamState) if event.up] == ["private", "book", "trades"]
    assert desk.of(BookSnapshot) == [
        BookSnapshot(START + 2 * MS, START, ((200, 5), (199, 8)), ((202, 5), (203, 8))),
    ]
    assert [(event.bids, event.asks) for event in desk.of(BookDelta)] == [
        (((201, 3),), ()),
        (((201, 2),), ()),
        ((), ((202, 0),)),
    ]
    assert desk.heard(BookDelta) == [12, 22, 32]
    (print_,) = desk.of(MarketTrade)
    assert (print_.side, print_.price_ticks, print_.size, print_.venue_ns) == (-1, 201, 1, START + 20 * MS)
    assert desk.events.index(print_) < desk.events.index(desk.of(BookDelta)[1])
    (mark,) = desk.of(MarkPrice)
    assert (mark.mark, mark.t_ns) == (Decimal("100.5"), START + 3 * MS)


def test_a_gap_loses_the_book_until_it_is_whole_again() -> None:
    again = [(40, kind, side, price, size, value, at) for _, kind, side, price, size, value, at in BOOK[:-1]]
    desk = at_the_desk(
        feed_of((20, GAP, 0, 0, 2, np.nan, 0), level(30, 1, 198, 1), *again), lambda desk: desk.until(100)
    )
    assert desk.heard(BookLost) == [22]
    assert desk.heard(BookSnapshot) == [2, 42]
    assert desk.of(BookDelta) == []


def test_a_level_that_reaches_the_other_side_deletes_what_it_reaches() -> None:
    desk = at_the_desk(feed_of(level(10, 1, 202, 4), level(20, -1, 199, 1)), lambda desk: desk.until(100))
    assert [(sorted(event.bids), sorted(event.asks)) for event in desk.of(BookDelta)] == [
        ([(202, 4)], [(202, 0)]),
        ([(199, 0), (200, 0), (202, 0)], [(199, 1)]),
    ]


def test_a_side_that_is_cleared_is_told_as_a_whole_book() -> None:
    desk = at_the_desk(feed_of((10, CLEAR, 1, 200, 0, np.nan, 0), level(10, 1, 198, 3)), lambda desk: desk.until(100))
    assert [event.bids for event in desk.of(BookSnapshot)] == [((200, 5), (199, 8)), ((199, 8), (198, 3))]


def test_the_end_of_the_recording_is_told_once_and_the_book_is_not_known_any_more() -> None:
    desk = at_the_desk(feed_of(level(10, 1, 201, 3)), lambda desk: desk.until(5_000))
    assert desk.ended == 1
    (down,) = [event for event in desk.of(StreamState) if not event.up]
    assert (down.stream, down.reason) == ("book", "the recording has ended")


def test_a_recording_without_mark_prices_is_marked_at_its_mid() -> None:
    rows = [row for row in BOOK if row[1] != MARK]
    columns = {
        "venue_ns": np.array([START + row[0] * MS for row in rows] + [START + 1_500 * MS]),
        "kind": np.array([row[1] for row in rows] + [DEPTH]),
        "side": np.array([row[2] for row in rows] + [1]),
        "price_ticks": np.array([row[3] for row in rows] + [201]),
        "size": np.array([row[4] for row in rows] + [1]),
        "seq": np.arange(len(rows) + 1),
    }
    feed = Feed.prepare(event_table({**columns, "t_ns": columns["venue_ns"] + 2 * MS}), COIN, cache=False)
    desk = at_the_desk(feed, lambda desk: desk.until(3_000))
    assert [event.mark for event in desk.of(MarkPrice)] == [Decimal("100.50")]


# --- orders ---------------------------------------------------------------------------------------------------------


def test_a_request_takes_its_way_and_the_queue_ahead_has_to_trade_first() -> None:
    feed = feed_of(trade(60, -1, 200, 5), level(60, 1, 200, 0), trade(70, -1, 200, 1), trade(80, -1, 200, 4))

    async def script(desk: Desk) -> None:
        await desk.send(20, bid("a1", 200))
        await desk.until(36.9)
        assert desk.reports() == []
        await desk.until(200)

    desk = at_the_desk(feed, script, latency_ms=(10, 7))
    assert desk.reports() == [("a1", "place", "open", 37.0)]
    first, second = desk.of(OwnFill)
    assert [(fill.size, (fill.venue_ns - START) / MS, (fill.t_ns - START) / MS) for fill in (first, second)] == [
        (1, 70.0, 77.0),
        (1, 80.0, 87.0),
    ]
    assert first.maker
    assert first.fee == COIN.money(COIN.fee_units(Decimal(100), 1, COIN.maker_fee))
    assert first.trade_id != second.trade_id


def test_cancels_amends_and_what_comes_too_late() -> None:
    async def script(desk: Desk) -> None:
        await desk.send(10, bid("a1", 199, 4), ask("a2", 203, 4))
        await desk.send(50, Amend("a1", "", 3), Cancel("a2", ""))
        await desk.send(90, Amend("a1", "", 0), Cancel("a2", ""), Cancel("zz", ""))
        await desk.until(200)

    desk = at_the_desk(feed_of(level(300, 1, 198, 1)), script)
    assert [report[:3] for report in desk.reports()] == [
        ("a1", "place", "open"),
        ("a2", "place", "open"),
        ("a2", "cancel", "cancelled"),
        ("a1", "amend", "open"),
        ("a2", "cancel", "not_found"),
        ("zz", "cancel", "not_found"),
        ("a1", "amend", "cancel_rejected"),
    ]
    amended = desk.of(OrderReport)[3]
    assert (amended.size, amended.total_filled) == (3, 0)


def test_orders_that_cannot_stand_are_refused_in_words() -> None:
    async def script(desk: Desk) -> None:
        await desk.send(10, bid("a1", 202), bid("a2", 200, 0), ask("a3", 203, 2, post_only=False, reduce_only=True))
        await desk.send(20, bid("a4", 203, 7, post_only=False, ioc=True), bid("a5", 203, 20, post_only=False, ioc=True))
        await desk.until(200)

    desk = at_the_desk(feed_of(level(300, 1, 198, 1)), script)
    ends = {report.client_id: report for report in desk.of(OrderReport)}
    assert (ends["a1"].status, ends["a2"].status, ends["a3"].status) == ("cancelled", "rejected", "rejected")
    assert all(ends[name].reason for name in ("a1", "a2", "a3", "a5"))
    taken = [(fill.client_id, fill.price_ticks, fill.size, fill.maker) for fill in desk.of(OwnFill)]
    # What one order took stays taken: the second finds the rest of the second level.
    assert taken == [("a4", 202, 5, False), ("a4", 203, 2, False), ("a5", 203, 6, False)]
    assert ends["a5"].status == "cancelled"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (bid("a1", 0), "price 0 ticks"),
        (bid("a1", 200, COIN.max_size + 1), "size"),
        (bid("a0", 200), "was used before"),
        (bid("a1", 1, 1), "spam"),
    ],
)
def test_a_malformed_order_is_rejected_and_the_venue_goes_on(order: Place, said: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.send(10, bid("a0", 199))
        await desk.send(20, order)
        await desk.send(30, ask("a2", 203))
        await desk.until(200)

    desk = at_the_desk(feed_of(level(300, 1, 198, 1)), script)
    assert [report[1:3] for report in desk.reports()] == [("place", "open"), ("place", "rejected"), ("place", "open")]
    assert said in desk.of(OrderReport)[1].reason


def test_reconciliation_tells_what_the_venue_has() -> None:
    async def script(desk: Desk) -> None:
        await desk.send(10, bid("a1", 202, 2, post_only=False, ioc=True), ask("a2", 203, 4))
        await desk.send(60, Reconcile("test"), Query("a1"), Query("zz"))
        await desk.until(200)

    desk = at_the_desk(feed_of(level(300, 1, 198, 1)), script)
    (orders,), (position,), (wallet,), (done,) = (
        desk.of(kind) for kind in (OpenOrders, PositionReport, WalletReport, ReconcileDone)
    )
    assert [(row.client_id, row.side, row.size) for row in orders.orders] == [("a2", -1, 4)]
    assert (position.position, position.entry_price) == (2, Decimal(101))
    fee = COIN.money(COIN.fee_units(Decimal(101), 2, COIN.taker_fee))
    assert wallet.balance == 10_000 - fee
    assert wallet.unrealised == 2 * Decimal("0.1") * (Decimal("100.5") - 101)
    assert done.ok
    assert orders.asked_ns == done.asked_ns == START + 60 * MS
    again = [fill for fill in desk.of(OwnFill) if fill.source == "rest"]
    assert [fill.trade_id for fill in again] == [desk.of(OwnFill)[0].trade_id]
    assert [report[:3] for report in desk.reports()[-2:]] == [("a1", "query", "filled"), ("zz", "query", "not_found")]


def test_funding_is_paid_on_the_position_at_its_stamp() -> None:
    stamp = START + 500 * MS

    async def script(desk: Desk) -> None:
        await desk.send(10, bid("a1", 202, 5, post_only=False, ioc=True))
        await desk.until(1_000)

    rows = [(100, FUNDING, 0, 0, 0, 0.001, stamp), (400, MARK, 0, 0, 0, 102.0, 0), (900, MARK, 0, 0, 0, 90.0, 0)]
    desk = at_the_desk(feed_of(*rows), script)  # type: ignore[arg-type]
    (paid,) = desk.of(FundingPaid)
    assert paid.amount == -Decimal("0.001") * 5 * Decimal("0.1") * 102
    assert paid.t_ns == stamp + 10 * MS


def test_the_dead_man_timer_clears_the_venue_unless_it_is_renewed() -> None:
    async def script(desk: Desk) -> None:
        await desk.send(10, bid("a1", 199), ArmDeadMan(1_000))
        await desk.send(900, ArmDeadMan(1_000))
        await desk.until(1_800)
        assert desk.venue.open_orders == 1
        await desk.until(2_500)

    desk = at_the_desk(feed_of(level(3_000, 1, 198, 1)), script)
    assert [(event.ok, (event.asked_ns - START) / MS) for event in desk.of(DeadManArmed)] == [(True, 10), (True, 900)]
    assert desk.reports()[-1] == ("a1", "stream", "cancelled", 1_920.0)
    assert "dead-man" in desk.of(OrderReport)[-1].reason


def test_cancel_all_is_verified_after_orders_that_are_still_on_their_way() -> None:
    async def script(desk: Desk) -> None:
        await desk.send(10, bid("a1", 199), ask("a2", 203))
        await desk.until(12)
        assert await desk.venue.cancel_all_and_verify(5.0) == 0
        assert desk.venue.open_orders == 0
        await desk.send(100, bid("a3", 199))
        await desk.send(150, CancelAll("test"))
        await desk.until(300)

    desk = at_the_desk(feed_of(level(400, 1, 198, 1)), script)
    ends = [report[0] for report in desk.reports() if report[1:3] == ("cancel", "cancelled")]
    assert ends == ["a1", "a2", "a3"]


def test_before_it_is_open_nothing_is_promised() -> None:
    async def main() -> None:
        desk = Desk(feed_of(level(10, 1, 201, 3)))
        with pytest.raises(VenueError, match="open"):
            desk.venue.submit(bid("a1", 199))
        with pytest.raises(VenueError, match="open"):
            await desk.venue.cancel_all_and_verify(1.0)
        with pytest.raises(VenueError, match="open"):
            await desk.venue.start_streams()
        await desk.venue.open()
        with pytest.raises(VenueError, match="not known"):
            await desk.venue.cancel_all_and_verify(0.001)

    run_virtual(main())


def random_market(seed: int) -> Feed:
    """Two seconds around 200 ticks: levels that come and go, trades, marks and one funding stamp."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = [(2, FUNDING, 0, 0, 0, 0.0013, START + 900 * MS)]
    for at in np.sort(rng.integers(5, 2_000, 120)).tolist():
        side, size = int(rng.choice([1, -1])), int(rng.integers(0, 9))
        price = int(rng.integers(198, 202) if side > 0 else rng.integers(201, 205))
        kind = int(rng.choice([DEPTH, DEPTH, TRADE, MARK]))
        if kind == MARK:
            rows.append((at, MARK, 0, 0, 0, float(rng.integers(99, 103)), 0))
        elif kind == TRADE:
            rows.append(trade(at, -side, price, size + 1))
        else:
            rows.append(level(at, side, price, size))
    return feed_of(*rows)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 25))
def test_whatever_is_sent_the_account_adds_up_and_nothing_stays_open(seed: int, count: int) -> None:
    note(f"seed {seed}, {count} commands")
    rng = np.random.default_rng(seed)
    names = [f"a{number}" for number in range(count)]

    async def script(desk: Desk) -> None:
        for number, at in enumerate(np.sort(rng.integers(5, 2_100, count)).tolist()):
            side, ioc = int(rng.choice([1, -1])), bool(rng.random() < 0.3)
            price = 200 + int(rng.integers(-3, 5))
            order = Place(names[number], 0, side, price, int(rng.integers(1, 7)), post_only=not ioc, ioc=ioc)
            other = str(rng.choice(names))
            extra = [Cancel(other, ""), Amend(other, "", int(rng.integers(0, 5))), Query(other), Reconcile("test")]
            await desk.send(at, order, extra[int(rng.integers(4))])
        await desk.until(2_200)
        assert await desk.venue.cancel_all_and_verify(1.0) == 0
        await desk.until(2_400)

    desk = at_the_desk(random_market(seed), script)
    venue = desk.venue
    assert venue.open_orders == 0
    fills = {fill.trade_id: fill for fill in desk.of(OwnFill)}
    assert [*fills] == [fill.trade_id for fill in venue.fills]
    assert venue.account.position == sum(fill.side * fill.size for fill in fills.values())
    filled: dict[str, int] = dict.fromkeys(names, 0)
    for fill in fills.values():
        filled[fill.client_id] += fill.size
    for report in desk.of(OrderReport):
        if report.status in ("cancelled", "filled") and report.total_filled >= 0:
            assert report.total_filled == filled[report.client_id]
    # Cash paid and received, the position at the mark, fees and funding: to the last digit.
    mark = venue.account.mark
    assert mark is not None
    cash = -sum(fill.side * fill.size * COIN.value_of_half_ticks(2 * fill.price_ticks) for fill in fills.values())
    fees = sum((fill.fee for fill in fills.values()), Decimal(0))
    funding = sum((paid.amount for paid in desk.of(FundingPaid)), Decimal(0))
    equity = COIN.money(cash + venue.account.position * COIN.value(mark)) - fees + funding
    assert venue.account.balance + venue.account.unrealised - 10_000 == equity


# --- sessions -------------------------------------------------------------------------------------------------------


@cache
def lively() -> Feed:
    rows = synthetic_events(seconds=90, preset="lively", seed=3)
    return Feed.prepare(rows, LISTINGS["BTC-PERP"].instrument, cache=False)


ONE_A_SIDE = {"max_orders_per_side": 1, "venue.latency_ms": (10.012345, 9.006789)}
"""So that no two things are heard at one time."""


def test_a_session_on_a_recording_keeps_every_promise_of_a_session() -> None:
    result = replay_market({}, feed=lively())
    assert result.outcome.fills > 30
    assert result.outcome.stopped_by == "data"
    assert (result.outcome.exit_code, result.outcome.open_orders_at_end) == (0, 0)
    assert result.outcome.venue == "replay"
    assert result.outcome.tape_seconds == 89
    assert result.wallet_change == result.venue.wallet_change
    assert result.outcome.position_at_end == result.venue.position == result.outcome.venue_position
    assert sum(Decimal(part) for part in result.outcome.pnl.values()) == Decimal(result.outcome.equity_change)
    assert [fill.trade_id for fill in result.fills.itertuples()] == [fill[0] for fill in result.venue.fills]
    assert result.replay().commands > 100
    assert result.fills["t_ns"].between(lively().start_ns, lively().end_ns + NS).all()


def test_the_same_recording_gives_the_same_journal() -> None:
    first, again = (replay_market(ONE_A_SIDE, feed=lively(), seed=5) for _ in range(2))
    assert first.digest == again.digest
    slower = replay_market({**ONE_A_SIDE, "venue.latency_ms": (30, 30)}, feed=lively(), seed=5)
    assert slower.digest != first.digest


def test_random_tails_are_those_of_the_seed_and_longer_than_none() -> None:
    tails = {**ONE_A_SIDE, "venue.latency_tail_ms": (20, 20)}
    first, again, other = (replay_market(tails, feed=lively(), seed=seed, seconds=40) for seed in (5, 5, 6))
    assert first.digest == again.digest
    ways = [(run.orders["acked_ns"] - run.orders["sent_ns"]).to_numpy() for run in (first, other)]
    least_ns = 19_019_134  # there and back
    assert all(way[way > 0].min() >= least_ns for way in ways)
    assert not np.array_equal(*ways)


def test_a_queue_function_of_ones_own_goes_with_the_session_and_not_with_its_frames() -> None:
    result = replay_market({"venue": {"queue": queue_model(half_from_behind)}}, feed=lively(), seconds=20)
    kept = result.meta["config"]["venue"]
    assert kept["queue"] == "half_from_behind"
    found = queue_of(VenueConfig(**kept))
    assert found.compiled_function(30.0, 10.0) == 0.25
    frames = [row.decode() for row in result.rows if row.kind == "frame"]
    assert frames
    assert all("queue_source" not in frame.config["venue"] for frame in frames)


def test_seconds_and_a_person_may_end_it_before_the_data_do() -> None:
    early = replay_market({}, feed=lively(), seconds=20)
    assert (early.outcome.stopped_by, early.outcome.ran_s) == ("seconds", pytest.approx(20, abs=0.2))

    async def stop(world: Any) -> None:
        await asyncio.sleep(10)
        await world.ask("stop", {})

    assert replay_market({}, feed=lively(), script=stop).outcome.stopped_by == "request"


def half_from_behind(front: float, back: float) -> float:
    return back / (front + back) if front + back > 0.0 else 0.5


def measured(feed: Feed) -> MeasuredLatency:
    times = feed.start_ns + np.arange(-5, 100, 5) * NS
    ways = np.random.default_rng(8).integers(5_000_000, 25_000_000, (2, times.size))
    return MeasuredLatency(times, *ways)


@pytest.mark.parametrize("terms", ["built in", "measured and own"])
def test_a_replayed_session_and_a_backtest_fill_the_same_orders(terms: str, tmp_path: Path) -> None:
    feed = lively()
    options: Options = {"latency": ConstantLatency(0.010012345, 0.009006789)}
    settings: dict[str, Any] = {}
    if terms != "built in":
        options = {"latency": measured(feed), "queue": half_from_behind}
        file = tmp_path / "latency.parquet"
        pd.DataFrame(vars(options["latency"])).to_parquet(file)
        settings = {"venue.latency_file": str(file), "venue.queue": queue_model(half_from_behind)}
    session = replay_market({**ONE_A_SIDE, **settings}, feed=feed)
    (run,) = run_configurations(feed, "skewed_spread", [ONE_A_SIDE], decide="live", **options)
    fills = ["side", "price_ticks", "size", "venue_ns", "t_ns", "position"]
    ours = session.fills[fills].to_numpy().tolist()
    assert len(ours) > 30
    assert [[int(row[name]) for name in fills] for row in run.log.fills] == ours
    orders = np.sort(run.log.orders, order="order_no")
    columns = ["side", "price_ticks", "size", "sent_ns", "acked_ns"]
    assert [[int(row[name]) for name in columns] for row in orders] == session.orders[columns].to_numpy().tolist()


# --- at the door ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    synthetic_day(folder, seconds=20, preset="lively", seed=3, progress=False)
    return folder


def refusal(**given_settings: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        check_before_start(MarketMakerConfig.from_dict({"venue.name": "replay", **given_settings}))
    assert len(refused.value.problems) == 1
    return str(refused.value)


def test_what_cannot_be_replayed_is_refused_in_one_sentence(catalog: Path, tmp_path: Path) -> None:
    data = str(catalog)
    assert "venue.data is missing" in refusal()
    assert "is empty" in refusal(**{"venue.data": str(tmp_path / "nothing")})
    assert "did you mean 'BTC-PERP'" in refusal(**{"venue.data": data, "symbol": "BTX-PERP"})
    outside = refusal(**{"venue.data": data, "venue.start": "2030-01-01"})
    assert "2026-01-05" in outside
    assert "expected a start before the end" in refusal(
        **{"venue.data": data, "venue.start": "2026-01-06", "venue.end": "2026-01-05"}
    )
    assert "is not a time" in refusal(**{"venue.data": data, "venue.start": "yesterdayish"})
    assert "known: risk_averse" in refusal(**{"venue.data": data, "venue.queue": "fifo"})
    assert "no module named 'nowhere'" in refusal(**{"venue.data": data, "venue.queue": "nowhere:mine"}).lower()
    assert "queue_source is no written-out" in refusal(**{"venue.data": data, "venue.queue_source": "import os"})
    assert "nowhere.parquet" in refusal(**{"venue.data": data, "venue.latency_file": "nowhere.parquet"})
    assert "order_size is 1" in refusal(**{"venue.data": data, "order_size": 1})
    check_before_start(MarketMakerConfig.from_dict({"venue.name": "replay", "venue.data": data}))


def test_seconds_cut_a_recording_to_its_first_part(catalog: Path) -> None:
    config = MarketMakerConfig.from_dict({"venue.name": "replay", "venue.data": str(catalog)})
    whole, seconds = within_seconds(config, None)
    assert whole == config
    assert seconds == pytest.approx(20, abs=0.5)
    cut, seconds = within_seconds(config, 5.0)
    assert seconds == 5.0
    first, last = Catalog(catalog).span("BTC-PERP")
    assert cut.venue.end == first + 5 * NS < last
