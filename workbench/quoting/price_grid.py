"""A grid: orders rest on fixed price lines, whatever the mid does between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.quoting.definition import NO_MARKET, NOT_FINITE, model
from workbench.quoting.gate import inventory_gate
from workbench.quoting.ladder import MOST_CONTRACTS, level_size
from workbench.quoting.rounding import ceil_to_increment, floor_to_increment
from workbench.quoting.schema import (
    GATE_ENTER,
    GATE_LEAVE,
    GATED_SIDE,
    HALF_SPREAD,
    INCREMENT,
    LEVELS,
    MAKER_FEE,
    MAX_POSITION,
    MID,
    MIN_EDGE_BPS,
    ORDER_SIZE,
    OUT_PRICE,
    OUT_SIDE,
    OUT_SIZE,
    PARAMS_SIZE,
    SPREAD_BPS,
    Slot,
)

__all__ = ["grid"]

Vector = NDArray[np.float64]
Rows = NDArray[np.int64]

_BPS = 1e-4

GRID_TICKS, GRID_SIZE_GROWTH, GRID_LOT = range(PARAMS_SIZE, PARAMS_SIZE + 3)


@model(
    params=(
        Slot("grid_ticks", "ticks", "distance between lines; lines are multiples of it", 1.0),
        Slot("size_growth", "1", "each line's size over the one nearer to the mid", 1e-3, default=1.0),
        Slot("lot", "contracts", "sizes are multiples of this", 1.0, default=1.0),
    )
)
def grid(view: Vector, inventory: int, params: Vector, state: Vector, out: Rows) -> int:
    """Rest on the nearest price lines outside of the spread; prices move only when the mid has passed a line.

    half = max(spread / 2, maker fee + minimum edge); the growing side is gated. There is no skew: a grid earns from
    prices that come back, and its inventory is what they have not come back from.
    """
    mid = view[MID]
    if not 0.0 < mid < MOST_CONTRACTS:
        return NO_MARKET
    half = mid * max(params[SPREAD_BPS] * _BPS / 2.0, view[MAKER_FEE] + params[MIN_EDGE_BPS] * _BPS)
    if not 0.0 < mid - half < mid + half < MOST_CONTRACTS:
        return NOT_FINITE
    line = ceil_to_increment(params[GRID_TICKS], int(params[INCREMENT]))
    gated = inventory_gate(
        inventory, params[MAX_POSITION], params[GATE_ENTER], params[GATE_LEAVE], int(state[GATED_SIDE])
    )
    state[GATED_SIDE] = gated
    state[HALF_SPREAD] = half
    bid = floor_to_increment(mid - half, line)
    ask = ceil_to_increment(mid + half, line)
    n = 0
    for level in range(int(params[LEVELS])):
        size = level_size(level, params[ORDER_SIZE], params[GRID_SIZE_GROWTH], int(params[GRID_LOT]))
        if size <= 0:
            break
        if gated != 1 and bid - level * line > 0:
            out[n, OUT_SIDE] = 1
            out[n, OUT_PRICE] = bid - level * line
            out[n, OUT_SIZE] = size
            n += 1
        if gated != -1:
            out[n, OUT_SIDE] = -1
            out[n, OUT_PRICE] = ask + level * line
            out[n, OUT_SIZE] = size
            n += 1
    return n
