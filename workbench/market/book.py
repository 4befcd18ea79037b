"""The L2 book: sizes by price, best prices, and whether it may be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from workbench.events import BUY, Levels

__all__ = ["Book"]


class Book:
    """One market's visible depth in integer ticks and contracts.

    The client has checked the sequence already; what is checked here is what the book itself shows: a side that is
    empty, or a best bid at or above the best ask. `trusted` is false then, and before the first snapshot, and `reason`
    says why. A crossed book stays untrusted until the next snapshot; one that has lost a side is in step with the venue
    all the same, and is trusted again as soon as somebody quotes on that side.
    """

    __slots__ = ("_asks", "_bids", "best_ask", "best_bid", "in_step", "reason", "trusted", "updated_ns", "venue_ns")

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self.best_bid = 0
        self.best_ask = 0
        self.in_step = False
        self.trusted = False
        self.reason = "no book yet"
        self.updated_ns = 0
        self.venue_ns = 0

    def snapshot(self, t_ns: int, bids: Levels, asks: Levels, venue_ns: int = 0) -> None:
        """Replace everything that was known."""
        self._bids = {price: size for price, size in bids if size > 0}
        self._asks = {price: size for price, size in asks if size > 0}
        self.best_bid = max(self._bids, default=0)
        self.best_ask = min(self._asks, default=0)
        self.in_step = True
        self._check(t_ns, venue_ns)

    def delta(self, t_ns: int, bids: Levels, asks: Levels, venue_ns: int = 0) -> None:
        """Apply changed levels; size 0 deletes, deleting an unknown level is ignored. Without a snapshot: no effect."""
        if not self.in_step:
            return
        known = self._bids
        for price, size in bids:
            if size > 0:
                known[price] = size
                self.best_bid = max(self.best_bid, price)
            elif known.pop(price, 0) and price == self.best_bid:
                self.best_bid = max(known, default=0)
        known = self._asks
        for price, size in asks:
            if size > 0:
                known[price] = size
                if price < self.best_ask or not self.best_ask:
                    self.best_ask = price
            elif known.pop(price, 0) and price == self.best_ask:
                self.best_ask = min(known, default=0)
        self._check(t_ns, venue_ns)

    def lose(self, reason: str) -> None:
        """The book is not known any more (gap, disconnected)."""
        self.in_step = self.trusted = False
        self.reason = reason

    def _check(self, t_ns: int, venue_ns: int) -> None:
        self.updated_ns = t_ns
        self.venue_ns = venue_ns
        if not self.best_bid or not self.best_ask:
            self.trusted, self.reason = False, "one side of the book is empty"
        elif self.best_bid >= self.best_ask:
            self.lose(f"the book is crossed: bid {self.best_bid} at or over ask {self.best_ask} ticks")
        else:
            self.trusted, self.reason = True, ""

    @property
    def mid_half_ticks(self) -> int:
        """Best bid + best ask: twice the mid, in ticks, exact."""
        return self.best_bid + self.best_ask

    @property
    def mid(self) -> float:
        """Mid price, ticks."""
        return (self.best_bid + self.best_ask) / 2

    @property
    def bid_size(self) -> int:
        """Contracts at the best bid."""
        return self._bids.get(self.best_bid, 0)

    @property
    def ask_size(self) -> int:
        """Contracts at the best ask."""
        return self._asks.get(self.best_ask, 0)

    @property
    def weighted_mid(self) -> float:
        """Best prices weighted by the opposite size, ticks (not a martingale: not the micro-price)."""
        bid_size, ask_size = self.bid_size, self.ask_size
        total = bid_size + ask_size
        return (self.best_bid * ask_size + self.best_ask * bid_size) / total if total else self.mid

    def size_at(self, side: int, price_ticks: int) -> int:
        """Contracts visible at one price."""
        return (self._bids if side == BUY else self._asks).get(price_ticks, 0)

    def levels(self, side: Literal[1, -1], depth: int | None = None) -> list[tuple[int, int]]:
        """(price_ticks, size) from the best outwards."""
        book: Iterable[tuple[int, int]] = (self._bids if side == BUY else self._asks).items()
        return sorted(book, reverse=side == BUY)[:depth]

    def __repr__(self) -> str:
        if not self.trusted:
            return f"Book(untrusted: {self.reason})"
        return f"Book({self.bid_size} @ {self.best_bid} | {self.best_ask} @ {self.ask_size} ticks)"
