"""The traders, compiled: what they hear, what their model wants, what they send; the plan is the one that trades."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import (
    ACKED,
    BOOK_OLD,
    CANCELLED,
    EXPIRED,
    FILLED,
    HALTED_LOSS,
    HALTED_REJECTS,
    IN_FLIGHT,
    MARK_OLD,
    NO_REASON,
    REJECTED,
    VENUE_RATE_LIMIT,
)
from workbench.backtest.kernels.delays import ENTRY, delay, last_at
from workbench.backtest.kernels.desk_state import (
    ACTIVE,
    AMENDS,
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
    FREE,
    HALTED,
    INVERSE,
    KNOWN_POSITION,
    L_AMENDING,
    L_CANCELLING,
    L_DONE,
    L_IN_FLIGHT,
    L_OPEN,
    LAST_NS,
    LOG_FILLS,
    LOG_ORDERS,
    LOG_QUOTES,
    LOGS,
    MAKER_RATE,
    MARKOUTS,
    MAX_BOOK_AGE_NS,
    MAX_LOSS,
    MAX_OPEN,
    MAX_REJECTS,
    NEXT_SAMPLE_NS,
    ORDERS_SENT,
    REASON,
    REJECTS,
    REJECTS_IN_A_ROW,
    STEPS,
    SUBMITS,
    TAKER_RATE,
    THROTTLED,
    TOLERANCE_SHARE,
    UNIT,
    UPTIME_NS,
    WATCH_LOSS,
    Desk,
    Logs,
)
from workbench.backtest.kernels.venue_state import (
    ACCEPTED_NS,
    ACK,
    ACKED_NS,
    AHEAD,
    AMEND,
    AMENDED,
    ANS_HEAD,
    ANS_PRICE,
    ANS_SIZE,
    ANS_TAIL,
    ANSWERS,
    CANCEL,
    CONFIG,
    DONE,
    END_CANCELLED,
    END_EXPIRED,
    END_REJECTED,
    EXTRA,
    FAULT,
    FILL,
    FLAGS,
    HEARD,
    KIND,
    KNOWN_SIZE,
    LADDER_SLOT,
    LAST_ARRIVAL,
    NUMBER,
    ORDER_NO,
    PLACE,
    POST_ONLY,
    PRICE,
    REQ_HEAD,
    REQ_PRICE,
    REQ_SIZE,
    REQ_TAIL,
    REQUESTS,
    RESTING,
    RING_FULL,
    ROW,
    SENT_COUNT,
    SENT_NS,
    SIDE,
    SIZE,
    STAMP,
    STATUS,
    VENUE,
    VENUE_NS,
    Venue,
)
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
    SIGMA,
)
from workbench.risk.throttle import available_tokens, pause_bucket, take_tokens
from workbench.trading.kernels import (
    ACT_AMEND,
    ACT_CANCEL,
    ACT_KIND,
    ACT_PRICE,
    ACT_ROW,
    ACT_SIDE,
    ACT_SIZE,
    ACT_SLOT,
    BUSY,
    CANCELLING,
    IDLE,
    LIVE_PRICE,
    LIVE_REMAINING,
    LIVE_SIDE,
    LIVE_SLOT,
    LIVE_STATUS,
    cap_tolerance,
    plan_orders,
    set_market_limits,
)
from workbench.trading.kernels import (
    THROTTLED as HELD_BACK,
)
from workbench.trading.view_kernels import FIRST, PENDING_NS, WAITING, mean_adverse, note_fill, take_markouts

__all__ = ["decide", "decide_by_price", "hear_answers", "log_open_orders"]

_i = types.int64
_F = types.float64[::1]
_BESTS: Any = types.int32[:, ::1]

MARK_AGE_NS = 15 * NS
RATE_PAUSE_NS = NS


@inlined
def log_order(venue: Venue, logs: Logs, r: int, status: int, done_ns: int, reason: int) -> None:
    """Write what became of an order."""
    n = logs.ends[LOG_ORDERS]
    logs.ends[LOG_ORDERS] = n + 1
    row, orders = logs.orders, venue.orders
    row[n, 0] = orders[r, CONFIG]
    row[n, 1] = orders[r, ORDER_NO]
    row[n, 2] = orders[r, LADDER_SLOT]
    row[n, 3] = orders[r, SIDE]
    row[n, 4] = orders[r, PRICE]
    row[n, 5] = orders[r, KNOWN_SIZE]
    row[n, 6] = orders[r, HEARD]
    row[n, 7] = status
    row[n, 8] = orders[r, SENT_NS]
    row[n, 9] = orders[r, ACKED_NS]
    row[n, 10] = done_ns
    row[n, 11] = reason
    row[n, 12] = orders[r, AHEAD]


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


@inlined
def send(venue: Venue, c: int, kind: int, r: int, now_ns: int, size: int, price: int) -> None:
    """Put a request on its way."""
    ends, requests = venue.ends, venue.requests
    tail = ends[c, REQ_TAIL]
    if tail - ends[c, REQ_HEAD] >= REQUESTS:
        venue.accounts[c, FAULT] = RING_FULL
    else:
        stamp = now_ns + delay(venue.latency, ENTRY, now_ns, ends[c, SENT_COUNT])
        # One connection: a request never overtakes the one before.
        stamp = max(stamp, ends[c, LAST_ARRIVAL])
        ends[c, LAST_ARRIVAL] = stamp
        ends[c, SENT_COUNT] += 1
        ends[c, REQ_TAIL] = tail + 1
        at = tail & (REQUESTS - 1)
        requests[c, at, STAMP] = stamp
        requests[c, at, KIND] = kind
        requests[c, at, ROW] = r
        requests[c, at, NUMBER] = venue.orders[r, ORDER_NO]
        requests[c, at, REQ_SIZE] = size
        requests[c, at, REQ_PRICE] = price


@inlined
def submit(venue: Venue, desk: Desk, c: int, now_ns: int, slot: int, side: int, price: int, size: int) -> None:
    """Send a new post-only order."""
    counts, orders = desk.counts, venue.orders
    if counts[c, FREE] == 0:
        venue.accounts[c, FAULT] = RING_FULL
    else:
        counts[c, FREE] -= 1
        r = desk.free[c, counts[c, FREE]]
        desk.active[c, counts[c, ACTIVE]] = r
        counts[c, ACTIVE] += 1
        counts[c, ORDERS_SENT] += 1
        counts[c, SUBMITS] += 1
        orders[r, CONFIG] = c
        orders[r, ORDER_NO] = counts[c, ORDERS_SENT]
        orders[r, LADDER_SLOT] = slot
        orders[r, SIDE] = side
        orders[r, PRICE] = price
        orders[r, SIZE] = size
        orders[r, KNOWN_SIZE] = size
        orders[r, DONE] = 0
        orders[r, HEARD] = 0
        orders[r, RESTING] = 0
        orders[r, FLAGS] = POST_ONLY
        orders[r, AHEAD] = -1
        orders[r, STATUS] = L_IN_FLIGHT
        orders[r, SENT_NS] = now_ns
        orders[r, ACKED_NS] = 0
        send(venue, c, PLACE, r, now_ns, size, price)


@borrowing(types.float64(types.float64, types.float64, types.float64))
def contract_value(price_ticks: float, unit: float, inverse: float) -> float:
    """What a contract is worth, settlement currency."""
    return -unit / price_ticks if inverse > 0.0 else unit * price_ticks


@inlined
def hear_fill(venue: Venue, desk: Desk, logs: Logs, c: int, r: int, at: int, now_ns: int) -> None:
    """Book an execution as its owner hears of it."""
    orders, counts, answers = venue.orders, desk.counts, venue.answers
    size, price = answers[c, at, ANS_SIZE], answers[c, at, ANS_PRICE]
    side = orders[r, SIDE]
    orders[r, HEARD] += size
    counts[c, KNOWN_POSITION] += side * size
    n = logs.ends[LOG_FILLS]
    logs.ends[LOG_FILLS] = n + 1
    row = logs.fills
    row[n, 0] = c
    row[n, 1] = orders[r, ORDER_NO]
    row[n, 2] = answers[c, at, VENUE_NS]
    row[n, 3] = now_ns
    row[n, 4] = side
    row[n, 5] = price
    row[n, 6] = size
    row[n, 7] = answers[c, at, EXTRA]
    row[n, 8] = 0
    row[n, 9] = counts[c, KNOWN_POSITION]
    row[n, 10] = answers[c, at, VENUE_NS] - orders[r, ACCEPTED_NS] if answers[c, at, EXTRA] else 0
    if counts[c, WATCH_LOSS]:
        money = desk.money
        value = contract_value(float(price), money[c, UNIT], money[c, INVERSE])
        money[c, CASH] -= side * size * value
        money[c, FEES] += abs(size * value) * (money[c, MAKER_RATE] if answers[c, at, EXTRA] else money[c, TAKER_RATE])


@borrowing(types.void(DESK, types.int64[::1], _BESTS, _i, _i, _i, _i, _F))
def follow_fill(
    desk: Desk,
    best_ns: NDArray[np.int64],
    bests: NDArray[np.int32],
    c: int,
    now_ns: int,
    feed_delay_ns: int,
    side: int,
    view: NDArray[np.float64],
) -> None:
    """Remember a passive fill and the mid at which it was heard, for the markouts that the model sees."""
    b = last_at(best_ns, now_ns - feed_delay_ns)
    if b >= 0 and bests[b, 0] > 0 and bests[b, 1] > 0:
        shown = view[MID]
        view[MID] = (bests[b, 0] + bests[b, 1]) / 2
        note_fill(view, desk.numbers[c], desk.stamps[c], now_ns, side)
        view[MID] = shown


@borrowing(types.boolean(VENUE, DESK, LOGS, types.int64[::1], _BESTS, _i, _i, _i, _F))
def hear_answers(  # noqa: C901, PLR0912 - one branch an answer
    venue: Venue,
    desk: Desk,
    logs: Logs,
    best_ns: NDArray[np.int64],
    bests: NDArray[np.int32],
    feed_delay_ns: int,
    c: int,
    until_ns: int,
    view: NDArray[np.float64],
) -> bool:
    """Everything that a trader hears by a time; False when the log has no room for more."""
    ends, answers, orders = venue.ends, venue.answers, venue.orders
    while ends[c, ANS_HEAD] < ends[c, ANS_TAIL]:
        at = ends[c, ANS_HEAD] & (ANSWERS - 1)
        now_ns = answers[c, at, STAMP]
        if now_ns > until_ns:
            return True
        if logs.ends[LOG_FILLS] >= logs.fills.shape[0] or logs.ends[LOG_ORDERS] >= logs.orders.shape[0]:
            return False
        ends[c, ANS_HEAD] += 1
        r = answers[c, at, ROW]
        if orders[r, ORDER_NO] != answers[c, at, NUMBER] or orders[r, STATUS] == L_DONE:
            continue
        kind = answers[c, at, KIND]
        extra = answers[c, at, EXTRA]
        ended = -1
        if kind == FILL:
            hear_fill(venue, desk, logs, c, r, at, now_ns)
            if desk.counts[c, MARKOUTS] and extra:
                follow_fill(desk, best_ns, bests, c, now_ns, feed_delay_ns, orders[r, SIDE], view)
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
    return True


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
def sample_quotes(desk: Desk, logs: Logs, c: int, now_ns: int, view: NDArray[np.float64], sample_ns: int) -> None:
    """Write a row of the quotes table when one is due."""
    counts = desk.counts
    if now_ns >= counts[c, NEXT_SAMPLE_NS]:
        counts[c, NEXT_SAMPLE_NS] = now_ns + sample_ns
        n = logs.ends[LOG_QUOTES]
        logs.ends[LOG_QUOTES] = n + 1
        row = logs.quotes
        row[n, 0] = c
        row[n, 1] = now_ns
        row[n, 2] = int(view[BEST_BID])
        row[n, 3] = int(view[BEST_ASK])
        row[n, 4] = counts[c, BID_NOW]
        row[n, 5] = counts[c, ASK_NOW]
        row[n, 6] = counts[c, BID_LOW]
        row[n, 7] = counts[c, BID_HIGH]
        row[n, 8] = counts[c, ASK_LOW]
        row[n, 9] = counts[c, ASK_HIGH]
        row[n, 10] = counts[c, KNOWN_POSITION]
        row[n, 11] = counts[c, REASON]
        logs.quotes_float[n, 12] = view[SIGMA]
        logs.quotes_float[n, 13] = desk.states[c, HALF_SPREAD]
        logs.quotes_float[n, 14] = view[MARK]
        counts[c, BID_LOW] = counts[c, BID_HIGH] = counts[c, BID_NOW]
        counts[c, ASK_LOW] = counts[c, ASK_HIGH] = counts[c, ASK_NOW]


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


@inlined
def live_rows(venue: Venue, desk: Desk, c: int) -> None:
    """Rows of every order that may still fill, as the plan reads them."""
    orders, live = venue.orders, desk.live
    for j in range(desk.counts[c, ACTIVE]):
        r = desk.active[c, j]
        status = orders[r, STATUS]
        live[j, LIVE_SLOT] = orders[r, LADDER_SLOT]
        live[j, LIVE_SIDE] = orders[r, SIDE]
        live[j, LIVE_PRICE] = orders[r, PRICE]
        live[j, LIVE_REMAINING] = orders[r, KNOWN_SIZE] - orders[r, HEARD]
        if status == L_OPEN:
            live[j, LIVE_STATUS] = IDLE
        elif status == L_CANCELLING:
            live[j, LIVE_STATUS] = CANCELLING
        else:
            live[j, LIVE_STATUS] = BUSY


@inlined
def carry_out(venue: Venue, desk: Desk, c: int, now_ns: int, count: int) -> None:
    """Send the actions of a plan."""
    orders, actions, counts = venue.orders, desk.actions, desk.counts
    messages = 0
    for k in range(count):
        kind = actions[k, ACT_KIND]
        if kind == ACT_CANCEL:
            r = desk.active[c, actions[k, ACT_ROW]]
            orders[r, STATUS] = L_CANCELLING
            counts[c, CANCELS] += 1
            send(venue, c, CANCEL, r, now_ns, 0, 0)
        elif kind == ACT_AMEND:
            r = desk.active[c, actions[k, ACT_ROW]]
            orders[r, STATUS] = L_AMENDING
            counts[c, AMENDS] += 1
            messages += 1
            send(venue, c, AMEND, r, now_ns, orders[r, HEARD] + actions[k, ACT_SIZE], 0)
        else:
            messages += 1
            submit(
                venue,
                desk,
                c,
                now_ns,
                actions[k, ACT_SLOT],
                actions[k, ACT_SIDE],
                actions[k, ACT_PRICE],
                actions[k, ACT_SIZE],
            )
    if messages:
        take_tokens(desk.buckets[c], messages)


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


@borrowing(types.void(VENUE, DESK, LOGS, _i))
def log_open_orders(venue: Venue, desk: Desk, logs: Logs, c: int) -> None:
    """Write the orders that are under way when the run ends."""
    for j in range(desk.counts[c, ACTIVE]):
        r = desk.active[c, j]
        status = IN_FLIGHT if venue.orders[r, STATUS] == L_IN_FLIGHT else ACKED
        log_order(venue, logs, r, status, 0, NO_REASON)
