"""What a model would quote, without a market: for looking at one in a notebook, a person's own included."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.checks import number, whole
from workbench.quoting.definition import ModelError, QuotingModel, find_model
from workbench.quoting.schema import (
    ASK_ADVERSE,
    ASK_SIZE,
    BEST_ASK,
    BEST_BID,
    BID_SIZE,
    FUNDING_IN_S,
    MARK,
    MAX_LEVELS,
    MICRO_PRICE,
    MID,
    PARAMS,
    SIGMA,
    STATE_SIZE,
    VIEW,
    VIEW_SIZE,
    WEIGHTED_MID,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["quotes_of"]


def quotes_of(
    model: QuotingModel | str,
    inventory: int | Sequence[int] | NDArray[np.int64] = 0,
    *,
    view: Mapping[str, float],
    params: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The orders that a model wants at one or several inventories, each asked afresh with an empty memory.

    Parameters
    ----------
    model : QuotingModel or str
        A model, or the name of one.
    inventory : int or sequence of int
        Contracts, signed.
    view : mapping of str to float
        Slots of `VIEW` by name; `mid` is needed, ticks. The best prices default to half a tick round it, one contract
        each, fees to 0; sigma and whatever else is not given is not measured (NaN).
    params : mapping of str to float, optional
        Common and own parameters by name; the rest takes its default.

    Returns
    -------
    pandas.DataFrame
        Columns inventory, side (+1, -1), level (0 the best), price_ticks, distance_ticks (from the mid) and size
        (contracts). An inventory at which the model refuses has no rows.

    Raises
    ------
    ModelError
        If it refuses at every inventory; with its reason.
    ValueError
        For a name that does not exist, a number out of its bounds, or a parameter that is missing.
    """
    import pandas as pd

    found = find_model(model) if isinstance(model, str) else model
    seen = _view(view)
    told = _params(found, params or {})
    rows: list[tuple[int, int, int, int, float, int]] = []
    reason = 0
    for held in np.atleast_1d(np.asarray(inventory)).tolist():
        whole("inventory", int(held) if float(held).is_integer() else held, "contracts", low=-(2**53), high=2**53)
        out = np.zeros((2 * MAX_LEVELS, 3), dtype=np.int64)
        count = found(seen, int(held), told, np.zeros(STATE_SIZE), out)
        reason = min(reason, count)
        levels = {1: 0, -1: 0}
        for side, price, size in out[: max(count, 0)].tolist():
            rows.append((int(held), side, levels[side], price, side * (seen[MID] - price) + 0.0, size))
            levels[side] += 1
    if not rows and reason < 0:
        raise ModelError(f"model {found.name} does not quote: {found.reasons.get(reason, reason)}")
    return pd.DataFrame(rows, columns=["inventory", "side", "level", "price_ticks", "distance_ticks", "size"])


def _view(given: Mapping[str, float]) -> NDArray[np.float64]:
    names = [slot.name for slot in VIEW]
    _refuse_unknown("view", given, names)
    mid = number("view['mid']", given.get("mid", math.nan), "ticks", above=0.0)
    array = np.zeros(VIEW_SIZE)
    array[[MID, MARK, WEIGHTED_MID]] = mid
    array[[BEST_BID, BEST_ASK]] = mid - 0.5, mid + 0.5
    array[[BID_SIZE, ASK_SIZE]] = 1.0
    array[[SIGMA, FUNDING_IN_S]] = math.nan
    array[MICRO_PRICE : ASK_ADVERSE + 1] = math.nan
    for name, value in given.items():
        array[names.index(name)] = value
    return array


def _params(model: QuotingModel, given: Mapping[str, float]) -> NDArray[np.float64]:
    slots = (*PARAMS, *model.params)
    _refuse_unknown("params", given, [slot.name for slot in slots])
    values: list[Any] = []
    for slot in slots:
        value = given.get(slot.name, slot.default)
        if value is None:
            raise ValueError(f"params[{slot.name!r}] is missing; model {model.name} needs it ({slot.meaning})")
        if slot.name in given and not slot.low <= value <= slot.high:
            raise ValueError(f"params[{slot.name!r}] is {value!r}; expected {slot.low} to {slot.high} {slot.unit}")
        values.append(value)
    return np.array(values, dtype=np.float64)


def _refuse_unknown(where: str, given: Mapping[str, float], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{where}[{name!r}]: no such name; known: {', '.join(known)}")
