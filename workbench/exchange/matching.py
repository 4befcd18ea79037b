"""The limit order book: price-time priority, partial fills, our orders queueing among the exogenous makers' depth.

A level holds the exogenous makers' contracts as one number and the accounts' orders one by one. Each order remembers
how many exogenous contracts came before it (`ahead`), which is all that first-in-first-out needs.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from workbench.exchange.accounts import Account

__all__ = ["Book", "BookSide", "Execution", "Level", "Order"]


class Order:
    """An account's order, resting or not. Prices are ticks, sizes contracts, side +1 buy, -1 sell."""

    __slots__ = (
        "account",
        "ahead",
        "client_id",
        "created_ns",
        "current_size",
        "filled",
        "filled_ticks",
        "hidden",
        "market_order",
        "order_id",
        "original_size",
        "post_only",
        "price",
        "reduce_only",
        "resting",
        "side",
        "status",
        "symbol",
        "time_in_force",
        "updated_ns",
    )

    def __init__(self, account: Account, symbol: str, side: int, price: int, size: int) -> None:
        self.account = account
        self.symbol = symbol
        self.side = side
        self.price = price
        self.original_size = size
        self.current_size = size
        self.filled = 0
        self.filled_ticks = 0
        self.ahead = 0
        self.hidden = False
        self.market_order = False
        self.post_only = False
        self.reduce_only = False
        self.resting = False
        self.time_in_force = "GTC"
        self.client_id = ""
        self.order_id = ""
        self.created_ns = 0
        self.updated_ns = 0
        self.status = 0

    @property
    def remaining(self) -> int:
        return self.current_size - self.filled


class Execution(NamedTuple):
    """Contracts traded at a maker's price; `maker` is None for an exogenous maker."""

    price: int
    size: int
    maker: Order | None


class Level:
    """All that rests at one price."""

    __slots__ = ("flow", "orders", "price")

    def __init__(self, price: int) -> None:
        self.price = price
        self.flow = 0
        self.orders: list[Order] = []

    @property
    def shown(self) -> int:
        """Visible contracts: hidden (spam) orders rest but do not show."""
        if not self.orders:
            return self.flow
        return self.flow + sum(order.remaining for order in self.orders if not order.hidden)

    @property
    def total(self) -> int:
        return self.flow + sum(order.remaining for order in self.orders)

    def shorten_queues(self) -> None:
        """After the depth was set anew: newcomers queue last, and who leaves was the last in the queue."""
        for order in self.orders:
            order.ahead = min(order.ahead, self.flow)

    def take_first(self, quantity: int) -> Execution:
        """Trade up to `quantity` with the first in the queue."""
        orders = self.orders
        before = orders[0].ahead if orders else self.flow
        if before:
            size = min(before, quantity)
            self.flow -= size
            for order in orders:
                order.ahead -= size
            return Execution(self.price, size, None)
        maker = orders[0]
        size = min(maker.remaining, quantity)
        maker.filled += size
        maker.filled_ticks += size * self.price
        if not maker.remaining:
            del orders[0]
            maker.resting = False
        return Execution(self.price, size, maker)


class BookSide:
    """One side. Prices are ranked by side * price, so that the best is the last and the walk goes backwards."""

    __slots__ = ("levels", "ranks", "side", "touched")

    def __init__(self, side: int) -> None:
        self.side = side
        self.levels: dict[int, Level] = {}
        self.ranks: list[int] = []
        self.touched: set[int] = set()

    @property
    def best(self) -> int | None:
        """Best price, hidden orders included."""
        return self.side * self.ranks[-1] if self.ranks else None

    @property
    def best_shown(self) -> int | None:
        """Best visible price."""
        return next((level.price for level in self.from_best() if level.shown), None)

    def from_best(self) -> Iterator[Level]:
        """Levels, best first."""
        for rank in reversed(self.ranks):
            yield self.levels[self.side * rank]

    def reaches(self, limit: int) -> bool:
        """Whether a counter-order with this limit price would trade."""
        return bool(self.ranks) and self.ranks[-1] >= self.side * limit

    def set_flow(self, price: int, size: int) -> None:
        """Set the exogenous depth at a price."""
        level = self.levels.get(price)
        if level is None:
            if not size:
                return
            level = self._level(price)
        level.flow = size
        if level.orders:
            level.shorten_queues()
        elif not size:
            self._drop_if_empty(level)
        self.touched.add(price)

    def add(self, order: Order) -> None:
        """Rest an order behind all that is at its price."""
        level = self._level(order.price)
        order.ahead = level.flow
        order.resting = True
        level.orders.append(order)
        self.touched.add(order.price)

    def remove(self, order: Order) -> None:
        """Take a resting order out of the book."""
        level = self.levels[order.price]
        level.orders.remove(order)
        order.resting = False
        self.touched.add(order.price)
        self._drop_if_empty(level)

    def take_first(self, limit: int, quantity: int) -> Execution | None:
        """Trade up to `quantity` with the first in the queue at the best price, if `limit` reaches it."""
        if not self.reaches(limit):
            return None
        level = self.levels[self.side * self.ranks[-1]]
        execution = level.take_first(quantity)
        self.touched.add(level.price)
        self._drop_if_empty(level)
        return execution

    def within(self, limit: int) -> int:
        """Contracts that a counter-order with this limit price could trade."""
        total = 0
        for level in self.from_best():
            if self.side * level.price < self.side * limit:
                break
            total += level.total
        return total

    def meets(self, account: Account, limit: int, quantity: int) -> bool:
        """Whether a counter-order of `account` would come to one of its own orders."""
        before = 0
        for level in self.from_best():
            if self.side * level.price < self.side * limit or before >= quantity:
                return False
            queued = 0
            for order in level.orders:
                if order.account is account and before + order.ahead + queued < quantity:
                    return True
                queued += order.remaining
            before += level.flow + queued
        return False

    def _level(self, price: int) -> Level:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(price)
            insort(self.ranks, self.side * price)
        return level

    def _drop_if_empty(self, level: Level) -> None:
        if not level.flow and not level.orders:
            del self.levels[level.price]
            del self.ranks[bisect_left(self.ranks, self.side * level.price)]


class Book:
    """Both sides of one market."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)

    def own(self, side: int) -> BookSide:
        """Where an order of this side rests."""
        return self.bids if side > 0 else self.asks

    def other(self, side: int) -> BookSide:
        """What an order of this side trades against."""
        return self.asks if side > 0 else self.bids
