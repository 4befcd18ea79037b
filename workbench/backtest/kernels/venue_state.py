"""State of the simulated venue in flat arrays: own orders, their lists by price, and the messages under way.

Orders of all configurations stand in one table, `SLOTS` rows a configuration. Those that rest are linked by price in
order of arrival; a bucket holds the prices that are equal modulo `BUCKETS`, so that no window is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.books import BIDS, NO_ASK, NO_BID
from workbench.backtest.kernels.delays import LATENCY, RESPONSE, LatencyTable, delay
from workbench.compiled import inlined, inner, types

__all__ = ["VENUE", "Venue", "make_venue"]

SLOTS = 256
"""Orders that one configuration may have under way at once."""

BUCKETS = 1 << 11
REQUESTS = 1 << 8
ANSWERS = 1 << 11
TAKEN = 64

(
    CONFIG,
    ORDER_NO,
    LADDER_SLOT,
    SIDE,
    PRICE,
    SIZE,  # contracts, filled ones included
    DONE,  # filled at the venue
    RESTING,
    NEXT,
    PREVIOUS,
    ACCEPTED_NS,
    FLAGS,
    AHEAD,
    # What its owner knows of it.
    HEARD,  # filled
    STATUS,
    SENT_NS,
    ACKED_NS,
    KNOWN_SIZE,
    WANTED,
) = range(19)
ORDER_COLUMNS = 20

POST_ONLY, REDUCE_ONLY, IMMEDIATE, WITHDRAWN = 1, 2, 4, 8

FRONT, TRADED = 0, 1
"""Columns of `queue`: contracts believed ahead; traded at the price since its size last changed."""

BEST_OWN, RESTING_COUNT, TRADE_NO, ANY_TAKEN, ANY_REDUCING = 0, 2, 4, 5, 6
"""Slots of `edges`: best price of own orders and their number by side; number of the market event; whether any order
has taken from the book; whether any that only reduces has rested."""

POSITION, CREDIT_NS, CREDITED_NS, FAULT = range(4)
"""Columns of `accounts`."""

PLACE, CANCEL, AMEND = range(3)
STAMP, KIND, ROW, NUMBER, REQ_SIZE, REQ_PRICE = range(6)
"""Columns of a request; an answer shares the first four."""
VENUE_NS, ANS_PRICE, ANS_SIZE, EXTRA = 4, 5, 6, 7
ACK, FILL, END_CANCELLED, END_REJECTED, END_EXPIRED, AMENDED, REFUSED = range(7)
"""Kinds of answers. REFUSED: a cancel or amend changed nothing."""

REQ_HEAD, REQ_TAIL, ANS_HEAD, ANS_TAIL, LAST_ARRIVAL, LAST_ANSWER, SENT_COUNT, ANSWER_COUNT = range(8)

PARITY, QUEUE, RATE_NS, RATE_ROOM, IMPACT = range(5)
"""Slots of `rules`; of `numbers`: the queue's power and unit."""
QUEUE_POWER, QUEUE_UNIT = 0, 1

RING_FULL = 1


class Venue(NamedTuple):
    """Arrays of the venue; C configurations.

    `orders` int64[C * SLOTS, ORDER_COLUMNS], `queue` float64[C * SLOTS, 2], `heads` int32[4, BUCKETS] (first by side,
    last by side), `edges` int64[8], `accounts` int64[C, 4], `requests` int64[C, REQUESTS, 6], `answers` int64[C,
    ANSWERS, 8], `ends` int64[C, 8], `taken` int64[C, TAKEN, 3] (side, tick, contracts), `left` int64[C, 2] (market
    event, what is left of it), `rules` int64[8], `numbers` float64[4], `latency`.
    """

    orders: NDArray[np.int64]
    queue: NDArray[np.float64]
    heads: NDArray[np.int32]
    edges: NDArray[np.int64]
    accounts: NDArray[np.int64]
    requests: NDArray[np.int64]
    answers: NDArray[np.int64]
    ends: NDArray[np.int64]
    taken: NDArray[np.int64]
    left: NDArray[np.int64]
    rules: NDArray[np.int64]
    numbers: NDArray[np.float64]
    latency: LatencyTable


_II = types.int64[:, ::1]
_III = types.int64[:, :, ::1]
VENUE = types.NamedTuple(
    (
        _II,
        types.float64[:, ::1],
        types.int32[:, ::1],
        types.int64[::1],
        _II,
        _III,
        _III,
        _II,
        _III,
        _II,
        types.int64[::1],
        types.float64[::1],
        LATENCY,
    ),
    Venue,
)


