"""The rows of a prepared feed: their coding, the merge of the two orders of time, and the local best prices."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from workbench.backtest.kernels.books import (
    ASKS,
    BEST,
    BIDS,
    BOOK,
    FAR_FULL,
    NO_ASK,
    NO_BID,
    Book,
    clear_side,
    level_size,
    set_level,
)
from workbench.compiled import borrowing, inlined, inner

__all__ = [
    "ASK_SIDE",
    "BAD_KIND",
    "BAD_PRICE",
    "BAD_SIZE",
    "BEST_COLUMNS",
    "BID_SIDE",
    "CLEAR_ROW",
    "DEPTH_ROW",
    "EXCHANGE",
    "GAP_ROW",
    "KIND_MASK",
    "LOCAL",
    "OFF_LOT_SIZE",
    "OFF_TICK_PRICE",
    "SNAPSHOT_ROW",
    "TRADE_ROW",
    "UNSORTED",
    "apply_row",
    "clear_row",
    "merge_orders",
    "read_rows",
    "tabulate_bests",
]  # fmt: skip

EXCHANGE, LOCAL, BID_SIDE, ASK_SIDE = 0x80, 0x40, 0x20, 0x10
KIND_MASK = 0x0F
"""A row's code: its kind, its side, and in which of the two views it happens."""

DEPTH_ROW, TRADE_ROW, CLEAR_ROW, SNAPSHOT_ROW, GAP_ROW, RESYNC_ROW = 1, 2, 3, 4, 9, 10
"""Kinds as `workbench.data` counts them; others are no rows of a feed."""

LARGEST = 2**31 - 1

BAD_PRICE, BAD_SIZE, OFF_TICK_PRICE, OFF_LOT_SIZE, BAD_KIND, UNSORTED = range(-1, -7, -1)

LOST = -1
"""Best prices while the book is lost."""

_U8, _I32, _I64 = types.uint8[::1], types.int32[::1], types.int64[::1]
_i = types.int64

EV, EXCH_TS, LOCAL_TS, PX, QTY = range(5)
HBT_BUY, HBT_SELL, HBT_LOCAL, HBT_EXCH = 1 << 29, 1 << 28, 1 << 30, 1 << 31


@borrowing(
    _i(types.int64[:, ::1], types.float64[:, ::1], types.float64, types.float64, _U8, _I32, _I32, _I64, _I64, _I64)
)
def read_rows(  # noqa: C901, PLR0911, PLR0912, PLR0917 - one pass over the rows, one test a fault
    whole: NDArray[np.int64],
    real: NDArray[np.float64],
    tick: float,
    lot: float,
    code: NDArray[np.uint8],
    price: NDArray[np.int32],
    size: NDArray[np.int32],
    venue_ns: NDArray[np.int64],
    t_ns: NDArray[np.int64],
    last: NDArray[np.int64],
) -> int:
    """Columns of hftbacktest's 64-byte rows; how many, or an error code with the row in `last[2]`.

    `last` holds the newest exchange and local stamp: a row of one view carries the newest stamp of the other, so that
    both columns are sorted.
    """
    n = 0
    for i in range(whole.shape[0]):
        ev = whole[i, EV]
        kind = ev & 0xFF
        last[2] = i
        if kind == 5:  # best prices of their own stream
            continue
        if not 1 <= kind <= 4:
            return BAD_KIND
        px, qty = real[i, PX], real[i, QTY]
        ticks = 0.0
        if kind == CLEAR_ROW and not px > 0.0:
            qty = 0.0
        else:
            if not 0.0 < px < 1e15:
                return BAD_PRICE
            ticks = np.round(px / tick)
            if abs(px / tick - ticks) > 1e-3:
                return OFF_TICK_PRICE
        lots = np.round(qty / lot)
        if not 0.0 <= lots <= LARGEST or (kind == TRADE_ROW and lots == 0.0 and qty > 0.0):
            return BAD_SIZE
        if abs(qty / lot - lots) > 1e-3:
            return OFF_LOT_SIZE
        if ticks > LARGEST or (ticks < 1.0 and kind != CLEAR_ROW):
            return BAD_PRICE
        flags = 0
        if ev & HBT_EXCH:
            flags |= EXCHANGE
            if whole[i, EXCH_TS] < last[0]:
                return UNSORTED
            last[0] = whole[i, EXCH_TS]
        if ev & HBT_LOCAL:
            flags |= LOCAL
            if whole[i, LOCAL_TS] < last[1]:
                return UNSORTED
            last[1] = whole[i, LOCAL_TS]
        if ev & HBT_BUY:
            flags |= BID_SIDE
        if ev & HBT_SELL:
            flags |= ASK_SIDE
        code[n] = kind | flags
        price[n] = int(ticks)
        size[n] = int(lots)
        venue_ns[n] = last[0]
        t_ns[n] = last[1]
        n += 1
    return n


