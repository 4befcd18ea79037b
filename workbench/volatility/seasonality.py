"""How volatility depends on the time of day, and returns with that taken out.

Crypto never closes, but it breathes: funding stamps, the American morning, the quiet hours. A pattern is given as
volatility factors by UTC time of day whose squares average 1.
"""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.checks import whole
from workbench.volatility import stepping
from workbench.volatility.arrays import Floats, Ints
from workbench.volatility.inputs import NS, Holes, TooFew, nanoseconds, observe, read_times
from workbench.volatility.streams import PriceStream

__all__ = ["TimeOfDayVariance", "seasonal_factors", "time_of_day_variance"]

DAY_NS = stepping.DAY_NS
LEAST_RETURNS = 30
"""Returns in a bin before it gets a factor: the error of a variance of 30 returns is about a quarter."""


def time_of_day_variance(
    prices: ArrayLike | pd.Series,
    times: ArrayLike | None = None,
    *,
    bin_s: float = 3_600.0,
    step_s: float = 60.0,
    min_samples: int = LEAST_RETURNS,
    **holes: Unpack[Holes],
) -> pd.DataFrame:
    """Variance by the time of day at which a return begins, and the factor that volatility has there.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices.
    times : array_like, shape (n,), optional
        Datetimes, integer nanoseconds or float seconds, not decreasing; taken from the index of a Series without it.
    bin_s : float
        Width of a bin, seconds; a day must hold a whole number of them.
    step_s : float
        Previous-tick sampling of the returns, seconds; a bin must hold a whole number of them.
    min_samples : int
        Returns in a bin before it gets a factor.
    **holes
        As in `Holes`.

    Returns
    -------
    DataFrame, shape (bins, 3)
        `variance` (fraction^2 a second), `factor` (of volatility; the squares average 1 over the bins that have one)
        and `samples`, by seconds since midnight UTC. Bins with too few returns have NaN.

    Raises
    ------
    ValueError
        For bad prices or times, bins that do not fit, or no bin with enough returns.
    """
    bin_ns = _bin_ns(bin_s, step_s)
    whole("min_samples", min_samples, "returns", low=1)
    bins = DAY_NS // bin_ns
    squares, spans, counts = np.zeros(bins), np.zeros(bins), np.zeros(bins, dtype=np.int64)
    for segment in observe(prices, times, step_s=step_s, **holes):
        assert segment.t_ns is not None
        moves = segment.returns
        place = segment.t_ns[:-1] % DAY_NS // bin_ns
        squares += np.bincount(place, moves * moves, bins)
        spans += np.bincount(place, np.diff(segment.t_ns) / NS, bins)
        counts += np.bincount(place, minlength=bins)
    return _table(squares, spans, counts, bin_ns, min_samples)


class TimeOfDayVariance(PriceStream):
    """Streaming `time_of_day_variance`: O(1) for each price and grid point; read `table`.

    Parameters
    ----------
    bin_s, step_s, min_samples, **holes
        As in `time_of_day_variance`.
    """

    __slots__ = ("_min_samples",)

    def __init__(
        self,
        bin_s: float = 3_600.0,
        step_s: float = 60.0,
        min_samples: int = LEAST_RETURNS,
        **holes: Unpack[Holes],
    ) -> None:
        bin_ns = _bin_ns(bin_s, step_s)
        whole("min_samples", min_samples, "returns", low=1)
        bins = DAY_NS // bin_ns
        super().__init__(stepping.TIME_OF_DAY, bins, None, bin_ns=bin_ns, step_s=step_s, **holes)
        self._min_samples = min_samples

    def table(self) -> pd.DataFrame:
        """As `time_of_day_variance`, of all prices so far; raises `ValueError` while no bin has enough."""
        clock, sums = self._read()
        bins = int(clock[stepping.LAG])
        squares, counts = sums[stepping.SUMS_SIZE :][:bins], sums[stepping.SUMS_SIZE + bins :][:bins]
        spans = clock[stepping.CLOCK_SIZE :] / NS
        return _table(squares, spans, counts.astype(np.int64), int(clock[stepping.BIN]), self._min_samples)


def seasonal_factors(table: pd.DataFrame, times: ArrayLike | pd.Series | pd.Index) -> Floats:
    """The factor of each time, from a table of `time_of_day_variance`; divide returns by it to level the day.

    Parameters
    ----------
    table : DataFrame
        From `time_of_day_variance`.
    times : array_like, shape (n,)
        Datetimes, integer nanoseconds or float seconds: when the returns begin.

    Returns
    -------
    ndarray, shape (n,)
        Factors of volatility.

    Raises
    ------
    ValueError
        If a time falls into a bin without a factor.
    """
    factors = _factors_of(table)
    stamps = read_times(times)
    if not stamps.size:
        raise ValueError("times are empty; expected at least one")
    found = factors[stamps % DAY_NS // (DAY_NS // len(factors))]
    if np.isnan(found).any():
        second = table.index[np.isnan(factors)][0]
        raise ValueError(f"the bin at {second} s after midnight has too few returns for a factor; take wider bins")
    return np.asarray(found, dtype=np.float64)


def _factors_of(table: pd.DataFrame) -> Floats:
    """The factors of a table that covers a day in order; refuse another."""
    seconds = np.arange(len(table)) * (DAY_NS / NS / max(len(table), 1))
    whole_day = len(table) > 0 and np.array_equal(np.asarray(table.index, dtype=np.float64), seconds)
    if "factor" not in table.columns or not whole_day:
        raise ValueError(
            f"the table has {len(table)} rows and the columns {', '.join(map(str, table.columns))}; expected that of "
            "time_of_day_variance, the bins of a day in order"
        )
    factors = table["factor"].to_numpy(dtype=np.float64)
    bad = np.flatnonzero((factors < 0.0) | np.isinf(factors))
    if bad.size:
        raise ValueError(f"factor {int(bad[0])} is {factors[bad[0]]}; expected positive numbers, NaN for none")
    return factors


def _bin_ns(bin_s: float, step_s: float) -> int:
    bin_ns, step_ns = nanoseconds(bin_s, "bin_s"), nanoseconds(step_s)
    if DAY_NS % bin_ns or bin_ns % step_ns:
        raise ValueError(
            f"bin_s is {bin_s:g}, step_s {step_s:g}; expected whole steps in a bin and whole bins in a day"
        )
    return bin_ns


def _table(squares: Floats, spans: Floats, counts: Ints, bin_ns: int, min_samples: int) -> pd.DataFrame:
    enough = counts >= min_samples
    if not enough.any():
        raise TooFew(f"no bin has {min_samples} returns, the most is {counts.max()}; take more data or wider bins")
    variance = np.full(len(counts), math.nan)
    variance[enough] = squares[enough] / spans[enough]
    level = float(np.mean(variance[enough]))
    if level <= 0.0:
        raise ValueError("the price never moved, so there is no pattern by time of day")
    index = pd.Index(np.arange(len(counts)) * (bin_ns / NS), name="second_of_day")
    return pd.DataFrame({"variance": variance, "factor": np.sqrt(variance / level), "samples": counts}, index=index)
