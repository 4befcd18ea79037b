"""The pre-trade check: one compiled function that every order, whoever wants it, passes before it is sent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types
from workbench.risk.limits import (
    COLLAR_HIGH,
    COLLAR_LOW,
    INCREMENT,
    LOT,
    MAX_POSITION,
    MAX_SIZE,
    MAX_VALUE,
    MIN_SIZE,
    MIN_VALUE,
    VALUE_PER_CONTRACT,
    VALUE_PER_TICK,
)

__all__ = [
    "ABOVE_MAXIMUM_SIZE",
    "ABOVE_NOTIONAL",
    "BELOW_MINIMUM_SIZE",
    "NO_PRICE",
    "OFF_LOT",
    "OFF_TICK",
    "OUTSIDE_COLLAR",
    "OVER_POSITION_LIMIT",
    "PASSED",
    "REFUSALS",
    "check_order",
    "order_value",
]

PASSED = 0
NO_PRICE = 1
BELOW_MINIMUM_SIZE = 2
ABOVE_MAXIMUM_SIZE = 3
ABOVE_NOTIONAL = 4
OFF_LOT = 5
OUTSIDE_COLLAR = 6
OVER_POSITION_LIMIT = 7
OFF_TICK = 8

REFUSALS: Mapping[int, str] = {
    NO_PRICE: "price is not positive",
    BELOW_MINIMUM_SIZE: "size is under the venue's minimum or spam rule",
    ABOVE_MAXIMUM_SIZE: "size is over the venue's maximum",
    ABOVE_NOTIONAL: "value is over risk.max_order_notional",
    OFF_LOT: "size is no multiple of the lot",
    OUTSIDE_COLLAR: "price is outside the collar around the reference, or there is no reference",
    OVER_POSITION_LIMIT: "worst-case position would pass the limit",
    OFF_TICK: "price is no multiple of the increment",
}


@compiled(types.int64(types.int64, types.int64, types.int64[::1]))
def order_value(price_ticks: int, size: int, limits: NDArray[np.int64]) -> int:
    """What an order is worth in quote currency, in the units of MIN_VALUE and MAX_VALUE."""
    return int(size * (price_ticks * limits[VALUE_PER_TICK] + limits[VALUE_PER_CONTRACT]))


@compiled(types.int64(types.int64, types.int64, types.int64, types.int64, types.int64, types.boolean, types.int64[::1]))
def check_order(  # noqa: PLR0911 - one return a rule
    side: int,
    price_ticks: int,
    size: int,
    position: int,
    exposure: int,
    reduces: bool,
    limits: NDArray[np.int64],
) -> int:
    """0 if the order may be sent, else the reason code (see `REFUSALS`).

    Parameters
    ----------
    side, price_ticks, size : int
        The order: +1 buy, -1 sell; ticks; contracts.
    position : int
        Signed position, contracts.
    exposure : int
        Contracts on the order's side that may still fill: open, in flight, being cancelled, unknown.
    reduces : bool
        The order can only reduce the position (reduce-only): minimum size does not hold it back, and it is
        counted against the position instead of the limit.
    limits : ndarray of int64
        Slots of `workbench.risk.limits`.
    """
    if price_ticks <= 0:
        return NO_PRICE
    if price_ticks % limits[INCREMENT] != 0 and not reduces:
        return OFF_TICK
    value = order_value(price_ticks, size, limits)
    if size <= 0 or (not reduces and (size < limits[MIN_SIZE] or value < limits[MIN_VALUE])):
        return BELOW_MINIMUM_SIZE
    if size % limits[LOT] != 0:
        return OFF_LOT
    if size > limits[MAX_SIZE]:
        return ABOVE_MAXIMUM_SIZE
    if value > limits[MAX_VALUE]:
        return ABOVE_NOTIONAL
    if limits[COLLAR_LOW] <= 0 or price_ticks < limits[COLLAR_LOW] or price_ticks > limits[COLLAR_HIGH]:
        return OUTSIDE_COLLAR
    if reduces:
        if side * position >= 0 or exposure + size > abs(position):
            return OVER_POSITION_LIMIT
    elif side * position + exposure + size > limits[MAX_POSITION]:
        return OVER_POSITION_LIMIT
    return PASSED
