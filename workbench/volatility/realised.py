"""Realised variance from prices: every tick or on a clock, sub-sampled, two-scale, and bipower with a test for jumps.

Every function takes prices (a Series with a DatetimeIndex, or an array with `times`) and the keywords of `Sampling`,
and gives a `Variance`: the number, the seconds it is for, the returns it rests on. `workbench.volatility.streams` has
the same estimators event by event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.checks import whole
from workbench.volatility.inputs import NS, Sampling, Segment, TooFew, observe, total_span_s
from workbench.volatility.power_sums import neighbour_sums, sum_of_squares
from workbench.volatility.units import Variance

__all__ = [
    "JumpTest",
    "bipower_variance",
    "jump_test",
    "realised_variance",
    "sample_prices",
    "subsampled_variance",
    "two_scale_variance",
]

LEAST_RETURNS = 2
LEAST_FOR_JUMPS = 20

MU_43 = 2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)
"""E |Z|^(4/3) of a standard normal."""


def sample_prices(
    prices: ArrayLike | pd.Series, times: ArrayLike | None = None, **sampling: Unpack[Sampling]
) -> pd.Series:
    """Prices on a clock: the last one at or before each grid point.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices.
    times : array_like, shape (n,), optional
        Datetimes, integer nanoseconds or float seconds, not decreasing; taken from the index of a Series without it.
    **sampling
        As in `Sampling`; with gaps="break" there are no grid points inside a hole.

    Returns
    -------
    Series, shape (m,)
        Prices by UTC time.
    """
    segments = observe(prices, times, **sampling)
    stamps = [s.t_ns for s in segments if s.t_ns is not None]
    if not stamps:
        raise ValueError("sampling on a clock needs times; give the prices a DatetimeIndex, or pass times")
    index = pd.DatetimeIndex(np.concatenate(stamps).view("M8[ns]"), tz="UTC", name="time")
    return pd.Series(np.concatenate([s.prices for s in segments]), index=index, name="price")


def realised_variance(
    prices: ArrayLike | pd.Series, times: ArrayLike | None = None, **sampling: Unpack[Sampling]
) -> Variance:
    """How much the price moved: the sum of its squared log returns.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices; mids or micro-prices rather than trades, whose bounce counts as movement.
    times : array_like, shape (n,), optional
        Datetimes, integer nanoseconds or float seconds, not decreasing; taken from the index of a Series without it.
    **sampling
        As in `Sampling`: `step_s` for previous-tick sampling on a clock.

    Returns
    -------
    Variance
        Fraction^2 over the time that the returns cover.

    Raises
    ------
    ValueError
        For bad prices or times, a hole in them, or fewer than two returns.

    Notes
    -----
    RV = sum r_i^2. With independent noise of variance omega^2 on the log price it is too high by 2 n omega^2: see
    `signature` for where that stops to matter.

    References
    ----------
    Andersen, Bollerslev, Diebold & Labys (2003), Modeling and forecasting realized volatility, Econometrica 71.
    """
    segments = observe(prices, times, **sampling)
    count = returns_of(segments)
    return Variance(squared_moves(segments), total_span_s(segments), count)


def subsampled_variance(
    prices: ArrayLike | pd.Series, times: ArrayLike | None = None, *, subgrids: int, **sampling: Unpack[Sampling]
) -> Variance:
    """Realised variance at a coarse step without throwing prices away: the mean over all its shifted grids.

    Parameters
    ----------
    prices, times, **sampling
        As in `realised_variance`.
    subgrids : int
        K: each grid takes every K-th observation.

    Returns
    -------
    Variance
        Fraction^2; `span_s` is the mean time that a grid covers, (n - K + 1)/n of the whole on a clock.

    Raises
    ------
    ValueError
        As `realised_variance`, and if there are fewer than 2 K returns.

    Notes
    -----
    RV_avg = (1/K) sum_i (x_i - x_{i-K})^2, x the log price.

    References
    ----------
    Zhang, Mykland & Ait-Sahalia (2005), A tale of two time scales, JASA 100, section 2.3.
    """
    segments = observe(prices, times, **sampling)
    count = check_subgrids(segments, subgrids)
    lagged, _, covered_ns = _lagged(segments, subgrids)
    return Variance(lagged / subgrids, covered_ns / subgrids / NS if covered_ns else None, count)


def two_scale_variance(
    prices: ArrayLike | pd.Series, times: ArrayLike | None = None, *, subgrids: int, **sampling: Unpack[Sampling]
) -> Variance:
    """Variance of the price without the noise of its ticks (TSRV): a slow scale, corrected by what the fast one shows.

    Parameters
    ----------
    prices, times, **sampling
        As in `realised_variance`.
    subgrids : int
        K: the slow scale takes every K-th observation.

    Returns
    -------
    Variance
        Fraction^2 over the whole time; negative when noise swamps too small a sample.

    Raises
    ------
    ValueError
        As `realised_variance`, and if there are fewer than 2 K returns.

    Notes
    -----
    (RV_avg - (nbar/n) RV_all) / (1 - nbar/n), nbar = (n - K + 1)/K: the second factor is the small-sample one.

    References
    ----------
    Zhang, Mykland & Ait-Sahalia (2005), A tale of two time scales, JASA 100, equations 55 and 64.
    """
    segments = observe(prices, times, **sampling)
    count = check_subgrids(segments, subgrids)
    lagged, pairs, _ = _lagged(segments, subgrids)
    value = two_scale(squared_moves(segments), lagged, count, pairs, subgrids)
    return Variance(value, total_span_s(segments), count)


def bipower_variance(
    prices: ArrayLike | pd.Series, times: ArrayLike | None = None, **sampling: Unpack[Sampling]
) -> Variance:
    """Variance of the price without its jumps: products of neighbouring absolute returns.

    Parameters
    ----------
    prices, times, **sampling
        As in `realised_variance`.

    Returns
    -------
    Variance
        Fraction^2 over the time that the returns cover.

    Notes
    -----
    BV = (pi/2) n/(n-1) sum |r_i| |r_{i-1}|. Quotes that do not move make it too low: sample on a clock on which most
    returns are not zero.

    References
    ----------
    Barndorff-Nielsen & Shephard (2004), Power and bipower variation, Journal of Financial Econometrics 2.
    """
    segments = observe(prices, times, **sampling)
    count = returns_of(segments)
    products = sum(float(neighbour_sums(segment.prices, False)[1]) for segment in segments)
    pairs = sum(segment.prices.size - 2 for segment in segments)
    return Variance(bipower(products, count, pairs), total_span_s(segments), count)


@dataclass(frozen=True, slots=True)
class JumpTest:
    """Whether the price jumped: realised against bipower variance."""

    realised: Variance
    bipower: Variance
    z: float
    """Standard normal if there was no jump; large if there was."""

    @property
    def p_value(self) -> float:
        """Chance of so large a z without a jump (one-sided)."""
        return 0.5 * math.erfc(self.z / math.sqrt(2.0))

    @property
    def jump_share(self) -> float:
        """Share of the variance that came in jumps; 0 when bipower is the larger."""
        return max(0.0, 1.0 - self.bipower / self.realised)


def jump_test(prices: ArrayLike | pd.Series, times: ArrayLike | None = None, **sampling: Unpack[Sampling]) -> JumpTest:
    """Test whether the price jumped, by the ratio of bipower to realised variance.

    Parameters
    ----------
    prices, times, **sampling
        As in `realised_variance`; a step of minutes, on which noise is small.

    Returns
    -------
    JumpTest
        With `z`, `p_value` and `jump_share`.

    Raises
    ------
    ValueError
        As `realised_variance`, for fewer than 20 returns, and if too few of them moved.

    Notes
    -----
    z = (1 - BV/RV) / sqrt(((pi/2)^2 + pi - 5)/n max(1, TQ/BV^2)) with the tri-power quarticity
    TQ = n mu^-3 n/(n-2) sum |r_i r_{i-1} r_{i-2}|^(4/3), mu = E |Z|^(4/3).

    References
    ----------
    Huang & Tauchen (2005), The relative contribution of jumps to total price variance, Journal of Financial
    Econometrics 3, equation 14.
    """
    segments = observe(prices, times, **sampling)
    count, span_s = returns_of(segments), total_span_s(segments)
    squares, products, triple = np.sum([neighbour_sums(segment.prices, True) for segment in segments], axis=0).tolist()
    pairs = sum(segment.prices.size - 2 for segment in segments)
    triples = sum(max(0, segment.prices.size - 3) for segment in segments)
    return judged(squares, products, triple, (count, pairs, triples), span_s)


# --- the formulas, of sums that arrays and streams both make ----------------------------------------------------------


def squared_moves(segments: list[Segment]) -> float:
    """Sum of the squared returns."""
    return sum(sum_of_squares(segment.prices, 1) for segment in segments)


def returns_of(segments: list[Segment], least: int = LEAST_RETURNS) -> int:
    """How many returns there are; refuse too few."""
    count = sum(segment.prices.size - 1 for segment in segments)
    if count < least:
        raise TooFew(f"there are {count} returns; expected at least {least}: take more prices or a shorter step")
    return count


def check_subgrids(segments: list[Segment], subgrids: int) -> int:
    """How many returns there are, if they are enough for so many sub-grids."""
    whole("subgrids", subgrids, "grids", low=2)
    return returns_of(segments, 2 * subgrids)


def two_scale(total: float, lagged: float, returns: int, pairs: int, subgrids: int) -> float:
    """TSRV from the sum of squares, that of K-step returns, and how many there are of either."""
    share = pairs / subgrids / returns
    return (lagged / subgrids - share * total) / (1.0 - share)


def bipower(products: float, returns: int, pairs: int) -> float:
    """Bipower variance from the sum of products of neighbours."""
    return math.pi / 2.0 * products * returns / pairs


def judged(
    total: float, products: float, triple: float, counts: tuple[int, int, int], span_s: float | None
) -> JumpTest:
    """The jump test from its sums; `counts` are those of returns, pairs and triples."""
    returns, pairs, triples = counts
    if returns < LEAST_FOR_JUMPS or triples < 1:
        raise TooFew(f"there are {returns} returns; expected at least {LEAST_FOR_JUMPS} for a jump test")
    if products <= 0.0:
        raise ValueError("no two neighbouring returns moved, so nothing can be said of jumps; take a longer step")
    smooth = bipower(products, returns, pairs)
    quarticity = returns * MU_43**-3 * returns / triples * triple
    spread = math.sqrt(((math.pi / 2.0) ** 2 + math.pi - 5.0) / returns * max(1.0, quarticity / smooth**2))
    return JumpTest(
        Variance(total, span_s, returns), Variance(smooth, span_s, returns), (1.0 - smooth / total) / spread
    )


def _lagged(segments: list[Segment], lag: int) -> tuple[float, int, int]:
    """Sum of squares of the `lag`-step returns, how many, and the nanoseconds they cover together."""
    total, pairs, covered_ns = 0.0, 0, 0
    for segment in segments:
        if segment.prices.size <= lag:
            continue
        total += sum_of_squares(segment.prices, lag)
        pairs += segment.prices.size - lag
        if segment.t_ns is not None:
            # Telescoped: the sum of t_i - t_{i-lag} over a segment.
            origin = segment.t_ns[0]
            covered_ns += int(np.sum(segment.t_ns[-lag:] - origin)) - int(np.sum(segment.t_ns[:lag] - origin))
    return total, pairs, covered_ns
