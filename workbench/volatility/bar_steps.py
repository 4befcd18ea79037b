"""One bar into the running sums of a bar estimator: the compiled step of `workbench.volatility.bars`.

Every estimator is made of at most three terms of a bar: two whose variance is taken, one whose mean is. `state` holds
the sums, `ring` (float64[3, window]) the terms of the bars in the window; without a window it has no columns.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.compiled import compiled, types
from workbench.volatility.arrays import FLOATS, READ_FLOATS, Floats, log_ratio

__all__ = ["bar_update", "odd_bars", "roll_terms"]

CLOSE_TO_CLOSE, PARKINSON, GARMAN_KLASS, ROGERS_SATCHELL, GARMAN_KLASS_YANG_ZHANG, YANG_ZHANG = range(6)

CLOSE, NUMBER, PLACE, FIRST, FIRST_SQ, SECOND, SECOND_SQ, MEAN = range(8)
STATE_SIZE = 8

FOUR_LN_2 = 4.0 * math.log(2.0)
TWO_LN_2_LESS_1 = 2.0 * math.log(2.0) - 1.0

TABLE = types.float64[:, ::1]


@compiled(types.float64(FLOATS, TABLE, types.int64, types.float64, types.float64, types.float64))
def push_terms(state: Floats, ring: Floats, kind: int, first: float, second: float, mean: float) -> float:
    """Take the three terms of a bar into the sums, drop those that leave the window, and give the variance of a bar."""
    window = ring.shape[1]
    if window > 0:
        at = int(state[PLACE])
        if state[NUMBER] == window:
            old_first, old_second = ring[0, at], ring[1, at]
            state[FIRST] -= old_first
            state[FIRST_SQ] -= old_first * old_first
            state[SECOND] -= old_second
            state[SECOND_SQ] -= old_second * old_second
            state[MEAN] -= ring[2, at]
            state[NUMBER] -= 1.0
        ring[0, at], ring[1, at], ring[2, at] = first, second, mean
        state[PLACE] = 0.0 if at + 1 == window else at + 1.0
    state[NUMBER] += 1.0
    state[FIRST] += first
    state[FIRST_SQ] += first * first
    state[SECOND] += second
    state[SECOND_SQ] += second * second
    state[MEAN] += mean
    if window > 0 and state[PLACE] == 0.0:
        # Once a window the sums are made afresh: what rounding leaves behind at each step does not pile up.
        state[FIRST:] = 0.0
        for i in range(window):
            state[FIRST] += ring[0, i]
            state[FIRST_SQ] += ring[0, i] * ring[0, i]
            state[SECOND] += ring[1, i]
            state[SECOND_SQ] += ring[1, i] * ring[1, i]
            state[MEAN] += ring[2, i]
    n = state[NUMBER]
    if n < 2.0 or n < window:
        return math.nan
    # A variance cannot be negative, but the difference of two rounded sums can, by the last digit.
    if kind == CLOSE_TO_CLOSE:
        return float(max(0.0, (state[FIRST_SQ] - state[FIRST] * state[FIRST] / n) / (n - 1.0)))
    if kind != YANG_ZHANG:
        return float(state[MEAN] / n)
    jumps = max(0.0, (state[FIRST_SQ] - state[FIRST] * state[FIRST] / n) / (n - 1.0))
    closes = max(0.0, (state[SECOND_SQ] - state[SECOND] * state[SECOND] / n) / (n - 1.0))
    k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0))
    return float(jumps + k * closes + (1.0 - k) * state[MEAN] / n)


@compiled(types.float64(FLOATS, TABLE, types.int64, types.float64, types.float64, types.float64, types.float64))
def bar_update(state: Floats, ring: Floats, kind: int, opened: float, high: float, low: float, close: float) -> float:
    """Take a bar into `state` (and `ring`, float64[3, window]) and give the variance of a bar; NaN while too few."""
    before = state[CLOSE]
    state[CLOSE] = close
    if kind == CLOSE_TO_CLOSE:
        if before == 0.0:
            return math.nan
        return push_terms(state, ring, kind, log_ratio(close, before), 0.0, 0.0)
    if kind == PARKINSON:
        width = log_ratio(high, low)
        return push_terms(state, ring, kind, 0.0, 0.0, width * width / FOUR_LN_2)
    c = log_ratio(close, opened)
    if kind in (ROGERS_SATCHELL, YANG_ZHANG):
        u, d = log_ratio(high, opened), log_ratio(low, opened)
        term = u * (u - c) + d * (d - c)
    else:
        width = log_ratio(high, low)
        term = 0.5 * width * width - TWO_LN_2_LESS_1 * c * c
    if kind in (GARMAN_KLASS, ROGERS_SATCHELL):
        return push_terms(state, ring, kind, 0.0, 0.0, term)
    if before == 0.0:
        return math.nan
    jump = log_ratio(opened, before)
    if kind == GARMAN_KLASS_YANG_ZHANG:
        return push_terms(state, ring, kind, 0.0, 0.0, jump * jump + term)
    return push_terms(state, ring, kind, jump, c, term)


@compiled(types.void(types.int64, READ_FLOATS, READ_FLOATS, READ_FLOATS, types.int64, FLOATS))
def roll_terms(kind: int, first: Floats, second: Floats, mean: Floats, window: int, out: Floats) -> None:
    """The variance of a bar over the last `window` bars, from the terms of each; NaN until there are so many."""
    state, ring = np.zeros(8), np.zeros((3, window))
    for i in range(out.size):
        out[i] = push_terms(state, ring, kind, first[i], second[i], mean[i])


@compiled(types.int64(READ_FLOATS, READ_FLOATS, READ_FLOATS, READ_FLOATS))
def odd_bars(opened: Floats, high: Floats, low: Floats, close: Floats) -> int:
    """How many bars are not positive and finite with high and low as extremes."""
    odd = 0
    for i in range(opened.size):
        inside = (low[i] > 0.0) & (low[i] <= opened[i]) & (low[i] <= close[i])
        odd += 0 if inside & (opened[i] <= high[i]) & (close[i] <= high[i]) & (high[i] < np.inf) else 1
    return odd
