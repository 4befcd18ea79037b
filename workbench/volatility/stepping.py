"""One price into the running sums of a realised estimator: the compiled step of `workbench.volatility.streams`.

`clock` (int64) holds settings, times and counts, then a stamp for each place of the memory; `sums` (float64) holds
prices and sums, then the memory of a lag or a time of day (two places each), then the weights of the lags. Two arrays,
because handing an array to a compiled function costs as much as all that is done with it. A grid point is taken once a
price after it has come; until then a price at it may still change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.compiled import compiled, types
from workbench.volatility.arrays import FLOATS, INTS, Floats, Ints, log_ratio

__all__ = ["break_here", "closed", "make_state", "step_price"]

PLAIN, LAGGED, KERNEL, BIPOWER, TIME_OF_DAY = range(5)
"""Kinds: squares only; squares over a lag as well; products with the weighted past; with neighbours; by time of day."""

KIND, STEP, ORIGIN, MAX_GAP, BREAKS, LAG, BIN = range(7)
SETTINGS = 7
STARTED, LAST, NEXT, OBSERVED_AT, FILL, POSITION, COUNT, PAIRS, TRIPLES, SPAN, COVERED = range(7, 18)
CLOCK_SIZE = 18

LATEST, OBSERVED, SUM, CROSS, TRIPLE, SIZE_1, SIZE_2 = range(7)
SUMS_SIZE = 7

TAKEN, BAD_PRICE, BAD_TIME, BAD_GAP = range(4)

DAY_NS = 86_400_000_000_000


def make_state(settings: Sequence[int], weights: Floats) -> tuple[Ints, Floats]:
    """`clock` and `sums` before the first price, of settings in the order KIND .. BIN and weights of lags 0 .. LAG."""
    lag = settings[LAG]
    clock = np.zeros(CLOCK_SIZE + lag, dtype=np.int64)
    clock[:SETTINGS] = settings
    return clock, np.concatenate([np.zeros(SUMS_SIZE + 2 * lag), weights])


@compiled(types.void(INTS, FLOATS, types.float64))
def add_to_kernel(clock: Ints, sums: Floats, move: float) -> None:
    """Product of a return with the weighted ones before it; then remember it, newest first and in one piece."""
    lags, at = clock[LAG], clock[POSITION]
    memory = sums[SUMS_SIZE : SUMS_SIZE + 2 * lags]
    past = memory[at : at + lags]
    weight = sums[SUMS_SIZE + 2 * lags + 1 :]
    a = b = c = d = 0.0
    whole = lags - lags % 4
    # Four sums side by side: one sum would wait for itself at every lag.
    for h in range(0, whole, 4):
        a += weight[h] * past[h]
        b += weight[h + 1] * past[h + 1]
        c += weight[h + 2] * past[h + 2]
        d += weight[h + 3] * past[h + 3]
    for h in range(whole, lags):
        a += weight[h] * past[h]
    sums[CROSS] += move * ((a + b) + (c + d))
    at = lags - 1 if at == 0 else at - 1
    memory[at] = move
    memory[at + lags] = move
    clock[POSITION] = at


@compiled(types.void(INTS, FLOATS, types.int64, types.float64))
def add_to_lag(clock: Ints, sums: Floats, t_ns: int, price: float) -> None:
    """Square of the return over the lag, if the segment is that long; then remember the price."""
    memory, stamps = sums[SUMS_SIZE:], clock[CLOCK_SIZE:]
    at = clock[POSITION]
    if clock[FILL] >= clock[LAG]:
        move = log_ratio(price, memory[at])
        sums[CROSS] += move * move
        clock[PAIRS] += 1
        clock[COVERED] += t_ns - stamps[at]
    memory[at] = price
    stamps[at] = t_ns
    at += 1
    clock[POSITION] = 0 if at == clock[LAG] else at


@compiled(types.void(INTS, FLOATS, types.float64))
def add_to_bipower(clock: Ints, sums: Floats, size: float) -> None:
    """Products of an absolute return with the one and the two before it."""
    if clock[FILL] >= 2:
        sums[CROSS] += size * sums[SIZE_1]
        clock[PAIRS] += 1
    if clock[FILL] >= 3:
        product = size * sums[SIZE_1] * sums[SIZE_2]
        sums[TRIPLE] += product ** (4.0 / 3.0)
        clock[TRIPLES] += 1
    sums[SIZE_2] = sums[SIZE_1]
    sums[SIZE_1] = size


@compiled(types.void(INTS, FLOATS, types.int64, types.float64))
def observe_price(clock: Ints, sums: Floats, t_ns: int, price: float) -> None:
    """Take one observation into the sums."""
    kind = clock[KIND]
    if clock[FILL] > 0:
        move = log_ratio(price, sums[OBSERVED])
        sums[SUM] += move * move
        clock[COUNT] += 1
        clock[SPAN] += t_ns - clock[OBSERVED_AT]
        if kind == KERNEL:
            add_to_kernel(clock, sums, move)
        elif kind == BIPOWER:
            add_to_bipower(clock, sums, abs(move))
        elif kind == TIME_OF_DAY:
            place = clock[OBSERVED_AT] % DAY_NS // clock[BIN]
            sums[SUMS_SIZE + place] += move * move
            sums[SUMS_SIZE + clock[LAG] + place] += 1.0
            clock[CLOCK_SIZE + place] += t_ns - clock[OBSERVED_AT]
    if kind == LAGGED:
        add_to_lag(clock, sums, t_ns, price)
    clock[FILL] += 1
    clock[OBSERVED_AT] = t_ns
    sums[OBSERVED] = price


@compiled(types.void(INTS, FLOATS))
def break_here(clock: Ints, sums: Floats) -> None:
    """Close the segment: take the grid point that the last price stands on, forget prices and lags, keep the sums."""
    if clock[STARTED] and clock[STEP] > 0 and clock[NEXT] == clock[LAST]:
        observe_price(clock, sums, clock[NEXT], sums[LATEST])
    clock[STARTED] = 0
    clock[FILL] = 0
    clock[POSITION] = 0
    if clock[KIND] == KERNEL:
        sums[SUMS_SIZE : SUMS_SIZE + 2 * clock[LAG]] = 0.0


@compiled(types.int64(INTS, FLOATS, types.int64, types.float64))
def step_price(clock: Ints, sums: Floats, t_ns: int, price: float) -> int:
    """Take a price; TAKEN, or why it was refused (nothing is changed then)."""
    if not 0.0 < price < np.inf:
        return BAD_PRICE
    step = clock[STEP]
    if clock[STARTED]:
        if t_ns < clock[LAST]:
            return BAD_TIME
        if t_ns - clock[LAST] > clock[MAX_GAP]:
            if not clock[BREAKS]:
                return BAD_GAP
            break_here(clock, sums)
    if not clock[STARTED]:
        clock[STARTED] = 1
        if step > 0:
            clock[NEXT] = clock[ORIGIN] - (clock[ORIGIN] - t_ns) // step * step
    if step > 0:
        while clock[NEXT] < t_ns:
            observe_price(clock, sums, clock[NEXT], sums[LATEST])
            clock[NEXT] += step
    else:
        observe_price(clock, sums, t_ns, price)
    clock[LAST] = t_ns
    sums[LATEST] = price
    return TAKEN


def closed(clock: Ints, sums: Floats) -> tuple[Ints, Floats]:
    """The state as if time had ended with the last price: with the grid point that this price stands on."""
    if not (clock[STARTED] and clock[STEP] > 0 and clock[NEXT] == clock[LAST]):
        return clock, sums
    clock, sums = clock.copy(), sums.copy()
    observe_price(clock, sums, int(clock[NEXT]), float(sums[LATEST]))
    return clock, sums
