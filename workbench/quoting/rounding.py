"""Rounding to the tick: bids down, asks up, so that rounding never gives edge away; amounts never up."""

from __future__ import annotations

import math

from workbench.compiled import compiled, types

__all__ = ["ceil_to_increment", "floor_to_increment", "half_up_to_increment"]

_SIGNATURE = types.int64(types.float64, types.int64)

ROUNDING_SLACK = 1e-9
"""Ticks: a price this near a tick is that tick (a float's last digits are not a reason to move a quote)."""


@compiled(_SIGNATURE)
def floor_to_increment(price_ticks: float, increment: int) -> int:
    """The largest multiple of `increment` ticks not above the price: where a bid goes."""
    return int(math.floor(price_ticks / increment + ROUNDING_SLACK)) * increment  # noqa: RUF046 - compiled, floor is a float


@compiled(_SIGNATURE)
def ceil_to_increment(price_ticks: float, increment: int) -> int:
    """The smallest multiple of `increment` ticks not below the price: where an ask goes."""
    return int(math.ceil(price_ticks / increment - ROUNDING_SLACK)) * increment  # noqa: RUF046 - compiled, floor is a float


@compiled(_SIGNATURE)
def half_up_to_increment(price_ticks: float, increment: int) -> int:
    """The nearest multiple of `increment` ticks, a half going up: the guide's rounding."""
    return int(math.floor(price_ticks / increment + 0.5)) * increment  # noqa: RUF046 - compiled, floor is a float
