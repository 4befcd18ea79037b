"""The arrays that estimators pass about: types, checks in one pass, log ratios that are right to the last digit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types

__all__ = [
    "FLOATS",
    "INTS",
    "READ_FLOATS",
    "READ_INTS",
    "Floats",
    "Ints",
    "first_decrease",
    "first_not_positive",
    "log_ratio",
    "log_ratios",
    "longest_step",
    "write_log_ratios",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLOATS = types.float64[::1]
INTS = types.int64[::1]

# What pandas hands out is read-only; a function that takes such an array takes a writable one as well.
READ_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
READ_INTS = types.Array(types.int64, 1, "C", readonly=True)

BLOCK = 1_024
SMALL = 1e-4
"""Square of (a - b)/(a + b) up to which the series of the logarithm is used: moves up to 2 %."""


@compiled(types.float64(types.float64, types.float64))
def log_ratio(top: float, bottom: float) -> float:
    """ln(top/bottom), for a small move without the digits that rounding top/bottom would cost.

    ln(a/b) = 2 atanh(y), y = (a - b)/(a + b). A tick of 1e-6 loses ten digits in a/b, none in a - b.
    """
    y = (top - bottom) / (top + bottom)
    z = y * y
    if z < SMALL:
        return 2.0 * y * (1.0 + z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z / 9.0))))
    return math.log(top / bottom)


@compiled(types.void(READ_FLOATS, READ_FLOATS, FLOATS))
def write_log_ratios(top: Floats, bottom: Floats, out: Floats) -> None:
    """`log_ratio` of a block of pairs; where all moves are small, as usual, without a branch, so that it vectorises."""
    large = 0
    for i in range(out.size):
        y = (top[i] - bottom[i]) / (top[i] + bottom[i])
        large += 0 if y * y < SMALL else 1
        out[i] = y
    if large > 0:
        for i in range(out.size):
            out[i] = log_ratio(top[i], bottom[i])
    else:
        for i in range(out.size):
            y = out[i]
            z = y * y
            out[i] = 2.0 * y * (1.0 + z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z / 9.0))))


@compiled(FLOATS(READ_FLOATS, READ_FLOATS))
def log_ratios(top: Floats, bottom: Floats) -> Floats:
    """`log_ratio` of two rows of equal length."""
    out = np.empty(top.size)
    for start in range(0, top.size, BLOCK):
        end = min(start + BLOCK, top.size)
        write_log_ratios(top[start:end], bottom[start:end], out[start:end])
    return out


@compiled(types.int64(READ_FLOATS))
def first_not_positive(values: Floats) -> int:
    """Position of the first value that is not positive and finite; -1 when all are."""
    bad = 0
    for i in range(values.size):
        bad += 0 if 0.0 < values[i] < np.inf else 1
    if bad > 0:
        for i in range(values.size):
            if not 0.0 < values[i] < np.inf:
                return i
    return -1


@compiled(types.int64(READ_INTS))
def first_decrease(values: Ints) -> int:
    """Position of the first value that is below the one before; -1 when they do not decrease."""
    bad = 0
    before, after = values[:-1], values[1:]
    for i in range(after.size):
        bad += 1 if after[i] < before[i] else 0
    if bad > 0:
        for i in range(after.size):
            if after[i] < before[i]:
                return i + 1
    return -1


@compiled(types.int64(READ_INTS))
def longest_step(values: Ints) -> int:
    """Largest difference of a value and the one before; 0 without any."""
    longest = np.int64(0)
    before, after = values[:-1], values[1:]
    for i in range(after.size):
        longest = max(longest, after[i] - before[i])
    return int(longest)
