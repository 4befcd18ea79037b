"""What goes into an estimator: prices with their times, checked once, sampled on a clock, cut where data is missing.

Nothing is repaired on the quiet. A price that is no positive number is refused; a hole in time is refused too, unless
`gaps="break"` asks to leave out the return over it together with the time it took.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workbench.checks import whole
from workbench.compiled import compiled, types
from workbench.volatility.arrays import (
    FLOATS,
    READ_FLOATS,
    READ_INTS,
    Floats,
    Ints,
    first_decrease,
    first_not_positive,
    log_ratios,
    longest_step,
)

__all__ = [
    "DEFAULT_MAX_GAP_S",
    "NS",
    "Holes",
    "Sampling",
    "Segment",
    "TooFew",
    "check_positive",
    "nanoseconds",
    "observe",
    "read_prices",
    "read_returns",
    "read_sampling",
    "read_times",
    "total_span_s",
]

NS = 1_000_000_000
DEFAULT_MAX_GAP_S = 300.0
MOST_GRID_POINTS = 200_000_000


class TooFew(ValueError):
    """There is too little data for the estimator; nothing is wrong with what there is."""


class Holes(TypedDict, total=False):
    """What is done where data is missing, and where a clock has its points.

    Keys
    ----
    origin_ns : int
        A grid point, nanoseconds since the epoch; the grid is origin + k x step. 0 aligns it with the UTC day.
    max_gap_s : float
        A longer time without a price is a hole in the data, seconds; 300, or two steps where that is more.
    gaps : {"refuse", "break"}
        Refuse data with a hole (the default), or leave out the return over it and the time it took.
    """

    origin_ns: int
    max_gap_s: float
    gaps: Literal["refuse", "break"]


class Sampling(Holes, total=False):
    """How prices are turned into returns; every estimator that takes prices takes these, and those of `Holes`.

    Keys
    ----
    step_s : float, optional
        Previous-tick sampling on a clock of this step, seconds: the price at a grid point is the last one at or before
        it. None (the default) takes every price as an observation.
    """

    step_s: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Observations without a hole between them; at least two."""

    prices: Floats
    t_ns: Ints | None

    @property
    def returns(self) -> Floats:
        """Log returns, shape (n - 1,); made at each call."""
        return log_ratios(self.prices[1:], self.prices[:-1])


def observe(prices: ArrayLike | pd.Series, times: ArrayLike | None = None, **sampling: Any) -> list[Segment]:
    """Check prices and times, sample them as `Sampling` says and cut them at the holes.

    Raises
    ------
    ValueError
        For input that is empty, unsorted, of unequal length, not positive and finite, without times where a clock is
        asked for, with a hole that is not to be broken at, or with fewer than two observations.
    TypeError
        For a keyword that `Sampling` does not have.
    """
    step_s, origin_ns, max_gap_s, gaps = read_sampling(**sampling)
    values, t_ns = read_prices(prices, times)
    if t_ns is None:
        if step_s is not None:
            raise ValueError("sampling on a clock needs times; give the prices a DatetimeIndex, or pass times")
        segments = [Segment(values, None)] if values.size > 1 else []
    else:
        cuts = _cuts(t_ns, max_gap_s, gaps)
        if step_s is None:
            segments = [Segment(values[a:b], t_ns[a:b]) for a, b in pairwise(cuts) if b > a + 1]
        else:
            segments = _on_clock(values, t_ns, cuts, nanoseconds(step_s), origin_ns)
    if not segments:
        sampled = "" if step_s is None else f" on a clock of {step_s:g} s"
        raise TooFew(f"{values.size} prices give no return{sampled}; expected at least 2 observations")
    return segments


def total_span_s(segments: list[Segment]) -> float | None:
    """Seconds that the segments cover together; None without times."""
    spans = [int(s.t_ns[-1] - s.t_ns[0]) for s in segments if s.t_ns is not None]
    return sum(spans) / NS if spans else None


def nanoseconds(seconds: float, name: str = "step_s") -> int:
    """A duration as whole nanoseconds.

    Raises
    ------
    ValueError
        If it is not a positive finite number of at least one nanosecond.
    """
    if not math.isfinite(seconds) or seconds < 1e-9:
        raise ValueError(f"{name} is {seconds!r}; expected a positive finite number of seconds")
    return round(seconds * NS)


def read_sampling(
    step_s: float | None = None,
    origin_ns: int = 0,
    max_gap_s: float | None = None,
    gaps: Literal["refuse", "break"] = "refuse",
) -> tuple[float | None, int, int, str]:
    """Check the keywords of `Sampling`: the step in seconds, the origin and the longest gap in ns, what gaps do."""
    if gaps not in ("refuse", "break"):
        raise ValueError(f"gaps is {gaps!r}; expected 'refuse' or 'break'")
    if step_s is not None:
        nanoseconds(step_s)
    if max_gap_s is None:
        max_gap_s = max(DEFAULT_MAX_GAP_S, 2.0 * (step_s or 0.0))
    whole("origin_ns", origin_ns, "ns", low=-(2**63))
    return step_s, int(origin_ns), nanoseconds(max_gap_s, "max_gap_s"), gaps


# --- reading --------------------------------------------------------------------------------------------------------


