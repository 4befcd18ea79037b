"""A session's orders on the venue's clock, and the market without them, as its journal tells both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.backtest.kernels.rows import (
    ASK_SIDE,
    BID_SIDE,
    CLEAR_ROW,
    DEPTH_ROW,
    EXCHANGE,
    KIND_MASK,
    SNAPSHOT_ROW,
    TRADE_ROW,
)
from workbench.errors import DataError
from workbench.events import (
    Amend,
    BookDelta,
    BookLost,
    BookSnapshot,
    Cancel,
    MarketTrade,
    OrderReport,
    OwnFill,
    Place,
)

if TYPE_CHECKING:
    from workbench.analysis import Row
    from workbench.backtest.feed import Feed
    from workbench.instruments import Instrument

__all__ = ["MarketRows", "Request", "SessionOrders", "session_orders"]

_HEARD = (BookSnapshot, BookDelta, BookLost, MarketTrade, OrderReport, OwnFill, Place, Cancel, Amend)
_TAGS = {kind.__name__ for kind in _HEARD}


class Request(NamedTuple):
    """Something that reached the venue: `kind` "place", "amend" (to `size`) or "cancel" of an order's row."""

    at_ns: int
    kind: str
    order: int
    size: int = 0


class MarketRows(NamedTuple):
    """The market at the venue, rows in the order of its clock; columns as a feed has them."""

    code: NDArray[np.uint8]
    price_ticks: NDArray[np.int32]
    size: NDArray[np.int32]
    venue_ns: NDArray[np.int64]


@dataclass(frozen=True)
class SessionOrders:
    """What a queue model is asked about.

    Attributes
    ----------
    instrument : Instrument
    orders : DataFrame
        One row an order that rested: client_id, side, price_ticks, size (after amends), placed_size, placed_ns,
        ended_ns, filled, filled_ns, whole (it ended because it was filled); stamps on the venue's clock.
    requests : list of Request
        By time. Cancels of orders that filled whole are not among them.
    market : MarketRows
        Others' orders alone.
    """

    instrument: Instrument
    orders: pd.DataFrame
    requests: list[Request]
    market: MarketRows


def session_orders(
    rows: Iterable[Row], instrument: Instrument, *, feed: Feed | None = None, own_shown: bool = True
) -> SessionOrders:
    """Read a journal; see `grade_queue_models`.

    The venue's clock is known from the executions, which carry its stamps. The fastest answer to an order, less the
    fastest way of an execution, is how long an order takes at least: so long after it was sent it is taken to arrive.

    Raises
    ------
    DataError
        If no order rested, nothing was filled, or there is no market.
    """
    heard = _Heard()
    for t_ns, record in _decoded(rows):
        heard.take(t_ns, record)
    lives = [life for life in heard.lives.values() if life.rested]
    if not lives:
        raise DataError("no order of the session rested; expected a session that quoted")
    if not heard.ways_ns:
        raise DataError("the session has no passive fill; expected some to compare with")
    back_ns = min(heard.ways_ns)
    there_ns = min(life.acked_ns - life.place_ns for life in lives if life.acked_ns) - back_ns
    requests: list[Request] = []
    table = []
    for number, life in enumerate(lives):
        placed_ns = life.place_ns + there_ns
        first_ns = min((venue_ns for venue_ns, _ in life.fills), default=0)
        filled = sum(size for _, size in life.fills)
        size = life.size
        requests.append(Request(placed_ns, "place", number))
        for sent_ns, wanted in life.amends:
            requests.append(Request(sent_ns + there_ns, "amend", number, wanted))
            size = min(size, wanted)
        whole = filled >= size
        if whole:
            ended_ns = max(venue_ns for venue_ns, _ in life.fills)
        elif life.cancel_ns:
            ended_ns = life.cancel_ns + there_ns
        elif life.gone_ns:
            ended_ns = life.gone_ns - back_ns
        else:
            ended_ns = heard.last_ns
        if not whole:
            requests.append(Request(ended_ns, "cancel", number))
        table.append(
            (life.client_id, life.side, life.price, size, life.size, placed_ns, ended_ns, filled, first_ns, whole)
        )
    requests.sort(key=lambda request: request.at_ns)
    orders = pd.DataFrame(table, columns=list(ORDER_COLUMNS))
    market = heard.market(back_ns) if feed is None else _of_feed(feed, int(orders["ended_ns"].max()))
    if not market.code.size:
        raise DataError("the journal holds no market data; give the feed that was recorded beside the session")
    if own_shown:
        fills = [(venue_ns, number, size) for number, life in enumerate(lives) for venue_ns, size in life.fills]
        market = _without_own(market, orders, fills)
    return SessionOrders(instrument, orders, requests, market)


ORDER_COLUMNS = (
    "client_id",
    "side",
    "price_ticks",
    "size",
    "placed_size",
    "placed_ns",
    "ended_ns",
    "filled",
    "filled_ns",
    "whole",
)


def _decoded(rows: Iterable[Row]) -> Iterator[tuple[int, Any]]:
    for row in rows:
        tag = getattr(row, "tag", None)
        if tag is not None:
            if tag in _TAGS:
                yield row.t_ns, row.decode()
        elif isinstance(row, tuple):
            yield row
        else:
            yield row.t_ns, row


