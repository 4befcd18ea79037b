"""Market: what a streaming update costs, in a compiled loop (what it costs the kernels that call it) and from Python.

`python tests/benchmarks/run.py market`.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from tests.benchmarks.timing import EVENTS, Case, time_updates
from tests.compiled_loops import (
    feed_flow,
    feed_imbalance,
    feed_levels,
    feed_micro_price,
    feed_signs,
    feed_sweeps,
)
from workbench import market as m
from workbench.market.sweeps import CLOCK_SIZE, SWEEP_SIZE

LEVELS = 5
FEW = 50_000


def make_books() -> np.ndarray:
    """A million books of five levels."""
    rng = np.random.default_rng(1)
    mid = 100_000 + np.cumsum(rng.integers(-1, 2, EVENTS))
    out = np.empty((EVENTS, LEVELS, 4))
    out[:, :, 0] = mid[:, None] - np.cumsum(rng.integers(1, 3, (EVENTS, LEVELS)), axis=1)
    out[:, :, 2] = mid[:, None] - 1 + np.cumsum(rng.integers(1, 3, (EVENTS, LEVELS)), axis=1)
    out[:, :, 1::2] = rng.integers(1, 50, (EVENTS, LEVELS, 2))
    return out


def make_trades() -> tuple[np.ndarray, ...]:
    """A million trades, three to a sweep: times, sides, prices, sizes."""
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.random(EVENTS) < 1 / 3)
    sides = np.where(np.random.default_rng(3).random(int(times[-1]) + 1) < 0.5, 1, -1)[times]
    return times, sides, 100_000.0 + rng.integers(-9, 9, EVENTS), rng.integers(1, 9, EVENTS).astype(float)


class Imbalance:
    """The live form of `imbalance`: of a book, as it stands."""

    def __init__(self) -> None:
        self._book = m.Book()
        self._book.snapshot(1, [(100 - i, 5 + i) for i in range(LEVELS)], [(101 + i, 9 - i) for i in range(LEVELS)])

    def update(self) -> float:
        return m.book_imbalance(self._book, levels=LEVELS)


def updates(books: np.ndarray, trades: tuple[np.ndarray, ...]) -> list[Case]:
    quotes = np.ascontiguousarray(books[:, 0])
    bids, asks = np.ascontiguousarray(books[:, :, 1]), np.ascontiguousarray(books[:, :, 3])
    mids, prices = (quotes[:, 0] + quotes[:, 2]) / 2, trades[2]
    fitted = m.MicroPrice.fit(quotes[:200_000])
    out, deep, swept = np.empty(EVENTS), np.empty((EVENTS, LEVELS)), np.empty((EVENTS, SWEEP_SIZE))
    stamps = np.empty(EVENTS, dtype=np.int64)
    rows = [tuple(row) for row in quotes[:FEW].tolist()]
    clock, under_way = np.zeros(CLOCK_SIZE, np.int64), np.zeros((2, SWEEP_SIZE))

    def sweeps() -> None:
        clock[:], under_way[:] = 0, 0.0
        feed_sweeps(clock, under_way, trades, stamps, swept)

    return [
        Case("MicroPrice", lambda: feed_micro_price(fitted.table, quotes, out), lambda: fitted, rows),
        Case("OrderFlow", lambda: feed_flow(np.full(4, math.nan), quotes, out), m.OrderFlow, rows),
        Case(
            f"MultiLevelOrderFlow({LEVELS})",
            lambda: feed_levels(np.full((LEVELS, 4), math.nan), books, deep),
            lambda: m.MultiLevelOrderFlow(LEVELS),
            [(book,) for book in books[:FEW]],
        ),
        Case(f"imbalance of {LEVELS} levels", lambda: feed_imbalance(bids, asks, 0.7, out), Imbalance, [()] * FEW),
        Case(
            "TradeSigner",
            lambda: feed_signs(np.array([math.nan, 0.0]), prices, mids, out),
            m.TradeSigner,
            list(zip(prices[:FEW].tolist(), mids[:FEW].tolist(), strict=True)),
        ),
        Case(
            "SweepMerger",
            sweeps,
            m.SweepMerger,
            list(zip(*(column[:FEW].tolist() for column in trades), strict=True)),
        ),
    ]


def main() -> None:
    """Print the table; fail when the limit is not held."""
    if not time_updates(updates(make_books(), make_trades())):
        sys.exit(1)


if __name__ == "__main__":
    main()
