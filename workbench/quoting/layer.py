"""What goes round any model's quotes: fair value, fees, funding, inventory target, toxicity, limits, touch, ladder.

A model computes two distances from its fair value and calls `compose` inside its compiled function; or it calls the
single helpers. Every part is off until its parameter is given, and a part that needs a view slot nobody fills refuses
with a reason code. Declare the parameters with ``params=(*own, *LAYER)`` and pass the index of the first one as `at`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types
from workbench.quoting.definition import NO_FUNDING_TIME, NO_MARKOUT, NO_MICRO_PRICE, NO_ORDER_FLOW, NOT_FINITE
from workbench.quoting.gate import inventory_gate
from workbench.quoting.ladder import MOST_CONTRACTS, level_distance, level_size
from workbench.quoting.rounding import ceil_to_increment, floor_to_increment
from workbench.quoting.schema import (
    ASK_ADVERSE,
    BEST_ASK,
    BEST_BID,
    BID_ADVERSE,
    FUNDING_IN_S,
    FUNDING_RATE,
    GATE_ENTER,
    GATE_LEAVE,
    GATED_SIDE,
    HALF_SPREAD,
    INCREMENT,
    LEVEL_STEP_BPS,
    LEVELS,
    MAKER_FEE,
    MAX_POSITION,
    MICRO_PRICE,
    MID,
    MIN_EDGE_BPS,
    ORDER_FLOW,
    ORDER_SIZE,
    OUT_PRICE,
    OUT_SIDE,
    OUT_SIZE,
    Slot,
)

__all__ = [
    "IMPROVE",
    "JOIN",
    "LAYER",
    "STEP_BACK",
    "bounded_half_spread",
    "compose",
    "fair_value",
    "fee_floor",
    "funding_tilt",
    "inventory_lots",
    "keep_to_touch",
    "toxicity_widening",
    "write_ladder",
]

Vector = NDArray[np.float64]
Rows = NDArray[np.int64]

_F = types.float64
_INT = types.int64
_VECTOR = types.float64[::1]
_ROWS = types.int64[:, ::1]
_PAIR = "Tuple((float64, float64))"
_BPS = 1e-4

JOIN, IMPROVE, STEP_BACK = 0.0, 1.0, -1.0
"""Values of `touch_offset`: no better than the best of others; at most one increment better; one behind it."""

LAYER = (
    Slot("micro_weight", "1", "fair value: share of the way from the mid to the micro-price", 0.0, default=0.0),
    Slot("order_flow_weight", "ticks/contract", "fair value: shift per contract of order-flow imbalance", default=0.0),
    Slot("funding_weight", "1", "share of the coming funding taken off the fair value at its stamp", 0.0, default=0.0),
    Slot("funding_window_s", "s", "time before the stamp in which the tilt grows from 0", 1e-3, default=3600.0),
    Slot("inventory_target", "contracts", "position that counts as none", default=0.0),
    Slot("toxicity_weight", "1", "widening per tick that the mid moves against own fills", 0.0, default=0.0),
    Slot("min_spread_bps", "bps", "smallest ask minus bid", 0.0, default=0.0),
    Slot("max_spread_bps", "bps", "largest ask minus bid; fees and min_spread_bps go before it", 0.0, default=math.inf),
    Slot(
        "touch_offset", "increments", "0 joins, n improves by at most n, -n stays n behind the best", default=math.inf
    ),
    Slot("distance_growth", "1", "each gap between levels over the one before", 1e-3, default=1.0),
    Slot("size_growth", "1", "each level's size over the one before", 1e-3, default=1.0),
    Slot("lot", "contracts", "sizes are multiples of this", 1.0, default=1.0),
)
"""Parameters of this layer; a model's own come before them."""
(
    MICRO_WEIGHT,
    ORDER_FLOW_WEIGHT,
    FUNDING_WEIGHT,
    FUNDING_WINDOW_S,
    INVENTORY_TARGET,
    TOXICITY_WEIGHT,
    MIN_SPREAD_BPS,
    MAX_SPREAD_BPS,
    TOUCH_OFFSET,
    DISTANCE_GROWTH,
    SIZE_GROWTH,
    LOT,
) = range(len(LAYER))


