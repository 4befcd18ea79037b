"""What the maker knows of the market: the book without our own orders, estimates, and the flat `view` for models."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from workbench.config import VolatilityConfig
from workbench.events import BUY, NS, SELL, BookDelta, BookSnapshot, MarketTrade, MarkPrice
from workbench.instruments import Instrument
from workbench.market import Book, TradeTape
from workbench.quoting.schema import (
    ASK_ADVERSE,
    FUNDING_IN_S,
    FUNDING_RATE,
    MAKER_FEE,
    MARK,
    MICRO_PRICE,
    MID,
    SIGMA,
    TAKER_FEE,
    TIME_S,
    VIEW_SIZE,
    WEIGHTED_MID,
)
from workbench.trading.orders import Order
from workbench.volatility import EwmaVolatility, GuideVolatility

__all__ = ["MarketView"]

GUIDE_SAMPLE_NS = NS
"""The guide polls a ticker; its price history takes the mid once a second."""

SIGMA_SAMPLE_S = 0.5
"""The mid is sampled no more often than this, so that flicker between two ticks is not taken for volatility."""

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
    """

    def __init__(self, instrument: Instrument, volatility: VolatilityConfig) -> None:
        self._instrument = instrument
        self.book = Book()
        self.tape = TradeTape()
        self.mark: MarkPrice | None = None
        self.mark_ticks = math.nan
        self.mark_value: int | None = None
        self.configure(volatility)
        self.array = np.zeros(VIEW_SIZE)
        self.array[MARK] = math.nan
        self.array[FUNDING_IN_S] = math.nan
        # Nobody measures these here yet: a model that needs one says so in place of quoting on a zero.
        self.array[MICRO_PRICE : ASK_ADVERSE + 1] = math.nan
        self.array[MAKER_FEE] = float(instrument.maker_fee)
        self.array[TAKER_FEE] = float(instrument.taker_fee)
        self.best_bid = 0
        self.best_ask = 0
        self._start_ns = 0
        self._guide_ns = 0
        self._skew_ns: int | None = None
        self._late_ns = 0
        self._late_since_ns = 0
        self._own: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._gone: deque[tuple[int, int, int, int]] = deque()

    def configure(self, volatility: VolatilityConfig) -> None:
        """Start the estimators afresh with these settings."""
        self._sigma = EwmaVolatility(volatility.half_life_s, SIGMA_SAMPLE_S, volatility.min_samples)
        self._guide = GuideVolatility(volatility.window, volatility.history, volatility.default)

    # --- taking events ------------------------------------------------------------------------------------------

    def snapshot(self, event: BookSnapshot) -> None:
        """A whole book."""
        if not self.book.trusted:
            self._sigma.break_series()
        self.book.snapshot(event.t_ns, event.bids, event.asks, event.venue_ns)
        self._updated(event)

    def delta(self, event: BookDelta) -> None:
        """Changed levels."""
        if not self.book.trusted:
            self._sigma.break_series()
        self.book.delta(event.t_ns, event.bids, event.asks, event.venue_ns)
        self._updated(event)

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
        self.array[MARK] = self.mark_ticks
        self.array[FUNDING_RATE] = float(event.funding_rate)

    def own_sizes(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Tell which sizes in the book are ours, contracts by price."""
        self._own = (bids, asks)

    def own_gone(self, order: Order, now_ns: int) -> None:
        """An order of ours has ended; the book may show it a moment longer."""
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

    @property
    def mid(self) -> float:
        """Mid of others' best prices, ticks."""
        return (self.best_bid + self.best_ask) / 2

    @property
    def sigma(self) -> float:
        """Volatility per square root of a second; NaN until there are enough samples."""
        return self._sigma.sigma

    def refresh(self, now_ns: int) -> None:
        """Bring best prices, estimates and the array up to a time; call after book events, before a model."""
        book = self.book
        if not book.trusted:
            return
        while self._gone and self._gone[0][0] < now_ns:
            self._gone.popleft()
        self.best_bid = self._best(BUY, book.best_bid)
        self.best_ask = self._best(SELL, book.best_ask)
        if not self.best_bid or not self.best_ask:
            return
        if not self._start_ns:
            self._start_ns = now_ns
        mid = (self.best_bid + self.best_ask) / 2
        time_s = (now_ns - self._start_ns) / NS
        self._sigma.update(time_s, mid)
        if now_ns - self._guide_ns >= GUIDE_SAMPLE_NS:
            self._guide_ns = now_ns
            self._guide.update(mid)
        bid_size = book.size_at(BUY, self.best_bid)
        ask_size = book.size_at(SELL, self.best_ask)
        view = self.array
        view[MID : WEIGHTED_MID + 1] = (
            mid,
            self.best_bid,
            self.best_ask,
            bid_size,
            ask_size,
            (self.best_bid * ask_size + self.best_ask * bid_size) / (bid_size + ask_size),
        )
        view[SIGMA : TIME_S + 1] = (self._sigma.sigma, self._guide.sigma, time_s)
        if self.mark is not None and self.mark.funding_time_ns:
            view[FUNDING_IN_S] = (self.mark.funding_time_ns - now_ns) / NS

    def _best(self, side: int, best: int) -> int:
        """The best price at which somebody else has size."""
        own = self._own[0] if side > 0 else self._own[1]
        if best not in own and not self._gone:
            return best
        ours = dict(own)
        for _, gone_side, price, size in self._gone:
            if gone_side == side:
                ours[price] = ours.get(price, 0) + size
        if best not in ours:
            return best
        levels = self.book.levels(1 if side > 0 else -1)
        return next((price for price, size in levels if size > ours.get(price, 0)), 0)
