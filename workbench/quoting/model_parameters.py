"""From a calibration to a quote: volatility, A and k together as the parameters of the papers' models, units shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.checks import number
from workbench.quoting.avellaneda import avellaneda_stoikov_spread
from workbench.quoting.gueant import glft_constants
from workbench.quoting.intensity_fit import IntensityFit
from workbench.volatility.units import horizon_seconds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CalibratedQuoting", "quoting_parameters"]


@dataclass(frozen=True, slots=True)
class CalibratedQuoting:
    """Parameters of GLFT and Avellaneda-Stoikov, and what they quote; `frame` shows each with its error and unit.

    `sigma` in ticks a root second, `arrival_rate` (A of one side) 1/s, `k` and `gamma` 1/tick, `c1`, `c2` and the
    spreads ticks, `horizon_s` seconds. The Avellaneda-Stoikov spread is that of a rolling horizon.
    """

    sigma: float
    arrival_rate: float
    arrival_rate_error: float
    k: float
    k_error: float
    gamma: float
    horizon_s: float
    c1: float
    c1_error: float
    c2: float
    c2_error: float
    glft_spread: float
    avellaneda_stoikov_spread: float
    fit_range: tuple[float, float]

    def glft(self) -> dict[str, float]:
        """Arguments of `glft_closed_form`, `glft_exact` and `glft_stationary`."""
        return {"gamma": self.gamma, "sigma": self.sigma, "k": self.k, "arrival_rate": self.arrival_rate}

    def avellaneda_stoikov(self) -> dict[str, float]:
        """Arguments of `avellaneda_stoikov_spread`; and, with mid and inventory, of `avellaneda_stoikov_quotes`."""
        return {"gamma": self.gamma, "sigma": self.sigma, "k": self.k, "time_left": self.horizon_s}

    def frame(self) -> pd.DataFrame:
        """One row a parameter: value, standard error (NaN where it is given, not estimated) and unit."""
        import pandas as pd

        nan = math.nan
        rows = {
            "sigma": (self.sigma, nan, "ticks/sqrt(s)"),
            "arrival_rate": (self.arrival_rate, self.arrival_rate_error, "1/s and side"),
            "k": (self.k, self.k_error, "1/tick"),
            "gamma": (self.gamma, nan, "1/(tick lot)"),
            "horizon_s": (self.horizon_s, nan, "s"),
            "c1": (self.c1, self.c1_error, "ticks"),
            "c2": (self.c2, self.c2_error, "ticks/lot"),
            "glft_spread": (self.glft_spread, nan, "ticks"),
            "avellaneda_stoikov_spread": (self.avellaneda_stoikov_spread, nan, "ticks"),
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "standard_error", "unit"])


def quoting_parameters(
    fit: IntensityFit,
    *,
    volatility: float,
    per: str | float,
    price: float,
    tick_size: float,
    gamma: float | None = None,
    horizon_s: float = 60.0,
    min_p_value: float = 0.01,
) -> CalibratedQuoting:
    """The parameters that a fitted market and a volatility make; a poor fit is refused.

    Parameters
    ----------
    fit : IntensityFit
        Of one side, or of both: then A is halved, for the models count each side by itself.
    volatility : float
        Of log price: 0.03 is 3 %.
    per : str or float
        The horizon of `volatility`: "second", "minute", "hour", "day", "year", or seconds.
    price, tick_size : float
        In the quote currency.
    gamma : float, optional
        Risk aversion, 1 / (tick lot); default k / 10, as the live models take.
    horizon_s : float
        Rolling horizon of Avellaneda-Stoikov, seconds.
    min_p_value : float
        As in `IntensityFit.require`; 0 takes a fit of any shape.

    Returns
    -------
    CalibratedQuoting
        In ticks, seconds and lots of one order.

    Raises
    ------
    ValueError
        For a number that makes no sense.
    CalibrationError
        If the fit is too poor.

    Notes
    -----
    sigma = volatility price / tick_size / sqrt(seconds of `per`). Errors of C1 and C2 by the delta method over ln A and
    k with their correlation; sigma and gamma count as known.
    """
    fit.require(min_p_value=min_p_value)
    volatility = number("volatility", volatility, "log price", low=0.0)
    price = number("price", price, "quote currency", above=0.0)
    tick_size = number("tick_size", tick_size, "quote currency", above=0.0)
    horizon_s = number("horizon_s", horizon_s, "s", above=0.0)
    share = 0.5 if fit.side == "both" else 1.0
    aversion = 0.1 * fit.k if gamma is None else number("gamma", gamma, "1/(tick lot)", low=0.0)
    sigma = volatility * price / tick_size / math.sqrt(horizon_seconds(per))
    rate = share * fit.a
    c1, c2 = glft_constants(gamma=aversion, sigma=sigma, k=fit.k, arrival_rate=rate)
    c1_error, c2_error = _constant_errors(fit, aversion, sigma, rate)
    as_spread = avellaneda_stoikov_spread(gamma=aversion, sigma=sigma, k=fit.k, time_left=horizon_s)
    return CalibratedQuoting(
        sigma=sigma,
        arrival_rate=rate,
        arrival_rate_error=share * fit.a_error,
        k=fit.k,
        k_error=fit.k_error,
        gamma=aversion,
        horizon_s=horizon_s,
        c1=c1,
        c1_error=c1_error,
        c2=c2,
        c2_error=c2_error,
        glft_spread=2.0 * c1 + c2,
        avellaneda_stoikov_spread=float(as_spread),
        fit_range=fit.fit_range,
    )


def _constant_errors(fit: IntensityFit, gamma: float, sigma: float, rate: float) -> tuple[float, float]:
    """Standard errors of C1 and C2, by central differences over ln A and k."""
    relative = fit.a_error / fit.a
    off = fit.correlation * relative * fit.k_error
    covariance = np.array([[relative**2, off], [off, fit.k_error**2]])
    step = 1e-5

    def at(log_rate: float, k_share: float) -> NDArray[np.float64]:
        moved = glft_constants(
            gamma=gamma, sigma=sigma, k=fit.k * (1.0 + k_share), arrival_rate=rate * math.exp(log_rate)
        )
        return np.array(moved)

    slopes = np.column_stack(
        (
            (at(step, 0.0) - at(-step, 0.0)) / (2.0 * step),
            (at(0.0, step) - at(0.0, -step)) / (2.0 * step * fit.k),
        )
    )
    errors = np.sqrt(np.diag(slopes @ covariance @ slopes.T))
    return float(errors[0]), float(errors[1])