@compiled(_INT(_VECTOR, _VECTOR, _INT))
def missing(view: Vector, params: Vector, at: int) -> int:
    """0, or the reason code of the first part that is asked for and not measured."""
    if params[at + MICRO_WEIGHT] > 0.0 and not view[MICRO_PRICE] > 0.0:
        return NO_MICRO_PRICE
    if params[at + ORDER_FLOW_WEIGHT] != 0.0 and math.isnan(view[ORDER_FLOW]):
        return NO_ORDER_FLOW
    if params[at + FUNDING_WEIGHT] > 0.0 and (math.isnan(view[FUNDING_IN_S]) or math.isnan(view[FUNDING_RATE])):
        return NO_FUNDING_TIME
    if params[at + TOXICITY_WEIGHT] > 0.0 and (math.isnan(view[BID_ADVERSE]) or math.isnan(view[ASK_ADVERSE])):
        return NO_MARKOUT
    return 0


@compiled(_F(_VECTOR, _F, _F))
def fair_value(view: Vector, micro_weight: float, order_flow_weight: float) -> float:
    """Mid + micro_weight (micro-price - mid) + order_flow_weight x imbalance, ticks; NaN where a part is missing."""
    fair = view[MID]
    if micro_weight > 0.0:
        fair += micro_weight * (view[MICRO_PRICE] - view[MID])
    if order_flow_weight != 0.0:
        fair += order_flow_weight * view[ORDER_FLOW]
    return float(fair)


@compiled(_F(_VECTOR, _F, _F))
def funding_tilt(view: Vector, weight: float, window_s: float) -> float:
    """What the coming funding takes from a long contract, as a shift of the fair value, ticks.

    -weight x rate x mid x (1 - time to the stamp / window) inside the window, 0 before it: a position held over the
    stamp pays when the rate is positive, so the closer it is, the lower a long is worth. 0 once the stamp has passed.
    """
    left = view[FUNDING_IN_S]
    if weight == 0.0 or left < 0.0 or left >= window_s:
        return 0.0
    return float(-weight * view[FUNDING_RATE] * view[MID] * (1.0 - left / window_s))


@compiled(_F(_INT, _F, _F))
def inventory_lots(inventory: int, target: float, order_size: float) -> float:
    """Inventory over its target, in lots of one order: the q of the papers."""
    return (inventory - target) / order_size


@compiled(_F(_VECTOR, _F, _F))
def fee_floor(view: Vector, half: float, min_edge_bps: float) -> float:
    """The half spread, at least maker fee + minimum edge, ticks; a rebate (negative fee) lowers the floor."""
    floor = view[MID] * (view[MAKER_FEE] + min_edge_bps * _BPS)
    return float(max(half, floor))


@compiled(_F(_F, _F, _F, _F))
def bounded_half_spread(half: float, mid: float, min_spread_bps: float, max_spread_bps: float) -> float:
    """The half spread within a smallest and a largest whole spread, ticks; the smallest goes before the largest."""
    half = min(half, mid * max_spread_bps * _BPS / 2.0)
    return max(half, mid * min_spread_bps * _BPS / 2.0)


@compiled(f"{_PAIR}(float64[::1], float64, float64, float64)")
def toxicity_widening(view: Vector, bid_distance: float, ask_distance: float, weight: float) -> tuple[float, float]:
    """Each distance plus weight x the adverse move after own fills on that side; a favourable move narrows nothing."""
    if weight == 0.0:
        return bid_distance, ask_distance
    return bid_distance + weight * max(view[BID_ADVERSE], 0.0), ask_distance + weight * max(view[ASK_ADVERSE], 0.0)


@compiled(f"{_PAIR}(float64[::1], float64, float64, float64, float64)")
def keep_to_touch(view: Vector, bid: float, ask: float, offset: float, increment: float) -> tuple[float, float]:
    """Bid and ask no better than the best of others by more than `offset` increments; see JOIN, IMPROVE, STEP_BACK."""
    if offset == math.inf:
        return bid, ask
    return min(bid, view[BEST_BID] + offset * increment), max(ask, view[BEST_ASK] - offset * increment)


