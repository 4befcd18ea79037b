"""Realised variance seen through many steps, and any estimator period by period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.volatility.arrays import Floats, Ints
from workbench.volatility.inputs import Holes, TooFew, nanoseconds, observe, read_prices, read_sampling
from workbench.volatility.realised import realised_variance
from workbench.volatility.units import Variance

__all__ = ["by_period", "signature"]

DEFAULT_STEPS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
LEAST_RETURNS = 10
SAMPLING = ("step_s", "origin_ns", "max_gap_s", "gaps")


def signature(
    prices: ArrayLike | pd.Series,
    times: ArrayLike | None = None,
    *,
    steps_s: Sequence[float] = DEFAULT_STEPS_S,
    **holes: Unpack[Holes],
) -> pd.DataFrame:
    """Realised variance against the step of its clock: where the line is level, noise no longer matters.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices.
    times : array_like, shape (n,), optional
        Datetimes, integer nanoseconds or float seconds, not decreasing; taken from the index of a Series without it.
    steps_s : sequence of float
        Steps to try, seconds.
    **holes
        As in `Holes`.

    Returns
    -------
    DataFrame, shape (steps, 4)
        By `step_s`: `variance` (fraction^2 a second), `volatility` (fraction a square root of a day), `returns`, and
        `error`, the standard error of the volatility by sampling alone (volatility / sqrt(2 returns)).

    Raises
    ------
    ValueError
        As `realised_variance`, and if a step leaves fewer than 10 returns.
    """
    if not len(steps_s):
        raise ValueError("steps_s is empty; expected at least one step in seconds")
    rows = []
    for step_s in steps_s:
        found = realised_variance(prices, times, step_s=step_s, **holes)
        if found.samples < LEAST_RETURNS:
            raise TooFew(f"a step of {step_s:g} s leaves {found.samples} returns; expected at least {LEAST_RETURNS}")
        daily = found.volatility("day")
        rows.append((found.per("second"), daily, found.samples, daily / np.sqrt(2.0 * found.samples)))
    index = pd.Index([float(step_s) for step_s in steps_s], name="step_s")
    return pd.DataFrame(rows, index=index, columns=["variance", "volatility", "returns", "error"])


def by_period(
    estimator: Callable[..., Variance],
    prices: ArrayLike | pd.Series,
    times: ArrayLike | None = None,
    *,
    period_s: float = 86_400.0,
    **settings: Any,
) -> pd.DataFrame:
    """An estimator for each period of the data, a day for instance; prices in, a table by time out.

    Parameters
    ----------
    estimator : callable
        `realised_variance`, `two_scale_variance` and so on: anything that takes prices and times.
    prices, times
        As in `realised_variance`.
    period_s : float
        Length of a period, seconds; periods begin at whole multiples of it (days at midnight UTC).
    **settings
        For the estimator: `step_s`, `subgrids`, `gaps`, ...

    Returns
    -------
    DataFrame, shape (periods, 3)
        By the UTC time at which a period begins: `variance` (fraction^2), `span_s` and `samples`. A period with too few
        prices for the estimator is NaN with 0 samples.

    Notes
    -----
    Each period starts from the last price before it (previous tick), so that no return is lost between two: with a step
    that divides the period, the realised variances of the periods sum to that of the whole. A hole longer than
    `max_gap_s` is refused or left out as the estimator's own `gaps` says.
    """
    values, t_ns = read_prices(prices, times)
    if t_ns is None:
        raise ValueError("periods need times; give the prices a DatetimeIndex, or pass times")
    step_s, _, longest_ns, _ = read_sampling(**{name: settings[name] for name in SAMPLING if name in settings})
    # Refused here once, for the whole: a hole at a boundary would otherwise hide between two periods.
    observe(values, t_ns, **{name: settings[name] for name in SAMPLING if name in settings})
    width = nanoseconds(period_s, "period_s")
    first, last = int(t_ns[0]) // width, int(t_ns[-1]) // width
    rows = []
    for number in range(first, last + 1):
        cut = _ticks_of if step_s is None else _points_of
        try:
            found = estimator(*cut(values, t_ns, number * width, (number + 1) * width, longest_ns), **settings)
        except TooFew:
            rows.append((np.nan, np.nan, 0))
        else:
            rows.append((float(found), found.span_s or np.nan, found.samples))
    index = pd.DatetimeIndex((np.arange(first, last + 1) * width).view("M8[ns]"), tz="UTC", name="time")
    return pd.DataFrame(rows, index=index, columns=["variance", "span_s", "samples"])


def _ticks_of(values: Floats, t_ns: Ints, begin: int, end: int, _: int) -> tuple[Floats, Ints]:
    """The last price before `begin`, then all before `end`: a return belongs to the period in which it ends."""
    a, b = np.searchsorted(t_ns, [begin, end], side="left")
    return values[max(0, a - 1) : b], t_ns[max(0, a - 1) : b]


def _points_of(values: Floats, t_ns: Ints, begin: int, end: int, longest_ns: int) -> tuple[Floats, Ints]:
    """Prices between the two times, with the last ones at or before either as the prices at them."""
    a, b = np.searchsorted(t_ns, [begin, end], side="right")
    piece, stamps = values[a:b], t_ns[a:b]
    if 0 < a < t_ns.size and (t_ns[a - 1] == begin or t_ns[a] - t_ns[a - 1] <= longest_ns):
        piece, stamps = np.r_[values[a - 1], piece], np.r_[begin, stamps]
    if 0 < b < t_ns.size and t_ns[b] - t_ns[b - 1] <= longest_ns:
        piece, stamps = np.r_[piece, values[b - 1]], np.r_[stamps, end]
    return piece, stamps
