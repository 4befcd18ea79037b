"""A million events of a simulated market give the same numbers event by event, compiled, and as arrays at once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.compiled_loops import (
    feed_flow,
    feed_imbalance,
    feed_levels,
    feed_micro_price,
    feed_signs,
    feed_sweeps,
)
from workbench.market import (
    Book,
    MicroPrice,
    imbalance,
    merge_sweeps,
    multi_level_order_flow_imbalance,
    order_flow_imbalance,
    trade_signs,
    weighted_mid,
)
from workbench.market.sweeps import CLOCK_SIZE, SWEEP_SIZE

SEED = 20140101
EVENTS = 1_000_000
LEVELS = 5


@pytest.fixture(scope="module")
def books() -> np.ndarray:
    """Books of five levels, the deeper ones now and then absent: (events, levels, 4)."""
    rng = np.random.default_rng(SEED)
    mid = 100_000 + np.cumsum(rng.integers(-1, 2, EVENTS))
    out = np.empty((EVENTS, LEVELS, 4))
    out[:, :, 0] = mid[:, None] - np.cumsum(rng.integers(1, 3, (EVENTS, LEVELS)), axis=1)
    out[:, :, 2] = mid[:, None] - 1 + np.cumsum(rng.integers(1, 3, (EVENTS, LEVELS)), axis=1)
    out[:, :, 1::2] = rng.integers(1, 50, (EVENTS, LEVELS, 2))
    bare = rng.random(EVENTS) < 0.1
    out[bare, 3:, 0::2], out[bare, 3:, 1::2] = np.nan, 0.0
    return out


@pytest.fixture(scope="module")
def quotes(books: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(books[:, 0])


def test_micro_prices(quotes: np.ndarray) -> None:
    fitted = MicroPrice.fit(quotes)
    streamed = np.empty(EVENTS)
    feed_micro_price(fitted.table, quotes, streamed)
    np.testing.assert_array_equal(streamed, fitted.price(quotes))
    assert [fitted.update(*quote) for quote in quotes[:1_000]] == streamed[:1_000].tolist()


def test_order_flow(quotes: np.ndarray) -> None:
    streamed = np.empty(EVENTS)
    feed_flow(np.full(4, math.nan), quotes, streamed)
    np.testing.assert_array_equal(streamed, order_flow_imbalance(quotes))


def test_order_flow_of_five_levels(books: np.ndarray) -> None:
    streamed = np.empty((EVENTS, LEVELS))
    assert feed_levels(np.full((LEVELS, 4), math.nan), books.copy(), streamed) == -1
    np.testing.assert_array_equal(streamed, multi_level_order_flow_imbalance(books))


def test_imbalance_of_five_levels(books: np.ndarray) -> None:
    bids, asks = np.ascontiguousarray(books[:, :, 1]), np.ascontiguousarray(books[:, :, 3])
    streamed = np.empty(EVENTS)
    feed_imbalance(bids, asks, 0.7, streamed)
    np.testing.assert_array_equal(streamed, imbalance(bids, asks, decay=0.7))


def test_weighted_mids_of_a_live_book(quotes: np.ndarray) -> None:
    book = Book()
    lived = []
    few = quotes[:100_000].astype(int)
    for bid, bid_size, ask, ask_size in few.tolist():
        book.snapshot(1, ((bid, bid_size),), ((ask, ask_size),))
        lived.append(book.weighted_mid)
    np.testing.assert_array_equal(lived, weighted_mid(few))


def test_signs_of_trades(quotes: np.ndarray) -> None:
    rng = np.random.default_rng(SEED)
    mids = (quotes[:, 0] + quotes[:, 2]) / 2
    prices = mids + rng.integers(-2, 3, EVENTS) / 2
    streamed = np.empty(EVENTS)
    feed_signs(np.array([math.nan, 0.0]), prices, mids, streamed)
    np.testing.assert_array_equal(streamed, trade_signs(prices, mids))


def test_sweeps() -> None:
    rng = np.random.default_rng(SEED)
    trades = (
        np.cumsum(rng.integers(0, 2, EVENTS)),
        rng.choice([-1, 1], EVENTS),
        100.0 + rng.integers(-9, 9, EVENTS),
        rng.exponential(3.0, EVENTS),
    )
    stamps, out = np.empty(EVENTS, dtype=np.int64), np.empty((EVENTS, SWEEP_SIZE))
    count = feed_sweeps(np.zeros(CLOCK_SIZE, np.int64), np.zeros((2, SWEEP_SIZE)), trades, stamps, out)
    table = merge_sweeps(*trades)
    assert len(table) == count
    np.testing.assert_array_equal(stamps[:count], table["t_ns"])
    names = ["side", "size", "price", "first_price", "last_price", "trades"]
    np.testing.assert_array_equal(out[:count], table[names].to_numpy(dtype=float))
    # Sums of a few floats in order: what a spreadsheet would say, to the last digit or two.
    by_hand = np.bincount(np.unique(trades[0] * 2 + (trades[1] > 0), return_inverse=True)[1], weights=trades[3])
    np.testing.assert_allclose(np.sort(by_hand), np.sort(table["size"]), rtol=1e-14)
