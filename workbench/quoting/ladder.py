"""The shape of a ladder: how far apart its levels stand and how much each shows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.checks import number, whole
from workbench.compiled import compiled, types
from workbench.quoting.schema import MAX_LEVELS

__all__ = ["distance_schedule", "floor_to_lot", "level_distance", "level_size", "size_schedule", "split_size"]

_F = types.float64
_INT = types.int64

MOST_CONTRACTS = 2.0**53
"""Beyond this a float no longer tells neighbouring sizes or prices apart."""


@compiled(_F(_INT, _F, _F))
def level_distance(level: int, step: float, growth: float) -> float:
    """How far a level stands behind the best one: the first gap is `step`, each further one `growth` times the last."""
    gaps = 0.0
    for _ in range(level):
        gaps = gaps * growth + 1.0
    return step * gaps


@compiled(_INT(_F, _INT))
def floor_to_lot(size: float, lot: int) -> int:
    """The largest multiple of the lot not above a size, contracts; a size within 1e-9 of a lot is that lot."""
    return int(math.floor(size / lot + 1e-9)) * lot  # noqa: RUF046 - compiled, floor is a float


@compiled(_INT(_INT, _F, _F, _INT))
def level_size(level: int, size: float, growth: float, lot: int) -> int:
    """Contracts at a level: `size` at the best one, `growth` times as much at each further one, floored to the lot."""
    grown = size * growth**level
    if not 0.0 < grown < MOST_CONTRACTS:
        return 0
    return floor_to_lot(grown, lot)


def distance_schedule(levels: int, step: float, growth: float = 1.0) -> NDArray[np.float64]:
    """Distances of the levels behind the best one.

    Parameters
    ----------
    levels : int
        Orders a side, 1 to 20.
    step : float
        Gap between the first two, in any price unit, at least 0.
    growth : float
        Each gap over the one before: 1 an even grid, over 1 a ladder that opens outwards.

    Returns
    -------
    ndarray, shape (levels,)
        In the unit of `step`; the first is 0.

    Raises
    ------
    ValueError
        For a number that makes no sense.

    Notes
    -----
    step (growth^i - 1) / (growth - 1), or i step for growth 1.
    """
    levels = whole("levels", levels, "levels", low=1, high=MAX_LEVELS)
    step = number("step", step, "price units", low=0.0)
    growth = number("growth", growth, "1", above=0.0)
    return np.array([level_distance(level, step, growth) for level in range(levels)])


def size_schedule(levels: int, size: float, growth: float = 1.0, lot: int = 1) -> NDArray[np.int64]:
    """Contracts of the levels: flat, growing or shrinking outwards.

    Parameters
    ----------
    levels : int
        Orders a side, 1 to 20.
    size : float
        Contracts at the best level.
    growth : float
        Each level's size over the one before, before rounding.
    lot : int
        Sizes are floored to multiples of this many contracts; a level may come to 0, which means no order.

    Returns
    -------
    ndarray of int64, shape (levels,)

    Raises
    ------
    ValueError
        For a number that makes no sense, or a best level under one lot.
    """
    levels = whole("levels", levels, "levels", low=1, high=MAX_LEVELS)
    lot = whole("lot", lot, "contracts", low=1, high=10**9)
    size = number("size", size, "contracts", low=lot)
    growth = number("growth", growth, "1", above=0.0)
    return np.array([level_size(level, size, growth, lot) for level in range(levels)], dtype=np.int64)


def split_size(total: int, levels: int, growth: float = 1.0, lot: int = 1) -> NDArray[np.int64]:
    """Share one size out over a ladder in the proportions of `size_schedule`, without losing a lot.

    Parameters
    ----------
    total : int
        Contracts on the side, a multiple of the lot.
    levels, growth, lot
        As in `size_schedule`.

    Returns
    -------
    ndarray of int64, shape (levels,)
        Multiples of the lot that sum to `total`; the largest remainders get the odd lots, the better level first.

    Raises
    ------
    ValueError
        For a number that makes no sense, or a total off the lot.
    """
    levels = whole("levels", levels, "levels", low=1, high=MAX_LEVELS)
    lot = whole("lot", lot, "contracts", low=1, high=10**9)
    total = whole("total", total, "contracts", low=lot, high=2**53)
    growth = number("growth", growth, "1", above=0.0)
    if total % lot:
        raise ValueError(f"total is {total} contracts; expected a multiple of the lot, {lot}")
    weights = growth ** np.arange(levels)
    exact = total // lot * weights / weights.sum()
    lots = np.floor(exact + 1e-9).astype(np.int64)
    odd = total // lot - int(lots.sum())
    lots[np.argsort(-(exact - lots), kind="stable")[:odd]] += 1
    sizes: NDArray[np.int64] = lots * lot
    return sizes
