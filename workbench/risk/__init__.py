"""Risk: the checks that every order passes before it is sent, and the message budget."""

from workbench.risk.checks import (
    ABOVE_MAXIMUM_SIZE,
    ABOVE_NOTIONAL,
    BELOW_MINIMUM_SIZE,
    NO_PRICE,
    OFF_LOT,
    OFF_TICK,
    OUTSIDE_COLLAR,
    OVER_POSITION_LIMIT,
    PASSED,
    REFUSALS,
    check_order,
)
from workbench.risk.throttle import MessageBudget

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
    "MessageBudget",
    "check_order",
]
