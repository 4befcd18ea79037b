"""Prepared market data as the events that a receiver would have heard, in the order and at the times of receipt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from workbench.backtest import Feed
from workbench.backtest.kernels.rows import (
    ASK_SIDE,
    BID_SIDE,
    CLEAR_ROW,
    GAP_ROW,
    KIND_MASK,
    LOCAL,
    RESYNC_ROW,
    SNAPSHOT_ROW,
    TRADE_ROW,
)
from workbench.events import NS, BookDelta, BookLost, BookSnapshot, Event, MarketTrade, MarkPrice

__all__ = ["heard_events"]

CHUNK = 1 << 16

MARK_NS = NS
"""A recording without mark prices is marked at its mid, at most so often."""

_Row = tuple[int, int, int, int, int]
"""Receipt time, code, price, size, venue time."""


def heard_events(feed: Feed) -> Iterator[tuple[int, list[Event]]]:
    """What is heard at each time, oldest first: trades before the change of the book, marks before both."""
    market = _Market(feed)
    marks = _marks(feed)
    marked_ns, mark = next(marks, (0, None))
    for t_ns, rows in groupby(_local_rows(feed), key=itemgetter(0)):
        while mark is not None and marked_ns <= t_ns:
            yield marked_ns, [mark]
            marked_ns, mark = next(marks, (0, None))
        events = market.heard(t_ns, rows)
        if not feed.prices.size:
            events = [*market.mid_as_mark(t_ns), *events]
        if events:
            yield t_ns, events
    while mark is not None:
        yield marked_ns, [mark]
        marked_ns, mark = next(marks, (0, None))


def _local_rows(feed: Feed) -> Iterator[_Row]:
    for at in range(0, feed.rows, CHUNK):
        piece = slice(at, at + CHUNK)
        mine = (feed.code[piece] & LOCAL) != 0
        columns = (feed.t_ns, feed.code, feed.price_ticks, feed.size, feed.venue_ns)
        yield from zip(*(column[piece][mine].tolist() for column in columns), strict=True)


def _marks(feed: Feed) -> Iterator[tuple[int, MarkPrice | None]]:
    """Mark prices with the funding that is due; the index, which nobody trades on, is not kept in a feed."""
    tick = feed.instrument.tick_size
    for t_ns, ticks, rate, funding_ns in feed.prices.tolist():
        if math.isnan(ticks):
            continue
        mark = Decimal(repr(ticks)) * tick
        yield t_ns, MarkPrice(t_ns, mark, mark, Decimal(repr(rate)), funding_ns)


class _Market:
    """The book as it is heard: levels, and which events its rows make."""

    def __init__(self, feed: Feed) -> None:
        self._tick = feed.instrument.tick_size
        self._sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._whole = False
        self._lost = False
        self._trades = 0
        self._marked_ns = 0
        self._best_ns, self._bests, self._at = feed.best_ns, feed.bests, 0

    def heard(self, t_ns: int, rows: Iterator[_Row]) -> list[Event]:
        """The events of the rows of one time."""
        events: list[Event] = []
        changes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        bounds = self._bounds(t_ns)
        venue_ns, book = 0, False
        for _, code, price, size, stamp in rows:
            kind = code & KIND_MASK
            if kind == TRADE_ROW:
                self._trades += 1
                side = 1 if code & BID_SIDE else -1
                events.append(MarketTrade(t_ns, stamp, self._trades, side, price, size))
                continue
            venue_ns, book = stamp, True
            if kind == GAP_ROW:
                self._lost, self._whole = True, False
                events.append(BookLost(t_ns, "a gap in the recording"))
            elif kind == RESYNC_ROW:
                self._lost = False
            elif kind == CLEAR_ROW:
                self._clear(code, price)
            else:
                self._whole &= kind != SNAPSHOT_ROW
                self._set(0 if code & BID_SIDE else 1, price, size, changes, bounds)
        if not book or self._lost:
            return events
        bids, asks = self._sizes if not self._whole else changes
        make = BookDelta if self._whole else BookSnapshot
        self._whole = True
        events.append(make(t_ns, venue_ns, tuple(bids.items()), tuple(asks.items())))
        return events

    def _bounds(self, t_ns: int) -> list[float]:
        """No bid is above the first, no ask below the second, until a row says so."""
        bid, ask, _, _ = self._best_before(t_ns)
        if bid > 0 and ask > 0:
            return [bid, ask]
        bids, asks = self._sizes
        return [max(bids, default=-math.inf), min(asks, default=math.inf)]

    def _set(
        self, side: int, price: int, size: int, changes: tuple[dict[int, int], dict[int, int]], bounds: list[float]
    ) -> None:
        mine, other = self._sizes[side], self._sizes[1 - side]
        changes[side][price] = size
        if not size:
            mine.pop(price, None)
            return
        mine[price] = size
        reached = price >= bounds[1] if side == 0 else price <= bounds[0]
        if reached:
            for stale in [at for at in other if (at <= price if side == 0 else at >= price)]:
                del other[stale]
                changes[1 - side][stale] = 0
        bounds[side] = max(bounds[side], price) if side == 0 else min(bounds[side], price)

    def _clear(self, code: int, price: int) -> None:
        """A side from its best price to the one that is named, or all of it; what is left is told as a whole."""
        self._whole = False
        for side, flag in ((0, BID_SIDE), (1, ASK_SIDE)):
            if code & (BID_SIDE | ASK_SIDE) and not code & flag:
                continue
            sizes = self._sizes[side]
            for at in [at for at in sizes if not price or (at >= price if side == 0 else at <= price)]:
                del sizes[at]

    def _best_before(self, t_ns: int) -> tuple[int, int, int, int]:
        best_ns = self._best_ns
        while self._at < best_ns.size and best_ns[self._at] < t_ns:
            self._at += 1
        return tuple(self._bests[self._at - 1].tolist()) if self._at else (0, 0, 0, 0)

    def mid_as_mark(self, t_ns: int) -> list[Event]:
        """The mid in place of a mark price."""
        bid, ask, _, _ = self._best_before(t_ns)
        if bid <= 0 or ask <= 0 or t_ns - self._marked_ns < MARK_NS:
            return []
        self._marked_ns = t_ns
        mid = (bid + ask) * self._tick / 2
        return [MarkPrice(t_ns, mid, mid)]
