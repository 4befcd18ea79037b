"""Exponentially weighted variance as the textbooks print it: by the return (RiskMetrics), and at irregular times.

`EwmaVolatility` is the form that quotes are made with: it weighs squared returns against the time they took, so its
first value is already unbiased. The two here carry a starting value along and forget it at the pace of the weights.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.compiled import compiled, types
from workbench.volatility.arrays import FLOATS, INTS, READ_FLOATS, READ_INTS, Floats, Ints, log_ratio
from workbench.volatility.inputs import NS, TooFew, nanoseconds, read_prices, read_returns

__all__ = ["EwmaVariance", "IrregularEwmaVariance", "ewma_variance", "irregular_ewma_variance"]

LAST_PRICE, RATE, SAMPLES = range(3)


def ewma_variance(
    returns: ArrayLike | pd.Series, decay: float = 0.94, initial: float | None = None
) -> Floats | pd.Series:
    """The variance expected of each return, from the returns before it (RiskMetrics).

    Parameters
    ----------
    returns : Series or array_like, shape (n,)
        Log returns at equal times, finite.
    decay : float
        lambda, the weight that is kept at each return; between 0 and 1.
    initial : float, optional
        s_0, fraction^2 a return; the first squared return without it.

    Returns
    -------
    Series or ndarray, shape (n,)
        Fraction^2 a return; with `initial` left out, NaN at the first.

    Raises
    ------
    ValueError
        For fewer than two returns, one that is not finite, a decay outside of 0 to 1, or a negative start.

    Notes
    -----
    s_t = lambda s_{t-1} + (1 - lambda) r_{t-1}^2: known before r_t.

    References
    ----------
    J.P. Morgan (1996), RiskMetrics technical document, 4th edition, section 5.2.
    """
    _check_decay(decay, initial)
    values = read_returns(returns)
    out = np.empty_like(values)
    if initial is None:
        out[0] = math.nan
        weighted_squares(values[1:], decay, values[0] ** 2, out[1:])
    else:
        weighted_squares(values, decay, initial, out)
    return pd.Series(out, index=returns.index, name="ewma_variance") if isinstance(returns, pd.Series) else out


class EwmaVariance:
    """Streaming `ewma_variance`: feed returns, read the variance expected of the next.

    Parameters
    ----------
    decay, initial
        As in `ewma_variance`.
    """

    __slots__ = ("_decay", "variance")

    def __init__(self, decay: float = 0.94, initial: float | None = None) -> None:
        _check_decay(decay, initial)
        self._decay = decay
        self.variance = math.nan if initial is None else initial
        """Fraction^2 a return; NaN before the first."""

    def update(self, value: float) -> float:
        """Take a log return; returns `variance`, that of the next."""
        if not math.isfinite(value):
            raise ValueError(f"return is {value!r}; expected a finite number")
        self.variance = next_variance(self.variance, value, self._decay)
        return self.variance


def irregular_ewma_variance(
    prices: ArrayLike | pd.Series,
    times: ArrayLike | None = None,
    *,
    half_life_s: float = 30.0,
    initial: float | None = None,
) -> Floats | pd.Series:
    """Variance per second after each price, at whatever times prices come.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices. Of several at the same time the last before the next time counts.
    times : array_like, shape (n,), optional
        Datetimes, integer nanoseconds or float seconds, not decreasing; taken from the index of a Series without it.
    half_life_s : float
        Time after which a return has half its weight, seconds.
    initial : float, optional
        Starting value, fraction^2 a second; the first r^2/dt without it.

    Returns
    -------
    Series or ndarray, shape (n,)
        Fraction^2 a second; NaN before the first return when there is no `initial`.

    Notes
    -----
    s_i = lambda_i s_{i-1} + (1 - lambda_i) r_i^2/dt_i with lambda_i = 2^(-dt_i / half-life). A quiet stretch counts by
    its length, so a hole in the data is no special case: the return over it is spread over its time.
    """
    half_life = nanoseconds(half_life_s, "half_life_s")
    _check_initial(initial)
    values, t_ns = read_prices(prices, times)
    if t_ns is None:
        raise ValueError("irregular times are asked for, but there are none; pass times, or use ewma_variance")
    if values.size < 2:
        raise TooFew("there is 1 price; expected at least 2")
    out = np.empty_like(values)
    irregular_path(t_ns, values, float(half_life), math.nan if initial is None else initial, out)
    return pd.Series(out, index=prices.index, name="ewma_variance") if isinstance(prices, pd.Series) else out


class IrregularEwmaVariance:
    """Streaming `irregular_ewma_variance`: feed prices with their times.

    Parameters
    ----------
    half_life_s, initial
        As in `irregular_ewma_variance`.
    """

    __slots__ = ("_half_life", "_state", "_time")

    def __init__(self, half_life_s: float = 30.0, initial: float | None = None) -> None:
        self._half_life = float(nanoseconds(half_life_s, "half_life_s"))
        _check_initial(initial)
        self._state = np.array([0.0, math.nan if initial is None else initial, 0.0])
        self._time = np.zeros(1, dtype=np.int64)

    @property
    def variance(self) -> float:
        """Fraction^2 a second; NaN before the first return when there is no `initial`."""
        return float(self._state[RATE])

    @property
    def samples(self) -> int:
        """Returns taken in so far."""
        return int(self._state[SAMPLES])

    def update(self, t_ns: int, price: float) -> float:
        """Take a price at a time in nanoseconds; returns `variance`.

        Raises
        ------
        ValueError
            If the price is not a positive finite number, or time runs backwards.
        """
        if not 0.0 < price < math.inf:
            raise ValueError(f"price is {price!r}; expected a positive finite number")
        if self._state[LAST_PRICE] > 0.0 and t_ns < self._time[0]:
            raise ValueError(f"time is {t_ns} ns; expected at least {self._time[0]} ns, the one before")
        return float(irregular_update(self._state, self._time, t_ns, price, self._half_life))

    def break_series(self) -> None:
        """Forget the last price, not the estimate: no return is taken over a gap in the data."""
        self._state[LAST_PRICE] = 0.0


def _check_decay(decay: float, initial: float | None) -> None:
    if not 0.0 < decay < 1.0:
        raise ValueError(f"decay is {decay!r}; expected a number between 0 and 1")
    _check_initial(initial)


def _check_initial(initial: float | None) -> None:
    if initial is not None and not 0.0 <= initial < math.inf:
        raise ValueError(f"initial is {initial!r}; expected a variance, finite and not negative")


@compiled(types.float64(types.float64, types.float64, types.float64))
def next_variance(variance: float, move: float, decay: float) -> float:
    """One step of the recursion; the first squared return starts it when there is no variance yet."""
    if math.isnan(variance):
        return move * move
    return decay * variance + (1.0 - decay) * (move * move)


@compiled(types.void(READ_FLOATS, types.float64, types.float64, FLOATS))
def weighted_squares(moves: Floats, decay: float, initial: float, out: Floats) -> None:
    """out[0] = initial, out[t] = decay out[t-1] + (1 - decay) moves[t-1]^2.

    Two steps are taken at once, so that a value waits for the one two before it: half the time, the same numbers to
    the last digit or two.
    """
    if out.size == 0:
        return
    fresh, twice = 1.0 - decay, decay * decay
    out[0] = initial
    even = initial
    last = out.size - 1
    for t in range(1, last, 2):
        one, two = fresh * (moves[t - 1] * moves[t - 1]), fresh * (moves[t] * moves[t])
        out[t] = decay * even + one
        even = twice * even + (decay * one + two)
        out[t + 1] = even
    if last % 2 == 1:
        out[last] = decay * even + fresh * (moves[last - 1] * moves[last - 1])


@compiled(types.float64(FLOATS, INTS, types.int64, types.float64, types.float64))
def irregular_update(state: Floats, time: Ints, t_ns: int, price: float, half_life_ns: float) -> float:
    """Take a price into `state` (last price, variance a second, returns) and `time`; the variance a second."""
    if state[LAST_PRICE] <= 0.0:
        state[LAST_PRICE], time[0] = price, t_ns
    elif t_ns > time[0]:
        elapsed = float(t_ns - time[0])
        move = log_ratio(price, state[LAST_PRICE])
        rate = move * move * NS / elapsed
        if math.isnan(state[RATE]):
            state[RATE] = rate
        else:
            keep = 2.0 ** (-elapsed / half_life_ns)
            state[RATE] = keep * state[RATE] + (1.0 - keep) * rate
        state[SAMPLES] += 1.0
        state[LAST_PRICE], time[0] = price, t_ns
    return float(state[RATE])


@compiled(types.void(READ_INTS, READ_FLOATS, types.float64, types.float64, FLOATS))
def irregular_path(t_ns: Ints, prices: Floats, half_life_ns: float, initial: float, out: Floats) -> None:
    """All prices through `irregular_update`."""
    state, time = np.zeros(3), np.zeros(1, np.int64)
    state[RATE] = initial
    for i in range(prices.size):
        out[i] = irregular_update(state, time, t_ns[i], prices[i], half_life_ns)
