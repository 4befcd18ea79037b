"""Book sync by sequence number: LMEX's book messages in, `BookSnapshot`, `BookDelta` and `BookLost` events out.

The rules are lmex-api section 7.3, numbered as there. No socket and no clock: `workbench.client.streams` feeds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from workbench.client.frames import BookData
from workbench.client.messages import BookLevel
from workbench.events import BookDelta, BookLost, BookSnapshot, Levels

__all__ = ["BookSync", "TickTable"]

MAX_LEVELS = 50
"""A snapshot holds at most so many levels a side; what lies behind a full side is unknown."""
THIN_LEVELS = 10
STALE_LIMIT = 10
CHECK_LIMIT = 3
CHECK_TOLERANCE_MS = 1000
_CACHE_LIMIT = 100_000


class TickTable(dict[str | float, int]):
    """Price text to integer ticks, exact, remembering every price it has seen (a look-up in place of a parse).

    Parameters
    ----------
    tick_size : Decimal
        Quote currency.

    Raises
    ------
    ValueError
        By the look-up, for a price that is not a multiple of the tick or no number at all.
    """

    def __init__(self, tick_size: Decimal) -> None:
        super().__init__()
        self.tick_size = tick_size
        exponent = tick_size.as_tuple().exponent
        assert isinstance(exponent, int)
        self._decimals = max(0, -exponent)
        self._step = int(tick_size.scaleb(self._decimals))

    def __missing__(self, price: str | float) -> int:
        if len(self) >= _CACHE_LIMIT:
            self.clear()
        ticks = self[price] = self._ticks(str(price))
        return ticks

    def _ticks(self, price: str) -> int:
        # The usual text, with no more decimals than the tick has, needs only integers.
        whole, _, fraction = price.partition(".")
        digits = whole + fraction.ljust(self._decimals, "0")
        if whole and len(fraction) <= self._decimals and digits.isascii() and digits.isdigit():
            ticks, rest = divmod(int(digits), self._step)
            if rest == 0:
                return ticks
        return self._ticks_of_any_number(price)

    def _ticks_of_any_number(self, price: str) -> int:
        try:
            ticks = Decimal(price) / self.tick_size
            whole = int(ticks)
        except ArithmeticError:
            raise ValueError(f"price {price!r} is not a price; expected a multiple of {self.tick_size}") from None
        if whole != ticks:
            raise ValueError(f"price {price} is not a multiple of the tick {self.tick_size}")
        return whole


class BookSync:
    """Keeps one symbol's book in step with its stream, and says so when it is not.

    Parameters
    ----------
    symbol : str
    tick_size : Decimal

    Attributes
    ----------
    valid : bool
        True from a snapshot until the book is lost.
    wants_snapshot : bool
        The book is right but thin at its unknown end (rule 9): subscribing again is due, quotes may stay.
    """

    def __init__(self, symbol: str, tick_size: Decimal) -> None:
        self.symbol = symbol
        self.ticks = TickTable(tick_size)
        self.valid = False
        self.wants_snapshot = False
        self.last_seq = 0
        self.venue_ms = 0
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.best_bid = 0
        self.best_ask = 0
        self._stale = 0
        self._differing = 0
        self._full_bids = False
        self._full_asks = False

    def on_data(self, data: BookData, t_ns: int) -> BookSnapshot | BookDelta | BookLost | None:
        """Take one message; the event that follows from it, or None when it is to be ignored.

        Parameters
        ----------
        data : BookData
            Routed by its own symbol, since deltas may carry the bare topic (rule 6).
        t_ns : int
            Wall clock at reception.
        """
        if data.symbol != self.symbol:
            return None
        try:
            if data.kind == "snapshot":
                return self._snapshot(data, t_ns)
            if data.kind == "delta" and self.valid:
                return self._delta(data, t_ns)
        except ValueError as error:
            return self.lose(str(error), t_ns)
        return None

    def lose(self, reason: str, t_ns: int) -> BookLost | None:
        """Forget the book until the next snapshot; the event the first time, None when it was lost before."""
        if not self.valid:
            return None
        self.valid = False
        self.wants_snapshot = False
        return BookLost(t_ns, reason)

    def check(self, bids: Sequence[BookLevel], asks: Sequence[BookLevel], venue_ms: int, t_ns: int) -> BookLost | None:
        """Compare the best prices with a REST book (rule 8); the third difference in a row loses the book.

        Differences at clearly different times mean nothing and are not counted.
        """
        if not self.valid or not bids or not asks:
            return None
        tick = self.ticks.tick_size
        if (bids[0].price, asks[0].price) == (self.best_bid * tick, self.best_ask * tick):
            self._differing = 0
        elif abs(venue_ms - self.venue_ms) <= CHECK_TOLERANCE_MS:
            self._differing += 1
            if self._differing >= CHECK_LIMIT:
                return self.lose(f"best prices differed from REST {CHECK_LIMIT} times in a row", t_ns)
        return None

    # --- rules 1 and 10: a snapshot replaces everything, whenever it comes ---

    def _snapshot(self, data: BookData, t_ns: int) -> BookSnapshot | BookLost | None:
        ticks = self.ticks
        bids = {ticks[price]: size for price, size in data.bids if size > 0}
        asks = {ticks[price]: size for price, size in data.asks if size > 0}
        self.bids, self.asks = bids, asks
        self.best_bid = max(bids, default=0)
        self.best_ask = min(asks, default=0)
        self.last_seq = data.seq
        self.venue_ms = data.timestamp
        self._stale = self._differing = 0
        self._full_bids = len(bids) >= MAX_LEVELS
        self._full_asks = len(asks) >= MAX_LEVELS
        self.wants_snapshot = False
        if self._crossed():
            # The caller has to hear of it even when the book had been lost before, to ask for another one.
            self.valid = False
            return BookLost(t_ns, f"snapshot {data.seq} is crossed: bid {self.best_bid}, ask {self.best_ask} ticks")
        self.valid = True
        # Rule 7: samples list asks in either order.
        return BookSnapshot(
            t_ns,
            data.timestamp * 1_000_000,
            tuple(sorted(bids.items(), reverse=True)),
            tuple(sorted(asks.items())),
            data.seq,
        )

    # --- rules 2 to 5 and 9 ---

    def _delta(self, data: BookData, t_ns: int) -> BookDelta | BookLost | None:
        last = self.last_seq
        if data.prev_seq != last or data.seq <= last:
            return self._out_of_step(data, t_ns)
        self._stale = 0
        ticks = self.ticks
        bids = tuple([(ticks[price], size) for price, size in data.bids])
        asks = tuple([(ticks[price], size) for price, size in data.asks])
        if bids:
            self._apply_bids(bids)
        if asks:
            self._apply_asks(asks)
        self.last_seq = data.seq
        self.venue_ms = data.timestamp
        if self._crossed():
            return self.lose(f"crossed: bid {self.best_bid} at or above ask {self.best_ask} ticks", t_ns)
        if (self._full_bids and len(self.bids) < THIN_LEVELS) or (self._full_asks and len(self.asks) < THIN_LEVELS):
            self.wants_snapshot = True
        return BookDelta(t_ns, data.timestamp * 1_000_000, bids, asks, data.seq)

    def _out_of_step(self, data: BookData, t_ns: int) -> BookLost | None:
        if data.seq > self.last_seq:
            return self.lose(f"sequence gap: {data.prev_seq} does not follow {self.last_seq}", t_ns)
        self._stale += 1
        if self._stale < STALE_LIMIT:
            return None
        return self.lose(f"{STALE_LIMIT} stale messages in a row: the numbering restarted at {data.seq}", t_ns)

    def _crossed(self) -> bool:
        return self.best_bid >= self.best_ask > 0 and self.best_bid > 0

    def _apply_bids(self, levels: Levels) -> None:
        book, best, gone = self.bids, self.best_bid, False
        for price, size in levels:
            if size > 0:
                book[price] = size
                best = max(best, price)
            elif book.pop(price, 0) and price == best:
                gone = True
        self.best_bid = max(book, default=0) if gone else best

    def _apply_asks(self, levels: Levels) -> None:
        book, best, gone = self.asks, self.best_ask, False
        for price, size in levels:
            if size > 0:
                book[price] = size
                if price < best or best == 0:
                    best = price
            elif book.pop(price, 0) and price == best:
                gone = True
        self.best_ask = min(book, default=0) if gone else best
