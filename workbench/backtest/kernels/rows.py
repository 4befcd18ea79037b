"""The rows of a prepared feed: their coding, the merge of the two orders of time, and what they do to a book."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.books import ASKS, BIDS, BOOK, FAR_FULL, Book, clear_side, set_level
from workbench.compiled import by_address, inlined, inner, types

__all__ = [
    "ASK_SIDE",
    "BAD_KIND",
    "BAD_PRICE",
    "BAD_SIZE",
    "BID_SIDE",
    "CLEAR_ROW",
    "DEPTH_ROW",
    "EXCHANGE",
    "GAP_ROW",
    "KIND_MASK",
    "LOCAL",
    "OFF_LOT_SIZE",
    "OFF_TICK_PRICE",
    "RESYNC_ROW",
    "SNAPSHOT_ROW",
    "TRADE_ROW",
    "UNSORTED",
    "apply_row",
    "clear_row",
    "merge_orders",
    "read_rows",
]  # fmt: skip

EXCHANGE, LOCAL, BID_SIDE, ASK_SIDE = 0x80, 0x40, 0x20, 0x10
KIND_MASK = 0x0F
"""A row's code: its kind, its side, and in which of the two views it happens."""

DEPTH_ROW, TRADE_ROW, CLEAR_ROW, SNAPSHOT_ROW, GAP_ROW, RESYNC_ROW = 1, 2, 3, 4, 9, 10
"""Kinds as `workbench.data` counts them; others are no rows of a feed."""

LARGEST = 2**31 - 1

BAD_PRICE, BAD_SIZE, OFF_TICK_PRICE, OFF_LOT_SIZE, BAD_KIND, UNSORTED = range(-1, -7, -1)

_U8, _I32, _I64 = types.uint8[::1], types.int32[::1], types.int64[::1]
_i = types.int64

EV, EXCH_TS, LOCAL_TS, PX, QTY = range(5)
HBT_LOCAL, HBT_EXCH = 1 << 30, 1 << 31
HBT_FLAGS_SHIFT, FLAGS_MASK = 24, 0xF0
"""hftbacktest's flags (exchange, local, buy, sell) stand in the same order as those of a code."""


@inner(_i(_i, types.float64, types.float64, types.float64, types.float64))
def fault_of(kind: int, px: float, qty: float, tick: float, lot: float) -> int:
    """Why a row of hftbacktest cannot be one of a market, whatever its stamps; 0 when it can."""
    if not 1 <= kind <= 4:
        return BAD_KIND
    ticks = 0.0
    if kind == CLEAR_ROW and not px > 0.0:
        qty = 0.0
    else:
        if not 0.0 < px < 1e15:
            return BAD_PRICE
        ticks = np.rint(px / tick)
        if abs(px / tick - ticks) > 1e-3:
            return OFF_TICK_PRICE
    lots = np.rint(qty / lot)
    if not 0.0 <= lots <= LARGEST or (kind == TRADE_ROW and lots == 0.0 and qty > 0.0):
        return BAD_SIZE
    if abs(qty / lot - lots) > 1e-3:
        return OFF_LOT_SIZE
    if ticks > LARGEST or (ticks < 1.0 and kind != CLEAR_ROW):
        return BAD_PRICE
    return 0


@by_address(
    _i(types.int64[:, ::1], types.float64[:, ::1], types.float64, types.float64, _U8, _I32, _I32, _I64, _I64, _I64)
)
def read_rows(  # noqa: PLR0917 - compiled functions take their arguments by position
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
    newest_venue, newest_local = last[0], last[1]
    for i in range(whole.shape[0]):
        ev, px, qty = whole[i, EV], real[i, PX], real[i, QTY]
        kind = ev & 0xFF
        ticks, lots = np.rint(px / tick), np.rint(qty / lot)
        # All tests at once, for nearly every row passes: what does not is looked at again.
        usual = (kind == DEPTH_ROW) | (kind == SNAPSHOT_ROW) | ((kind == TRADE_ROW) & (lots > 0.0))
        priced = (ticks >= 1.0) & (ticks <= LARGEST) & (abs(px / tick - ticks) <= 1e-3)
        sized = (lots >= 0.0) & (lots <= LARGEST) & (abs(qty / lot - lots) <= 1e-3)
        if not (usual & priced & sized):
            if kind == 5:  # best prices of their own stream
                continue
            fault = fault_of(kind, px, qty, tick, lot)
            if fault:
                last[2] = i
                return fault
            if kind == CLEAR_ROW and not px > 0.0:
                ticks = lots = 0.0
        venue = whole[i, EXCH_TS] if ev & HBT_EXCH else newest_venue
        local = whole[i, LOCAL_TS] if ev & HBT_LOCAL else newest_local
        if (venue < newest_venue) | (local < newest_local):
            last[2] = i
            return UNSORTED
        newest_venue, newest_local = venue, local
        code[n] = kind | (ev >> HBT_FLAGS_SHIFT & FLAGS_MASK)
        price[n] = int(ticks)
        size[n] = int(lots)
        venue_ns[n] = newest_venue
        t_ns[n] = newest_local
        n += 1
    last[0], last[1] = newest_venue, newest_local
    return n


@by_address(_i(_I64, _I64, _I64, _I64, _I64, _U8))
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
