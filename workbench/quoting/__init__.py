"""Quoting: models as single functions, the guide's arithmetic, rounding to the tick and the inventory gate."""

from workbench.quoting.builtin import guide_fixed, guide_volatility, skewed_spread
from workbench.quoting.definition import (
    MODEL_FUNCTION_TYPE,
    MODEL_SIGNATURE,
    ModelError,
    QuotingModel,
    find_model,
    model,
    model_names,
)
from workbench.quoting.gate import inventory_gate
from workbench.quoting.guide import adjust_spread_for_volatility, calculate_order_prices, should_place_orders
from workbench.quoting.rounding import ceil_to_increment, floor_to_increment, half_up_to_increment
from workbench.quoting.schema import PARAMS, VIEW, Slot

__all__ = [
    "MODEL_FUNCTION_TYPE",
    "MODEL_SIGNATURE",
    "PARAMS",
    "VIEW",
    "ModelError",
    "QuotingModel",
    "Slot",
    "adjust_spread_for_volatility",
    "calculate_order_prices",
    "ceil_to_increment",
    "find_model",
    "floor_to_increment",
    "guide_fixed",
    "guide_volatility",
    "half_up_to_increment",
    "inventory_gate",
    "model",
    "model_names",
    "should_place_orders",
    "skewed_spread",
]
