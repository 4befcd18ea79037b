"""Compiled loops over the steps of streaming estimators: tests compare them with the arrays, benchmarks time them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from workbench.market.flow import checked_flow_update, levels_update, place_absent
from workbench.market.micro_price import micro_update
from workbench.market.sweeps import close_sweeps, sweep_update
from workbench.market.trades import sign_update
from workbench.market.weights import imbalance_of
from workbench.volatility.bar_steps import bar_update
from workbench.volatility.ewma import ewma_update
from workbench.volatility.guide import spread_of_returns
from workbench.volatility.recursion import irregular_update, next_variance
from workbench.volatility.stepping import step_price

Array = Any


@njit
def feed_prices(clock: Array, sums: Array, times: Array, prices: Array) -> int:
    """Of the realised estimators; -1, or the number of the first price that is refused."""
    for i in range(times.size):
        if step_price(clock, sums, times[i], prices[i]):
            return i
    return -1


@njit
def feed_ewma(state: Array, times_s: Array, prices: Array, half_life_s: float, sample_s: float, out: Array) -> None:
    for i in range(prices.size):
        out[i] = ewma_update(state, times_s[i], prices[i], half_life_s, sample_s)


@njit
def feed_irregular(state: Array, time: Array, times: Array, prices: Array, half_life_ns: float, out: Array) -> None:
    for i in range(prices.size):
        out[i] = irregular_update(state, time, times[i], prices[i], half_life_ns)


@njit
def feed_decay(variance: float, moves: Array, decay: float, out: Array) -> None:
    for i in range(moves.size):
        variance = next_variance(variance, moves[i], decay)
        out[i] = variance


@njit
def feed_guide(ring: Array, prices: Array, out: Array) -> None:
    at = 0
    for i in range(prices.size):
        ring[at] = prices[i]
        at = (at + 1) % ring.size
        out[i] = spread_of_returns(ring, at)


@njit
def feed_bars(state: Array, ring: Array, kind: int, rows: Array, out: Array) -> None:
    for i in range(rows.shape[0]):
        out[i] = bar_update(state, ring, kind, rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3])


@njit
def feed_micro_price(table: Array, quotes: Array, out: Array) -> None:
    for i in range(quotes.shape[0]):
        out[i] = micro_update(table, quotes[i, 0], quotes[i, 1], quotes[i, 2], quotes[i, 3])


@njit
def feed_flow(state: Array, quotes: Array, out: Array) -> None:
    for i in range(quotes.shape[0]):
        out[i] = checked_flow_update(state, quotes[i, 0], quotes[i, 1], quotes[i, 2], quotes[i, 3])


@njit
def feed_levels(state: Array, books: Array, out: Array) -> int:
    """-1, or the number of the first book that is refused."""
    for i in range(books.shape[0]):
        if not place_absent(books[i]):
            return i
        levels_update(state, books[i], out[i])
    return -1


@njit
def feed_imbalance(bids: Array, asks: Array, decay: float, out: Array) -> None:
    for i in range(out.size):
        out[i] = imbalance_of(bids[i], asks[i], decay)


@njit
def feed_signs(state: Array, prices: Array, mids: Array, out: Array) -> None:
    for i in range(prices.size):
        out[i] = sign_update(state, prices[i], mids[i])


@njit
def feed_sweeps(clock: Array, under_way: Array, trades: tuple[Array, ...], stamps: Array, out: Array) -> int:
    """How many sweeps the trades (times, sides, prices, sizes) make; all that are over or open at the end."""
    times, sides, prices, sizes = trades
    over = np.empty((2, out.shape[1]))
    count = 0
    for i in range(times.size + 1):
        before = clock[0]
        if i < times.size:
            told = sweep_update(clock, under_way, times[i], sides[i], prices[i], sizes[i], over)
        else:
            told = close_sweeps(clock, under_way, over)
        for row in range(told):
            stamps[count] = before
            out[count] = over[row]
            count += 1
    return count
