"""The guide's arithmetic as it is printed, function by function; its faults are kept and named.

`calculate_order_prices` puts mid -+ spread_bps, so the quoted spread is twice the one named. The volatility multiplier
hardly ever leaves 1, and the inventory gate stops both sides. `skewed_spread` is the corrected form.
"""

from __future__ import annotations

from workbench.compiled import compiled, types

__all__ = ["INVENTORY_GATE", "adjust_spread_for_volatility", "calculate_order_prices", "should_place_orders"]

INVENTORY_GATE = 0.8
"""The guide stops quoting when |position| / limit is over this."""


@compiled("Tuple((float64, float64))(float64, float64)")
def calculate_order_prices(mid: float, spread_bps: float) -> tuple[float, float]:
    """Bid and ask at mid x (1 -+ spread_bps / 10,000), in the unit of `mid`, before rounding."""
    spread = spread_bps / 10_000.0
    return mid * (1.0 - spread), mid * (1.0 + spread)


@compiled(types.float64(types.float64, types.float64, types.float64, types.float64))
def adjust_spread_for_volatility(spread_bps: float, volatility: float, multiplier: float, cap: float) -> float:
    """Spread x max(1, volatility x multiplier), the factor at most `cap` (the guide: multiplier 2, cap 5)."""
    return spread_bps * min(max(1.0, volatility * multiplier), cap)


@compiled(types.boolean(types.float64, types.float64))
def should_place_orders(position: float, max_position: float) -> bool:
    """The guide's gate: False, for both sides, when |position| / limit is over 0.8."""
    return abs(position) / max_position <= INVENTORY_GATE