@compiled(_INT(_F, _INT, _F, _VECTOR, _INT, _INT, _ROWS))
def _side(best: float, side: int, mid: float, params: Vector, at: int, start: int, out: Rows) -> int:
    """Rows of one side from its best price outwards; returns the next free row."""
    increment = int(params[INCREMENT])
    step = mid * params[LEVEL_STEP_BPS] * _BPS
    n = start
    for level in range(int(params[LEVELS])):
        price = best - side * level_distance(level, step, params[at + DISTANCE_GROWTH])
        size = level_size(level, params[ORDER_SIZE], params[at + SIZE_GROWTH], int(params[at + LOT]))
        if not 0.0 < price < MOST_CONTRACTS or size <= 0:
            break
        ticks = floor_to_increment(price, increment) if side > 0 else ceil_to_increment(price, increment)
        if n > start:  # levels nearer than an increment must not stand on one price
            last = out[n - 1, OUT_PRICE] - side * increment
            ticks = min(ticks, last) if side > 0 else max(ticks, last)
        if ticks <= 0:
            break
        out[n, OUT_SIDE] = side
        out[n, OUT_PRICE] = ticks
        out[n, OUT_SIZE] = size
        n += 1
    return n


@compiled(_INT(_VECTOR, _INT, _VECTOR, _INT, _F, _F, _VECTOR, _ROWS))
def write_ladder(
    view: Vector, inventory: int, params: Vector, at: int, bid: float, ask: float, state: Vector, out: Rows
) -> int:
    """Rows of both ladders behind a bid and an ask (ticks; -inf and inf: not quoted), the gated side left out.

    Bids are floored and asks ceiled to the increment, sizes floored to the lot; levels by `distance_growth` and
    `size_growth`. Returns the number of rows.
    """
    gated = inventory_gate(
        inventory, params[MAX_POSITION], params[GATE_ENTER], params[GATE_LEAVE], int(state[GATED_SIDE])
    )
    state[GATED_SIDE] = gated
    n = 0
    if gated != 1 and bid > -math.inf:
        n = _side(bid, 1, view[MID], params, at, n, out)
    if gated != -1 and ask < math.inf:
        n = _side(ask, -1, view[MID], params, at, n, out)
    return n


@compiled(_INT(_VECTOR, _INT, _VECTOR, _INT, _F, _F, _VECTOR, _ROWS))
def compose(
    view: Vector,
    inventory: int,
    params: Vector,
    at: int,
    bid_distance: float,
    ask_distance: float,
    state: Vector,
    out: Rows,
) -> int:
    """Quotes from a model's two distances, with every part of the layer that its parameters switch on.

    Parameters
    ----------
    view, inventory, params, state, out
        As the model got them.
    at : int
        Index in `params` of the first slot of `LAYER`.
    bid_distance, ask_distance : float
        From the fair value, ticks; inf: this side is not quoted. Their difference is the skew, which no floor touches.

    Returns
    -------
    int
        Rows written, or the reason why there are none.

    Notes
    -----
    Order: toxicity, largest and smallest spread, fee floor; then fair value and funding tilt; then the touch, the
    gate, the ladder, tick and lot. Where one side is shut, the other one is left as the model has it.
    """
    reason = missing(view, params, at)
    if reason < 0:
        return reason
    if math.isnan(bid_distance) or math.isnan(ask_distance):
        return NOT_FINITE
    mid = view[MID]
    bid_distance, ask_distance = toxicity_widening(view, bid_distance, ask_distance, params[at + TOXICITY_WEIGHT])
    half = (bid_distance + ask_distance) / 2.0
    if math.isfinite(half):
        skew = (bid_distance - ask_distance) / 2.0
        half = bounded_half_spread(half, mid, params[at + MIN_SPREAD_BPS], params[at + MAX_SPREAD_BPS])
        half = fee_floor(view, half, params[MIN_EDGE_BPS])
        half = max(half, params[INCREMENT] / 2.0)  # a rebate must not make the own quotes meet
        bid_distance, ask_distance = half + skew, half - skew
    else:
        half = min(bid_distance, ask_distance)
    fair = fair_value(view, params[at + MICRO_WEIGHT], params[at + ORDER_FLOW_WEIGHT])
    fair += funding_tilt(view, params[at + FUNDING_WEIGHT], params[at + FUNDING_WINDOW_S])
    bid, ask = fair - bid_distance, fair + ask_distance
    if math.isnan(bid) or math.isnan(ask):
        return NOT_FINITE
    bid, ask = keep_to_touch(view, bid, ask, params[at + TOUCH_OFFSET], params[INCREMENT])
    state[HALF_SPREAD] = half
    return write_ladder(view, inventory, params, at, bid, ask, state, out)
