"""Quoting: what one call of each model costs, in a compiled loop over a moving mid and inventory.

`python tests/benchmarks/run.py quoting`. The loop takes the model as the backtest does, as a first-class function. The
closed forms are held to a microsecond; those that solve their bounded problem at every call are shown without a limit.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import njit, types

from tests.benchmarks.timing import LIMIT_NS, best
from workbench import quoting
from workbench.quoting.schema import BEST_ASK, BEST_BID, MARK, MAX_LEVELS, MID, SIGMA, STATE_SIZE, VIEW_SIZE

CALLS = 200_000
SOLVED = {"cartea_jaimungal": {}, "glft, exact": {"form": 1.0}}
"""Models that solve an eigenvalue problem at every call."""

VECTOR = types.float64[::1]
LOOP = types.int64(quoting.MODEL_FUNCTION_TYPE, VECTOR, VECTOR, VECTOR, types.int64[:, ::1], types.int64)


@njit(LOOP)
def ask_often(model, view, params, state, out, calls):
    rows = 0
    mid = view[MID]
    for i in range(calls):
        view[MID] = mid + (i % 7) * 0.5
        rows += model(view, (i % 21 - 10) * 10, params, state, out)
    view[MID] = mid
    return rows


def cost_ns(name: str, own: dict[str, float], calls: int) -> float:
    """Nanoseconds of a call with the default parameters, three levels a side."""
    model = quoting.find_model(name.split(",", maxsplit=1)[0])
    view, out = np.zeros(VIEW_SIZE), np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
    view[[MID, MARK, BEST_BID, BEST_ASK, SIGMA]] = 770_000.0, 770_000.0, 769_999.0, 770_001.0, 1e-5
    given = {"grid_ticks": 100.0} | own
    values = [given.get(slot.name, slot.default) for slot in (*quoting.PARAMS, *model.params)]
    params, state = np.array(values, dtype=np.float64), np.zeros(STATE_SIZE)
    if ask_often(model.function, view, params, state, out, 100) <= 0:
        raise RuntimeError(f"{name} does not quote")
    return best(lambda: ask_often(model.function, view, params, state, out, calls), 5) / calls * 1e9


def main() -> None:
    """Print the table; fail when a closed form is over the limit."""
    closed = [name for name in quoting.model_names() if name not in SOLVED]
    costs = {name: cost_ns(name, {}, CALLS) for name in closed}
    costs |= {name: cost_ns(name, own, CALLS // 100) for name, own in SOLVED.items()}
    print(f"one call of a model, three levels a side, nanoseconds (compiled, {CALLS:,} calls)")
    for name, cost in costs.items():
        print(f"{name:44}{cost:10.0f}")
    slowest = max(costs[name] for name in closed)
    print(f"slowest closed form {slowest:.0f} ns; the limit is {LIMIT_NS:.0f} ns")
    if slowest >= LIMIT_NS:
        sys.exit(1)


if __name__ == "__main__":
    main()
