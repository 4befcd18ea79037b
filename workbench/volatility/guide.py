"""The guide's volatility, as printed: std of the last log returns times sqrt(1440).

What is wrong with it (kept for comparison, never the default): it takes whatever arrives as one-minute bars, so with
one-second prices it shows about 13 % of the daily figure; the mean is removed in a short window; a gap counts like a
tick. `EwmaVolatility` is the form that means what it says.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np

__all__ = ["GuideVolatility", "calculate_volatility"]

MINUTES_IN_A_DAY = 1440


def calculate_volatility(prices: Iterable[float], window: int = 20, default: float = 0.01) -> float:
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
    if window < 2:
        raise ValueError(f"window is {window}; expected at least 2 prices")
    last = np.asarray(list(prices)[-window:], dtype=np.float64)
    if not (np.isfinite(last).all() and (last > 0).all()):
        raise ValueError(f"prices hold {last[~(np.isfinite(last) & (last > 0))][0]}; expected positive finite numbers")
    if last.size < window:
        return default
    return float(np.std(np.diff(np.log(last))) * math.sqrt(MINUTES_IN_A_DAY))


class GuideVolatility:
    """The guide's rolling history (100 prices, 20 used) in streaming form; `sigma` is its "volatility"."""

    def __init__(self, window: int = 20, history: int = 100, default: float = 0.01) -> None:
        if not 2 <= window <= history:
            raise ValueError(f"window is {window}; expected 2 to history, {history}")
        self._prices: deque[float] = deque(maxlen=history)
        self._window = window
        self._default = default
        self.sigma = default

    def update(self, price: float) -> float:
        """Append a price; returns `sigma`."""
        if not 0.0 < price < math.inf:
            raise ValueError(f"price is {price!r}; expected a positive finite number")
        self._prices.append(price)
        self.sigma = calculate_volatility(self._prices, self._window, self._default)
        return self.sigma
