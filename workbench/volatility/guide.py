"""The guide's volatility, as printed: std of the last log returns times sqrt(1440).

What is wrong with it (kept for comparison, never the default):

- It takes whatever arrives as one-minute bars. With prices every dt seconds it shows sqrt(dt/60) of the daily figure:
  13 % of it at one second, 4 % at 100 ms. It is per day at best, never annual.
- Trade prices bounce between bid and ask (too high); repeated quotes are zeros (too low).
- The window counts ticks, not time; a gap counts like a tick; the mean is removed in a window of 20; ddof is 0.
- Before the window is full it answers 0.01, whatever the market does.

`EwmaVolatility` is the form that means what it says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from workbench.checks import number, whole
from workbench.compiled import compiled, types
from workbench.volatility.arrays import FLOATS, READ_FLOATS, Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GuideVolatility", "calculate_volatility", "guide_estimator"]

WINDOW = 20
HISTORY = 100
DEFAULT = 0.01


@compiled(types.float64(READ_FLOATS, types.int64))
def spread_of_returns(ring: Floats, oldest: int) -> float:
    """Population std of the log returns of a ring of prices times sqrt(1440), from its oldest price on."""
    size = ring.size
    moves = np.empty(size - 1)
    mean = 0.0
    before = ring[oldest]
    for i in range(size - 1):
        at = oldest + 1 + i
        price = ring[at - size if at >= size else at]
        moves[i] = math.log(price) - math.log(before)
        mean += moves[i]
        before = price
    mean /= size - 1
    squares = 0.0
    for i in range(size - 1):
        squares += (moves[i] - mean) ** 2
    return math.sqrt(squares / (size - 1)) * math.sqrt(1440.0)


@compiled(types.void(READ_FLOATS, types.int64, types.float64, FLOATS))
def guide_path(prices: Floats, window: int, default: float, out: Floats) -> None:
    """The guide's number after each price."""
    for i in range(prices.size):
        out[i] = default if i + 1 < window else spread_of_returns(prices[i + 1 - window : i + 1], 0)


def calculate_volatility(prices: Iterable[float], window: int = WINDOW, default: float = DEFAULT) -> float:
    """The guide's `calculate_volatility`: population std of the log returns of the last `window` prices x sqrt(1440).

    Parameters
    ----------
    prices : iterable of float
        Positive prices, oldest first.
    window : int
        Prices used.
    default : float
        Returned while there are fewer than `window` prices.

    Raises
    ------
    ValueError
        If a price in the window is not a positive finite number, or the window is shorter than 2.
    """
    _check_settings(window, default)
    last = np.asarray(list(prices)[-window:], dtype=np.float64)
    _check_prices(last)
    if last.size < window:
        return default
    return float(spread_of_returns(last, 0))


def guide_estimator(
    prices: ArrayLike | pd.Series, window: int = WINDOW, default: float = DEFAULT
) -> Floats | pd.Series:
    """The guide's number after each price, to compare with estimators that know what time it is.

    It is called volatility "annualised to minutes", but is per square root of a day when prices come once a minute, and
    of nothing otherwise: it ignores the times of the prices. The module's own text lists the faults.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices, oldest first.
    window : int
        Prices used.
    default : float
        Given while there are fewer than `window` prices.

    Returns
    -------
    Series or ndarray, shape (n,)
        Fraction; the same numbers as `calculate_volatility` of the prices up to each.

    Raises
    ------
    ValueError
        For no prices, one that is not positive and finite, or a window shorter than 2.
    """
    import pandas as pd  # the engine, which uses the streaming form, does without

    _check_settings(window, default)
    values = np.ascontiguousarray(prices, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"prices have shape {values.shape}; expected one row of at least 1 price")
    _check_prices(values)
    out = np.empty_like(values)
    guide_path(values, window, default, out)
    return pd.Series(out, index=prices.index, name="guide_volatility") if isinstance(prices, pd.Series) else out


class GuideVolatility:
    """The guide's rolling history (100 prices, 20 used) in streaming form; `sigma` is its "volatility"."""

    __slots__ = ("_at", "_ring", "_seen", "sigma")

    def __init__(self, window: int = WINDOW, history: int = HISTORY, default: float = DEFAULT) -> None:
        whole("history", history, "prices", low=2)
        whole("window", window, "prices", low=2, high=history)
        number("default", default, "volatility", low=0.0)
        # Of the guide's history only the window is ever used.
        self._ring = np.zeros(window)
        self._at = 0
        self._seen = 0
        self.sigma = default

    def update(self, price: float) -> float:
        """Append a price; returns `sigma`."""
        if not 0.0 < price < math.inf:
            raise ValueError(f"price is {price!r}; expected a positive finite number")
        self._ring[self._at] = price
        self._at = (self._at + 1) % self._ring.size
        self._seen += 1
        if self._seen >= self._ring.size:
            self.sigma = float(spread_of_returns(self._ring, self._at))
        return self.sigma


def _check_settings(window: int, default: float) -> None:
    whole("window", window, "prices", low=2)
    number("default", default, "volatility", low=0.0)


def _check_prices(values: Floats) -> None:
    good = np.isfinite(values) & (values > 0.0)
    if not good.all():
        bad = int(np.argmin(good))
        raise ValueError(f"prices hold {values[bad]} at {bad}; expected positive finite numbers")
