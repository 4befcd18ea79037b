"""Time-aware exponentially weighted volatility: squared log returns over the time they took.

With weights w_i that halve every `half_life_s` of time, sigma^2 = sum w_i r_i^2 / sum w_i dt_i, per second. Irregular
sampling is handled by construction: a quiet second counts as a second, not as one tick. Zero mean is assumed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.checks import number, whole
from workbench.compiled import compiled, types
from workbench.volatility.arrays import FLOATS, READ_FLOATS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EwmaVolatility", "ewma_update", "ewma_volatility"]

LAST_PRICE, LAST_TIME, NUMERATOR, DENOMINATOR, COUNT = range(5)
STATE_SIZE = 5


@compiled(types.float64(FLOATS, types.float64, types.float64, types.float64, types.float64))
def ewma_update(state: NDArray[np.float64], time_s: float, price: float, half_life_s: float, sample_s: float) -> float:
    """Take one price into `state` and return sigma^2 per second (NaN before the first return).

    `state` holds last price, last time, weighted sum of r^2, weighted sum of dt, number of returns; zeros at the start.
    Prices nearer than `sample_s` to the last one used are skipped (previous-tick sampling on a clock).
    """
    if state[LAST_PRICE] <= 0.0:
        state[LAST_PRICE] = price
        state[LAST_TIME] = time_s
    else:
        elapsed = time_s - state[LAST_TIME]
        if elapsed >= sample_s and elapsed > 0.0:
            change = math.log(price / state[LAST_PRICE])
            weight = 2.0 ** (-elapsed / half_life_s)
            state[NUMERATOR] = weight * state[NUMERATOR] + change * change
            state[DENOMINATOR] = weight * state[DENOMINATOR] + elapsed
            state[COUNT] += 1.0
            state[LAST_PRICE] = price
            state[LAST_TIME] = time_s
    if state[COUNT] == 0.0:
        return math.nan
    return float(state[NUMERATOR] / state[DENOMINATOR])


@compiled(types.void(READ_FLOATS, READ_FLOATS, types.float64, types.float64, FLOATS))
def _ewma_path(
    times: NDArray[np.float64],
    prices: NDArray[np.float64],
    half_life_s: float,
    sample_s: float,
    out: NDArray[np.float64],
) -> None:
    state = np.zeros(5)
    for i in range(times.size):
        out[i] = math.sqrt(ewma_update(state, times[i], prices[i], half_life_s, sample_s))


class EwmaVolatility:
    """Streaming form: feed prices with their times, read `sigma`.

    Parameters
    ----------
    half_life_s : float
        Time after which a return has half its weight, seconds.
    sample_s : float
        Prices nearer in time than this are skipped, seconds; keeps quote flicker out.
    min_samples : int
        Returns before `sigma` is given.
    """

    __slots__ = ("_half_life_s", "_min_samples", "_sample_s", "sigma", "state")

    def __init__(self, half_life_s: float = 30.0, sample_s: float = 0.0, min_samples: int = 1) -> None:
        number("half_life_s", half_life_s, "s", low=1e-9)
        number("sample_s", sample_s, "s", low=0.0)
        whole("min_samples", min_samples, "returns", low=1)
        self._half_life_s = half_life_s
        self._sample_s = sample_s
        self._min_samples = min_samples
        self.state = np.zeros(STATE_SIZE)
        self.sigma = math.nan
        """Volatility per square root of a second, fraction; NaN until `min_samples` returns are in."""

    @property
    def samples(self) -> int:
        """Returns taken in so far."""
        return int(self.state[COUNT])

    def update(self, time_s: float, price: float) -> float:
        """Take a price at a time in seconds; returns `sigma`.

        Raises
        ------
        ValueError
            If the price is not a positive finite number, or time runs backwards.
        """
        if not 0.0 < price < math.inf:
            raise ValueError(f"price is {price!r}; expected a positive finite number")
        elapsed = time_s - self.state.item(LAST_TIME)
        if not elapsed >= 0.0:
            raise ValueError(f"time is {time_s!r} s; expected at least {self.state[LAST_TIME]} s, the one before")
        if elapsed < self._sample_s and self.state.item(LAST_PRICE) > 0.0:
            return self.sigma
        variance = ewma_update(self.state, time_s, price, self._half_life_s, self._sample_s)
        if self.state.item(COUNT) >= self._min_samples:
            self.sigma = math.sqrt(variance)
        return self.sigma

    def break_series(self) -> None:
        """Forget the last price, not the estimate: no return is taken over a gap in the data."""
        self.state[LAST_PRICE] = 0.0


def ewma_volatility(
    times_s: ArrayLike, prices: ArrayLike | pd.Series, half_life_s: float = 30.0, sample_s: float = 0.0
) -> NDArray[np.float64] | pd.Series:
    """Volatility after each price, per square root of a second; the same numbers as `EwmaVolatility`.

    Parameters
    ----------
    times_s : array_like, shape (n,)
        Times in seconds, not decreasing.
    prices : Series or array_like, shape (n,)
        Positive prices.
    half_life_s, sample_s : float
        As in `EwmaVolatility`.

    Returns
    -------
    Series or ndarray, shape (n,)
        NaN until the first return; a Series by the index of the prices when they are one.

    Raises
    ------
    ValueError
        For empty, unequal, unsorted, non-finite or non-positive input.
    """
    times = np.ascontiguousarray(times_s, dtype=np.float64)
    values = np.ascontiguousarray(prices, dtype=np.float64)
    if times.ndim != 1 or times.shape != values.shape or times.size == 0:
        raise ValueError(
            f"times have shape {times.shape}, prices {values.shape}; expected one equal length of at least 1"
        )
    if not (np.isfinite(times).all() and np.isfinite(values).all() and (values > 0).all()):
        raise ValueError("times and prices must be finite and prices positive; drop or repair the rows that are not")
    if (np.diff(times) < 0).any():
        raise ValueError("times must not decrease; sort the rows by time")
    EwmaVolatility(half_life_s, sample_s)  # one place decides what settings are refused
    out = np.empty_like(values)
    _ewma_path(times, values, half_life_s, sample_s, out)
    import pandas as pd  # the engine, which uses the streaming form, does without

    return pd.Series(out, index=prices.index, name="ewma_volatility") if isinstance(prices, pd.Series) else out