@dataclass
class _Life:
    """One order as the journal tells it, local clock but for the executions."""

    client_id: str
    side: int
    price: int
    size: int
    place_ns: int
    acked_ns: int = 0
    cancel_ns: int = 0
    gone_ns: int = 0
    took: bool = False
    opened: bool = False
    fills: list[tuple[int, int]] = field(default_factory=list)
    amends: list[tuple[int, int]] = field(default_factory=list)

    @property
    def rested(self) -> bool:
        """It stood in the book, and never took."""
        return not self.took and (self.opened or bool(self.fills))


class _Heard:
    """Everything of a journal that matters here."""

    def __init__(self) -> None:
        self.lives: dict[str, _Life] = {}
        self.ways_ns: list[int] = []
        self.last_ns = 0
        self._trades: set[str] = set()
        self._rows: list[tuple[int, int, int, int, int]] = []

    def take(self, t_ns: int, record: Any) -> None:
        """One record of the journal."""
        match record:
            case Place():
                life = _Life(record.client_id, record.side, record.price_ticks, record.size, t_ns)
                self.lives[record.client_id] = life
            case Cancel() | Amend() | OrderReport() | OwnFill():
                if record.client_id in self.lives:
                    self._order(self.lives[record.client_id], t_ns, record)
            case BookSnapshot() | BookDelta() | BookLost() | MarketTrade():
                self._market(t_ns, record)

    def _order(self, life: _Life, t_ns: int, record: Any) -> None:
        match record:
            case Cancel():
                life.cancel_ns = life.cancel_ns or t_ns
            case Amend():
                life.amends.append((t_ns, record.size))
            case OrderReport():
                life.opened |= record.status == "open"
                if record.status in ("open", "filled"):
                    life.acked_ns = life.acked_ns or t_ns
                if record.status == "cancelled":
                    life.gone_ns = life.gone_ns or t_ns
            case OwnFill() if record.trade_id not in self._trades:
                self._trades.add(record.trade_id)
                life.took |= not record.maker
                life.fills.append((record.venue_ns, record.size))
                if record.maker and record.source == "stream":
                    self.ways_ns.append(t_ns - record.venue_ns)

    def _market(self, t_ns: int, record: Any) -> None:
        self.last_ns = max(self.last_ns, getattr(record, "venue_ns", 0))
        if isinstance(record, BookLost):
            self._rows.append((0, t_ns, CLEAR_ROW, 0, 0))
            return
        venue_ns = record.venue_ns
        if isinstance(record, MarketTrade):
            code = TRADE_ROW | (BID_SIDE if record.side > 0 else ASK_SIDE)
            self._rows.append((venue_ns, t_ns, code, record.price_ticks, record.size))
            return
        kind = DEPTH_ROW
        if isinstance(record, BookSnapshot):
            kind = SNAPSHOT_ROW
            self._rows.append((venue_ns, t_ns, CLEAR_ROW, 0, 0))
        for side, levels in ((BID_SIDE, record.bids), (ASK_SIDE, record.asks)):
            self._rows.extend((venue_ns, t_ns, kind | side, price, size) for price, size in levels)

    def market(self, back_ns: int) -> MarketRows:
        """The rows in the order of the venue's clock; at one stamp trades come before the book that they changed."""
        if not self._rows:
            none = np.empty(0, np.int32)
            return MarketRows(np.empty(0, np.uint8), none, none, np.empty(0, np.int64))
        venue, local, code, price, size = np.array(self._rows, dtype=np.int64).T
        stamp = np.where(venue > 0, venue, local - back_ns)
        order = np.lexsort((np.arange(stamp.size), (code & KIND_MASK) != TRADE_ROW, stamp))
        return MarketRows(
            (code | EXCHANGE).astype(np.uint8)[order],
            price.astype(np.int32)[order],
            size.astype(np.int32)[order],
            stamp[order],
        )


def _of_feed(feed: Feed, end_ns: int) -> MarketRows:
    last = int(np.searchsorted(feed.venue_ns, end_ns + 60_000_000_000))
    return MarketRows(feed.code[:last], feed.price_ticks[:last], feed.size[:last], feed.venue_ns[:last])


def _without_own(market: MarketRows, orders: pd.DataFrame, fills: list[tuple[int, int, int]]) -> MarketRows:
    """The market with the session's own sizes taken out of every level that shows them."""
    side, price = orders["side"].tolist(), orders["price_ticks"].tolist()
    left = orders["size"].tolist()
    changes = [(at, 0, number, size) for number, (at, size) in enumerate(zip(orders["placed_ns"], left, strict=True))]
    changes += [(at, 1, number, -size) for at, number, size in fills]
    changes += [(at, 2, number, 0) for number, at in enumerate(orders["ended_ns"])]
    changes.sort()
    own: dict[tuple[int, int], int] = {}
    shown = [0] * len(left)
    sizes = market.size.copy()
    levels = np.flatnonzero(((market.code & KIND_MASK) == DEPTH_ROW) | ((market.code & KIND_MASK) == SNAPSHOT_ROW))
    columns = (market.venue_ns[levels], market.code[levels], market.price_ticks[levels])
    at = 0
    for row, stamp, code, tick in zip(levels.tolist(), *(column.tolist() for column in columns), strict=True):
        while at < len(changes) and changes[at][0] <= stamp:
            _, kind, number, size = changes[at]
            change = -shown[number] if kind == 2 else max(size, -shown[number])
            shown[number] += change
            key = (side[number], price[number])
            own[key] = own.get(key, 0) + change
            at += 1
        ours = own.get((1 if code & BID_SIDE else -1, tick), 0)
        if ours:
            sizes[row] = max(0, int(sizes[row]) - ours)
    return market._replace(size=sizes)
