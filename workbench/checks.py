"""What the formulas accept: each number with a name, a unit and bounds, and a refusal that says all three."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ascending", "number", "numbers", "row", "same_rows", "whole"]


def number(name: str, value: float, unit: str, *, above: float = -math.inf, low: float = -math.inf) -> float:
    """One finite number over `above` and not under `low`, or a `ValueError` that names it."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}; expected one number in {unit}") from None
    if not math.isfinite(found) or found <= above or found < low:
        raise ValueError(f"{name} is {value!r}; expected a finite number {_bounds(above, low)}in {unit}")
    return found


def numbers(name: str, values: Any, unit: str, *, above: float = -math.inf, low: float = -math.inf) -> Any:
    """Finite numbers over `above` and not under `low`: a pandas object stays one, anything else becomes float64.

    Raises
    ------
    ValueError
        If there are none, or one of them is NaN, infinite or out of bounds; the message says which.
    """
    pandas = hasattr(values, "to_numpy")
    try:
        found = np.asarray(values.to_numpy() if pandas else values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {values!r}; expected numbers in {unit}") from None
    if found.size == 0:
        raise ValueError(f"{name} is empty; expected at least one number in {unit}")
    wrong = ~np.isfinite(found) | (found <= above) | (found < low)
    if wrong.any():
        place = np.argwhere(np.atleast_1d(wrong))[0]
        where = f"[{', '.join(str(index) for index in place)}]" if found.ndim else ""
        raise ValueError(
            f"{name}{where} is {float(np.atleast_1d(found)[tuple(place)])!r}; "
            f"expected finite numbers {_bounds(above, low)}in {unit}; drop or repair the rows that are not"
        )
    return values.astype(np.float64) if pandas else found[()]


def row(
    name: str, values: Any, unit: str, *, above: float = -math.inf, low: float = -math.inf, least: int = 1
) -> NDArray[np.float64]:
    """At least so many `numbers` in one dimension, as float64; one number alone is a row of one."""
    found = np.atleast_1d(np.asarray(numbers(name, values, unit, above=above, low=low), dtype=np.float64))
    if found.ndim != 1:
        raise ValueError(f"{name} has shape {found.shape}; expected one dimension")
    if found.size < least:
        raise ValueError(f"{name} has {'a single value' if found.size == 1 else found.size}; expected {least} or more")
    return found


def ascending(
    name: str, values: Any, unit: str, *, low: float = -math.inf, least: int = 1, ties: bool = False
) -> NDArray[np.float64]:
    """A `row` in which each number is over the one before, or (`ties`) not under it."""
    found = row(name, values, unit, low=low, least=least)
    steps = np.diff(found)
    if np.any(steps < 0.0 if ties else steps <= 0.0):
        raise ValueError(f"{name} is not in ascending order; expected each value over the one before: sort them")
    return found


def whole(name: str, value: int, unit: str, *, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`, or a `ValueError` that names it."""
    counted: object = value
    whole_number = isinstance(counted, int | np.integer) and not isinstance(counted, bool)
    if not whole_number or value < low or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"{low} to {high}"
        raise ValueError(f"{name} is {value!r}; expected a whole number of {unit}, {bounds}")
    return int(value)


def same_rows(given: Mapping[str, Any]) -> None:
    """Refuse pandas objects with different indices: pandas would align them and fill what is missing with NaN."""
    labelled = {name: value for name, value in given.items() if hasattr(value, "index")}
    names = list(labelled)
    for name in names[1:]:
        index: pd.Index[Any] = labelled[names[0]].index
        if not index.equals(labelled[name].index):
            raise ValueError(f"{names[0]} and {name} have different indices; expected the same rows in both")


def _bounds(above: float, low: float) -> str:
    if above > -math.inf:
        return f"over {above:g} "
    return f"of at least {low:g} " if low > -math.inf else ""
