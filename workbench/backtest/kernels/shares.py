"""Where in the queue an order stands: which part of a level's shrinkage came from ahead of it.

`front` contracts are believed ahead of an order, `back` behind it. A trade takes from the front; what else leaves the
level is shared out by p(front, back), the share that left from behind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from workbench.compiled import addressable, inner, types

__all__ = [
    "OWN",
    "PESSIMISTIC",
    "POWER",
    "POWER2",
    "POWER3",
    "QUEUE_FUNCTION_TYPE",
    "QUEUE_NAMES",
    "QUEUE_SIGNATURE",
    "nothing_from_behind",
    "share_from_behind",
]

_f = types.float64
QUEUE_SIGNATURE = _f(_f, _f)
QUEUE_FUNCTION_TYPE = types.FunctionType(QUEUE_SIGNATURE)
"""How compiled loops take p(front, back)."""

PESSIMISTIC, POWER, POWER2, POWER3, LOG, LOG2, OWN = range(7)

QUEUE_NAMES: Mapping[str, int] = {
    "risk_averse": PESSIMISTIC,
    "power": POWER,
    "power2": POWER2,
    "power3": POWER3,
    "log": LOG,
    "log2": LOG2,
}


@addressable(QUEUE_SIGNATURE)
def nothing_from_behind(front: float, back: float) -> float:  # noqa: ARG001
    """Stands where a queue model needs no function of the user's."""
    return 0.0


@inner(_f(_f, _f))
def ratio(part: float, whole: float) -> float:
    """part / whole as IEEE has it: NaN for 0 / 0, infinite for anything else over 0."""
    if whole == 0.0:
        return math.nan if part == 0.0 else math.inf
    return part / whole


@inner(_f(types.int64, _f, _f, QUEUE_FUNCTION_TYPE, _f, _f))
def share_from_behind(code: int, power: float, unit: float, own: Any, front: float, back: float) -> float:
    """The share of a level's shrinkage that left from behind an order; NaN where the formula has none.

    `unit` scales contracts for the logarithms, which, other than powers, depend on it.
    """
    if code == OWN:
        return float(own(front, back))
    if code == POWER3:
        return float(1.0 - ratio(front, front + back) ** power)
    if code == POWER:
        return float(ratio(back**power, back**power + front**power))
    if code == POWER2:
        return float(ratio(back**power, (back + front) ** power))
    behind = math.log(1.0 + back * unit)
    if code == LOG:
        return float(ratio(behind, behind + math.log(1.0 + front * unit)))
    return float(ratio(behind, math.log(1.0 + (back + front) * unit)))
