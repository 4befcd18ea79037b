"""Variance from bars of open, high, low and close: six estimators, over a whole sample, rolling, or bar by bar.

With u = ln H/O, d = ln L/O, c = ln C/O of a bar and o = ln O/C_before of the jump into it:

========================  ==============================================================  ==========================
estimator                 variance of a bar                                               assumes
========================  ==============================================================  ==========================
close-to-close            var(ln C/C_before), ddof 1                                      nothing on the path
Parkinson                 mean (u - d)^2 / (4 ln 2)                                       no drift, no gap
Garman-Klass              mean [0.5 (u - d)^2 - (2 ln 2 - 1) c^2]                         no drift, no gap
Rogers-Satchell           mean [u (u - c) + d (d - c)]                                    no gap; drift allowed
Garman-Klass-Yang-Zhang   mean [o^2 + 0.5 (u - d)^2 - (2 ln 2 - 1) c^2]                   no drift
Yang-Zhang                var(o) + k var(c) + (1 - k) RS, k = .34/(1.34 + (n+1)/(n-1))    drift and gaps allowed
========================  ==============================================================  ==========================

Bars of few ticks miss the true high and low: the range estimators then come out too low (50 ticks a bar: Parkinson by
17 %, Garman-Klass and Rogers-Satchell by 24 %).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workbench.volatility.arrays import Floats
from workbench.volatility.bar_steps import (
    CLOSE,
    CLOSE_TO_CLOSE,
    GARMAN_KLASS,
    GARMAN_KLASS_YANG_ZHANG,
    NUMBER,
    PARKINSON,
    ROGERS_SATCHELL,
    STATE_SIZE,
    YANG_ZHANG,
    bar_path,
    bar_update,
)
from workbench.volatility.inputs import NS, TooFew, check_positive, index_ns, nanoseconds, read_prices
from workbench.volatility.units import Variance

__all__ = [
    "BarVariance",
    "close_to_close_variance",
    "garman_klass_variance",
    "garman_klass_yang_zhang_variance",
    "make_bars",
    "parkinson_variance",
    "rogers_satchell_variance",
    "yang_zhang_variance",
]

Estimator = Literal[
    "close_to_close", "parkinson", "garman_klass", "rogers_satchell", "garman_klass_yang_zhang", "yang_zhang"
]
Gaps = Literal["refuse", "break", "join"]

Flags = NDArray[np.bool_]

KINDS: tuple[str, ...] = Estimator.__args__  # type: ignore[attr-defined]
NEEDS_CLOSE_BEFORE = (CLOSE_TO_CLOSE, GARMAN_KLASS_YANG_ZHANG, YANG_ZHANG)
LEAST_BARS = 2
COLUMNS = ("open", "high", "low", "close")


def close_to_close_variance(
    bars: pd.DataFrame | pd.Series | ArrayLike,
    window: int | None = None,
    *,
    bar_s: float | None = None,
    gaps: Gaps = "refuse",
) -> Variance | pd.Series:
    """Variance of the close-to-close log returns of a bar (ddof 1): no assumption, and the largest error.

    Parameters
    ----------
    bars : DataFrame, Series or array_like
        Columns open, high, low, close, or an array (n, 4) in that order; here also the closes alone. Positive and
        finite, high and low the extremes, in order of time.
    window : int, optional
        Rolling over so many bars; the whole sample without it.
    bar_s : float, optional
        Length of a bar, seconds; taken from a DatetimeIndex without it.
    gaps : {"refuse", "break", "join"}
        Missing bars (a row of NaN, or a step in the index longer than the others): refuse them, take no return over
        them, or count the return over them like any other (as over a night when the market is closed).

    Returns
    -------
    Variance or Series
        Fraction^2 a bar: of the whole sample, or at each bar of the last `window` (NaN until there are so many).

    Raises
    ------
    ValueError
        For bad bars, missing ones that are to be refused, or too few: 3 here, as 2 returns are needed.
    """
    return _estimate(CLOSE_TO_CLOSE, bars, window, bar_s, gaps)


def parkinson_variance(
    bars: pd.DataFrame | ArrayLike, window: int | None = None, *, bar_s: float | None = None, gaps: Gaps = "refuse"
) -> Variance | pd.Series:
    """Variance from the ranges of bars: mean (ln H/L)^2 / (4 ln 2); about five times as sharp as closes alone.

    Parameters, returns and errors as `close_to_close_variance`; 2 bars at least.

    References
    ----------
    Parkinson (1980), The extreme value method for estimating the variance of the rate of return, J. Business 53.
    """
    return _estimate(PARKINSON, bars, window, bar_s, gaps)


def garman_klass_variance(
    bars: pd.DataFrame | ArrayLike, window: int | None = None, *, bar_s: float | None = None, gaps: Gaps = "refuse"
) -> Variance | pd.Series:
    """Variance from range and close: mean [0.5 (ln H/L)^2 - (2 ln 2 - 1)(ln C/O)^2]; the sharpest without drift.

    Parameters, returns and errors as `close_to_close_variance`; 2 bars at least.

    References
    ----------
    Garman & Klass (1980), On the estimation of security price volatilities from historical data, J. Business 53.
    """
    return _estimate(GARMAN_KLASS, bars, window, bar_s, gaps)


def rogers_satchell_variance(
    bars: pd.DataFrame | ArrayLike, window: int | None = None, *, bar_s: float | None = None, gaps: Gaps = "refuse"
) -> Variance | pd.Series:
    """Variance that a drift does not bias: mean [u (u - c) + d (d - c)].

    Parameters, returns and errors as `close_to_close_variance`; 2 bars at least.

    References
    ----------
    Rogers & Satchell (1991), Estimating variance from high, low and closing prices, Annals of Applied Probability 1.
    """
    return _estimate(ROGERS_SATCHELL, bars, window, bar_s, gaps)


def garman_klass_yang_zhang_variance(
    bars: pd.DataFrame | ArrayLike, window: int | None = None, *, bar_s: float | None = None, gaps: Gaps = "refuse"
) -> Variance | pd.Series:
    """Garman-Klass plus the jump into the bar: mean [o^2 + 0.5 (u - d)^2 - (2 ln 2 - 1) c^2].

    Parameters, returns and errors as `close_to_close_variance`; 3 bars at least, as the first gives only its close.

    References
    ----------
    Yang & Zhang (2000), Drift-independent volatility estimation based on high, low, open and close prices, J. Business
    73, section 2.
    """
    return _estimate(GARMAN_KLASS_YANG_ZHANG, bars, window, bar_s, gaps)


def yang_zhang_variance(
    bars: pd.DataFrame | ArrayLike, window: int | None = None, *, bar_s: float | None = None, gaps: Gaps = "refuse"
) -> Variance | pd.Series:
    """Variance with drift and jumps between bars allowed: var(o) + k var(c) + (1 - k) Rogers-Satchell.

    Parameters, returns and errors as `close_to_close_variance`; 3 bars at least, as the first gives only its close.

    Notes
    -----
    k = 0.34 / (1.34 + (n + 1)/(n - 1)) for the n bars that have a close before them; both variances with ddof 1.

    References
    ----------
    Yang & Zhang (2000), Drift-independent volatility estimation based on high, low, open and close prices, J. Business
    73, equations 7 and 8.
    """
    return _estimate(YANG_ZHANG, bars, window, bar_s, gaps)


class BarVariance:
    """Any of the six bar by bar: O(1) for each bar, the same numbers as the array forms.

    Parameters
    ----------
    estimator : str
        "close_to_close", "parkinson", "garman_klass", "rogers_satchell", "garman_klass_yang_zhang", "yang_zhang".
    window : int, optional
        Bars that count; all of them without it.
    """

    __slots__ = ("_kind", "_ring", "state", "variance")

    def __init__(self, estimator: Estimator, window: int | None = None) -> None:
        if estimator not in KINDS:
            raise ValueError(f"estimator is {estimator!r}; expected one of {', '.join(KINDS)}")
        _check_window(window)
        self._kind = KINDS.index(estimator)
        self._ring = np.zeros((3, window or 0))
        self.state = np.zeros(STATE_SIZE)
        self.variance = math.nan
        """Fraction^2 a bar; NaN until there are enough bars."""

    @property
    def samples(self) -> int:
        """Bars that count now."""
        return int(self.state[NUMBER])

    def update(self, open: float, high: float, low: float, close: float) -> float:  # noqa: A002
        """Take a bar that is over; returns `variance`.

        Raises
        ------
        ValueError
            If the prices are not positive and finite, or high and low are not the extremes.
        """
        if not (0.0 < low <= min(open, close) and max(open, close) <= high < math.inf):
            raise ValueError(
                f"the bar is open {open!r}, high {high!r}, low {low!r}, close {close!r}; expected positive finite "
                "prices with low and high as extremes"
            )
        self.variance = bar_update(self.state, self._ring, self._kind, open, high, low, close)
        return self.variance

    def break_series(self) -> None:
        """Forget the last close, not the estimate: no return is taken over missing bars."""
        self.state[CLOSE] = 0.0


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


# --- reading bars -----------------------------------------------------------------------------------------------------


def _estimate(
    kind: int, bars: pd.DataFrame | pd.Series | ArrayLike, window: int | None, bar_s: float | None, gaps: Gaps
) -> Variance | pd.Series:
    if gaps not in ("refuse", "break", "join"):
        raise ValueError(f"gaps is {gaps!r}; expected 'refuse', 'break' or 'join'")
    _check_window(window)
    rows = _rows(kind, bars)
    index = bars.index if isinstance(bars, (pd.DataFrame, pd.Series)) else pd.RangeIndex(len(rows))
    missing: Flags = np.asarray(np.isnan(rows).all(axis=1))
    _check_bars(rows[~missing])
    after_hole, step_ns = _holes(index)
    _refuse_holes(missing | after_hole, missing, gaps)
    breaks = after_hole if gaps == "break" else np.zeros(len(rows), dtype=np.bool_)
    out, state = np.empty(len(rows)), np.zeros(STATE_SIZE)
    last = bar_path(state, np.zeros((3, window or 0)), kind, rows, breaks, gaps == "break", out)
    if window is not None:
        return pd.Series(out, index=index, name=f"{KINDS[kind]}_variance")
    if math.isnan(last):
        least = LEAST_BARS + (kind in NEEDS_CLOSE_BEFORE)
        raise TooFew(f"{int((~missing).sum())} bars are too few for {KINDS[kind]}; expected at least {least}")
    length = bar_s if bar_s is not None else None if step_ns is None else step_ns / NS
    return Variance(last, length, int(state[NUMBER]))


def _check_window(window: int | None) -> None:
    if window is not None and window < LEAST_BARS:
        raise ValueError(f"window is {window}; expected at least {LEAST_BARS} bars")


def _rows(kind: int, bars: pd.DataFrame | pd.Series | ArrayLike) -> Floats:
    """Bars as float64[n, 4]."""
    if isinstance(bars, pd.DataFrame):
        named = {str(name).lower(): name for name in bars.columns}
        absent = [name for name in COLUMNS if name not in named]
        if absent:
            raise ValueError(f"the bars have no column {absent[0]!r}; expected {', '.join(COLUMNS)}")
        rows = bars[[named[name] for name in COLUMNS]].to_numpy(dtype=np.float64)
    else:
        rows = np.asarray(bars, dtype=np.float64)
        if rows.ndim == 1 and kind == CLOSE_TO_CLOSE:
            rows = np.repeat(rows[:, None], 4, axis=1)
    if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows):
        raise ValueError(f"the bars have shape {rows.shape}; expected (n, 4): open, high, low, close, at least 2 rows")
    return np.ascontiguousarray(rows)


def _check_bars(rows: Floats) -> None:
    for place, name in enumerate(COLUMNS):
        check_positive(np.ascontiguousarray(rows[:, place]), name)
    wrong = (rows[:, 1] < rows.max(axis=1)) | (rows[:, 2] > rows.min(axis=1))
    if wrong.any():
        bad = int(np.argmax(wrong))
        raise ValueError(f"bar {bad} is {rows[bad].tolist()} (open, high, low, close); high or low is not the extreme")


def _holes(index: pd.Index) -> tuple[Flags, int | None]:
    """Which bars follow a step longer than the usual one, and the usual step in ns when the index tells times."""
    after = np.zeros(len(index), dtype=np.bool_)
    t_ns = index_ns(index)
    if t_ns is None or len(t_ns) < 2:
        return after, None
    steps = np.diff(t_ns)
    if (steps <= 0).any():
        bad = int(np.argmax(steps <= 0)) + 1
        raise ValueError(f"bar {bad} does not begin after the one before it; sort the bars by time, one row each")
    usual = int(np.median(steps))
    after[1:] = steps > 1.5 * usual
    return after, usual


def _refuse_holes(wrong: Flags, missing: Flags, gaps: Gaps) -> None:
    if gaps == "refuse" and wrong.any():
        first = int(np.argmax(wrong))
        what = "is missing (NaN)" if missing[first] else "follows a hole in the index"
        raise ValueError(
            f"bar {first} {what}; pass gaps='break' to take no return over the hole, or gaps='join' to count the "
            "return over it like any other"
        )
