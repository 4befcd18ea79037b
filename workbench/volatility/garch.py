"""GARCH, fitted by `arch`: for returns at equal times, minutes to days; not for ticks.

`arch` comes with the extra `research` and is loaded when it is called for.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.checks import whole
from workbench.volatility.inputs import TooFew, read_returns

__all__ = ["GarchFit", "fit_garch"]

Distribution = Literal["normal", "t", "skewt", "ged"]
DISTRIBUTIONS: tuple[str, ...] = Distribution.__args__  # type: ignore[attr-defined]

LEAST_RETURNS = 250
"""Below this the likelihood is so flat that the parameters say little."""

TARGET_DEVIATION = 1.0
"""`arch` fits well where returns are of this size; they are scaled there and the results back."""


@dataclass(frozen=True, slots=True)
class GarchFit:
    """A fitted GARCH model, in the units of the returns that went in."""

    parameters: pd.DataFrame
    """`value` and `error` (standard, robust) of omega (fraction^2 a return), alpha[i], gamma[i], beta[i] and those of
    the distribution."""
    variance: pd.Series
    """Conditional variance of each return, fraction^2, known before it; by the index of the returns."""
    expected: pd.Series
    """Variance of each of the next returns, fraction^2, by how many returns ahead (1 is the next)."""
    persistence: float
    """Share of a shock that is left one return later: alpha + gamma/2 + beta."""
    long_run_variance: float
    """Variance of a return far ahead, fraction^2; infinite when shocks do not die out."""
    log_likelihood: float


def fit_garch(
    returns: ArrayLike | pd.Series,
    *,
    p: int = 1,
    o: int = 0,
    q: int = 1,
    distribution: Distribution = "normal",
    horizon: int = 1,
    min_samples: int = LEAST_RETURNS,
) -> GarchFit:
    """Fit a GARCH (or, with o, a GJR-GARCH) model with zero mean and give its variances, past and expected.

    Parameters
    ----------
    returns : Series or array_like, shape (n,)
        Log returns at equal times, fraction.
    p, o, q : int
        Lags of squared returns, of squared negative returns, and of variances.
    distribution : str
        Of the standardised returns.
    horizon : int
        How many returns ahead to expect.
    min_samples : int
        Fewer returns are refused.

    Returns
    -------
    GarchFit

    Raises
    ------
    ImportError
        If `arch` is not installed; the message says how to get it.
    ValueError
        For returns that are not finite, do not move or are too few, and if the fit did not converge.

    Notes
    -----
    s_t = omega + sum alpha_i r_{t-i}^2 + sum gamma_i r_{t-i}^2 1{r_{t-i} < 0} + sum beta_i s_{t-i}.

    References
    ----------
    Bollerslev (1986), Generalized autoregressive conditional heteroskedasticity, J. Econometrics 31. Glosten,
    Jagannathan & Runkle (1993), J. Finance 48.
    """
    values = read_returns(returns)
    for name, lags in (("p", p), ("o", o), ("q", q)):
        whole(name, lags, "lags", low=0)
    if p + o == 0:
        raise ValueError(f"p is {p} and o is {o}; expected a lag of squared returns in one of them")
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"distribution is {distribution!r}; expected one of {', '.join(DISTRIBUTIONS)}")
    whole("horizon", horizon, "returns ahead", low=1)
    whole("min_samples", min_samples, "returns", low=1)
    if values.size < min_samples:
        raise TooFew(f"there are {values.size} returns; expected at least {min_samples} for a GARCH fit")
    deviation = float(np.std(values))
    if deviation == 0.0:
        raise ValueError("the returns do not move, so there is nothing to fit")
    scale = TARGET_DEVIATION / deviation
    model = _arch().arch_model(
        values * scale, mean="Zero", vol="GARCH", p=p, o=o, q=q, dist=distribution, rescale=False
    )
    fit = model.fit(disp="off", show_warning=False)
    if fit.convergence_flag != 0:
        raise ValueError(f"the GARCH fit of {values.size} returns did not converge; take more returns, or fewer lags")
    index = returns.index if isinstance(returns, pd.Series) else pd.RangeIndex(values.size)
    ahead = fit.forecast(horizon=horizon, reindex=False).variance.to_numpy()[-1] / scale**2
    persistence = _persistence(fit.params)
    far_ahead = float(fit.params["omega"]) / scale**2 / (1.0 - persistence) if persistence < 1.0 else math.inf
    return GarchFit(
        parameters=_in_units(fit, scale),
        variance=pd.Series(fit.conditional_volatility**2 / scale**2, index=index, name="variance"),
        expected=pd.Series(ahead, index=pd.RangeIndex(1, horizon + 1, name="returns_ahead"), name="variance"),
        persistence=persistence,
        long_run_variance=far_ahead,
        log_likelihood=float(fit.loglikelihood) + values.size * float(np.log(scale)),
    )


def _arch() -> Any:
    try:
        return importlib.import_module("arch")
    except ImportError as error:
        raise ImportError(
            "GARCH needs the package arch, which is not installed; pip install 'lmex-workbench[research]'"
        ) from error


def _in_units(fit: Any, scale: float) -> pd.DataFrame:
    table = pd.DataFrame({"value": fit.params, "error": fit.std_err})
    table.loc["omega"] /= scale**2
    return table


def _persistence(parameters: pd.Series) -> float:
    total = 0.0
    for name, value in parameters.items():
        kind = str(name).partition("[")[0]
        total += float(value) * {"alpha": 1.0, "beta": 1.0, "gamma": 0.5}.get(kind, 0.0)
    return total