def make_venue(
    configurations: int,
    latency: LatencyTable,
    *,
    parity: bool = False,
    queue: int = 0,
    queue_power: float = 3.0,
    queue_unit: float = 1.0,
    messages_per_s: float = 0.0,
    impact: bool = True,
) -> Venue:
    """A venue without orders.

    Parameters
    ----------
    configurations : int
        Accounts that trade side by side and never meet.
    messages_per_s : float
        Requests to place or amend beyond this rate are refused; 0: no limit.
    impact : bool
        What an order took stays taken until the level is updated.
    """
    edges = np.zeros(8, dtype=np.int64)
    edges[BEST_OWN], edges[BEST_OWN + 1] = NO_BID, NO_ASK
    rules = np.zeros(8, dtype=np.int64)
    rate_ns = round(1e9 / messages_per_s) if messages_per_s > 0 else 0
    rules[[PARITY, QUEUE, RATE_NS, RATE_ROOM, IMPACT]] = parity, queue, rate_ns, max(10**9, rate_ns), impact
    accounts = np.zeros((configurations, 4), dtype=np.int64)
    accounts[:, CREDIT_NS] = rules[RATE_ROOM]
    return Venue(
        np.zeros((configurations * SLOTS, ORDER_COLUMNS), dtype=np.int64),
        np.zeros((configurations * SLOTS, 2)),
        np.full((4, BUCKETS), -1, dtype=np.int32),
        edges,
        accounts,
        np.zeros((configurations, REQUESTS, 6), dtype=np.int64),
        np.zeros((configurations, ANSWERS, 8), dtype=np.int64),
        np.zeros((configurations, 8), dtype=np.int64),
        np.zeros((configurations, TAKEN, 3), dtype=np.int64),
        np.zeros((configurations, 2), dtype=np.int64),
        rules,
        np.array([queue_power, queue_unit, 0.0, 0.0]),
        latency,
    )


@inlined
def link(venue: Venue, r: int, s: int, price: int) -> None:
    """Put a resting order behind those that arrived before it."""
    orders, heads = venue.orders, venue.heads
    b = price & (BUCKETS - 1)
    last = heads[2 + s, b]
    orders[r, PREVIOUS] = last
    orders[r, NEXT] = -1
    if last >= 0:
        orders[last, NEXT] = r
    else:
        heads[s, b] = r
    heads[2 + s, b] = r
    orders[r, RESTING] = 1
    venue.edges[RESTING_COUNT + s] += 1
    if (price - venue.edges[BEST_OWN + s]) * (1 - 2 * s) > 0:
        venue.edges[BEST_OWN + s] = price


@inner(types.int64(VENUE, types.int64, types.int64))
def best_own(venue: Venue, s: int, start: int) -> int:
    """Best price of own resting orders of a side from `start` on away from the touch."""
    away = 2 * s - 1
    found = NO_BID if s == BIDS else NO_ASK
    for k in range(BUCKETS):
        tick = start + k * away
        r = venue.heads[s, tick & (BUCKETS - 1)]
        while r >= 0:
            price = venue.orders[r, PRICE]
            if price == tick:
                return int(tick)
            if (found - price) * away > 0:
                found = price
            r = venue.orders[r, NEXT]
    return int(found)


@inlined
def unlink(venue: Venue, r: int) -> None:
    """Take an order out of its list."""
    orders, heads = venue.orders, venue.heads
    s = 0 if orders[r, SIDE] > 0 else 1
    price = orders[r, PRICE]
    b = price & (BUCKETS - 1)
    before, after = orders[r, PREVIOUS], orders[r, NEXT]
    if before >= 0:
        orders[before, NEXT] = after
    else:
        heads[s, b] = after
    if after >= 0:
        orders[after, PREVIOUS] = before
    else:
        heads[2 + s, b] = before
    orders[r, RESTING] = 0
    venue.edges[RESTING_COUNT + s] -= 1
    if venue.edges[RESTING_COUNT + s] == 0:
        venue.edges[BEST_OWN + s] = NO_BID if s == BIDS else NO_ASK
    elif price == venue.edges[BEST_OWN + s]:
        venue.edges[BEST_OWN + s] = best_own(venue, s, price)


@inlined
def answer(venue: Venue, r: int, kind: int, now_ns: int, price: int, size: int, extra: int) -> None:
    """Send the owner of an order word of it."""
    c = venue.orders[r, CONFIG]
    ends = venue.ends
    tail = ends[c, ANS_TAIL]
    if tail - ends[c, ANS_HEAD] >= ANSWERS:
        venue.accounts[c, FAULT] = RING_FULL
        return
    stamp = now_ns + delay(venue.latency, RESPONSE, now_ns, ends[c, ANSWER_COUNT])
    # One connection: an answer never overtakes the one before.
    stamp = max(stamp, ends[c, LAST_ANSWER])
    ends[c, LAST_ANSWER] = stamp
    ends[c, ANSWER_COUNT] += 1
    ends[c, ANS_TAIL] = tail + 1
    at = tail & (ANSWERS - 1)
    answers = venue.answers
    answers[c, at, STAMP] = stamp
    answers[c, at, KIND] = kind
    answers[c, at, ROW] = r
    answers[c, at, NUMBER] = venue.orders[r, ORDER_NO]
    answers[c, at, VENUE_NS] = now_ns
    answers[c, at, ANS_PRICE] = price
    answers[c, at, ANS_SIZE] = size
    answers[c, at, EXTRA] = extra