def read_prices(prices: ArrayLike | pd.Series, times: ArrayLike | None = None) -> tuple[Floats, Ints | None]:
    """Positive prices, and their times in nanoseconds when there are any."""
    if times is None and isinstance(prices, pd.Series):
        t_ns = index_ns(prices.index)
    else:
        t_ns = None if times is None else read_times(times)
    values = np.ascontiguousarray(prices, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise TooFew(f"prices have shape {values.shape}; expected one row of at least 2 prices")
    check_positive(values, "price")
    if t_ns is not None:
        if t_ns.shape != values.shape:
            raise ValueError(f"there are {t_ns.size} times for {values.size} prices; expected one each")
        bad = first_decrease(t_ns)
        if bad >= 0:
            raise ValueError(f"time {bad} lies {t_ns[bad - 1] - t_ns[bad]} ns before the one ahead of it; sort by time")
    return values, t_ns


def read_times(times: ArrayLike) -> Ints:
    """Times as int64 nanoseconds: datetimes of any resolution, whole nanoseconds, or float seconds."""
    dtype = getattr(times, "dtype", None)
    # Times with a zone must not become an array first: that would be one of Python objects.
    raw = times if isinstance(dtype, pd.DatetimeTZDtype) else np.asarray(times)
    if not isinstance(raw, np.ndarray) or raw.dtype.kind == "M" or raw.dtype == object:
        index = pd.DatetimeIndex(raw)  # type: ignore[arg-type]
        if index.hasnans:
            raise ValueError("the times hold NaT; drop the rows without a time")
        return np.ascontiguousarray(index.as_unit("ns").asi8, dtype=np.int64)
    if raw.dtype.kind in "iu":
        return np.ascontiguousarray(raw, dtype=np.int64)
    if raw.dtype.kind == "f":
        if not np.isfinite(raw).all():
            raise ValueError(f"time {int(np.argmin(np.isfinite(raw)))} is not finite; drop the rows without a time")
        return np.asarray(np.rint(raw * NS), dtype=np.int64)
    raise ValueError(f"times are of type {raw.dtype}; expected datetimes, integer nanoseconds or float seconds")


def index_ns(index: pd.Index) -> Ints | None:
    """Times of an index in nanoseconds; None for a plain counter.

    Raises
    ------
    ValueError
        For numbers whose unit its name does not tell.
    """
    if isinstance(index, pd.DatetimeIndex):
        return read_times(index)
    name = "" if index.name is None else str(index.name)
    if (name.endswith("_ns") and index.dtype.kind in "iu") or (name.endswith("_s") and index.dtype.kind == "f"):
        return read_times(index)
    # pandas turns evenly spaced integers into a range, so only one without a name is a counter.
    if isinstance(index, pd.RangeIndex) and not name:
        return None
    raise ValueError(
        f"the index {name!r} of type {index.dtype} has no known unit of time; use a DatetimeIndex, name integer "
        "nanoseconds '..._ns' or float seconds '..._s', or reset the index if there are no times"
    )


def read_returns(returns: ArrayLike | pd.Series) -> Floats:
    """Log returns, finite, at least 2."""
    values = np.ascontiguousarray(returns, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise TooFew(f"returns have shape {values.shape}; expected one row of at least 2")
    finite = np.isfinite(values)
    if not finite.all():
        bad = int(np.argmin(finite))
        raise ValueError(f"return {bad} is {values[bad]}; drop or repair it, or cut the series there")
    return values


def check_positive(values: Floats, name: str) -> None:
    """Refuse what is not a positive finite number, and say where it stands."""
    bad = first_not_positive(values)
    if bad >= 0:
        raise ValueError(f"{name} {bad} is {values[bad]}; expected positive finite numbers: drop or repair that row")


# --- holes and the clock --------------------------------------------------------------------------------------------


def _cuts(t_ns: Ints, max_gap_ns: int, gaps: str) -> list[int]:
    """Where the segments begin, and the end."""
    if longest_step(t_ns) <= max_gap_ns:
        return [0, t_ns.size]
    holes = np.flatnonzero(np.diff(t_ns) > max_gap_ns)
    if gaps == "refuse":
        first = int(holes[0])
        raise ValueError(
            f"no price for {(t_ns[first + 1] - t_ns[first]) / NS:g} s after price {first} "
            f"({holes.size} holes above {max_gap_ns / NS:g} s in all); pass gaps='break' to leave them out, "
            "or a larger max_gap_s if the market was that quiet"
        )
    return [0, *(int(hole) + 1 for hole in holes), t_ns.size]


def _on_clock(values: Floats, t_ns: Ints, cuts: list[int], step: int, origin: int) -> list[Segment]:
    segments = []
    for a, b in pairwise(cuts):
        first = -((origin - int(t_ns[a])) // step) * step + origin
        points = (int(t_ns[b - 1]) - first) // step + 1
        if points > MOST_GRID_POINTS:
            raise ValueError(f"a step of {step / NS:g} s makes {points:,} grid points; take a longer one")
        if points > 1:
            grid = first + step * np.arange(points, dtype=np.int64)
            segments.append(Segment(previous_tick(t_ns[a:b], values[a:b], first, step, points), grid))
    return segments


@compiled(FLOATS(READ_INTS, READ_FLOATS, types.int64, types.int64, types.int64))
def previous_tick(t_ns: Ints, values: Floats, first: int, step: int, points: int) -> Floats:
    """The last value at or before each grid point first, first + step, ...; the first point is not before t_ns[0]."""
    out = np.empty(points)
    at = 0
    for i in range(points):
        wanted = first + i * step
        while at + 1 < t_ns.size and t_ns[at + 1] <= wanted:
            at += 1
        out[i] = values[at]
    return out
