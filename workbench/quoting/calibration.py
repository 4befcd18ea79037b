"""Arrival intensity A exp(-k distance) from sweeps and from orders, four ways that agree when it is exponential.

Distances and depths in ticks from the mid, durations in seconds; A per second, k per tick. An event at a depth fills
an order at a smaller distance: a price that is reached, not traded through, leaves the queue in doubt and counts not.
A and k change with the spread and the time of day: fit where and when you quote, and state the range.

References
----------
M. Avellaneda, S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3), 2008, section 3.
P. McCullagh, J. Nelder, "Generalized Linear Models", 1989, chapter 6 (Poisson regression with exposure).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.checks import ascending, number, row
from workbench.quoting.intensity_fit import CalibrationError, IntensityFit, Rings
from workbench.quoting.poisson_regression import covariance_of, maximise

__all__ = ["fit_counts", "fit_depth_bins", "fit_log_rates", "fit_survival", "fit_tail"]

Vector = NDArray[np.float64]

MOST_RINGS = 20
EVENTS_A_RING = 10


def fit_survival(distance: Any, alive_s: Any, filled: Any, *, side: str = "both") -> IntensityFit:
    """A and k from what became of orders: fills against the time that the orders stood at each distance.

    Parameters
    ----------
    distance : array_like, shape (orders,)
        From the mid when the order was placed, ticks, at least 0; several orders a distance.
    alive_s : array_like, shape (orders,)
        Seconds until it was filled, or given up (censored); over 0.
    filled : array_like of bool, shape (orders,)
        Whether it was filled.
    side : str
        Takers who fill these orders: "buy", "sell" or "both".

    Returns
    -------
    IntensityFit
        A per second, k per tick.

    Raises
    ------
    ValueError
        For empty, NaN or negative input, or columns of different length.
    CalibrationError
        If no finite A and k follow.

    Notes
    -----
    A lifetime at intensity lambda is exponential, censored where the order was given up, so a distance contributes
    lambda^fills exp(-lambda seconds): its own estimate is fills / seconds, and all of them together have the likelihood
    of a Poisson regression with the seconds as exposure. Orders are taken as independent; for virtual orders that stood
    in one market at the same time use `fit_counts` with `nested`.
    """
    far = row("distance", distance, "ticks", low=0.0)
    alive = row("alive_s", alive_s, "s", above=0.0)
    hit = np.asarray(filled)
    if not far.size == alive.size == hit.size:
        raise ValueError(
            f"distance, alive_s and filled have {far.size}, {alive.size} and {hit.size} rows; expected one each"
        )
    if hit.dtype != np.bool_:
        raise ValueError(f"filled is of type {hit.dtype}; expected True or False for each order")
    levels, place = np.unique(far, return_inverse=True)
    fills = np.bincount(place, weights=hit, minlength=levels.size).astype(np.float64)
    exposure = np.bincount(place, weights=alive, minlength=levels.size).astype(np.float64)
    return _regression("order survival", levels, fills, exposure, side, nested=False)


def fit_counts(
    distances: Any, fills: Any, exposure_s: Any, *, nested: bool = False, side: str = "both"
) -> IntensityFit:
    """A and k by Poisson regression of fills on distance, each distance weighted as its own exposure deserves.

    Parameters
    ----------
    distances : array_like, shape (n,)
        Ticks, at least 0, ascending; two or more.
    fills : array_like, shape (n,)
        Whole numbers.
    exposure_s : float or array_like, shape (n,)
        Seconds that orders stood there; over 0.
    nested : bool
        Whether the distances were watched in one market at the same time, so that an event that fills the far order
        fills the near ones too. The estimate is the same, its errors and its goodness account for it.
    side : str
        As in `fit_survival`.

    Returns
    -------
    IntensityFit
        A per second, k per tick.

    Raises
    ------
    ValueError
        For empty, single, NaN, negative or unsorted input.
    CalibrationError
        If no finite A and k follow.

    Notes
    -----
    Maximises sum n (ln A - k d) - E A exp(-k d) by Newton's method, which for the canonical log link is iteratively
    re-weighted least squares. Nested counts have covariance C = E[count of the farther one], and the errors are
    the sandwich H^-1 X'CX H^-1.
    """
    levels = ascending("distances", distances, "ticks", low=0.0, least=2)
    counted = row("fills", fills, "events", low=0.0)
    exposure = np.broadcast_to(row("exposure_s", exposure_s, "s", above=0.0), np.shape(levels)).copy()
    if counted.size != levels.size:
        raise ValueError(f"fills has {counted.size} rows for {levels.size} distances; expected one each")
    if np.any(counted != np.floor(counted)):
        raise ValueError("fills holds fractions; expected whole numbers of events")
    return _regression("Poisson regression", levels, counted, exposure, side, nested=nested)


def fit_depth_bins(depths: Any, duration_s: float, edges: Any, *, side: str = "both") -> IntensityFit:
    """A and k by Poisson regression of sweeps that end in each of equal bins of depth.

    Parameters
    ----------
    depths : array_like, shape (sweeps,)
        How far from the mid each sweep reached, ticks; in any order, negative where it stopped short of the mid.
    duration_s : float
        Seconds observed.
    edges : array_like, shape (n + 1,)
        Of the bins, ticks, ascending in equal steps, from 0 up; a bin holds its upper edge. For prices on a grid take
        whole ticks, which makes it exact there too.
    side : str
        Takers whose sweeps these are.

    Returns
    -------
    IntensityFit
        A per second, k per tick.

    Raises
    ------
    ValueError
        For empty, single, NaN or unsorted input, or bins of unequal width.
    CalibrationError
        If no finite A and k follow.

    Notes
    -----
    A bin from d of width h expects T A exp(-k d) [1 - exp(-k h)]: log-linear in d with the slope -k, and disjoint bins
    are independent, so that Poisson weights are right as they are.
    """
    depth, duration = _watched(depths, duration_s)
    bounds = ascending("edges", edges, "ticks", low=0.0, least=2)
    widths = np.diff(bounds)
    if not np.allclose(widths, widths[0], rtol=1e-9):
        raise ValueError(f"edges are {widths.min():g} to {widths.max():g} ticks apart; expected equal steps")
    if bounds.size < 3:
        raise ValueError(f"edges make {bounds.size - 1} bin; expected two or more")
    place = np.searchsorted(bounds, depth, side="left")
    counted = np.bincount(place, minlength=bounds.size + 1)[1:-1].astype(np.float64)
    exposure = np.full(counted.size, duration)
    lower = bounds[:-1]
    base, k, expected = maximise(lower, counted, exposure)
    covariance = covariance_of(lower, expected)
    width = float(widths[0])
    if k > 0.0:
        to_a = np.array([[1.0, -width / math.expm1(k * width)], [0.0, 1.0]])
        base -= math.log(-math.expm1(-k * width))
        covariance = to_a @ covariance @ to_a.T
    rings = Rings(lower, bounds[1:], counted, expected)
    span = (float(bounds[0]), float(bounds[-1]))
    events = int(counted.sum())
    return IntensityFit.judged("Poisson regression", side, base, k, covariance, span, events, duration, rings)


def fit_log_rates(depths: Any, duration_s: float, distances: Any, *, side: str = "both") -> IntensityFit:
    """A and k by a straight line through the logarithm of how often each distance is traded through.

    The picture that everyone draws, with about twice the error of `fit_tail`: each point weighs the same, though far
    points rest on few events, and neighbouring points on the same ones.

    Parameters
    ----------
    depths, duration_s, side
        As in `fit_depth_bins`.
    distances : array_like, shape (n,)
        Where to count, ticks, from 0 up, ascending; three or more.

    Returns
    -------
    IntensityFit
        A per second, k per tick.

    Raises
    ------
    ValueError
        For empty, single, NaN or unsorted input.
    CalibrationError
        If a distance was never traded through, or the line does not fall.

    Notes
    -----
    lambda(d) = count(depth > d) / T, ln lambda = ln A - k d by ordinary least squares. The errors are those that the
    overlap of the counts leaves: cov(ln N_i, ln N_j) = 1 / N of the nearer distance. The chi-square is that of the
    residuals under this covariance, for the line is not the best fit to the rings.
    """
    depth, duration = _watched(depths, duration_s)
    levels = ascending("distances", distances, "ticks", low=0.0, least=2)
    if levels.size < 3:
        raise ValueError(f"distances has {levels.size} values; expected three or more to judge a line by")
    counted = depth.size - np.searchsorted(np.sort(depth), levels, side="right").astype(np.float64)
    if counted[-1] == 0.0:
        reached = float(depth.max())
        raise CalibrationError(f"no sweep passes {levels[-1]:g} ticks, the farthest is {reached:g}; narrow the range")
    design = np.column_stack((np.ones(levels.size), -levels))
    solve = np.linalg.pinv(design)
    log_a, k = (float(found) for found in solve @ np.log(counted / duration))
    overlap = 1.0 / np.maximum.outer(counted, counted)
    expected = duration * np.exp(log_a - k * levels)
    span = (float(levels[0]), float(levels[-1]))
    rings = _nested_rings(levels, counted, expected) if k > 0.0 else Rings(levels, levels, counted, expected)
    covariance = solve @ overlap @ solve.T
    off_line = np.eye(levels.size) - design @ solve
    left = off_line @ np.log(counted)
    chi_square = float(left @ np.linalg.pinv(off_line @ overlap @ off_line.T, hermitian=True) @ left)
    return IntensityFit.judged(
        "log fit",
        side,
        log_a,
        k,
        covariance,
        span,
        int(counted[0]),
        duration,
        rings,
        test=(chi_square, levels.size - 2),
    )


def fit_tail(
    depths: Any, duration_s: float, *, start: float = 0.0, end: float = math.inf, side: str = "both"
) -> IntensityFit:
    """A and k by maximum likelihood from the sweeps that reach beyond a distance: the best of the four where it holds.

    Parameters
    ----------
    depths, duration_s, side
        As in `fit_depth_bins`.
    start, end : float
        Ticks: the sweeps with start < depth <= end are used. A finite end states where the exponential stops.

    Returns
    -------
    IntensityFit
        A per second, k per tick.

    Raises
    ------
    ValueError
        For empty, single or NaN input, or an end that is not beyond the start.
    CalibrationError
        If fewer than two sweeps lie in the range, or they do not get fewer with depth.

    Notes
    -----
    k = 1 / mean(depth - start); with an end at start + h it solves mean = 1/k - h / (exp(k h) - 1).
    A = N / (T [exp(-k start) - exp(-k end)]). var k = 1 / (N [1/k^2 - h^2 e^(kh) / (e^(kh) - 1)^2]), var ln A = 1/N +
    (start - h / (e^(kh) - 1))^2 var k. Judged on rings of equal probability: depths on a
    grid that is coarse against 1/k fail there, and belong in `fit_depth_bins`.
    """
    depth, duration = _watched(depths, duration_s)
    start = number("start", start, "ticks", low=0.0)
    if not end > start:
        raise ValueError(f"end is {end!r}; expected over start, {start:g} ticks")
    beyond = depth[(depth > start) & (depth <= end)] - start
    if beyond.size < 2:
        raise CalibrationError(f"{beyond.size} sweeps lie between {start:g} and {end:g} ticks; expected two or more")
    width = end - start
    k, variance = _truncated_exponential(beyond, width)
    share = -math.expm1(-k * width)
    log_a = math.log(beyond.size / (duration * share)) + k * start
    lever = start if math.isinf(width) else start - width / math.expm1(k * width)
    covariance = np.array([[1.0 / beyond.size + lever**2 * variance, lever * variance], [lever * variance, variance]])
    rings = _equal_rings(beyond, k, share, start, end)
    span = (start, end)
    return IntensityFit.judged("tail likelihood", side, log_a, k, covariance, span, beyond.size, duration, rings)


def _watched(depths: Any, duration_s: float) -> tuple[Vector, float]:
    """Depths of sweeps, and for how long they were watched."""
    return row("depths", depths, "ticks", least=2), number("duration_s", duration_s, "s", above=0.0)


def _truncated_exponential(beyond: Vector, width: float) -> tuple[float, float]:
    """k and its variance, from distances in (0, width]."""
    mean = float(beyond.mean())
    if math.isinf(width):
        return 1.0 / mean, 1.0 / (mean**2 * beyond.size)
    if not mean < width / 2.0:
        raise CalibrationError(
            f"the sweeps reach {mean:.4g} ticks beyond the start on average, half or more of the {width:g} ticks of "
            "the range: they do not get fewer with depth there, look at another range"
        )
    low, high = 0.0, 1.0 / mean
    while high - low > 1e-15 * high:
        k = 0.5 * (low + high)
        if k in (low, high):
            break
        if _truncated_mean(k, width) > mean:
            low = k
        else:
            high = k
    k = 0.5 * (low + high)
    if k * width < 1e-4:
        raise CalibrationError(f"k is {k:.2g} per tick over {width:g} ticks: the sweeps hardly get fewer there")
    information = 1.0 / k**2 - (width / (2.0 * math.sinh(min(k * width / 2.0, 350.0)))) ** 2
    return k, 1.0 / (beyond.size * information)


def _truncated_mean(k: float, width: float) -> float:
    reach = k * width
    if reach < 1e-4:
        return width * (0.5 - reach / 12.0)
    return 1.0 / k - (width / math.expm1(reach) if reach < 700.0 else 0.0)


def _equal_rings(beyond: Vector, k: float, share: float, start: float, end: float) -> Rings:
    """Rings in which the fitted law expects equally many."""
    count = min(MOST_RINGS, max(3, beyond.size // EVENTS_A_RING))
    inner = -np.log1p(-share * np.arange(1, count) / count) / k
    place = np.searchsorted(inner, beyond, side="left")
    observed = np.bincount(place, minlength=count).astype(np.float64)
    bounds = np.concatenate(([start], start + inner, [end]))
    return Rings(bounds[:-1], bounds[1:], observed, np.full(count, beyond.size / count))


def _regression(
    method: str, levels: Vector, counted: Vector, exposure: Vector, side: str, *, nested: bool
) -> IntensityFit:
    """Poisson regression at distances of their own, with the errors and rings that fit how they were watched."""
    log_a, k, expected = maximise(levels, counted, exposure)
    covariance = covariance_of(levels, expected)
    rings = Rings(levels, levels, counted, expected)
    if nested and k > 0.0:
        if not np.allclose(exposure, exposure[0], rtol=1e-6):
            raise ValueError("exposure_s differs between distances; expected one duration for nested counts")
        design = np.column_stack((np.ones(levels.size), -levels))
        overlap = np.minimum.outer(expected, expected)
        covariance = np.asarray(covariance @ design.T @ overlap @ design @ covariance, dtype=np.float64)
        rings = _nested_rings(levels, counted, expected)
    total = float(exposure[0] if nested else exposure.sum())
    span = (float(levels[0]), float(levels[-1]))
    events = int(counted[0] if nested else counted.sum())
    return IntensityFit.judged(method, side, log_a, k, covariance, span, events, total, rings)


def _nested_rings(levels: Vector, counted: Vector, expected: Vector) -> Rings:
    """Disjoint rings from counts beyond each distance; the last is open."""
    return Rings(
        levels.copy(),
        np.append(levels[1:], math.inf),
        counted - np.append(counted[1:], 0.0),
        expected - np.append(expected[1:], 0.0),
    )
