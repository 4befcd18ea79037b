"""What it costs to trade: the spread quoted, paid, kept by the maker, and the one that trade prices betray."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.market.inputs import (
    Column,
    Floats,
    Table,
    index_of,
    like,
    read_column,
    read_quotes,
    read_sides,
    read_times,
)

__all__ = [
    "effective_spread",
    "price_impact",
    "quoted_spread",
    "realised_spread",
    "roll_spread",
    "time_weighted_spread",
]

BPS = 1e4
Unit = Literal["bps", "ticks"]


def quoted_spread(quotes: Table, *, unit: Unit = "bps") -> Floats | pd.Series:
    """Ask minus bid of each quote.

    Parameters
    ----------
    quotes : DataFrame or array, shape (n, 4)
        Columns bid, bid_size, ask, ask_size: ticks and contracts.
    unit : {"bps", "ticks"}
        Basis points of the mid, or ticks.

    Returns
    -------
    Series or array, shape (n,)

    Raises
    ------
    ValueError
        For bad quotes (`workbench.market.inputs.read_quotes`) or another unit.
    """
    read = read_quotes(quotes)
    _check_unit(unit)
    return like(read.spread / read.mid * BPS if unit == "bps" else read.spread, read.index, "quoted_spread")


def time_weighted_spread(quotes: Table, times: ArrayLike | pd.Index, *, unit: Unit = "bps") -> float:
    """Mean quoted spread, each quote for as long as it stood.

    Parameters
    ----------
    quotes : DataFrame or array, shape (n, 4)
        As `quoted_spread`, at least 2.
    times : array, shape (n,)
        Integer nanoseconds or datetimes, not decreasing. The last quote ends the mean and has no weight.
    unit : {"bps", "ticks"}
        Basis points of the mid, or ticks.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For bad quotes or times, or no time between the first and the last.
    """
    spreads = np.asarray(quoted_spread(quotes, unit=unit))
    stood = np.diff(read_times(times, length=spreads.size)).astype(np.float64)
    if stood.sum() == 0.0:
        raise ValueError("no time passes between the first and the last quote; expected at least 2 at different times")
    return float(spreads[:-1] @ stood / stood.sum())


def effective_spread(prices: Column, sides: Column, mids: Column, *, unit: Unit = "bps") -> Floats | pd.Series:
    """What a taker paid for a round trip: twice the distance from the mid to the trade price.

    Parameters
    ----------
    prices : Series or array, shape (n,)
        Trade prices, ticks.
    sides : Series or array, shape (n,)
        +1 the buyer took, -1 the seller.
    mids : Series or array, shape (n,)
        Mid just before the trade, ticks.
    unit : {"bps", "ticks"}
        Basis points of `mids`, or ticks.

    Returns
    -------
    Series or array, shape (n,)

    Raises
    ------
    ValueError
        For empty, unequal, non-positive or non-finite input, another side or unit.

    Notes
    -----
    ``2 D (p - m) / m``; it is `realised_spread` + `price_impact`.
    """
    price, side, mid = _trades(prices, sides, mids)
    return like(_twice(side, price - mid, mid, unit), index_of(prices, sides, mids), "effective_spread")


def realised_spread(
    prices: Column, sides: Column, mids: Column, later_mids: Column, *, unit: Unit = "bps"
) -> Floats | pd.Series:
    """What the maker kept of it: twice the distance from the mid a while later to the trade price.

    Parameters
    ----------
    prices, sides, mids, unit
        As in `effective_spread`.
    later_mids : Series or array, shape (n,)
        Mid at a fixed time after each trade, ticks.

    Returns
    -------
    Series or array, shape (n,)
        Negative when the market ran over the maker.

    Raises
    ------
    ValueError
        For empty, unequal, non-positive or non-finite input, another side or unit.

    Notes
    -----
    ``2 D (p - m_tau) / m``.
    """
    price, side, mid = _trades(prices, sides, mids)
    later = read_column(later_mids, "later mid", length=mid.size, positive=True)
    return like(_twice(side, price - later, mid, unit), index_of(prices, sides, mids), "realised_spread")


def price_impact(sides: Column, mids: Column, later_mids: Column, *, unit: Unit = "bps") -> Floats | pd.Series:
    """How far the market went the taker's way afterwards, twice: what the maker lost to who knew more.

    Parameters
    ----------
    sides, mids, unit
        As in `effective_spread`.
    later_mids : Series or array, shape (n,)
        Mid at a fixed time after each trade, ticks.

    Returns
    -------
    Series or array, shape (n,)

    Raises
    ------
    ValueError
        For empty, unequal, non-positive or non-finite input, another side or unit.

    Notes
    -----
    ``2 D (m_tau - m) / m``.
    """
    later, side, mid = _trades(later_mids, sides, mids)
    return like(_twice(side, later - mid, mid, unit), index_of(sides, mids, later_mids), "price_impact")


def roll_spread(prices: Column) -> float:
    """The spread that trade prices alone betray by bouncing between bid and ask.

    Parameters
    ----------
    prices : Series or array, shape (n,)
        Trade prices, oldest first; at least 3.

    Returns
    -------
    float
        In the unit of the prices.

    Raises
    ------
    ValueError
        For fewer than 3 prices, one not positive and finite, or changes that do not bounce (covariance not negative):
        the model says nothing then.

    Notes
    -----
    ``2 sqrt(-cov(dp_t, dp_t-1))``.

    References
    ----------
    Roll, "A simple implicit measure of the effective bid-ask spread", Journal of Finance 39 (1984).
    """
    changes = np.diff(read_column(prices, "price", positive=True, least=3))
    covariance = float(np.mean((changes[1:] - changes[1:].mean()) * (changes[:-1] - changes[:-1].mean())))
    if covariance >= 0.0:
        raise ValueError(f"changes of price have covariance {covariance:.6g}; Roll's measure needs it negative")
    return 2.0 * math.sqrt(-covariance)


def _trades(prices: Column, sides: Column, mids: Column) -> tuple[Floats, Floats, Floats]:
    price = read_column(prices, "price", positive=True)
    return price, read_sides(sides, length=price.size), read_column(mids, "mid", length=price.size, positive=True)


def _twice(side: Floats, distance: Floats, mid: Floats, unit: Unit) -> Floats:
    _check_unit(unit)
    return 2.0 * side * distance / mid * BPS if unit == "bps" else 2.0 * side * distance


def _check_unit(unit: str) -> None:
    if unit not in ("bps", "ticks"):
        raise ValueError(f"unit is {unit!r}; expected 'bps' or 'ticks'")
