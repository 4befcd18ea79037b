"""One bar into the running sums of a bar estimator: the compiled step of `workbench.volatility.bars`.

Every estimator is made of at most three terms of a bar: two whose variance is taken, one whose mean is. `state` holds
the sums, `ring` (float64[3, window]) the terms of the bars in the window; without a window it has no columns.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy.typing import NDArray

from workbench.compiled import compiled
from workbench.volatility.arrays import FLOATS, Floats

__all__ = ["bar_path", "bar_update"]

CLOSE_TO_CLOSE, PARKINSON, GARMAN_KLASS, ROGERS_SATCHELL, GARMAN_KLASS_YANG_ZHANG, YANG_ZHANG = range(6)

CLOSE, NUMBER, PLACE, FIRST, FIRST_SQ, SECOND, SECOND_SQ, MEAN = range(8)
STATE_SIZE = 8

FOUR_LN_2 = 4.0 * math.log(2.0)
TWO_LN_2_LESS_1 = 2.0 * math.log(2.0) - 1.0

TABLE = types.float64[:, ::1]
READ_TABLE = types.Array(types.float64, 2, "C", readonly=True)


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
        return push_terms(state, ring, kind, math.log(close / before), 0.0, 0.0)
    if kind == PARKINSON:
        width = math.log(high / low)
        return push_terms(state, ring, kind, 0.0, 0.0, width * width / FOUR_LN_2)
    c = math.log(close / opened)
    if kind in (ROGERS_SATCHELL, YANG_ZHANG):
        u, d = math.log(high / opened), math.log(low / opened)
        term = u * (u - c) + d * (d - c)
    else:
        width = math.log(high / low)
        term = 0.5 * width * width - TWO_LN_2_LESS_1 * c * c
    if kind in (GARMAN_KLASS, ROGERS_SATCHELL):
        return push_terms(state, ring, kind, 0.0, 0.0, term)
    if before == 0.0:
        return math.nan
    jump = math.log(opened / before)
    if kind == GARMAN_KLASS_YANG_ZHANG:
        return push_terms(state, ring, kind, 0.0, 0.0, jump * jump + term)
    return push_terms(state, ring, kind, jump, c, term)


@compiled(types.float64(FLOATS, TABLE, types.int64, READ_TABLE, types.boolean[::1], types.boolean, FLOATS))
def bar_path(
    state: Floats, ring: Floats, kind: int, rows: Floats, breaks: NDArray[np.bool_], break_at_missing: bool, out: Floats
) -> float:
    """All bars through `bar_update`; missing ones (NaN) give NaN. Returns the last variance."""
    last = math.nan
    for i in range(rows.shape[0]):
        if breaks[i]:
            state[CLOSE] = 0.0
        if math.isnan(rows[i, 0]):
            out[i] = math.nan
            if break_at_missing:
                state[CLOSE] = 0.0
            continue
        out[i] = bar_update(state, ring, kind, rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3])
        if not math.isnan(out[i]):
            last = out[i]
    return last
