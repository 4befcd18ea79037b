"""The best prices and sizes of one view of a feed, tabulated as they change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.books import (
    ASKS,
    BASE,
    BEST,
    BIDS,
    BOOK,
    NO_ASK,
    NO_BID,
    OUTSIDE,
    Book,
    level_size,
    set_in_window,
)
from workbench.backtest.kernels.rows import (
    BID_SIDE,
    DEPTH_ROW,
    GAP_ROW,
    KIND_MASK,
    RESYNC_ROW,
    SNAPSHOT_ROW,
    TRADE_ROW,
    apply_row,
)
from workbench.compiled import by_address, inlined, types

__all__ = ["tabulate_bests"]

LOST = -1
"""Best prices while the book is lost."""

NEXT_ROW, BID, ASK, BID_SIZE, ASK_SIZE, IS_LOST = range(6)
STATE_SIZE = 6
"""Slots of the state between two pieces."""

_U8, _I32, _I64 = types.uint8[::1], types.int32[::1], types.int64[::1]
_i = types.int64


@inlined
def follow_levels(  # noqa: PLR0917 - compiled functions take their arguments by position
    book: Book,
    state: NDArray[np.int64],
    code: NDArray[np.uint8],
    price: NDArray[np.int32],
    size: NDArray[np.int32],
    t_ns: NDArray[np.int64],
    view: int,
    made: int,
    out_ns: NDArray[np.int64],
    out: NDArray[np.int32],
) -> int:
    """`tabulate_bests` as long as both sides are quoted and rows set levels near them; the rows written in all."""
    sizes, marks = book.sizes, book.marks
    bid_base, ask_base = marks[BASE + BIDS], marks[BASE + ASKS]
    bid, ask, bid_size, ask_size = state[BID], state[ASK], state[BID_SIZE], state[ASK_SIZE]
    row, n = state[NEXT_ROW], made
    while row < code.size:
        kind = code[row] & KIND_MASK
        if code[row] & view and kind != TRADE_ROW:
            if kind not in (DEPTH_ROW, SNAPSHOT_ROW):
                break
            tick, contracts = int(price[row]), int(size[row])
            if code[row] & BID_SIDE:
                found = set_in_window(sizes, BIDS, bid_base, tick, contracts, bid, ask)
                if found == OUTSIDE:
                    break
                shown = int(sizes[BIDS, found - bid_base])
                changed = found != bid or shown != bid_size
                bid, bid_size = found, shown
            else:
                found = set_in_window(sizes, ASKS, ask_base, tick, contracts, ask, bid)
                if found == OUTSIDE:
                    break
                shown = int(sizes[ASKS, found - ask_base])
                changed = found != ask or shown != ask_size
                ask, ask_size = found, shown
            if changed:
                if n == 0 or out_ns[n - 1] != t_ns[row]:
                    n += 1
                out_ns[n - 1] = t_ns[row]
                out[n - 1, 0], out[n - 1, 1], out[n - 1, 2], out[n - 1, 3] = bid, ask, bid_size, ask_size
        row += 1
    marks[BEST + BIDS], marks[BEST + ASKS] = bid, ask
    state[NEXT_ROW], state[BID], state[ASK], state[BID_SIZE], state[ASK_SIZE] = row, bid, ask, bid_size, ask_size
    return n


@by_address(_i(BOOK, _I64, _U8, _I32, _I32, _I64, _i, _I64, types.int32[:, ::1]))
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
    while state[NEXT_ROW] < code.size:
        if state[BID] > 0 and state[ASK] > 0:
            n = follow_levels(book, state, code, price, size, t_ns, view, n, out_ns, out)
            if state[NEXT_ROW] == code.size:
                break
        row = state[NEXT_ROW]
        kind = code[row] & KIND_MASK
        if code[row] & view and kind != TRADE_ROW:
            if kind == GAP_ROW:
                state[IS_LOST] = 1
            elif kind == RESYNC_ROW:
                state[IS_LOST] = 0
            elif not apply_row(book, code[row], price[row], size[row]):
                break
            bid, ask = marks[BEST + BIDS], marks[BEST + ASKS]
            if state[IS_LOST]:
                bid = ask = LOST
            bid_size = level_size(book, BIDS, bid) if bid > NO_BID else 0
            ask_size = level_size(book, ASKS, ask) if 0 < ask < NO_ASK else 0
            if ask == NO_ASK:
                ask = 0
            if bid != state[BID] or ask != state[ASK] or bid_size != state[BID_SIZE] or ask_size != state[ASK_SIZE]:
                state[BID], state[ASK], state[BID_SIZE], state[ASK_SIZE] = bid, ask, bid_size, ask_size
                if n == 0 or out_ns[n - 1] != t_ns[row]:
                    n += 1
                out_ns[n - 1] = t_ns[row]
                out[n - 1, 0], out[n - 1, 1], out[n - 1, 2], out[n - 1, 3] = bid, ask, bid_size, ask_size
        state[NEXT_ROW] = row + 1
    return n
