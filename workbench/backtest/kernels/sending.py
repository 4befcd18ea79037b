"""What the traders send: new orders, cancels and amends on their way, as a plan says."""

from __future__ import annotations

from workbench.backtest.kernels.delays import ENTRY, delay
from workbench.backtest.kernels.desk_state import (
    ACTIVE,
    AMENDS,
    CANCELS,
    FREE,
    L_AMENDING,
    L_CANCELLING,
    L_IN_FLIGHT,
    L_OPEN,
    ORDERS_SENT,
    SUBMITS,
    Desk,
)
from workbench.backtest.kernels.venue_state import (
    ACKED_NS,
    AHEAD,
    AMEND,
    CANCEL,
    CONFIG,
    DONE,
    FAULT,
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
    Venue,
)
from workbench.compiled import inlined
from workbench.risk.throttle import take_tokens
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
)

__all__ = ["carry_out", "live_rows", "send", "submit"]


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
