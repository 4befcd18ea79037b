"""What the maker knows of the market: the book without our own orders, estimates, and the flat `view` for models."""

from __future__ import annotations

import math
from collections import deque

from workbench.config import SignalsConfig, VolatilityConfig
from workbench.events import BUY, NS, SELL, BookDelta, BookSnapshot, MarketTrade, MarkPrice
from workbench.instruments import Instrument
from workbench.market import Book, TradeTape
from workbench.quoting.schema import SIGMA
from workbench.trading.orders import Order
from workbench.trading.view_kernels import (
    break_series,
    make_memory,
    make_view,
    note_fill,
    reconfigured,
    update_mark,
    update_quote,
)

__all__ = ["MarketView"]

GONE_NS = NS // 2
"""An order of ours that has just ended may still show in the book for this long."""

LATE_NS = NS
REBASE_NS = 30 * NS
"""Stamps that stay this far behind for this long mean that one of the clocks was set."""

MARK_AGE_NS = 15 * NS
"""A mark price older than this is no reference."""


class MarketView:
    """Book, tape, mark and volatility of one market, and the array that quoting models read.

    The best prices are those of others: quoting around a mid that our own quotes make would follow itself.

    Parameters
    ----------
    instrument : Instrument
    volatility, signals : VolatilityConfig, SignalsConfig
    own_shown : bool
        The venue's book shows our orders, so that they must be taken out of it; a market that was recorded, or that
        only we think we trade on, does not know them.
    """

    def __init__(
        self, instrument: Instrument, volatility: VolatilityConfig, signals: SignalsConfig, *, own_shown: bool = True
    ) -> None:
        self._instrument = instrument
        self.book = Book()
        self.tape = TradeTape()
        self.mark: MarkPrice | None = None
        self.mark_ticks = math.nan
        self.mark_value: int | None = None
        self.array = make_view(instrument)
        self._settings = (volatility, signals)
        self._memory = make_memory(volatility, signals)
        self.best_bid = 0
        self.best_ask = 0
        self._skew_ns: int | None = None
        self._late_ns = 0
        self._late_since_ns = 0
        self._own_shown = own_shown
        self._own: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._gone: deque[tuple[int, int, int, int]] = deque()

    def configure(self, volatility: VolatilityConfig, signals: SignalsConfig) -> None:
        """Take these settings; what they change is measured afresh."""
        same = (volatility == self._settings[0], signals == self._settings[1])
        self._settings = (volatility, signals)
        if not all(same):
            self._memory = reconfigured(self._memory, volatility, signals, same=same)
        if not same[0]:
            self.array[SIGMA] = math.nan

    # --- taking events ------------------------------------------------------------------------------------------

    def snapshot(self, event: BookSnapshot) -> None:
        """A whole book."""
        self._mend()
        self.book.snapshot(event.t_ns, event.bids, event.asks, event.venue_ns)
        self._updated(event)

    def delta(self, event: BookDelta) -> None:
        """Changed levels."""
        self._mend()
        self.book.delta(event.t_ns, event.bids, event.asks, event.venue_ns)
        self._updated(event)

    def _mend(self) -> None:
        if not self.book.trusted:
            break_series(self.array, self._memory.numbers, self._memory.stamps)

    def _updated(self, event: BookSnapshot | BookDelta) -> None:
        if event.venue_ns:
            offset = event.t_ns - event.venue_ns
            if self._skew_ns is None or offset < self._skew_ns:
                self._skew_ns = offset
            self._late_ns = offset - self._skew_ns
            if self._late_ns < LATE_NS:
                self._late_since_ns = event.t_ns
            elif event.t_ns - self._late_since_ns > REBASE_NS:
                # A lump of late events ends; what stays late for so long is a clock that was set.
                self._skew_ns, self._late_ns = offset, 0

    def trade(self, event: MarketTrade) -> None:
        """A public trade."""
        self.tape.add(event)

    def marked(self, event: MarkPrice) -> None:
        """A mark price with the funding that is due."""
        if event.mark <= 0:
            return
        self.mark = event
        self.mark_ticks = float(event.mark / self._instrument.tick_size)
        self.mark_value = self._instrument.value(event.mark)
        update_mark(self.array, self._memory.stamps, self.mark_ticks, float(event.funding_rate), event.funding_time_ns)

    def own_fill(self, side: int, now_ns: int) -> None:
        """A passive order of ours has just filled: what the market does next is its markout."""
        if self.book.trusted:
            note_fill(self.array, self._memory.numbers, self._memory.stamps, now_ns, side)

    def own_sizes(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Tell which sizes in the book are ours, contracts by price."""
        if self._own_shown:
            self._own = (bids, asks)

    def own_gone(self, order: Order, now_ns: int) -> None:
        """An order of ours has ended; the book may show it a moment longer."""
        if self._own_shown:
            self._gone.append((now_ns + GONE_NS, order.side, order.price_ticks, order.size))

    # --- looking ------------------------------------------------------------------------------------------------

    def doubt(self, now_ns: int, max_age_ns: int) -> str:
        """Why nothing may be quoted from this market now; empty when it may."""
        if not self.book.trusted:
            return self.book.reason
        age = now_ns - self.book.updated_ns
        if age > max_age_ns:
            return f"the book is {age / NS:.1f} s old, more than risk.max_book_age_s"
        if self._late_ns > max_age_ns:
            return f"the book is late: {self._late_ns / NS:.1f} s behind the venue's own stamps"
        if self.mark is None:
            return "no mark price yet"
        if now_ns - self.mark.t_ns > MARK_AGE_NS:
            return f"the mark price is {(now_ns - self.mark.t_ns) / NS:.0f} s old"
        if not self.best_bid or not self.best_ask:
            return "nobody else quotes on one side of the book"
        return ""

    @property
    def mid_half_ticks(self) -> int:
        """Twice the mid of others' best prices, ticks."""
        return self.best_bid + self.best_ask

    def mid_value(self, price_ticks: int) -> int:
        """V(mid) of others' best prices; V of this price where there is no book (no spread is claimed then)."""
        half_ticks = self.mid_half_ticks if self.best_bid and self.best_ask else 2 * price_ticks
        return self._instrument.value_of_half_ticks(half_ticks)

    @property
    def mid(self) -> float:
        """Mid of others' best prices, ticks."""
        return (self.best_bid + self.best_ask) / 2

    @property
    def sigma(self) -> float:
        """Volatility per square root of a second; NaN until there are enough samples."""
        return float(self.array[SIGMA])

    def refresh(self, now_ns: int) -> None:
        """Bring best prices, estimates and the array up to a time; call after book events, before a model."""
        book = self.book
        if not book.trusted:
            return
        while self._gone and self._gone[0][0] < now_ns:
            self._gone.popleft()
        self.best_bid, bid_size = self._best(BUY, book.best_bid)
        self.best_ask, ask_size = self._best(SELL, book.best_ask)
        if not self.best_bid or not self.best_ask:
            return
        memory = self._memory
        update_quote(
            self.array,
            memory.numbers,
            memory.stamps,
            memory.micro,
            now_ns,
            self.best_bid,
            bid_size,
            self.best_ask,
            ask_size,
        )

    def _best(self, side: int, best: int) -> tuple[int, int]:
        """The best price at which somebody else has size, and that size; zeros when nobody has."""
        own = self._own[0] if side > 0 else self._own[1]
        if best not in own and not self._gone:
            return best, self.book.size_at(side, best)
        ours = dict(own)
        for _, gone_side, price, size in self._gone:
            if gone_side == side:
                ours[price] = ours.get(price, 0) + size
        if best not in ours:
            return best, self.book.size_at(side, best)
        levels = self.book.levels(1 if side > 0 else -1)
        return next(((price, size - ours.get(price, 0)) for price, size in levels if size > ours.get(price, 0)), (0, 0))