@borrowing(_i(_I64, _I64, _I64, _I64, _I64, _U8))
def merge_orders(
    by_venue: NDArray[np.int64],
    by_receipt: NDArray[np.int64],
    venue_rank: NDArray[np.int64],
    rows: NDArray[np.int64],
    counts: NDArray[np.int64],
    flags: NDArray[np.uint8],
) -> int:
    """One list out of the order at the venue and the order of receipt: a row that both reach together stands once.

    `venue_rank[r]` is the place of row r in `by_venue`, -1 where that happened before. Returns the length of the list.
    """
    i = j = n = 0
    while i < by_venue.size or j < by_receipt.size:
        if i < by_venue.size and j < by_receipt.size and by_venue[i] == by_receipt[j]:
            rows[n], flags[n] = by_venue[i], EXCHANGE | LOCAL
            i += 1
            j += 1
        elif j < by_receipt.size and (i == by_venue.size or venue_rank[by_receipt[j]] < i):
            rows[n], flags[n] = by_receipt[j], LOCAL
            j += 1
        else:
            rows[n], flags[n] = by_venue[i], EXCHANGE
            i += 1
        n += 1
    counts[0], counts[1] = i, j
    return n


@inner(types.void(BOOK, _i, _i))
def clear_row(book: Book, code: int, price: int) -> None:
    """Void what a clear says; other rows change nothing here."""
    if (code & KIND_MASK) == CLEAR_ROW:
        if not code & ASK_SIDE:
            clear_side(book, BIDS, price)
        if not code & BID_SIDE:
            clear_side(book, ASKS, price)


@inlined
def apply_row(book: Book, code: int, price: int, size: int) -> bool:
    """Bring a book up to a row that is not a trade; False when the table of far levels must grow first."""
    kind = code & KIND_MASK
    if kind in (DEPTH_ROW, SNAPSHOT_ROW):
        return set_level(book, BIDS if code & BID_SIDE else ASKS, price, size) != FAR_FULL
    clear_row(book, code, price)
    return True


BEST_COLUMNS = 4
"""Bid, ask, and the contracts there."""


@borrowing(_i(BOOK, _I64, _U8, _I32, _I32, _I64, _i, _I64, types.int32[:, ::1]))
def tabulate_bests(
    book: Book,
    state: NDArray[np.int64],
    code: NDArray[np.uint8],
    price: NDArray[np.int32],
    size: NDArray[np.int32],
    t_ns: NDArray[np.int64],
    view: int,
    out_ns: NDArray[np.int64],
    out: NDArray[np.int32],
) -> int:
    """Best prices and sizes after each stamp of one view at which they changed; returns the number of rows written.

    `state` holds (next row, the last bid, ask and sizes, book is lost). It stops before the end when the book's table
    of far levels must grow. Prices are 0 on an empty side, LOST while the book is.
    """
    n = 0
    marks = book.marks
    i = state[0]
    while i < code.size:
        row = code[i]
        kind = row & KIND_MASK
        if not row & view or kind == TRADE_ROW:
            i += 1
            continue
        if kind == GAP_ROW:
            state[5] = 1
        elif kind == RESYNC_ROW:
            state[5] = 0
        elif not apply_row(book, row, price[i], size[i]):
            break
        i += 1
        bid, ask = marks[BEST + BIDS], marks[BEST + ASKS]
        if state[5]:
            bid = ask = LOST
        bid_size = level_size(book, BIDS, bid) if bid > NO_BID else 0
        ask_size = level_size(book, ASKS, ask) if 0 < ask < NO_ASK else 0
        if ask == NO_ASK:
            ask = 0
        if bid == state[1] and ask == state[2] and bid_size == state[3] and ask_size == state[4]:
            continue
        state[1], state[2], state[3], state[4] = bid, ask, bid_size, ask_size
        if n == 0 or out_ns[n - 1] != t_ns[i - 1]:
            n += 1
        out_ns[n - 1] = t_ns[i - 1]
        out[n - 1, 0], out[n - 1, 1], out[n - 1, 2], out[n - 1, 3] = bid, ask, bid_size, ask_size
    state[0] = i
    return n
