"""The traders' decisions, compiled: doubt, model, limits and the plan that trades."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import BOOK_OLD, HALTED_LOSS, HALTED_REJECTS, MARK_OLD
from workbench.backtest.kernels.delays import last_at
from workbench.backtest.kernels.desk_state import (
    ACTIVE,
    ASK_HIGH,
    ASK_LOW,
    ASK_NOW,
    BID_HIGH,
    BID_LOW,
    BID_NOW,
    BOTH_SIDES,
    CANCELS,
    CASH,
    COLLAR,
    DESK,
    FEES,
    HALTED,
    INVERSE,
    KNOWN_POSITION,
    L_CANCELLING,
    L_IN_FLIGHT,
    L_OPEN,
    LAST_NS,
    LOGS,
    MARKOUTS,
    MAX_BOOK_AGE_NS,
    MAX_LOSS,
    MAX_OPEN,
    MAX_REJECTS,
    REASON,
    REJECTS_IN_A_ROW,
    STEPS,
    THROTTLED,
    TOLERANCE_SHARE,
    UNIT,
    UPTIME_NS,
    WATCH_LOSS,
    Desk,
    Logs,
)
from workbench.backtest.kernels.hearing import contract_value
from workbench.backtest.kernels.sending import carry_out, live_rows, send, submit
from workbench.backtest.kernels.venue_state import CANCEL, PRICE, SIDE, STATUS, VENUE, Venue
from workbench.backtest.kernels.writing import sample_quotes
from workbench.compiled import borrowing, inlined
from workbench.events import NS
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
from workbench.trading.view_kernels import FIRST, PENDING_NS, WAITING, mean_adverse, take_markouts

__all__ = ["decide", "decide_by_price"]

_i = types.int64
_F = types.float64[::1]
_BESTS: Any = types.int32[:, ::1]
MARK_AGE_NS = 15 * NS


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
def doubt(desk: Desk, c: int, now_ns: int, code: int, book_ns: int, mark_ns: int, mark: float) -> int:
    """Why nothing may be quoted now; 0 when it may."""
    counts = desk.counts
    if counts[c, WATCH_LOSS] and counts[c, HALTED] == 0 and mark > 0.0:
        money = desk.money
        value = contract_value(mark, money[c, UNIT], money[c, INVERSE])
        if money[c, CASH] + counts[c, KNOWN_POSITION] * value - money[c, FEES] <= -money[c, MAX_LOSS]:
            counts[c, HALTED] = HALTED_LOSS
    if counts[c, HALTED] == 0 and counts[c, REJECTS_IN_A_ROW] >= counts[c, MAX_REJECTS]:
        counts[c, HALTED] = HALTED_REJECTS
    reason = code
    if counts[c, HALTED]:
        reason = counts[c, HALTED]
    elif code == 0 and now_ns - book_ns > counts[c, MAX_BOOK_AGE_NS]:
        reason = BOOK_OLD
    elif code == 0 and now_ns - mark_ns > MARK_AGE_NS:
        reason = MARK_OLD
    return reason


@inlined
def own_markouts(
    desk: Desk, best_ns: NDArray[np.int64], bests: NDArray[np.int32], c: int, book_ns: int, view: NDArray[np.float64]
) -> None:
    """The view's slots that follow own fills."""
    numbers, stamps = desk.numbers[c], desk.stamps[c]
    waiting = True
    while waiting:
        waiting = False
        due = stamps[PENDING_NS + stamps[FIRST]] if stamps[WAITING] > 0 else 0
        if 0 < due < book_ns:
            b = last_at(best_ns, due)
            mid = (bests[b, 0] + bests[b, 1]) / 2 if b >= 0 and bests[b, 0] > 0 and bests[b, 1] > 0 else view[MID]
            take_markouts(numbers, stamps, due + 1, mid)
            waiting = True
    view[BID_ADVERSE] = mean_adverse(numbers, stamps, 0, book_ns)
    view[ASK_ADVERSE] = mean_adverse(numbers, stamps, 1, book_ns)


@borrowing(
    types.void(VENUE, DESK, LOGS, types.int64[::1], _BESTS, _i, _i, _i, types.int64[::1], _F, _i, MODEL_FUNCTION_TYPE)
)
def decide(  # noqa: PLR0917 - compiled functions take their arguments by position
    venue: Venue,
    desk: Desk,
    logs: Logs,
    best_ns: NDArray[np.int64],
    bests: NDArray[np.int32],
    c: int,
    now_ns: int,
    code: int,
    heard_ns: NDArray[np.int64],
    view: NDArray[np.float64],
    sample_ns: int,
    model: Any,
) -> None:
    """One decision as the live maker takes it: doubt, model, limits, plan, requests."""
    counts, limits = desk.counts, desk.limits[c]
    look_at_own(venue, desk, c, now_ns)
    reason = doubt(desk, c, now_ns, code, heard_ns[0], heard_ns[1], view[MARK])
    position = counts[c, KNOWN_POSITION]
    rows = 0
    if reason == 0:
        if counts[c, MARKOUTS]:
            own_markouts(desk, best_ns, bests, c, heard_ns[0], view)
        tokens = available_tokens(desk.buckets[c], now_ns)
        bid, ask = int(view[BEST_BID]), int(view[BEST_ASK])
        collar, tolerance = desk.money[c, COLLAR], desk.money[c, TOLERANCE_SHARE]
        set_market_limits(limits, view[MARK], collar, bid, ask, tolerance, tokens)
        rows = model(view, position, desk.params[c], desk.states[c], desk.wanted)
        if rows < 0:
            reason, rows = rows, 0
        else:
            cap_tolerance(limits, desk.states[c, HALF_SPREAD])
    counts[c, REASON] = reason
    active = counts[c, ACTIVE]
    if rows or active:
        live_rows(venue, desk, c)
        count = plan_orders(desk.wanted, rows, desk.live, active, position, limits, desk.actions, desk.blocked)
        carry_out(venue, desk, c, now_ns, count)
        counts[c, THROTTLED] += desk.blocked[HELD_BACK]
    sample_quotes(desk, logs, c, now_ns, view, sample_ns)


@borrowing(types.void(VENUE, DESK, LOGS, _i, _i, _F, _i, MODEL_FUNCTION_TYPE))
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
