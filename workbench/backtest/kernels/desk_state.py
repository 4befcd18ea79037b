"""State of the traders in flat arrays: what each configuration knows, may do and has done, and its log."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.ledger import LEDGER_SIZE
from workbench.backtest.kernels.venue_state import SLOTS
from workbench.compiled import types
from workbench.quoting.schema import MAX_LEVELS, STATE_SIZE
from workbench.risk.limits import LIMITS_SIZE
from workbench.trading.kernels import ACTION_COLUMNS, BLOCKED_SIZE, LIVE_COLUMNS

__all__ = ["DESK", "LOGS", "Desk", "Logs", "make_desk", "make_logs"]

(
    KNOWN_POSITION,
    ACTIVE,
    FREE,
    ORDERS_SENT,
    SUBMITS,
    CANCELS,
    AMENDS,
    REJECTS,
    REJECTS_IN_A_ROW,
    THROTTLED,
    MAX_OPEN,
    UPTIME_NS,
    BOTH_SIDES,
    LAST_NS,
    REASON,
    HALTED,
    MAX_REJECTS,
    MAX_BOOK_AGE_NS,
    NEXT_SAMPLE_NS,
    BID_NOW,
    ASK_NOW,
    BID_LOW,
    BID_HIGH,
    ASK_LOW,
    ASK_HIGH,
    WATCH_LOSS,
    MARKOUTS,
    VIEW_TABLE,
    STEPS,
    AT_REST,
    LATE_FROM,
    LATE_TO,
    NEXT_BEST,
    NEXT_MARKOUT_BEST,
) = range(34)
COUNT_COLUMNS = 34

COLLAR, TOLERANCE_SHARE = range(2)
"""Columns of `shares`: of the price."""

L_IN_FLIGHT, L_OPEN, L_CANCELLING, L_AMENDING, L_DONE = range(5)
"""What the owner takes an order for."""


class Desk(NamedTuple):
    """Arrays of the traders; C configurations, columns as named above.

    `counts` int64[C, COUNT_COLUMNS], `shares` float64[C, 2], `ledger` int64[C, LEDGER_SIZE] (see `kernels.ledger`),
    `active`, `free` int64[C, SLOTS] (order rows), `limits` int64[C, 16], `buckets` int64[C, 4], `params` float64[C, P],
    `states` float64[C, 16], `numbers`, `stamps`: memory of the markouts [C, any], and scratch of the plan.
    """

    counts: NDArray[np.int64]
    shares: NDArray[np.float64]
    ledger: NDArray[np.int64]
    active: NDArray[np.int64]
    free: NDArray[np.int64]
    limits: NDArray[np.int64]
    buckets: NDArray[np.int64]
    params: NDArray[np.float64]
    states: NDArray[np.float64]
    numbers: NDArray[np.float64]
    stamps: NDArray[np.int64]
    wanted: NDArray[np.int64]
    live: NDArray[np.int64]
    actions: NDArray[np.int64]
    blocked: NDArray[np.int64]


_II = types.int64[:, ::1]
_FF = types.float64[:, ::1]
DESK = types.NamedTuple((_II, _FF, _II, _II, _II, _II, _II, _FF, _FF, _FF, _II, _II, _II, _II, types.int64[::1]), Desk)


class Logs(NamedTuple):
    """Rows of all configurations as they come: the configuration, then the columns of `workbench.backtest.log`.

    `ends` int64[3]: rows used of orders, fills, quotes. The float columns of `quotes` stand in the same memory.
    """

    ends: NDArray[np.int64]
    orders: NDArray[np.int64]
    fills: NDArray[np.int64]
    quotes: NDArray[np.int64]
    quotes_float: NDArray[np.float64]


LOGS = types.NamedTuple((types.int64[::1], _II, _II, _II, _FF), Logs)
LOG_ORDERS, LOG_FILLS, LOG_QUOTES = range(3)


def make_desk(params: NDArray[np.float64], markout_numbers: int, markout_stamps: int) -> Desk:
    """Traders with these parameters, one row a configuration, who know of nothing yet."""
    count = len(params)
    counts = np.zeros((count, COUNT_COLUMNS), dtype=np.int64)
    counts[:, FREE] = SLOTS
    first = np.arange(count, dtype=np.int64)[:, None] * SLOTS
    return Desk(
        counts,
        np.zeros((count, 2)),
        np.zeros((count, LEDGER_SIZE), dtype=np.int64),
        np.zeros((count, SLOTS), dtype=np.int64),
        first + np.arange(SLOTS - 1, -1, -1, dtype=np.int64),
        np.zeros((count, LIMITS_SIZE), dtype=np.int64),
        np.zeros((count, 4), dtype=np.int64),
        np.ascontiguousarray(params),
        np.zeros((count, STATE_SIZE)),
        np.zeros((count, markout_numbers)),
        np.zeros((count, markout_stamps), dtype=np.int64),
        np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64),
        np.zeros((SLOTS, LIVE_COLUMNS), dtype=np.int64),
        np.zeros((4 * MAX_LEVELS + SLOTS, ACTION_COLUMNS), dtype=np.int64),
        np.zeros(BLOCKED_SIZE, dtype=np.int64),
    )


def make_logs(rows: int, columns: tuple[int, int, int]) -> Logs:
    """Room for so many rows each."""
    orders, fills, quotes = (np.empty((rows, 1 + n), dtype=np.int64) for n in columns)
    return Logs(
        np.zeros(3, dtype=np.int64),
        orders,
        fills,
        quotes,
        quotes.view(np.float64),
    )
