"""Time series as charts need them: epoch milliseconds as floats, and few enough points to draw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["drawdown", "epoch_ms", "extremes", "min_max"]

Floats = npt.NDArray[np.float64]

_NICE = (1.0, 2.0, 5.0, 10.0)


def epoch_ms(t_ns: npt.ArrayLike) -> Floats:
    """Times that Plotly draws right everywhere: float64 milliseconds since the epoch, for an axis of type 'date'.

    pandas 3 makes microsecond datetimes and a live figure draws nanosecond datetimes as plain numbers, so neither is
    handed to a chart.

    Parameters
    ----------
    t_ns : array_like of int64
        Nanoseconds since the epoch.

    Returns
    -------
    numpy.ndarray of float64
        Same shape, milliseconds.
    """
    return np.asarray(t_ns, dtype=np.int64) / 1e6


def min_max(t_ms: npt.ArrayLike, values: npt.ArrayLike, max_points: int = 1_200) -> tuple[Floats, Floats]:
    """A long series thinned for drawing without losing a spike: the lowest and highest value of each stretch of time.

    Stretches lie on a fixed grid (1, 2 or 5 times a power of ten milliseconds), so a sliding window does not shimmer.
    First and last point are kept as they are.

    Parameters
    ----------
    t_ms : array_like of float64, shape (n,)
        Times, ascending.
    values : array_like of float64, shape (n,)
        NaN is a gap; a stretch without any number stays a gap.
    max_points : int
        Largest number of points to return, at least 6. A series that is no longer than this comes back unchanged.

    Returns
    -------
    t_ms, values : numpy.ndarray of float64, shape (m,)

    Raises
    ------
    ValueError
        If the two differ in length or `max_points` is below 6.
    """
    times = np.ascontiguousarray(t_ms, dtype=np.float64)
    numbers = np.ascontiguousarray(values, dtype=np.float64)
    if times.shape != numbers.shape or times.ndim != 1:
        raise ValueError(f"times have shape {times.shape}, values {numbers.shape}; expected two equally long rows")
    if max_points < 6:
        raise ValueError(f"max_points is {max_points}; expected at least 6")
    if len(times) <= max_points:
        return times, numbers
    starts = _stretches(times, max_points)
    ends = np.append(starts[1:], len(times)) - 1
    low, high = np.fmin.reduceat(numbers, starts), np.fmax.reduceat(numbers, starts)
    rising = ~(numbers[starts] > numbers[ends])
    thin_t = np.empty(2 * len(starts) + 2)
    thin_v = np.empty_like(thin_t)
    thin_t[0], thin_v[0], thin_t[-1], thin_v[-1] = times[0], numbers[0], times[-1], numbers[-1]
    thin_t[1:-1:2], thin_t[2:-1:2] = times[starts], times[ends]
    thin_v[1:-1:2], thin_v[2:-1:2] = np.where(rising, low, high), np.where(rising, high, low)
    return thin_t, thin_v


def extremes(t_ms: npt.ArrayLike, values: npt.ArrayLike, max_points: int = 4_000) -> npt.NDArray[np.intp]:
    """Which of many marks to draw: of each stretch of time the lowest and the highest, and the first and last of all.

    Parameters
    ----------
    t_ms : array_like of float64, shape (n,)
        Times, ascending.
    values : array_like of float64, shape (n,)
        Finite.
    max_points : int
        Largest number of marks, at least 6.

    Returns
    -------
    numpy.ndarray of int, shape (m,)
        Rows, ascending; all of them when there are no more than `max_points`.
    """
    times, numbers = np.asarray(t_ms, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(times) <= max_points:
        return np.arange(len(times))
    starts = _stretches(times, max_points)
    stretch = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(times))))
    order = np.lexsort((numbers, stretch))
    ends = np.append(starts[1:], len(times)) - 1
    return np.unique(np.concatenate([[0, len(times) - 1], order[starts], order[ends]]))


def drawdown(equity: npt.ArrayLike) -> Floats:
    """How far below its highest so far a series is, 0 or negative; it begins at 0.

    Parameters
    ----------
    equity : array_like of float64, shape (n,)
        Change in equity since the start.
    """
    values = np.asarray(equity, dtype=np.float64)
    return np.asarray(values - np.maximum(np.maximum.accumulate(values), 0.0), dtype=np.float64)


def _stretches(times: Floats, max_points: int) -> npt.NDArray[np.intp]:
    """Where each stretch of the fixed grid begins."""
    # Two points a stretch, two for the ends, and a span touches one grid cell more than its length.
    cells = (max_points - 2) // 2
    width = _nice_width((times[-1] - times[0]) / (cells - 1))
    cell = np.floor(times / width)
    return np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])


def _nice_width(width: float) -> float:
    """The next 1, 2, 5 times a power of ten, milliseconds."""
    scale = 10.0 ** np.floor(np.log10(max(width, 1e-3)))
    return float(next(step for step in _NICE if step * scale >= width) * scale)
