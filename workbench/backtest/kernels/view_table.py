"""What a trader sees at each decision, tabulated once for all by the functions that fill the live view."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import BOOK_LOST, NO_MARK, ONE_SIDED
from workbench.backtest.kernels.rows import KIND_MASK, LOCAL, TRADE_ROW
from workbench.compiled import borrowing, inlined
from workbench.events import NS
from workbench.quoting.schema import ASK_SIZE, BEST_ASK, BEST_BID, BID_SIZE, MARK, MID, WEIGHTED_MID
from workbench.trading.view_kernels import (
    EWMA,
    GUIDE_NS,
    GUIDE_SAMPLE_NS,
    SIGMA_SAMPLE_S,
    START_NS,
    break_series,
    update_mark,
    update_quote,
)
from workbench.volatility.ewma import LAST_PRICE, LAST_TIME

__all__ = ["MARKET", "Market", "tabulate_bests_at", "tabulate_view"]

_I = types.int64[::1]
_F = types.float64[::1]

NEXT_ROW, NEXT_BEST, NEXT_PRICE, BOOK_NS, MARK_NS, CODE, BROKEN, SHOWN_NS = range(8)
CURSOR_SIZE = 8


class Market(NamedTuple):
    """The local side of a feed, as the compiled loops read it."""

    code: NDArray[np.uint8]
    t_ns: NDArray[np.int64]
    best_ns: NDArray[np.int64]
    bests: NDArray[np.int32]
    price_ns: NDArray[np.int64]
    marks: NDArray[np.float64]
    rates: NDArray[np.float64]
    funding_ns: NDArray[np.int64]


MARKET: Any = types.NamedTuple(  # type: ignore[no-untyped-call]
    (types.uint8[::1], _I, _I, types.int32[:, ::1], _I, _F, _F, _I), Market
)


@borrowing(types.void(MARKET, _I, _I, types.float64[:, ::1]))
def tabulate_bests_at(
    market: Market, times: NDArray[np.int64], cursor: NDArray[np.int64], views: NDArray[np.float64]
) -> None:
    """Best prices and sizes alone at each time: all that hftbacktest's strategies are given here."""
    best_ns, bests = market.best_ns, market.bests
    at = cursor[NEXT_BEST]
    for k in range(times.size):
        while at < best_ns.size and best_ns[at] <= times[k]:
            at += 1
        bid = ask = bid_size = ask_size = 0
        if at > 0:
            bid, ask = max(bests[at - 1, 0], 0), max(bests[at - 1, 1], 0)
            bid_size, ask_size = bests[at - 1, 2], bests[at - 1, 3]
        views[k, BEST_BID] = bid
        views[k, BEST_ASK] = ask
        views[k, BID_SIZE] = bid_size
        views[k, ASK_SIZE] = ask_size
        views[k, MID] = 0.5 * (bid + ask) if 0 < bid < ask else np.nan
        both = bid_size + ask_size
        views[k, WEIGHTED_MID] = (bid * ask_size + ask * bid_size) / both if both > 0 else np.nan
    cursor[NEXT_BEST] = at


@borrowing(types.int64(MARKET, types.int64, types.int64, _I, _F, _I))
def take_prices_until(
    market: Market,
    price: int,
    until: int,
    cursor: NDArray[np.int64],
    view: NDArray[np.float64],
    stamps: NDArray[np.int64],
) -> int:
    """Mark prices heard by a time."""
    while price < market.price_ns.size and market.price_ns[price] <= until:
        update_mark(view, stamps, market.marks[price], market.rates[price], market.funding_ns[price])
        if market.marks[price] > 0.0:
            cursor[MARK_NS] = market.price_ns[price]
        price += 1
    return price


@inlined
def take_prices(
    market: Market,
    price: int,
    until: int,
    cursor: NDArray[np.int64],
    view: NDArray[np.float64],
    stamps: NDArray[np.int64],
) -> int:
    """`take_prices_until`, without a call where there are none."""
    if price < market.price_ns.size and market.price_ns[price] <= until:
        price = take_prices_until(market, price, until, cursor, view, stamps)
    return price


