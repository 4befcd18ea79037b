"""Bars as estimators take them: read, checked, cut where some are missing; and bars made from prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workbench.volatility.arrays import Floats, Ints
from workbench.volatility.bar_steps import odd_bars
from workbench.volatility.inputs import TooFew, check_positive, index_ns, nanoseconds, read_prices

__all__ = ["Gaps", "GoodBars", "make_bars", "read_bars"]

Gaps = Literal["refuse", "break", "join"]
Flags = NDArray[np.bool_]
Columns = tuple[Floats, Floats, Floats, Floats]

COLUMNS = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class GoodBars:
    """Bars without a fault: their prices, where they stood in the input, and which of them follow on which."""

    columns: Columns
    """Open, high, low, close."""
    place: Ints | slice
    after: Ints | slice
    """Those that have a close before them that counts."""
    before: Ints | slice
    """The ones with that close."""


def read_bars(
    bars: pd.DataFrame | pd.Series | ArrayLike, gaps: Gaps, *, closes_do: bool
) -> tuple[GoodBars, pd.Index, int | None]:
    """The good bars, the index of the input, and the length of a bar in ns when the index tells it.

    Parameters
    ----------
    bars : DataFrame, Series or array_like
        Columns open, high, low, close, or an array (n, 4) in that order.
    gaps : {"refuse", "break", "join"}
        What is done about missing bars.
    closes_do : bool
        Closes alone are enough.

    Raises
    ------
    ValueError
        For bars that are none, unsorted, not positive and finite, without high and low as extremes, or missing when
        that is to be refused.
    """
    if gaps not in ("refuse", "break", "join"):
        raise ValueError(f"gaps is {gaps!r}; expected 'refuse', 'break' or 'join'")
    columns = _columns(bars, closes_do)
    index = bars.index if isinstance(bars, (pd.DataFrame, pd.Series)) else pd.RangeIndex(len(columns[0]))
    holes, step_ns = _holes(index)
    return _good_bars(columns, holes, gaps), index, step_ns


def make_bars(prices: ArrayLike | pd.Series, times: ArrayLike | None = None, *, bar_s: float) -> pd.DataFrame:
    """Bars of open, high, low and close from prices; a stretch without a price is a row of NaN.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices.
    times : array_like, shape (n,), optional
        Datetimes, integer nanoseconds or float seconds, not decreasing; taken from the index of a Series without it.
    bar_s : float
        Length of a bar, seconds; bars begin at whole multiples of it.

    Returns
    -------
    DataFrame, shape (bars, 5)
        Columns open, high, low, close and ticks (how many prices), by the UTC time at which the bar begins. The first
        and last may cover only a part of their time.
    """
    values, t_ns = read_prices(prices, times)
    if t_ns is None:
        raise ValueError("bars need times; give the prices a DatetimeIndex, or pass times")
    width = nanoseconds(bar_s, "bar_s")
    number = t_ns // width
    starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    ends = np.r_[starts[1:], t_ns.size] - 1
    out = np.full((int(number[-1] - number[0]) + 1, 4), np.nan)
    rows = number[starts] - number[0]
    high, low = np.maximum.reduceat(values, starts), np.minimum.reduceat(values, starts)
    out[rows] = np.column_stack([values[starts], high, low, values[ends]])
    ticks = np.zeros(len(out), dtype=np.int64)
    ticks[rows] = ends - starts + 1
    stamps = (number[0] + np.arange(len(out))) * width
    index = pd.DatetimeIndex(stamps.view("M8[ns]"), tz="UTC", name="time")
    return pd.DataFrame(out, index=index, columns=list(COLUMNS)).assign(ticks=ticks)


def _columns(bars: pd.DataFrame | pd.Series | ArrayLike, closes_do: bool) -> Columns:
    """Open, high, low and close, float64[n] each."""
    if isinstance(bars, pd.DataFrame):
        named = {str(name).lower(): name for name in bars.columns}
        absent = [name for name in COLUMNS if name not in named]
        if absent:
            raise ValueError(f"the bars have no column {absent[0]!r}; expected {', '.join(COLUMNS)}")
        found = [bars[named[name]].to_numpy(dtype=np.float64) for name in COLUMNS]
    else:
        rows = np.asarray(bars, dtype=np.float64)
        if rows.ndim == 1 and closes_do:
            found = [rows] * 4
        elif rows.ndim == 2 and rows.shape[1] == 4:
            found = [rows[:, place] for place in range(4)]
        else:
            raise ValueError(f"the bars have shape {rows.shape}; expected (n, 4): open, high, low, close")
    if not found[0].size:
        raise TooFew("there are no bars; expected at least 2")
    opened, high, low, close = (np.ascontiguousarray(column) for column in found)
    return opened, high, low, close


def _good_bars(columns: Columns, holes: Flags | None, gaps: Gaps) -> GoodBars:
    """Refuse bars that are wrong or, unless told otherwise, missing; drop those that are missing."""
    if holes is None and odd_bars(*columns) == 0:
        return GoodBars(columns, slice(None), slice(1, None), slice(None, -1))
    rows = np.column_stack(columns)
    missing: Flags = np.asarray(np.isnan(rows).all(axis=1))
    _check_bars(rows, missing)
    after_hole = np.zeros(len(rows), dtype=np.bool_) if holes is None else holes
    _refuse_holes(missing | after_hole, missing, gaps)
    place = np.flatnonzero(~missing)
    counts = np.ones(place.size - 1, dtype=np.bool_)
    if gaps == "break":
        # A bar follows on the good one before it if nothing is missing between them.
        counts = (np.diff(place) == 1) & ~after_hole[place[1:]]
    after = np.flatnonzero(counts) + 1
    opened, high, low, close = (column[place] for column in columns)
    return GoodBars((opened, high, low, close), place, after, after - 1)


def _check_bars(rows: Floats, missing: Flags) -> None:
    for place, name in enumerate(COLUMNS):
        check_positive(np.where(missing, 1.0, rows[:, place]), name)
    wrong = (rows[:, 1] < rows.max(axis=1)) | (rows[:, 2] > rows.min(axis=1))
    if wrong.any():
        bad = int(np.argmax(wrong))
        raise ValueError(f"bar {bad} is {rows[bad].tolist()} (open, high, low, close); high or low is not the extreme")


def _holes(index: pd.Index) -> tuple[Flags | None, int | None]:
    """Which bars follow a step longer than the usual (None if none does), and the usual in ns if there are times."""
    t_ns = index_ns(index)
    if t_ns is None or len(t_ns) < 2:
        return None, None
    steps = np.diff(t_ns)
    if (steps <= 0).any():
        bad = int(np.argmax(steps <= 0)) + 1
        raise ValueError(f"bar {bad} does not begin after the one before it; sort the bars by time, one row each")
    usual = int(np.median(steps))
    longer = steps > 1.5 * usual
    return np.r_[False, longer] if longer.any() else None, usual


def _refuse_holes(wrong: Flags, missing: Flags, gaps: Gaps) -> None:
    if gaps == "refuse" and wrong.any():
        first = int(np.argmax(wrong))
        what = "is missing (NaN)" if missing[first] else "follows a hole in the index"
        raise ValueError(
            f"bar {first} {what}; pass gaps='break' to take no return over the hole, or gaps='join' to count the "
            "return over it like any other"
        )
