"""The traders' decisions, compiled: doubt, model, limits and the plan that trades."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import BOOK_LATE, BOOK_OLD, HALTED_REJECTS, MARK_OLD
from workbench.backtest.kernels.delays import first_after
from workbench.backtest.kernels.desk_state import (
    ACTIVE,
    ASK_HIGH,
    ASK_LOW,
    ASK_NOW,
    AT_REST,
    BID_HIGH,
    BID_LOW,
    BID_NOW,
    BOTH_SIDES,
    CANCELS,
    COLLAR,
    DESK,
    HALTED,
    KNOWN_POSITION,
    L_CANCELLING,
    L_IN_FLIGHT,
    L_OPEN,
    LAST_NS,
    LATE_FROM,
    LATE_TO,
    LOGS,
    MARKOUTS,
    MAX_BOOK_AGE_NS,
    MAX_OPEN,
    MAX_REJECTS,
    NEXT_MARKOUT_BEST,
    REASON,
    REJECTS_IN_A_ROW,
    STEPS,
    THROTTLED,
    TOLERANCE_SHARE,
    UPTIME_NS,
    WATCH_LOSS,
    Desk,
    Logs,
)
from workbench.backtest.kernels.hearing import check_loss, hear_money
from workbench.backtest.kernels.ledger import MARK_VALUE, value_of_half_ticks
from workbench.backtest.kernels.sending import carry_out, live_rows, send, submit
from workbench.backtest.kernels.tape import TICKER, Ticker
from workbench.backtest.kernels.venue_state import CANCEL, PRICE, SIDE, STATUS, VENUE, Venue
from workbench.backtest.kernels.writing import sample_quotes
from workbench.compiled import inlined, inner, types
from workbench.quoting.definition import MODEL_FUNCTION_TYPE
from workbench.quoting.schema import (
    ASK_ADVERSE,
    BEST_ASK,
    BEST_BID,
    BID_ADVERSE,
    HALF_SPREAD,
    MARK,
    MID,
    OUT_PRICE,
    OUT_SIDE,
    OUT_SIZE,
)
from workbench.risk.throttle import available_tokens
from workbench.trading.kernels import (
    THROTTLED as HELD_BACK,
)
from workbench.trading.kernels import (
    cap_tolerance,
    plan_orders,
    set_market_limits,
)
from workbench.trading.view import MARK_AGE_NS
from workbench.trading.view_kernels import FIRST, PENDING_NS, WAITING, mean_adverse, take_markouts

__all__ = ["decide", "decide_by_price"]

_i = types.int64
_F = types.float64[::1]


@inlined
def look_at_own(venue: Venue, desk: Desk, c: int, now_ns: int) -> None:
    """Own best quotes as known now, their extremes since the last sample, and the time that both sides rested."""
    counts, orders = desk.counts, venue.orders
    bid = ask = 0
    for j in range(counts[c, ACTIVE]):
        r = desk.active[c, j]
        if orders[r, STATUS] != L_IN_FLIGHT:
            price = orders[r, PRICE]
            if orders[r, SIDE] > 0:
                bid = max(bid, price)
            elif ask == 0 or price < ask:
                ask = price
    if counts[c, BOTH_SIDES]:
        counts[c, UPTIME_NS] += now_ns - counts[c, LAST_NS]
    counts[c, BOTH_SIDES] = bid > 0 and ask > 0
    counts[c, LAST_NS] = now_ns
    counts[c, BID_NOW], counts[c, ASK_NOW] = bid, ask
    if bid > 0:
        if counts[c, BID_LOW] == 0 or bid < counts[c, BID_LOW]:
            counts[c, BID_LOW] = bid
        counts[c, BID_HIGH] = max(counts[c, BID_HIGH], bid)
    if ask > 0:
        if counts[c, ASK_LOW] == 0 or ask < counts[c, ASK_LOW]:
            counts[c, ASK_LOW] = ask
        counts[c, ASK_HIGH] = max(counts[c, ASK_HIGH], ask)
    counts[c, STEPS] += 1
    counts[c, MAX_OPEN] = max(counts[c, MAX_OPEN], counts[c, ACTIVE])


@inlined
def is_late(desk: Desk, ticker: Ticker, c: int, book_ns: int) -> bool:
    """Whether the newest message of the book lagged the venue's own stamps by more than a trader bears."""
    counts = desk.counts
    while counts[c, LATE_FROM] < counts[c, LATE_TO] and ticker.late[counts[c, LATE_FROM], 1] <= book_ns:
        counts[c, LATE_FROM] += 1
    at = counts[c, LATE_FROM]
    return bool(at < counts[c, LATE_TO] and ticker.late[at, 0] <= book_ns)


@inlined
def doubt(desk: Desk, ticker: Ticker, c: int, now_ns: int, code: int, book_ns: int, mark_ns: int, mid: float) -> int:
    """Why nothing may be quoted now; 0 when it may."""
    counts = desk.counts
    if counts[c, WATCH_LOSS]:
        hear_money(desk, ticker, c, now_ns)
        if code == 0 and ticker.mark_ns.size == 0:
            # Data without mark prices: the mid is the mark.
            desk.ledger[c, MARK_VALUE] = value_of_half_ticks(desk.ledger[c], int(2.0 * mid))
            check_loss(desk, c)
    if counts[c, HALTED] == 0 and counts[c, REJECTS_IN_A_ROW] >= counts[c, MAX_REJECTS]:
        counts[c, HALTED] = HALTED_REJECTS
    reason = code
    if counts[c, HALTED]:
        reason = counts[c, HALTED]
    elif code == 0 and now_ns - book_ns > counts[c, MAX_BOOK_AGE_NS]:
        reason = BOOK_OLD
    elif code == 0 and is_late(desk, ticker, c, book_ns):
        reason = BOOK_LATE
    elif code == 0 and now_ns - mark_ns > MARK_AGE_NS:
        reason = MARK_OLD
    return reason


