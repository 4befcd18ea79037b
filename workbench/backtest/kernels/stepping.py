"""The venue a few rows at a time, for whoever drives it from Python by the clock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.books import BOOK, Book
from workbench.backtest.kernels.codes import NO_REASON
from workbench.backtest.kernels.delays import LATENCY, LatencyTable, delay
from workbench.backtest.kernels.loop import apply_market_row
from workbench.backtest.kernels.matching import amend, enter
from workbench.backtest.kernels.rows import EXCHANGE
from workbench.backtest.kernels.shares import QUEUE_FUNCTION_TYPE
from workbench.backtest.kernels.venue_state import END_CANCELLED, PRICE, VENUE, Venue, answer, unlink
from workbench.compiled import borrowing, types

__all__ = ["amend_order", "delay_ns", "end_resting", "enter_order", "play_rows"]

_i = types.int64
_COLUMNS = (types.uint8[::1], types.int32[::1], types.int32[::1], types.int64[::1])


@borrowing(_i(VENUE, BOOK, *_COLUMNS, _i, _i, QUEUE_FUNCTION_TYPE))
def play_rows(
    venue: Venue,
    book: Book,
    code: NDArray[np.uint8],
    price: NDArray[np.int32],
    size: NDArray[np.int32],
    venue_ns: NDArray[np.int64],
    first: int,
    until_ns: int,
    own: Any,
) -> int:
    """The venue's rows from `first` on up to a time; the next row, or -1 - it where the book must grow first."""
    i = first
    stuck = False
    while i < code.size and venue_ns[i] <= until_ns and not stuck:
        if code[i] & EXCHANGE:
            stuck = not apply_market_row(venue, book, own, int(code[i]), int(price[i]), int(size[i]), venue_ns[i])
        if not stuck:
            i += 1
    return -1 - i if stuck else i


@borrowing(types.void(VENUE, BOOK, _i, _i))
def enter_order(venue: Venue, book: Book, r: int, now_ns: int) -> None:
    """A new order arrives."""
    enter(venue, book, r, now_ns, NO_REASON)


@borrowing(types.void(VENUE, BOOK, _i, _i, _i, _i))
def amend_order(venue: Venue, book: Book, r: int, size: int, price: int, now_ns: int) -> None:
    """A change of an order arrives; a price of 0 stays as it is."""
    amend(venue, book, r, size, price, now_ns)


@borrowing(types.void(VENUE, _i, _i))
def end_resting(venue: Venue, r: int, now_ns: int) -> None:
    """Cancel an order that rests."""
    unlink(venue, r)
    answer(venue, r, END_CANCELLED, now_ns, venue.orders[r, PRICE], 0, NO_REASON)


@borrowing(_i(LATENCY, _i, _i, _i))
def delay_ns(latency: LatencyTable, way: int, now_ns: int, number: int) -> int:
    """How long message `number` of a way takes."""
    return delay(latency, way, now_ns, number)
