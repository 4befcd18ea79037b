"""The account's lists are read on from where they were read, page by page, each record once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.client import LmexClient
from workbench.client.messages import Position, TradeRecord, Wallet, WalletRecord
from workbench.client.orders import OrderMessage
from workbench.engine.venues.lmex_account import MAX_PAGES, PAGE, AccountReader
from workbench.events import Event, FundingPaid, OwnFill, PositionReport, ReconcileDone
from workbench.instruments import Instrument
from workbench.virtual_time import LoopClock, run_virtual

INSTRUMENT = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))
START_MS = 1_780_000_000_000


class Books:
    """An account whose lists the test writes: newest first on the wire, both bounds of a window included."""

    def __init__(self) -> None:
        self.fills: list[TradeRecord] = []
        self.bookings: list[WalletRecord] = []
        self.position: list[Position] = []
        self.asked = 0

    def fill(self, at_ms: int, fee: str = "0.0154") -> None:
        serial = len(self.fills) + 1
        self.fills.append(
            TradeRecord(
                trade_id=f"t{serial}",
                order_id="o",
                serial_id=serial,
                symbol_wire="BTC-PERP",
                side="BUY",
                filled_price=Decimal(77000),
                filled_size=100,
                fee=Decimal(fee),
                fee_currency="USDT",
                timestamp=START_MS + at_ms,
            )
        )

    def booking(self, at_ms: int, kind: int = 110, currency: str = "USDT") -> None:
        number = str(len(self.bookings))
        row = WalletRecord(
            amount=Decimal("-0.5"), currency=currency, type=kind, timestamp=START_MS + at_ms, order_id=number
        )
        self.bookings.append(row)

    async def trade_history(
        self, symbol: str, *, start_ms: int | None, end_ms: int | None, count: int
    ) -> list[TradeRecord]:
        self.asked += 1
        return _window(self.fills, start_ms, end_ms)[:count]

    async def wallet_history(self, *, start_ms: int | None, end_ms: int | None, count: int) -> list[WalletRecord]:
        return _window(self.bookings, start_ms, end_ms)[:count]

    async def open_orders(self, symbol: str) -> list[OrderMessage]:
        return []

    async def positions(self, symbol: str) -> list[Position]:
        return self.position

    async def wallet(self) -> Wallet:
        return Wallet(wallet="CROSS@", total_value=Decimal(7), available=Decimal(6))


def _window(rows: list[Any], start_ms: int | None, end_ms: int | None) -> list[Any]:
    inside = [
        row
        for row in rows
        if (start_ms is None or row.timestamp >= start_ms) and (end_ms is None or row.timestamp <= end_ms)
    ]
    return sorted(inside, key=lambda row: row.timestamp, reverse=True)


def read(books: Books, *steps: Any, since_ns: int | None = None) -> list[Event]:
    """Start, then reconcile after each step; what was emitted."""
    events: list[Event] = []

    async def main() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        reader = AccountReader(cast("LmexClient", books), INSTRUMENT, clock, events.append, since_ns)
        await reader.start()
        for step in steps:
            step(reader)
            await reader.reconcile()

    run_virtual(main())
    return events


def trade_ids(events: list[Event]) -> list[str]:
    return [event.trade_id for event in events if isinstance(event, OwnFill)]


def test_many_fills_are_read_page_by_page_in_their_order() -> None:
    books = Books()

    def burst(reader: AccountReader) -> None:
        for i in range(3 * PAGE + 7):
            books.fill(i // 3)

    events = read(books, burst, lambda reader: None)
    assert trade_ids(events) == [f"t{i}" for i in range(1, 3 * PAGE + 8)]
    assert all(event.ok for event in events if isinstance(event, ReconcileDone))


def test_more_fills_than_can_be_read_are_a_failure_that_is_told() -> None:
    books = Books()

    def flood(reader: AccountReader) -> None:
        for i in range(PAGE * (MAX_PAGES + 1)):
            books.fill(i)

    (done,) = [event for event in read(books, flood) if isinstance(event, ReconcileDone)]
    assert not done.ok
    assert "more than 10000 records" in done.reason


@given(st.lists(st.integers(-6_000, 3_000), min_size=1, max_size=40), st.integers(1, 10))
def test_whatever_comes_late_within_the_overlap_is_found_once(delays: list[int], each: int) -> None:
    books = Books()

    def arrive(now_ms: int) -> Any:
        def step(reader: AccountReader) -> None:
            for delay in delays[:each]:
                books.fill(now_ms + delay)

        return step

    steps = [arrive(second * 1000) for second in range(5)]
    events = read(books, *steps)
    assert sorted(trade_ids(events)) == sorted(record.trade_id for record in books.fills)


def test_a_fill_heard_by_stream_does_not_hide_an_earlier_one_that_was_lost() -> None:
    books = Books()

    def lost_then_heard(reader: AccountReader) -> None:
        books.fill(1_000)
        books.fill(60_000)
        heard = OwnFill(0, (START_MS + 60_000) * 1_000_000, "t3", "", "o", 1, 770000, 100, Decimal(0), "USDT", True)
        reader.heard(heard)

    books.fill(0)
    assert trade_ids(read(books, lost_then_heard)) == ["t2"]


def test_a_maker_is_told_by_the_rate_that_was_charged() -> None:
    books = Books()

    def trade(reader: AccountReader) -> None:
        books.fill(1, fee="0.0154")
        books.fill(2, fee="0.0462")
        books.fill(3, fee="-0.0154")

    fills = [event for event in read(books, trade) if isinstance(event, OwnFill)]
    assert [fill.maker for fill in fills] == [True, False, True]


def test_only_funding_in_the_settlement_currency_is_told_however_much_else_is_booked() -> None:
    books = Books()

    def book(reader: AccountReader) -> None:
        books.booking(1)
        books.booking(2, currency="BTC")
        for i in range(2 * PAGE):
            books.booking(10 + i, kind=108)
        books.booking(5_000)

    events = read(books, book, lambda reader: None)
    assert [event.amount for event in events if isinstance(event, FundingPaid)] == [Decimal("-0.5")] * 2


def test_the_position_is_signed_and_two_positions_are_an_account_set_up_another_way() -> None:
    books = Books()
    short = Position(symbol="BTC-PERP", side="SELL", size=5, entry_price=Decimal(7), mark_price=Decimal(7))
    other = Position(symbol="ETH-PERP", side="BUY", size=9, entry_price=Decimal(7), mark_price=Decimal(7))

    def hold(*positions: Position) -> Any:
        def step(reader: AccountReader) -> None:
            books.position = list(positions)

        return step

    events = read(books, hold(other), hold(other, short), hold(short, short))
    assert [event.position for event in events if isinstance(event, PositionReport)] == [0, -5]
    assert [event.ok for event in events if isinstance(event, ReconcileDone)] == [True, True, False]


@pytest.mark.parametrize(("since_ms", "expected"), [(None, []), (0, ["t1", "t2"]), (20_000, ["t2"])])
def test_old_fills_are_told_only_from_the_time_that_was_asked_for(since_ms: int | None, expected: list[str]) -> None:
    books = Books()
    books.fill(5_000)
    books.fill(25_000)
    since_ns = None if since_ms is None else (START_MS + since_ms) * 1_000_000
    assert trade_ids(read(books, lambda reader: None, since_ns=since_ns)) == expected