@inlined
def own_markouts(desk: Desk, ticker: Ticker, c: int, book_ns: int, view: NDArray[np.float64]) -> None:
    """The view's slots that follow own fills."""
    numbers, stamps, bests = desk.numbers[c], desk.stamps[c], ticker.bests
    waiting = True
    while waiting:
        waiting = False
        due = stamps[PENDING_NS + stamps[FIRST]] if stamps[WAITING] > 0 else 0
        if 0 < due < book_ns:
            desk.counts[c, NEXT_MARKOUT_BEST] = first_after(ticker.best_ns, desk.counts[c, NEXT_MARKOUT_BEST], due)
            b = desk.counts[c, NEXT_MARKOUT_BEST] - 1
            mid = (bests[b, 0] + bests[b, 1]) / 2 if b >= 0 and bests[b, 0] > 0 and bests[b, 1] > 0 else view[MID]
            take_markouts(numbers, stamps, due + 1, mid)
            waiting = True
    view[BID_ADVERSE] = mean_adverse(numbers, stamps, 0, book_ns)
    view[ASK_ADVERSE] = mean_adverse(numbers, stamps, 1, book_ns)


@inlined
def at_rest(desk: Desk, actions: int) -> bool:
    """Whether a decision sent nothing and held nothing back: nothing to do until something happens."""
    if actions > 0:
        return False
    for i in range(desk.blocked.size):  # noqa: SIM110 - numba compiles loops, not generators
        if desk.blocked[i] > 0:
            return False
    return True


@inner(types.void(VENUE, DESK, LOGS, TICKER, _i, _i, _i, types.int64[::1], _F, _i, types.boolean, MODEL_FUNCTION_TYPE))
def decide(  # noqa: PLR0917 - compiled functions take their arguments by position
    venue: Venue,
    desk: Desk,
    logs: Logs,
    ticker: Ticker,
    c: int,
    now_ns: int,
    code: int,
    heard_ns: NDArray[np.int64],
    view: NDArray[np.float64],
    sample_ns: int,
    by_timer: bool,
    model: Any,
) -> None:
    """One decision as the live maker takes it: doubt, model, limits, plan, requests.

    By timer, only if something was left to do or the doubt has changed.
    """
    counts, limits = desk.counts, desk.limits[c]
    reason = doubt(desk, ticker, c, now_ns, code, heard_ns[0], heard_ns[1], view[MID])
    if by_timer and counts[c, AT_REST] and reason == max(counts[c, REASON], 0):
        return
    look_at_own(venue, desk, c, now_ns)
    position = counts[c, KNOWN_POSITION]
    rows = 0
    if reason == 0:
        if counts[c, MARKOUTS]:
            own_markouts(desk, ticker, c, heard_ns[0], view)
        tokens = available_tokens(desk.buckets[c], now_ns)
        bid, ask = int(view[BEST_BID]), int(view[BEST_ASK])
        collar, tolerance = desk.shares[c, COLLAR], desk.shares[c, TOLERANCE_SHARE]
        set_market_limits(limits, view[MARK], collar, bid, ask, tolerance, tokens)
        rows = model(view, position, desk.params[c], desk.states[c], desk.wanted)
        if rows < 0:
            reason, rows = rows, 0
        else:
            cap_tolerance(limits, desk.states[c, HALF_SPREAD])
    counts[c, REASON] = reason
    active = counts[c, ACTIVE]
    counts[c, AT_REST] = 1
    if rows or active:
        live_rows(venue, desk, c)
        count = plan_orders(desk.wanted, rows, desk.live, active, position, limits, desk.actions, desk.blocked)
        carry_out(venue, desk, c, now_ns, count)
        counts[c, THROTTLED] += desk.blocked[HELD_BACK]
        counts[c, AT_REST] = at_rest(desk, count)
    sample_quotes(desk, logs, c, now_ns, view, sample_ns)


@inner(types.void(VENUE, DESK, LOGS, _i, _i, _F, _i, MODEL_FUNCTION_TYPE))
def decide_by_price(
    venue: Venue, desk: Desk, logs: Logs, c: int, now_ns: int, view: NDArray[np.float64], sample_ns: int, model: Any
) -> None:
    """The decision of hftbacktest's strategies: an order is its side and price, nothing else is checked."""
    counts, orders, wanted = desk.counts, venue.orders, desk.wanted
    look_at_own(venue, desk, c, now_ns)
    rows = model(view, counts[c, KNOWN_POSITION], desk.params[c], desk.states[c], wanted)
    counts[c, REASON] = min(rows, 0)
    if rows >= 0:
        active = counts[c, ACTIVE]
        found = 0
        for j in range(active):
            r = desk.active[c, j]
            keep = False
            for i in range(rows):
                if wanted[i, OUT_PRICE] == orders[r, PRICE] and wanted[i, OUT_SIDE] == orders[r, SIDE]:
                    found |= 1 << i
                    keep = True
                    break
            if not keep and orders[r, STATUS] == L_OPEN:
                orders[r, STATUS] = L_CANCELLING
                counts[c, CANCELS] += 1
                send(venue, c, CANCEL, r, now_ns, 0, 0)
        for i in range(rows):
            if not (found >> i) & 1:
                submit(venue, desk, c, now_ns, i, wanted[i, OUT_SIDE], wanted[i, OUT_PRICE], wanted[i, OUT_SIZE])
    sample_quotes(desk, logs, c, now_ns, view, sample_ns)
