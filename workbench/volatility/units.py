"""Variance with its span and its sample, and the one way from one horizon to another.

Variance grows in proportion to time, volatility with its root. A number without a horizon is therefore no volatility:
every estimate here carries the seconds that it is for, and says "per day" only when asked for a day.
"""

from __future__ import annotations

import math
from typing import Any, Self, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["HORIZONS", "Variance", "convert_volatility", "horizon_seconds", "to_volatility"]

HORIZONS = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0, "year": 31_536_000.0}
"""Seconds of each horizon that has a name; the market never closes, so a year is 365 days."""

Values = TypeVar("Values", float, "pd.Series[float]", NDArray[np.float64])


def horizon_seconds(horizon: str | float) -> float:
    """Seconds of a horizon: a name of `HORIZONS`, or seconds as they are.

    Raises
    ------
    ValueError
        For an unknown name, or a number that is not positive and finite.
    """
    if isinstance(horizon, str):
        if horizon not in HORIZONS:
            raise ValueError(f"horizon is {horizon!r}; expected one of {', '.join(HORIZONS)}, or seconds")
        return HORIZONS[horizon]
    if not 0.0 < horizon < math.inf:
        raise ValueError(f"horizon is {horizon!r}; expected a positive finite number of seconds")
    return float(horizon)


def to_volatility(variance: Values, over_s: float, horizon: str | float = "day") -> Values:
    """Volatility over a horizon, of a variance that is for `over_s` seconds: sqrt(variance x horizon / over_s).

    Parameters
    ----------
    variance : float, Series or ndarray
        Squared log return, fraction^2; NaN stays NaN.
    over_s : float
        Seconds that the variance is for: the length of a bar, or 1 for a rate per second.
    horizon : str or float
        "second", "minute", "hour", "day", "year", or seconds.

    Returns
    -------
    float, Series or ndarray
        As it came; fraction per square root of the horizon.

    Raises
    ------
    ValueError
        For a negative variance (a noise-corrected estimate can be negative when the sample is too small), or a span
        or horizon that is not positive.
    """
    lowest = np.nanmin(variance) if np.size(variance) and not np.all(np.isnan(variance)) else 0.0
    if lowest < 0.0:
        raise ValueError(f"a variance is {lowest:.3g}, negative: noise swamps so small a sample; take a longer one")
    scaled: Any = variance * (horizon_seconds(horizon) / horizon_seconds(over_s))
    rooted: Any = math.sqrt(scaled) if isinstance(scaled, float) else np.sqrt(scaled)
    return cast("Values", rooted)


def convert_volatility(volatility: Values, given: str | float, wanted: str | float) -> Values:
    """A volatility per square root of one horizon, as one per square root of another.

    Parameters
    ----------
    volatility : float, Series or ndarray
        Fraction per square root of `given`.
    given, wanted : str or float
        Horizons as in `horizon_seconds`.

    Returns
    -------
    float, Series or ndarray
        As it came; NaN stays NaN.

    Raises
    ------
    ValueError
        For a volatility that is negative or infinite, or a horizon that is none.
    """
    if np.any(np.asarray(volatility) < 0.0) or np.any(np.isinf(volatility)):
        raise ValueError(f"volatility is {volatility!r}; expected finite fractions that are not negative")
    return volatility * math.sqrt(horizon_seconds(wanted) / horizon_seconds(given))


class Variance(float):
    """A variance estimate: a float that knows the time it is for and how many samples it rests on.

    Parameters
    ----------
    value : float
        Variance of the log price over `span_s` seconds, fraction^2.
    span_s : float, optional
        Seconds that the value is for; None when the data had no times.
    samples : int
        Returns or bars that went in.
    """

    __slots__ = ("samples", "span_s")

    span_s: float | None
    samples: int

    def __new__(cls, value: float, span_s: float | None, samples: int) -> Self:
        made = super().__new__(cls, value)
        made.span_s = span_s
        made.samples = samples
        return made

    def __reduce__(self) -> tuple[type[Variance], tuple[float, float | None, int]]:
        return Variance, (float(self), self.span_s, self.samples)

    def per(self, horizon: str | float = "second") -> float:
        """Variance over a horizon, fraction^2.

        Raises
        ------
        ValueError
            If the span is not known, or no time.
        """
        if self.span_s is None:
            raise ValueError("the time this variance is for is not known; give the prices times, or the bars bar_s")
        if self.span_s == 0.0:
            raise ValueError("all prices of this variance have one time; expected times that pass")
        return float(self) * horizon_seconds(horizon) / self.span_s

    def volatility(self, horizon: str | float = "day") -> float:
        """Volatility per square root of a horizon, fraction.

        Raises
        ------
        ValueError
            If the span is not known or the variance is negative.
        """
        return to_volatility(self.per("second"), 1.0, horizon)

    def __repr__(self) -> str:
        size = f"{float(self):.6e}"
        if self.span_s is None:
            return f"Variance({size}, {self.samples} samples, no times)"
        told = self >= 0.0 and self.span_s > 0.0
        daily = f", {self.volatility():.4%} a square root of a day" if told else ""
        return f"Variance({size} over {self.span_s:g} s, {self.samples} samples{daily})"
