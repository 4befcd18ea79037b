"""What a run leaves behind: flat structured arrays of orders, fills, quotes and funding, and its counters."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.codes import (
    ACKED,
    AMEND_TOO_SMALL,
    BOOK_LATE,
    BOOK_LOST,
    BOOK_OLD,
    CANCELLED,
    EXPIRED,
    FILLED,
    HALTED_LOSS,
    HALTED_REJECTS,
    IN_FLIGHT,
    MARK_OLD,
    NO_MARK,
    NO_REASON,
    NOTHING_TO_TAKE,
    ONE_SIDED,
    ORDER_REASONS,
    ORDER_STATUS_NAMES,
    POST_ONLY_CROSSES,
    QUOTE_REASONS,
    REDUCE_ONLY_GROWS,
    REJECTED,
    VENUE_RATE_LIMIT,
)

__all__ = [
    "ACKED",
    "AMEND_TOO_SMALL",
    "BOOK_LATE",
    "BOOK_LOST",
    "BOOK_OLD",
    "CANCELLED",
    "EXPIRED",
    "FILLED",
    "FILLS_DTYPE",
    "FUNDING_DTYPE",
    "HALTED_LOSS",
    "HALTED_REJECTS",
    "IN_FLIGHT",
    "MARK_OLD",
    "NOTHING_TO_TAKE",
    "NO_MARK",
    "NO_REASON",
    "ONE_SIDED",
    "ORDERS_DTYPE",
    "ORDER_REASONS",
    "ORDER_STATUS_NAMES",
    "POST_ONLY_CROSSES",
    "QUOTES_DTYPE",
    "QUOTE_REASONS",
    "REDUCE_ONLY_GROWS",
    "REJECTED",
    "VENUE_RATE_LIMIT",
    "RunCounters",
    "RunLog",
]

_I, _F = np.dtype(np.int64), np.dtype(np.float64)


def _columns(*names: str, floats: tuple[str, ...] = ()) -> np.dtype[np.void]:
    return np.dtype([(name, _F if name in floats else _I) for name in names])


ORDERS_DTYPE = _columns(
    "order_no",
    "slot",
    "side",
    "price_ticks",
    "size",
    "filled",
    "status",
    "sent_ns",
    "acked_ns",
    "done_ns",
    "reason",
    "queue_ahead",
)
"""One row an order, by `order_no`. Stamps on the local clock, 0: never heard. `filled` as heard; `queue_ahead`:
contracts displayed at its price when the venue took it, -1: it never rested."""

FILLS_DTYPE = _columns(
    "order_no",
    "venue_ns",
    "t_ns",
    "side",
    "price_ticks",
    "size",
    "maker",
    "mid_half_ticks",
    "position",
    "wait_ns",
)
"""One row an execution, as they were heard. `mid_half_ticks`: twice the mid when it was heard (2 x price where there
was none); `position` after it; `wait_ns` from acceptance to execution on the venue's clock."""

QUOTES_DTYPE = _columns(
    "t_ns",
    "best_bid",
    "best_ask",
    "own_bid",
    "own_ask",
    "own_bid_low",
    "own_bid_high",
    "own_ask_low",
    "own_ask_high",
    "position",
    "reason",
    "sigma",
    "half_spread",
    "mark",
    floats=("sigma", "half_spread", "mark"),
)
"""One row a sample, ticks (0: none). `own_bid`, `own_ask`: best own quotes at the time; `_low`, `_high` their extremes
since the row before; `sigma` per square root of a second; `half_spread`, `mark` ticks; `reason`: 0, a negative code of
the model, or a key of `QUOTE_REASONS`."""

FUNDING_DTYPE = _columns("t_ns", "position", "rate", "mark", floats=("rate", "mark"))
"""One row a funding stamp with a position: the rate and the mark price in ticks."""


@dataclass(frozen=True)
class RunCounters:
    """Sums of one configuration's run."""

    steps: int = 0
    submits: int = 0
    cancels: int = 0
    amends: int = 0
    rejects: int = 0
    throttled: int = 0
    max_open: int = 0
    uptime_ns: int = 0
    position: int = 0


@dataclass(frozen=True)
class RunLog:
    """Raw log of one configuration.

    Attributes
    ----------
    orders, fills, quotes, funding : structured ndarray
        Of `ORDERS_DTYPE`, `FILLS_DTYPE`, `QUOTES_DTYPE`, `FUNDING_DTYPE`.
    counters : RunCounters
    start_ns, end_ns : int
        First and last decision, local clock.
    finished : bool
        The data were walked to their end.
    reason : str
        Why not, when they were not.
    """

    orders: NDArray[np.void] = field(default_factory=lambda: np.empty(0, ORDERS_DTYPE))
    fills: NDArray[np.void] = field(default_factory=lambda: np.empty(0, FILLS_DTYPE))
    quotes: NDArray[np.void] = field(default_factory=lambda: np.empty(0, QUOTES_DTYPE))
    funding: NDArray[np.void] = field(default_factory=lambda: np.empty(0, FUNDING_DTYPE))
    counters: RunCounters = RunCounters()
    start_ns: int = 0
    end_ns: int = 0
    finished: bool = True
    reason: str = ""
