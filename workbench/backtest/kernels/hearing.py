"""What the traders hear: executions, and what became of their orders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import (
    CANCELLED,
    EXPIRED,
    FILLED,
    HALTED_LOSS,
    NEVER,
    NO_REASON,
    REJECTED,
    VENUE_RATE_LIMIT,
)
from workbench.backtest.kernels.delays import first_after
from workbench.backtest.kernels.desk_state import (
    ACTIVE,
    DESK,
    FREE,
    HALTED,
    KNOWN_POSITION,
    L_AMENDING,
    L_CANCELLING,
    L_DONE,
    L_IN_FLIGHT,
    L_OPEN,
    LOG_FILLS,
    LOG_ORDERS,
    LOGS,
    MARKOUTS,
    NEXT_BEST,
    REJECTS,
    REJECTS_IN_A_ROW,
    WATCH_LOSS,
    Desk,
    Logs,
)
from workbench.backtest.kernels.ledger import (
    FLOOR,
    FUNDING_DUE_NS,
    MARK_VALUE,
    NEXT_MARK,
    book_fill,
    take_funding,
    worth,
)
from workbench.backtest.kernels.tape import TICKER, Ticker
from workbench.backtest.kernels.venue_state import (
    ACK,
    ACKED_NS,
    AMENDED,
    ANS_HEAD,
    ANS_PRICE,
    ANS_SIZE,
    ANS_TAIL,
    ANSWERS,
    END_CANCELLED,
    END_EXPIRED,
    END_REJECTED,
    EXTRA,
    FILL,
    HEARD,
    KIND,
    KNOWN_SIZE,
    NUMBER,
    ORDER_NO,
    ROW,
    SIDE,
    STAMP,
    STATUS,
    VENUE,
    Venue,
)
from workbench.backtest.kernels.writing import log_fill, log_order
from workbench.compiled import inlined, inner, types
from workbench.quoting.schema import MID
from workbench.risk.throttle import RATE_PAUSE_NS, pause_bucket
from workbench.trading.view_kernels import note_fill

__all__ = ["check_loss", "hear_answers", "hear_money"]

_i = types.int64
_F = types.float64[::1]


@inlined
def check_loss(desk: Desk, c: int) -> None:
    """`risk.max_loss` ends quoting."""
    counts, row = desk.counts, desk.ledger[c]
    if counts[c, HALTED] == 0 and worth(row, counts[c, KNOWN_POSITION]) <= row[FLOOR]:
        counts[c, HALTED] = HALTED_LOSS


@inner(types.void(DESK, TICKER, _i, _i))
def hear_money(desk: Desk, ticker: Ticker, c: int, until_ns: int) -> None:
    """Mark prices and funding heard by a time; after each the loss is looked at."""
    row = desk.ledger[c]
    while True:
        at = row[NEXT_MARK]
        mark_ns = ticker.mark_ns[at] if at < ticker.mark_ns.size else NEVER
        funding_ns = row[FUNDING_DUE_NS] if row[FUNDING_DUE_NS] > 0 else NEVER
        if min(mark_ns, funding_ns) > until_ns:
            return
        if mark_ns <= funding_ns:
            row[MARK_VALUE] = ticker.mark_values[at]
            row[NEXT_MARK] = at + 1
        else:
            take_funding(row)
        check_loss(desk, c)


@inlined
def twice_mid_heard(desk: Desk, ticker: Ticker, c: int, now_ns: int) -> int:
    """Twice the mid, ticks, that a trader knows when it hears something; 0 without a market. Times do not fall."""
    counts, bests = desk.counts, ticker.bests
    counts[c, NEXT_BEST] = first_after(ticker.best_ns, counts[c, NEXT_BEST], now_ns)
    last = counts[c, NEXT_BEST] - 1
    twice_mid = 0
    if last >= 0 and bests[last, 0] > 0 and bests[last, 1] > 0:
        twice_mid = int(bests[last, 0]) + int(bests[last, 1])
    return twice_mid


@inlined
def hear_fill(venue: Venue, desk: Desk, logs: Logs, c: int, r: int, at: int, now_ns: int, twice_mid: int) -> None:
    """Book an execution as its owner hears of it."""
    orders, counts, answers = venue.orders, desk.counts, venue.answers
    size = answers[c, at, ANS_SIZE]
    side = orders[r, SIDE]
    orders[r, HEARD] += size
    counts[c, KNOWN_POSITION] += side * size
    log_fill(venue, logs, r, at, now_ns, twice_mid, counts[c, KNOWN_POSITION])
    if counts[c, WATCH_LOSS]:
        book_fill(desk.ledger[c], side, size, answers[c, at, ANS_PRICE], answers[c, at, EXTRA])
        check_loss(desk, c)


@inlined
def follow_fill(desk: Desk, c: int, now_ns: int, side: int, mid: float, view: NDArray[np.float64]) -> None:
    """Remember a passive fill and the mid at which it was heard, for the markouts that the model sees."""
    shown = view[MID]
    view[MID] = mid
    note_fill(view, desk.numbers[c], desk.stamps[c], now_ns, side)
    view[MID] = shown


@inlined
def end_order(venue: Venue, desk: Desk, logs: Logs, c: int, r: int, status: int, now_ns: int, reason: int) -> None:
    """An order is over: log it, free its row."""
    log_order(venue, logs, r, status, now_ns, reason)
    venue.orders[r, STATUS] = L_DONE
    counts = desk.counts
    n = counts[c, ACTIVE] - 1
    j = 0
    while desk.active[c, j] != r:
        j += 1
    while j < n:
        desk.active[c, j] = desk.active[c, j + 1]
        j += 1
    counts[c, ACTIVE] = n
    desk.free[c, counts[c, FREE]] = r
    counts[c, FREE] += 1


@inner(_i(VENUE, DESK, LOGS, TICKER, _i, _i, _F, _i))
def hear_answers(  # noqa: C901, PLR0912 - one branch an answer
    venue: Venue, desk: Desk, logs: Logs, ticker: Ticker, c: int, until_ns: int, view: NDArray[np.float64], most: int
) -> int:
    """What a trader hears by a time, at most so many answers: how many, or -1 when the log has no room for more."""
    ends, answers, orders = venue.ends, venue.answers, venue.orders
    heard = 0
    while heard < most and ends[c, ANS_HEAD] < ends[c, ANS_TAIL]:
        at = ends[c, ANS_HEAD] & (ANSWERS - 1)
        now_ns = answers[c, at, STAMP]
        if now_ns > until_ns:
            return heard
        if logs.ends[LOG_FILLS] >= logs.fills.shape[0] or logs.ends[LOG_ORDERS] >= logs.orders.shape[0]:
            return -1
        ends[c, ANS_HEAD] += 1
        r = answers[c, at, ROW]
        if orders[r, ORDER_NO] != answers[c, at, NUMBER] or orders[r, STATUS] == L_DONE:
            continue
        heard += 1
        if desk.counts[c, WATCH_LOSS]:
            hear_money(desk, ticker, c, now_ns)
        kind = answers[c, at, KIND]
        extra = answers[c, at, EXTRA]
        ended = -1
        if kind == FILL:
            twice_mid = twice_mid_heard(desk, ticker, c, now_ns)
            hear_fill(venue, desk, logs, c, r, at, now_ns, twice_mid)
            if desk.counts[c, MARKOUTS] and extra and twice_mid > 0:
                follow_fill(desk, c, now_ns, orders[r, SIDE], twice_mid / 2, view)
            extra = NO_REASON
            if orders[r, HEARD] >= orders[r, KNOWN_SIZE]:
                ended = FILLED
        elif kind == ACK:
            orders[r, ACKED_NS] = now_ns
            if orders[r, STATUS] == L_IN_FLIGHT:
                orders[r, STATUS] = L_OPEN
                desk.counts[c, REJECTS_IN_A_ROW] = 0
        elif kind == END_CANCELLED:
            ended = CANCELLED
        elif kind in (END_EXPIRED, END_REJECTED):
            ended = EXPIRED if kind == END_EXPIRED else REJECTED
            desk.counts[c, REJECTS] += 1
            if extra == VENUE_RATE_LIMIT:
                pause_bucket(desk.buckets[c], now_ns + RATE_PAUSE_NS)
            else:
                desk.counts[c, REJECTS_IN_A_ROW] += 1
        elif kind == AMENDED:
            orders[r, KNOWN_SIZE] = answers[c, at, ANS_SIZE]
            if orders[r, STATUS] == L_AMENDING:
                orders[r, STATUS] = L_OPEN
        elif orders[r, STATUS] in (L_AMENDING, L_CANCELLING):
            orders[r, STATUS] = L_OPEN
        if ended >= 0:
            end_order(venue, desk, logs, c, r, ended, now_ns, extra)
    return heard
