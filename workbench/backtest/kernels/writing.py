"""Rows of the log: orders when they end, executions as they are heard, samples of the quotes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import ACKED, IN_FLIGHT, NO_REASON
from workbench.backtest.kernels.desk_state import (
    ACTIVE,
    ASK_HIGH,
    ASK_LOW,
    ASK_NOW,
    BID_HIGH,
    BID_LOW,
    BID_NOW,
    DESK,
    KNOWN_POSITION,
    L_IN_FLIGHT,
    LOG_FILLS,
    LOG_ORDERS,
    LOG_QUOTES,
    LOGS,
    NEXT_SAMPLE_NS,
    REASON,
    Desk,
    Logs,
)
from workbench.backtest.kernels.venue_state import (
    ACCEPTED_NS,
    ACKED_NS,
    AHEAD,
    ANS_PRICE,
    ANS_SIZE,
    CONFIG,
    EXTRA,
    HEARD,
    KNOWN_SIZE,
    LADDER_SLOT,
    ORDER_NO,
    PRICE,
    SENT_NS,
    SIDE,
    STATUS,
    VENUE,
    VENUE_NS,
    Venue,
)
from workbench.compiled import by_address, inlined, types
from workbench.quoting.schema import BEST_ASK, BEST_BID, HALF_SPREAD, MARK, SIGMA

__all__ = ["log_fill", "log_open_orders", "log_order", "sample_quotes"]

_i = types.int64


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


@by_address(types.void(VENUE, DESK, LOGS, _i))
def log_open_orders(venue: Venue, desk: Desk, logs: Logs, c: int) -> None:
    """Write the orders that are under way when the run ends."""
    for j in range(desk.counts[c, ACTIVE]):
        r = desk.active[c, j]
        status = IN_FLIGHT if venue.orders[r, STATUS] == L_IN_FLIGHT else ACKED
        log_order(venue, logs, r, status, 0, NO_REASON)


@inlined
def log_fill(venue: Venue, logs: Logs, r: int, at: int, now_ns: int, twice_mid: int, position: int) -> None:
    """Write an execution that was heard at a mid (0: there was none); `position`: after it."""
    orders, answers = venue.orders, venue.answers
    c = orders[r, CONFIG]
    n = logs.ends[LOG_FILLS]
    logs.ends[LOG_FILLS] = n + 1
    row = logs.fills
    row[n, 0] = c
    row[n, 1] = orders[r, ORDER_NO]
    row[n, 2] = answers[c, at, VENUE_NS]
    row[n, 3] = now_ns
    row[n, 4] = orders[r, SIDE]
    row[n, 5] = answers[c, at, ANS_PRICE]
    row[n, 6] = answers[c, at, ANS_SIZE]
    row[n, 7] = answers[c, at, EXTRA]
    row[n, 8] = twice_mid if twice_mid > 0 else 2 * answers[c, at, ANS_PRICE]
    row[n, 9] = position
    row[n, 10] = answers[c, at, VENUE_NS] - orders[r, ACCEPTED_NS] if answers[c, at, EXTRA] else 0


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
