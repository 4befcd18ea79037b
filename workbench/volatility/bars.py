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
from numpy.typing import ArrayLike

from workbench.checks import number, whole
from workbench.volatility.arrays import Floats, log_ratios
from workbench.volatility.bar_input import Gaps, GoodBars, read_bars
from workbench.volatility.bar_steps import (
    CLOSE,
    CLOSE_TO_CLOSE,
    FOUR_LN_2,
    GARMAN_KLASS,
    GARMAN_KLASS_YANG_ZHANG,
    NUMBER,
    PARKINSON,
    ROGERS_SATCHELL,
    STATE_SIZE,
    TWO_LN_2_LESS_1,
    YANG_ZHANG,
    bar_update,
    roll_terms,
)
from workbench.volatility.inputs import NS, TooFew
from workbench.volatility.units import Variance

__all__ = [
    "BarVariance",
    "close_to_close_variance",
    "garman_klass_variance",
    "garman_klass_yang_zhang_variance",
    "parkinson_variance",
    "rogers_satchell_variance",
    "yang_zhang_variance",
]

Estimator = Literal[
    "close_to_close", "parkinson", "garman_klass", "rogers_satchell", "garman_klass_yang_zhang", "yang_zhang"
]
KINDS: tuple[str, ...] = Estimator.__args__  # type: ignore[attr-defined]
NEEDS_CLOSE_BEFORE = (CLOSE_TO_CLOSE, GARMAN_KLASS_YANG_ZHANG, YANG_ZHANG)
LEAST_BARS = 2


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
        if not (0.0 < low <= open <= high < math.inf and low <= close <= high):
            raise ValueError(
                f"the bar is open {open!r}, high {high!r}, low {low!r}, close {close!r}; expected positive finite "
                "prices with low and high as extremes"
            )
        self.variance = bar_update(self.state, self._ring, self._kind, open, high, low, close)
        return self.variance

    def break_series(self) -> None:
        """Forget the last close, not the estimate: no return is taken over missing bars."""
        self.state[CLOSE] = 0.0


# --- over arrays ------------------------------------------------------------------------------------------------------


def _estimate(
    kind: int, bars: pd.DataFrame | pd.Series | ArrayLike, window: int | None, bar_s: float | None, gaps: Gaps
) -> Variance | pd.Series:
    _check_window(window)
    if bar_s is not None:
        number("bar_s", bar_s, "s", above=0.0)
    good, index, step_ns = read_bars(bars, gaps, closes_do=kind == CLOSE_TO_CLOSE)
    first, second, mean = _terms(kind, good)
    count = max(first.size, mean.size)
    if count < LEAST_BARS:
        least = LEAST_BARS + (kind in NEEDS_CLOSE_BEFORE)
        raise TooFew(f"{good.columns[0].size} bars are too few for {KINDS[kind]}; expected at least {least}")
    if window is not None:
        return _rolled(kind, (first, second, mean), good, window, index)
    length = bar_s if bar_s is not None else None if step_ns is None else step_ns / NS
    return Variance(_variance(kind, first, second, mean), length, count)


def _terms(kind: int, bars: GoodBars) -> tuple[Floats, Floats, Floats]:
    """Terms of each bar: two whose variance is taken, one whose mean is; empty where the estimator has none."""
    opened, high, low, close = bars.columns
    none = np.empty(0)
    if kind == CLOSE_TO_CLOSE:
        return log_ratios(close[bars.after], close[bars.before]), none, none
    if kind == PARKINSON:
        return none, none, log_ratios(high, low) ** 2 / FOUR_LN_2
    jumps = none
    if kind in NEEDS_CLOSE_BEFORE:
        jumps = log_ratios(opened[bars.after], close[bars.before])
        opened, high, low, close = (column[bars.after] for column in bars.columns)
    c = log_ratios(close, opened)
    if kind in (ROGERS_SATCHELL, YANG_ZHANG):
        u, d = log_ratios(high, opened), log_ratios(low, opened)
        inside = u * (u - c) + d * (d - c)
        return (jumps, c, inside) if kind == YANG_ZHANG else (none, none, inside)
    width = log_ratios(high, low)
    inside = 0.5 * width * width - TWO_LN_2_LESS_1 * c * c
    return none, none, inside if kind == GARMAN_KLASS else jumps * jumps + inside


def _variance(kind: int, first: Floats, second: Floats, mean: Floats) -> float:
    if kind == CLOSE_TO_CLOSE:
        return float(np.var(first, ddof=1))
    if kind != YANG_ZHANG:
        return float(np.mean(mean))
    n = first.size
    k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0))
    return float(np.var(first, ddof=1) + k * np.var(second, ddof=1) + (1.0 - k) * np.mean(mean))


def _rolled(kind: int, terms: tuple[Floats, Floats, Floats], bars: GoodBars, window: int, index: pd.Index) -> pd.Series:
    """NaN where a bar is missing, has no close before it where one is needed, or too few are behind it."""
    count = max(term.size for term in terms)
    rolled = np.empty(count)
    first, second, mean = (term if term.size else np.zeros(count) for term in terms)
    roll_terms(kind, first, second, mean, window, rolled)
    place = np.arange(len(index))[bars.place]
    out = np.full(len(index), np.nan)
    out[place[bars.after] if kind in NEEDS_CLOSE_BEFORE else place] = rolled
    return pd.Series(out, index=index, name=f"{KINDS[kind]}_variance")


def _check_window(window: int | None) -> None:
    if window is not None:
        whole("window", window, "bars", low=LEAST_BARS)
