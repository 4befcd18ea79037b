"""The strategy of the comparison with hftbacktest, as a quoting model: a GLFT-shaped grid with inventory skew.

half = c1 + c2 sigma / 2, centre = mid - c2 sigma q (q in lots), sigma: EWMA of the mid's change a decision, ticks;
`n_side` orders a side, `gap` ticks apart, on multiples of the gap.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.quoting import model
from workbench.quoting.definition import NO_MARKET
from workbench.quoting.schema import (
    BEST_ASK,
    BEST_BID,
    ORDER_SIZE,
    OUT_PRICE,
    OUT_SIDE,
    OUT_SIZE,
    PARAMS_SIZE,
    Slot,
)

N_SIDE, C1, C2, ALPHA, SPACING = range(PARAMS_SIZE, PARAMS_SIZE + 5)
VARIANCE, LAST_MID = 2, 3

DEFAULT = {"n_side": 5.0, "c1": 8.0, "c2": 0.30, "alpha": 2.0 / 601.0, "spacing": 1.0}
SWEEP = [DEFAULT | {"c1": c1, "c2": c2} for c1 in (4.0, 8.0, 16.0, 32.0) for c2 in (0.15, 0.30)]
SWEEP_32 = [
    DEFAULT | {"c1": c1, "c2": c2}
    for c1 in (4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0)
    for c2 in (0.10, 0.15, 0.30, 0.45)
]


def grid_config(**params: float) -> dict[str, object]:
    """A configuration of the grid: 10 contracts of 0.001 BTC an order."""
    return {"order_size": 10, "max_position_size": 1000, "quoting.params": DEFAULT | params}


@model(
    params=(
        Slot("n_side", "count", "orders a side", 1.0, 20.0),
        Slot("c1", "ticks", "half spread without volatility", 0.0),
        Slot("c2", "1", "weight of the volatility", 0.0),
        Slot("alpha", "1", "weight of the newest change of the mid", 0.0, 1.0),
        Slot("spacing", "1", "gap between orders over the half spread", 0.0),
    ),
    spread_is_own=True,
)
def comparison_grid(
    view: NDArray[np.float64],
    inventory: int,
    params: NDArray[np.float64],
    state: NDArray[np.float64],
    out: NDArray[np.int64],
) -> int:
    """The grid of the comparison: the same arithmetic in the same order as hftbacktest's side."""
    best_bid, best_ask = int(view[BEST_BID]), int(view[BEST_ASK])
    if best_bid <= 0 or best_ask <= 0 or best_bid >= best_ask:
        return NO_MARKET
    mid = 0.5 * (best_bid + best_ask)
    if state[LAST_MID] == 0.0:
        state[VARIANCE] = 100.0
    else:
        state[VARIANCE] = (1.0 - params[ALPHA]) * state[VARIANCE] + params[ALPHA] * (mid - state[LAST_MID]) ** 2
    state[LAST_MID] = mid
    sigma = math.sqrt(state[VARIANCE])
    n_side, size = int(params[N_SIDE]), int(params[ORDER_SIZE])
    half = params[C1] + 0.5 * params[C2] * sigma
    centre = mid - params[C2] * sigma * (inventory / size)
    gap = max(1, int(round(params[SPACING] * half)))  # noqa: RUF046 - compiled, round gives a float
    bid = min(int(round(centre - half)), best_bid) // gap * gap  # noqa: RUF046
    ask = -(-max(int(round(centre + half)), best_ask) // gap) * gap  # noqa: RUF046
    bids = n_side if inventory < n_side * size else 0
    asks = n_side if inventory > -n_side * size else 0
    for i in range(bids):
        out[i, OUT_SIDE] = 1
        out[i, OUT_PRICE] = bid - i * gap
        out[i, OUT_SIZE] = size
    for i in range(asks):
        out[bids + i, OUT_SIDE] = -1
        out[bids + i, OUT_PRICE] = ask + i * gap
        out[bids + i, OUT_SIZE] = size
    return bids + asks