@inlined
def show(
    market: Market,
    best: int,
    stamp: int,
    cursor: NDArray[np.int64],
    view: NDArray[np.float64],
    numbers: NDArray[np.float64],
    stamps: NDArray[np.int64],
    micro: NDArray[np.float64],
) -> None:
    """Bring the view up to a message of the book."""
    bid, ask = market.bests[best - 1, 0], market.bests[best - 1, 1]
    bid_size, ask_size = market.bests[best - 1, 2], market.bests[best - 1, 3]
    if bid < 0:
        cursor[CODE] = BOOK_LOST
    elif bid == 0 or ask == 0 or bid >= ask:
        cursor[CODE] = ONE_SIDED
    else:
        cursor[CODE] = 0
        if cursor[BROKEN]:
            cursor[BROKEN] = 0
            break_series(view, numbers, stamps)
        update_quote(view, numbers, stamps, micro, stamp, bid, bid_size, ask, ask_size)


@borrowing(
    types.void(MARKET, _I, _I, _F, _F, _I, types.float64[:, ::1], types.float64[:, ::1], types.int64[:, ::1], _I)
)
def tabulate_view(  # noqa: C901, PLR0917 - compiled functions take their arguments by position
    market: Market,
    times: NDArray[np.int64],
    cursor: NDArray[np.int64],
    view: NDArray[np.float64],
    numbers: NDArray[np.float64],
    stamps: NDArray[np.int64],
    micro: NDArray[np.float64],
    views: NDArray[np.float64],
    heard: NDArray[np.int64],
    codes: NDArray[np.int64],
) -> None:
    """The view at each time, with the stamps of book and mark behind it, and a code where nothing may be quoted.

    The live view is brought up to date at every message of the book. Here this is done for those that change the best
    prices, for those at which an estimator samples, and for the last one before each time: the numbers are the same.
    """
    code, t_ns, best_ns, bests = market.code, market.t_ns, market.best_ns, market.bests
    row, best, price = cursor[NEXT_ROW], cursor[NEXT_BEST], cursor[NEXT_PRICE]
    marked = market.price_ns.size > 0
    shown = cursor[SHOWN_NS]
    for k in range(times.size):
        until = times[k]
        more = True
        while more:
            more = row < code.size and t_ns[row] <= until
            stamp = cursor[BOOK_NS]
            changed = due = False
            if more:
                stamp = t_ns[row]
                book = False
                while row < code.size and t_ns[row] == stamp:
                    book |= (code[row] & LOCAL) != 0 and (code[row] & KIND_MASK) != TRADE_ROW
                    row += 1
                if not book:
                    continue
                cursor[BOOK_NS] = stamp
                while best < best_ns.size and best_ns[best] <= stamp:
                    if bests[best, 0] < 0:
                        cursor[BROKEN] = 1
                    best += 1
                    changed = True
                due = stamp - stamps[GUIDE_NS] >= GUIDE_SAMPLE_NS or numbers[EWMA + LAST_PRICE] == 0.0
                # A microsecond early: whether a sample is due is for the estimator to say.
                due |= stamp - stamps[START_NS] - int(numbers[EWMA + LAST_TIME] * NS) >= int(SIGMA_SAMPLE_S * NS) - 1000
            if best > 0 and stamp > shown and (changed or due or not more):
                price = take_prices(market, price, stamp, cursor, view, stamps)
                show(market, best, stamp, cursor, view, numbers, stamps, micro)
                shown = stamp
        price = take_prices(market, price, until, cursor, view, stamps)
        codes[k] = cursor[CODE]
        if best == 0:
            codes[k] = BOOK_LOST
        heard[k, 0] = cursor[BOOK_NS]
        heard[k, 1] = cursor[MARK_NS] if marked else until
        for i in range(view.size):
            views[k, i] = view[i]
        if not marked:
            views[k, MARK] = view[MID]
        elif cursor[MARK_NS] == 0 and codes[k] == 0:
            codes[k] = NO_MARK
    cursor[NEXT_ROW], cursor[NEXT_BEST], cursor[NEXT_PRICE], cursor[SHOWN_NS] = row, best, price, shown
