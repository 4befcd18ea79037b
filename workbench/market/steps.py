"""The compiled steps of order flow and micro-price, without pandas: array forms and a live view both call them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types

__all__ = ["flow_update", "micro_adjustment"]

Floats = NDArray[np.float64]

_f = types.float64


@compiled(_f(types.float64[::1], _f, _f, _f, _f))
def flow_update(state: Floats, bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """Flow from the quote in `state` (bid, bid_size, ask, ask_size) to this one, which takes its place; contracts.

    A state of NaN is no quote before: comparisons with it are false, so the first quote brings no flow.
    """
    flow = 0.0
    if bid >= state[0]:
        flow += bid_size
    if bid <= state[0]:
        flow -= state[1]
    if ask <= state[2]:
        flow -= ask_size
    if ask >= state[2]:
        flow += state[3]
    state[0], state[1], state[2], state[3] = bid, bid_size, ask, ask_size
    return flow


@compiled(_f(types.float64[:, ::1], _f, _f))
def micro_adjustment(table: Floats, imbalance: float, spread_ticks: float) -> float:
    """Micro-price less mid, ticks: row by spread (the last holds all wider), linear between the buckets' middles."""
    row = min(max(round(spread_ticks), 1), table.shape[0]) - 1
    buckets = table.shape[1]
    at = min(max(imbalance * buckets - 0.5, 0.0), buckets - 1.0)
    low = min(int(at), buckets - 2)
    part = at - low
    return float(table[row, low] * (1.0 - part) + table[row, low + 1] * part)
