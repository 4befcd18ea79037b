"""What a trader sees at each decision, tabulated once for all by the functions that fill the live view."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import BOOK_LOST, NEVER, NO_MARK, ONE_SIDED
from workbench.backtest.kernels.delays import first_after
from workbench.backtest.kernels.rows import KIND_MASK, LOCAL, TRADE_ROW
from workbench.compiled import by_address, inlined, inner, types
from workbench.events import NS
from workbench.quoting.schema import ASK_SIZE, BEST_ASK, BEST_BID, BID_SIZE, MARK, MID, WEIGHTED_MID
from workbench.trading.view_kernels import (
    EWMA,
    GUIDE_NS,
    GUIDE_SAMPLE_NS,
    SIGMA_SAMPLE_S,
    START_NS,
    break_series,
    note_flow,
    note_flows,
    update_mark,
    update_quote,
)
from workbench.volatility.ewma import LAST_PRICE, LAST_TIME

__all__ = ["MARKET", "Market", "tabulate_bests_at", "tabulate_view"]

_i = types.int64
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


MARKET = types.NamedTuple((types.uint8[::1], _I, _I, types.int32[:, ::1], _I, _F, _F, _I), Market)


@by_address(types.void(MARKET, _I, _I, types.float64[:, ::1]))
def tabulate_bests_at(
    market: Market, times: NDArray[np.int64], cursor: NDArray[np.int64], views: NDArray[np.float64]
) -> None:
    """Best prices and sizes alone at each time: all that hftbacktest's strategies are given here."""
    best_ns, bests = market.best_ns, market.bests
    at = cursor[NEXT_BEST]
    for k in range(times.size):
        at = first_after(best_ns, at, times[k])
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


@inner(_i(MARKET, _i, _i, _I, _F, _I))
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


@inner(types.void(MARKET, _i, _i, _I, _F, _F, _I, types.float64[:, ::1]))
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
    elif not is_market(market.bests, best - 1):
        cursor[CODE] = ONE_SIDED
    else:
        cursor[CODE] = 0
        if cursor[BROKEN]:
            cursor[BROKEN] = 0
            break_series(view, numbers, stamps)
        update_quote(view, numbers, stamps, micro, stamp, bid, bid_size, ask, ask_size)


@inlined
def of_local_book(code: int) -> bool:
    """Whether a row is a message of the book that the trader has received."""
    return (code & LOCAL) != 0 and (code & KIND_MASK) != TRADE_ROW


@inlined
def is_market(bests: NDArray[np.int32], at: int) -> bool:
    """Whether both sides are quoted, and do not cross."""
    return bool(0 < bests[at, 0] < bests[at, 1])


@inlined
def next_sample_ns(cursor: NDArray[np.int64], numbers: NDArray[np.float64], stamps: NDArray[np.int64]) -> int:
    """From when on a message of the book is a sample of an estimator, even if the best prices stay."""
    due = NEVER
    if cursor[CODE] == 0:
        # A microsecond early: whether a sample is due is for the estimator to say.
        due = stamps[START_NS] + int(numbers[EWMA + LAST_TIME] * NS) + int(SIGMA_SAMPLE_S * NS) - 1000
        due = min(stamps[GUIDE_NS] + GUIDE_SAMPLE_NS, due)
        if numbers[EWMA + LAST_PRICE] == 0.0:
            due = 0
    return due


@inlined
def first_message_ns(market: Market, row: int, since: int, until: int) -> int:
    """When the first message of the book since a time is received, looking no further than `until`."""
    at = first_after(market.t_ns, row, since - 1)
    while at < market.code.size and market.t_ns[at] < until and not of_local_book(market.code[at]):
        at += 1
    return min(until, market.t_ns[at]) if at < market.code.size else until


@inlined
def last_message_ns(market: Market, start: int, end: int) -> int:
    """When the last message of the book among the rows `start` to `end` was received; -1: there is none."""
    at = end - 1
    while at >= start and not of_local_book(market.code[at]):
        at -= 1
    return market.t_ns[at] if at >= start else -1


