"""Whether the profit is more than luck: the Sharpe ratio with an interval, and deflated by how much was tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["DeflatedSharpe", "SharpeRatio", "deflated_sharpe", "expected_best_sharpe", "sharpe_ratio"]

LEAST_RETURNS = 10
EULER_GAMMA = float(np.euler_gamma)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SharpeRatio:
    """A Sharpe ratio with its bootstrap interval, all per square root of a year (or of whatever was asked for)."""

    ratio: float
    low: float
    high: float
    error: float
    """Standard deviation of the resampled ratios."""
    level: float
    """Probability that the interval is made for."""
    block: float
    """Mean length of the resampled blocks, returns."""
    returns: int
    """How many returns it rests on."""

    def __str__(self) -> str:
        return f"{self.ratio:.3g} ({self.level:.0%}: {self.low:.3g} to {self.high:.3g}, {self.returns} returns)"


def sharpe_ratio(
    returns: ArrayLike | pd.Series,
    rng: np.random.Generator,
    *,
    periods: float = 1.0,
    block: float | None = None,
    resamples: int = 1_000,
    level: float = 0.95,
) -> SharpeRatio:
    """Mean over standard deviation, with an interval that respects that returns come in runs.

    Parameters
    ----------
    returns : Series or array, shape (n,)
        Returns or profits of equal times, oldest first, in excess of what no risk earns.
    rng : numpy.random.Generator
        Draws the resamples.
    periods : float
        Returns a year: the ratio is multiplied by its square root. 1 leaves it per period.
    block : float, optional
        Mean block length of the stationary bootstrap, returns, at least 1; by default the cube root of n. Take it
        longer than the returns remember.
    resamples : int
        At least 100.
    level : float
        Probability of the interval, between 0 and 1.

    Returns
    -------
    SharpeRatio

    Raises
    ------
    ValueError
        For fewer than 10 returns, a return that is not finite, returns that do not vary (or a resample of them that
        does not), or another parameter out of its range.

    Notes
    -----
    ``sqrt(periods) mean / std`` with the unbiased variance. Blocks start anywhere, wrap round the end and have
    geometric lengths; the interval is between the quantiles of the resampled ratios. Scaling by the root of time
    assumes uncorrelated returns; correlated ones are not mended by it.

    References
    ----------
    Politis, Romano, "The stationary bootstrap", J. Am. Stat. Assoc. 89 (1994).
    Lo, "The statistics of Sharpe ratios", Financial Analysts Journal 58 (2002).
    """
    values = _returns(returns)
    mean_block = float(values.size) ** (1.0 / 3.0) if block is None else float(block)
    if not 1.0 <= mean_block < math.inf:
        raise ValueError(f"block is {block}; expected a mean length of at least 1 return")
    if not 0.0 < periods < math.inf:
        raise ValueError(f"periods is {periods}; expected a positive number of returns a year")
    if resamples < 100 or not 0.0 < level < 1.0:
        raise ValueError(f"resamples is {resamples} and level {level}; expected 100 or more, and between 0 and 1")
    scale = math.sqrt(periods)
    drawn = np.empty(resamples)
    for i in range(resamples):
        drawn[i] = _ratio(values[_stationary_rows(values.size, mean_block, rng)])
    if not np.isfinite(drawn).all():
        raise ValueError("a resample of the returns does not vary; expected a longer sample, or longer periods")
    low, high = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return SharpeRatio(
        ratio=scale * _ratio(values),
        low=scale * float(low),
        high=scale * float(high),
        error=scale * float(drawn.std(ddof=1)),
        level=level,
        block=mean_block,
        returns=values.size,
    )


def expected_best_sharpe(trials: int, ratio_variance: float) -> float:
    """The Sharpe ratio that the best of so many worthless strategies is expected to show.

    Parameters
    ----------
    trials : int
        Independent strategies that were tried, at least 1.
    ratio_variance : float
        Variance of their Sharpe ratios, per period (a yearly variance over the periods a year).

    Returns
    -------
    float
        Sharpe ratio per period; 0 for one trial.

    Raises
    ------
    ValueError
        For fewer than one trial, or a variance that is negative or not finite.

    Notes
    -----
    ``sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e)))`` with g = 0.5772, equation 1 of the paper at
    `deflated_sharpe`.
    """
    if trials < 1:
        raise ValueError(f"trials is {trials}; expected at least 1")
    if not 0.0 <= ratio_variance < math.inf:
        raise ValueError(f"ratio_variance is {ratio_variance}; expected 0 or more")
    if trials == 1:
        return 0.0
    # By symmetry, and exact also where 1 - 1/N rounds to 1.
    likely = -NormalDist().inv_cdf(1.0 / trials)
    rare = -NormalDist().inv_cdf(1.0 / (trials * math.e))
    return math.sqrt(ratio_variance) * ((1.0 - EULER_GAMMA) * likely + EULER_GAMMA * rare)


@dataclass(frozen=True, slots=True)
class DeflatedSharpe:
    """How sure it is that a strategy has any worth, given how many were tried."""

    probability: float
    """That the true ratio exceeds what the best of the trials shows by luck."""
    ratio: float
    """Observed, per period."""
    hurdle: float
    """Expected of the best of worthless trials, per period."""

    def __str__(self) -> str:
        return f"{self.probability:.4f} (Sharpe {self.ratio:.4g} a period against a hurdle of {self.hurdle:.4g})"


def deflated_sharpe(
    ratio: float,
    returns: int,
    *,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    trials: int = 1,
    ratio_variance: float = 0.0,
) -> DeflatedSharpe:
    """The probability that a Sharpe ratio is more than the luck of the best of many trials.

    Parameters
    ----------
    ratio : float
        Sharpe ratio per period, not annualised.
    returns : int
        How many returns it rests on, at least 2.
    skewness, kurtosis : float
        Of the returns; kurtosis is 3 for a normal law.
    trials : int
        Independent strategies tried. 1 gives the probabilistic Sharpe ratio against 0.
    ratio_variance : float
        Variance of the trials' Sharpe ratios, per period.

    Returns
    -------
    DeflatedSharpe

    Raises
    ------
    ValueError
        For a ratio, skewness or kurtosis that is not finite, moments that no law has, fewer than two returns, or what
        `expected_best_sharpe` refuses.

    Notes
    -----
    ``Phi((SR - SR0) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1)/4 SR^2))`` with SR0 = `expected_best_sharpe`.

    References
    ----------
    Bailey, Lopez de Prado, "The deflated Sharpe ratio: correcting for selection bias, backtest overfitting and
    non-normality", Journal of Portfolio Management 40 (2014), equations 1 and 2.
    """
    if not (math.isfinite(ratio) and math.isfinite(skewness) and math.isfinite(kurtosis)):
        raise ValueError(f"ratio {ratio}, skewness {skewness}, kurtosis {kurtosis}: expected finite numbers")
    if kurtosis < 1.0 + skewness * skewness:
        raise ValueError(f"kurtosis is {kurtosis} with skewness {skewness}; no law has less than 1 + skewness^2")
    if returns < 2:
        raise ValueError(f"returns is {returns}; expected how many there were, at least 2")
    hurdle = expected_best_sharpe(trials, ratio_variance)
    variance = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio
    if variance <= 0.0:
        raise ValueError(f"the variance of the ratio comes out as {variance:g}; its expansion does not hold here")
    score = (ratio - hurdle) * math.sqrt((returns - 1) / variance)
    return DeflatedSharpe(NormalDist().cdf(score), float(ratio), hurdle)


def _stationary_rows(n: int, mean_block: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of one resample: blocks of geometric length from anywhere, wrapping round the end."""
    fresh = rng.random(n) < 1.0 / mean_block
    fresh[0] = True
    begins = np.flatnonzero(fresh)
    lengths = np.diff(np.append(begins, n))
    starts = rng.integers(0, n, begins.size)
    return np.asarray((np.repeat(starts - begins, lengths) + np.arange(n)) % n, dtype=np.int64)


def _ratio(values: Floats) -> float:
    spread = float(values.std(ddof=1))
    # A constant sample's deviation is rounding, not zero.
    if spread <= 1e-12 * float(np.abs(values).max()):
        return math.nan
    return float(values.mean()) / spread


def _returns(returns: ArrayLike | pd.Series) -> Floats:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1 or values.size < LEAST_RETURNS:
        raise ValueError(f"the returns have shape {values.shape}; expected one row of at least {LEAST_RETURNS}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"return {int(bad[0])} is {values[bad[0]]}; expected finite numbers")
    if math.isnan(_ratio(values)):
        raise ValueError(f"every return is {values[0]:g}; a Sharpe ratio needs returns that vary")
    return values
