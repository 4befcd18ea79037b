"""The realised kernel with Parzen weights, its bandwidth rule, and the size of the noise it is made against."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.checks import number, whole
from workbench.compiled import compiled
from workbench.volatility.arrays import FLOATS, READ_FLOATS, Floats
from workbench.volatility.inputs import Sampling, Segment, observe, total_span_s
from workbench.volatility.power_sums import sum_of_squares
from workbench.volatility.realised import returns_of, squared_moves
from workbench.volatility.units import Variance

__all__ = ["noise_variance", "parzen_bandwidth", "parzen_weights", "realised_kernel"]

PARZEN_CONSTANT = 3.5134
COARSE_INTERVALS = 72
"""How many intervals the coarse grid of the bandwidth rule has; 72 of 20 minutes in a day, as in the paper."""

LEAST_RETURNS = 10


def realised_kernel(
    prices: ArrayLike | pd.Series,
    times: ArrayLike | None = None,
    *,
    bandwidth: int | None = None,
    **sampling: Unpack[Sampling],
) -> Variance:
    """Variance of the price without noise, also where noise depends on itself: weighted autocovariances of returns.

    Parameters
    ----------
    prices : Series or array_like, shape (n,)
        Positive prices.
    times : array_like, shape (n,), optional
        Datetimes, integer nanoseconds or float seconds, not decreasing; taken from the index of a Series without it.
    bandwidth : int, optional
        H, the lags used; by `parzen_bandwidth` without it.
    **sampling
        As in `Sampling`.

    Returns
    -------
    Variance
        Fraction^2 over the time that the returns cover.

    Raises
    ------
    ValueError
        For bad prices or times, a hole in them, fewer than 10 returns, or a bandwidth not below their number.

    Notes
    -----
    K = g_0 + 2 sum_{h=1..H} k(h/(H+1)) g_h with g_h = sum_i r_i r_{i-h} and Parzen's k(x) = 1 - 6 x^2 + 6 x^3 up to
    1/2, 2 (1-x)^3 from there to 1. The first and last price are taken as they are (no averaging at the ends), which
    leaves a bias of about 2 omega^2. No product reaches over a hole.

    References
    ----------
    Barndorff-Nielsen, Hansen, Lunde & Shephard (2009), Realized kernels in practice, Econometrics Journal 12.
    """
    segments = observe(prices, times, **sampling)
    count = returns_of(segments, LEAST_RETURNS)
    lags = _rule(segments) if bandwidth is None else bandwidth
    if not 1 <= lags < count:
        raise ValueError(f"bandwidth is {lags} for {count} returns; expected at least 1 and fewer than the returns")
    weights = parzen_weights(lags)
    squares, cross = 0.0, 0.0
    for segment in segments:
        moves = segment.returns
        squares += float(moves @ moves)
        cross += float(weighted_past(moves, weights) @ moves)
    return Variance(squares + 2.0 * cross, total_span_s(segments), count)


def parzen_weights(bandwidth: int) -> Floats:
    """Parzen's weights k(h/(H+1)) of the lags h = 0 .. H, shape (H + 1,)."""
    whole("bandwidth", bandwidth, "lags", low=1)
    x = np.arange(bandwidth + 1) / (bandwidth + 1)
    return np.where(x <= 0.5, 1.0 - 6.0 * x**2 + 6.0 * x**3, 2.0 * (1.0 - x) ** 3)


def noise_variance(
    prices: ArrayLike | pd.Series, times: ArrayLike | None = None, **sampling: Unpack[Sampling]
) -> float:
    """Variance of the noise on one observed log price, from the fastest returns: RV / (2 n).

    Parameters
    ----------
    prices, times, **sampling
        As in `realised_kernel`.

    Returns
    -------
    float
        omega^2, fraction^2; too high by the variance of the price over half a step, which errs on the safe side.

    References
    ----------
    Bandi & Russell (2008), Microstructure noise, realized variance, and optimal sampling, Rev. Econ. Studies 75.
    """
    segments = observe(prices, times, **sampling)
    return _noise(segments, returns_of(segments, LEAST_RETURNS))


def parzen_bandwidth(returns: int, noise: float, variance: float) -> int:
    """Lags for the realised kernel: 3.5134 xi^(4/5) n^(3/5), rounded up, xi^2 = noise variance / sqrt(quarticity).

    Parameters
    ----------
    returns : int
        n.
    noise : float
        Variance of the noise on one log price, fraction^2.
    variance : float
        Variance over the whole sample, fraction^2; stands for the root of the integrated quarticity, as in the paper.

    Returns
    -------
    int
        H, at least 1.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Barndorff-Nielsen, Hansen, Lunde & Shephard (2009), section 2.2.
    """
    whole("returns", returns, "returns", low=1)
    number("noise", noise, "fraction^2", low=0.0)
    number("variance", variance, "fraction^2", above=0.0)
    return max(1, math.ceil(PARZEN_CONSTANT * math.pow(noise / variance, 0.4) * math.pow(returns, 0.6)))


def _noise(segments: list[Segment], count: int) -> float:
    return squared_moves(segments) / (2.0 * count)


def _rule(segments: list[Segment]) -> int:
    count = returns_of(segments, LEAST_RETURNS)
    lag = max(1, count // COARSE_INTERVALS)
    total, pairs = 0.0, 0
    for segment in segments:
        if segment.prices.size > lag:
            total += sum_of_squares(segment.prices, lag)
            pairs += segment.prices.size - lag
    if total <= 0.0:
        raise ValueError("the price never moved, so there is no bandwidth to choose; pass bandwidth")
    coarse = total / lag * count / pairs
    return min(parzen_bandwidth(count, _noise(segments, count), coarse), count - 1)


BLOCK = 512


@compiled(FLOATS(READ_FLOATS, READ_FLOATS))
def weighted_past(moves: Floats, weights: Floats) -> Floats:
    """For each i the sum over h = 1 .. H of weights[h] moves[i - h].

    Block by block and four lags at a time: the inner loop then adds to places that do not depend on each other, and
    vectorises. Zeros before the first return and after the last weight spare it the ends.
    """
    lags = 4 * ((weights.size + 2) // 4)
    padded, weight = np.zeros(lags + moves.size), np.zeros(lags + 1)
    padded[lags:], weight[: weights.size] = moves, weights
    out = np.zeros(moves.size)
    for start in range(0, moves.size, BLOCK):
        end = min(start + BLOCK, moves.size)
        into = out[start:end]
        for h in range(1, lags, 4):
            one, two = padded[start + lags - h : end + lags - h], padded[start + lags - h - 1 : end + lags - h - 1]
            three, four = (
                padded[start + lags - h - 2 : end + lags - h - 2],
                padded[start + lags - h - 3 : end + lags - h - 3],
            )
            a, b, c, d = weight[h], weight[h + 1], weight[h + 2], weight[h + 3]
            for i in range(into.size):
                into[i] += (a * one[i] + b * two[i]) + (c * three[i] + d * four[i])
    return out