@inlined
def leap(
    market: Market,
    start: int,
    until: int,
    sample: int,
    cursor: NDArray[np.int64],
    numbers: NDArray[np.float64],
    stamps: NDArray[np.int64],
) -> int:
    """Pass changes of the best prices of which only the order flow has to know; the first that is another.

    Those come up to a time, before a sample is due, leave a market, and are the only ones of their stamp.
    """
    best_ns, bests = market.best_ns, market.bests
    best = start
    if cursor[CODE] == 0 and cursor[BROKEN] == 0:
        stamp = best_ns[best] if best < best_ns.size else NEVER
        while stamp <= until and stamp < sample and is_market(bests, best):
            following = best_ns[best + 1] if best + 1 < best_ns.size else NEVER
            if following == stamp:
                break
            best += 1
            stamp = following
        if best > start:
            note_flows(numbers, stamps, best_ns, bests, start, best)
            cursor[BOOK_NS] = best_ns[best - 1]
    return best


@by_address(
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

    The live view is brought up to date at every message of the book. Here this is done for those at which an estimator
    samples, for those that open or end a market, and for the last one before each time; of others that change the best
    prices only the order flow is taken, and the rest is leapt over: the numbers are the same.
    """
    best_ns, bests = market.best_ns, market.bests
    row, best, price = cursor[NEXT_ROW], cursor[NEXT_BEST], cursor[NEXT_PRICE]
    marked = market.price_ns.size > 0
    sample = next_sample_ns(cursor, numbers, stamps)
    for k in range(times.size):
        until = times[k]
        more = True
        while more:
            best = leap(market, best, until, sample, cursor, numbers, stamps)
            stamp = best_ns[best] if best < best_ns.size else NEVER
            if sample < stamp and sample <= until:
                stamp = first_message_ns(market, row, max(sample, cursor[BOOK_NS] + 1), stamp)
            more = stamp <= until
            if not more:
                start, row = row, first_after(market.t_ns, row, until)
                stamp = last_message_ns(market, start, row)
                if stamp <= cursor[SHOWN_NS]:
                    continue
            cursor[BOOK_NS] = stamp
            lost, known = 0, best
            while best < best_ns.size and best_ns[best] <= stamp:
                lost |= bests[best, 0] < 0
                best += 1
            if cursor[CODE] == 0 and best > known and not is_market(bests, best - 1):
                # The market ends, and its view stays as the message before left it.
                before = last_message_ns(market, row, first_after(market.t_ns, row, stamp - 1))
                if before > cursor[SHOWN_NS]:
                    price = take_prices(market, price, before, cursor, view, stamps)
                    show(market, known, before, cursor, view, numbers, stamps, micro)
            cursor[BROKEN] |= lost
            if more and stamp < sample and cursor[CODE] == 0 and cursor[BROKEN] == 0 and is_market(bests, best - 1):
                note_flow(
                    numbers,
                    stamps,
                    stamp,
                    bests[best - 1, 0],
                    bests[best - 1, 2],
                    bests[best - 1, 1],
                    bests[best - 1, 3],
                )
            elif best > 0:
                price = take_prices(market, price, stamp, cursor, view, stamps)
                show(market, best, stamp, cursor, view, numbers, stamps, micro)
                sample = next_sample_ns(cursor, numbers, stamps)
                cursor[SHOWN_NS] = stamp
        price = take_prices(market, price, until, cursor, view, stamps)
        codes[k] = cursor[CODE]
        heard[k, 0] = cursor[BOOK_NS]
        heard[k, 1] = cursor[MARK_NS] if marked else until
        for i in range(view.size):
            views[k, i] = view[i]
        if not marked:
            views[k, MARK] = view[MID]
        elif cursor[MARK_NS] == 0 and codes[k] == 0:
            codes[k] = NO_MARK
    cursor[NEXT_ROW], cursor[NEXT_BEST], cursor[NEXT_PRICE] = row, best, price
