"""What the streams of one market say, as rows of the event table, with the gaps between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workbench.data.schema import (
    CLEAR,
    DEPTH,
    FUNDING,
    GAP,
    GAP_CROSSED,
    GAP_DISCONNECTED,
    GAP_OTHER,
    GAP_RECORDER,
    GAP_SEQUENCE,
    GAP_TRADES,
    INDEX,
    MARK,
    RESYNC,
    SNAPSHOT,
    TRADE,
    event_table,
)
from workbench.events import BookDelta, BookLost, BookSnapshot, Event, Levels, MarketTrade, MarkPrice, StreamState

__all__ = ["HeardRows"]

Column = dict[str, npt.NDArray[Any]]
T = TypeVar("T")
# Remarks stand before what they are about, levels after the CLEAR of their message.
_REMARK, _CLEAR, _BIDS, _ASKS = range(4)
_SLOTS = 4

_Remark = tuple[int, int, int, int, int, int, int]
"""Number of the event it stands before, kind, t_ns, venue_ns, venue_seq, cause, since_ns."""


class HeardRows:
    """Collects events and makes event tables of them.

    Parameters
    ----------
    connected : callable
        Whether the book's connection stands: tells a loss by disconnection from one by content.
    since_ns : int
        Receipt of the last row of an earlier recording of this market; 0: there is none.

    Attributes
    ----------
    gaps : int
    lost : bool
        The book is not known at the moment.
    """

    def __init__(self, connected: Callable[[], bool], since_ns: int = 0) -> None:
        self.gaps = 0
        self.rows = 0
        self.trades = 0
        self.messages = 0
        self._connected = connected
        self._cause: int | None = GAP_RECORDER if since_ns else 0
        self._since_ns = since_ns
        self._book_ns = since_ns
        self._trade_ns = 0
        self._trade_id = 0
        self._hole = False
        self._seq = -1
        self._events: list[Event] = []
        self._remarks: list[_Remark] = []

    @property
    def lost(self) -> bool:
        return self._cause is not None

    @property
    def waiting(self) -> int:
        """Events not yet made into rows."""
        return len(self._events)

    def begin(self, t_ns: int) -> None:
        """Say what is missing since the recording before, if there was one."""
        if self._cause == GAP_RECORDER:
            self._miss(t_ns, GAP_RECORDER, self._since_ns)

    def add(self, event: Event) -> None:
        """Take an event as it comes; one that is no market data is ignored."""
        match event:
            case BookDelta():
                self._book_ns = event.t_ns
            case BookSnapshot():
                self._mend(event)
            case BookLost():
                self._lose(event)
                return
            case MarketTrade():
                self._check_hole(event)
            case StreamState():
                # Its history fills a hole when the stream comes back; whether wholly, the next trade tells.
                self._hole = self._hole or (event.stream == "trades" and not event.up and self._trade_id > 0)
                return
            case MarkPrice():
                pass
            case _:
                return
        self._events.append(event)

    def repeat_book(self, t_ns: int, venue_ns: int, seq: int, bids: Levels, asks: Levels) -> None:
        """Write the book as it is known, so that a new file can be read without the one before."""
        if not self.lost:
            self._events.append(BookSnapshot(t_ns, venue_ns, bids, asks, seq))

    def table(self) -> pa.Table:
        """The rows of everything since the last call, in the order in which it came."""
        events, self._events = self._events, []
        remarks, self._remarks = self._remarks, []
        parts = [
            *_remark_rows(remarks),
            *_book_rows(events),
            *_trade_rows(_numbered(events, MarketTrade)),
            *_mark_rows(_numbered(events, MarkPrice)),
        ]
        if not parts:
            return event_table({}, rows=0)
        order = np.concatenate([part.pop("order") for part in parts])
        names = {name for part in parts for name in part}
        columns = {name: np.concatenate([_filled(part, name) for part in parts]) for name in names}
        columns = {name: values[np.argsort(order, kind="stable")] for name, values in columns.items()}
        if self._seq < 0:
            # Later than any row of an earlier recording, which counted from its own beginning.
            self._seq = int(columns["t_ns"][0])
        columns["seq"] = np.arange(self._seq, self._seq + order.size)
        self._seq += order.size
        self.rows += order.size
        self.messages += len(events)
        return event_table(columns)

    # --- gaps -------------------------------------------------------------------------------------------------------

    def _miss(self, t_ns: int, cause: int, since_ns: int) -> None:
        self.gaps += 1
        self._remarks.append((len(self._events), GAP, t_ns, 0, 0, cause, since_ns))

    def _lose(self, event: BookLost) -> None:
        if self.lost:
            return
        self._cause = self._cause_of(event.reason)
        self._since_ns = self._book_ns
        self._miss(event.t_ns, self._cause, self._since_ns)

    def _cause_of(self, reason: str) -> int:
        if not self._connected():
            return GAP_DISCONNECTED
        if reason.startswith("sequence gap") or "stale messages" in reason:
            return GAP_SEQUENCE
        return GAP_CROSSED if "crossed" in reason else GAP_OTHER

    def _mend(self, book: BookSnapshot) -> None:
        self._book_ns = book.t_ns
        if self._cause is not None:
            stamps = (book.t_ns, book.venue_ns, book.seq)
            self._remarks.append((len(self._events), RESYNC, *stamps, self._cause, self._since_ns))
            self._cause = None

    def _check_hole(self, trade: MarketTrade) -> None:
        self.trades += 1
        if self._hole and trade.trade_id > self._trade_id + 1:
            self._miss(trade.t_ns, GAP_TRADES, self._trade_ns)
        self._hole = False
        self._trade_id, self._trade_ns = trade.trade_id, trade.t_ns


def _numbered(events: Sequence[Event], kind: type[T]) -> list[tuple[int, T]]:
    return [(number, event) for number, event in enumerate(events) if isinstance(event, kind)]


def _ints(rows: Iterable[Sequence[int]], width: int) -> npt.NDArray[np.int64]:
    """Rows of numbers as one array, [width, n]."""
    return np.array(list(rows), dtype=np.int64).reshape(-1, width).T


def _remark_rows(remarks: list[_Remark]) -> Iterable[Column]:
    if remarks:
        number, *columns = _ints(remarks, 7)
        names = ("kind", "t_ns", "venue_ns", "venue_seq", "size", "value_ns")
        yield {"order": number * _SLOTS + _REMARK, **dict(zip(names, columns, strict=True))}


def _book_rows(events: Sequence[Event]) -> Iterable[Column]:
    books = [(number, book) for number, book in enumerate(events) if isinstance(book, BookDelta | BookSnapshot)]
    if not books:
        return
    stamps = _ints(((n, b.t_ns, b.venue_ns, b.seq, isinstance(b, BookSnapshot)) for n, b in books), 5)
    number, t_ns, venue_ns, seq, whole = stamps
    clears = whole.astype(np.bool_)
    if clears.any():
        at = {"t_ns": t_ns[clears], "venue_ns": venue_ns[clears], "venue_seq": seq[clears]}
        yield {"order": number[clears] * _SLOTS + _CLEAR, "kind": np.full(int(clears.sum()), CLEAR), **at}
    for side, slot, levels in (
        (1, _BIDS, [book.bids for _, book in books]),
        (-1, _ASKS, [book.asks for _, book in books]),
    ):
        counts = np.fromiter(map(len, levels), dtype=np.int64, count=len(levels))
        total = int(counts.sum())
        numbers = np.fromiter(chain.from_iterable(chain.from_iterable(levels)), dtype=np.int64, count=2 * total)
        message = np.repeat(np.arange(len(books)), counts)
        yield {
            "order": number[message] * _SLOTS + slot,
            "t_ns": t_ns[message],
            "venue_ns": venue_ns[message],
            "venue_seq": seq[message],
            "kind": np.where(clears[message], SNAPSHOT, DEPTH),
            "side": np.full(total, side),
            "price_ticks": numbers[::2],
            "size": numbers[1::2],
        }


def _trade_rows(trades: list[tuple[int, MarketTrade]]) -> Iterable[Column]:
    if trades:
        fields = ((n, t.t_ns, t.venue_ns, t.trade_id, t.side, t.price_ticks, t.size) for n, t in trades)
        number, t_ns, venue_ns, trade_id, side, price, size = _ints(fields, 7)
        yield {
            "order": number * _SLOTS + _BIDS,
            "t_ns": t_ns,
            "venue_ns": venue_ns,
            "venue_seq": trade_id,
            "kind": np.full(len(trades), TRADE),
            "side": side,
            "price_ticks": price,
            "size": size,
        }


def _mark_rows(marks: list[tuple[int, MarkPrice]]) -> Iterable[Column]:
    """Mark, index and coming funding; REST does not say the venue's time of them."""
    if marks:
        number = np.repeat([n for n, _ in marks], 3)
        values = [(float(m.mark), float(m.index), float(m.funding_rate)) for _, m in marks]
        due = np.zeros((len(marks), 3), dtype=np.int64)
        due[:, 2] = [m.funding_time_ns for _, m in marks]
        yield {
            "order": number * _SLOTS + np.tile([_CLEAR, _BIDS, _ASKS], len(marks)),
            "t_ns": np.repeat([m.t_ns for _, m in marks], 3),
            "kind": np.tile([MARK, INDEX, FUNDING], len(marks)),
            "value": np.array(values).ravel(),
            "value_ns": due.ravel(),
        }


def _filled(part: Column, name: str) -> npt.NDArray[Any]:
    if name in part:
        return part[name]
    count = part["t_ns"].size
    return np.full(count, np.nan) if name == "value" else np.zeros(count, dtype=np.int64)
