"""One market: the tape applied to the book, the public trades, the mark price and the candles that come of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from workbench.clock import NS
from workbench.exchange.flow import BOOK, MID_DIGITS, SideTargets, Tape
from workbench.exchange.listing import Listing
from workbench.exchange.matching import Book, BookSide, Execution, Order
from workbench.exchange.settings import MarketSettings

__all__ = ["Candle", "Market", "PublicTrade"]

MARK_EVERY_NS = NS
_INDEX_PPM = 30
"""The index stands so many millionths above the mark: different enough that nobody takes one for the other."""
_TRADES_KEPT = 5_000
_CANDLES_KEPT = 44_640
_FIRST_SERIAL = 35_000_000


class PublicTrade(NamedTuple):
    """A trade as everybody sees it; `side` is the taker's."""

    serial: int
    time_ms: int
    side: int
    price: int
    size: int


class Candle:
    """One minute of trades: prices in ticks, traded value in money units."""

    __slots__ = ("close", "high", "low", "minute", "open", "size", "value")

    def __init__(self, minute: int, price: int) -> None:
        self.minute = minute
        self.open = self.high = self.low = self.close = price
        self.size = 0
        self.value = 0

    def add(self, price: int, size: int, value: int) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.size += size
        self.value += size * value

    def merge(self, later: Candle) -> None:
        """Continue with the next candle."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.size += later.size
        self.value += later.value


class Market:
    """A market that moves by its tape and lets accounts trade in between.

    Parameters
    ----------
    listing, settings, tape
        What is traded, its character, its exogenous flow.
    epoch_ns : int
        Wall-clock time of the tape's zero.
    settle : callable
        `settle(maker_order, price_ticks, size)`: an account's resting order was hit by the exogenous flow.
    on_book, on_trades : callable
        Called after a book update of the tape, and with the public trades of one taker.

    Attributes
    ----------
    next_ns : int
        When the tape has its next event.
    live : bool
        Whether somebody follows the market, so that it has to keep up with time by itself.
    """

    def __init__(
        self,
        listing: Listing,
        settings: MarketSettings,
        tape: Tape,
        epoch_ns: int,
        settle: Callable[[Order, int, int], None],
        on_book: Callable[[Market], None],
        on_trades: Callable[[Market, list[PublicTrade]], None],
    ) -> None:
        self.listing = listing
        self.settings = settings
        self.symbol = listing.symbol
        self.book = Book()
        self.live = False
        self.trades: deque[PublicTrade] = deque(maxlen=_TRADES_KEPT)
        self.candles: deque[Candle] = deque(maxlen=_CANDLES_KEPT)
        self.time_ns = self.next_ns = epoch_ns
        self.mark = self.index = listing.start_price
        self.mark_value = listing.instrument.value(self.mark)
        self._epoch_ns = epoch_ns
        self._next_mark_ns = epoch_ns
        self._settle = settle
        self._on_book = on_book
        self._on_trades = on_trades
        self._serial = _FIRST_SERIAL
        self._chunks = tape.chunks()
        self._rows: list[list[int]] = []
        self._cursor = 0
        self._bids = SideTargets(1, tape.step_ticks, settings.levels, tape.usual_sizes(1))
        self._asks = SideTargets(-1, tape.step_ticks, settings.levels, tape.usual_sizes(-1))
        # Prices where trading left less (or more) than the makers want, to be put right at the next update.
        self._worn: dict[int, set[int]] = {1: set(), -1: set()}
        self._next_row()

    @property
    def last(self) -> int:
        """Price of the last trade, ticks; before the first one, the start price."""
        if self.trades:
            return self.trades[-1].price
        return self.listing.instrument.price_to_ticks(self.listing.start_price)

    def run_to(self, now_ns: int) -> None:
        """Apply every event of the tape up to and including `now_ns`."""
        while self.next_ns <= now_ns:
            self.step()

    def step(self) -> None:
        """Apply the tape's next event."""
        row = self._rows[self._cursor]
        self.time_ns = self._epoch_ns + row[0]
        self._cursor += 1
        self._next_row()
        if row[1] == BOOK:
            self._update_book(row)
        else:
            self._run_taker(row[3], row[4], row[5])

    def _next_row(self) -> None:
        while self._cursor >= len(self._rows):
            self._rows = next(self._chunks).tolist()
            self._cursor = 0
        self.next_ns = self._epoch_ns + self._rows[self._cursor][0]

    # --- exogenous makers ---------------------------------------------------------------------------------------

    def _update_book(self, row: list[int]) -> None:
        if self.time_ns >= self._next_mark_ns:
            self._set_mark(row[2])
        bids = self._bids.move(row[3], row[4], row[7], row[8])
        asks = self._asks.move(row[5], row[6], row[9], row[10])
        more_bids = self._shrink(self.book.bids, self._bids, bids)
        more_asks = self._shrink(self.book.asks, self._asks, asks)
        self._grow(self.book.bids, more_bids)
        self._grow(self.book.asks, more_asks)
        self._on_book(self)

    def _set_mark(self, mid: int) -> None:
        self.mark = Decimal(mid).scaleb(-MID_DIGITS)
        self.index = Decimal(mid + mid * _INDEX_PPM // 1_000_000).scaleb(-MID_DIGITS)
        self.mark_value = self.listing.instrument.value(self.mark)
        elapsed_ns = self.time_ns - self._epoch_ns
        self._next_mark_ns = self._epoch_ns + (elapsed_ns // MARK_EVERY_NS + 1) * MARK_EVERY_NS

    def _shrink(self, side: BookSide, targets: SideTargets, changed: list[int]) -> list[tuple[int, int, int]]:
        """Take away what the makers no longer want; returns (price, there, wanted) where they want more."""
        worn = self._worn[side.side]
        if worn:
            changed.extend(worn)
            worn.clear()
        more = []
        levels = side.levels
        for price in changed:
            level = levels.get(price)
            there = level.flow if level is not None else 0
            wanted = targets.wanted(price)
            if wanted < there:
                side.set_flow(price, wanted)
            elif wanted > there:
                more.append((price, there, wanted))
        return more

    def _grow(self, side: BookSide, missing: list[tuple[int, int, int]]) -> None:
        """Add what the makers want more of; what would cross an account's order trades with it instead."""
        other = self.book.other(side.side)
        for price, there, wanted in missing:
            size = wanted
            if other.reaches(price):
                traded = self._trade(side.side, other, price, wanted - there)
                if traded:
                    size -= traded
                    self._worn[side.side].add(price)
            if size != there:
                side.set_flow(price, size)

    # --- trading ------------------------------------------------------------------------------------------------

    def _run_taker(self, side: int, limit: int, size: int) -> None:
        self._trade(side, self.book.other(side), limit, size)

    def _trade(self, side: int, makers: BookSide, limit: int, quantity: int) -> int:
        """The exogenous flow trades up to `quantity`; returns how much it got."""
        executions = []
        left = quantity
        while left:
            execution = makers.take_first(limit, left)
            if execution is None:
                break
            left -= execution.size
            executions.append(execution)
            if execution.maker is not None:
                self._settle(execution.maker, execution.price, execution.size)
        if executions:
            self.report(side, executions, self.time_ns)
        return quantity - left

    def report(self, side: int, executions: list[Execution], time_ns: int) -> None:
        """Print the executions of one taker, one trade each, on the public tape."""
        time_ms = time_ns // 1_000_000
        prints = []
        worn = self._worn[-side]
        for execution in executions:
            self._serial += 1
            prints.append(PublicTrade(self._serial, time_ms, side, execution.price, execution.size))
            self._add_to_candle(execution.price, execution.size, time_ns // (60 * NS))
            if execution.maker is None:
                worn.add(execution.price)
        self.trades.extend(prints)
        self._on_trades(self, prints)

    def _add_to_candle(self, price: int, size: int, minute: int) -> None:
        if not self.candles or self.candles[-1].minute != minute:
            self.candles.append(Candle(minute, price))
        self.candles[-1].add(price, size, self.listing.value(price))
