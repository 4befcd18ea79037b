"""The built-in models: the guide's two as printed, and their corrected form, the default."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types
from workbench.quoting.definition import INVENTORY, NO_MARKET, NO_VOLATILITY, NOT_FINITE, model
from workbench.quoting.gate import inventory_gate
from workbench.quoting.guide import adjust_spread_for_volatility, calculate_order_prices, should_place_orders
from workbench.quoting.rounding import ceil_to_increment, floor_to_increment, half_up_to_increment
from workbench.quoting.schema import (
    GATE_ENTER,
    GATE_LEAVE,
    GATED_SIDE,
    GUIDE_VOLATILITY,
    HALF_SPREAD,
    HOLDING_S,
    INCREMENT,
    INVENTORY_SKEW,
    LEVEL_STEP_BPS,
    LEVELS,
    MAKER_FEE,
    MAX_POSITION,
    MID,
    MIN_EDGE_BPS,
    ORDER_SIZE,
    OUT_PRICE,
    OUT_SIDE,
    OUT_SIZE,
    SIGMA,
    SPREAD_BPS,
    VOLATILITY_CAP,
    VOLATILITY_MULTIPLIER,
    VOLATILITY_WEIGHT,
)

__all__ = ["guide_fixed", "guide_volatility", "skewed_spread"]

Vector = NDArray[np.float64]
Rows = NDArray[np.int64]

_BPS = 1e-4


@compiled(
    types.int64(types.float64, types.float64, types.float64, types.int64, types.float64[::1], types.int64[:, ::1])
)
def _guide_ladder(mid: float, bid: float, ask: float, start: int, params: Vector, out: Rows) -> int:
    """Rows of the guide's ladder around one bid and ask, each price rounded half up."""
    increment = int(params[INCREMENT])
    step = mid * params[LEVEL_STEP_BPS] * _BPS
    n = start
    for level in range(int(params[LEVELS])):
        out[n, OUT_SIDE] = 1
        out[n, OUT_PRICE] = half_up_to_increment(bid - level * step, increment)
        out[n, OUT_SIZE] = int(params[ORDER_SIZE])
        out[n + 1, OUT_SIDE] = -1
        out[n + 1, OUT_PRICE] = half_up_to_increment(ask + level * step, increment)
        out[n + 1, OUT_SIZE] = int(params[ORDER_SIZE])
        n += 2
    return n


@model(spread_is_half=True)
def guide_fixed(view: Vector, inventory: int, params: Vector, state: Vector, out: Rows) -> int:
    """The guide's first maker: mid -+ spread_bps, both sides stop when the position is over 0.8 of the limit."""
    mid = view[MID]
    if not 0.0 < mid < math.inf:
        return NO_MARKET
    if not should_place_orders(float(inventory), params[MAX_POSITION]):
        return INVENTORY
    bid, ask = calculate_order_prices(mid, params[SPREAD_BPS])
    state[HALF_SPREAD] = ask - mid
    return _guide_ladder(mid, bid, ask, 0, params, out)


@model(spread_is_half=True)
def guide_volatility(view: Vector, inventory: int, params: Vector, state: Vector, out: Rows) -> int:
    """The guide's second maker: `guide_fixed` with the spread times max(1, 2 x its volatility), at most 5."""
    mid = view[MID]
    if not 0.0 < mid < math.inf:
        return NO_MARKET
    if not should_place_orders(float(inventory), params[MAX_POSITION]):
        return INVENTORY
    spread_bps = adjust_spread_for_volatility(
        params[SPREAD_BPS], view[GUIDE_VOLATILITY], params[VOLATILITY_MULTIPLIER], params[VOLATILITY_CAP]
    )
    bid, ask = calculate_order_prices(mid, spread_bps)
    state[HALF_SPREAD] = ask - mid
    return _guide_ladder(mid, bid, ask, 0, params, out)


@model
def skewed_spread(view: Vector, inventory: int, params: Vector, state: Vector, out: Rows) -> int:
    """The corrected form: spread by volatility and fees, centre shifted against the inventory, growing side gated.

    half = max(spread / 2, maker fee + minimum edge + c sigma sqrt(holding time)); the centre moves by
    -skew x half x inventory / limit; bids are floored and asks ceiled to the tick.
    """
    mid = view[MID]
    sigma = view[SIGMA]
    if not 0.0 < mid < math.inf:
        return NO_MARKET
    if params[VOLATILITY_WEIGHT] > 0.0 and math.isnan(sigma):
        return NO_VOLATILITY
    needed = view[MAKER_FEE] + params[MIN_EDGE_BPS] * _BPS
    if params[VOLATILITY_WEIGHT] > 0.0:
        needed += params[VOLATILITY_WEIGHT] * sigma * math.sqrt(params[HOLDING_S])
    half = mid * max(params[SPREAD_BPS] * _BPS / 2.0, needed)
    centre = mid - params[INVENTORY_SKEW] * half * inventory / params[MAX_POSITION]
    if not math.isfinite(half) or not centre - half > 0.0:
        return NOT_FINITE
    gated = inventory_gate(
        inventory, params[MAX_POSITION], params[GATE_ENTER], params[GATE_LEAVE], int(state[GATED_SIDE])
    )
    state[GATED_SIDE] = gated
    state[HALF_SPREAD] = half
    increment = int(params[INCREMENT])
    step = mid * params[LEVEL_STEP_BPS] * _BPS
    n = 0
    for level in range(int(params[LEVELS])):
        if gated != 1:
            out[n, OUT_SIDE] = 1
            out[n, OUT_PRICE] = floor_to_increment(centre - half - level * step, increment)
            out[n, OUT_SIZE] = int(params[ORDER_SIZE])
            n += 1
        if gated != -1:
            out[n, OUT_SIDE] = -1
            out[n, OUT_PRICE] = ceil_to_increment(centre + half + level * step, increment)
            out[n, OUT_SIZE] = int(params[ORDER_SIZE])
            n += 1
    return n
